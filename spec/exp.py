"""Exponential: 2^-v, with 20 fraction bits, since a softmax adds up many small terms.

v = i + fraction: the fraction's power comes from two segments, the integer part shifts it. From
i = 21 on the result is 0.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_between
from cryptomoe_spec.completed_square import Segment, completed_square

SEGMENTS = (
    Segment(first=0, sigma=1, slope=29, constant=-49751, offset=27751),
    Segment(first=1, sigma=1, slope=24, constant=-54584, offset=19016),
)
SHIFT = 16
INPUT_LIMIT = 1 << 26


def exp(v: IntArray) -> IntArray:
    """2^-v: 13 fraction bits in, 20 out."""
    # INPUTS v: 0 <= v < 2^26.
    require_between(v, 0, INPUT_LIMIT - 1, "exp")
    # FUNCTION
    i = v >> 13
    u = (v & 8191) >> 3
    mantissa = completed_square(u, u >> 9, SEGMENTS, SHIFT)
    power = np.where(i <= 20, 1 << np.maximum(20 - i, 0), 0)
    return (mantissa * power + (1 << 15)) >> 16
    # LEAKAGE nothing.
    # COST constant rounds; two comparisons, a table look-up, a square and a product an entry.
