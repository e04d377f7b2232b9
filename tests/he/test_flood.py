"""The flood: its distribution, its width, room for it in every answer, and the ceiling."""

import math
from itertools import product
from unittest.mock import patch

import numpy as np
import pytest
from he_pair import HePair, centred, crt, modulus_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.errors import UsageError
from cryptomoe.he import seal_backend
from cryptomoe.he.flood import (
    CEILING_COEFFICIENTS,
    FloodBudget,
    flood_bits,
    noise_deviation,
    sample_flood,
)
from cryptomoe.he.layouts.lanes import plan_lanes
from cryptomoe.he.parameters import STANDARD
from cryptomoe.randomness import Randomness

N = STANDARD.degree
MODULUS = modulus_of(STANDARD.data_primes)
STATISTICAL = 2.0**39 * math.sqrt(2.0**32)
"""Deviation of a flood over that of the noise, for 2^32 coefficients and a distance of 2^-40."""


def flood(bits: int, seed: int = 1) -> list[int]:
    """One polynomial of flood as integers."""
    stream = Randomness(bytes([seed]) * 32).stream("flood")
    residues = sample_flood(stream, STANDARD, bits)
    return [centred(x, MODULUS) for x in crt(list(residues), STANDARD.data_primes)]


def uniform(count: int, seed: int) -> fp.FieldArray:
    """Uniform slots (count, N)."""
    return np.random.default_rng(seed).integers(0, fp.P, (count, N), dtype=np.uint64)


# --- the distribution of the flood ----------------------------------------------------------------


@pytest.mark.parametrize("bits", [0, 1, 5, 58, 59, 60, 61, 111, 129])
def test_residues_are_those_of_one_integer_within_the_bound(bits: int) -> None:
    """Across the boundary of 60-bit words as well; the largest size is nearly reached."""
    values = flood(bits)
    assert -4 << bits <= min(values)
    assert max(values) <= 4 * ((1 << bits) - 1)
    assert max(values) - min(values) >= (6 << bits) - 2


@pytest.mark.parametrize("bits", [3, 59, 60, 111, 129])
def test_moments_are_those_of_a_sum_of_four_uniforms(bits: int) -> None:
    """Mean -2, variance 4/3 of 4^bits, fourth moment 2.7: one uniform has 1.8, a Gaussian 3."""
    values = np.array([float(x + 2) for seed in (1, 2, 3, 4) for x in flood(bits, seed)])
    deviation = math.sqrt(4 * (4.0 ** (bits + 1) - 1) / 12)
    scaled = values / deviation
    assert abs(scaled.mean()) < 5 / math.sqrt(scaled.size)
    assert abs(np.mean(scaled**2) - 1) < 5 * math.sqrt(1.7 / scaled.size)
    fourth = 2.7 if bits > 10 else 2.7 - 0.0047
    assert abs(np.mean(scaled**4) - fourth) < 0.12


@pytest.mark.parametrize("bits", [0, 1, 2])
def test_small_floods_have_exactly_the_distribution_of_four_uniforms(bits: int) -> None:
    """Chi-squared against the enumerated distribution."""
    side = range(-1 << bits, 1 << bits)
    sums, ways = np.unique([sum(draw) for draw in product(side, repeat=4)], return_counts=True)
    expected = ways / ways.sum() * N * 4
    values = np.concatenate([flood(bits, seed) for seed in (1, 2, 3, 4)]).astype(np.int64)
    counts = np.array([(values == value).sum() for value in sums])
    assert counts.sum() == values.size
    common = expected >= 5
    statistic = ((counts - expected)[common] ** 2 / expected[common]).sum()
    degrees = common.sum() - 1
    assert statistic < degrees + 5 * math.sqrt(2 * degrees)


def test_low_and_high_words_are_independent() -> None:
    """Coefficients of 111 bits are no multiples of a 60-bit word, nor one word twice."""
    low = np.array([x % (1 << 30) for x in flood(111)], np.float64)
    high = np.array([float(x) for x in flood(111)])
    assert abs(np.corrcoef(low, high)[0, 1]) < 5 / math.sqrt(N)
    assert abs(low.mean() / (1 << 30) - 0.5) < 5 / math.sqrt(12 * N)


# --- its width ------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.floats(1.0, 2.0**73))
def test_the_width_is_the_least_that_the_formula_allows(deviation: float) -> None:
    """The deviation of four uniforms on [-2^w, 2^w) is 2^w sqrt(4/3)."""
    bits = flood_bits(STANDARD, deviation)
    assert 2.0**bits * math.sqrt(4 / 3) >= STATISTICAL * deviation * (1 - 1e-12)
    assert 2.0 ** (bits - 1) * math.sqrt(4 / 3) < STATISTICAL * deviation


