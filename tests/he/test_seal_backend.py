"""The operations on ciphertexts compute on slots modulo p what they say, and answers are masked."""

import math

import numpy as np
import pytest
from he_pair import HePair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.errors import MalformedMessageError
from cryptomoe.he import seal_objects
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.seal_backend import Ciphertext
from cryptomoe.he.wire import pack_residues, unpack_residues

N = STANDARD.slots
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SMALL = noise_deviation(STANDARD, 64, 8, 8)
seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(["uniform", "zeros", "ones", "largest", "sparse", "half a row"])


def slots_of(kind: str, count: int, seed: int) -> fp.FieldArray:
    """Slots (count, N), uniform or of a kind that code may treat apart."""
    generator = np.random.default_rng(seed)
    slots = generator.integers(0, fp.P, (count, N), dtype=np.uint64)
    if kind == "sparse":
        return slots * (generator.random(slots.shape) < 0.001)
    if kind == "half a row":
        return slots * (np.arange(N) < N // 4)
    constants = {"zeros": 0, "ones": 1, "largest": fp.P - 1}
    return np.full_like(slots, constants[kind]) if kind in constants else slots


def opened(pair: HePair, ciphertexts: list[Ciphertext]) -> fp.FieldArray:
    """What the client decrypts, less the masks: slots (count, N)."""
    message, masks = pair.server.answer(ciphertexts, SMALL)
    return fp.subtract(pair.owner.decrypt("answer", message, len(ciphertexts)), masks)


@FEW
@given(kinds, st.integers(1, 3), seeds)
def test_what_is_encrypted_is_decrypted(pair: HePair, kind: str, count: int, seed: int) -> None:
    slots = slots_of(kind, count, seed)
    assert np.array_equal(opened(pair, pair.upload(slots)), slots)


@FEW
@given(kinds, kinds, seeds)
def test_slots_are_added(pair: HePair, kind: str, added: str, seed: int) -> None:
    slots, others = slots_of(kind, 1, seed), slots_of(added, 1, seed + 1)
    ciphertexts = pair.upload(slots)
    pair.server.add_slots(ciphertexts[0], others[0])
    assert np.array_equal(opened(pair, ciphertexts), fp.add(slots, others))


@pytest.mark.parametrize("step", [1, 2, 64, 2048, 4095])
def test_both_half_rows_rotate_left(pair: HePair, step: int) -> None:
    pair.allow_rotation(step)
    slots = slots_of("uniform", 1, step)
    original = pair.upload(slots)[0]
    turned = pair.server.rotate(original, step)
    expected = np.roll(slots.reshape(2, -1), -step, axis=1).reshape(1, -1)
    assert np.array_equal(opened(pair, [turned]), expected)
    assert np.array_equal(opened(pair, [original]), slots)


def test_without_its_key_there_is_no_rotation(pair: HePair) -> None:
    with pytest.raises(KeyError):
        pair.server.rotate(pair.upload(slots_of("uniform", 1, 1))[0], 1111)


@FEW
@given(st.lists(st.tuples(kinds, kinds), min_size=1, max_size=6), seeds)
def test_products_are_summed(pair: HePair, terms: list[tuple[str, str]], seed: int) -> None:
    """Zero plaintexts, zero ciphertexts and zero sums included: nothing about them is special."""
    left = np.concatenate([slots_of(kind, 1, seed + i) for i, (kind, _) in enumerate(terms)])
    right = np.concatenate([slots_of(kind, 1, seed + 9 + i) for i, (_, kind) in enumerate(terms)])
    total = opened(pair, [pair.multiplied(left, right)])
    assert np.array_equal(total[0], fp.total(fp.multiply(left, right), 0))


@pytest.mark.parametrize("count", [1, 3])
def test_sums_of_zero_plaintexts_are_zero_and_look_like_any_other(pair: HePair, count: int) -> None:
    """No error of SEAL tells of all-zero weights, and no answer is a transparent ciphertext."""
    slots, zeros = slots_of("uniform", count, 1), np.zeros((count, N), np.uint64)
    product = pair.multiplied(slots, zeros)
    message, masks = pair.server.answer([product], SMALL)
    assert np.array_equal(pair.owner.decrypt("answer", message, 1), masks)
    shape = (1, 2, STANDARD.answer_primes, N)
    residues = unpack_residues("answer", message, shape, STANDARD.data_primes[:2])
    assert (residues != 0).mean() > 0.999


def test_products_that_cancel(pair: HePair) -> None:
    slots, weights = slots_of("uniform", 1, 2), slots_of("uniform", 1, 3)
    product = pair.multiplied(np.tile(slots, (2, 1)), np.stack([weights[0], fp.negate(weights[0])]))
    assert not opened(pair, [product]).any()


def test_sums_of_products_are_added_and_rotated(pair: HePair) -> None:
    """The shape of Horner's rule: a sum, turned, with another added."""
    pair.allow_rotation(16)
    left, right = slots_of("uniform", 4, 4), slots_of("uniform", 4, 5)
    first, second = pair.multiplied(left[:2], right[:2]), pair.multiplied(left[2:], right[2:])
    total = pair.server.rotate(first, 16)
    pair.server.add(total, second)
    parts = fp.multiply(left, right)
    turned = np.roll(fp.add(parts[0], parts[1]).reshape(2, -1), -16, axis=1).reshape(-1)
    expected = fp.add(turned, fp.add(parts[2], parts[3]))
    assert np.array_equal(opened(pair, [total])[0], expected)


# --- masks ----------------------------------------------------------------------------------------


def looks_uniform(values: fp.FieldArray) -> bool:
    """Chi-squared over 64 equal cells of F_p, at five standard deviations."""
    cells = (values.astype(object) * 64 // fp.P).astype(np.int64)
    counts = np.bincount(cells.reshape(-1), minlength=64)
    expected = values.size / 64
    return ((counts - expected) ** 2 / expected).sum() < 63 + 5 * math.sqrt(126)


@pytest.mark.parametrize("kind", ["uniform", "zeros", "sparse", "largest"])
def test_every_slot_of_an_answer_is_uniform(pair: HePair, kind: str) -> None:
    """Whatever the product is in it; three answers of one message, and across them."""
    left, right = slots_of(kind, 3, 6), slots_of("ones", 3, 7)
    products = [pair.multiplied(left[i : i + 1], right[i : i + 1]) for i in range(3)]
    message, masks = pair.server.answer(products, SMALL)
    shown = pair.owner.decrypt("answer", message, 3)
    assert np.array_equal(fp.subtract(shown, masks), fp.multiply(left, right))
    assert masks.shape == (3, N)
    for slots in (*shown, fp.subtract(shown[0], shown[1]), fp.subtract(shown[1], shown[2])):
        assert looks_uniform(slots)


def test_masks_and_floods_are_new_in_every_answer(pair: HePair) -> None:
    """The same ciphertext answered twice shares no mask and no residue with itself."""
    slots = slots_of("uniform", 1, 8)
    first, first_masks = pair.server.answer(pair.upload(slots), SMALL)
    second, second_masks = pair.server.answer(pair.upload(slots), SMALL)
    assert not (first_masks == second_masks).any()
    same = np.frombuffer(first, np.uint8) == np.frombuffer(second, np.uint8)
    assert abs(same.mean() - 1 / 256) < 0.01


# --- what comes from the other side ---------------------------------------------------------------


def spoiled(message: bytes, primes: tuple[int, ...], place: int) -> bytes:
    """The message with one residue set to its prime."""
    residues = unpack_residues("x", message, (2, len(primes), N), primes)
    residues[place, -1, N // 2] = primes[-1]
    return pack_residues(residues)


@pytest.mark.parametrize("polynomial", [0, 1])
def test_residues_out_of_range_are_refused_by_label(pair: HePair, polynomial: int) -> None:
    data, answer = STANDARD.data_primes, STANDARD.data_primes[:2]
    whole = (*data, STANDARD.special_prime)
    request = spoiled(pair.owner.encrypt(slots_of("zeros", 1, 1)), data, polynomial)
    with pytest.raises(MalformedMessageError, match="a/request"):
        pair.server.load("a/request", request, 1)
    message, _ = pair.server.answer(pair.upload(slots_of("zeros", 1, 1)), SMALL)
    with pytest.raises(MalformedMessageError, match="a/answer"):
        pair.owner.decrypt("a/answer", spoiled(message, answer, polynomial), 1)
    key = spoiled(pair.owner.public_key(), whole, polynomial)
    with pytest.raises(MalformedMessageError, match="setup/public_key"):
        pair.server.set_public_key("setup/public_key", key)
    galois = pair.owner.galois_key(3)
    digit = len(galois) // len(data)
    third = spoiled(galois[2 * digit : 3 * digit], whole, polynomial)
    wrong = galois[: 2 * digit] + third + galois[3 * digit :]
    with pytest.raises(MalformedMessageError, match="galois_key/3"):
        pair.server.set_galois_key("galois_key/3", 3, wrong)


def test_fresh_ciphertexts_of_one_plaintext_have_nothing_in_common(pair: HePair) -> None:
    slots = slots_of("sparse", 1, 9)
    first, second = (seal_objects.ciphertext_residues(pair.upload(slots)[0]) for _ in range(2))
    assert (first == second).mean() < 1e-4
