"""Keys and ciphertexts of one backend are used by the other, in every combination.

The bytes on the wire differ, since only one of the backends sends seeds. What they stand for is the
same: these tests take messages apart and hand the residues over in the other's form.
"""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import tenseal.sealapi as seal
from he_pair import HePair, RnsPair, SealPair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.he import seal_objects
from cryptomoe.he.flood import key_switch_deviation, noise_deviation
from cryptomoe.he.parameters import ERROR_DEVIATION, STANDARD
from cryptomoe.he.rns_owner import RnsKeyOwner
from cryptomoe.he.rns_scheme import scheme_of
from cryptomoe.he.seeded import unpack_seeded
from cryptomoe.he.wire import pack_residues, unpack_residues
from cryptomoe.randomness import Randomness

N, DATA = STANDARD.degree, STANDARD.data_primes
WHOLE = (*DATA, STANDARD.special_prime)
SCHEME = scheme_of(STANDARD)
FEW = settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STEP = 48


def uniform(count: int, seed: int) -> fp.FieldArray:
    """Uniform slots (count, N)."""
    return np.random.default_rng(seed).integers(0, fp.P, (count, N), dtype=np.uint64)


def key_residues(owner: Any, message: bytes, pairs: int) -> NDArray[np.uint32]:
    """A key as transformed residues (pairs, 2, all primes, N), whichever backend sent it."""
    if isinstance(owner, RnsKeyOwner):
        return unpack_seeded("key", message, pairs, WHOLE, N)
    return unpack_residues("key", message, (pairs, 2, len(WHOLE), N), WHOLE)


def request_residues(owner: Any, message: bytes, count: int) -> NDArray[np.uint32]:
    """Fresh ciphertexts as transformed residues (count, 2, data primes, N)."""
    if isinstance(owner, RnsKeyOwner):
        size = len(message) // count
        parts = [message[i * size : (i + 1) * size] for i in range(count)]
        return np.concatenate([unpack_seeded("request", part, 1, DATA, N) for part in parts])
    residues = unpack_residues("request", message, (count, 2, len(DATA), N), DATA)
    SCHEME.transforms.forward(residues, 0, len(DATA))
    return residues


class Mixed:
    """The owner of one pair and the answering party of another."""

    def __init__(self, owners: HePair, servers: HePair) -> None:
        self.owner, self.server = owners.owner, servers.server
        self.owners, self.servers = owners, servers
        public = key_residues(self.owner, self.owner.public_key(), 1)[0]
        galois = key_residues(self.owner, self.owner.galois_key(STEP), len(DATA))
        if isinstance(servers, RnsPair):
            self.server.use_public_key(public)
            self.server.use_galois_key(STEP, galois)
        else:
            self.server.set_public_key("public_key", pack_residues(public))
            self.server.set_galois_key("galois_key", STEP, pack_residues(galois))

    def upload(self, slots: fp.FieldArray) -> Any:
        """Ciphertexts of the owner at the server."""
        residues = request_residues(self.owner, self.owner.encrypt(slots), len(slots))
        if isinstance(self.servers, RnsPair):
            return residues
        SCHEME.transforms.inverse(residues, 0, len(DATA))
        return self.server.load("request", pack_residues(residues), len(slots))

    def noise(self, ciphertext: Any) -> float:
        """Root mean square."""
        noise = self.owners.noise_of(self.servers.residues(ciphertext))
        return float(np.sqrt(np.mean(noise**2)))


@pytest.fixture(scope="module", params=list(product(["rns", "seal"], repeat=2)), ids="-".join)
def mixed(request: pytest.FixtureRequest) -> Mixed:
    """Every combination of an owner and an answering party."""
    kinds: dict[str, Any] = {"rns": RnsPair, "seal": SealPair}
    owner, server = request.param
    return Mixed(kinds[owner](), kinds[server]())


