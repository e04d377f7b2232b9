"""BFV by Microsoft SEAL (TenSEAL's `sealapi`): the owner of the key, and the party that answers.

The client owns the only key pair. It encrypts with its secret key; the server works on those
ciphertexts with its own plaintexts and answers. Every answer is made private for the server in four
steps, in this order: a fresh encryption of zero under the public key (without it the second
polynomial is a known linear function of the server's plaintext), the flood, a uniform mask in every
slot, used or not, and last the switch to the two primes that are sent.

SEAL draws its keys and errors from its own generator, seeded by the operating system.
"""

from typing import Any, TypeAlias

import numpy as np
import tenseal.sealapi as seal

from cryptomoe.errors import InsecureParametersError
from cryptomoe.field import FieldArray
from cryptomoe.he import seal_objects
from cryptomoe.he.flood import FloodBudget, flood_bits, sample_flood
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.wire import pack_residues, unpack_residues
from cryptomoe.randomness import Randomness

Ciphertext: TypeAlias = Any
Plaintext: TypeAlias = Any

_GENERATOR = 3


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


def galois_element(parameters: HeParameters, step: int) -> int:
    """The automorphism X -> X^element that rotates both half-rows left by `step` slots."""
    return pow(_GENERATOR, step, 2 * parameters.degree)


def answer_identifier(context: Any, parameters: HeParameters) -> Any:
    """SEAL's identifier of the level with the primes that an answer keeps."""
    level = context.first_context_data()
    while len(level.parms().coeff_modulus()) > parameters.answer_primes:
        level = level.next_context_data()
    return level.parms_id()


class KeyOwner:
    """The client's side: the keys, encryption and decryption."""

    def __init__(self, parameters: HeParameters) -> None:
        self.parameters = parameters
        self._context = make_context(parameters)
        self._generator = seal.KeyGenerator(self._context)
        secret_key = self._generator.secret_key()
        self._encryptor = seal.Encryptor(self._context, secret_key)
        self._decryptor = seal.Decryptor(self._context, secret_key)
        self._encoder = seal.BatchEncoder(self._context)
        self._answer_id = answer_identifier(self._context, parameters)

    def public_key(self) -> bytes:
        """A public key for the answering party's encryptions of zero."""
        public_key = seal.PublicKey()
        self._generator.create_public_key(public_key)
        return pack_residues(seal_objects.public_key_residues(public_key))

    def galois_key(self, step: int) -> bytes:
        """The key that lets the answering party rotate by `step`."""
        element = galois_element(self.parameters, step)
        table = seal.GaloisKeys()
        self._generator.create_galois_keys([element], table)
        digits = len(self.parameters.data_primes)
        return pack_residues(seal_objects.galois_key_residues(table, element, digits))

    def encrypt(self, slots: FieldArray) -> bytes:
        """Fresh ciphertexts of (count, N) slots, `request_bytes` each."""
        parts = []
        for row in slots:
            plaintext, ciphertext = seal.Plaintext(), seal.Ciphertext()
            self._encoder.encode(row.tolist(), plaintext)
            self._encryptor.encrypt_symmetric(plaintext, ciphertext)
            parts.append(pack_residues(seal_objects.ciphertext_residues(ciphertext)))
        return b"".join(parts)

    def decrypt(self, label: str, message: bytes, count: int) -> FieldArray:
        """Slots (count, N) of the `count` answers in `message`.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """
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


