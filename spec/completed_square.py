"""The shape that every scalar function here has: one completed square per segment.

On segment i the function is sigma_i (K_i u + C_i)^2 / 2^s + D_i, rounded down before D_i is added.
Any quadratic can be written so, and then a secret argument costs a choice among public constants,
which is cheap, and a single squaring. With P = 1 modulo 4 a sign sigma = -1 costs no second
squaring either, as -1 is itself a square.
"""

from dataclasses import dataclass

import numpy as np
from cryptomoe_spec.arrays import IntArray


@dataclass(frozen=True)
class Segment:
    """Constants in force from index `first` on, until the next segment's `first`."""

    first: int
    sigma: int
    slope: int
    constant: int
    offset: int


def completed_square(
    u: IntArray, index: IntArray, segments: tuple[Segment, ...], shift: int
) -> IntArray:
    """sigma (slope u + constant)^2 >> shift, plus offset, by the segment that `index` lies in."""
    # INPUTS u, index: secret, of one shape, index >= 0; segments, shift: public.
    # FUNCTION
    starts = np.array([segment.first for segment in segments])
    which = np.searchsorted(starts, index, side="right") - 1
    sigma, slope, constant, offset = (
        np.array([getattr(segment, name) for segment in segments], np.int64)[which]
        for name in ("sigma", "slope", "constant", "offset")
    )
    return (sigma * (slope * u + constant) ** 2 >> shift) + offset
    # LEAKAGE nothing.
    # COST constant rounds; one choice among the segments, one square and one truncation an entry.
