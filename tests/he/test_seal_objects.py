"""SEAL's objects as arrays and back: nothing is lost, and nothing meets a disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tenseal.sealapi as seal
from he_pair import HePair

from cryptomoe import field as fp
from cryptomoe.he import seal_objects
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.seal_backend import galois_element

OPEN_FILES = Path("/proc/self/fd")
PRIMES = (*STANDARD.data_primes, STANDARD.special_prime)


def uniform(count: int, seed: int) -> fp.FieldArray:
    """Uniform slots (count, N)."""
    return np.random.default_rng(seed).integers(0, fp.P, (count, STANDARD.slots), dtype=np.uint64)


def decrypted(pair: HePair, ciphertext: Any) -> fp.FieldArray:
    """SEAL's own decryption of a ciphertext on any level."""
    plaintext = seal.Plaintext()
    pair.owner._decryptor.decrypt(ciphertext, plaintext)
    return np.array(pair.owner._encoder.decode_uint64(plaintext), np.uint64)


def test_ciphertexts_come_back_and_decrypt(pair: HePair) -> None:
    """Read, loaded, read again: the same residues, and SEAL decrypts what was loaded."""
    slots = uniform(1, 1)
    original = pair.upload(slots)[0]
    residues = seal_objects.ciphertext_residues(original)
    assert residues.shape == (2, 6, 8192)
    loaded = seal.Ciphertext()
    seal_objects.load_ciphertext(loaded, pair.owner._context, residues, pair.server._first_id)
    assert np.array_equal(seal_objects.ciphertext_residues(loaded), residues)
    assert np.array_equal(decrypted(pair, loaded), slots[0])


def test_the_residues_are_the_ones_seal_shows(pair: HePair) -> None:
    """SEAL gives single residues by index, in the order polynomial, prime, coefficient."""
    ciphertext = pair.upload(uniform(1, 2))[0]
    residues = seal_objects.ciphertext_residues(ciphertext).reshape(-1)
    for index in (0, 1, 8191, 8192, 6 * 8192 - 1, 6 * 8192, residues.size - 1):
        assert ciphertext[index] == residues[index]


def test_the_phase_of_the_residues_is_the_plaintext(pair: HePair) -> None:
    """What the tests of noise rest on: their exact arithmetic agrees with SEAL's decryption."""
    slots = uniform(1, 3)
    ciphertext = pair.multiplied(slots, uniform(1, 4))
    residues = seal_objects.ciphertext_residues(ciphertext)
    modulus = int(np.prod(np.array(STANDARD.data_primes, object)))
    scaled = pair.scaled_noise(residues)
    messages = [
        (fp.P * x - noise) // modulus % fp.P
        for x, noise in zip(pair.phase(residues), scaled, strict=True)
    ]
    assert np.array_equal(pair.slots_of(np.array(messages, np.uint64)), decrypted(pair, ciphertext))
    # SEAL's budget is what the largest coefficient leaves, in whole bits.
    left = modulus.bit_length() - max(abs(x) for x in scaled).bit_length() - 1
    assert abs(left - pair.owner._decryptor.invariant_noise_budget(ciphertext)) <= 1


def test_public_keys_come_back(pair: HePair) -> None:
    public_key = seal.PublicKey()
    pair.owner._generator.create_public_key(public_key)
    residues = seal_objects.public_key_residues(public_key)
    assert residues.shape == (2, 7, 8192)
    loaded = seal.PublicKey()
    seal_objects.load_public_key(loaded, pair.owner._context, residues)
    assert np.array_equal(seal_objects.public_key_residues(loaded), residues)
    encrypted, plaintext = seal.Ciphertext(), pair.server._encode(uniform(1, 5)[0])
    seal.Encryptor(pair.owner._context, loaded).encrypt(plaintext, encrypted)
    assert np.array_equal(decrypted(pair, encrypted), uniform(1, 5)[0])


