"""X W over a channel: shapes, the cache of plaintexts, keys on demand, and malformed messages."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from he_pair import HePair
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.errors import MalformedMessageError, PeerLostError
from cryptomoe.he.flood import noise_deviation
from cryptomoe.he.layouts.lanes import LanesPlan, plan_lanes
from cryptomoe.he.linear import (
    PLAINTEXT_BYTES,
    EncodedWeights,
    KeyRing,
    PlaintextCache,
    answer_linear,
    finish_linear,
    receive_linear,
    request_linear,
)
from cryptomoe.he.parameters import STANDARD
from cryptomoe.he.seal_backend import AnsweringParty
from cryptomoe.net.channel import Channel
from cryptomoe.party import Party

Size = tuple[int, int, int, int]
SMALL: Size = (2, 3, 5, 7)
FEW = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def operands(size: Size, seed: int) -> tuple[fp.FieldArray, fp.FieldArray, fp.FieldArray]:
    """Both parties' uniform shares of X (batch, rows, d1), and W (batch, d1, d2)."""
    batch, rows, d1, d2 = size
    generator = np.random.default_rng(seed)
    shapes = (batch, rows, d1), (batch, rows, d1), (batch, d1, d2)
    drawn = [generator.integers(0, fp.P, shape, dtype=np.uint64) for shape in shapes]
    return drawn[0], drawn[1], drawn[2]


def weights_of(w: fp.FieldArray, plaintexts: int = 1000) -> EncodedWeights:
    """W with room for so many plaintexts."""
    return EncodedWeights(w, PlaintextCache(plaintexts * PLAINTEXT_BYTES))


def exchanged(
    pair: HePair,
    plan: LanesPlan,
    shares: tuple[fp.FieldArray, fp.FieldArray],
    weights: EncodedWeights,
    spoil: Callable[[Party, bytes], bytes] | None = None,
) -> list[Any]:
    """The outcomes of both parties: shares of X W, or errors."""

    def ask(channel: Channel, keys: KeyRing) -> fp.FieldArray:
        keys.require(plan.galois_steps)
        with channel.scope("linear"):
            request_linear(channel, pair.owner, plan, shares[0])
            return finish_linear(channel, pair.owner, plan)

    def answer(channel: Channel, keys: KeyRing) -> fp.FieldArray:
        keys.require(plan.galois_steps)
        with channel.scope("linear"):
            ciphertexts = receive_linear(channel, pair.server, plan)
            return answer_linear(channel, pair.server, plan, ciphertexts, shares[1], weights)

    return pair.run(ask, answer, spoil)


@FEW
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 2**31),
)
def test_shares_add_up_to_the_product(pair: HePair, size: Size, seed: int) -> None:
    own, other, w = operands(size, seed)
    results = exchanged(pair, plan_lanes(STANDARD, *size), (own, other), weights_of(w))
    assert np.array_equal(fp.add(*results), fp.matmul(fp.add(own, other), w))


@pytest.mark.parametrize(
    ("ring", "splits", "babies", "in_lanes", "out_lanes"),
    [(4, 1, 2, False, False), (8, 2, 2, True, False), (4, 2, 1, False, True),
     (16, 1, 8, True, True)],
)  # fmt: skip
def test_plans_that_are_not_the_cheapest_compute_the_same(
    pair: HePair, ring: int, splits: int, babies: int, *, in_lanes: bool, out_lanes: bool
) -> None:
    """Blocks in ciphertexts of their own, splits, babies and giants."""
    size = (2, 3, 10, 9)
    own, other, w = operands(size, 1)
    plan = LanesPlan(*size, STANDARD.half_row, ring, splits, babies, in_lanes, out_lanes)
    results = exchanged(pair, plan, (own, other), weights_of(w))
    assert np.array_equal(fp.add(*results), fp.matmul(fp.add(own, other), w))


@pytest.mark.parametrize("kind", ["zero weights", "zero shares", "one zero matrix"])
def test_zeros_are_like_any_other_value(pair: HePair, kind: str) -> None:
    own, other, w = operands(SMALL, 2)
    if kind == "zero weights":
        w = np.zeros_like(w)
    elif kind == "zero shares":
        own, other = np.zeros_like(own), np.zeros_like(other)
    else:
        w[0] = 0
    results = exchanged(pair, plan_lanes(STANDARD, *SMALL), (own, other), weights_of(w))
    assert np.array_equal(fp.add(*results), fp.matmul(fp.add(own, other), w))
    assert np.unique(results[1]).size == results[1].size


def test_the_noise_of_answers_is_what_the_flood_is_told(pair: HePair) -> None:
    """Before each answer: the measured noise against the deviation that its flood is sized for."""
    seen = []
    right = AnsweringParty.answer

    def watching(server: AnsweringParty, ciphertexts: list[Any], deviation: float) -> Any:
        seen.extend((pair.noise(ciphertext), deviation) for ciphertext in ciphertexts)
        return right(server, ciphertexts, deviation)

    size = (8, 8, 32, 64)
    own, other, w = operands(size, 3)
    plan = plan_lanes(STANDARD, *size)
    with patch.object(AnsweringParty, "answer", watching):
        exchanged(pair, plan, (own, other), weights_of(w))
    assert len(seen) == plan.answers
    before, after = plan.babies - 1, plan.giants - 1
    assert min(before, after) > 1
    for noise, deviation in seen:
        assert deviation == noise_deviation(STANDARD, plan.products_per_answer, before, after)
        # Uniform weights do not follow the noise, and are smaller than the worst.
        assert deviation / 1000 < np.sqrt(np.mean(noise**2)) < deviation / 8


