"""Ranking a row by comparing all its pairs at once."""

from cryptomoe_spec.messages.bits import to_arithmetic
from cryptomoe_spec.messages.comparison import less
from cryptomoe_spec.messages.sizes import Size, ceil_div
from cryptomoe_spec.messages.wire import Wire


def ranks(wire: Wire, rows: Size, size: Size, bound: Size) -> None:
    """Rows of `size` entries, |x| <= bound. A single entry has nothing to be compared with."""
    if wire.holds(size <= 1, size > 1):
        return
    pairs = rows * ceil_div(size * (size - 1), 2)
    less(wire, pairs, bound, bound)
    to_arithmetic(wire, pairs)
