"""Batch MatMul: every expert's slots times that expert's own matrix.

Specification: `cryptomoe_spec.batch_matmul`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, Weight
from cryptomoe.fixed_point import WEIGHT_BITS


def batch_matmul(abb: ArithmeticBlackBox, x: Secret, weight: Weight) -> Secret:
    """(n, t, d1) by the server's (n, d1, d2), expert by expert, 13 fraction bits in and out."""
    with abb.scope("batch_matmul"):
        return abb.truncate(abb.linear(x, weight), WEIGHT_BITS)
