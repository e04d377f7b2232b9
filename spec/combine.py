"""Combine: every token's outputs come back from their slots, weighted by its scores.

The scores multiply the assignment, t m entries an expert, and not the outputs, t d entries.
"""

import numpy as np
from cryptomoe_spec.arithmetic import matmul
from cryptomoe_spec.arrays import BitArray, IntArray
from cryptomoe_spec.fixed_point import EXP_BITS
from cryptomoe_spec.truncate import truncate


def combine(y: IntArray, assignment: BitArray, scores: IntArray) -> IntArray:
    """(m, d): for each token the sum of its slots' rows of `y`, each times the expert's score."""
    # INPUTS y: (n, t, d), 13 fraction bits, below EXPERT_OUTPUT_BOUND; assignment: (n, t, m);
    # scores: (m, n), 20 bits, those of a token at most 1 together.
    n, t, m = assignment.shape
    # FUNCTION
    weights = np.where(assignment, scores.T[:, np.newaxis, :], 0)
    returned = weights.reshape(n * t, m).T[np.newaxis]
    return truncate(matmul(returned, y.reshape(1, n * t, -1))[0], EXP_BITS)
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to n t (m + d) + m d.
