"""Ranking a row by comparing all its pairs at once: constant depth, and nothing is opened.

Specification: `cryptomoe_spec.ranking`. Token selection and slot selection share it.
"""

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.field import IntArray


def pairs(abb: ArithmeticBlackBox, values: Secret) -> tuple[SecretBits, IntArray, IntArray]:
    """([v_i < v_j] for every pair i < j in a last axis, the public i, the public j)."""
    low, high = np.triu_indices(values.shape[-1], 1)
    axis = len(values.shape) - 1
    return abb.less(abb.take(values, low, axis), abb.take(values, high, axis)), low, high


def ranks(abb: ArithmeticBlackBox, values: Secret) -> Secret:
    """How many entries of the same row beat each entry: greater, or equal and at a lower index.

    (..., n) in and out. Of a pair i < j, j beats i if v_i < v_j, and otherwise i beats j: so the
    rank of i is a signed sum of bits plus the number of pairs in which i comes second.
    """
    n = values.shape[-1]
    if n == 1:
        return abb.public(np.zeros(values.shape, np.int64))
    less, low, high = pairs(abb, values)
    number = np.zeros((n, n), np.int64)
    number[low, high] = number[high, low] = np.arange(len(low))
    off_diagonal = ~np.eye(n, dtype=bool)
    opponents = number[off_diagonal].reshape(n, n - 1)
    signs = np.sign(np.arange(n) - np.arange(n)[:, np.newaxis])[off_diagonal].reshape(n, n - 1)
    beaten = abb.take(abb.to_arithmetic(less), opponents, len(values.shape) - 1)
    signed = abb.sum(abb.scale_public(beaten, signs), len(values.shape))
    return abb.declare(abb.add_public(signed, np.arange(n)), n - 1)