# --- the cache of plaintexts ----------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1, 3, 1000])
def test_the_cache_keeps_its_budget_and_changes_no_result(pair: HePair, room: int) -> None:
    """Twice with the same weights: encoded as often as there was no room."""
    own, other, w = operands(SMALL, 4)
    plan = plan_lanes(STANDARD, *SMALL)
    weights = weights_of(w, room)
    kept = min(room, plan.plaintexts)
    encoded = []
    right = AnsweringParty.encode

    def counting(server: AnsweringParty, slots: fp.FieldArray) -> Any:
        encoded.append(slots)
        return right(server, slots)

    with patch.object(AnsweringParty, "encode", counting):
        for run in range(2):
            results = exchanged(pair, plan, (own, other), weights)
            assert np.array_equal(fp.add(*results), fp.matmul(fp.add(own, other), w))
            assert len(encoded) == plan.plaintexts + run * (plan.plaintexts - kept)
            assert len(weights.kept) == kept
            assert weights.cache.used == kept * PLAINTEXT_BYTES <= weights.cache.budget


def test_weights_share_one_budget(pair: HePair) -> None:
    """And plaintexts of one plan are not taken for those of another."""
    cache = PlaintextCache(5 * PLAINTEXT_BYTES + PLAINTEXT_BYTES // 2)
    kept = 0
    for seed, size in enumerate([SMALL, (2, 4, 6, 7), SMALL]):
        own, other, w = operands(size, seed)
        weights = EncodedWeights(w, cache)
        for rows in (size[1], 1):
            plan = plan_lanes(STANDARD, size[0], rows, *size[2:])
            results = exchanged(pair, plan, (own[:, :rows], other[:, :rows]), weights)
            expected = fp.matmul(fp.add(own, other)[:, :rows], w)
            assert np.array_equal(fp.add(*results), expected)
        kept += len(weights.kept)
    assert kept == 5
    assert cache.used == 5 * PLAINTEXT_BYTES


def test_one_plaintext_needs_about_the_memory_that_is_counted(pair: HePair) -> None:
    plaintext = pair.server.encode(np.arange(STANDARD.slots, dtype=np.uint64))
    assert 0.95 * PLAINTEXT_BYTES < 8 * plaintext.coeff_count() < PLAINTEXT_BYTES


# --- keys and malformed messages ------------------------------------------------------------------


def test_keys_are_sent_once_and_as_set_up(pair: HePair) -> None:
    def protocol(channel: Channel, keys: KeyRing) -> tuple[int, int]:
        channel.start_online()
        for steps in ((5, 9), (9,), (5, 7)):
            keys.require(steps)
        return channel.statistics().setup_bytes_sent, channel.statistics().bytes_sent

    sent = pair.run(protocol, protocol)
    header = 20
    assert sent[Party.CLIENT] == (3 * (STANDARD.galois_key_bytes + header), 0)
    assert sent[Party.SERVER] == (0, 0)


MESSAGES = {
    "request": (Party.CLIENT, "linear/request"),
    "answer": (Party.SERVER, "linear/answer"),
    "key": (Party.CLIENT, "setup/galois_key/"),
}


@pytest.mark.parametrize("position", [0, 61_440, -8])
@pytest.mark.parametrize("message", MESSAGES)
def test_a_residue_out_of_range_ends_both_sides(pair: HePair, message: str, position: int) -> None:
    """The receiver's error names the message, and the sender does not wait for ever."""
    size = (2, 3, 64, 64)
    own, other, w = operands(size, 5)
    plan = plan_lanes(STANDARD, *size)
    sizes = {
        "request": plan.requests * STANDARD.request_bytes,
        "answer": plan.answers * STANDARD.answer_bytes,
        "key": STANDARD.galois_key_bytes,
    }
    sender, label = MESSAGES[message]

    def spoil(party: Party, payload: bytes) -> bytes:
        changed = bytearray(payload)
        if party is sender and len(payload) == sizes[message]:
            changed[position : position + 8 or None] = b"\xff" * 8
        return bytes(changed)

    outcomes = exchanged(pair, plan, (own, other), weights_of(w), spoil)
    refusal, lost = outcomes[1 - sender], outcomes[sender]
    assert isinstance(refusal, MalformedMessageError)
    assert refusal.label.startswith(label)
    assert isinstance(lost, PeerLostError)


def test_an_answer_of_another_size_ends_both_sides(pair: HePair) -> None:
    """The parties disagree about d2, so about the number of ciphertexts that come back."""
    own, other, w = operands((1, 1, 4, 4), 6)
    ours = LanesPlan(1, 1, 4, 4, STANDARD.half_row, 4, 1, 1, True, True)  # noqa: FBT003 - fields
    theirs = LanesPlan(1, 1, 4, 8, STANDARD.half_row, 4, 1, 1, True, False)  # noqa: FBT003
    wide = np.concatenate([w, w], axis=2)

    def ask(channel: Channel, keys: KeyRing) -> fp.FieldArray:
        keys.require(ours.galois_steps)
        request_linear(channel, pair.owner, ours, own)
        return finish_linear(channel, pair.owner, ours)

    def answer(channel: Channel, keys: KeyRing) -> fp.FieldArray:
        keys.require(theirs.galois_steps)
        ciphertexts = receive_linear(channel, pair.server, theirs)
        return answer_linear(channel, pair.server, theirs, ciphertexts, other, weights_of(wide))

    assert (ours.requests, theirs.requests, theirs.answers) == (1, 1, 2)
    client, server = pair.run(ask, answer)
    assert isinstance(client, MalformedMessageError)
    assert client.label == "answer"
    assert isinstance(server, (MalformedMessageError, PeerLostError))
