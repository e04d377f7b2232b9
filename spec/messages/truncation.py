"""Truncation: exactly, by a lift and a comparison of the low bits, or approximately, by a lift."""

from cryptomoe_spec.messages.bits import bit_to_field
from cryptomoe_spec.messages.comparison import compare, lift
from cryptomoe_spec.messages.sizes import FIELD_BITS, Size
from cryptomoe_spec.messages.wire import Wire


def truncate(wire: Wire, count: Size, bits: Size, *, exact: bool | None = None) -> None:
    """Division by 2^bits; `exact` None takes the mode of the session."""
    if wire.setting.exact if exact is None else exact:
        width = wire.number(bits)
        with wire.scope("truncate"):
            lift(wire, count, width)
            compare(wire, count, width)
            bit_to_field(wire, count)
    else:
        with wire.scope("truncate_approximately"):
            lift(wire, count, FIELD_BITS)