class AnsweringParty:
    """The server's side: products with its plaintexts, and answers that hide them."""

    def __init__(self, parameters: HeParameters, randomness: Randomness) -> None:
        self.parameters = parameters
        self.budget = FloodBudget()
        self._context = make_context(parameters)
        self._first_id = self._context.first_parms_id()
        self._evaluator = seal.Evaluator(self._context)
        self._encoder = seal.BatchEncoder(self._context)
        self._mask = randomness.stream("mask of homomorphic answers")
        self._flood = randomness.stream("flood of homomorphic answers")
        self._encryptor: Any = None
        self._zero = seal.Plaintext()
        seal_objects.load_constant(
            self._zero, self._context, parameters.plain_modulus, parameters.data_primes
        )
        self._galois_keys: dict[int, Any] = {}
        self._answer_id = answer_identifier(self._context, parameters)

    def set_public_key(self, label: str, message: bytes) -> None:
        """Take the client's public key.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """
        primes = (*self.parameters.data_primes, self.parameters.special_prime)
        shape = (2, len(primes), self.parameters.degree)
        residues = unpack_residues(label, message, shape, primes)
        public_key = seal.PublicKey()
        seal_objects.load_public_key(public_key, self._context, residues)
        self._encryptor = seal.Encryptor(self._context, public_key)

    def set_galois_key(self, label: str, step: int, message: bytes) -> None:
        """Take the client's key for rotations by `step`.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """
        primes = (*self.parameters.data_primes, self.parameters.special_prime)
        shape = (len(self.parameters.data_primes), 2, len(primes), self.parameters.degree)
        residues = unpack_residues(label, message, shape, primes)
        table = seal.GaloisKeys()
        element = galois_element(self.parameters, step)
        seal_objects.load_galois_key(table, self._context, element, residues)
        self._galois_keys[step] = table

    def load(self, label: str, message: bytes, count: int) -> list[Ciphertext]:
        """The `count` ciphertexts of a request, in coefficient form.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """
        primes = self.parameters.data_primes
        shape = (count, 2, len(primes), self.parameters.degree)
        loaded = []
        for residues in unpack_residues(label, message, shape, primes):
            ciphertext = seal.Ciphertext()
            seal_objects.load_ciphertext(ciphertext, self._context, residues, self._first_id)
            loaded.append(ciphertext)
        return loaded

    def add_slots(self, ciphertext: Ciphertext, slots: FieldArray) -> None:
        """Add (N,) plaintext slots to a ciphertext in coefficient form, in place."""
        self._evaluator.add_plain_inplace(ciphertext, self._encode(slots))

    def rotate(self, ciphertext: Ciphertext, step: int) -> Ciphertext:
        """Both half-rows rotated left by `step`, whose key must have been taken before."""
        rotated = seal.Ciphertext()
        element = galois_element(self.parameters, step)
        self._evaluator.apply_galois(ciphertext, element, self._galois_keys[step], rotated)
        return rotated

    def transformed(self, ciphertext: Ciphertext) -> Ciphertext:
        """A copy in the transformed domain, where products are taken."""
        copy = seal.Ciphertext()
        self._evaluator.transform_to_ntt(ciphertext, copy)
        return copy

    def encode(self, slots: FieldArray) -> Plaintext:
        """(N,) slots as a plaintext in the transformed domain.

        SEAL refuses products with a zero plaintext, an error that would tell of all-zero weights.
        The constant p, which is zero in every slot as well, takes its place.
        """
        if np.count_nonzero(slots) == 0:
            return self._zero
        plaintext = self._encode(slots)
        self._evaluator.transform_to_ntt_inplace(plaintext, self._first_id)
        return plaintext

    def sum_of_products(
        self, ciphertexts: list[Ciphertext], plaintexts: list[Plaintext]
    ) -> Ciphertext:
        """Sum of products of transformed operands, at least one, back in coefficient form."""
        total = seal.Ciphertext()
        self._evaluator.multiply_plain(ciphertexts[0], plaintexts[0], total)
        for ciphertext, plaintext in zip(ciphertexts[1:], plaintexts[1:], strict=True):
            product = seal.Ciphertext()
            self._evaluator.multiply_plain(ciphertext, plaintext, product)
            self._evaluator.add_inplace(total, product)
        self._evaluator.transform_from_ntt_inplace(total)
        return total

    def add(self, total: Ciphertext, other: Ciphertext) -> None:
        """Add `other` to `total`, in place."""
        self._evaluator.add_inplace(total, other)

    def answer(self, ciphertexts: list[Ciphertext], deviation: float) -> tuple[bytes, FieldArray]:
        """The message that answers with these ciphertexts, and the masks added to their slots.

        `deviation` bounds the root mean square of their noise; the masks have shape (count, N).
        """
        count = len(ciphertexts)
        self.budget.spend(count * self.parameters.degree)
        bits = flood_bits(self.parameters, deviation)
        masks = self._mask.field((count, self.parameters.slots))
        parts = []
        for ciphertext, mask in zip(ciphertexts, masks, strict=True):
            self._rerandomize(ciphertext, bits)
            self.add_slots(ciphertext, mask)
            switched = seal.Ciphertext()
            self._evaluator.mod_switch_to(ciphertext, self._answer_id, switched)
            parts.append(pack_residues(seal_objects.ciphertext_residues(switched)))
        return b"".join(parts), masks

    def _rerandomize(self, ciphertext: Ciphertext, bits: int) -> None:
        zero, flood = seal.Ciphertext(), seal.Ciphertext()
        self._encryptor.encrypt_zero(zero)
        self._evaluator.add_inplace(ciphertext, zero)
        residues = np.zeros(
            (2, len(self.parameters.data_primes), self.parameters.degree), np.uint64
        )
        residues[0] = sample_flood(self._flood, self.parameters, bits)
        seal_objects.load_ciphertext(flood, self._context, residues, self._first_id)
        self._evaluator.add_inplace(ciphertext, flood)

    def _encode(self, slots: FieldArray) -> Plaintext:
        plaintext = seal.Plaintext()
        self._encoder.encode(slots.tolist(), plaintext)
        return plaintext
