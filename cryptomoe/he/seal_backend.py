"""The `seal` backend: BFV by Microsoft SEAL (TenSEAL's `sealapi`), the reference.

SEAL draws its keys and errors from its own generator, seeded by the operating system. Objects
travel in full, both polynomials; a batch of ciphertexts or plaintexts is a list.
"""

from typing import Any

import numpy as np
import tenseal.sealapi as seal

from cryptomoe.errors import InsecureParametersError
from cryptomoe.field import FieldArray
from cryptomoe.he import seal_objects
from cryptomoe.he.backend import HeSizes, SlotsOf
from cryptomoe.he.masking import MaskingParty
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import HeParameters, galois_element
from cryptomoe.he.wire import pack_residues, residue_bytes, unpack_residues
from cryptomoe.randomness import Randomness, Stream

_Ciphertexts = list[Any]
_Plaintexts = list[list[Any]]


def make_context(parameters: HeParameters) -> Any:
    """SEAL's context, with SEAL's own check for 128 bits as a second opinion.

    Raises:
        InsecureParametersError: SEAL refuses the parameters; gives its reason.
    """
    chosen = seal.EncryptionParameters(seal.SCHEME_TYPE.BFV)
    chosen.set_poly_modulus_degree(parameters.degree)
    primes = (*parameters.data_primes, parameters.special_prime)
    chosen.set_coeff_modulus([seal.Modulus(prime) for prime in primes])
    chosen.set_plain_modulus(parameters.plain_modulus)
    context = seal.SEALContext(chosen, True, seal.SEC_LEVEL_TYPE.TC128)  # noqa: FBT003 - SEAL's API
    if not context.parameters_set():
        raise InsecureParametersError(f"SEAL refuses: {context.parameters_error_message()}")
    return context


def seal_sizes(parameters: HeParameters) -> HeSizes:
    """Bytes on the wire: every object in full."""
    degree, data = parameters.degree, len(parameters.data_primes)
    key = residue_bytes(2 * (data + 1) * degree)
    return HeSizes(
        request_bytes=residue_bytes(2 * data * degree),
        answer_bytes=residue_bytes(2 * parameters.answer_primes * degree),
        public_key_bytes=key,
        galois_key_bytes=data * key,
    )


def answer_identifier(context: Any, parameters: HeParameters) -> Any:
    """SEAL's identifier of the level with the primes that an answer keeps."""
    level = context.first_context_data()
    while len(level.parms().coeff_modulus()) > parameters.answer_primes:
        level = level.next_context_data()
    return level.parms_id()


class SealKeyOwner:
    """See `KeyOwner` of the module `backend`."""

    def __init__(self, parameters: HeParameters) -> None:
        self.parameters = parameters
        self.sizes = seal_sizes(parameters)
        self._context = make_context(parameters)
        self._generator = seal.KeyGenerator(self._context)
        secret_key = self._generator.secret_key()
        self._encryptor = seal.Encryptor(self._context, secret_key)
        self._decryptor = seal.Decryptor(self._context, secret_key)
        self._encoder = seal.BatchEncoder(self._context)
        self._answer_id = answer_identifier(self._context, parameters)

    def public_key(self) -> bytes:
        """See the interface."""
        public_key = seal.PublicKey()
        self._generator.create_public_key(public_key)
        return pack_residues(seal_objects.public_key_residues(public_key))

    def galois_key(self, step: int) -> bytes:
        """See the interface."""
        element = galois_element(self.parameters, step)
        table = seal.GaloisKeys()
        self._generator.create_galois_keys([element], table)
        digits = len(self.parameters.data_primes)
        return pack_residues(seal_objects.galois_key_residues(table, element, digits))

    def encrypt(self, slots: FieldArray) -> bytes:
        """See the interface."""
        parts = []
        for row in slots:
            plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
            self._encoder.encode(row.tolist(), plaintext)
            self._encryptor.encrypt_symmetric(plaintext, ciphertext)
            parts.append(pack_residues(seal_objects.ciphertext_residues(ciphertext)))
        return b"".join(parts)

    def decrypt(self, label: str, message: bytes, count: int) -> FieldArray:
        """See the interface."""
        parameters = self.parameters
        primes = parameters.data_primes[: parameters.answer_primes]
        shape = (count, 2, parameters.answer_primes, parameters.degree)
        slots = np.empty((count, parameters.slots), np.uint64)
        for index, residues in enumerate(unpack_residues(label, message, shape, primes)):
            ciphertext, plaintext = seal.Ciphertext(), seal.Plaintext()
            seal_objects.load_ciphertext(ciphertext, self._context, residues, self._answer_id)
            self._decryptor.decrypt(ciphertext, plaintext)
            slots[index] = self._encoder.decode_uint64(plaintext)
        return slots


