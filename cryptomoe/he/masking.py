"""How an answer is made private for the server: the four steps, in the one order that is right.

A fresh encryption of zero under the client's public key (without it the second polynomial is a
known linear function of the server's plaintext), the flood, a uniform mask in every slot, used or
not, and last the switch to the primes that are sent.
"""

from abc import ABC, abstractmethod
from typing import Any

from cryptomoe.field import FieldArray
from cryptomoe.he.flood import FloodBudget, flood_bits, sample_flood
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.wire import pack_residues
from cryptomoe.he.workers import Workers
from cryptomoe.randomness import SEED_BYTES, Randomness, Stream, stream_key


class MaskingParty(ABC):
    """The part of an answering party that both backends share.

    Fields: `parameters`; `budget`, the account of its answers.
    """

    def __init__(
        self, parameters: HeParameters, randomness: Randomness, threads: int | None
    ) -> None:
        self.parameters = parameters
        self.budget = FloodBudget()
        self._workers = Workers(threads)
        self._mask = randomness.stream("mask of homomorphic answers")
        self._seeds = randomness.stream("seeds of homomorphic answers")

    def answer(self, ciphertexts: Any, deviation: float) -> tuple[bytes, FieldArray]:
        """The message that answers with these ciphertexts, and the masks added to their slots.

        `deviation` bounds the root mean square of their noise; the masks have shape (count, N).
        """
        count = len(ciphertexts)
        self.budget.spend(count * self.parameters.degree)
        bits = flood_bits(self.parameters, deviation)
        masks = self._mask.field((count, self.parameters.slots))
        # A seed for each, so that threads need not draw in turn.
        seeds = [self._seeds.bytes(SEED_BYTES) for _ in range(count)]
        parts = [b""] * count

        def answer(start: int, stop: int) -> None:
            for i in range(start, stop):
                switched = self._private(ciphertexts[i], masks[i], seeds[i], bits)
                parts[i] = pack_residues(switched)

        self._workers.share(count, answer)
        return b"".join(parts), masks

    def _private(self, ciphertext: Any, mask: FieldArray, seed: bytes, bits: int) -> Residues:
        """The four steps for one ciphertext; its residues (2, answer primes, N)."""
        zero, flood = (Stream(stream_key(seed, purpose)) for purpose in ("zero", "flood"))
        answer = self._with_zero(ciphertext, zero)
        self._add_flood(answer, sample_flood(flood, self.parameters, bits))
        self._add_mask(answer, mask)
        return self._switched(answer)

    @abstractmethod
    def _with_zero(self, ciphertext: Any, stream: Stream) -> Any:
        """The ciphertext plus a fresh encryption of zero, in coefficient form."""

    @abstractmethod
    def _add_flood(self, answer: Any, flood: Residues) -> None:
        """Add residues (data primes, N) to the first polynomial, in place."""

    @abstractmethod
    def _add_mask(self, answer: Any, mask: FieldArray) -> None:
        """Add slots (N,), in place."""

    @abstractmethod
    def _switched(self, answer: Any) -> Residues:
        """Its residues after the switch: (2, answer primes, N)."""
