"""Balanced selection on the ideal engine equals its specification, with ties and zeros."""

import numpy as np
from arrays_of import integers
from cryptomoe_spec.balanced_selection import balanced_selection as specified
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.balanced_selection import balanced_selection


@settings(max_examples=50, deadline=None)
@given(
    data=st.data(), m=st.integers(1, 9), n=st.integers(1, 4), largest=st.sampled_from([1, 1 << 20])
)
def test_equals_specification(data: st.DataObject, m: int, n: int, largest: int) -> None:
    slots = data.draw(st.integers(1, m))
    scores = data.draw(integers((m, n), 0, largest))
    result = balanced_selection(IdealEngine(), Secret(scores, largest), slots)
    np.testing.assert_array_equal(result.data, specified(scores, slots))
