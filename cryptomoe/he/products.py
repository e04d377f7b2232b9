"""Products of secrets, entry by entry, by homomorphic encryption.

Of x y = x_0 y_0 + x_1 y_1 + x_0 y_1 + x_1 y_0 the first two terms are local. The key owner encrypts
its shares, the answering party multiplies each by its own share of the other factor, adds both
cross terms, masks, and one ciphertext comes back (about 58 bytes a product when full). Few products
put both of the owner's shares side by side into one ciphertext instead; the two cross terms are
then added on the shares of the answer.
"""

from dataclasses import dataclass

import numpy as np

from cryptomoe import field as fp
from cryptomoe.field import FieldArray
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.parameters import HeParameters
from cryptomoe.he.seal_backend import AnsweringParty, KeyOwner
from cryptomoe.net.channel import Channel


@dataclass(frozen=True)
class ProductsPlan:
    """How `size` sums of `terms` products are packed.

    `terms` is 2 for x y (its cross terms) and 1 for a square; `answers` ciphertexts come back.
    """

    size: int
    terms: int
    slots: int

    @property
    def side_by_side(self) -> bool:
        """Whether all terms fit into the slots of one ciphertext."""
        return self.size * self.terms <= self.slots

    @property
    def requests(self) -> int:
        """Ciphertexts the key owner sends."""
        return 1 if self.side_by_side else self.terms * self.answers

    @property
    def answers(self) -> int:
        """Ciphertexts that come back."""
        return 1 if self.side_by_side else -(-self.size // self.slots)

    def pack(self, factors: FieldArray) -> FieldArray:
        """Factors (terms, size) as slots (requests, N)."""
        per_term = self.slots // self.terms if self.side_by_side else self.answers * self.slots
        padded = np.zeros((self.terms, per_term), np.uint64)
        padded[:, : self.size] = factors
        slots = np.zeros((self.requests, self.slots), np.uint64)
        slots.reshape(-1)[: padded.size] = padded.reshape(-1)
        return slots

    def unpack(self, slots: FieldArray) -> FieldArray:
        """Slots (answers, N) as the sums (size,)."""
        if not self.side_by_side:
            return slots.reshape(-1)[: self.size]
        per_term = self.slots // self.terms
        parts = slots.reshape(-1)[: self.terms * per_term].reshape(self.terms, per_term)
        return fp.total(parts[:, : self.size], 0)


def plan_products(parameters: HeParameters, size: int, terms: int) -> ProductsPlan:
    """The plan for `size` values of `terms` one-sided products each."""
    return ProductsPlan(size, terms, parameters.slots)


def ask_products(
    channel: Channel, owner: KeyOwner, plan: ProductsPlan, factors: FieldArray
) -> FieldArray:
    """Key owner with `factors` (terms, size): its share of sum_k factors_k * peer's factors_k."""
    channel.send("request", owner.encrypt(plan.pack(factors)))
    message = channel.receive("answer", plan.answers * owner.parameters.answer_bytes)
    return plan.unpack(owner.decrypt(channel.label("answer"), message, plan.answers))


def answer_products(
    channel: Channel, server: AnsweringParty, plan: ProductsPlan, factors: FieldArray
) -> FieldArray:
    """Answering party with its `factors` (terms, size): its share of the same sums."""
    parameters = server.parameters
    message = channel.receive("request", plan.requests * parameters.request_bytes)
    ciphertexts = [
        server.transformed(ciphertext)
        for ciphertext in server.load(channel.label("request"), message, plan.requests)
    ]
    plaintexts = [server.encode(slots) for slots in plan.pack(factors)]
    answers = [
        server.sum_of_products(ciphertexts[i :: plan.answers], plaintexts[i :: plan.answers])
        for i in range(plan.answers)
    ]
    deviation = noise_deviation(parameters, plan.terms, 0)
    reply, masks = server.answer(answers, deviation)
    channel.send("answer", reply)
    return fp.negate(plan.unpack(masks))
