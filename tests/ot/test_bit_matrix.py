"""Transposition of bit matrices."""

import numpy as np
from extension_pair import words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.ot.bit_matrix import transpose


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 70).map(lambda words: 2 * words), st.integers(0, 2**32 - 1))
def test_transposition(words: int, seed: int) -> None:
    rows = np.random.default_rng(seed).integers(0, 2**64, (128, words), dtype=np.uint64)
    columns = np.empty((64 * words, 2), np.uint64)
    transpose(rows, columns)
    bits = np.unpackbits(rows.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    assert np.array_equal(columns, words_of(np.ascontiguousarray(bits.T)))
