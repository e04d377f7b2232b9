"""The language-model head: logits of the next token. Its truncation is exact in every mode.

Specification: `cryptomoe_spec.lm_head`.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, Weight
from cryptomoe.fixed_point import ACTIVATION_BOUND, WEIGHT_BITS
from cryptomoe.protocols.rmsnorm import rmsnorm


def lm_head(abb: ArithmeticBlackBox, x: Secret, weight: Weight, epsilon: float) -> Secret:
    """(V,), 13 fraction bits: the logits after the row `x` (d,); `weight` is the server's."""
    _, d, vocabulary = weight.shape
    with abb.scope("lm_head"):
        normalised = rmsnorm(abb, abb.reshape(x, (1, d)), epsilon)
        product = abb.linear(abb.reshape(normalised, (1, 1, d)), weight)
        logits = abb.truncate(product, WEIGHT_BITS, exact=True)
        return abb.declare(abb.reshape(logits, (vocabulary,)), ACTIVATION_BOUND - 1)
