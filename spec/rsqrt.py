"""Reciprocal square root of a sum of squares: normalise by a secret power of four, twelve segments.

The result stays in two parts, so that the caller decides where the bits go. The relative error is
below 2^-12.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_between
from cryptomoe_spec.completed_square import Segment, completed_square

SEGMENTS = (
    Segment(first=0, sigma=1, slope=136, constant=-485533, offset=51475),
    Segment(first=1, sigma=1, slope=106, constant=-557052, offset=46623),
    Segment(first=2, sigma=1, slope=86, constant=-597960, offset=42901),
    Segment(first=3, sigma=1, slope=71, constant=-623465, offset=39744),
    Segment(first=4, sigma=1, slope=61, constant=-636825, offset=37414),
    Segment(first=5, sigma=1, slope=53, constant=-644916, offset=35372),
    Segment(first=6, sigma=1, slope=47, constant=-648905, offset=33717),
    Segment(first=7, sigma=1, slope=42, constant=-650625, offset=32236),
    Segment(first=8, sigma=1, slope=38, constant=-650708, offset=30971),
    Segment(first=9, sigma=1, slope=34, constant=-649331, offset=29624),
    Segment(first=10, sigma=1, slope=32, constant=-648132, offset=28910),
    Segment(first=11, sigma=1, slope=28, constant=-644120, offset=27401),
)
SHIFT = 24


def rsqrt(s: IntArray) -> tuple[IntArray, IntArray]:
    """(r, e) with 2^16 / sqrt(s) = r 2^-k and e = 2^(20-k), k = floor(log4 s)."""
    # INPUTS s: 1 <= s < 2^42.
    require_between(s, 1, (1 << 42) - 1, "rsqrt")
    # FUNCTION
    k = np.asarray(np.sum([s >= 4**j for j in range(1, 21)], axis=0, dtype=np.int64))
    mantissa = s << 2 * (20 - k) >> 28
    u = mantissa - (1 << 12)
    r = completed_square(u, u >> 10, SEGMENTS, SHIFT)
    e = np.left_shift(1, 20 - k)
    # LEAKAGE nothing.
    # COST constant rounds; twenty comparisons, a square and a product an entry.
    return r, e
