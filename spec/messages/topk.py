"""Top-k: ranks, two comparisons of each, and the greatest logit kept by its rank."""

from cryptomoe_spec.messages.bits import keep_if
from cryptomoe_spec.messages.comparison import at_least
from cryptomoe_spec.messages.ranking import ranks
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import Wire


def topk(wire: Wire, rows: Size, size: Size, top_k: Size, bound: Size) -> None:
    """Rows of `size` logits, |x| <= bound, of which 1 <= top_k are wanted."""
    with wire.scope("topk"):
        ranks(wire, rows, size, bound)
        at_least(wire, rows * size, 2, top_k, size - 1)
        keep_if(wire, rows * size)
