"""The gate: how much of each expert's output a token takes; 0 for an expert it does not use.

Specification: `cryptomoe_spec.gate`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits, Weight
from cryptomoe.fixed_point import EXP_BITS, SCORE_BOUND, WEIGHT_BITS
from cryptomoe.protocols.softmax import softmax_below
from cryptomoe.protocols.topk import topk


def gate(
    abb: ArithmeticBlackBox, x: Secret, weight: Weight, top_k: int, real: SecretBits | None
) -> Secret:
    """Scores (m, n), 20 fraction bits: the expert's probability where the token uses it, else 0.

    `x` (m, d) has 13 fraction bits, `weight` (1, d, n) 15. `real` (m,) is 0 for padding, which uses
    no expert (None: there is no padding). Logits are below SCORE_BOUND.
    """
    m, d = x.shape
    with abb.scope("gate"):
        projected = abb.truncate(abb.linear(abb.reshape(x, (1, m, d)), weight), WEIGHT_BITS)
        logits = abb.declare(abb.reshape(projected, (m, -1)), SCORE_BOUND - 1)
        chosen, greatest = topk(abb, logits, top_k)
        below = abb.subtract(abb.reshape(greatest, (m, 1)), logits)
        probabilities = softmax_below(abb, below, EXP_BITS)
        if real is not None:
            chosen = abb.logical_and(chosen, abb.reshape(real, (m, 1)))
        return abb.keep_if(chosen, probabilities)
