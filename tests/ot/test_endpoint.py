"""Every operation equals its plain meaning, for all lengths and widths."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.field import P
from cryptomoe.party import Party

MODULI = st.one_of(st.just(P), st.integers(1, 62).map(lambda width: 1 << width))
SENDERS = st.sampled_from(list(Party))
SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=20, deadline=None)


def _uniform(rng: np.random.Generator, shape: Any, limit: int) -> Any:
    return rng.integers(0, limit, shape, dtype=np.uint64)


def _bits(rng: np.random.Generator, count: int) -> Any:
    return rng.integers(0, 2, count, dtype=np.uint8)


def _sum(shares: tuple[Any, Any], modulus: int) -> list[int]:
    assert all(share.dtype == np.uint64 and (share < modulus).all() for share in shares)
    return [(int(a) + int(b)) % modulus for a, b in zip(*shares, strict=True)]


def _xor(shares: tuple[Any, Any]) -> Any:
    assert all(share.dtype == np.uint8 and (share < 2).all() for share in shares)
    return shares[0] ^ shares[1]


@given(count=st.integers(0, 300), modulus=MODULI, seed=SEEDS)
@FEW
def test_correlations_in_both_directions(parties: Any, count: int, modulus: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = [_uniform(rng, count, modulus) for _ in Party]
    bits = [_bits(rng, count) for _ in Party]
    shares = parties.run(lambda own, i: own.correlate(values[i], bits[i], modulus))
    expected = [
        (int(v0) * int(c1) + int(v1) * int(c0)) % modulus
        for v0, v1, c0, c1 in zip(*values, *bits, strict=True)
    ]
    assert _sum(shares, modulus) == expected


@given(count=st.integers(0, 300), modulus=MODULI, sender=SENDERS, seed=SEEDS)
@FEW
def test_correlations_in_one_direction(
    parties: Any, count: int, modulus: int, sender: Party, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values, bits = _uniform(rng, count, modulus), _bits(rng, count)
    shares = parties.run(
        lambda own, i: own.correlate_one_way(sender, values if i == sender else bits, modulus)
    )
    assert _sum(shares, modulus) == [int(v) * int(c) for v, c in zip(values, bits, strict=True)]


@pytest.mark.parametrize("modulus", [2, 1 << 62, P])
def test_correlations_of_extreme_values(parties: Any, modulus: int) -> None:
    values = np.array([0, 1, modulus - 1, modulus // 2] * 50, np.uint64)
    bits = np.repeat(np.array([0, 1], np.uint8), 100)
    shares = parties.run(lambda own, _: own.correlate(values, bits, modulus))
    expected = [2 * int(v) * int(c) % modulus for v, c in zip(values, bits, strict=True)]
    assert _sum(shares, modulus) == expected


@given(
    count=st.integers(0, 100),
    choice_bits=st.integers(1, 5),
    width=st.integers(1, 62),
    sender=SENDERS,
    seed=SEEDS,
)
@FEW
def test_the_receiver_gets_the_chosen_message(
    parties: Any, count: int, choice_bits: int, width: int, sender: Party, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    messages = _uniform(rng, (count, 1 << choice_bits), 1 << width)
    choices = rng.integers(0, 1 << choice_bits, count, dtype=np.uint8)
    results = parties.run(
        lambda own, i: own.one_of_many(
            sender, messages if i == sender else choices, choice_bits, width
        )
    )
    assert results[sender] is None
    chosen = results[sender.peer]
    assert chosen.dtype == np.uint64
    assert (chosen == messages[np.arange(count), choices]).all()


def test_long_tables(parties: Any) -> None:
    """More than fits one part of the rows."""
    rng = np.random.default_rng(1)
    messages = _uniform(rng, (3000, 32), 1 << 45)
    choices = rng.integers(0, 32, 3000, dtype=np.uint8)
    chosen = parties.run(
        lambda own, i: own.one_of_many(Party.SERVER, messages if i else choices, 5, 45)
    )[0]
    assert (chosen == messages[np.arange(3000), choices]).all()


@given(count=st.integers(0, 300), seed=SEEDS)
@FEW
def test_products_of_shared_bits(parties: Any, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = ([_bits(rng, count) for _ in Party] for _ in range(2))
    shares = parties.run(lambda own, i: own.and_bits(left[i], right[i]))
    assert (_xor(shares) == (left[0] ^ left[1]) & (right[0] ^ right[1])).all()


@given(count=st.integers(0, 60), bits=st.integers(1, 62), seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_comparisons(parties: Any, count: int, bits: int, seed: int) -> None:
    """Random pairs, pairs that differ in few places, and equal ones."""
    rng = np.random.default_rng(seed)
    first, second = (_uniform(rng, count, 1 << bits) for _ in Party)
    near = rng.integers(0, 3, count)
    flipped = np.uint64(1) << _uniform(rng, count, bits)
    second = np.where(near == 0, second, np.where(near == 1, first ^ flipped, first))
    values = (first, second)
    less, equal = zip(
        *parties.run(lambda own, i: own.less_than_and_equal(values[i], bits)), strict=True
    )
    assert (_xor(less) == (first < second)).all()
    assert (_xor(equal) == (first == second)).all()
    assert (_xor(parties.run(lambda own, i: own.less_than(values[i], bits))) == _xor(less)).all()
    assert (_xor(parties.run(lambda own, i: own.equal(values[i], bits))) == _xor(equal)).all()


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6])
def test_all_pairs_of_small_integers(parties: Any, bits: int) -> None:
    pairs = list(product(range(1 << bits), repeat=2))
    values = np.array(pairs, np.uint64).T
    less, equal = zip(
        *parties.run(lambda own, i: own.less_than_and_equal(values[i], bits)), strict=True
    )
    assert _xor(less).tolist() == [x < y for x, y in pairs]
    assert _xor(equal).tolist() == [x == y for x, y in pairs]


def test_extremes_of_the_widest_comparison(parties: Any) -> None:
    edges = [0, 1, (1 << 61) - 1, 1 << 61, (1 << 62) - 1]
    pairs = list(product(edges, repeat=2))
    values = np.array(pairs, np.uint64).T
    shares = parties.run(lambda own, i: own.less_than(values[i], 62))
    assert _xor(shares).tolist() == [x < y for x, y in pairs]


@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_any_order_of_operations(parties: Any, seed: int) -> None:
    """The two sides' counters stay together whatever is called after whatever."""
    rng = np.random.default_rng(seed)
    for operation in rng.integers(0, 4, 6):
        count = int(rng.integers(0, 400))
        values = [_uniform(rng, count, 1 << 20) for _ in Party]
        if operation == 0:
            shares = parties.run(lambda own, i, v=values: own.less_than(v[i], 20))
            assert (_xor(shares) == (values[0] < values[1])).all()
        elif operation == 1:
            shares = parties.run(lambda own, i, v=values: own.equal(v[i], 20))
            assert (_xor(shares) == (values[0] == values[1])).all()
        elif operation == 2:
            bits = [(value & np.uint64(1)).astype(np.uint8) for value in values]
            shares = parties.run(lambda own, i, b=bits: own.and_bits(b[i], b[i]))
            assert (_xor(shares) == bits[0] ^ bits[1]).all()
        else:
            choices = (values[0] & np.uint64(1)).astype(np.uint8)
            table = np.stack([values[1], values[1] + np.uint64(1)], axis=1)
            chosen = parties.run(
                lambda own, i, c=choices, t=table: own.one_of_many(
                    Party.SERVER, t if i == Party.SERVER else c, 1, 21
                )
            )
            assert (chosen[0] == values[1] + choices).all()


