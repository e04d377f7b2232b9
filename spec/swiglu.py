"""SwiGLU: the gated activation between an expert's projections."""

from cryptomoe_spec.arrays import IntArray, require_below
from cryptomoe_spec.fixed_point import FRACTION_BITS
from cryptomoe_spec.silu import silu
from cryptomoe_spec.truncate import truncate

OPERAND_BOUND = 1 << 21
"""Both operands are below 2^8 in size, so that their product stays below VALUE_LIMIT."""


def swiglu(gate: IntArray, up: IntArray) -> IntArray:
    """silu(gate) * up entry by entry, 13 fraction bits in and out."""
    # INPUTS gate, up: of one shape, both below 2^21.
    require_below(gate, OPERAND_BOUND, "swiglu, gate")
    require_below(up, OPERAND_BOUND, "swiglu, up")
    # FUNCTION
    return truncate(silu(gate) * up, FRACTION_BITS)
    # LEAKAGE nothing.
    # COST constant rounds; a SiLU, a product and a truncation an entry.
