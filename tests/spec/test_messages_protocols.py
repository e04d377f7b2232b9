"""Every protocol sends exactly what the specification predicts, on the real engine."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec.messages import attention as predicted_attention
from cryptomoe_spec.messages.balanced_selection import balanced_selection as predicted_selection
from cryptomoe_spec.messages.batch_matmul import batch_matmul as predicted_batch_matmul
from cryptomoe_spec.messages.combine import combine as predicted_combine
from cryptomoe_spec.messages.dispatch import dispatch as predicted_dispatch
from cryptomoe_spec.messages.embedding import embedding as predicted_embedding
from cryptomoe_spec.messages.gate import gate as predicted_gate
from cryptomoe_spec.messages.lm_head import lm_head as predicted_lm_head
from cryptomoe_spec.messages.moe_layer import moe_layer as predicted_moe_layer
from cryptomoe_spec.messages.ranking import ranks as predicted_ranks
from cryptomoe_spec.messages.rmsnorm import norms
from cryptomoe_spec.messages.rmsnorm import rmsnorm as predicted_rmsnorm
from cryptomoe_spec.messages.rotary import rotary as predicted_rotary
from cryptomoe_spec.messages.softmax import softmax as predicted_softmax
from cryptomoe_spec.messages.softmax import softmax_below as predicted_softmax_below
from cryptomoe_spec.messages.swiglu import swiglu as predicted_swiglu
from cryptomoe_spec.messages.topk import topk as predicted_topk
from cryptomoe_spec.messages.transformer import transformer_layer as predicted_layer
from functionality_runs import bits, context, matrix, prepared, zeros
from hypothesis import given, settings
from hypothesis import strategies as st
from predictions import assert_predicted
from random_models import shapes

from cryptomoe.engines.abb import SecretBits
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.fixed_point import ACTIVATION_BOUND, SCORE_BOUND
from cryptomoe.party import Party
from cryptomoe.protocols.attention import attention
from cryptomoe.protocols.balanced_selection import balanced_selection
from cryptomoe.protocols.batch_matmul import batch_matmul
from cryptomoe.protocols.combine import combine
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.protocols.embedding import embedding
from cryptomoe.protocols.gate import gate
from cryptomoe.protocols.lm_head import lm_head
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.ranking import ranks
from cryptomoe.protocols.rmsnorm import rmsnorm, rmsnorms
from cryptomoe.protocols.rotary import rotary
from cryptomoe.protocols.shape import TransformerShape
from cryptomoe.protocols.softmax import softmax, softmax_below
from cryptomoe.protocols.swiglu import swiglu
from cryptomoe.protocols.topk import topk
from cryptomoe.protocols.transformer import transformer_layer

pytestmark = pytest.mark.leakage
FEW = settings(max_examples=4, deadline=None)

modes = st.sampled_from(["exact", "approximate"])
small = st.integers(1, 9)
widths = st.sampled_from([1, 5, 16, 17, 64, 65, 200])


@FEW
@given(small, widths, st.integers(1, 9), st.data(), st.integers(0, 1), modes)
def test_gate_and_topk(m: int, d: int, n: int, data: st.DataObject, real: int, mode: str) -> None:
    k = data.draw(st.integers(1, n))
    assert_predicted(
        lambda e: gate(e, zeros(e, m, d), matrix(e, 1, d, n), k, bits(e, m) if real else None),
        lambda w: predicted_gate(w, m, d, n, k, real),
        mode,
    )
    bound = data.draw(st.sampled_from([1, SCORE_BOUND - 1, SCORE_BOUND]))
    assert_predicted(
        lambda e: topk(e, zeros(e, m, n, bound=bound), k),
        lambda w: predicted_topk(w, m, n, k, bound),
        mode,
    )
    assert_predicted(
        lambda e: ranks(e, zeros(e, m, n, bound=bound)),
        lambda w: predicted_ranks(w, m, n, bound),
        mode,
    )


@FEW
@given(small, small, small, widths, modes)
def test_dispatch_and_combine(m: int, n: int, t: int, d: int, mode: str) -> None:
    scores = (1 << 21) - 1
    assert_predicted(
        lambda e: balanced_selection(e, zeros(e, m, n, bound=scores), t),
        lambda w: predicted_selection(w, m, n, t),
        mode,
    )
    assert_predicted(
        lambda e: dispatch(e, zeros(e, m, d), bits(e, n, t, m)),
        lambda w: predicted_dispatch(w, m, n, t, d),
        mode,
    )
    assert_predicted(
        lambda e: combine(e, zeros(e, n, t, d), bits(e, n, t, m), zeros(e, m, n, bound=scores)),
        lambda w: predicted_combine(w, m, n, t, d),
        mode,
    )


@FEW
@given(small, small, widths, widths, modes)
def test_experts(n: int, t: int, d: int, f: int, mode: str) -> None:
    assert_predicted(
        lambda e: batch_matmul(e, zeros(e, n, t, d), matrix(e, n, d, f)),
        lambda w: predicted_batch_matmul(w, n, t, d, f),
        mode,
    )
    assert_predicted(
        lambda e: swiglu(e, zeros(e, n, t, f), zeros(e, n, t, f)),
        lambda w: predicted_swiglu(w, n * t * f),
        mode,
    )


@FEW
@given(small, st.sampled_from([1, 3, 16, 17, 255, 256]), st.sampled_from([13, 20]), modes)
def test_softmax(rows: int, n: int, out_bits: int, mode: str) -> None:
    assert_predicted(
        lambda e: softmax(e, zeros(e, rows, n), out_bits),
        lambda w: predicted_softmax(w, rows, n, ACTIVATION_BOUND - 1, out_bits),
        mode,
    )
    assert_predicted(
        lambda e: softmax_below(e, zeros(e, rows, n), out_bits),
        lambda w: predicted_softmax_below(w, rows, n, out_bits),
        mode,
    )


@FEW
@given(small, st.sampled_from([1, 16, 17, 64, 256, 257, 5000]), st.integers(1, 300), modes)
def test_norms(rows: int, first: int, second: int, mode: str) -> None:
    assert_predicted(
        lambda e: rmsnorm(e, zeros(e, rows, first), 1e-5),
        lambda w: predicted_rmsnorm(w, rows, first),
        mode,
    )
    assert_predicted(
        lambda e: rmsnorms(e, [zeros(e, rows, first), zeros(e, rows, second)], 1e-5),
        lambda w: norms(w, 2 * rows, rows * (first + second), max(first, second)),
        mode,
    )


@FEW
@given(small, small, st.sampled_from([2, 4, 10]), modes)
def test_rotary(rows: int, heads: int, size: int, mode: str) -> None:
    assert_predicted(
        lambda e: rotary(e, zeros(e, rows, heads, size), 3, 1e4),
        lambda w: predicted_rotary(w, rows, heads, size),
        mode,
    )


@FEW
@given(small, widths, widths, modes)
def test_both_ends(rows: int, d: int, vocabulary: int, mode: str) -> None:
    assert_predicted(
        lambda e: embedding(
            e,
            np.zeros(rows, np.int64) if e.party is Party.CLIENT else None,
            matrix(e, 1, vocabulary, d),
            rows,
        ),
        lambda w: predicted_embedding(w, rows, vocabulary, d),
        mode,
    )
    assert_predicted(
        lambda e: lm_head(e, zeros(e, d), matrix(e, 1, d, vocabulary), 1e-5),
        lambda w: predicted_lm_head(w, d, vocabulary),
        mode,
    )


@FEW
@given(shapes(), small, st.integers(0, 9), st.data(), modes)
def test_layers(stated: Any, rows: int, cached: int, data: st.DataObject, mode: str) -> None:
    """Attention alone, the experts alone, and the layer of both, with and without a cache."""
    shape = TransformerShape(**vars(replace(stated, layers=1)))
    d, positions = shape.hidden, cached + rows
    slots = data.draw(st.integers(1, rows))
    heads = (shape.heads, shape.kv_heads, shape.head_dim)
    experts = (shape.experts, shape.top_k, slots, shape.expert_width)

    def real(e: TwoPartyEngine) -> SecretBits | None:
        return None if cached else bits(e, rows)

    assert_predicted(
        lambda e: attention(
            e,
            zeros(e, rows, d),
            prepared(e, shape),
            shape,
            **context(e, rows, cached + rows, shape),
        ),
        lambda w: predicted_attention.attention(w, rows, positions, d, *heads),
        mode,
    )
    assert_predicted(
        lambda e: moe_layer(
            e, zeros(e, rows, d), prepared(e, shape), top_k=shape.top_k, slots=slots, real=real(e)
        ),
        lambda w: predicted_moe_layer(w, rows, d, *experts, 0 if cached else 1),
        mode,
    )
    assert_predicted(
        lambda e: transformer_layer(
            e,
            zeros(e, rows, d),
            prepared(e, shape),
            shape,
            slots=slots,
            real=real(e),
            **context(e, rows, cached + rows, shape),
        ),
        lambda w: predicted_layer(w, rows, positions, d, *heads, *experts, 0 if cached else 1),
        mode,
    )
