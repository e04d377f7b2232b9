"""Balanced routing means what the paper says, compared with plain sorting and loops."""

from fractions import Fraction

import numpy as np
from arrays_of import activations, bits, integers
from cryptomoe_spec.balanced_selection import balanced_selection
from cryptomoe_spec.combine import combine
from cryptomoe_spec.dispatch import dispatch
from cryptomoe_spec.gate import gate
from cryptomoe_spec.ranking import ranks
from cryptomoe_spec.shape import slots_per_expert
from cryptomoe_spec.topk import topk
from hypothesis import given, settings
from hypothesis import strategies as st


@given(data=st.data(), n=st.integers(1, 8), largest=st.sampled_from([1, 3, 1 << 22]))
def test_ranks_are_those_of_a_stable_sort(data: st.DataObject, n: int, largest: int) -> None:
    values = data.draw(integers((2, n), -largest, largest))
    order = np.argsort(-values, axis=-1, kind="stable")
    np.testing.assert_array_equal(ranks(values), np.argsort(order, axis=-1))


@given(data=st.data(), n=st.integers(1, 8))
def test_topk_selects_exactly_k_and_none_greater_is_left_out(data: st.DataObject, n: int) -> None:
    top_k = data.draw(st.integers(1, n))
    logits = data.draw(integers((2, n), -3, 3))
    selected, greatest = topk(logits, top_k)
    assert (selected.sum(axis=1) == top_k).all()
    for row, chosen in zip(logits, selected, strict=True):
        left_out = row[~chosen]
        assert left_out.size == 0 or row[chosen].min() >= left_out.max()
    np.testing.assert_array_equal(greatest, logits.max(axis=1))


@settings(deadline=None)
@given(data=st.data(), m=st.integers(1, 8), n=st.integers(1, 4))
def test_selection_is_balanced_and_keeps_the_greatest_scores(
    data: st.DataObject, m: int, n: int
) -> None:
    """Exactly t different tokens an expert, in order of score; padding, at 0, displaces nobody."""
    slots = data.draw(st.integers(1, m))
    scores = data.draw(integers((m, n), 0, 4))
    assignment = balanced_selection(scores, slots)
    assert assignment.shape == (n, slots, m)
    assert (assignment.sum(axis=2) == 1).all()
    assert (assignment.sum(axis=1) <= 1).all()
    for expert in range(n):
        tokens = assignment[expert].argmax(axis=1)
        kept = scores[tokens, expert]
        assert (np.diff(kept) <= 0).all()
        left_out = np.delete(scores[:, expert], tokens)
        assert left_out.size == 0 or left_out.max() <= kept.min()


@settings(deadline=None)
@given(data=st.data(), m=st.integers(1, 6), n=st.integers(1, 3), d=st.integers(1, 3))
def test_combine_undoes_dispatch(data: st.DataObject, m: int, n: int, d: int) -> None:
    """With experts that do nothing, every token gets itself times the scores that were kept."""
    slots = data.draw(st.integers(1, m))
    scores = data.draw(integers((m, n), 0, (1 << 20) // n))
    x = data.draw(activations((m, d)))
    assignment = balanced_selection(scores, slots)
    kept = np.where(assignment.any(axis=1).T, scores, 0)
    result = combine(dispatch(x, assignment), assignment, scores)
    np.testing.assert_array_equal(result, x * kept.sum(axis=1, keepdims=True) >> 20)


@settings(deadline=None)
@given(data=st.data(), m=st.integers(1, 6), n=st.integers(1, 6))
def test_gate_gives_padding_nothing_and_others_their_probability(
    data: st.DataObject, m: int, n: int
) -> None:
    top_k = data.draw(st.integers(1, n))
    real = data.draw(bits((m,)))
    x, weight = data.draw(activations((m, 5))), data.draw(activations((5, n), 4.0))
    scores = gate(x, weight, top_k, real)
    assert not scores[~real].any()
    logits = (x @ weight >> 15) / 8192
    probabilities = 2.0 ** (logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    used = scores > 0
    assert (used.sum(axis=1) <= top_k).all()
    np.testing.assert_allclose(scores[used] / 2.0**20, probabilities[used], atol=2**-10)
    np.testing.assert_array_equal(scores[real], gate(x, weight, top_k, None)[real])


def test_slots_follow_the_paper() -> None:
    """t = ceil(alpha m k / n), never more than m; alpha exact."""
    assert slots_per_expert(128, 64, 6, Fraction(2)) == 24
    assert slots_per_expert(128, 64, 6, Fraction("1.3")) == 16
    assert slots_per_expert(10, 10, 1, Fraction("1.1")) == 2
    assert slots_per_expert(4, 8, 8, Fraction(2)) == 4
    assert slots_per_expert(1, 64, 2, Fraction(2)) == 1
