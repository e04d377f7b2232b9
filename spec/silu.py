"""SiLU: x / (1 + e^-x) = max(x, 0) - g(|x|), with g(u) = u / (1 + e^u) in five segments.

The argument is first multiplied by 15: then g is cut off, at |x| = 128/15 = 8.53, exactly where an
index reaches a power of two. |silu(x) - SiLU(x)| < 2^-9 for every input.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_below
from cryptomoe_spec.completed_square import Segment, completed_square
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND

SEGMENTS = (
    Segment(first=0, sigma=-1, slope=33, constant=-16811, offset=2157),
    Segment(first=3, sigma=-1, slope=24, constant=-14947, offset=2287),
    Segment(first=6, sigma=-1, slope=9, constant=2115, offset=2831),
    Segment(first=10, sigma=1, slope=9, constant=-24025, offset=236),
    Segment(first=19, sigma=1, slope=4, constant=-15371, offset=18),
)
SHIFT = 17


def silu(x: IntArray) -> IntArray:
    """x * sigmoid(x), 13 fraction bits in and out."""
    # INPUTS x: |x| < 2^23.
    require_below(x, ACTIVATION_BOUND, "silu")
    # FUNCTION
    u = 15 * x >> 8
    u = np.where(x < 0, ~u, u)
    index = u >> 7
    tail = completed_square(u, index, SEGMENTS, SHIFT)
    return np.maximum(x, 0) - np.where(index < 32, tail, 0)
    # LEAKAGE nothing.
    # COST constant rounds; some comparisons, choices and one square an entry.