def test_noise_that_cannot_be_hidden_is_refused() -> None:
    """Whatever is accepted leaves flood and noise below q / 2p, where decryption is right."""
    for exponent in np.arange(60, 100, 0.25):
        deviation = 2.0**exponent
        try:
            bits = flood_bits(STANDARD, deviation)
        except UsageError:
            assert 4 * 2**55 * deviation > MODULUS / fp.P / 16
            continue
        assert (4 << bits) + 16 * deviation < MODULUS / (4 * fp.P)
    with pytest.raises(UsageError, match="more noise"):
        flood_bits(STANDARD, 2.0**100)


@pytest.mark.parametrize(
    "size",
    [(64, 24, 256, 128), (64, 48, 2048, 1024), (8, 64, 4096, 14336), (1, 1, 2048, 102400),
     (1, 128, 4096, 50304), (60, 24, 2048, 1408), (8, 64, 14336, 4096), (1, 128, 50304, 2048),
     (1, 128, 102400, 2048), (1, 1, 151936, 2048)],
)  # fmt: skip
def test_the_products_of_real_models_fit(size: tuple[int, int, int, int]) -> None:
    """Batched expert projections, logits and embeddings at the sizes of published models."""
    plan = plan_lanes(STANDARD, *size)
    before, after = plan.babies - 1, plan.giants - 1
    flood_bits(STANDARD, noise_deviation(STANDARD, plan.products_per_answer, before, after))


def test_an_answer_has_room_for_the_largest_flood_and_rounding_together() -> None:
    """After the switch: the flood scaled down, and roundings of at most (1 + N) / 2 a prime.

    A number, not a sample: no draw of flood, noise or rounding can exceed it.
    """
    answer = modulus_of(STANDARD.data_primes[:2])
    largest = MODULUS / (4 * fp.P)
    later = [modulus_of(STANDARD.data_primes[2:i]) for i in range(3, 7)]
    rounding = (1 + N) / 2 * (1 + sum(1 / modulus for modulus in later))
    assert largest * answer / MODULUS + rounding < answer / (2 * fp.P)


# --- decryption of flooded answers, and the ceiling -----------------------------------------------


@pytest.mark.parametrize("sign", [-1, 1])
def test_answers_decrypt_with_flood_and_noise_at_their_largest(pair: HePair, sign: int) -> None:
    """Every coefficient of the flood at its end, at the largest noise that is accepted at all."""
    accepted = max(d for d in 2.0 ** np.arange(70, 77, 0.125) if _fits(d))
    bits = flood_bits(STANDARD, accepted)
    extreme = -4 << bits if sign < 0 else 4 * ((1 << bits) - 1)
    residues = np.array([[extreme % prime] * N for prime in STANDARD.data_primes], np.uint64)
    slots, weights = uniform(4, 10), uniform(4, 11)
    with patch.object(seal_backend, "sample_flood", lambda *_: residues):
        message, masks = pair.server.answer([pair.multiplied(slots, weights)], accepted)
    expected = fp.add(fp.total(fp.multiply(slots, weights), 0), masks[0])
    assert np.array_equal(pair.owner.decrypt("answer", message, 1)[0], expected)


def _fits(deviation: float) -> bool:
    try:
        flood_bits(STANDARD, deviation)
    except UsageError:
        return False
    return True


def test_the_ceiling_is_kept_to_the_last_coefficient() -> None:
    """A refused request is not counted, so smaller ones still fit."""
    assert CEILING_COEFFICIENTS == 15 << 28
    budget = FloodBudget()
    budget.spend(CEILING_COEFFICIENTS - 2 * N)
    with pytest.raises(UsageError, match="more ciphertexts"):
        budget.spend(2 * N + 1)
    budget.spend(N)
    budget.spend(N)
    assert budget.spent == CEILING_COEFFICIENTS
    with pytest.raises(UsageError):
        budget.spend(1)


def test_answers_are_counted_before_anything_is_drawn_or_sent(pair: HePair) -> None:
    """Two ciphertexts where one is left: refused, and the masks go on where they were."""
    pair.server.budget.spend(CEILING_COEFFICIENTS - N)
    ciphertexts = pair.upload(uniform(2, 12))
    with pytest.raises(UsageError, match="more ciphertexts"):
        pair.server.answer(ciphertexts, 2.0**60)
    _, masks = pair.server.answer(ciphertexts[:1], 2.0**60)
    pair.reseed()
    _, fresh = pair.server.answer(ciphertexts[1:], 2.0**60)
    assert np.array_equal(masks, fresh)
