"""The gate: logits, their choice, their probabilities."""

from cryptomoe_spec.fixed_point import EXP_BITS, SCORE_BOUND, WEIGHT_BITS
from cryptomoe_spec.messages.bits import keep_if, logical_and
from cryptomoe_spec.messages.products import linear
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.softmax import softmax_below
from cryptomoe_spec.messages.topk import topk
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part


@part
def gate(wire: Wire, tokens: Size, hidden: Size, experts: Size, top_k: Size, padded: Size) -> None:
    """(m, d) to (m, n); `padded`, 1 or 0: whether some rows may be padding, which is masked."""
    size = tokens * experts
    with wire.scope("gate"):
        linear(wire, 1, tokens, hidden, experts)
        truncate(wire, size, WEIGHT_BITS)
        topk(wire, tokens, experts, top_k, SCORE_BOUND - 1)
        softmax_below(wire, tokens, experts, EXP_BITS)
        if wire.holds(padded > 0, padded <= 0):
            logical_and(wire, size)
        keep_if(wire, size)
