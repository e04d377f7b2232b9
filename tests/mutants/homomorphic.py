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
from cryptomoe.he import linear, masking, seal_objects
from cryptomoe.he.flood import FloodBudget
from cryptomoe.he.layouts.lanes import LanesPlan
from cryptomoe.he.masking import MaskingParty
from cryptomoe.he.parameters import ERROR_DEVIATION, HeParameters
from cryptomoe.he.rns_answering import RnsAnsweringParty
from cryptomoe.he.seal_backend import SealAnsweringParty
from cryptomoe.net.channel import Channel
from cryptomoe.randomness import Stream, stream_key


@contextmanager
def answers_without_an_encryption_of_zero() -> Iterator[None]:
    """Answers are flooded and masked in c0, but c1 stays the request's c1 times the plaintext."""

    def nothing(parameters: HeParameters) -> FieldArray:
        return np.zeros((2, len(parameters.data_primes), parameters.degree), np.uint64)

    def seal_with_zero(server: SealAnsweringParty, ciphertext: Any, _stream: Stream) -> Any:
        zero = seal.Ciphertext()
        residues = nothing(server.parameters)
        seal_objects.load_ciphertext(zero, server._context, residues, server._first_id)
        server._evaluator.add_inplace(ciphertext, zero)
        return ciphertext

    def rns_with_zero(server: RnsAnsweringParty, ciphertext: Any, _stream: Stream) -> Any:
        answer = ciphertext.copy()
        server._scheme.transforms.inverse(answer, 0, answer.shape[1])
        return answer

    with (
        patch.object(SealAnsweringParty, "_with_zero", seal_with_zero),
        patch.object(RnsAnsweringParty, "_with_zero", rns_with_zero),
    ):
        yield


@contextmanager
def answers_without_a_flood() -> Iterator[None]:
    """Nothing is added to the noise that products leave."""

    def nothing(_stream: Stream, parameters: HeParameters, _bits: int) -> FieldArray:
        return np.zeros((len(parameters.data_primes), parameters.degree), np.uint32)

    with patch.object(masking, "sample_flood", nothing):
        yield


@contextmanager
def flood_of_a_fixed_width() -> Iterator[None]:
    """The flood has 40 bits, whatever the noise."""
    with patch.object(masking, "flood_bits", lambda _parameters, _deviation: 40):
        yield


@contextmanager
def flood_for_a_fresh_ciphertext() -> Iterator[None]:
    """The width of the flood forgets that products make noise grow."""
    right = masking.flood_bits

    def narrow(parameters: HeParameters, _deviation: float) -> int:
        return right(parameters, ERROR_DEVIATION)

    with patch.object(masking, "flood_bits", narrow):
        yield


@contextmanager
def answers_not_counted() -> Iterator[None]:
    """The ceiling that the flood is sized for is not kept."""
    with patch.object(FloodBudget, "spend", lambda _budget, _coefficients: None):
        yield


@contextmanager
def modulus_switched_before_the_flood() -> Iterator[None]:
    """Answers are switched first, then take as wide a flood as the small modulus has room for."""

    def private(
        server: MaskingParty, ciphertext: Any, mask: FieldArray, seed: bytes, _bits: int
    ) -> Any:
        kept = server.parameters.answer_primes
        narrow = replace(server.parameters, data_primes=server.parameters.data_primes[:kept])
        bits = narrow.answer_bits - narrow.plain_modulus.bit_length() - 5
        zero, flood = (Stream(stream_key(seed, purpose)) for purpose in ("zero", "flood"))
        answer = server._with_zero(ciphertext, zero)
        if isinstance(server, SealAnsweringParty):
            server._evaluator.mod_switch_to_inplace(answer, server._answer_id)
        else:
            answer = server._switched(answer)
        server._add_flood(answer, masking.sample_flood(flood, narrow, bits))
        server._add_mask(answer, mask)
        return server._switched(answer)

    with patch.object(MaskingParty, "_private", private):
        yield


@contextmanager
def _masks_by(change: Callable[[Stream, tuple[int, ...]], FieldArray]) -> Iterator[None]:
    """Answers are masked by `change` of the stream of masks and the shape that is asked for."""
    right = MaskingParty.answer

    def answer(
        server: MaskingParty, ciphertexts: Any, deviation: float
    ) -> tuple[bytes, FieldArray]:
        stream = server._mask
        changed = SimpleNamespace(field=lambda shape: change(stream, shape))
        with patch.object(server, "_mask", changed):
            return right(server, ciphertexts, deviation)

    with patch.object(MaskingParty, "answer", answer):
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
    ).transpose(2, 4, 0, 1, 3, 5)
    lanes = parted.reshape(plan.answers, 2, plan.lanes, plan.ring).transpose(0, 1, 3, 2)
    return lanes.reshape(plan.answers, -1)


@contextmanager
def no_mask_in_unused_slots() -> Iterator[None]:
    """Linear maps mask only the slots whose values are wanted."""
    right = linear.answer_linear

    def answer_linear(channel: Channel, server: Any, plan: LanesPlan, *rest: Any) -> FieldArray:
        used = _used_slots(plan).astype(np.uint64)
        with _masks_by(lambda stream, shape: stream.field(shape) * used):
            return right(channel, server, plan, *rest)

    with (
        patch.object(linear, "answer_linear", answer_linear),
        patch("cryptomoe.engines.two_party.answer_linear", answer_linear),
    ):
        yield
