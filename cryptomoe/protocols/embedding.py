"""Embedding: a token's row of the table; all zeros at a padding position.

Specification: `cryptomoe_spec.embedding`. With a private table the client's one-hot rows are
multiplied by the server's table. With a public one the client selects the rows on its own.
"""

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, Weight
from cryptomoe.field import IntArray
from cryptomoe.fixed_point import ACTIVATION_BOUND
from cryptomoe.party import Party


def embedding(
    abb: ArithmeticBlackBox, token_ids: IntArray | None, table: Weight, rows: int
) -> Secret:
    """(rows, d), 13 fraction bits: zeros, then the rows of the client's `token_ids` (else None).

    `table` is the server's (1, V, d). How many of the rows are padding stays secret.
    """
    _, vocabulary, width = table.shape
    with abb.scope("embedding"):
        one_hot_rows = None
        if token_ids is not None:
            one_hot_rows = np.zeros((1, rows, vocabulary), np.int64)
            positions = np.arange(rows - len(token_ids), rows)
            one_hot_rows[0, positions, token_ids] = 1
        chosen = abb.input(Party.CLIENT, one_hot_rows, (1, rows, vocabulary), 1)
        result = abb.reshape(abb.linear(chosen, table), (rows, width))
        return abb.declare(result, ACTIVATION_BOUND - 1)


def public_embedding(
    abb: ArithmeticBlackBox,
    token_ids: IntArray | None,
    table: IntArray | None,
    *,
    rows: int,
    width: int,
) -> Secret:
    """As `embedding`, where the client has the `table` (V, width); both None at the others."""
    with abb.scope("embedding"):
        values = None
        if token_ids is not None and table is not None:
            values = np.zeros((rows, width), np.int64)
            values[rows - len(token_ids) :] = table[token_ids]
        return abb.input(Party.CLIENT, values, (rows, width), ACTIVATION_BOUND - 1)
