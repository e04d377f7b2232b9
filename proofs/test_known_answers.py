"""Published vectors, and implementations that share nothing with the package's own."""

import hashlib
from fractions import Fraction
from itertools import product

import numpy as np
import plain_bfv
import pytest
from claims import proof
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from curve25519 import FIELD, ORDER, multiply, x25519
from flooding import ERROR_LIMIT, Work, sum_of_products

from cryptomoe.field import P
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.seal_backend import SealAnsweringParty, SealKeyOwner
from cryptomoe.he.wire import unpack_residues
from cryptomoe.ot import aes
from cryptomoe.ot.base import KEY_BYTES, BaseReceiver, base_send
from cryptomoe.ot.iknp import SECURITY, IknpReceiver, IknpSender
from cryptomoe.randomness import Randomness

SP800_38A_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
SP800_38A_PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
ECB_CIPHER = bytes.fromhex(
    "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf"
    "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4"
)
CTR_CIPHER = bytes.fromhex(
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
)
"""NIST SP 800-38A, sections F.1.1 and F.5.1."""


def blocks_of(data: bytes) -> np.ndarray:
    """Bytes as blocks (n, 2) of words."""
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, 2)


def encrypted_by_hash(key: bytes, plain: bytes) -> bytes:
    """AES of many blocks, from the transfer hash: H(x) = AES(s) xor s with s = sigma(x)."""
    wanted = blocks_of(plain)
    inputs = np.stack([wanted[:, 1] ^ wanted[:, 0], wanted[:, 0]], axis=1)
    # Tweaks are added to the input; they are taken off beforehand.
    inputs[:, 0] ^= np.arange(len(inputs)).astype(np.uint64)
    hashed = aes.hash_blocks(inputs, np.zeros(2, np.uint64), 0, aes.expand_key(key))
    return (hashed ^ wanted).astype("<u8").tobytes()


@proof(functionality="aes", method="known answer")
def test_aes_modes_of_the_standard() -> None:
    """AES-128 gives the vectors of SP 800-38A: ECB (F.1.1) and counter mode (F.5.1).

    Four blocks at once through the package's kernel; counter blocks are the standard's, from
    f0f1...ff on.
    """
    assert encrypted_by_hash(SP800_38A_KEY, SP800_38A_PLAIN) == ECB_CIPHER
    first = int.from_bytes(bytes(range(0xF0, 0x100)), "big")
    counters = b"".join((first + i).to_bytes(16, "big") for i in range(4))
    stream = encrypted_by_hash(SP800_38A_KEY, counters)
    assert bytes(a ^ b for a, b in zip(stream, SP800_38A_PLAIN, strict=True)) == CTR_CIPHER


X25519_VECTORS = [
    (
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
        "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
    ),
    (
        "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
        "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
        "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
    ),
]


AGREEMENT = [
    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
]
"""RFC 7748, section 6.1: private keys of Alice and Bob, their public keys, the shared secret."""


@proof(functionality="base_transfers", method="known answer")
def test_x25519_vectors() -> None:
    """X25519 gives the vectors of RFC 7748, sections 5.2 and 6.1, here and in the library used.

    The two of 5.2, one iteration of its loop from 9, and the key agreement of 6.1.
    """
    for scalar, point, expected in X25519_VECTORS:
        assert x25519(bytes.fromhex(scalar), bytes.fromhex(point)).hex() == expected
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(scalar))
        public = X25519PublicKey.from_public_bytes(bytes.fromhex(point))
        assert private.exchange(public).hex() == expected
    nine = (9).to_bytes(32, "little")
    once = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
    assert x25519(nine, nine).hex() == once
    alice, bob = (X25519PrivateKey.from_private_bytes(bytes.fromhex(key)) for key in AGREEMENT[:2])
    keys = [key.public_key().public_bytes_raw() for key in (alice, bob)]
    assert [key.hex() for key in keys] == AGREEMENT[2:4]
    assert [x25519(key.private_bytes_raw(), nine) for key in (alice, bob)] == keys
    assert alice.exchange(bob.public_key()).hex() == AGREEMENT[4]
    assert x25519(alice.private_bytes_raw(), keys[1]).hex() == AGREEMENT[4]


