"""RMSNorm: every row divided by its root mean square. The gamma belongs to the next matrix.

The squares of a row must fit the field together. A public shift h, a function of the row's length
alone, brings a row whose root mean square is below RMS_BOUND (by a little, for its rounding) below
that limit; only the sum of squares is made from the shifted row, so the result keeps all its bits.
Where the root mean square is 2^(h-4) or more, the error is below 2^-9 of the row's greatest entry:
2^-10 is what the shift's rounding can cost, 2^-12 what `rsqrt` can.
"""

from fractions import Fraction
from math import isqrt

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_below
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND, FRACTION_BITS, RMS_BOUND
from cryptomoe_spec.rsqrt import rsqrt
from cryptomoe_spec.truncate import truncate


def shift_for(width: int) -> int:
    """h: the least h >= 0 with RMS_BOUND sqrt(width) <= 2^(8 + h)."""
    # INPUTS width: public, at most 2^16.
    if not 1 <= width <= 1 << 16:
        raise RangeError(f"rmsnorm: a row of {width} entries is outside [1, 65536]")
    # FUNCTION
    h = 0
    while RMS_BOUND**2 * width > 4 ** (8 + h):
        h += 1
    # LEAKAGE nothing.
    # COST none: public.
    return h


def rmsnorm(x: IntArray, epsilon: float) -> IntArray:
    """x / sqrt(mean of x^2 + epsilon) along the last axis, 13 fraction bits in and out."""
    # INPUTS x: (..., d), |x| < 2^23, root mean square of a row up to 63.9; epsilon: public.
    require_below(x, ACTIVATION_BOUND, "rmsnorm")
    d = x.shape[-1]
    h = shift_for(d)
    # FUNCTION
    shifted = truncate(x + (1 << (h - 1)), h) if h else x
    floor = max(1, round(Fraction(epsilon) * d * 4 ** (FRACTION_BITS - h)))
    r, e = rsqrt(np.sum(shifted * shifted, axis=-1, keepdims=True) + floor)
    # round(2^10 sqrt(d)), and the inverse with 20 fraction bits.
    root_of_d = (isqrt(4 * 4**10 * d) + 1) // 2
    inverse = truncate(r * root_of_d + (1 << (12 + h)), 13 + h) * e
    return truncate(x * inverse + (1 << 19), 20)
    # LEAKAGE nothing.
    # COST constant rounds; two products and two truncations an entry, an rsqrt a row.
