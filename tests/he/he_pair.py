"""A key owner and an answering party that know each other's keys, and the exact noise between them.

The noise of a ciphertext is what its phase c0 + c1 s differs by from q m / p, the nearest multiple
of q / p. It is computed here from residues with exact integers, without SEAL.
"""

from collections.abc import Callable
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np
import tenseal.sealapi as seal

from cryptomoe.field import FieldArray, IntArray
from cryptomoe.he import seal_objects
from cryptomoe.he.linear import KeyRing
from cryptomoe.he.parameters import STANDARD, HeParameters
from cryptomoe.he.seal_backend import AnsweringParty, Ciphertext, KeyOwner
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

SEED = bytes(range(32))
PATIENCE = 30.0


class HePair:
    """Both parties after the exchange of the public key; the server's own randomness is seeded."""

    def __init__(self, parameters: HeParameters = STANDARD, seed: bytes = SEED) -> None:
        self.parameters = parameters
        self.owner = KeyOwner(parameters)
        self.server = AnsweringParty(parameters, Randomness(seed))
        self.server.set_public_key("public_key", self.owner.public_key())

    def reseed(self, seed: bytes = SEED) -> None:
        """Start the server's masks and floods anew, and its account of answers."""
        fresh = AnsweringParty(self.parameters, Randomness(seed))
        self.server._mask, self.server._flood = fresh._mask, fresh._flood
        self.server.budget = fresh.budget

    def allow_rotation(self, step: int) -> None:
        """Hand over the key for rotations by `step`, once."""
        if step not in self.server._galois_keys:
            self.server.set_galois_key("galois_key", step, self.owner.galois_key(step))

    def upload(self, slots: FieldArray) -> list[Ciphertext]:
        """Ciphertexts of slots (count, N), fresh, at the server."""
        return self.server.load("request", self.owner.encrypt(slots), len(slots))

    def multiplied(self, slots: FieldArray, weights: FieldArray) -> Ciphertext:
        """The sum of products of fresh ciphertexts and plaintexts, both given as (count, N)."""
        transformed = [self.server.transformed(ciphertext) for ciphertext in self.upload(slots)]
        return self.server.sum_of_products(transformed, [self.server.encode(w) for w in weights])

    def slots_of(self, coefficients: FieldArray) -> FieldArray:
        """The slots (N,) whose plaintext polynomial has these coefficients."""
        header = seal_objects._PLAINTEXT.pack(0, 0, 0, 0, coefficients.size, 1.0)
        numbers = seal_objects._COUNT.pack(coefficients.size) + coefficients.astype("<u8").tobytes()
        plaintext = seal.Plaintext()
        layout = header + seal_objects._with_header(numbers)
        seal_objects._load(plaintext, self.owner._context, layout)
        return np.array(self.owner._encoder.decode_uint64(plaintext), np.uint64)

    def coefficients_of(self, slots: FieldArray) -> FieldArray:
        """The plaintext polynomial (N,) of these slots."""
        plaintext = self.server._encode(slots)
        layout = seal_objects._saved(plaintext)
        at = seal_objects._PLAINTEXT.size + seal_objects._HEADER.size + seal_objects._COUNT.size
        coefficients = np.zeros(self.parameters.degree, np.uint64)
        present = np.frombuffer(layout, "<u8", offset=at)
        coefficients[: present.size] = present
        return coefficients

    def worst_message(self) -> FieldArray:
        """Slots (N,) of a polynomial m with q m / p rounded down by almost 1/2 everywhere."""
        plain = self.parameters.plain_modulus
        inverse = pow(modulus_of(self.parameters.data_primes), -1, plain)
        coefficient = plain // 2 * inverse % plain
        return self.slots_of(np.full(self.parameters.degree, coefficient, np.uint64))

    @cached_property
    def secret(self) -> IntArray:
        """The ternary secret s (N,): what the ciphertext (0, q/p) decrypts to."""
        parameters = self.parameters
        scale = modulus_of(parameters.data_primes) // parameters.plain_modulus
        residues = np.zeros((2, len(parameters.data_primes), parameters.degree), np.uint64)
        residues[1, :, 0] = [scale % prime for prime in parameters.data_primes]
        ciphertext, plaintext = seal.Ciphertext(), seal.Plaintext()
        context = self.owner._context
        seal_objects.load_ciphertext(ciphertext, context, residues, context.first_parms_id())
        self.owner._decryptor.decrypt(ciphertext, plaintext)
        slots = np.array(self.owner._encoder.decode_uint64(plaintext), np.uint64)
        coefficients = self.coefficients_of(slots).astype(np.int64)
        secret = np.where(coefficients > 1, coefficients - parameters.plain_modulus, coefficients)
        if np.abs(secret).max() > 1:
            raise RuntimeError("the secret is not ternary")
        return secret

    def phase(self, residues: FieldArray) -> list[int]:
        """c0 + c1 s of a ciphertext (2, primes, N), integers modulo the product of its primes."""
        primes = self.parameters.data_primes[: residues.shape[1]]
        return crt(
            [
                (residues[0, i].astype(np.int64) + negacyclic(residues[1, i], self.secret, prime))
                % prime
                for i, prime in enumerate(primes)
            ],
            primes,
        )

    def scaled_noise(self, residues: FieldArray) -> list[int]:
        """p times the noise, exactly: an integer for each coefficient."""
        modulus = modulus_of(self.parameters.data_primes[: residues.shape[1]])
        plain = self.parameters.plain_modulus
        return [centred(plain * x, modulus) for x in self.phase(residues)]

    def noise(self, ciphertext: Ciphertext | FieldArray) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The noise of a ciphertext, or of its residues, (N,) rounded to doubles."""
        if not isinstance(ciphertext, np.ndarray):
            ciphertext = seal_objects.ciphertext_residues(ciphertext)
        scaled = self.scaled_noise(ciphertext)
        return np.array([float(x) for x in scaled]) / self.parameters.plain_modulus

    def run(
        self,
        ask: Callable[[Channel, KeyRing], Any],
        answer: Callable[[Channel, KeyRing], Any],
        spoil: Callable[[Party, bytes], bytes] | None = None,
    ) -> list[Any]:
        """Both sides over a pair in memory: what each returned, or the exception it raised.

        `spoil` may change any payload on its way, keeping its length; it is told the sender.
        """
        carriers = memory_pair(PATIENCE)
        outcomes: list[Any] = [None, None]

        def take_part(party: Party) -> None:
            carrier: Any = carriers[party]
            if spoil is not None:
                carrier = _Spoiling(carrier, party, spoil)
            client = party is Party.CLIENT
            channel = Channel(party, carrier)
            keys = KeyRing(channel, self.owner if client else None, None if client else self.server)
            try:
                with channel:
                    outcomes[party] = (ask if client else answer)(channel, keys)
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                outcomes[party] = error

        threads = [Thread(target=take_part, args=(party,), daemon=True) for party in Party]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        return outcomes


class _Spoiling:
    """A carrier that changes what its party sends."""

    def __init__(self, inner: Any, party: Party, spoil: Callable[[Party, bytes], bytes]) -> None:
        self._inner = inner
        self._party = party
        self._spoil = spoil

    def send_frame(self, header: bytes, payload: bytes) -> None:
        """Change the payload of a data frame; others have none."""
        spoiled = self._spoil(self._party, payload) if payload else payload
        self._inner.send_frame(header, spoiled)

    def receive_frame(self, timeout: float | None = None) -> Any:
        """As the carrier inside."""
        return self._inner.receive_frame(timeout)

    def close(self) -> None:
        """As the carrier inside."""
        self._inner.close()


def modulus_of(primes: tuple[int, ...]) -> int:
    """The product of the primes."""
    modulus = 1
    for prime in primes:
        modulus *= prime
    return modulus


def centred(value: int, modulus: int) -> int:
    """The residue of `value` in (-modulus/2, modulus/2]."""
    residue = value % modulus
    return residue - modulus if 2 * residue > modulus else residue


def crt(residues: list[IntArray] | list[FieldArray], primes: tuple[int, ...]) -> list[int]:
    """The integers modulo the product of `primes` that leave these residues, one row a prime."""
    modulus = modulus_of(primes)
    total = np.zeros(len(residues[0]), object)
    for row, prime in zip(residues, primes, strict=True):
        rest = modulus // prime
        total += row.astype(object) * (rest * pow(rest, -1, prime))
    return [x % modulus for x in total.tolist()]


def negacyclic(x: FieldArray, small: IntArray, prime: int) -> IntArray:
    """x times `small` modulo X^N + 1 and `prime`, for ternary `small`.

    The doubles of the transform are exact enough: with |x| < 2^29 every entry of the product is
    below 2^42 and its error far below 1/2.
    """
    degree = x.size
    signed = x.astype(np.int64)
    signed = np.where(signed > prime // 2, signed - prime, signed)
    spectrum = np.fft.rfft(signed, 2 * degree) * np.fft.rfft(small, 2 * degree)
    product = np.rint(np.fft.irfft(spectrum, 2 * degree)).astype(np.int64)
    return (product[:degree] - product[degree:]) % prime
