"""The gate: how much of each expert's output a token takes; 0 for an expert it does not use.

Experts are chosen by their logits, which softmax does not reorder; the probabilities are those of a
softmax over all experts and are not renormalised.
"""

import numpy as np
from cryptomoe_spec.arithmetic import linear
from cryptomoe_spec.arrays import BitArray, IntArray, require_below
from cryptomoe_spec.fixed_point import EXP_BITS, SCORE_BOUND, WEIGHT_BITS
from cryptomoe_spec.softmax import softmax_below
from cryptomoe_spec.topk import topk
from cryptomoe_spec.truncate import truncate


def gate(x: IntArray, weight: IntArray, top_k: int, real: BitArray | None) -> IntArray:
    """Scores (m, n), 20 fraction bits: the expert's probability where the token uses it, else 0."""
    # INPUTS x: (m, d) normalised rows, 13 fraction bits; weight: (d, n), the server's, 15 bits;
    # top_k: public; real: (m,), 0 for padding, which uses no expert (None: there is no padding).
    # FUNCTION
    logits = truncate(linear(x[np.newaxis], weight[np.newaxis])[0], WEIGHT_BITS)
    require_below(logits, SCORE_BOUND, "gate, logits")
    chosen, greatest = topk(logits, top_k)
    probabilities = softmax_below(greatest[:, np.newaxis] - logits, EXP_BITS)
    if real is not None:
        chosen = chosen & real[:, np.newaxis]
    return np.where(chosen, probabilities, 0)
    # LEAKAGE nothing: not which experts a token uses, nor how many tokens an expert gets.
    # COST constant rounds; per token n (n - 1) / 2 comparisons and n exponentials.
