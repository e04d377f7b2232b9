"""Comparisons: a lift to a small ring, then digits of 4 bits, joined in a tree.

A comparison is as wide as the public bounds of its operands require.
"""

from cryptomoe_spec.messages.sizes import Size, capped, ceil_div, packed
from cryptomoe_spec.messages.transfers import choose, correlate_one_way
from cryptomoe_spec.messages.wire import CLIENT, Wire

DIGIT_BITS = 4
OUTCOME_BITS = 2
OPENED_BITS = 3
"""What each party opens for a join of two outcomes."""


def compare(wire: Wire, count: Size, bits: int) -> None:
    """[x_0 < x_1] and [x_0 = x_1] for the parties' own integers of `bits` bits.

    Both prepare a random product for each join; the server chooses from a table for each digit.
    """
    if count == 0:
        return
    whole, rest = divmod(bits, DIGIT_BITS)
    digits = whole + (1 if rest else 0)
    joins = count * (digits - 1)
    tables = packed(count * whole, OUTCOME_BITS << DIGIT_BITS)
    if rest:
        tables += packed(count, OUTCOME_BITS << rest)
    with wire.scope("compare"):
        choose(wire, 0, bits * count, random=joins)
        wire.send(CLIENT, "outcomes", tables)
        while digits > 1:
            opened = packed(count * (digits // 2), OPENED_BITS)
            wire.exchange("join", opened, opened)
            digits = ceil_div(digits, 2)


def lift(wire: Wire, count: Size, bits: int) -> None:
    """From the field to the integers modulo 2^bits: the wrap around the modulus is taken off."""
    with wire.scope("wrap"):
        correlate_one_way(wire, CLIENT, count, bits)


def at_least(wire: Wire, count: Size, number: Size, greatest: Size, bound: Size) -> None:
    """[x >= c] for |x| <= bound and `number` thresholds c, |c| <= greatest. One lift for all."""
    bits = wire.bit_length(bound + greatest) + 1
    with wire.scope("at_least"):
        lift(wire, count, bits)
        compare(wire, number * count, bits - 1)


def negative(wire: Wire, count: Size, bound: Size) -> None:
    """[x < 0] for |x| <= bound."""
    bits = wire.bit_length(bound) + 1
    with wire.scope("negative"):
        lift(wire, count, bits)
        compare(wire, count, bits - 1)


def less(wire: Wire, count: Size, x_bound: Size, y_bound: Size) -> None:
    """[x < y] for |x| <= x_bound and |y| <= y_bound."""
    negative(wire, count, capped(x_bound + y_bound))


def equal(wire: Wire, count: Size, x_bound: Size, y_bound: Size) -> None:
    """[x = y] for |x| <= x_bound and |y| <= y_bound."""
    bits = wire.bit_length(capped(x_bound + y_bound)) + 1
    with wire.scope("equal"):
        lift(wire, count, bits)
        compare(wire, count, bits)
