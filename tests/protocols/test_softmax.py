"""Softmax on the ideal engine equals its specification."""

import numpy as np
import pytest
from arrays_of import integers
from cryptomoe_spec import softmax as spec
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.softmax import softmax, softmax_below

LARGEST = (1 << 25) - 1


@pytest.mark.parametrize("out_bits", [13, 20])
@settings(max_examples=30, deadline=None)
@given(data=st.data(), rows=st.integers(1, 3), n=st.integers(1, 20))
def test_equals_specification(out_bits: int, data: st.DataObject, rows: int, n: int) -> None:
    size = data.draw(st.sampled_from([0, 10_000, 200_000, LARGEST]))
    z = data.draw(integers((rows, n), -size, size))
    result = softmax(IdealEngine(), Secret(z, LARGEST), out_bits)
    np.testing.assert_array_equal(result.data, spec.softmax(z, out_bits))


def test_far_entries_get_nothing_in_approximate_mode_either() -> None:
    z = np.zeros((3, 200), np.int64)
    z[:, 1:] = -(1 << 24)
    result = softmax(IdealEngine(approximate_seed=1), Secret(z, LARGEST), 13)
    assert not result.data[:, 1:].any()


def test_256_equal_entries() -> None:
    """The longest row there is, and the greatest sum."""
    v = np.zeros((1, 256), np.int64)
    result = softmax_below(IdealEngine(), Secret(v, 0), 20)
    np.testing.assert_array_equal(result.data, spec.softmax_below(v, 20))
    np.testing.assert_allclose(result.data, 2**12, rtol=2**-8)
