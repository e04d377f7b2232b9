"""What the layers above ask of a backend of the homomorphic encryption scheme.

The client owns the only key pair. It encrypts with its secret key; the server works on those
ciphertexts with its own plaintexts and answers.

Ciphertexts, panels and plaintexts are batches whose insides only their backend knows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cryptomoe.field import FieldArray
from cryptomoe.he.flood import FloodBudget
from cryptomoe.he.parameters import HeParameters
from cryptomoe.randomness import Randomness

SlotsOf: TypeAlias = Callable[[int, int], FieldArray]


@dataclass(frozen=True)
class HeSizes:
    """Bytes on the wire, whatever the contents.

    `request_bytes` and `answer_bytes` are those of one ciphertext each way.
    """

    request_bytes: int
    answer_bytes: int
    public_key_bytes: int
    galois_key_bytes: int


class KeyOwner(Protocol):
    """The client's side: the keys, encryption and decryption."""

    parameters: HeParameters
    sizes: HeSizes

    def public_key(self) -> bytes:
        """A public key for the answering party's encryptions of zero."""

    def galois_key(self, step: int) -> bytes:
        """The key that lets the answering party rotate both half-rows left by `step` slots."""

    def encrypt(self, slots: FieldArray) -> bytes:
        """Fresh ciphertexts of (count, N) slots, `sizes.request_bytes` each."""

    def decrypt(self, label: str, message: bytes, count: int) -> FieldArray:
        """Slots (count, N) of the `count` answers in `message`.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """


class AnsweringParty(Protocol):
    """The server's side: products with its plaintexts, and answers that hide them.

    Fields: `budget`, the account of its answers; `plaintext_bytes`, the memory of one encoded
    plaintext.
    """

    parameters: HeParameters
    sizes: HeSizes
    budget: FloodBudget
    plaintext_bytes: int

    def set_public_key(self, label: str, message: bytes) -> None:
        """Take the client's public key.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """

    def set_galois_key(self, label: str, step: int, message: bytes) -> None:
        """Take the client's key for rotations by `step`.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """

    def load(self, label: str, message: bytes, count: int) -> Any:
        """The `count` ciphertexts of a request.

        Raises:
            MalformedMessageError: a residue out of range; names `label`.
        """

    def add_slots(self, ciphertexts: Any, slots: FieldArray) -> None:
        """Add plaintext slots (count, N) to `count` ciphertexts, in place."""

    def turned(self, ciphertexts: Any, step: int, turns: int, groups: int) -> Any:
        """A panel of every ciphertext rotated by 0, 1, ..., turns - 1 times `step`.

        Ciphertexts come in the order (group, input); each group has inputs * turns terms, in the
        order (input, turn). The panel is gone when the next is made.
        """

    def encode(self, slots: SlotsOf, outputs: int, terms: int, *, lasting: bool) -> Any:
        """Plaintexts for `sums_of_products`, `terms` for one output after another.

        `slots(start, stop)` gives the slots (stop - start, N) of some of them, and may be called by
        several threads. Plaintexts that are not `lasting` are gone when the next are encoded.
        """

    def sums_of_products(self, panel: Any, plaintexts: Any) -> Any:
        """For every output and every group the sum over their terms: order (output, group)."""

    def collected(self, parts: Any, giants: int, groups: int, step: int, total: Any | None) -> Any:
        """Sums of rotations by Horner's rule, for parts in the order (answer, giant, group).

        Giant i counts rotated i times by `step`. `total`, if given, is in the order
        (answer, group) and counts as one more, rotated `giants` times. Order (answer, group).
        """

    def products(self, ciphertexts: Any, slots: FieldArray, terms: int) -> Any:
        """Answer i is the sum of products number i, i + answers, ... of `terms` in all."""

    def answer(self, ciphertexts: Any, deviation: float) -> tuple[bytes, FieldArray]:
        """The message that answers with these ciphertexts, and the masks added to their slots.

        `deviation` bounds the root mean square of their noise; the masks have shape (count, N).
        """


class Backend(Protocol):
    """Makes the two sides."""

    @property
    def name(self) -> str:
        """As on the command line."""

    def sizes(self, parameters: HeParameters) -> HeSizes:
        """Bytes on the wire with these parameters."""

    def key_owner(self, parameters: HeParameters, randomness: Randomness) -> KeyOwner:
        """The client's side, with fresh keys."""

    def answering_party(self, parameters: HeParameters, randomness: Randomness) -> AnsweringParty:
        """The server's side."""
