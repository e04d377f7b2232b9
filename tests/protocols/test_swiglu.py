"""SwiGLU on the ideal engine equals its specification."""

import numpy as np
from arrays_of import integers
from cryptomoe_spec.swiglu import OPERAND_BOUND as SPECIFIED_BOUND
from cryptomoe_spec.swiglu import swiglu as specified
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.swiglu import OPERAND_BOUND, swiglu

LARGEST = OPERAND_BOUND - 1


@settings(max_examples=40, deadline=None)
@given(data=st.data(), size=st.sampled_from([100, 80_000, LARGEST]))
def test_equals_specification(data: st.DataObject, size: int) -> None:
    gate, up = (data.draw(integers((2, 3, 4), -size, size)) for _ in range(2))
    result = swiglu(IdealEngine(), Secret(gate, 1 << 24), Secret(up, 1 << 24))
    np.testing.assert_array_equal(result.data, specified(gate, up))


def test_extremes_stay_in_the_field() -> None:
    ends = np.array([-LARGEST, LARGEST])
    gate, up = np.repeat(ends, 2), np.tile(ends, 2)
    result = swiglu(IdealEngine(), Secret(gate, 1 << 24), Secret(up, 1 << 24))
    np.testing.assert_array_equal(result.data, specified(gate, up))
    assert OPERAND_BOUND == SPECIFIED_BOUND