@pytest.mark.parametrize("step", [1, 2, 1024, 4095])
def test_galois_keys_come_back_and_rotate(pair: HePair, step: int) -> None:
    element = galois_element(STANDARD, step)
    table, loaded = seal.GaloisKeys(), seal.GaloisKeys()
    pair.owner._generator.create_galois_keys([element], table)
    residues = seal_objects.galois_key_residues(table, element, 6)
    assert residues.shape == (6, 2, 7, 8192)
    assert all((residues[:, :, i] < prime).all() for i, prime in enumerate(PRIMES))
    seal_objects.load_galois_key(loaded, pair.owner._context, element, residues)
    assert np.array_equal(seal_objects.galois_key_residues(loaded, element, 6), residues)
    slots, rotated = uniform(1, 6), seal.Ciphertext()
    pair.server._evaluator.apply_galois(pair.upload(slots)[0], element, loaded, rotated)
    expected = np.roll(slots.reshape(2, -1), -step, axis=1).reshape(-1)
    assert np.array_equal(decrypted(pair, rotated), expected)


def test_a_constant_above_the_plaintext_modulus_is_zero_in_every_slot(pair: HePair) -> None:
    """And it is no zero polynomial, which SEAL would refuse to multiply by."""
    product = seal.Ciphertext()
    transformed = pair.server.transformed(pair.upload(uniform(1, 7))[0])
    pair.server._evaluator.multiply_plain(transformed, pair.server._zero, product)
    pair.server._evaluator.transform_from_ntt_inplace(product)
    assert seal_objects.ciphertext_residues(product).any()
    assert not decrypted(pair, product).any()


@pytest.mark.parametrize("prime", range(6))
@pytest.mark.parametrize("polynomial", [0, 1])
def test_seal_refuses_a_residue_that_is_not_below_its_prime(
    pair: HePair, polynomial: int, prime: int
) -> None:
    """A second check behind the one on the wire."""
    residues = seal_objects.ciphertext_residues(pair.upload(uniform(1, 8))[0])
    residues[polynomial, prime, 4711] = STANDARD.data_primes[prime]
    with pytest.raises((RuntimeError, ValueError)):
        seal_objects.load_ciphertext(
            seal.Ciphertext(), pair.owner._context, residues, pair.server._first_id
        )


def test_a_short_layout_is_refused(pair: HePair) -> None:
    residues = seal_objects.ciphertext_residues(pair.upload(uniform(1, 9))[0])
    with pytest.raises((RuntimeError, ValueError)):
        seal_objects.load_ciphertext(
            seal.Ciphertext(), pair.owner._context, residues[:, :5], pair.server._first_id
        )


def test_a_file_that_is_not_seals_is_refused() -> None:
    class Foreign:
        def save(self, path: str) -> None:
            Path(path).write_bytes(bytes(64))

    with pytest.raises(RuntimeError, match="does not know"):
        seal_objects._saved(Foreign())


def test_only_memory_files_are_written_and_none_is_kept(pair: HePair) -> None:
    """Every path that SEAL is given is an anonymous file; after an error, too, it is closed."""
    seen = []

    class Watched:
        def __init__(self, thing: Any) -> None:
            self._thing = thing

        def save(self, path: str) -> None:
            seen.append(str(Path(path).readlink()))
            self._thing.save(path)

        def load(self, context: Any, path: str) -> None:
            seen.append(str(Path(path).readlink()))
            self._thing.load(context, path)

    ciphertext = pair.upload(uniform(1, 10))[0]
    residues = seal_objects.ciphertext_residues(ciphertext)
    open_before = len(list(OPEN_FILES.iterdir()))
    seal_objects._saved(Watched(ciphertext))
    loading = (pair.owner._context, residues, pair.server._first_id)
    seal_objects.load_ciphertext(Watched(seal.Ciphertext()), *loading)
    residues[0, 0, 0] = STANDARD.data_primes[0]
    with pytest.raises((RuntimeError, ValueError)):
        seal_objects.load_ciphertext(Watched(seal.Ciphertext()), *loading)
    assert len(list(OPEN_FILES.iterdir())) == open_before
    assert len(seen) == 3
    assert all(path.startswith("/memfd:seal") for path in seen)
