"""Secret bits: their conjunction, their way into the field, and choosing by them."""

from cryptomoe_spec.messages.sizes import FIELD_BITS, Size
from cryptomoe_spec.messages.transfers import correlate, correlate_one_way
from cryptomoe_spec.messages.wire import CLIENT, Wire


def bit_to_field(wire: Wire, count: Size) -> None:
    """Shares modulo 2 to shares modulo P."""
    with wire.scope("bit"):
        correlate_one_way(wire, CLIENT, count, FIELD_BITS)


def logical_and(wire: Wire, count: Size) -> None:
    """a and b."""
    with wire.scope("and"):
        correlate(wire, count, 1)


def to_arithmetic(wire: Wire, count: Size) -> None:
    """The bit as the integer 0 or 1."""
    with wire.scope("to_arithmetic"):
        bit_to_field(wire, count)


def keep_if(wire: Wire, count: Size) -> None:
    """x where the bit is 1, else 0."""
    with wire.scope("keep_if"):
        correlate(wire, count, FIELD_BITS)


def select(wire: Wire, count: Size) -> None:
    """x where the bit is 1, else y."""
    keep_if(wire, count)
