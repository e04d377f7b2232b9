"""Broken answers of the party that computes on ciphertexts.

All of them still decrypt to the right products. What they give away: see each one.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import tenseal.sealapi as seal
from numpy.typing import NDArray

from cryptomoe.field import P_BITS, FieldArray
from cryptomoe.he import linear, seal_backend, seal_objects
from cryptomoe.he.flood import FloodBudget
from cryptomoe.he.layouts.lanes import LanesPlan
from cryptomoe.he.parameters import ERROR_DEVIATION, HeParameters
from cryptomoe.he.seal_backend import AnsweringParty, Ciphertext
from cryptomoe.he.wire import pack_residues
from cryptomoe.net.channel import Channel
from cryptomoe.randomness import Stream


@contextmanager
def answers_without_an_encryption_of_zero() -> Iterator[None]:
    """Answers are flooded and masked in c0, but c1 stays the request's c1 times the plaintext."""
    right = AnsweringParty._rerandomize

    class Nothing:
        def __init__(self, server: AnsweringParty) -> None:
            self._server = server

        def encrypt_zero(self, ciphertext: Ciphertext) -> None:
            server = self._server
            shape = (2, len(server.parameters.data_primes), server.parameters.degree)
            zeros = np.zeros(shape, np.uint64)
            seal_objects.load_ciphertext(ciphertext, server._context, zeros, server._first_id)

    def rerandomize(server: AnsweringParty, ciphertext: Ciphertext, bits: int) -> None:
        with patch.object(server, "_encryptor", Nothing(server)):
            right(server, ciphertext, bits)

    with patch.object(AnsweringParty, "_rerandomize", rerandomize):
        yield


@contextmanager
def answers_without_a_flood() -> Iterator[None]:
    """Nothing is added to the noise that products leave."""

    def nothing(_stream: Stream, parameters: HeParameters, _bits: int) -> FieldArray:
        return np.zeros((len(parameters.data_primes), parameters.degree), np.uint64)

    with patch.object(seal_backend, "sample_flood", nothing):
        yield


@contextmanager
def flood_of_a_fixed_width() -> Iterator[None]:
    """The flood has 40 bits, whatever the noise."""
    with patch.object(seal_backend, "flood_bits", lambda _parameters, _deviation: 40):
        yield


@contextmanager
def flood_for_a_fresh_ciphertext() -> Iterator[None]:
    """The width of the flood forgets that products make noise grow."""
    right = seal_backend.flood_bits

    def narrow(parameters: HeParameters, _deviation: float) -> int:
        return right(parameters, ERROR_DEVIATION)

    with patch.object(seal_backend, "flood_bits", narrow):
        yield


@contextmanager
def answers_not_counted() -> Iterator[None]:
    """The ceiling that the flood is sized for is not kept."""
    with patch.object(FloodBudget, "spend", lambda _budget, _coefficients: None):
        yield


@contextmanager
def modulus_switched_before_the_flood() -> Iterator[None]:
    """Answers are switched first, then take as wide a flood as the small modulus has room for."""

    def answer(
        server: AnsweringParty, ciphertexts: list[Ciphertext], _deviation: float
    ) -> tuple[bytes, FieldArray]:
        kept = server.parameters.answer_primes
        narrow = replace(server.parameters, data_primes=server.parameters.data_primes[:kept])
        bits = narrow.answer_bits - narrow.plain_modulus.bit_length() - 5
        server.budget.spend(len(ciphertexts) * narrow.degree)
        masks = server._mask.field((len(ciphertexts), narrow.slots))
        parts = []
        for ciphertext, mask in zip(ciphertexts, masks, strict=True):
            zero, flood = seal.Ciphertext(), seal.Ciphertext()
            server._encryptor.encrypt_zero(zero)
            server._evaluator.add_inplace(ciphertext, zero)
            server._evaluator.mod_switch_to_inplace(ciphertext, server._answer_id)
            residues = np.zeros((2, kept, narrow.degree), np.uint64)
            residues[0] = seal_backend.sample_flood(server._flood, narrow, bits)
            seal_objects.load_ciphertext(flood, server._context, residues, server._answer_id)
            server._evaluator.add_inplace(ciphertext, flood)
            server.add_slots(ciphertext, mask)
            parts.append(pack_residues(seal_objects.ciphertext_residues(ciphertext)))
        return b"".join(parts), masks

    with patch.object(AnsweringParty, "answer", answer):
        yield


@contextmanager
def _masks_by(change: Callable[[Stream, tuple[int, ...]], FieldArray]) -> Iterator[None]:
    """Answers are masked by `change` of the stream of masks and the shape that is asked for."""
    right = AnsweringParty.answer

    def answer(
        server: AnsweringParty, ciphertexts: list[Ciphertext], deviation: float
    ) -> tuple[bytes, FieldArray]:
        stream = server._mask
        changed = SimpleNamespace(field=lambda shape: change(stream, shape))
        with patch.object(server, "_mask", changed):
            return right(server, ciphertexts, deviation)

    with patch.object(AnsweringParty, "answer", answer):
        yield


@contextmanager
def one_mask_for_all_ciphertexts() -> Iterator[None]:
    """All ciphertexts of one answer have the same mask."""
    with _masks_by(lambda stream, shape: np.tile(stream.field((1, *shape[1:])), (shape[0], 1))):
        yield


@contextmanager
def masks_of_whole_bits() -> Iterator[None]:
    """Masks are uniform below 2^44, for want of a rejection, and not below p."""
    with _masks_by(lambda stream, shape: stream.ring(shape, P_BITS - 1)):
        yield


def _used_slots(plan: LanesPlan) -> NDArray[np.bool_]:
    """Which slots of the answers (answers, N) `unpack` reads."""
    output_block = plan._lane_combination[2]
    output = output_block[:, np.newaxis, np.newaxis] + np.arange(plan.output_loop)[:, np.newaxis]
    output = output * plan.ring + np.arange(plan.ring)
    read = np.zeros(
        (plan.row_groups * plan.rows_together, plan.chunks * plan.row_lanes, plan.output_loop,
         plan.ring), bool,
    )  # fmt: skip
    read[: plan.rows, : plan.combinations] = output < plan.d2
    parted = read.reshape(
        plan.row_groups, plan.rows_together, plan.chunks, -1, plan.output_loop, plan.ring
    ).transpose(2, 0, 4, 1, 3, 5)
    lanes = parted.reshape(plan.answers, 2, plan.lanes, plan.ring).transpose(0, 1, 3, 2)
    return lanes.reshape(plan.answers, -1)


@contextmanager
def no_mask_in_unused_slots() -> Iterator[None]:
    """Linear maps mask only the slots whose values are wanted."""
    right = linear.answer_linear

    def answer_linear(
        channel: Channel, server: AnsweringParty, plan: LanesPlan, *rest: Any
    ) -> FieldArray:
        used = _used_slots(plan).astype(np.uint64)
        with _masks_by(lambda stream, shape: stream.field(shape) * used):
            return right(channel, server, plan, *rest)

    with (
        patch.object(linear, "answer_linear", answer_linear),
        patch("cryptomoe.engines.two_party.answer_linear", answer_linear),
    ):
        yield
