"""RMSNorm: every row divided by its root mean square; the gamma belongs to the next matrix.

Specification: `cryptomoe_spec.rmsnorm`. A public shift h keeps the sum of squares inside the field.
Where a row is small its inverse is large: the bounds of the two say little about their product,
which cannot exceed the width's root in size, and which is therefore declared.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import isqrt

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret
from cryptomoe.errors import UsageError
from cryptomoe.fixed_point import FRACTION_BITS, RMS_BOUND

_SQUARE_SUM_LIMIT = 1 << 42
_SHIFTED_BOUND = (1 << 21) - 1
"""An entry whose square is below the limit of the sum."""


def shift_for(width: int) -> int:
    """h: the least h >= 0 with RMS_BOUND sqrt(width) <= 2^(8 + h), for rows of up to 2^16."""
    if not 1 <= width <= 1 << 16:
        raise UsageError(f"a norm of {width} entries is outside [1, 65536]")
    h = 0
    while RMS_BOUND**2 * width > 4 ** (8 + h):
        h += 1
    return h


def rmsnorm(abb: ArithmeticBlackBox, x: Secret, epsilon: float) -> Secret:
    """x / sqrt(mean of x^2 + epsilon) for each row of (rows, d), 13 fraction bits in and out."""
    return rmsnorms(abb, [x], epsilon)[0]


def rmsnorms(abb: ArithmeticBlackBox, xs: Sequence[Secret], epsilon: float) -> list[Secret]:
    """`rmsnorm` of several arrays, of any widths, in the rounds of one.

    A row that needs a smaller shift than the greatest, H, is multiplied by 2^(H - h) beforehand.
    """
    shapes = [x.shape for x in xs]
    shifts = [shift_for(width) for _, width in shapes]
    greatest = max(shifts)
    with abb.scope("rmsnorm"):
        raised = [abb.scale_public(x, 1 << (greatest - h)) for x, h in zip(xs, shifts, strict=True)]
        shifted = _rounded(abb, _flat(abb, raised), greatest)
        squares = abb.square(abb.declare(shifted, _SHIFTED_BOUND))
        sums = [abb.sum(square, 1) for square in _parts(abb, squares, shapes)]
        inverse = _row_inverses(abb, sums, [width for _, width in shapes], epsilon)
        by_row = _parts(abb, inverse, [(rows, 1) for rows, _ in shapes])
        factors = [abb.broadcast(part, x.shape) for part, x in zip(by_row, xs, strict=True)]
        product = abb.multiply(_flat(abb, xs), _flat(abb, factors))
        # Rounding in the shifted row can make its sum of squares too small by a factor of 9.
        widest = max(width for _, width in shapes)
        product = abb.declare(product, 3 * (isqrt(widest) + 1) << 33)
        return _parts(abb, _rounded(abb, product, 20), shapes)


def _row_inverses(
    abb: ArithmeticBlackBox, sums: Sequence[Secret], widths: Sequence[int], epsilon: float
) -> Secret:
    """1 / root mean square of every row, one after another, 20 fraction bits."""
    raised, factors = [], []
    greatest = max(shift_for(width) for width in widths)
    for total, width in zip(sums, widths, strict=True):
        h = shift_for(width)
        floor = max(1, round(Fraction(epsilon) * width * 4 ** (FRACTION_BITS - h)))
        raised.append(abb.add_public(total, floor))
        root = (isqrt(4 * 4**10 * width) + 1) // 2  # 2^10 sqrt(width) to the nearest integer
        factors.append(np.full(total.shape, root << (greatest - h)))
    r, e = abb.rsqrt(abb.declare(_flat(abb, raised), _SQUARE_SUM_LIMIT - 1))
    r, e = abb.declare(r, 1 << 16), abb.declare(e, 1 << 20)
    scaled = abb.scale_public(r, np.concatenate(factors))
    return abb.multiply(_rounded(abb, scaled, 13 + greatest), e)


def _rounded(abb: ArithmeticBlackBox, x: Secret, bits: int) -> Secret:
    """x / 2^bits to the nearest integer."""
    return abb.truncate(abb.add_public(x, 1 << (bits - 1)), bits) if bits else x


def _flat(abb: ArithmeticBlackBox, xs: Sequence[Secret]) -> Secret:
    return abb.concatenate([abb.reshape(x, (-1,)) for x in xs], 0)


def _parts(
    abb: ArithmeticBlackBox, flat: Secret, shapes: Sequence[tuple[int, ...]]
) -> list[Secret]:
    parts, start = [], 0
    for shape in shapes:
        stop = start + int(np.prod(shape))
        parts.append(abb.reshape(abb.take(flat, np.arange(start, stop), 0), shape))
        start = stop
    return parts
