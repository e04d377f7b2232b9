"""A key owner and an answering party that know each other's keys, and the exact noise between them.

The noise of a ciphertext is what its phase c0 + c1 s differs by from q m / p, the nearest multiple
of q / p. It is computed here from residues with exact integers, apart from both backends.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np
import tenseal.sealapi as seal
from numpy.typing import NDArray

from cryptomoe.field import FieldArray, IntArray
from cryptomoe.he import ntt, seal_objects
from cryptomoe.he.backend import Backend, HeSizes
from cryptomoe.he.backends import BACKENDS
from cryptomoe.he.encoding import SlotEncoder
from cryptomoe.he.linear import KeyRing
from cryptomoe.he.parameters import STANDARD, HeParameters
from cryptomoe.he.rns_scheme import scheme_of
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

SEED = bytes(range(32))
PATIENCE = 30.0

Floats = NDArray[np.float64]


class HePair(ABC):
    """Both parties after the exchange of the public key; the server's own randomness is seeded.

    A batch is the ciphertexts of a backend, one ciphertext an entry of it.
    """

    backend: Backend
    owner: Any
    server: Any

    def __init__(self, parameters: HeParameters = STANDARD, seed: bytes = SEED) -> None:
        self.parameters = parameters
        self.encoder = SlotEncoder(parameters)
        self.owner = self.backend.key_owner(parameters, Randomness())
        self.server = self.backend.answering_party(parameters, Randomness(seed))
        self.server.set_public_key("public_key", self.owner.public_key())
        self._steps: set[int] = set()

    @property
    def sizes(self) -> HeSizes:
        """Bytes on the wire."""
        return self.backend.sizes(self.parameters)

    def reseed(self, seed: bytes = SEED) -> None:
        """Start the server's masks and floods anew, and its account of answers."""
        fresh = self.backend.answering_party(self.parameters, Randomness(seed))
        self.server._mask, self.server._seeds = fresh._mask, fresh._seeds
        self.server.budget = fresh.budget

    def allow_rotation(self, step: int) -> None:
        """Hand over the key for rotations by `step`, once."""
        if step not in self._steps:
            self.server.set_galois_key("galois_key", step, self.owner.galois_key(step))
            self._steps.add(step)

    def upload(self, slots: FieldArray) -> Any:
        """A batch of slots (count, N), fresh, at the server."""
        return self.server.load("request", self.owner.encrypt(slots), len(slots))

    def multiplied(self, slots: FieldArray, weights: FieldArray) -> Any:
        """A batch of one: the sum of products of fresh ciphertexts and plaintexts (count, N)."""
        return self.server.products(self.upload(slots), weights, len(weights))

    def slots_of(self, coefficients: FieldArray) -> FieldArray:
        """The slots (N,) whose plaintext polynomial has these coefficients."""
        return self.encoder.slots(coefficients.astype(np.float64)[np.newaxis])[0]

    def coefficients_of(self, slots: FieldArray) -> FieldArray:
        """The plaintext polynomial (N,) of these slots."""
        polynomial = self.encoder.polynomials(slots[np.newaxis])[0]
        return (polynomial.astype(np.int64) % self.parameters.plain_modulus).astype(np.uint64)

    def worst_message(self) -> FieldArray:
        """Slots (N,) of a polynomial m with q m / p rounded down by almost 1/2 everywhere."""
        plain = self.parameters.plain_modulus
        inverse = pow(modulus_of(self.parameters.data_primes), -1, plain)
        coefficient = plain // 2 * inverse % plain
        return self.slots_of(np.full(self.parameters.degree, coefficient, np.uint64))

    @property
    @abstractmethod
    def secret(self) -> IntArray:
        """The ternary secret s (N,)."""

    @abstractmethod
    def joined(self, batches: Sequence[Any]) -> Any:
        """One batch of several."""

    @abstractmethod
    def rotated(self, batch: Any, step: int) -> Any:
        """A new batch, rotated."""

    @abstractmethod
    def residues(self, ciphertext: Any) -> FieldArray:
        """Of one ciphertext of a batch, in coefficient form: (2, primes, N)."""

    @abstractmethod
    def answer_residues(self, answer: Any) -> FieldArray:
        """Of an answer between its steps, in coefficient form: (2, primes, N)."""

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

    def noise(self, ciphertext: Any) -> Floats:
        """The noise of one ciphertext of a batch, (N,) rounded to doubles."""
        return self.noise_of(self.residues(ciphertext))

    def noise_of(self, residues: FieldArray) -> Floats:
        """The noise of a ciphertext given by its residues (2, primes, N) in coefficient form."""
        scaled = self.scaled_noise(residues)
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


class SealPair(HePair):
    """Both parties by SEAL."""

    backend = BACKENDS["seal"]

    @cached_property
    def secret(self) -> IntArray:
        """See above: what the ciphertext (0, q/p) decrypts to."""
        parameters = self.parameters
        scale = modulus_of(parameters.data_primes) // parameters.plain_modulus
        residues = np.zeros((2, len(parameters.data_primes), parameters.degree), np.uint64)
        residues[1, :, 0] = [scale % prime for prime in parameters.data_primes]
        ciphertext, plaintext = seal.Ciphertext(), seal.Plaintext()
        context = self.owner._context
        seal_objects.load_ciphertext(ciphertext, context, residues, context.first_parms_id())
        self.owner._decryptor.decrypt(ciphertext, plaintext)
        slots = np.array(self.owner._encoder.decode_uint64(plaintext), np.uint64)
        return ternary_of(self.encoder.polynomials(slots[np.newaxis])[0])

    def joined(self, batches: Sequence[Any]) -> Any:
        """See above."""
        return [ciphertext for batch in batches for ciphertext in batch]

    def rotated(self, batch: Any, step: int) -> Any:
        """See above."""
        return [self.server._rotate(ciphertext, step) for ciphertext in batch]

    def residues(self, ciphertext: Any) -> FieldArray:
        """See above."""
        return seal_objects.ciphertext_residues(ciphertext)

    def answer_residues(self, answer: Any) -> FieldArray:
        """See above."""
        return seal_objects.ciphertext_residues(answer)


class RnsPair(HePair):
    """Both parties by our own arithmetic."""

    backend = BACKENDS["rns"]

    @cached_property
    def secret(self) -> IntArray:
        """See above."""
        scheme = scheme_of(self.parameters)
        first = self.owner._secret[:1].copy()
        scheme.transforms.inverse(first, 0, 1)
        return ternary_of(ntt.centred(first[0].astype(np.uint64), scheme.primes[0]))

    def joined(self, batches: Sequence[Any]) -> Any:
        """See above."""
        return np.concatenate(batches)

    def rotated(self, batch: Any, step: int) -> Any:
        """See above."""
        return self.server._rotations[step].rotated(batch)

    def residues(self, ciphertext: Any) -> FieldArray:
        """See above."""
        rows = ciphertext.copy()
        scheme_of(self.parameters).transforms.inverse(rows, 0, rows.shape[1])
        return rows.astype(np.uint64)

    def answer_residues(self, answer: Any) -> FieldArray:
        """See above."""
        return answer.astype(np.uint64)


def ternary_of(values: Floats) -> IntArray:
    """The secret with these coefficients."""
    secret = values.astype(np.int64)
    if np.abs(secret).max() > 1:
        raise RuntimeError("the secret is not ternary")
    return secret


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
