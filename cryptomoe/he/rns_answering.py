"""The `rns` backend's answering party: products, rotations, and answers that hide both.

Ciphertexts are arrays (count, 2, data primes, N) of transformed residues; plaintexts and panels are
packed as the module `accumulate` says.
"""

import numpy as np

from cryptomoe.field import FieldArray
from cryptomoe.he import residues
from cryptomoe.he.accumulate import (
    accumulate,
    pack_ciphertexts,
    pack_plaintexts,
    panel_shape,
    plaintexts_shape,
)
from cryptomoe.he.backend import SlotsOf
from cryptomoe.he.masking import MaskingParty
from cryptomoe.he.memory import Scratch, empty
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.rns_rotation import Rotation, divided
from cryptomoe.he.rns_scheme import rns_sizes, scheme_of
from cryptomoe.he.sampling import errors, ternary
from cryptomoe.he.seeded import unpack_seeded
from cryptomoe.he.workers import Workers
from cryptomoe.randomness import Randomness, Stream

_ENCODED_TOGETHER = 8


class RnsAnsweringParty(MaskingParty):
    """See `AnsweringParty` of the module `backend`."""

    def __init__(
        self, parameters: HeParameters, randomness: Randomness, *, threads: int | None = None
    ) -> None:
        super().__init__(parameters, randomness, threads)
        self.sizes = rns_sizes(parameters)
        self._scheme = scheme_of(parameters)
        self._moduli = self._scheme.moduli[: self._scheme.data]
        self._public_key: Residues | None = None
        self._rotations: dict[int, Rotation] = {}
        self._plaintexts, self._panel = Scratch(), Scratch()
        self._drops = [
            self._scheme.inverses(parameters.data_primes[last], last)
            for last in range(self._scheme.data)
        ]
        self.plaintext_bytes = 4 * self._scheme.data * parameters.degree

    def set_public_key(self, label: str, message: bytes) -> None:
        """See the interface."""
        scheme = self._scheme
        self.use_public_key(unpack_seeded(label, message, 1, scheme.primes, scheme.degree)[0])

    def use_public_key(self, pair: Residues) -> None:
        """Take a public key as transformed residues (2, primes, N)."""
        self._public_key = pair[:, : self._scheme.data].copy()

    def set_galois_key(self, label: str, step: int, message: bytes) -> None:
        """See the interface."""
        scheme = self._scheme
        key = unpack_seeded(label, message, scheme.data, scheme.primes, scheme.degree)
        self.use_galois_key(step, key)

    def use_galois_key(self, step: int, key: Residues) -> None:
        """Take a Galois key as transformed residues (digits, 2, primes, N)."""
        self._rotations[step] = Rotation(self._scheme, self._workers, step, key)

    def load(self, label: str, message: bytes, count: int) -> Residues:
        """See the interface."""
        scheme, size = self._scheme, self.sizes.request_bytes
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
                polynomial = scheme.encoder.polynomials(slots[i : i + 1])
                scaled = scheme.encoder.scaled(polynomial, scheme.data)[0]
                scheme.transforms.forward(scaled, 0, scheme.data)
                residues.add(ciphertexts[i, 0], scaled, self._moduli)

        self._workers.share(len(slots), add)

    def turned(self, ciphertexts: Residues, step: int, turns: int, groups: int) -> Residues:
        """See the interface."""
        scheme = self._scheme
        inputs = len(ciphertexts) // groups
        shape = panel_shape(scheme.data, scheme.degree, groups, inputs * turns)
        panel = self._panel.array(shape)
        rotation = self._rotations[step] if turns > 1 else None

        def turn(first: int, last: int, workers: Workers) -> None:
            """All turns of some ciphertexts: what is written together lies together."""
            turned = empty((turns, last - first, *ciphertexts.shape[1:]))
            turned[0] = ciphertexts[first:last]
            for i in range(1, turns):
                if rotation is not None:
                    rotation.rotate(turned[i - 1], turned[i], workers)
            for i in range(first, last):
                term = i % inputs * turns
                pack_ciphertexts(turned[:, i - first], i // inputs, term, panel)

        divided(len(ciphertexts), self._workers, turn)
        return panel

    def encode(self, slots: SlotsOf, outputs: int, terms: int, *, lasting: bool) -> Residues:
        """See the interface."""
        scheme = self._scheme
        shape = plaintexts_shape(scheme.data, scheme.degree, outputs, terms)
        packed = empty(shape) if lasting else self._plaintexts.array(shape)
        portions = [
            (output, first, min(first + _ENCODED_TOGETHER, terms))
            for output in range(outputs)
            for first in range(0, terms, _ENCODED_TOGETHER)
        ]

        def encode(start: int, stop: int) -> None:
            for output, first, last in portions[start:stop]:
                rows = slots(output * terms + first, output * terms + last)
                pack_plaintexts(self._transformed(rows), output, first, packed)

        self._workers.share(len(portions), encode)
        return packed

    def sums_of_products(self, panel: Residues, plaintexts: Residues) -> Residues:
        """See the interface."""
        scheme = self._scheme
        shape = (plaintexts.shape[2], panel.shape[2], 2, scheme.data, scheme.degree)
        sums = empty(shape)

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

    def _transformed(self, slots: FieldArray) -> Residues:
        """Slots (count, N) as transformed plaintexts (count, data primes, N)."""
        scheme = self._scheme
        lifted = scheme.encoder.lifted(scheme.encoder.polynomials(slots))
        scheme.transforms.forward(lifted, 0, scheme.data)
        return lifted

    def _with_zero(self, ciphertext: Residues, stream: Stream) -> Residues:
        scheme = self._scheme
        if self._public_key is None:
            raise RuntimeError("an answer needs the client's public key")
        factor = ternary(stream, scheme.degree)[np.newaxis]
        transformed = scheme.transformed_small(factor, scheme.data)[0]
        answer = ciphertext.copy()
        for k in range(2):
            residues.add_product(answer[k], self._public_key[k], transformed, 1, self._moduli)
        scheme.transforms.inverse(answer, 0, scheme.data)
        residues.add_small(answer, errors(stream, 2, scheme.degree), self._moduli)
        return answer

    def _add_flood(self, answer: Residues, flood: Residues) -> None:
        residues.add(answer[0], flood, self._scheme.moduli[: answer.shape[1]])

    def _add_mask(self, answer: Residues, mask: FieldArray) -> None:
        encoder, primes = self._scheme.encoder, answer.shape[1]
        scaled = encoder.scaled(encoder.polynomials(mask[np.newaxis]), primes)[0]
        residues.add(answer[0], scaled, self._scheme.moduli[:primes])

    def _switched(self, answer: Residues) -> Residues:
        scheme = self._scheme
        for last in range(answer.shape[1] - 1, self.parameters.answer_primes - 1, -1):
            dropped = np.empty((2, last, scheme.degree), np.uint32)
            residues.drop_last(answer, self._moduli[: last + 1], self._drops[last], dropped)
            answer = dropped
        return answer
