"""Nothing that must be fresh is used twice in a whole run, nor in two; and the log would notice."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from operations import protocol
from party_views import Session, run_session
from small_model import run
from use_log import UseLog, deltas

from cryptomoe.he import sampling
from cryptomoe.he.masking import MaskingParty
from cryptomoe.he.rns_owner import RnsKeyOwner
from cryptomoe.ot import endpoint as endpoints
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.ot.iknp import IknpReceiver
from cryptomoe.ot.pads import PadHash, ReceiverPads, SenderPads
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness, Stream

pytestmark = pytest.mark.leakage

FEW = ("negative", "keep_if", "square", "multiply")


@cache
def inference() -> tuple[UseLog, Session]:
    """A whole private inference, watched."""
    log = UseLog()
    with log.watching():
        session = run("different tokens", "random", 200)
    for party in Party:
        log.read(session.records[party])
    return log, session


def small(seed: int) -> tuple[UseLog, Session]:
    """A few operations, watched."""
    log = UseLog()
    with log.watching():
        session = run_session(protocol(Party.SERVER, large=True, names=FEW), seed)
    for party in Party:
        log.read(session.records[party])
    return log, session


def test_nothing_is_used_twice_in_a_whole_inference() -> None:
    log, _ = inference()
    assert log.used_twice() == set()
    # And the log is not empty.
    assert len(log.stream_keys) >= 2 * 3
    assert len(log.hashes) >= 2 * 3
    assert len(log.expansions) == 2 * 3 * 128
    assert {kind: len(values) > 1 for kind, values in log.wire.items()} == {
        "salts": True,
        "points": True,
        "polynomials": True,
        "seeds": True,
    }
    # Both parties expand every seed.
    assert len(log.public_keys) == 2 * len(log.wire["seeds"])


def test_nothing_is_used_twice_in_two_sessions() -> None:
    """Streams, salts, points and ciphertexts; hash keys follow from the salts."""
    first, second = UseLog(), UseLog()
    for log, seed in ((first, 201), (second, 202)):
        other, _ = small(seed)
        log.stream_keys, log.public_keys, log.wire = (
            other.stream_keys, other.public_keys, other.wire,
        )  # fmt: skip
    both = UseLog(
        first.stream_keys + second.stream_keys,
        first.public_keys + second.public_keys,
        wire={kind: first.wire[kind] + second.wire[kind] for kind in first.wire},
    )
    assert both.used_twice() == set()


def test_delta_differs_between_sessions_and_directions() -> None:
    found = [
        delta
        for session in (inference()[1], small(203)[1])
        for delta in deltas(list(session.engines.values()))
    ]
    assert len(set(found)) == len(found) == 4


def test_a_delta_kept_across_sessions_is_noticed() -> None:
    with _broken(OtEndpoint, "__init__", _fixed_delta):
        found = [d for seed in (204, 205) for d in deltas(list(small(seed)[1].engines.values()))]
    assert len(set(found)) == 2


@contextmanager
def _broken(owner: Any, name: str, variant: Callable[..., Any]) -> Iterator[None]:
    """`owner.name` replaced by `variant`, which is given the right one first."""
    right = getattr(owner, name)

    def broken(*args: Any, **named: Any) -> Any:
        return variant(right, *args, **named)

    with patch.object(owner, name, broken):
        yield


def _fixed_delta(right: Any, endpoint: Any, channel: Any, randomness: Any, method: str) -> None:
    right(endpoint, channel, randomness, method)
    endpoint._delta = Stream(bytes([channel.party] * 16)).bits(128)


def _one_seed(right: Any, randomness: Any, _seed: bytes | None = None) -> None:
    right(randomness, bytes(32))


def _tweak_restarted(right: Any, pads: Any, rows: Any, blocks: int) -> Any:
    pads._tweak = 0
    return right(pads, rows, blocks)


def _blocks_restarted(right: Any, extension: Any, choices: Any) -> Any:
    extension._block = 0
    return right(extension, choices)


def _one_key(right: Any, pad_hash: Any, _period: int) -> Any:
    return right(pad_hash, 0)


def _no_direction(right: Any, pads: Any, *rest: Any) -> Any:
    *others, salt = rest
    return right(pads, *others, salt[1:])


def _one_expansion(right: Any, _seed: bytes, purpose: str) -> bytes:
    return right(bytes(32), purpose)


def _ciphertext_kept(right: Any, owner: Any, slots: Any) -> bytes:
    """The first ciphertexts serve for all later requests of that size."""
    kept: dict[int, bytes] = vars(owner).setdefault("kept", {})
    if len(slots) not in kept:
        kept[len(slots)] = right(owner, slots)
    return kept[len(slots)]


def _answer_kept(right: Any, server: Any, ciphertexts: Any, deviation: float) -> Any:
    """One answer, sent again for whatever comes next."""
    if not hasattr(server, "kept"):
        server.kept = right(server, ciphertexts[:1], deviation)
    return server.kept


BROKEN: dict[str, tuple[Any, str, Callable[..., Any], str]] = {
    "both parties seeded alike": (Randomness, "__init__", _one_seed, "streams"),
    "the sender's tweak starts anew": (SenderPads, "pads", _tweak_restarted, "tweaks"),
    "the receiver's tweak starts anew": (ReceiverPads, "pads", _tweak_restarted, "tweaks"),
    "the receiver expands anew": (IknpReceiver, "extend", _blocks_restarted, "expansions"),
    "one hash key for ever": (PadHash, "_keys_of", _one_key, "hash keys"),
    "one seed for all ciphertexts": (sampling, "stream_key", _one_expansion, "seeds"),
    "a ciphertext is sent again": (RnsKeyOwner, "encrypt", _ciphertext_kept, "polynomials"),
    "an answer is sent again": (MaskingParty, "answer", _answer_kept, "polynomials"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_second_use_is_noticed(name: str) -> None:
    owner, method, variant, kind = BROKEN[name]
    with _broken(owner, method, variant):
        log, _ = small(206)
    assert kind in log.used_twice()


def test_one_hash_key_for_both_directions_is_noticed() -> None:
    """Without the direction in the salt, a party hashes as sender and as receiver under one key."""
    with (
        _broken(SenderPads, "__init__", _no_direction),
        _broken(ReceiverPads, "__init__", _no_direction),
    ):
        log, _ = small(207)
    assert "tweaks" in log.used_twice()


def test_a_constant_salt_is_noticed() -> None:
    with patch.object(endpoints, "os", _ConstantOs):
        log, _ = small(208)
    assert "salts" in log.used_twice()


class _ConstantOs:
    """`os` with a constant in place of its randomness."""

    @staticmethod
    def urandom(count: int) -> bytes:
        """The same bytes every time."""
        return bytes(count)


def test_the_broken_variants_are_confined() -> None:
    """After them, the right code is back."""
    assert endpoints.os is os
    assert small(209)[0].used_twice() == set()
