"""The scalar functions: one square on the segment that comparisons choose.

Segments, signs and shifts are the constants of the specification's functions. Every truncation here
is exact in every mode.
"""

from dataclasses import dataclass
from itertools import pairwise

from cryptomoe_spec import exp as exponential
from cryptomoe_spec import reciprocal as inverse
from cryptomoe_spec import rsqrt as inverse_root
from cryptomoe_spec import sigmoid as logistic
from cryptomoe_spec import silu as gated
from cryptomoe_spec.completed_square import Segment
from cryptomoe_spec.messages.bits import keep_if, select, to_arithmetic
from cryptomoe_spec.messages.comparison import at_least, negative
from cryptomoe_spec.messages.indices import lookup
from cryptomoe_spec.messages.products import multiply, square
from cryptomoe_spec.messages.sizes import Size, capped
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire


@dataclass(frozen=True)
class Squares:
    """Thresholds at which segments begin, how often the sign changes, and the shift."""

    thresholds: tuple[int, ...]
    sign_changes: int
    shift: int


def _squares(
    segments: tuple[Segment, ...], unit: int, shift: int, tail: int | None = None
) -> Squares:
    """Segments in units of `unit`; `tail` is where a constant takes over from the last one."""
    starts = [segment.first for segment in segments[1:]] + ([] if tail is None else [tail])
    changes = sum(one.sigma != other.sigma for one, other in pairwise(segments))
    return Squares(tuple(start * unit for start in starts), changes, shift)


_TAIL = 32
_SILU = _squares(gated.SEGMENTS, 128, gated.SHIFT, _TAIL)
_SIGMOID = _squares(logistic.SEGMENTS, 128, logistic.SHIFT, _TAIL)
_EXP = _squares(exponential.SEGMENTS, 512, exponential.SHIFT)
_RECIPROCAL = _squares(inverse.SEGMENTS, 512, inverse.SHIFT)
_RSQRT = _squares(inverse_root.SEGMENTS, 1024, inverse_root.SHIFT)


def _completed_square(wire: Wire, count: Size, bound: Size, squares: Squares) -> None:
    """The function's value at 0 <= u <= bound."""
    steps = len(squares.thresholds)
    at_least(wire, count, steps, squares.thresholds[-1], bound)
    keep_if(wire, steps * count)
    square(wire, count)
    for _ in range(squares.sign_changes):
        keep_if(wire, count)
    to_arithmetic(wire, steps * count)
    truncate(wire, count, squares.shift, exact=True)


def _folded(wire: Wire, count: Size, bound: Size) -> Size:
    """|15 x| / 2^8 for |x| <= bound; its bound."""
    truncate(wire, count, 8, exact=True)
    negative(wire, count, bound)
    keep_if(wire, count)
    return capped(15 * bound) // 2**8 + 1


def silu(wire: Wire, count: Size, bound: Size) -> None:
    """x * sigmoid(x) for |x| <= bound."""
    folded = _folded(wire, count, bound)
    keep_if(wire, count)
    _completed_square(wire, count, folded, _SILU)


def sigmoid(wire: Wire, count: Size, bound: Size) -> None:
    """1 / (1 + e^-x) for |x| <= bound."""
    folded = _folded(wire, count, bound)
    _completed_square(wire, count, folded, _SIGMOID)
    keep_if(wire, count)


def exp(wire: Wire, count: Size, bound: Size) -> None:
    """2^-v for 0 <= v <= bound: the fraction by squares, the integer part from a table."""
    truncate(wire, count, 13, exact=True)
    truncate(wire, count, 3, exact=True)
    _completed_square(wire, count, (1 << 10) - 1, _EXP)
    at_least(wire, count, 1, 21 << 13, bound)
    select(wire, count)
    lookup(wire, count, 1, 32)
    multiply(wire, count)
    truncate(wire, count, 16, exact=True)


def reciprocal(wire: Wire, count: Size, bound: Size) -> None:
    """1 / s for 0 < s <= bound, 20 fraction bits: normalised to [1, 2) by nine comparisons."""
    _normalised(wire, count, bound, 9, 1 << 28, 16)
    _completed_square(wire, count, (1 << 12) - 1, _RECIPROCAL)
    multiply(wire, count)
    truncate(wire, count, 8, exact=True)


def rsqrt(wire: Wire, count: Size, bound: Size) -> None:
    """1 / sqrt(s) for 0 < s <= bound: normalised to [1, 4) by twenty comparisons."""
    _normalised(wire, count, bound, 20, 4**20, 28)
    _completed_square(wire, count, 3 * (1 << 12) - 1, _RSQRT)


def _normalised(
    wire: Wire, count: Size, bound: Size, number: int, greatest: int, bits: int
) -> None:
    """Times the power that `number` thresholds up to `greatest` tell, and less `bits` bits."""
    at_least(wire, count, number, greatest, bound)
    to_arithmetic(wire, number * count)
    multiply(wire, count)
    truncate(wire, count, bits, exact=True)