def test_every_session_has_a_delta_of_its_own(make_parties: Any) -> None:
    deltas = [endpoint._delta.tobytes() for _ in range(2) for endpoint in make_parties().endpoints]
    assert len(set(deltas)) == 4


@pytest.mark.parametrize("modulus", [0, 1, 3, 1 << 63, P + 1, -2])
def test_other_moduli_are_refused(parties: Any, modulus: int) -> None:
    endpoint = parties.endpoints[0]
    words, bits = np.ones(3, np.uint64), np.ones(3, np.uint8)
    with pytest.raises(ValueError, match="modulo"):
        endpoint.correlate(words, bits, modulus)
    with pytest.raises(ValueError, match="modulo"):
        endpoint.correlate_one_way(Party.CLIENT, words, modulus)


@pytest.mark.parametrize("bits", [0, 63])
def test_other_widths_are_refused(parties: Any, bits: int) -> None:
    endpoint = parties.endpoints[0]
    with pytest.raises(ValueError, match="bits"):
        endpoint.less_than(np.ones(3, np.uint64), bits)
    with pytest.raises(ValueError, match="bits"):
        endpoint.one_of_many(Party.CLIENT, np.ones((3, 4), np.uint64), 2, bits)


@pytest.mark.parametrize("choice_bits", [0, 6])
def test_other_table_sizes_are_refused(parties: Any, choice_bits: int) -> None:
    with pytest.raises(ValueError, match="messages"):
        parties.endpoints[1].one_of_many(Party.CLIENT, np.ones(3, np.uint8), choice_bits, 8)
