"""The flood: its distribution, its width, and that it is wide enough for the noise as measured.

SEAL draws keys and errors from the operating system, so noise is compared with limits that it
exceeds with a probability below 10^-7; the flood itself is drawn from fixed seeds.
"""

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
from cryptomoe.he import masking
from cryptomoe.he.flood import (
    CEILING_COEFFICIENTS,
    FloodBudget,
    flood_bits,
    key_switch_deviation,
    noise_deviation,
    sample_flood,
)
from cryptomoe.he.layouts.lanes import plan_lanes
from cryptomoe.he.parameters import ERROR_DEVIATION, STANDARD
from cryptomoe.randomness import Randomness

N = STANDARD.degree
MODULUS = modulus_of(STANDARD.data_primes)
STATISTICAL = 2.0**39 * math.sqrt(2.0**32)
"""What CRYPTO asks for: sigma is 2^39 sqrt(coefficients) times the noise, for 2^32 of them."""
KEYS_TOLERANCE = 1.5
"""How far noise averaged over 16 keys may lie above its mean; one key alone moves it as much."""


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def flood(bits: int, seed: int = 1) -> list[int]:
    """One polynomial of flood as integers."""
    stream = Randomness(bytes([seed]) * 32).stream("flood")
    residues = sample_flood(stream, STANDARD, bits)
    return [centred(x, MODULUS) for x in crt(list(residues), STANDARD.data_primes)]


def uniform(count: int, seed: int) -> fp.FieldArray:
    """Uniform slots (count, N)."""
    return np.random.default_rng(seed).integers(0, fp.P, (count, N), dtype=np.uint64)


