"""IKNP: its relation for chosen choices. As a source of rows: `test_sources`."""

import numpy as np
from extension_pair import extension_pair, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.ot import iknp
from cryptomoe.ot.bit_matrix import STRETCH_WORDS

STRETCH = 64 * STRETCH_WORDS
lengths = st.one_of(st.sampled_from([1, 127, 128, 129, STRETCH, STRETCH + 1]), st.integers(1, 5000))


@settings(max_examples=15, deadline=None)
@given(st.lists(lengths, min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_rows_differ_by_choice_times_delta(counts: list[int], seed: int) -> None:
    """q_j = t_j xor r_j Delta, over several extensions of one pair."""
    receiver, sender, delta = extension_pair(seed)
    whole = words_of(delta[np.newaxis])
    for count in counts:
        choices = np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)
        message, own = receiver.extend(choices)
        assert len(message) == iknp.padded_count(count) * iknp.BYTES_PER_TRANSFER
        rows = sender.extend(message, count)
        assert rows.shape == own.shape == (count, 2)
        assert np.array_equal(rows, own ^ whole * choices[:, np.newaxis])
        assert len(np.unique(own, axis=0)) == count
