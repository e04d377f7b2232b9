"""Arithmetic in F_p, p = 35181687734273 (45 bits), on whole numpy arrays.

p = 1 mod 2^29, so F_p has the roots of unity that batching in a ring of degree 8192 needs, and
p = 1 mod 4, so it has a square root of -1. Elements are uint64 in [0, p); the signed integer an
element stands for is the one in (-p/2, p/2).
"""

import numpy as np
from numpy.typing import NDArray

P = 35181687734273
P_BITS = 45
VALUE_LIMIT = P // 4
"""Values x obey |x| < VALUE_LIMIT wherever a comparison or a truncation follows."""

FieldArray = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_P_UNSIGNED = np.uint64(P)
_LIMB_BITS = np.uint64(23)
_LIMB_MASK = np.uint64((1 << 23) - 1)
_EXACT_TERMS = 64
"""64 products of two 23-bit limbs stay below 2^53, so a float64 sum of them is exact."""


def to_field(values: IntArray) -> FieldArray:
    """Signed integers to their residues."""
    return np.mod(values, P).astype(np.uint64)


def to_signed(residues: FieldArray) -> IntArray:
    """Residues in [0, p) to the integers in (-p/2, p/2)."""
    signed = residues.astype(np.int64)
    return signed - np.where(signed > P // 2, np.int64(P), np.int64(0))


def add(x: FieldArray, y: FieldArray) -> FieldArray:
    """x + y, broadcasting."""
    unreduced = x + y
    result: FieldArray = np.minimum(unreduced, unreduced - _P_UNSIGNED)
    return result


def negate(x: FieldArray) -> FieldArray:
    """-x."""
    return np.where(x == 0, x, _P_UNSIGNED - x)


def subtract(x: FieldArray, y: FieldArray) -> FieldArray:
    """x - y, broadcasting."""
    difference = x - y
    result: FieldArray = np.minimum(difference, difference + _P_UNSIGNED)
    return result


def multiply(x: FieldArray, y: FieldArray) -> FieldArray:
    """x * y entry by entry, broadcasting.

    The quotient by p is estimated in double precision, off by at most one, and the remainder is
    exact modulo 2^64.
    """
    quotient = (x.astype(np.float64) * y.astype(np.float64) / P).astype(np.uint64)
    remainder = (x * y - quotient * _P_UNSIGNED).view(np.int64)
    remainder = np.where(remainder < 0, remainder + P, remainder)
    return np.where(remainder >= P, remainder - P, remainder).astype(np.uint64)


def scale(x: FieldArray, c: int) -> FieldArray:
    """x * c for one public integer c."""
    return multiply(x, np.full((1,) * x.ndim, c % P, np.uint64))


def total(x: FieldArray, axis: int) -> FieldArray:
    """Sum along one axis, which disappears; at most 2^18 terms are summed before reducing."""
    if x.shape[axis] >> 18:
        halves = np.array_split(x, 2, axis=axis)
        return add(total(halves[0], axis), total(halves[1], axis))
    result: FieldArray = x.sum(axis=axis, dtype=np.uint64) % _P_UNSIGNED
    return result


def matmul(x: FieldArray, y: FieldArray) -> FieldArray:
    """(batch, a, b) by (batch, b, c), or without batch, exactly, through float64 products of limbs.

    Every operand is cut into limbs of 23 bits, so blocks of 64 terms have exact float64 sums.
    """
    x_limbs = ((x & _LIMB_MASK).astype(np.float64), (x >> _LIMB_BITS).astype(np.float64))
    y_limbs = ((y & _LIMB_MASK).astype(np.float64), (y >> _LIMB_BITS).astype(np.float64))
    inner = x.shape[-1]
    shape = (*np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2], y.shape[-1])
    partial = [np.zeros(shape, np.uint64) for _ in range(3)]
    for start in range(0, inner, _EXACT_TERMS):
        block = slice(start, start + _EXACT_TERMS)
        for i in range(2):
            for j in range(2):
                product = x_limbs[i][..., block] @ y_limbs[j][..., block, :]
                reduced = product.astype(np.uint64) % _P_UNSIGNED
                partial[i + j] = add(partial[i + j], reduced)
    low, middle, high = partial
    return add(low, add(scale(middle, 1 << 23), scale(high, 1 << 46)))
