"""Combine: every token's outputs come back from their slots, weighted by its scores.

Specification: `cryptomoe_spec.combine`. The scores multiply the assignment, t m entries an expert,
and not the outputs, t d entries.
"""

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.fixed_point import EXP_BITS


def combine(abb: ArithmeticBlackBox, y: Secret, assignment: SecretBits, scores: Secret) -> Secret:
    """(m, d): for each token the sum of its slots' rows of `y`, each times the expert's score.

    `y` (n, t, d) has 13 fraction bits, `scores` (m, n) 20; `assignment` is (n, t, m).
    """
    n, t, m = assignment.shape
    with abb.scope("combine"):
        by_expert = abb.reshape(abb.transpose(scores, (1, 0)), (n, 1, m))
        weights = abb.reshape(abb.keep_if(assignment, by_expert), (1, n * t, m))
        outputs = abb.reshape(y, (1, n * t, -1))
        returned = abb.matmul(abb.transpose(weights, (0, 2, 1)), outputs)
        return abb.reshape(abb.truncate(returned, EXP_BITS), (m, -1))