@FEW
@given(st.integers(0, 2**31))
def test_everything_computes_on_the_others_ciphertexts(mixed: Mixed, seed: int) -> None:
    """Shares added, babies, products, giants, and an answer that the owner decrypts."""
    own, other, weights = uniform(2, seed), uniform(2, seed + 1), uniform(8, seed + 2)
    server = mixed.server
    ciphertexts = mixed.upload(own)
    server.add_slots(ciphertexts, other)
    panel = server.turned(ciphertexts, STEP, 2, 1)
    sums = server.sums_of_products(
        panel, server.encode(lambda i, j: weights[i:j], 2, 4, lasting=True)
    )
    collected = server.collected(sums, 2, 1, STEP, None)
    message, masks = server.answer(collected, noise_deviation(STANDARD, 8, 1, 1))
    found = fp.subtract(mixed.owner.decrypt("answer", message, 1), masks)
    x = fp.add(own, other)
    turned = np.roll(x.reshape(2, 2, -1), -STEP, axis=2).reshape(2, N)
    terms = [x[0], turned[0], x[1], turned[1]]
    giants = [
        fp.total(fp.multiply(np.stack(terms), weights[4 * i : 4 * i + 4]), 0) for i in range(2)
    ]
    last = np.roll(giants[1].reshape(2, -1), -STEP, axis=1).reshape(N)
    assert np.array_equal(found[0], fp.add(giants[0], last))


def test_noise_is_within_the_same_bounds(mixed: Mixed) -> None:
    """Fresh, rotated, multiplied: whoever made the ciphertext and whoever computed on it."""
    fresh = mixed.upload(np.zeros((1, N), np.uint64))
    assert abs(mixed.noise(fresh[0]) - ERROR_DEVIATION) < 0.2
    rotated = mixed.servers.rotated(fresh, STEP)
    switched = math.hypot(key_switch_deviation(STANDARD), ERROR_DEVIATION)
    # A key of its own moves the noise; centred digits halve it.
    assert switched / 4 < mixed.noise(rotated[0]) < 3 * switched
    weights = uniform(1, 5)
    multiplied = mixed.server.products(mixed.upload(uniform(1, 4)), weights, 1)
    assert mixed.noise(multiplied[0]) < noise_deviation(STANDARD, 1, 0)


def test_a_secret_of_seal_is_a_secret_of_ours(seal_pair: SealPair) -> None:
    """Encrypted and answered with SEAL, decrypted by us; and the other way round."""
    ours = RnsKeyOwner(STANDARD, Randomness(), secret=seal_pair.secret.astype(np.int32))
    slots, weights = uniform(2, 1), uniform(2, 2)
    expected = fp.multiply(slots, weights)
    sums = seal_pair.server.products(seal_pair.upload(slots), weights, 1)
    message, masks = seal_pair.server.answer(sums, noise_deviation(STANDARD, 1, 0))
    for owner in (ours, seal_pair.owner):
        assert np.array_equal(fp.subtract(owner.decrypt("x", message, 2), masks), expected)
    residues = request_residues(ours, ours.encrypt(slots), 2)
    SCHEME.transforms.inverse(residues, 0, len(DATA))
    for i in range(2):
        ciphertext, plaintext = seal.Ciphertext(), seal.Plaintext()
        context = seal_pair.owner._context
        seal_objects.load_ciphertext(ciphertext, context, residues[i], context.first_parms_id())
        seal_pair.owner._decryptor.decrypt(ciphertext, plaintext)
        decoded = np.array(seal_pair.owner._encoder.decode_uint64(plaintext), np.uint64)
        assert np.array_equal(decoded, slots[i])


def test_the_secret_in_the_transformed_domain_is_seals(seal_pair: SealPair) -> None:
    """The very residues that SEAL saves: one root and one order."""
    ours = RnsKeyOwner(STANDARD, Randomness(), secret=seal_pair.secret.astype(np.int32))
    layout = seal_objects._saved(seal_pair.owner._generator.secret_key())
    count = len(WHOLE) * N
    numbers = np.frombuffer(layout, "<u8", offset=len(layout) - 8 * count)
    assert np.array_equal(numbers.reshape(len(WHOLE), N), ours._secret)


def test_switching_the_modulus_gives_seals_residues(seal_pair: SealPair) -> None:
    """Division by one prime after the other, rounded in the same direction."""
    ciphertext = seal_pair.multiplied(uniform(1, 3), uniform(1, 4))[0]
    residues = seal_pair.residues(ciphertext).astype(np.uint32)
    ours = RnsPair().server._switched(residues)
    assert np.array_equal(ours, seal_pair.server._switched(ciphertext))
