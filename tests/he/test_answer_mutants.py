"""What each step of an answer protects, shown on the code and on a variant without that step.

Every check holds for the real code and fails for its mutant, which shows that it can fail. What a
client sees of the noise is looked at in answers that keep all primes: the switch to two primes
hides most of it as well, but nothing is proved about that.
"""

import math
from typing import Any
from unittest.mock import patch

import homomorphic as mutants
import numpy as np
import pytest
import tenseal.sealapi as seal
from he_pair import HePair, centred, crt, modulus_of
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.errors import UsageError
from cryptomoe.he import linear, seal_objects
from cryptomoe.he.flood import CEILING_COEFFICIENTS, noise_deviation
from cryptomoe.he.layouts.lanes import LanesPlan
from cryptomoe.he.linear import EncodedWeights, PlaintextCache
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.wire import unpack_residues
from cryptomoe.net.channel import Channel

pytestmark = pytest.mark.leakage

N = STANDARD.degree
PRIMES = STANDARD.data_primes
ONE_PRODUCT = noise_deviation(STANDARD, 1, 0)
NEEDED = 2.0**39 * math.sqrt(CEILING_COEFFICIENTS)

Floats = NDArray[np.float64]


def uniform(count: int, seed: int) -> fp.FieldArray:
    """Uniform slots (count, N)."""
    return np.random.default_rng(seed).integers(0, fp.P, (count, N), dtype=np.uint64)


def answered(pair: HePair, slots: fp.FieldArray, weights: fp.FieldArray) -> fp.FieldArray:
    """Residues (count, 2, primes, N) of one answer: each of `slots` times each of `weights`."""
    products = [
        pair.multiplied(left[np.newaxis], right[np.newaxis])
        for left, right in zip(slots, weights, strict=True)
    ]
    message, _ = pair.server.answer(products, ONE_PRODUCT)
    kept = pair.parameters.answer_primes
    return unpack_residues("answer", message, (len(slots), 2, kept, N), PRIMES[:kept])


# --- the encryption of zero: c1 must not be a known function of the server's plaintext ------------


def recovered_share(pair: HePair) -> float:
    """The share of the server's plaintext polynomial that a client computes from c1 alone."""
    weights = uniform(1, 2)
    request = pair.owner.encrypt(uniform(1, 1))
    sent = unpack_residues("request", request, (2, len(PRIMES), N), PRIMES)
    ciphertexts = pair.server.load("request", request, 1)
    transformed = [pair.server.transformed(ciphertext) for ciphertext in ciphertexts]
    product = pair.server.sum_of_products(transformed, [pair.server.encode(weights[0])])
    message, _ = pair.server.answer([product], ONE_PRODUCT)
    answer = unpack_residues("answer", message, (2, len(PRIMES), N), PRIMES)
    found = crt(divided(pair, answer[1], sent[1]), PRIMES)
    modulus = modulus_of(PRIMES)
    plaintext = np.array([centred(x, modulus) % fp.P for x in found], np.uint64)
    return float((plaintext == pair.coefficients_of(weights[0])).mean())


def divided(pair: HePair, numerator: fp.FieldArray, denominator: fp.FieldArray) -> Any:
    """Residues (primes, N) of the polynomial whose product with the denominator is the numerator.

    The client's own public computation: a quotient at every root of X^N + 1, prime by prime.
    """
    owner, server = pair.owner, pair.server
    at_roots = []
    for polynomial in (numerator, denominator):
        ciphertext = seal.Ciphertext()
        pairs = np.stack([polynomial, polynomial])
        seal_objects.load_ciphertext(ciphertext, owner._context, pairs, server._first_id)
        at_roots.append(seal_objects.ciphertext_residues(server.transformed(ciphertext)))
    values, divisors = at_roots
    for index, prime in enumerate(PRIMES):
        values[:, index] = values[:, index] * inverses(divisors[:, index], prime) % prime
    result = seal.Ciphertext()
    layout = seal_objects._ciphertext_layout(values, server._first_id, ntt=True)
    seal_objects._load(result, owner._context, layout)
    server._evaluator.transform_from_ntt_inplace(result)
    return list(seal_objects.ciphertext_residues(result)[1])