@proof(functionality="base_transfers", method="known answer")
def test_base_seeds_by_definition() -> None:
    """The receiver's base seeds are BLAKE2b of the transcript and X25519, computed independently.

    The shared point by the ladder above from the receiver's own key; and the key it does not own
    is a point of the prime-order group (ORDER times it is infinity), as its own is.
    """
    receiver = BaseReceiver.start((0, 1))
    sender_key, pairs = base_send("offers", receiver.message)
    for index, choice in enumerate(receiver.choices):
        start = 2 * KEY_BYTES * index
        offered = [receiver.message[start + KEY_BYTES * i :][:KEY_BYTES] for i in range(2)]
        shared = x25519(receiver.own[index].private_bytes_raw(), sender_key)
        digest = hashlib.blake2b(digest_size=16, person=b"cryptomoe baseOT")
        digest.update(index.to_bytes(4, "little") + bytes([choice]) + sender_key)
        digest.update(offered[choice] + shared)
        assert pairs[index][choice] == digest.digest()
        for key in offered:
            assert multiply(ORDER, int.from_bytes(key, "little")) == 0


def class_distance(low: int, order: int) -> Fraction:
    """Distance of {a, -a} for uniform a in [low, 2 low) from the uniform non-zero class.

    Modulo an odd `order` a little above 2 low: the negatives fill [order - 2 low + 1, order - low],
    so classes of 1..order - 2 low are missed, those of low..order - low are met twice, and all
    others once.
    """
    return Fraction(2 * (order - 2 * low), order - 1)


