"""Embedding: a token's row of the server's table; all zeros at a padding position."""

import numpy as np
from cryptomoe_spec.arithmetic import linear
from cryptomoe_spec.arrays import IntArray, require_below, require_between
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND


def embedding(token_ids: IntArray, table: IntArray, rows: int) -> IntArray:
    """(rows, d), 13 fraction bits: one row of the table a token, below rows of zeros."""
    # INPUTS token_ids: the client's, as is their number; table: (V, d), the server's, or public if
    # the options say so; rows: public.
    vocabulary = table.shape[0]
    require_between(token_ids, 0, vocabulary - 1, "embedding")
    require_below(table, ACTIVATION_BOUND, "embedding, table")
    # FUNCTION
    chosen = token_ids[:, np.newaxis] == np.arange(vocabulary)
    one_hot_rows = np.pad(chosen.astype(np.int64), ((rows - len(token_ids), 0), (0, 0)))
    result: IntArray = linear(one_hot_rows[np.newaxis], table[np.newaxis])[0]
    # LEAKAGE nothing; with a public table the client has the table, and the server learns nothing.
    # COST constant rounds; bytes proportional to m (V + d); with a public table to m d.
    return result
