"""Dispatch and combine on the ideal engine equal their specifications."""

import numpy as np
from arrays_of import activations, integers
from cryptomoe_spec import combine as spec_combine
from cryptomoe_spec import dispatch as spec_dispatch
from cryptomoe_spec.balanced_selection import balanced_selection
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.protocols.combine import combine
from cryptomoe.protocols.dispatch import dispatch

BOUND = (1 << 23) - 1


@settings(max_examples=40, deadline=None)
@given(data=st.data(), m=st.integers(1, 7), n=st.integers(1, 4), d=st.integers(1, 5))
def test_rows_go_to_their_slots_and_come_back(data: st.DataObject, m: int, n: int, d: int) -> None:
    """Both ways; the assignment is one that scores make."""
    scores = data.draw(integers((m, n), 0, (1 << 20) // n))
    assignment = balanced_selection(scores, data.draw(st.integers(1, m)))
    x = data.draw(activations((m, d)))
    taken = dispatch(IdealEngine(), Secret(x, BOUND), SecretBits(assignment))
    np.testing.assert_array_equal(taken.data, spec_dispatch.dispatch(x, assignment))
    assert taken.bound == BOUND
    y = data.draw(activations(taken.shape, 100.0))
    returned = combine(
        IdealEngine(), Secret(y, BOUND), SecretBits(assignment), Secret(scores, 1 << 21)
    )
    np.testing.assert_array_equal(returned.data, spec_combine.combine(y, assignment, scores))
