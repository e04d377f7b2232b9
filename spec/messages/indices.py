"""Secret indices: one-hot rows, tables, and tournaments of fours."""

from cryptomoe_spec.messages.bits import keep_if, logical_and
from cryptomoe_spec.messages.comparison import compare, less, lift
from cryptomoe_spec.messages.sizes import FIELD_BITS, Size, ceil_div
from cryptomoe_spec.messages.transfers import correlate_one_way, one_of_many
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Wire

INDEX_BITS = 8
DIGIT_BITS = 4
FIXED_LEVELS = 4
"""Levels of a tournament that are always played, enough for 256 entries."""


def one_hot(wire: Wire, count: Size, size: Size) -> None:
    """[index = j] for j below `size`: a transfer for each of two digits, then their products."""
    with wire.scope("one_hot"):
        lift(wire, count, INDEX_BITS)
        compare(wire, count, DIGIT_BITS)
        with wire.scope("carry"):
            correlate_one_way(wire, CLIENT, count, DIGIT_BITS)
        one_of_many(wire, SERVER, 2 * count, DIGIT_BITS, 1 << DIGIT_BITS)
        logical_and(wire, count * size)


def lookup(wire: Wire, count: Size, tables: Size, size: Size) -> None:
    """Public tables of `size` field elements, a power of two, at `count` secret indices."""
    bits = wire.bit_length(size) - 1
    with wire.scope("lookup"):
        lift(wire, count, bits)
        one_of_many(wire, SERVER, count * tables, bits, FIELD_BITS)


def maximum(wire: Wire, rows: Size, size: Size, bound: int) -> None:
    """The greatest of `size` entries in each row, |x| <= bound."""
    _tournament(wire, rows, size, bound, 1)


def argmax(wire: Wire, rows: Size, size: Size, bound: int) -> None:
    """The index of the greatest: a second field that every choice takes along."""
    wide = wire.holds(size - 1 > bound, size - 1 <= bound)
    _tournament(wire, rows, size, wire.number(size - 1) if wide else bound, 2)


def _tournament(wire: Wire, rows: Size, size: Size, bound: int, fields: int) -> None:
    """Entries in groups of four, six games a group; missing ones are below all others."""
    levels = FIXED_LEVELS
    while wire.holds(size > 4**levels, size <= 4**levels):
        levels += 1
    # What fills a group is one below the bound, so from there on the bound is one more.
    wider = bound + 1
    if (2 * wider).bit_length() == (2 * bound).bit_length():
        bound = wider
    for _ in range(levels):
        groups = ceil_div(size, 4)
        if bound != wider and wire.holds(4 * groups > size, 4 * groups <= size):
            bound = wider
        less(wire, rows * groups * 6, bound, bound)
        logical_and(wire, rows * groups * 4)
        logical_and(wire, rows * groups * 4)
        keep_if(wire, fields * rows * groups * 4)
        size = groups
