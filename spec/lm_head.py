"""The language-model head: logits of the next token. Its truncation is exact in every mode."""

import numpy as np
from cryptomoe_spec.arithmetic import linear
from cryptomoe_spec.arrays import IntArray, require_below
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND, WEIGHT_BITS
from cryptomoe_spec.rmsnorm import rmsnorm
from cryptomoe_spec.truncate import truncate


def lm_head(x: IntArray, weight: IntArray, epsilon: float) -> IntArray:
    """(V,), 13 fraction bits: the logits that follow the row `x`."""
    # INPUTS x: (d,), the last position's row; weight: (d, V), the server's, 15 fraction bits.
    # FUNCTION
    normalised = rmsnorm(x[np.newaxis, np.newaxis], epsilon)
    result = truncate(linear(normalised, weight[np.newaxis])[0, 0], WEIGHT_BITS, exact=True)
    require_below(result, ACTIVATION_BOUND, "lm_head")
    # LEAKAGE nothing: what is revealed of the logits, the transformer says.
    # COST constant rounds; bytes proportional to d + V.
    return result
