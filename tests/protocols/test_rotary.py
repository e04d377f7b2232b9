"""The rotary embedding on the ideal engine equals its specification, and so does its table."""

import numpy as np
from arrays_of import activations
from cryptomoe_spec import rotary as spec
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.rotary import rotary, rotary_table

THETAS = st.sampled_from([1.0, 1e4, 1e6])


@settings(max_examples=20, deadline=None)
@given(
    data=st.data(),
    start=st.integers(0, 40),
    rows=st.integers(1, 6),
    heads=st.integers(1, 3),
    half=st.integers(1, 5),
    theta=THETAS,
)
def test_equals_specification(
    data: st.DataObject, start: int, rows: int, heads: int, half: int, theta: float
) -> None:
    x = data.draw(activations((rows, heads, 2 * half), 3.0))
    result = rotary(IdealEngine(), Secret(x, (1 << 23) - 1), start, theta)
    np.testing.assert_array_equal(result.data, spec.rotary(x, start, theta))


def test_table_is_the_specified_one() -> None:
    expected = np.stack(spec.rotary_table(0, 256, 128, 1e4))
    np.testing.assert_array_equal(rotary_table(256, 128, 1e4), expected)
