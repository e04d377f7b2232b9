"""A peer that breaks the rules: both sides stop with an error that names a label."""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cryptomoe.errors import MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.net.carrier import Carrier, Frame
from cryptomoe.net.channel import Channel
from cryptomoe.net.wire import (
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Kind,
    decode_header,
    label_digest,
)
from cryptomoe.party import Party

Carriers = tuple[Carrier, Carrier]
RunBoth = Callable[..., tuple[Any, Any]]
Corruption = Callable[[bytes, bytes], tuple[bytes, bytes]]


class CorruptingCarrier:
    """Spoils the first message that its party sends, and no other."""

    def __init__(self, inner: Carrier, corruption: Corruption) -> None:
        self._inner = inner
        self._corruption: Corruption | None = corruption

    def send_frame(self, header: bytes, payload: bytes) -> None:
        """Spoil the message if it is the first."""
        if self._corruption is not None:
            header, payload = self._corruption(header, payload)
            self._corruption = None
        self._inner.send_frame(header, payload)

    def receive_frame(self, timeout: float | None = None) -> Frame:
        """As the carrier inside."""
        return self._inner.receive_frame(timeout)

    def close(self) -> None:
        """As the carrier inside."""
        self._inner.close()


def _with_byte(position: int, value: int) -> Corruption:
    def corrupt(header: bytes, payload: bytes) -> tuple[bytes, bytes]:
        return header[:position] + bytes([value]) + header[position + 1 :], payload

    return corrupt


def _with_field(**fields: Any) -> Corruption:
    def corrupt(header: bytes, payload: bytes) -> tuple[bytes, bytes]:
        return replace(decode_header(header), **fields).encode(), payload

    return corrupt


CORRUPTIONS: dict[str, Corruption] = {
    "magic": _with_byte(0, ord("X")),
    "version": _with_byte(2, 2),
    "kind": _with_byte(3, 9),
    "label": _with_field(digest=label_digest("a/c")),
    "no depth": _with_field(depth=0),
    "impossible depth": _with_field(depth=3),
    "greatest depth": _with_field(depth=2**32 - 1),
    "length too small": _with_field(length=3),
    "length too large": _with_field(length=5),
    "above the maximum": _with_field(length=MAX_PAYLOAD_BYTES + 1),
    "greatest length": _with_field(length=2**32 - 1),
    "short payload": lambda header, _: (replace(decode_header(header), length=3).encode(), b"abc"),
    "long payload": lambda header, _: (replace(decode_header(header), length=5).encode(), b"abcde"),
    "no payload": lambda header, _: (replace(decode_header(header), length=0).encode(), b""),
    "half a header": lambda header, _: (header[:10], b""),
    "nothing but text": lambda _header, _payload: (b"GET / HTTP/1.1\r\n\r\n..", b"abcd"),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS.keys())
@pytest.mark.parametrize("victim", list(Party))
def test_a_malformed_message_stops_both_sides(
    carriers: Carriers, run_both: RunBoth, victim: Party, corruption: Corruption
) -> None:
    """A length that announces more than comes is found with the next message of the attacker."""
    honest = Channel(victim, carriers[victim])
    attacker = Channel(victim.peer, CorruptingCarrier(carriers[victim.peer], corruption))

    def attack() -> None:
        attacker.send("a/b", b"abcd")
        attacker.send("a/more", b"abcd")
        attacker.receive("a/reply", 1)

    # Both orders of the parties occur, so the outcomes are told apart by role.
    error, told = run_both(lambda: honest.receive("a/b", 4), attack)
    assert isinstance(error, MalformedMessageError)
    assert error.label == "a/b"
    assert isinstance(told, ProtocolError)
    assert told.label in {"a/b", "a/more", "a/reply"}
    assert "abcd" not in str(error) + str(told)


@pytest.mark.parametrize("victim", list(Party))
def test_the_refused_sender_is_told_which_message_it_was(
    carriers: Carriers, run_both: RunBoth, victim: Party
) -> None:
    honest, other = Channel(victim, carriers[victim]), Channel(victim.peer, carriers[victim.peer])

    def send() -> None:
        other.send("a/b", b"12345")
        other.receive("a/reply", 1)

    error, told = run_both(lambda: honest.receive("a/b", 4), send)
    assert isinstance(error, MalformedMessageError)
    assert error.reason == "4 bytes were due, 5 came"
    assert isinstance(told, MalformedMessageError)
    assert told.label == "a/b"
    assert told.reason == "the peer refused this message"


def test_a_side_that_goes_online_alone_is_refused(carriers: Carriers) -> None:
    """Depth restarts there, and the peer sees it fall."""
    client, server = Channel(Party.CLIENT, carriers[0]), Channel(Party.SERVER, carriers[1])
    client.send("one", b"")
    server.receive("one", 0)
    server.send("two", b"")
    client.receive("two", 0)
    client.send("three", b"")
    server.receive("three", 0)
    client.start_online()
    client.send("four", b"")
    with pytest.raises(MalformedMessageError, match="four: a message of impossible depth"):
        server.receive("four", 0)


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.REFUSE, Kind.GOODBYE])
def test_the_end_of_a_run_names_the_label_waited_for(carriers: Carriers, kind: Kind) -> None:
    channel = Channel(Party.CLIENT, carriers[0])
    header = struct.pack("<2sBB8sII", b"CM", 1, kind, label_digest("unknown"), 0, 0)
    assert len(header) == HEADER_BYTES
    carriers[1].send_frame(header, b"")
    with pytest.raises((PeerLostError, MalformedMessageError)) as caught:
        channel.receive("a/b", 4)
    assert caught.value.label == "a/b"
