"""Ranks on the ideal engine equal their specification, with ties."""

import numpy as np
from arrays_of import integers
from cryptomoe_spec.ranking import ranks as specified
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.ranking import pairs, ranks


@settings(max_examples=50, deadline=None)
@given(data=st.data(), n=st.integers(1, 9), largest=st.sampled_from([0, 1, 3, 1 << 22]))
def test_equals_specification(data: st.DataObject, n: int, largest: int) -> None:
    values = data.draw(integers((2, n), -largest, largest))
    result = ranks(IdealEngine(), Secret(values, largest))
    np.testing.assert_array_equal(result.data, specified(values))
    assert result.bound <= max(n - 1, 0)


def test_each_pair_is_compared_once() -> None:
    """n (n - 1) / 2 comparisons in one call, and the bit is that of the first being less."""
    values = np.array([[5, 7, 5, 1]])
    engine = IdealEngine()
    less, low, high = pairs(engine, Secret(values, 7))
    assert engine.calls == [("", "less")]
    assert list(zip(low.tolist(), high.tolist(), strict=True)) == [
        (0, 1),
        (0, 2),
        (0, 3),
        (1, 2),
        (1, 3),
        (2, 3),
    ]
    assert less.data.tolist() == [[True, False, False, False, False, False]]
