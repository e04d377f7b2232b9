"""Leaving the black box. Entering it sends nothing: the owner's share is the value itself."""

from cryptomoe_spec.messages.sizes import FIELD_BITS, Size, packed
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Wire


def reveal(wire: Wire, count: Size, to: int | None) -> None:
    """The other's shares to one party, or to both (None)."""
    size = packed(count, FIELD_BITS)
    wire.exchange("reveal", 0 if to == CLIENT else size, 0 if to == SERVER else size)
