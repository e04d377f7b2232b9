"""A Mixture-of-Experts layer: gate, select, dispatch, compute, combine.

Specification: `cryptomoe_spec.moe_layer`. After Algorithms 1 and 2 of CryptoMoE, arXiv 2511.01197.
"""

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.fixed_point import EXPERT_OUTPUT_BOUND
from cryptomoe.protocols.balanced_selection import balanced_selection
from cryptomoe.protocols.batch_matmul import batch_matmul
from cryptomoe.protocols.combine import combine
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.protocols.gate import gate
from cryptomoe.protocols.prepared import PreparedLayer
from cryptomoe.protocols.swiglu import swiglu


def moe_layer(
    abb: ArithmeticBlackBox,
    x: Secret,
    weights: PreparedLayer,
    *,
    top_k: int,
    slots: int,
    real: SecretBits | None,
) -> Secret:
    """(m, d): for each token the sum over its experts, each getting exactly `slots` tokens.

    `x` (m, d) are normalised rows, 13 fraction bits in and out; `real` (m,) is 0 for padding (None:
    there is no padding).
    """
    with abb.scope("moe"):
        scores = gate(abb, x, weights.gate, top_k, real)
        assignment = balanced_selection(abb, scores, slots)
        taken = dispatch(abb, x, assignment)
        projected = batch_matmul(abb, taken, weights.expert_gate_up)
        width = projected.shape[2] // 2
        gate_half, up_half = (
            abb.take(projected, np.arange(start, start + width), 2) for start in (0, width)
        )
        computed = batch_matmul(abb, swiglu(abb, gate_half, up_half), weights.expert_down)
        return combine(abb, abb.declare(computed, EXPERT_OUTPUT_BOUND - 1), assignment, scores)
