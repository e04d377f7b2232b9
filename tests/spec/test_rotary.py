"""The rotary table is the rounded cosine and sine; turning keeps lengths and differences."""

import numpy as np
import pytest
from arrays_of import activations
from cryptomoe_spec.rotary import rotary, rotary_table
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("theta", [1.0, 1e4, 1e6])
@pytest.mark.parametrize("head_dim", [2, 16, 128])
def test_table_against_floating_point(theta: float, head_dim: int) -> None:
    """Within half a unit of the last place, but for what double precision itself leaves open."""
    cosine, sine = rotary_table(3, 253, head_dim, theta)
    frequency = theta ** (-2 * np.arange(head_dim // 2) / head_dim)
    angle = np.arange(3, 256)[:, np.newaxis] * frequency
    assert np.abs(cosine - np.cos(angle) * 2**14).max() < 0.5 + 1e-6
    assert np.abs(sine - np.sin(angle) * 2**14).max() < 0.5 + 1e-6


@settings(max_examples=20, deadline=None)
@given(data=st.data(), start=st.integers(0, 100))
def test_scores_see_only_differences(data: st.DataObject, start: int) -> None:
    """A query and a key moved by the same number of positions have the same product, nearly."""
    x = data.draw(activations((2, 1, 8)))
    q, k = rotary(x, start, 1e4)[:, 0] / 8192
    moved_q, moved_k = rotary(x, start + 17, 1e4)[:, 0] / 8192
    assert abs(q @ k - moved_q @ moved_k) < 0.02


def test_position_zero_turns_nothing() -> None:
    x = np.arange(8).reshape(1, 1, 8) * 1000
    np.testing.assert_array_equal(rotary(x, 0, 1e4), x)
