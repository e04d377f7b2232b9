"""Reciprocal of a sum of exponentials: normalise by a secret power of two, then eight segments.

The error is below 1/2 + 2^-12 of the result.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_between
from cryptomoe_spec.completed_square import Segment, completed_square

SEGMENTS = (
    Segment(first=0, sigma=1, slope=117, constant=-284598, offset=46214),
    Segment(first=1, sigma=1, slope=99, constant=-316835, offset=41358),
    Segment(first=2, sigma=1, slope=85, constant=-338326, offset=37368),
    Segment(first=3, sigma=1, slope=74, constant=-352350, offset=34075),
    Segment(first=4, sigma=1, slope=66, constant=-360568, offset=31575),
    Segment(first=5, sigma=1, slope=59, constant=-366090, offset=29302),
    Segment(first=6, sigma=1, slope=53, constant=-369294, offset=27283),
    Segment(first=7, sigma=1, slope=47, constant=-370827, offset=25185),
)
SHIFT = 22


def reciprocal(s: IntArray) -> IntArray:
    """1 / s: 20 fraction bits in, 16 out, so 2^36 / s on integers."""
    # INPUTS s: 2^19 <= s < 2^29.
    require_between(s, 1 << 19, (1 << 29) - 1, "reciprocal")
    # FUNCTION
    k = np.asarray(np.sum([s >= 1 << (19 + j) for j in range(1, 10)], axis=0, dtype=np.int64))
    mantissa = s << (9 - k) >> 16
    u = mantissa - (1 << 12)
    r = completed_square(u, u >> 9, SEGMENTS, SHIFT)
    return ((r << (9 - k)) + (1 << 7)) >> 8
    # LEAKAGE nothing.
    # COST constant rounds; nine comparisons, a square and two products an entry.
