"""Batch MatMul: every expert's slots times that expert's own matrix."""

from cryptomoe_spec.arithmetic import linear
from cryptomoe_spec.arrays import IntArray
from cryptomoe_spec.fixed_point import WEIGHT_BITS
from cryptomoe_spec.truncate import truncate


def batch_matmul(x: IntArray, weight: IntArray) -> IntArray:
    """(n, t, d1) by (n, d1, d2), expert by expert, 13 fraction bits in and out."""
    # INPUTS x: (n, t, d1); weight: (n, d1, d2), the server's, 15 fraction bits.
    # FUNCTION
    return truncate(linear(x, weight), WEIGHT_BITS)
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to n t (d1 + d2).