class SealAnsweringParty(MaskingParty):
    """See `AnsweringParty` of the module `backend`."""

    def __init__(self, parameters: HeParameters, randomness: Randomness) -> None:
        super().__init__(parameters, randomness, threads=1)
        self.sizes = seal_sizes(parameters)
        self.plaintext_bytes = 8 * len(parameters.data_primes) * parameters.degree
        self._context = make_context(parameters)
        self._first_id = self._context.first_parms_id()
        self._evaluator = seal.Evaluator(self._context)
        self._encoder = seal.BatchEncoder(self._context)
        self._encryptor: Any = None
        self._zero = seal.Plaintext()
        seal_objects.load_constant(
            self._zero, self._context, parameters.plain_modulus, parameters.data_primes
        )
        self._galois_keys: dict[int, Any] = {}
        self._answer_id = answer_identifier(self._context, parameters)

    def set_public_key(self, label: str, message: bytes) -> None:
        """See the interface."""
        primes = (*self.parameters.data_primes, self.parameters.special_prime)
        shape = (2, len(primes), self.parameters.degree)
        residues = unpack_residues(label, message, shape, primes)
        public_key = seal.PublicKey()
        seal_objects.load_public_key(public_key, self._context, residues)
        self._encryptor = seal.Encryptor(self._context, public_key)

    def set_galois_key(self, label: str, step: int, message: bytes) -> None:
        """See the interface."""
        primes = (*self.parameters.data_primes, self.parameters.special_prime)
        shape = (len(self.parameters.data_primes), 2, len(primes), self.parameters.degree)
        residues = unpack_residues(label, message, shape, primes)
        table = seal.GaloisKeys()
        element = galois_element(self.parameters, step)
        seal_objects.load_galois_key(table, self._context, element, residues)
        self._galois_keys[step] = table

    def load(self, label: str, message: bytes, count: int) -> _Ciphertexts:
        """See the interface."""
        primes = self.parameters.data_primes
        shape = (count, 2, len(primes), self.parameters.degree)
        loaded = []
        for residues in unpack_residues(label, message, shape, primes):
            ciphertext = seal.Ciphertext()
            seal_objects.load_ciphertext(ciphertext, self._context, residues, self._first_id)
            loaded.append(ciphertext)
        return loaded

    def add_slots(self, ciphertexts: _Ciphertexts, slots: FieldArray) -> None:
        """See the interface."""
        for ciphertext, row in zip(ciphertexts, slots, strict=True):
            self._evaluator.add_plain_inplace(ciphertext, self._encode(row))

    def turned(
        self, ciphertexts: _Ciphertexts, step: int, turns: int, groups: int
    ) -> list[_Ciphertexts]:
        """See the interface."""
        panel: list[_Ciphertexts] = [[] for _ in range(groups)]
        inputs = len(ciphertexts) // groups
        for i, ciphertext in enumerate(ciphertexts):
            turned = ciphertext
            for turn in range(turns):
                turned = self._rotate(turned, step) if turn else turned
                panel[i // inputs].append(self._transformed(turned))
        return panel

    def encode(self, slots: SlotsOf, outputs: int, terms: int, *, lasting: bool) -> _Plaintexts:
        """See the interface."""
        del lasting
        return [
            [self._encode_transformed(slots(i, i + 1)[0]) for i in range(first, first + terms)]
            for first in range(0, outputs * terms, terms)
        ]

    def sums_of_products(self, panel: list[_Ciphertexts], plaintexts: _Plaintexts) -> _Ciphertexts:
        """See the interface."""
        return [self._sum(group, output) for output in plaintexts for group in panel]

    def collected(
        self, parts: _Ciphertexts, giants: int, groups: int, step: int, total: _Ciphertexts | None
    ) -> _Ciphertexts:
        """See the interface."""
        sums = []
        for answer in range(len(parts) // (giants * groups)):
            for group in range(groups):
                own = parts[(answer * giants) * groups + group :: groups][:giants]
                collected = None if total is None else total[answer * groups + group]
                for part in reversed(own):
                    if collected is not None:
                        rotated = self._rotate(collected, step)
                        self._evaluator.add_inplace(part, rotated)
                    collected = part
                sums.append(collected)
        return sums

    def products(self, ciphertexts: _Ciphertexts, slots: FieldArray, terms: int) -> _Ciphertexts:
        """See the interface."""
        answers = len(slots) // terms
        transformed = [self._transformed(ciphertext) for ciphertext in ciphertexts]
        plaintexts = [self._encode_transformed(row) for row in slots]
        return [self._sum(transformed[i::answers], plaintexts[i::answers]) for i in range(answers)]

    def _with_zero(self, ciphertext: Any, stream: Stream) -> Any:
        del stream
        zero = seal.Ciphertext()
        self._encryptor.encrypt_zero(zero)
        self._evaluator.add_inplace(ciphertext, zero)
        return ciphertext

    def _add_flood(self, answer: Any, flood: Residues) -> None:
        residues = np.stack([flood, np.zeros_like(flood)])
        ciphertext = seal.Ciphertext()
        seal_objects.load_ciphertext(ciphertext, self._context, residues, answer.parms_id())
        self._evaluator.add_inplace(answer, ciphertext)

    def _add_mask(self, answer: Any, mask: FieldArray) -> None:
        self._evaluator.add_plain_inplace(answer, self._encode(mask))

    def _switched(self, answer: Any) -> Residues:
        switched = seal.Ciphertext()
        self._evaluator.mod_switch_to(answer, self._answer_id, switched)
        return seal_objects.ciphertext_residues(switched).astype(np.uint32)

    def _rotate(self, ciphertext: Any, step: int) -> Any:
        rotated = seal.Ciphertext()
        element = galois_element(self.parameters, step)
        self._evaluator.apply_galois(ciphertext, element, self._galois_keys[step], rotated)
        return rotated

    def _transformed(self, ciphertext: Any) -> Any:
        """A copy in the transformed domain, where products are taken."""
        copy = seal.Ciphertext()
        self._evaluator.transform_to_ntt(ciphertext, copy)
        return copy

    def _encode_transformed(self, slots: FieldArray) -> Any:
        """(N,) slots as a plaintext in the transformed domain.

        SEAL refuses products with a zero plaintext, an error that would tell of all-zero weights.
        The constant p, which is zero in every slot as well, takes its place.
        """
        if np.count_nonzero(slots) == 0:
            return self._zero
        plaintext = self._encode(slots)
        self._evaluator.transform_to_ntt_inplace(plaintext, self._first_id)
        return plaintext

    def _sum(self, ciphertexts: _Ciphertexts, plaintexts: list[Any]) -> Any:
        """Sum of products of transformed operands, at least one, back in coefficient form."""
        total = seal.Ciphertext()
        self._evaluator.multiply_plain(ciphertexts[0], plaintexts[0], total)
        for ciphertext, plaintext in zip(ciphertexts[1:], plaintexts[1:], strict=True):
            product = seal.Ciphertext()
            self._evaluator.multiply_plain(ciphertext, plaintext, product)
            self._evaluator.add_inplace(total, product)
        self._evaluator.transform_from_ntt_inplace(total)
        return total

    def _encode(self, slots: FieldArray) -> Any:
        plaintext = seal.Plaintext()
        self._encoder.encode(slots.tolist(), plaintext)
        return plaintext
