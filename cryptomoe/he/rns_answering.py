"""The `rns` backend's answering party: products, rotations, and answers that hide both.

Ciphertexts are arrays (count, 2, data primes, N) of transformed residues; plaintexts and panels are
packed as the module `accumulate` says.
"""

import numpy as np

from cryptomoe.errors import UsageError
from cryptomoe.field import FieldArray
from cryptomoe.he import residues
from cryptomoe.he.accumulate import (
    accumulate,
    empty_panel,
    empty_plaintexts,
    pack_ciphertext,
    pack_plaintexts,
)
from cryptomoe.he.flood import FloodBudget, flood_bits, sample_flood
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.rns_rotation import Rotation
from cryptomoe.he.rns_scheme import rns_sizes, scheme_of
from cryptomoe.he.sampling import errors, ternary
from cryptomoe.he.seeded import unpack_seeded
from cryptomoe.he.wire import pack_residues
from cryptomoe.he.workers import Workers
from cryptomoe.randomness import SEED_BYTES, Randomness, Stream, stream_key

_ENCODED_TOGETHER = 8


class RnsAnsweringParty:
    """See `AnsweringParty` of the module `backend`."""

    def __init__(
        self, parameters: HeParameters, randomness: Randomness, *, threads: int | None = None
    ) -> None:
        self.parameters = parameters
        self.sizes = rns_sizes(parameters)
        self.budget = FloodBudget()
        self._scheme = scheme_of(parameters)
        self._moduli = self._scheme.moduli[: self._scheme.data]
        self._workers = Workers(threads)
        self._seeds = randomness.stream("seeds of homomorphic answers")
        self._public_key: Residues | None = None
        self._rotations: dict[int, Rotation] = {}
        self._drops = [
            self._scheme.inverses(parameters.data_primes[last], last)
            for last in range(self._scheme.data)
        ]
        self.plaintext_bytes = 4 * self._scheme.data * parameters.degree

    def set_public_key(self, label: str, message: bytes) -> None:
        """See the interface."""
        scheme = self._scheme
        pair = unpack_seeded(label, message, 1, scheme.primes, scheme.degree)[0]
        self._public_key = pair[:, : scheme.data].copy()

    def set_galois_key(self, label: str, step: int, message: bytes) -> None:
        """See the interface."""
        scheme = self._scheme
        if not 0 < step < self.parameters.half_row:
            raise UsageError(f"a rotation by {step} slots does not exist")
        key = unpack_seeded(label, message, scheme.data, scheme.primes, scheme.degree)
        self._rotations[step] = Rotation(scheme, self._workers, step, key)

    def load(self, label: str, message: bytes, count: int) -> Residues:
        """See the interface."""
        scheme, size = self._scheme, self.sizes.request
        loaded = np.empty((count, 2, scheme.data, scheme.degree), np.uint32)
        content = memoryview(message)

        def load(start: int, stop: int) -> None:
            for i in range(start, stop):
                part = content[i * size : (i + 1) * size]
                loaded[i] = unpack_seeded(
                    label, part, 1, self.parameters.data_primes, scheme.degree
                )[0]

        self._workers.share(count, load)
        return loaded

    def add_slots(self, ciphertexts: Residues, slots: FieldArray) -> None:
        """See the interface."""
        scheme = self._scheme

        def add(start: int, stop: int) -> None:
            for i in range(start, stop):
                scaled = scheme.encoder.scaled(scheme.encoder.polynomials(slots[i : i + 1]))[0]
                scheme.transforms.forward(scaled, 0, scheme.data)
                residues.add(ciphertexts[i, 0], scaled, self._moduli)

        self._workers.share(len(slots), add)

    def turned(self, ciphertexts: Residues, step: int, turns: int, groups: int) -> Residues:
        """See the interface."""
        scheme = self._scheme
        inputs = len(ciphertexts) // groups
        panel = empty_panel(scheme.data, scheme.degree, groups, inputs * turns)
        for turn in range(turns):
            if turn:
                ciphertexts = self._rotations[step].rotated(ciphertexts)
            self._put(ciphertexts, inputs, turn, turns, panel)
        return panel

    def _put(
        self, ciphertexts: Residues, inputs: int, turn: int, turns: int, panel: Residues
    ) -> None:
        def put(start: int, stop: int) -> None:
            for i in range(start, stop):
                term = i % inputs * turns + turn
                pack_ciphertext(ciphertexts[i], i // inputs, term, panel)

        self._workers.share(len(ciphertexts), put)

    def encode(self, slots: FieldArray, terms: int) -> Residues:
        """See the interface."""
        scheme = self._scheme
        outputs = len(slots) // terms
        packed = empty_plaintexts(scheme.data, scheme.degree, outputs, terms)
        portions = [
            (output, first, min(first + _ENCODED_TOGETHER, terms))
            for output in range(outputs)
            for first in range(0, terms, _ENCODED_TOGETHER)
        ]

        def encode(start: int, stop: int) -> None:
            for output, first, last in portions[start:stop]:
                rows = slots[output * terms + first : output * terms + last]
                lifted = self._transformed(rows)
                for prime in range(scheme.data):
                    pack_plaintexts(lifted[:, prime], prime, output, first, packed)

        self._workers.share(len(portions), encode)
        return packed

    def sums_of_products(self, panel: Residues, plaintexts: Residues) -> Residues:
        """See the interface."""
        scheme = self._scheme
        shape = (plaintexts.shape[2], panel.shape[2], 2, scheme.data, scheme.degree)
        sums = np.empty(shape, np.uint32)

        def multiply(start: int, stop: int) -> None:
            accumulate(plaintexts, panel, self._moduli, start, stop, sums)

        self._workers.share(panel.shape[0] * panel.shape[1], multiply)
        return sums.reshape(-1, *shape[2:])

    def collected(
        self, parts: Residues, giants: int, groups: int, step: int, total: Residues | None
    ) -> Residues:
        """See the interface."""
        by_giant = parts.reshape(-1, giants, groups, *parts.shape[1:])
        for giant in reversed(range(giants)):
            part = np.ascontiguousarray(by_giant[:, giant]).reshape(-1, *parts.shape[1:])
            if total is None:
                total = part
            else:
                total = self._rotations[step].rotated(total)
                rows = (-1, self._scheme.degree)
                residues.add(total.reshape(rows), part.reshape(rows), self._moduli)
        if total is None:
            raise ValueError("there is no giant step to collect")
        return total

    def products(self, ciphertexts: Residues, slots: FieldArray, terms: int) -> Residues:
        """See the interface."""
        answers = len(slots) // terms
        sums = np.zeros((answers, *ciphertexts.shape[1:]), np.uint32)

        def multiply(start: int, stop: int) -> None:
            for i in range(start, stop):
                for place in range(i, terms * answers, answers):
                    plaintext = self._transformed(slots[place : place + 1])[0]
                    for k in range(2):
                        residues.add_product(
                            sums[i, k], ciphertexts[place, k], plaintext, 1, self._moduli
                        )

        self._workers.share(answers, multiply)
        return sums

    def answer(self, ciphertexts: Residues, deviation: float) -> tuple[bytes, FieldArray]:
        """See the interface."""
        count = len(ciphertexts)
        self.budget.spend(count * self.parameters.degree)
        bits = flood_bits(self.parameters, deviation)
        seeds = [self._seeds.bytes(SEED_BYTES) for _ in range(count)]
        masks = np.empty((count, self.parameters.slots), np.uint64)
        parts = [b""] * count

        def answer(start: int, stop: int) -> None:
            for i in range(start, stop):
                parts[i], masks[i] = self._answer(ciphertexts[i], seeds[i], bits)

        self._workers.share(count, answer)
        return b"".join(parts), masks

    def _transformed(self, slots: FieldArray) -> Residues:
        """Slots (count, N) as transformed plaintexts (count, data primes, N)."""
        scheme = self._scheme
        lifted = scheme.encoder.lifted(scheme.encoder.polynomials(slots))
        scheme.transforms.forward(lifted, 0, scheme.data)
        return lifted

    def _answer(self, ciphertext: Residues, seed: bytes, bits: int) -> tuple[bytes, FieldArray]:
        """The four steps for one ciphertext, whose randomness comes from `seed`."""
        scheme, parameters = self._scheme, self.parameters
        if self._public_key is None:
            raise RuntimeError("an answer needs the client's public key")

        def stream(purpose: str) -> Stream:
            return Stream(stream_key(seed, purpose))

        factor = scheme.transformed_small(
            ternary(stream("encryption of zero"), scheme.degree)[np.newaxis], scheme.data
        )[0]
        answer = ciphertext.copy()
        for k in range(2):
            residues.add_product(answer[k], self._public_key[k], factor, 1, self._moduli)
        scheme.transforms.inverse(answer, 0, scheme.data)
        residues.add_small(answer, errors(stream("errors"), 2, scheme.degree), self._moduli)
        residues.add(answer[0], sample_flood(stream("flood"), parameters, bits), self._moduli)
        mask = stream("mask").field((1, parameters.slots))
        scaled = scheme.encoder.scaled(scheme.encoder.polynomials(mask))
        residues.add(answer[0], scaled[0], self._moduli)
        for last in range(scheme.data - 1, parameters.answer_primes - 1, -1):
            dropped = np.empty((2, last, scheme.degree), np.uint32)
            residues.drop_last(answer, self._moduli[: last + 1], self._drops[last], dropped)
            answer = dropped
        return pack_residues(answer), mask[0]

