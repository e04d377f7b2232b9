"""The `rns` backend's owner of the key: key generation, encryption and decryption.

A fresh ciphertext is the pair (b, a) of transformed polynomials with a uniform and
b = round(q x / p) + e - a s: secret-key encryption, scaled exactly. The factor of a product with
plaintexts is then the whole error e; rounding q/p itself would add (q mod p) x to it.
"""

import math

import numpy as np

from cryptomoe.field import FieldArray
from cryptomoe.he import residues
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import HeParameters, galois_element
from cryptomoe.he.rns_scheme import rns_sizes, scheme_of
from cryptomoe.he.roots import rotated_positions
from cryptomoe.he.sampling import Small, errors, ternary
from cryptomoe.he.seeded import expand, pack_seeded
from cryptomoe.he.wire import unpack_residues
from cryptomoe.he.workers import Workers
from cryptomoe.randomness import SEED_BYTES, Randomness, Stream, stream_key


class RnsKeyOwner:
    """See `KeyOwner` of the module `backend`. `secret` (N,) is drawn unless given."""

    def __init__(
        self,
        parameters: HeParameters,
        randomness: Randomness,
        *,
        secret: Small | None = None,
        threads: int | None = None,
    ) -> None:
        self.parameters = parameters
        self.sizes = rns_sizes(parameters)
        self._scheme = scheme_of(parameters)
        self._workers = Workers(threads)
        self._seeds = randomness.stream("seeds of ciphertexts and keys")
        self._errors = randomness.stream("errors of ciphertexts and keys")
        if secret is None:
            secret = ternary(randomness.stream("secret key"), parameters.degree)
        self._secret = self._scheme.transformed_small(secret[np.newaxis], self._scheme.data + 1)[0]

    def public_key(self) -> bytes:
        """See the interface."""
        seed, pair = self._zeros(1)
        return pack_seeded(seed, pair)

    def galois_key(self, step: int) -> bytes:
        """See the interface.

        Digit d of a ciphertext's second polynomial, its residue modulo prime d, meets an encryption
        of the rotated secret that the special prime scales, in the component of prime d alone.
        """
        scheme = self._scheme
        seed, first = self._zeros(scheme.data)
        element = galois_element(self.parameters, step)
        turned = self._secret[:, rotated_positions(scheme.degree, element)]
        special = self.parameters.special_prime
        for digit, prime in enumerate(self.parameters.data_primes):
            scaled = turned[digit].astype(np.uint64) * np.uint64(special % prime)
            sums = first[digit, digit] + scaled % np.uint64(prime)
            first[digit, digit] = sums % np.uint64(prime)
        return pack_seeded(seed, first)

    def encrypt(self, slots: FieldArray) -> bytes:
        """See the interface."""
        count = len(slots)
        seeds = [self._seeds.bytes(SEED_BYTES) for _ in range(count)]
        noise = [self._errors.bytes(SEED_BYTES) for _ in range(count)]
        parts = [b""] * count

        def encrypt(start: int, stop: int) -> None:
            for i in range(start, stop):
                parts[i] = self._encrypt(slots[i : i + 1], seeds[i], noise[i])

        self._workers.share(count, encrypt)
        return b"".join(parts)

    def decrypt(self, label: str, message: bytes, count: int) -> FieldArray:
        """See the interface."""
        parameters = self.parameters
        primes = parameters.data_primes[: parameters.answer_primes]
        shape = (count, 2, len(primes), parameters.degree)
        received = unpack_residues(label, message, shape, primes)
        slots = np.empty((count, parameters.slots), np.uint64)

        def decrypt(start: int, stop: int) -> None:
            for i in range(start, stop):
                slots[i] = self._decrypt(received[i], primes)

        self._workers.share(count, decrypt)
        return slots

    def _zeros(self, count: int) -> tuple[bytes, Residues]:
        """A seed, and the b of encryptions of zero modulo all primes: (count, primes, N)."""
        scheme = self._scheme
        seed = self._seeds.bytes(SEED_BYTES)
        uniform = expand(seed, count, scheme.primes, scheme.degree)
        noise = errors(self._errors, count, scheme.degree)
        first = scheme.transformed_small(noise, scheme.data + 1)
        rows = (-1, scheme.degree)
        residues.add_product(
            first.reshape(rows), uniform.reshape(rows), self._secret, -1, scheme.moduli
        )
        return seed, first

    def _encrypt(self, slots: FieldArray, seed: bytes, noise_seed: bytes) -> bytes:
        scheme = self._scheme
        moduli = scheme.moduli[: scheme.data]
        first = scheme.encoder.scaled(scheme.encoder.polynomials(slots), scheme.data)
        noise = errors(Stream(stream_key(noise_seed, "error")), 1, scheme.degree)
        residues.add_small(first, noise, moduli)
        scheme.transforms.forward(first, 0, scheme.data)
        uniform = expand(seed, 1, self.parameters.data_primes, scheme.degree)
        residues.add_product(first[0], uniform[0], self._secret[: scheme.data], -1, moduli)
        return pack_seeded(seed, first)

    def _decrypt(self, ciphertext: Residues, primes: tuple[int, ...]) -> FieldArray:
        scheme = self._scheme
        count = len(primes)
        moduli = scheme.moduli[:count]
        second = ciphertext[1].copy()
        scheme.transforms.forward(second, 0, count)
        product = np.zeros_like(second)
        residues.add_product(product, second, self._secret[:count], 1, moduli)
        scheme.transforms.inverse(product, 0, count)
        residues.add(product, ciphertext[0], moduli)
        modulus = math.prod(primes)
        inverses = [pow(modulus // prime, -1, prime) for prime in primes]
        polynomial = np.empty((1, scheme.degree), np.float64)
        residues.round_to_field(
            product[np.newaxis], np.array(inverses, np.uint32), moduli,
            self.parameters.plain_modulus, polynomial,
        )  # fmt: skip
        return scheme.encoder.slots(polynomial)[0]