@proof(functionality="base_transfers", method="exhaustive")
def test_honest_and_random_base_keys_are_distributed_alike() -> None:
    """An honest X25519 key and a random point of unknown key are within 2^-125 of one distribution.

    A clamped scalar is 8 j with j uniform in [2^251, 2^252), and the order is 2^252 + 2^124.6: the
    keys {j, -j} of the doubled-thrice base point are uniform up to 2 (order - 2^252) / (order - 1).
    A random point of the curve times 8 j is uniform in the prime-order group but for the excluded
    u of 0 and 1, and infinity: at most 2^-246. The first formula is checked by counting for every
    odd order slightly above powers of two.
    """
    for low in (8, 16, 32, 64):
        for order in range(2 * low + 1, 3 * low, 2):
            counts = dict.fromkeys(range(1, order // 2 + 1), 0)
            for j in range(low, 2 * low):
                counts[min(j, order - j)] += 1
            uniform = Fraction(2, order - 1)
            distance = sum(max(uniform - Fraction(c, low), Fraction(0)) for c in counts.values())
            assert distance == class_distance(low, order)
    assert class_distance(2**251, ORDER) < Fraction(1, 2**125)
    assert Fraction(8 * 4, 8 * ORDER) < Fraction(1, 2**246)
    assert FIELD % 8 == 5


@proof(functionality="transfers", method="known answer")
def test_iknp_rows_bit_by_bit() -> None:
    """Rows and messages of the extension equal a reference that works bit by bit.

    AES counter mode by `cryptography` for the 128 columns; message u = T xor G xor r; receiver's
    row j has bit i of column i at j; the sender's is q_j = t_j xor r_j Delta. Two extensions of 300
    and 129 transfers, so that counters go on.
    """
    generator = np.random.default_rng(5)
    pairs = [(generator.bytes(16), generator.bytes(16)) for _ in range(SECURITY)]
    delta = generator.integers(0, 2, SECURITY, dtype=np.uint8)
    receiver = IknpReceiver(pairs, Randomness().stream("choices"))
    chosen = [pair[bit] for pair, bit in zip(pairs, delta, strict=True)]
    sender = IknpSender(delta, chosen)
    first_block = 0
    for count in (300, 129):
        blocks = -(-count // 128)
        choices = generator.integers(0, 2, count, dtype=np.uint8)
        padded = np.zeros(128 * blocks, np.uint8)
        padded[:count] = choices
        columns = []
        for pair in pairs:
            for key in pair:
                counters = b"".join((first_block + i).to_bytes(16, "little") for i in range(blocks))
                cipher = Cipher(algorithms.AES128(key), modes.ECB())  # noqa: S305 - counter blocks
                raw = np.frombuffer(cipher.encryptor().update(counters), np.uint8)
                columns.append(np.unpackbits(raw, bitorder="little"))
        first_block += blocks
        zero, one = np.array(columns[::2]), np.array(columns[1::2])
        message, rows = receiver.extend(choices)
        sent = np.unpackbits(np.frombuffer(message, np.uint8), bitorder="little")
        assert np.array_equal(sent.reshape(SECURITY, -1), zero ^ one ^ padded)
        for matrix, words in (
            (zero, rows),
            (zero ^ delta[:, None] * padded[None, :], sender.extend(message, count)),
        ):
            expected = np.packbits(matrix.T[:count], axis=1, bitorder="little")
            assert np.array_equal(words.astype("<u8").view(np.uint8), expected)


@pytest.fixture(scope="module")
def owner() -> SealKeyOwner:
    """A key owner with fresh keys."""
    return SealKeyOwner(STANDARD)


@pytest.fixture(scope="module")
def secret(owner: SealKeyOwner) -> plain_bfv.Residues:
    """Its secret, in plain coefficients."""
    secret_key = vars(owner)["_generator"].secret_key()
    secret = plain_bfv.ternary_secret(secret_key, STANDARD.degree, STANDARD.data_primes[0])
    assert set(secret.tolist()) == {-1, 0, 1}
    return secret


ROOT = plain_bfv.least_root(2 * STANDARD.degree, P)
SOME_SLOTS = (0, 1, 2, 77, 4095, 4096, 4097, 8191)


@proof(functionality="encryption", method="known answer")
def test_fresh_ciphertexts_by_definition(owner: SealKeyOwner, secret: plain_bfv.Residues) -> None:
    """SEAL's encryptions, as sent, decrypt by integer arithmetic to the slots, with small noise.

    All coefficients of one ciphertext, slots at both ends of both half-rows by evaluation; noise at
    most 22 (errors of at most 21, one rounding), with the deviation of a centred binomial of 21
    pairs of bits, sqrt(10.5 + 1/12), within 3 %.
    """
    slots = np.random.default_rng(8).integers(0, P, (1, STANDARD.slots), dtype=np.uint64)
    primes = STANDARD.data_primes
    shape = (2, len(primes), STANDARD.degree)
    residues = unpack_residues("request", owner.encrypt(slots), shape, primes)
    plaintext, noise = plain_bfv.decrypt(residues, secret, primes, P)
    for index in SOME_SLOTS:
        assert plain_bfv.slot(plaintext, index, P, ROOT) == slots[0, index]
    assert max(map(abs, noise)) <= ERROR_LIMIT + 1
    assert np.std(noise) == pytest.approx(np.sqrt(10.5 + 1 / 12), rel=0.03)


@proof(functionality="linear", method="known answer")
def test_answers_by_definition(owner: SealKeyOwner, secret: plain_bfv.Residues) -> None:
    """An answer by rotation, product, re-randomising, flood, mask and switch is what it says.

    Decrypted by integer arithmetic with the owner's secret: slot i holds x[i + 1] w[i] + mask[i]
    within its half-row, and the noise stays below half of the limit that decryption has.
    """
    generator = np.random.default_rng(9)
    x, w = (generator.integers(0, P, STANDARD.slots, dtype=np.uint64) for _ in range(2))
    server = SealAnsweringParty(STANDARD, Randomness(bytes(32)))
    server.set_public_key("public_key", owner.public_key())
    server.set_galois_key("galois_key", 1, owner.galois_key(1))
    ciphertexts = server.load("request", owner.encrypt(x[None, :]), 1)
    # The turn by nothing meets zeros.
    slots = np.stack([np.zeros_like(w), w])
    panel = server.turned(ciphertexts, 1, 2, 1)
    encoded = server.encode(lambda start, stop: slots[start:stop], 1, 2, lasting=True)
    result = server.sums_of_products(panel, encoded)
    deviation = sum_of_products(STANDARD, Work(2, 1, 0)).deviation
    message, masks = server.answer(result, deviation)
    primes = STANDARD.data_primes[: STANDARD.answer_primes]
    residues = unpack_residues("answer", message, (2, len(primes), STANDARD.degree), primes)
    plaintext, noise = plain_bfv.decrypt(residues, secret, primes, P)
    for index in SOME_SLOTS:
        half = index // STANDARD.half_row * STANDARD.half_row
        neighbour = half + (index - half + 1) % STANDARD.half_row
        expected = (int(x[neighbour]) * int(w[index]) + int(masks[0, index])) % P
        assert plain_bfv.slot(plaintext, index, P, ROOT) == expected
    limit = primes[0] * primes[1] / (2 * P)
    assert max(map(abs, noise)) < limit / 2


@proof(functionality="field", method="exhaustive")
def test_pads_into_the_field() -> None:
    """128 uniform bits modulo p are within p / 2^130 of uniform: exactly r (p - r) / (p 2^128).

    With 2^k = a p + r, r residues have a + 1 preimages and p - r have a. Counted for small p and k.
    """
    for p, bits in product((3, 5, 17, 97), (8, 10, 12)):
        counts = np.bincount(np.arange(1 << bits) % p, minlength=p)
        distance = sum(abs(Fraction(int(c), 1 << bits) - Fraction(1, p)) for c in counts) / 2
        rest = (1 << bits) % p
        assert distance == Fraction(rest * (p - rest), p << bits)
    rest = (1 << 128) % P
    assert Fraction(rest * (P - rest), P << 128) <= Fraction(P, 1 << 130)
