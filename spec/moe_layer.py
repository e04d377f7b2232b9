"""A Mixture-of-Experts layer: gate, select, dispatch, compute, combine."""

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray, require_below
from cryptomoe_spec.balanced_selection import balanced_selection
from cryptomoe_spec.batch_matmul import batch_matmul
from cryptomoe_spec.combine import combine
from cryptomoe_spec.dispatch import dispatch
from cryptomoe_spec.fixed_point import EXPERT_OUTPUT_BOUND
from cryptomoe_spec.gate import gate
from cryptomoe_spec.shape import LayerWeights
from cryptomoe_spec.swiglu import swiglu


def moe_layer(
    x: IntArray, weights: LayerWeights, top_k: int, slots: int, real: BitArray | None
) -> IntArray:
    """(m, d): for each token the sum over its experts, each getting exactly `slots` tokens."""
    # INPUTS x: (m, d) normalised rows, 13 fraction bits; weights: the server's; top_k, slots:
    # public; real: (m,), 0 for padding (None: there is no padding).
    # FUNCTION
    scores = gate(x, weights.gate, top_k, real)
    assignment = balanced_selection(scores, slots)
    taken = dispatch(x, assignment)
    gate_half, up_half = np.split(batch_matmul(taken, weights.expert_gate_up), 2, axis=-1)
    computed = batch_matmul(swiglu(gate_half, up_half), weights.expert_down)
    require_below(computed, EXPERT_OUTPUT_BOUND, "moe_layer, expert outputs")
    return combine(computed, assignment, scores)
    # LEAKAGE nothing: neither the routing nor any expert's load.
    # COST constant rounds; the sum of the parts, which depends on public sizes alone.
