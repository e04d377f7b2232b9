"""Embedding and language-model head on the ideal engine equal their specifications."""

import numpy as np
from arrays_of import activations
from cryptomoe_spec import embedding as spec_embedding
from cryptomoe_spec import lm_head as spec_lm_head
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.embedding import embedding, public_embedding
from cryptomoe.protocols.lm_head import lm_head
from cryptomoe.protocols.prepared import single


@settings(max_examples=40, deadline=None)
@given(data=st.data(), vocabulary=st.integers(1, 20), width=st.integers(1, 5))
def test_private_and_public_table_give_the_specified_rows(
    data: st.DataObject, vocabulary: int, width: int
) -> None:
    """Padding rows are zeros."""
    table = data.draw(activations((vocabulary, width)))
    tokens = st.integers(0, vocabulary - 1)
    ids = np.array(data.draw(st.lists(tokens, min_size=1, max_size=6)), np.int64)
    rows = len(ids) + data.draw(st.integers(0, 3))
    expected = spec_embedding.embedding(ids, table, rows)
    assert not expected[: rows - len(ids)].any()
    np.testing.assert_array_equal(expected[rows - len(ids) :], table[ids])
    engine = IdealEngine()
    private = embedding(engine, ids, single(engine, table, vocabulary, width), rows)
    np.testing.assert_array_equal(private.data, expected)
    public = public_embedding(engine, ids, table, rows=rows, width=width)
    np.testing.assert_array_equal(public.data, expected)


@settings(max_examples=20, deadline=None)
@given(data=st.data(), width=st.integers(1, 40), vocabulary=st.integers(1, 20))
def test_head_equals_specification(data: st.DataObject, width: int, vocabulary: int) -> None:
    x = data.draw(activations((width,)))
    weight = data.draw(activations((width, vocabulary)))
    engine = IdealEngine()
    head = single(engine, weight, width, vocabulary)
    result = lm_head(engine, Secret(x, (1 << 23) - 1), head, 1e-5)
    np.testing.assert_array_equal(result.data, spec_lm_head.lm_head(x, weight, 1e-5))
