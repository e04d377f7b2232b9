"""Balanced selection: each expert's ranking of the tokens, and one-hot slots."""

from cryptomoe_spec.fixed_point import EXP_BITS
from cryptomoe_spec.messages.indices import one_hot
from cryptomoe_spec.messages.ranking import ranks
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import Wire, part

SCORE_LIMIT = (1 << (EXP_BITS + 1)) - 1
"""What a softmax promises of its probabilities."""


@part
def balanced_selection(wire: Wire, tokens: Size, experts: Size, slots: Size) -> None:
    """(m, n) scores to (n, t, m) bits, whatever the scores are."""
    with wire.scope("balanced_selection"):
        ranks(wire, experts, tokens, SCORE_LIMIT)
        one_hot(wire, experts * tokens, slots)
