"""Ranking, selection, dispatch and combine: what routing computes, for every order of scores."""

from itertools import product

import numpy as np
import sympy
from claims import proof
from cryptomoe_spec.balanced_selection import balanced_selection
from cryptomoe_spec.combine import combine
from cryptomoe_spec.dispatch import dispatch
from cryptomoe_spec.fixed_point import EXP_BITS
from cryptomoe_spec.gate import gate
from cryptomoe_spec.indices import one_hot
from cryptomoe_spec.ranking import ranks
from cryptomoe_spec.topk import topk
from numpy.typing import NDArray

MAX_ROW = 6


def all_orders(n: int) -> NDArray[np.int64]:
    """Every weak order of n entries occurs among the rows: all words over n letters."""
    return np.array(list(product(range(n), repeat=n)), np.int64)


@proof(functionality="ranking", method="exhaustive")
def test_ranks_are_permutations() -> None:
    """Ranks are a permutation; greater entries first, ties to the lower index.

    For every weak order of up to 6 entries: the ranks of a row are 0..n-1, each once, and sorting
    by (-value, index) puts every entry at its rank. By pairs this holds for every n: of i < j
    exactly one beats the other, "j beats i" iff v_i < v_j, which is a strict total order.
    """
    for n in range(1, MAX_ROW + 1):
        values = all_orders(n)
        result = ranks(values)
        order = np.argsort(-values, axis=1, kind="stable")
        assert np.array_equal(
            np.take_along_axis(result, order, 1), np.tile(np.arange(n), (n**n, 1))
        )


@proof(functionality="ranking", method="exhaustive")
def test_beating_is_a_strict_total_order() -> None:
    """Beating is transitive and decides every pair, for every weak order of three entries.

    A relation that decides each pair one way and is transitive on all triples is a strict total
    order on any number of entries, so ranks are a permutation for every n.
    """
    for values in product(range(3), repeat=3):
        beats = {
            (i, j): values[i] > values[j] or (values[i] == values[j] and i < j)
            for i, j in product(range(3), repeat=2)
        }
        for i, j, k in product(range(3), repeat=3):
            assert not beats[i, i]
            assert i == j or beats[i, j] != beats[j, i]
            assert not (beats[i, j] and beats[j, k]) or beats[i, k]


@proof(functionality="ranking", method="exhaustive")
def test_signed_sum_of_pairs_is_the_rank() -> None:
    """The protocol's signed sum of one comparison a pair is the rank of the specification.

    rank_i = i + sum_{j > i} [v_i < v_j] - sum_{j < i} [v_j < v_i], for every weak order of up to 6
    entries; in general, the number of j < i with v_j >= v_i is i less those with v_j < v_i.
    """
    for n in range(1, MAX_ROW + 1):
        values = all_orders(n)
        signed = np.tile(np.arange(n), (len(values), 1))
        for i, j in zip(*np.triu_indices(n, 1), strict=True):
            less = (values[:, i] < values[:, j]).astype(np.int64)
            signed[:, i] += less
            signed[:, j] -= less
        assert np.array_equal(signed, ranks(values))


@proof(functionality="topk", method="exhaustive")
def test_selects_exactly_k() -> None:
    """Selected iff rank below k selects exactly k, the greatest, and knows the greatest logit.

    For every weak order of up to 5 logits and every k: exactly k are selected; no logit left out
    beats one selected; the sum over rank 0 is the maximum.
    """
    for n in range(1, 6):
        logits = all_orders(n)
        for k in range(1, n + 1):
            selected, greatest = topk(logits, k)
            assert (selected.sum(axis=1) == k).all()
            assert np.array_equal(greatest, logits.max(axis=1))
            least_in = np.where(selected, logits, n).min(axis=1)
            greatest_out = np.where(selected, -1, logits).max(axis=1)
            assert (least_in >= greatest_out).all()


@proof(functionality="one_hot", method="exhaustive")
def test_one_hot_of_ranks_fills_every_slot() -> None:
    """Every slot holds exactly one token, and no token holds two slots of an expert.

    For every weak order of up to 5 scores and every t <= m: rows of the assignment sum to 1, its
    columns to at most 1, and exactly the t best by (score, lower index) are in. Beyond `size` a
    one-hot is all zeros, for every index of 8 bits.
    """
    for m in range(1, 6):
        scores = all_orders(m).T
        for t in range(1, m + 1):
            assignment = balanced_selection(scores, t)
            assert (assignment.sum(axis=2) == 1).all()
            assert np.array_equal(assignment.sum(axis=1), ranks(scores.T) < t)
    for size in range(1, 257):
        hot = one_hot(np.arange(256), size)
        assert (hot.sum(axis=1) == (np.arange(256) < size)).all()


