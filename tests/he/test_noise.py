"""Noise as measured, exactly, against the formula that floods are sized by.

SEAL draws keys and errors from the operating system, so noise is compared with limits that it
exceeds with a probability below 10^-7.
"""

import math

import numpy as np
import pytest
from he_pair import HePair

from cryptomoe import field as fp
from cryptomoe.he.flood import flood_bits, key_switch_deviation, noise_deviation
from cryptomoe.he.parameters import ERROR_DEVIATION, STANDARD

N = STANDARD.degree
STATISTICAL = 2.0**39 * math.sqrt(2.0**32)
"""Deviation of a flood over that of the noise, for 2^32 coefficients and a distance of 2^-40."""
KEYS_TOLERANCE = 1.5
"""How far noise averaged over 16 keys may lie above its mean; one key alone moves it as much."""


def rms(values: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


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
    residual = pair.noise(pair.upload(pair.worst_message()[np.newaxis])[0])
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
    slots = uniform(products, 6) if message == "uniform" else pair.worst_message()[np.newaxis]
    weights = (worst_plaintexts(pair) | {"uniform": uniform(1, 7)[0]})[plaintext]
    product_ = pair.multiplied(
        np.broadcast_to(slots, (products, N)), np.broadcast_to(weights, (products, N))
    )
    measured = rms(pair.noise(product_))
    deviation = noise_deviation(STANDARD, products, 0)
    assert measured < deviation
    sigma = 2.0 ** flood_bits(STANDARD, deviation) * math.sqrt(4 / 3)
    assert sigma >= STATISTICAL * measured


def test_aligned_rounding_is_more_than_independent_errors_would_be(pair: HePair) -> None:
    """What the formula would miss if it took rounding for one more random error."""
    weights = worst_plaintexts(pair)["all of one sign"]
    noise = pair.noise(pair.multiplied(pair.worst_message()[np.newaxis], weights[np.newaxis]))
    independent = math.hypot(ERROR_DEVIATION, 1) * math.sqrt(N) * fp.P / 2
    assert 3 * independent < rms(noise) < noise_deviation(STANDARD, 1, 0)


@pytest.fixture(scope="module")
def rotation_noise(standard_pair: HePair) -> list[float]:
    """Mean square of the noise of a fresh zero after one rotation, for 16 keys."""
    found = []
    for step in range(1, 17):
        standard_pair.allow_rotation(step)
        ciphertext = standard_pair.upload(np.zeros((1, N), np.uint64))[0]
        turned = standard_pair.server.rotate(ciphertext, step)
        found.append(rms(standard_pair.noise(turned)) ** 2)
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
    encoded = pair.server.encode(weights)
    ciphertext, turned = pair.upload(uniform(1, 9))[0], []
    for step in range(1, 17):
        ciphertext = pair.server.rotate(ciphertext, step)
        turned.append(pair.server.transformed(ciphertext))
    total = pair.server.rotate(pair.server.sum_of_products(turned, [encoded] * 16), 1)
    deviation = noise_deviation(STANDARD, 16, 16, 1)
    measured = rms(pair.noise(total))
    assert measured < (KEYS_TOLERANCE if plaintext == "all of one sign" else 1 / 8) * deviation
    sigma = 2.0 ** flood_bits(STANDARD, deviation) * math.sqrt(4 / 3)
    assert KEYS_TOLERANCE * sigma >= STATISTICAL * measured


def test_a_plaintext_can_follow_the_noise_of_a_rotation(pair: HePair) -> None:
    """Noise fifty times that of independent coefficients, on average over 16 keys, and no more."""
    encoded = pair.server.encode(worst_plaintexts(pair)["all of one sign"])
    squares = []
    for step in range(1, 17):
        pair.allow_rotation(step)
        turned = pair.server.rotate(pair.upload(uniform(1, 13))[0], step)
        product_ = pair.server.sum_of_products([pair.server.transformed(turned)], [encoded])
        squares.append(rms(pair.noise(product_)) ** 2)
    measured = math.sqrt(np.mean(squares))
    independent = key_switch_deviation(STANDARD) * math.sqrt(N) * fp.P / 2
    assert 10 * independent < measured < KEYS_TOLERANCE * noise_deviation(STANDARD, 1, 1)
