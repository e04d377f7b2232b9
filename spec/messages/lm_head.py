"""The language-model head. Its truncation is exact in every mode."""

from cryptomoe_spec.fixed_point import WEIGHT_BITS
from cryptomoe_spec.messages.products import linear
from cryptomoe_spec.messages.rmsnorm import rmsnorm
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part


@part
def lm_head(wire: Wire, hidden: Size, vocabulary: Size) -> None:
    """(d,) to (V,)."""
    with wire.scope("lm_head"):
        rmsnorm(wire, 1, hidden)
        linear(wire, 1, 1, hidden, vocabulary)
        truncate(wire, vocabulary, WEIGHT_BITS, exact=True)