@proof(functionality="balanced_selection", method="exhaustive")
def test_padding_never_displaces_a_real_token() -> None:
    """A token that chose an expert loses its slot to none that did not, padding included.

    Scores of tokens that did not choose are 0, of those that did positive: for every pattern of
    choices and scores of 5 tokens and every t, the chosen tokens in slots are min(t, number that
    chose), so no slot is held by a token of score 0 while one that chose is left out.
    """
    scores = np.array(list(product(range(4), repeat=5)), np.int64).T
    chose = scores.T > 0
    for t in range(1, 6):
        taken = balanced_selection(scores, t).any(axis=1)
        assert np.array_equal((taken & chose).sum(axis=1), np.minimum(t, chose.sum(axis=1)))


@proof(functionality="gate", method="exhaustive")
def test_scores_of_padding_are_zero() -> None:
    """The gate's scores are zero for padding and for experts that are not selected.

    Every pattern of padding of 4 tokens: rows of padding are 0, and a real row has at most k scores
    that are not 0. A chosen expert's score can round to 0 only where its probability is below
    2^-20, and then combine would have multiplied by as little.
    """
    x = np.random.default_rng(1).integers(-9000, 9000, (4, 8))
    weight = np.random.default_rng(2).integers(-30000, 30000, (8, 5))
    for pattern in product((False, True), repeat=4):
        scores = gate(x, weight, 2, np.array(pattern))
        assert not scores[~np.array(pattern)].any()
        assert ((scores != 0).sum(axis=1) <= 2).all()
        assert (scores >= 0).all()


def symbolic(name: str, shape: tuple[int, ...]) -> NDArray[np.object_]:
    """An array of different symbols."""
    names = [f"{name}{'_'.join(map(str, index))}" for index in np.ndindex(shape)]
    return np.array(sympy.symbols(names), object).reshape(shape)


@proof(functionality="combine", method="sympy")
def test_combine_of_dispatch() -> None:
    """Combining what was dispatched gives sum over experts of score times expert, for held tokens.

    Symbolic: n = 2 experts with outputs y_e(x_s) = x A_e, t = 2 slots, m = 3 tokens, every pair of
    assignments of tokens to slots. The j-th row of combine(y, dispatch) before its truncation is
    sum over experts e that hold j of score[j, e] * (x_j A_e); a token that no slot holds gets 0.
    """
    n, t, m, d = 2, 2, 3, 2
    x, scores = symbolic("x", (m, d)), symbolic("g", (m, n))
    matrices = symbolic("a", (n, d, d))
    holders = [pair for pair in product(range(m), repeat=t) if len(set(pair)) == t]
    for held in product(holders, repeat=n):
        assignment = np.zeros((n, t, m), object)
        for e, slot in product(range(n), range(t)):
            assignment[e, slot, held[e][slot]] = 1
        taken = (assignment.reshape(n * t, m) @ x).reshape(n, t, d)
        computed = np.stack([taken[e] @ matrices[e] for e in range(n)])
        weights = assignment * scores.T[:, None, :]
        returned = weights.reshape(n * t, m).T @ computed.reshape(n * t, d)
        expected = np.zeros((m, d), object)
        for e, slot in product(range(n), range(t)):
            token = held[e][slot]
            expected[token] = expected[token] + scores[token, e] * (x[token] @ matrices[e])
        differences = (returned - expected).reshape(-1)
        assert all(sympy.expand(difference) == 0 for difference in differences)


@proof(functionality="combine", method="exhaustive")
def test_specified_dispatch_and_combine_are_that_algebra() -> None:
    """The specification's dispatch takes rows, and its combine adds them back weighted.

    Every assignment of 3 tokens to 2 slots of 2 experts: dispatch gives row held[e][s] of x;
    combine gives floor of the weighted sum over 2^20; where a slot's score is 0, whatever the
    expert made of it contributes 0.
    """
    generator = np.random.default_rng(3)
    n, t, m, d = 2, 2, 3, 4
    x, y = generator.integers(-9000, 9000, (m, d)), generator.integers(-9000, 9000, (n, t, d))
    scores = generator.integers(0, 1 << EXP_BITS, (m, n))
    scores[0, 1] = 0
    holders = [pair for pair in product(range(m), repeat=t) if len(set(pair)) == t]
    for held in product(holders, repeat=n):
        assignment = np.zeros((n, t, m), bool)
        for e, slot in product(range(n), range(t)):
            assignment[e, slot, held[e][slot]] = True
        assert np.array_equal(dispatch(x, assignment), x[np.array(held)])
        total = np.zeros((m, d), np.int64)
        for e, slot in product(range(n), range(t)):
            total[held[e][slot]] += scores[held[e][slot], e] * y[e, slot]
        assert np.array_equal(combine(y, assignment, scores), total >> EXP_BITS)
        unused = y.copy()
        for slot in range(t):
            if held[1][slot] == 0:
                unused[1, slot] = 7777
        assert np.array_equal(combine(unused, assignment, scores), total >> EXP_BITS)
