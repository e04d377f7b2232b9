"""Rotary position embedding: public angles, so nothing is sent but the truncation."""

from cryptomoe_spec.fixed_point import ROPE_BITS
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire


def rotary(wire: Wire, rows: Size, heads: Size, head_dim: Size) -> None:
    """(rows, heads, head_dim)."""
    with wire.scope("rotary"):
        truncate(wire, rows * heads * head_dim, ROPE_BITS)
