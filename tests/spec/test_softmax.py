"""Each probability is within 2^-10 of the true one: a search for the worst, not a proof."""

import hypothesis
import numpy as np
import pytest
from arrays_of import integers
from cryptomoe_spec.softmax import softmax
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray


def error_of(z: NDArray[np.int64], out_bits: int) -> float:
    """Greatest error of a probability."""
    real = 2.0 ** ((z - z.max(axis=-1, keepdims=True)) / 8192)
    real /= real.sum(axis=-1, keepdims=True)
    return float(np.abs(softmax(z, out_bits) / 2.0**out_bits - real).max())


@pytest.mark.parametrize("out_bits", [13, 20])
@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(1, 256), spread=st.sampled_from([0, 1, 8, 24]))
def test_error_bound(out_bits: int, data: st.DataObject, n: int, spread: int) -> None:
    """Rows with a common tail and a few entries that the search moves."""
    z = np.full(n, -data.draw(st.integers(0, spread << 13)))
    head = data.draw(integers((min(n, 4),), -(spread << 13), 0))
    z[: head.size] = head
    error = error_of(z[np.newaxis], out_bits)
    hypothesis.target(error)
    assert error < 2**-10


def test_error_of_random_rows() -> None:
    rng = np.random.default_rng(5)
    for n in (2, 7, 64, 128, 256):
        for spread in (0.01, 0.3, 1, 2, 4, 8):
            z = np.rint(rng.normal(0, spread, (100, n)) * 8192).astype(np.int64)
            assert error_of(z, 13) < 2**-10


def test_far_entries_get_exactly_nothing() -> None:
    z = np.array([[0, -(21 << 13), -(1 << 25)]])
    assert softmax(z, 13)[0].tolist()[1:] == [0, 0]
