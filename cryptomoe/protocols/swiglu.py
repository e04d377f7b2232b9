"""SwiGLU: the gated activation between an expert's projections.

Specification: `cryptomoe_spec.swiglu`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret
from cryptomoe.fixed_point import FRACTION_BITS

OPERAND_BOUND = 1 << 21
"""Both operands are below 2^8 in size, so that their product stays below p/4."""


def swiglu(abb: ArithmeticBlackBox, gate: Secret, up: Secret) -> Secret:
    """silu(gate) * up entry by entry, 13 fraction bits in and out."""
    with abb.scope("swiglu"):
        gate, up = (abb.declare(x, OPERAND_BOUND - 1) for x in (gate, up))
        activated = abb.declare(abb.silu(gate), OPERAND_BOUND - 1)
        return abb.truncate(abb.multiply(activated, up), FRACTION_BITS)
