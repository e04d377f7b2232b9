"""Dispatch: the assignment as numbers, then one product with the rows."""

from cryptomoe_spec.messages.bits import to_arithmetic
from cryptomoe_spec.messages.products import matmul
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import Wire, part


@part
def dispatch(wire: Wire, tokens: Size, experts: Size, slots: Size, hidden: Size) -> None:
    """(m, d) to (n, t, d)."""
    with wire.scope("dispatch"):
        to_arithmetic(wire, experts * slots * tokens)
        matmul(wire, 1, experts * slots, tokens, hidden)
