"""Top-k on the ideal engine equals its specification, with ties."""

import numpy as np
from arrays_of import integers
from cryptomoe_spec.topk import topk as specified
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.topk import topk


@settings(max_examples=50, deadline=None)
@given(data=st.data(), n=st.integers(1, 9), largest=st.sampled_from([0, 1, 3, 1 << 22]))
def test_equals_specification(data: st.DataObject, n: int, largest: int) -> None:
    top_k = data.draw(st.integers(1, n))
    logits = data.draw(integers((3, n), -largest, largest))
    selected, greatest = topk(IdealEngine(), Secret(logits, largest), top_k)
    expected, expected_greatest = specified(logits, top_k)
    np.testing.assert_array_equal(selected.data, expected)
    np.testing.assert_array_equal(greatest.data, expected_greatest)
