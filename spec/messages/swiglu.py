"""SwiGLU: a SiLU and a product an entry."""

from cryptomoe_spec.fixed_point import FRACTION_BITS
from cryptomoe_spec.messages.products import multiply
from cryptomoe_spec.messages.scalar import silu
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part
from cryptomoe_spec.swiglu import OPERAND_BOUND


@part
def swiglu(wire: Wire, count: Size) -> None:
    """silu(gate) * up for `count` entries."""
    with wire.scope("swiglu"):
        silu(wire, count, OPERAND_BOUND - 1)
        multiply(wire, count)
        truncate(wire, count, FRACTION_BITS)
