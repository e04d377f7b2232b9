"""The terms of a run: equal or refused, on both sides."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cryptomoe.errors import (
    HandshakeError,
    MalformedMessageError,
    PeerLostError,
    ProtocolError,
    UsageError,
)
from cryptomoe.net.channel import Channel
from cryptomoe.net.handshake import Term, handshake

TERMS: Mapping[str, Term] = {"version": "0.1.0", "layers": 2, "exact": True, "limit": None}
SIZE = 8192

Channels = tuple[Channel, Channel]
RunBoth = Callable[..., tuple[Any, Any]]


def _meet(
    channels: Channels, run_both: RunBoth, client: Mapping[str, Term], server: Mapping[str, Term]
) -> tuple[Any, Any]:
    return run_both(lambda: handshake(channels[0], client), lambda: handshake(channels[1], server))


def test_equal_terms_in_any_order_are_accepted(channels: Channels, run_both: RunBoth) -> None:
    assert _meet(channels, run_both, TERMS, dict(reversed(list(TERMS.items())))) == (None, None)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("version", "0.2.0", '"0.2.0"'),
        ("layers", 3, "3"),
        ("layers", True, "true"),
        ("exact", 1, "1"),
        ("limit", "None", "None"),
        ("extra", None, "null"),
    ],
)
def test_a_difference_is_named_on_both_sides(
    channels: Channels, run_both: RunBoth, key: str, value: Term, shown: str
) -> None:
    outcome = _meet(channels, run_both, TERMS, {**TERMS, key: value})
    ours = json.dumps(TERMS[key]) if key in TERMS else "nothing"
    for error, here, there in zip(outcome, (ours, shown), (shown, ours), strict=True):
        assert isinstance(error, HandshakeError)
        assert error.label == "setup/handshake"
        assert error.reason == f"{key}: {here} here, {there} at the peer"


def test_a_missing_key_is_a_difference(channels: Channels, run_both: RunBoth) -> None:
    outcome = _meet(channels, run_both, TERMS, {k: v for k, v in TERMS.items() if k != "limit"})
    assert [error.reason for error in outcome] == [
        "limit: null here, nothing at the peer",
        "limit: nothing here, null at the peer",
    ]


def test_the_size_of_the_message_does_not_depend_on_the_terms(
    channels: Channels, run_both: RunBoth
) -> None:
    _meet(channels, run_both, TERMS, {"a": 1})
    assert channels[0].statistics() == channels[1].statistics()


def test_terms_that_do_not_fit_are_refused_before_anything_is_sent(channels: Channels) -> None:
    with pytest.raises(UsageError, match="8192 bytes"):
        handshake(channels[0], {"text": "x" * SIZE})
    assert channels[0].statistics().setup_bytes_sent == 0


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{",
        b"[1, 2]",
        b'{"a": [1]}',
        b'{"a": 1.5}',
        b'{"a": NaN}',
        b"\xff{}",
        b"[" * SIZE,
        b'{"a": ' + b"1" * 6000 + b"}",
    ],
)
def test_what_cannot_be_read_stops_both_sides(
    channels: Channels, run_both: RunBoth, message: bytes
) -> None:
    def forger() -> bytes:
        channels[1].exchange("setup/handshake", message.ljust(SIZE), SIZE)
        return channels[1].receive("next", 1)

    client, peer = run_both(lambda: handshake(channels[0], TERMS), forger)
    assert isinstance(client, MalformedMessageError)
    assert client.label == "setup/handshake"
    assert isinstance(peer, PeerLostError)
    assert peer.label == "next"


def test_the_peers_words_are_escaped_and_cut(channels: Channels, run_both: RunBoth) -> None:
    words = "\x1b[31mred\n" + "x" * 500
    client, _ = _meet(channels, run_both, TERMS, {**TERMS, "version": words, words: 1})
    assert isinstance(client, ProtocolError)
    assert client.reason.isprintable()
    assert len(client.reason) < 500


def test_many_differences_make_a_short_error(channels: Channels, run_both: RunBoth) -> None:
    client, _ = _meet(channels, run_both, {}, {f"key{i}": i for i in range(400)})
    assert isinstance(client, HandshakeError)
    assert client.reason.count("at the peer") == 8
