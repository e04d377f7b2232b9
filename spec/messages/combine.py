"""Combine: scores onto the assignment, then one product with the outputs."""

from cryptomoe_spec.fixed_point import EXP_BITS
from cryptomoe_spec.messages.bits import keep_if
from cryptomoe_spec.messages.products import matmul
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part


@part
def combine(wire: Wire, tokens: Size, experts: Size, slots: Size, hidden: Size) -> None:
    """(n, t, d) to (m, d)."""
    with wire.scope("combine"):
        keep_if(wire, experts * slots * tokens)
        matmul(wire, 1, tokens, experts * slots, hidden)
        truncate(wire, tokens * hidden, EXP_BITS)