def worst_plaintexts(pair: HePair) -> dict[str, fp.FieldArray]:
    """Slots of polynomials whose every coefficient is about p/2 in size."""
    signs = np.random.default_rng(5).random(N) < 0.5
    return {
        "all of one sign": pair.slots_of(np.full(N, fp.P // 2, np.uint64)),
        "random signs": pair.slots_of(
            np.where(signs, fp.P // 2, fp.P - fp.P // 2).astype(np.uint64)
        ),
    }


def worst_message(pair: HePair) -> fp.FieldArray:
    """Slots of a polynomial m with q m / p rounded by almost 1/2, downwards, everywhere."""
    coefficient = (fp.P // 2) * pow(MODULUS, -1, fp.P) % fp.P
    return pair.slots_of(np.full(N, coefficient, np.uint64))


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


# --- the noise as measured ------------------------------------------------------------------------


def test_the_error_of_a_fresh_ciphertext_has_the_deviation_of_the_parameters(pair: HePair) -> None:
    """Encryptions of zero, where nothing is rounded."""
    ciphertexts = pair.upload(np.zeros((16, N), np.uint64))
    errors = np.concatenate([pair.noise(ciphertext) for ciphertext in ciphertexts])
    assert np.array_equal(errors, np.rint(errors))
    spread = ERROR_DEVIATION / math.sqrt(2 * errors.size)
    assert abs(rms(errors) - ERROR_DEVIATION) < 6 * spread
    assert abs(errors.mean()) < 6 * ERROR_DEVIATION / math.sqrt(errors.size)


def test_rounding_adds_at_most_a_half(pair: HePair) -> None:
    """The largest that the formula counts for one plaintext, and the worst message reaches it."""
    residual = pair.noise(pair.upload(worst_message(pair)[np.newaxis])[0])
    fraction = residual - np.rint(residual)
    assert np.abs(fraction).min() > 0.499
    assert abs(residual.mean()) < 0.5 + 6 * ERROR_DEVIATION / math.sqrt(N)


@pytest.mark.parametrize("message", ["uniform", "worst"])
@pytest.mark.parametrize("plaintext", ["all of one sign", "random signs", "uniform"])
@pytest.mark.parametrize("products", [1, 16])
def test_products_of_fresh_ciphertexts_stay_below_the_formula(
    pair: HePair, message: str, plaintext: str, products: int
) -> None:
    """Also with plaintexts and messages chosen for it; and the flood exceeds what was measured."""
    slots = uniform(products, 6) if message == "uniform" else worst_message(pair)[np.newaxis]
    weights = (worst_plaintexts(pair) | {"uniform": uniform(1, 7)[0]})[plaintext]
    product_ = pair.multiplied(
        np.broadcast_to(slots, (products, N)), np.broadcast_to(weights, (products, N))
    )
    measured = rms(pair.noise(product_[0]))
    deviation = noise_deviation(STANDARD, products, 0)
    assert measured < deviation
    sigma = 2.0 ** flood_bits(STANDARD, deviation) * math.sqrt(4 / 3)
    assert sigma >= STATISTICAL * measured


def test_aligned_rounding_is_more_than_independent_errors_would_be(pair: HePair) -> None:
    """What the formula would miss if it took rounding for one more random error."""
    weights = worst_plaintexts(pair)["all of one sign"]
    noise = pair.noise(pair.multiplied(worst_message(pair)[np.newaxis], weights[np.newaxis])[0])
    independent = math.hypot(ERROR_DEVIATION, 1) * math.sqrt(N) * fp.P / 2
    assert 3 * independent < rms(noise) < noise_deviation(STANDARD, 1, 0)


@pytest.fixture(scope="module")
def rotation_noise(standard_pair: HePair) -> list[float]:
    """Mean square of the noise of a fresh zero after one rotation, for 16 keys."""
    found = []
    for step in range(1, 17):
        standard_pair.allow_rotation(step)
        ciphertexts = standard_pair.upload(np.zeros((1, N), np.uint64))
        turned = standard_pair.rotated(ciphertexts, step)
        found.append(rms(standard_pair.noise(turned[0])) ** 2)
    return found


def test_a_rotation_adds_the_noise_of_the_formula(rotation_noise: list[float]) -> None:
    """On average over keys; each key is a draw of its own and moves it up and down."""
    measured = math.sqrt(np.mean(rotation_noise))
    formula = math.hypot(key_switch_deviation(STANDARD), ERROR_DEVIATION)
    assert formula / 2 < measured < KEYS_TOLERANCE * formula


@pytest.mark.parametrize("plaintext", ["all of one sign", "random signs", "uniform"])
def test_products_of_rotated_ciphertexts_stay_below_the_formula(
    pair: HePair, rotation_noise: list[float], plaintext: str
) -> None:
    """Sixteen keys one after another, a product after each, and the sum turned once more.

    Plaintexts of one sign follow the mean of key-switching digits, which the formula allows for;
    others stay far below it. The flood exceeds what was measured as it should.
    """
    weights = (worst_plaintexts(pair) | {"uniform": uniform(1, 8)[0]})[plaintext]
    ciphertexts, turned = pair.upload(uniform(1, 9)), []
    for step in range(1, 17):
        ciphertexts = pair.rotated(ciphertexts, step)
        turned.append(ciphertexts)
    sums = pair.server.products(pair.joined(turned), np.tile(weights, (16, 1)), 16)
    total = pair.rotated(sums, 1)
    deviation = noise_deviation(STANDARD, 16, 16, 1)
    measured = rms(pair.noise(total[0]))
    assert measured < (KEYS_TOLERANCE if plaintext == "all of one sign" else 1 / 8) * deviation
    sigma = 2.0 ** flood_bits(STANDARD, deviation) * math.sqrt(4 / 3)
    assert KEYS_TOLERANCE * sigma >= STATISTICAL * measured


def test_a_plaintext_can_follow_the_noise_of_a_rotation(pair: HePair) -> None:
    """Noise fifty times that of independent coefficients, on average over 16 keys, and no more.

    With SEAL, whose digits have a mean. Those of `rns` are centred, and nothing can be followed.
    """
    weights = worst_plaintexts(pair)["all of one sign"][np.newaxis]
    squares = []
    for step in range(1, 17):
        pair.allow_rotation(step)
        turned = pair.rotated(pair.upload(uniform(1, 13)), step)
        product_ = pair.server.products(turned, weights, 1)
        squares.append(rms(pair.noise(product_[0])) ** 2)
    measured = math.sqrt(np.mean(squares))
    independent = key_switch_deviation(STANDARD) * math.sqrt(N) * fp.P / 2
    if pair.backend.name == "rns":
        assert measured < independent
    else:
        assert 10 * independent < measured < KEYS_TOLERANCE * noise_deviation(STANDARD, 1, 1)


# --- decryption of flooded answers, and the ceiling -----------------------------------------------


@pytest.mark.parametrize("sign", [-1, 1])
def test_answers_decrypt_with_flood_and_noise_at_their_largest(pair: HePair, sign: int) -> None:
    """Every coefficient of the flood at its end, at the largest noise that is accepted at all."""
    accepted = max(d for d in 2.0 ** np.arange(70, 77, 0.125) if _fits(d))
    bits = flood_bits(STANDARD, accepted)
    extreme = -4 << bits if sign < 0 else 4 * ((1 << bits) - 1)
    residues = np.array([[extreme % prime] * N for prime in STANDARD.data_primes], np.uint32)
    slots, weights = uniform(4, 10), uniform(4, 11)
    with patch.object(masking, "sample_flood", lambda *_: residues):
        message, masks = pair.server.answer(pair.multiplied(slots, weights), accepted)
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
    assert CEILING_COEFFICIENTS == 1 << 32
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