def inverses(values: fp.FieldArray, prime: int) -> fp.FieldArray:
    """Inverses modulo a 30-bit prime, by Fermat; 0 for 0."""
    result, base, exponent = np.ones_like(values), values.copy(), prime - 2
    while exponent:
        if exponent & 1:
            result = result * base % np.uint64(prime)
        base = base * base % np.uint64(prime)
        exponent >>= 1
    return result


def test_c1_tells_nothing_of_the_servers_plaintext(wide_pair: HePair) -> None:
    assert recovered_share(wide_pair) == 0.0


def test_without_an_encryption_of_zero_c1_gives_the_plaintext_away(wide_pair: HePair) -> None:
    """Exactly, in every coefficient, in spite of flood and masks."""
    with mutants.answers_without_an_encryption_of_zero():
        assert recovered_share(wide_pair) == 1.0


def distance_from_a_guess(pair: HePair, guess: fp.FieldArray, weights: fp.FieldArray) -> int:
    """How far c1 of the switched answer is from what a guess of the plaintext predicts."""
    request = pair.upload(uniform(1, 1))
    transformed = [pair.server.transformed(request[0])]
    predicted = pair.server.sum_of_products(transformed, [pair.server.encode(guess)])
    exact = crt(list(seal_objects.ciphertext_residues(predicted)[1]), PRIMES)
    product = pair.server.sum_of_products(transformed, [pair.server.encode(weights)])
    message, _ = pair.server.answer([product], ONE_PRODUCT)
    kept = PRIMES[: pair.parameters.answer_primes]
    answer = unpack_residues("answer", message, (2, len(kept), N), kept)
    dropped = modulus_of(PRIMES[len(kept) :])
    return max(
        abs(centred(found - (wanted + dropped // 2) // dropped, modulus_of(kept)))
        for found, wanted in zip(crt(list(answer[1]), kept), exact, strict=True)
    )


def test_a_guess_of_the_plaintext_cannot_be_checked(pair: HePair) -> None:
    """In the answers as they are sent, with two primes: the right guess is as far off as any."""
    weights = uniform(1, 3)[0]
    assert distance_from_a_guess(pair, weights, weights) > 1 << 55


def test_without_an_encryption_of_zero_a_guess_can_be_checked(pair: HePair) -> None:
    """The switch rounds, which hides the plaintext from division but not from a guess."""
    right, wrong = uniform(2, 3)
    with mutants.answers_without_an_encryption_of_zero():
        assert distance_from_a_guess(pair, right, right) <= 2
        assert distance_from_a_guess(pair, wrong, right) > 1 << 55


# --- the flood: its deviation against the noise that it hides -------------------------------------


class Watching:
    """SEAL's evaluator; keeps what the flood, the only summand without c1, is added to."""

    def __init__(self, evaluator: Any) -> None:
        self._evaluator = evaluator
        self.floods: list[tuple[fp.FieldArray, fp.FieldArray]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._evaluator, name)

    def add_inplace(self, total: Any, other: Any) -> None:
        """As SEAL."""
        residues = seal_objects.ciphertext_residues(other)
        if not residues[1].any():
            self.floods.append((seal_objects.ciphertext_residues(total), residues[0]))
        self._evaluator.add_inplace(total, other)


def flood_over_noise(pair: HePair) -> float:
    """The least ratio of the flood to 2^39 sqrt(ceiling) times the noise it was added to."""
    watching = Watching(pair.server._evaluator)
    worst = pair.slots_of(np.full(N, fp.P // 2, np.uint64))
    with patch.object(pair.server, "_evaluator", watching):
        messages = np.stack([pair.worst_message(), uniform(1, 4)[0]])
        answered(pair, messages, np.stack([worst, uniform(1, 5)[0]]))
    assert len(watching.floods) == 2
    ratios = []
    for ciphertext, flood in watching.floods:
        kept = PRIMES[: len(flood)]
        modulus = modulus_of(kept)
        added = np.array([float(centred(x, modulus)) for x in crt(list(flood), kept)])
        noise = pair.noise(ciphertext)
        ratios.append(np.sqrt(np.mean(added**2) / np.mean(noise**2)) / NEEDED)
    return min(ratios)


def test_the_flood_covers_the_noise_it_is_added_to(pair: HePair) -> None:
    """The bound itself, since no statistical test sees a flood that is only somewhat too small."""
    assert flood_over_noise(pair) >= 1


@pytest.mark.parametrize(
    "mutant",
    [
        mutants.answers_without_a_flood,
        mutants.flood_of_a_fixed_width,
        mutants.flood_for_a_fresh_ciphertext,
        mutants.modulus_switched_before_the_flood,
    ],
)
def test_a_flood_that_does_not_cover_the_noise_is_caught(pair: HePair, mutant: Any) -> None:
    """After a switch the noise is mostly rounding, and no flood that fits is 2^55 times that."""
    with mutant():
        assert flood_over_noise(pair) < 2.0**-8


def noise_of_answers(pair: HePair, weights: fp.FieldArray) -> Floats:
    """What a client sees of the noise of four answers, sizes only."""
    answers = answered(pair, uniform(4, 6), np.tile(weights, (4, 1)))
    return np.abs(np.concatenate([pair.noise(answer) for answer in answers]))


def distance(first: Floats, second: Floats) -> float:
    """Kolmogorov and Smirnov's distance of two samples."""
    everything = np.concatenate([first, second])
    shares = [
        np.searchsorted(np.sort(sample), everything, "right") / sample.size
        for sample in (first, second)
    ]
    return float(np.abs(shares[0] - shares[1]).max())


def distance_of_noise(pair: HePair) -> float:
    """Between answers under two weights of the server, 1 in every slot and a large polynomial."""
    large = pair.slots_of(np.full(N, fp.P // 2, np.uint64))
    ones = np.ones(N, np.uint64)
    return distance(noise_of_answers(pair, ones), noise_of_answers(pair, large))


LIMIT = math.sqrt(-math.log(1e-9 / 2) / (4 * N))
"""Distance of two samples of 4 N from one distribution, exceeded with probability 10^-9."""


def test_noise_does_not_tell_two_weights_apart(wide_pair: HePair) -> None:
    assert distance_of_noise(wide_pair) < LIMIT


@pytest.mark.parametrize(
    "mutant", [mutants.answers_without_a_flood, mutants.flood_of_a_fixed_width]
)
def test_noise_under_a_small_flood_tells_two_weights_apart(wide_pair: HePair, mutant: Any) -> None:
    with mutant():
        assert distance_of_noise(wide_pair) > 0.9


def test_no_test_of_samples_sees_a_flood_for_a_fresh_ciphertext(wide_pair: HePair) -> None:
    """Which is why the bound is tested: this mutant passes the comparison of noise."""
    ones = np.ones(N, np.uint64)
    with mutants.flood_for_a_fresh_ciphertext():
        first = noise_of_answers(wide_pair, ones)
        second = noise_of_answers(wide_pair, uniform(1, 7)[0])
    assert distance(first, second) < LIMIT


# --- the masks ------------------------------------------------------------------------------------


def unlikely_cells(slots: fp.FieldArray) -> float:
    """Chi-squared of slots over 64 equal cells of F_p, in standard deviations above its mean."""
    cells = (slots.astype(object) * 64 // fp.P).astype(np.int64)
    counts = np.bincount(cells.reshape(-1), minlength=64)
    expected = slots.size / 64
    return float((((counts - expected) ** 2 / expected).sum() - 63) / math.sqrt(126))


def shown_by_products(pair: HePair) -> fp.FieldArray:
    """Slots (3, N) that a client decrypts where all products are zero."""
    products = [pair.multiplied(uniform(1, 8), np.zeros((1, N), np.uint64)) for _ in range(3)]
    message, _ = pair.server.answer(products, ONE_PRODUCT)
    return pair.owner.decrypt("answer", message, 3)


def test_masks_are_uniform_and_unrelated(pair: HePair) -> None:
    shown = shown_by_products(pair)
    assert unlikely_cells(shown) < 5
    assert unlikely_cells(fp.subtract(shown[0], shown[1])) < 5
    assert unlikely_cells(fp.subtract(shown[1], shown[2])) < 5


def test_masks_from_a_smaller_range_are_caught(pair: HePair) -> None:
    with mutants.masks_of_whole_bits():
        assert unlikely_cells(shown_by_products(pair)) > 100


def test_one_mask_for_all_ciphertexts_is_caught(pair: HePair) -> None:
    """Each alone is uniform; their difference is the difference of the products."""
    with mutants.one_mask_for_all_ciphertexts():
        shown = shown_by_products(pair)
    assert unlikely_cells(shown[0]) < 5
    assert unlikely_cells(fp.subtract(shown[0], shown[1])) > 100


# A row with 3 of 4 features and 5 of 8 outputs wanted: most slots of the answer are unused.
PLAN = LanesPlan(
    1, 3, 3, 5, STANDARD.half_row, 8, 1, 2, inputs_in_lanes=True, outputs_in_lanes=True
)


def shown_by_a_linear_map(pair: HePair) -> fp.FieldArray:
    """All slots (answers, N) that a client decrypts, used or not."""
    generator = np.random.default_rng(9)
    x, w = (generator.integers(0, fp.P, shape, dtype=np.uint64) for shape in ((1, 3, 3), (1, 3, 5)))

    def ask(channel: Channel, keys: Any) -> fp.FieldArray:
        keys.require(PLAN.galois_steps)
        linear.request_linear(channel, pair.owner, PLAN, x)
        message = channel.receive("answer", PLAN.answers * STANDARD.answer_bytes)
        return pair.owner.decrypt("answer", message, PLAN.answers)

    def answer(channel: Channel, keys: Any) -> fp.FieldArray:
        keys.require(PLAN.galois_steps)
        ciphertexts = linear.receive_linear(channel, pair.server, PLAN)
        weights = EncodedWeights(w, PlaintextCache(0))
        nothing = np.zeros_like(x)
        return linear.answer_linear(channel, pair.server, PLAN, ciphertexts, nothing, weights)

    shown, share = pair.run(ask, answer)
    assert np.array_equal(fp.add(PLAN.unpack(shown), share), fp.matmul(x, w))
    return shown


def test_slots_that_nobody_wants_are_uniform_too(pair: HePair) -> None:
    assert unlikely_cells(shown_by_a_linear_map(pair)) < 5


def test_unmasked_unused_slots_are_caught(pair: HePair) -> None:
    """The right result, and beside it slots that show what the weights left there."""
    with mutants.no_mask_in_unused_slots():
        assert unlikely_cells(shown_by_a_linear_map(pair)) > 100


# --- the ceiling ----------------------------------------------------------------------------------


def exceeds_the_ceiling(pair: HePair) -> bool:
    """Whether the last answer before the ceiling is followed by another."""
    pair.server.budget.spent = CEILING_COEFFICIENTS - N
    try:
        answered(pair, uniform(2, 10), uniform(2, 11))
    except UsageError:
        return False
    return True


def test_no_answer_exceeds_the_ceiling(pair: HePair) -> None:
    assert not exceeds_the_ceiling(pair)


def test_answers_that_are_not_counted_are_caught(pair: HePair) -> None:
    with mutants.answers_not_counted():
        assert exceeds_the_ceiling(pair)


# --- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mutant",
    [value for name, value in vars(mutants).items()
     if getattr(value, "__module__", "") == mutants.__name__ and not name.startswith("_")],
)  # fmt: skip
def test_mutants_compute_the_right_products(pair: HePair, mutant: Any) -> None:
    """So only the checks above tell them from the real code; each says what is broken."""
    slots, weights = uniform(2, 12), uniform(2, 13)
    with mutant():
        products = [pair.multiplied(slots[i : i + 1], weights[i : i + 1]) for i in range(2)]
        message, masks = pair.server.answer(products, ONE_PRODUCT)
        shown = pair.owner.decrypt("answer", message, 2)
    assert np.array_equal(fp.subtract(shown, masks), fp.multiply(slots, weights))
    assert mutant.__doc__.endswith(".")
