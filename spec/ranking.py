"""Ranking a row by comparing all its pairs at once: constant depth, and nothing is opened.

Both selections are made from ranks: an expert is among a token's k best when its rank is below k,
and a token gets the expert's slot that its rank names.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray


def ranks(values: IntArray) -> IntArray:
    """How many entries of the same row beat each entry: greater, or equal and at a lower index."""
    # INPUTS values: (..., n), n <= 256.
    n = values.shape[-1]
    # FUNCTION
    mine, other = values[..., :, np.newaxis], values[..., np.newaxis, :]
    earlier = np.arange(n) < np.arange(n)[:, np.newaxis]
    beaten = (other > mine) | ((other == mine) & earlier)
    return np.asarray(np.sum(beaten, axis=-1, dtype=np.int64))
    # LEAKAGE nothing; ties, too, are settled inside.
    # COST constant rounds; n (n - 1) / 2 comparisons a row.
