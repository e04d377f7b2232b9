"""Constants of the scalar functions, and the one step they share on any black box.

On segment i a function is sigma_i (K_i u + C_i)^2 / 2^s + D_i, rounded down before D_i is added.
The coefficients are chosen by muxes over public constants, and one square is taken, whatever the
number of segments. The specification states the same constants; a test compares the two.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret


@dataclass(frozen=True)
class Segment:
    """In force from u = `first` * unit on: sign, slope K, constant C and offset D."""

    first: int
    sigma: int
    slope: int
    constant: int
    offset: int


@dataclass(frozen=True)
class CompletedSquares:
    """Segments in units of `unit`, the shift s, and the greatest value of u that occurs."""

    segments: tuple[Segment, ...]
    unit: int
    shift: int
    greatest: int

    def largest_root(self) -> int:
        """The greatest |K u + C| on any segment within its own range of u."""
        ends = [segment.first * self.unit for segment in self.segments[1:]]
        largest = 0
        for segment, end in zip(self.segments, [*ends, self.greatest + 1], strict=True):
            for u in (segment.first * self.unit, end - 1):
                largest = max(largest, abs(segment.slope * u + segment.constant))
        return largest


def _table(rows: tuple[tuple[int, int, int, int, int], ...]) -> tuple[Segment, ...]:
    return tuple(Segment(*row) for row in rows)


_LARGEST_SCALED_INPUT = 15 << 15
"""15 x / 2^8 for the largest |x| = 2^23."""

SILU = CompletedSquares(
    _table(
        (
            (0, -1, 33, -16811, 2157),
            (3, -1, 24, -14947, 2287),
            (6, -1, 9, 2115, 2831),
            (10, 1, 9, -24025, 236),
            (19, 1, 4, -15371, 18),
            (32, 1, 0, 0, 0),
        )
    ),
    unit=128,
    shift=17,
    greatest=_LARGEST_SCALED_INPUT,
)
"""max(x, 0) - silu(x); the last segment is the tail, where it is 0."""

SIGMOID = CompletedSquares(
    _table(
        (
            (0, -1, 5, -14263, 6210),
            (2, -1, 7, -11138, 3738),
            (5, -1, 7, -10949, 3667),
            (7, -1, 6, -10541, 3816),
            (9, -1, 5, -9793, 3913),
            (11, -1, 4, -8824, 3991),
            (15, -1, 2, -5860, 4075),
            (19, -1, 1, -3724, 4095),
            (32, -1, 0, 0, 4096),
        )
    ),
    unit=128,
    shift=15,
    greatest=_LARGEST_SCALED_INPUT,
)
"""sigmoid(|x|) - 1/2; the last segment is the tail, where it is 1/2."""

MANTISSA = CompletedSquares(
    _table(((0, 1, 29, -49751, 27751), (1, 1, 24, -54584, 19016))),
    unit=512,
    shift=16,
    greatest=1023,
)
"""2^-u for a fraction u of 10 bits, 16 bits out."""

RECIPROCAL = CompletedSquares(
    _table(
        (
            (0, 1, 117, -284598, 46214),
            (1, 1, 99, -316835, 41358),
            (2, 1, 85, -338326, 37368),
            (3, 1, 74, -352350, 34075),
            (4, 1, 66, -360568, 31575),
            (5, 1, 59, -366090, 29302),
            (6, 1, 53, -369294, 27283),
            (7, 1, 47, -370827, 25185),
        )
    ),
    unit=512,
    shift=22,
    greatest=4095,
)
"""1 / (1 + u) for u of 12 bits, 16 bits out."""

RSQRT = CompletedSquares(
    _table(
        (
            (0, 1, 136, -485533, 51475),
            (1, 1, 106, -557052, 46623),
            (2, 1, 86, -597960, 42901),
            (3, 1, 71, -623465, 39744),
            (4, 1, 61, -636825, 37414),
            (5, 1, 53, -644916, 35372),
            (6, 1, 47, -648905, 33717),
            (7, 1, 42, -650625, 32236),
            (8, 1, 38, -650708, 30971),
            (9, 1, 34, -649331, 29624),
            (10, 1, 32, -648132, 28910),
            (11, 1, 28, -644120, 27401),
        )
    ),
    unit=1024,
    shift=24,
    greatest=3 * 4096 - 1,
)
"""1 / sqrt(1 + u) for u of 12 fraction bits in [0, 3), 16 bits out."""


def completed_square(abb: ArithmeticBlackBox, u: Secret, squares: CompletedSquares) -> Secret:
    """The function of `squares` at a secret u >= 0: of the shape of u."""
    segments = squares.segments
    steps = list(pairwise(segments))
    ones = (1,) * len(u.shape)

    def column(differences: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.array(differences, np.int64).reshape(-1, *ones)

    above = abb.at_least(u, [segment.first * squares.unit for segment in segments[1:]])
    slopes = column([after.slope - before.slope for before, after in steps])
    constants = column([after.constant - before.constant for before, after in steps])
    repeated = abb.broadcast(abb.reshape(u, (1, *u.shape)), (len(steps), *u.shape))
    change = abb.add_public(abb.scale_public(repeated, slopes), constants)
    root = abb.add(
        abb.add_public(abb.scale_public(u, segments[0].slope), segments[0].constant),
        abb.sum(abb.keep_if(above, change), 0),
    )
    square = abb.square(abb.declare(root, squares.largest_root()))
    signed = abb.scale_public(square, segments[0].sigma)
    for index, (before, after) in enumerate(steps):
        if after.sigma != before.sigma:
            bit = abb.reshape(abb.take(above, np.array([index]), 0), u.shape)
            correction = abb.scale_public(square, after.sigma - before.sigma)
            signed = abb.add(signed, abb.keep_if(bit, correction))
    signed = abb.declare(signed, square.bound)
    offsets = column([after.offset - before.offset for before, after in steps])
    offset = abb.sum(abb.scale_public(abb.to_arithmetic(above), offsets), 0)
    shifted = abb.truncate(signed, squares.shift, exact=True)
    return abb.add_public(abb.add(shifted, offset), segments[0].offset)
