"""Batch MatMul: every expert's slots times that expert's own matrix."""

from cryptomoe_spec.fixed_point import WEIGHT_BITS
from cryptomoe_spec.messages.products import linear
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part


@part
def batch_matmul(wire: Wire, experts: Size, slots: Size, d1: Size, d2: Size) -> None:
    """(n, t, d1) by (n, d1, d2)."""
    with wire.scope("batch_matmul"):
        linear(wire, experts, slots, d1, d2)
        truncate(wire, experts * slots * d2, WEIGHT_BITS)
