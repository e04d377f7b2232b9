"""The connection over MPyC inside one process: who may connect, limits, flow control."""

import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from cryptomoe.errors import MalformedMessageError, PeerLostError, UsageError
from cryptomoe.net import mpyc_connection, stream_carrier
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.mpyc_connection import connect, listen
from cryptomoe.net.wire import Header, Kind, label_digest
from cryptomoe.party import Party

PATIENCE = 30.0
GREETING = b"\0\0"

Carriers = tuple[Carrier, Carrier]
RunBoth = Callable[..., tuple[Any, Any]]


@pytest.fixture(autouse=True)
def _quick_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw peers do not close when they should; nobody needs to wait for them here."""
    monkeypatch.setattr(mpyc_connection, "CLOSE_SECONDS", 0.3)


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_a_client_that_connects_to_nobody_gives_up() -> None:
    port = _closed_port()
    with pytest.raises(PeerLostError, match=f"nobody answers at 127.0.0.1:{port} within 0.3 s"):
        connect("127.0.0.1", port, 0.3)


def test_a_host_that_does_not_exist_is_nobody() -> None:
    with pytest.raises(PeerLostError, match="nobody answers"):
        connect("host.invalid", 1234, 0.2)


def test_a_server_without_clients_gives_up() -> None:
    with listen() as listener, pytest.raises(PeerLostError, match=r"no client came within 0\.1 s"):
        listener.accept(0.1)


def test_the_default_is_loopback_and_a_port_of_the_systems_choice() -> None:
    with listen() as listener:
        assert listener.port > 0
        address = listener._server.sockets[0].getsockname()
    assert address == ("127.0.0.1", listener.port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_wrong_port_is_a_usage_error(port: int) -> None:
    with pytest.raises(UsageError, match="no port number"):
        listen(port=port)
    with pytest.raises(UsageError, match="no port number"):
        connect("127.0.0.1", port, 0.1)


def test_a_taken_port_is_a_usage_error() -> None:
    with listen() as listener, pytest.raises(UsageError, match="cannot listen on"):
        listen(port=listener.port)


@pytest.mark.parametrize("greeting", [b"\1\0", b"GET / HTTP/1.1\r\n\r\n"])
def test_strangers_are_turned_away_and_the_next_client_is_served(greeting: bytes) -> None:
    with listen() as listener:
        with socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as stranger:
            stranger.sendall(greeting)
            # Heartbeats may come first; then the connection ends, in order or by a reset.
            with suppress(ConnectionError):
                while stranger.recv(100):
                    pass
        client = connect("127.0.0.1", listener.port, PATIENCE)
        server = listener.accept(PATIENCE)
    client.send_frame(Header(Kind.DATA, label_digest("a"), 1, 0).encode(), b"")
    assert server.receive_frame(PATIENCE).pieces == [b""]
    client.close()
    server.close()


def test_a_client_that_left_while_waiting_is_not_accepted() -> None:
    with listen() as listener:
        connect("127.0.0.1", listener.port, PATIENCE).close()
        with pytest.raises(PeerLostError, match="no client came"):
            listener.accept(0.2)


def test_waiting_clients_are_turned_away_when_the_listener_closes(run_both: RunBoth) -> None:
    listener = listen()
    channel = Channel(Party.CLIENT, connect("127.0.0.1", listener.port, PATIENCE))
    outcome = run_both(listener.close, lambda: channel.receive("a/b", 1))
    assert isinstance(outcome[1], PeerLostError)


def _attacked(stream: bytes, *, leave: bool) -> BaseException:
    """What the server's channel raises when a raw client sends this after its greeting."""
    with (
        listen() as listener,
        socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as attacker,
    ):
        attacker.sendall(GREETING)
        channel = Channel(Party.SERVER, listener.accept(PATIENCE))
        attacker.sendall(stream)
        if leave:
            attacker.shutdown(socket.SHUT_WR)
        with pytest.raises((PeerLostError, MalformedMessageError)) as caught:
            channel.receive("a/b", 4)
        assert caught.value.label == "a/b"
        return caught.value


def test_an_oversized_message_is_refused_from_its_header_alone() -> None:
    """Nothing of the payload is ever sent, so nothing but the header can have been looked at."""
    header = Header(Kind.DATA, label_digest("a/b"), 1, (1 << 30) + 1).encode()
    error = _attacked(struct.pack("<qI", 0, len(header)) + header, leave=False)
    assert isinstance(error, MalformedMessageError)
    assert error.reason == "a message above the maximum size"


@pytest.mark.parametrize(
    "prefix", [struct.pack("<qI", 0, 1 << 31), struct.pack("<qI", 5, 24), b"\xff" * 12]
)
def test_an_impossible_piece_is_refused_from_its_prefix_alone(prefix: bytes) -> None:
    assert isinstance(_attacked(prefix, leave=False), MalformedMessageError)


@pytest.mark.parametrize("cut", [0, 5, 12, 20, 35])
def test_a_truncated_message_is_a_lost_peer(cut: int) -> None:
    content = Header(Kind.DATA, label_digest("a/b"), 1, 4).encode() + b"abcd"
    stream = struct.pack("<qI", 0, len(content)) + content
    assert cut < len(stream)
    assert isinstance(_attacked(stream[:cut], leave=True), PeerLostError)


def test_a_peer_that_goes_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A raw client sends no heartbeats."""
    monkeypatch.setattr(mpyc_connection, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(mpyc_connection, "SILENCE_SECONDS", 0.3)
    assert "nothing heard of the peer" in str(_attacked(b"", leave=False))


@pytest.mark.parametrize("whole", [True, False])
def test_a_sender_blocked_by_a_peer_that_leaves_is_woken(
    monkeypatch: pytest.MonkeyPatch, run_both: RunBoth, *, whole: bool
) -> None:
    """The raw peer reads nothing and closes, or only ends its own direction."""
    monkeypatch.setattr(stream_carrier, "WRITE_BACKLOG", 1 << 18)
    with listen() as listener:
        attacker = socket.create_connection(("127.0.0.1", listener.port), PATIENCE)
        attacker.sendall(GREETING)
        carrier = listener.accept(PATIENCE)
    channel = Channel(Party.SERVER, carrier)

    def send() -> None:
        while True:
            channel.send("step", bytes(4 << 20))

    def leave() -> None:
        while not carrier._stream.sender_waits:  # type: ignore[attr-defined]
            time.sleep(0.01)
        if whole:
            attacker.close()
        else:
            attacker.shutdown(socket.SHUT_WR)

    error, _ = run_both(send, leave)
    assert isinstance(error, PeerLostError)
    assert error.label == "step"
    attacker.close()


def test_unread_messages_above_the_limit_end_the_run(
    monkeypatch: pytest.MonkeyPatch, tcp_carriers: Carriers
) -> None:
    monkeypatch.setattr(mpyc_connection, "_READ_LIMIT", 1 << 20)
    client, server = (Channel(Party(i), carrier) for i, carrier in enumerate(tcp_carriers))
    for _ in range(8):
        client.send("flood", bytes(1 << 19))
    while tcp_carriers[1]._stream.mailbox.failure is None:  # type: ignore[attr-defined]
        time.sleep(0.01)

    def read_all() -> None:
        for _ in range(8):
            server.receive("flood", 1 << 19)

    with pytest.raises(MalformedMessageError, match="more unread messages"):
        read_all()


def test_a_sender_waits_for_a_slow_reader(
    monkeypatch: pytest.MonkeyPatch, tcp_carriers: Carriers, run_both: RunBoth
) -> None:
    """Far more than all buffers hold stays at the sender, and arrives in order later."""
    monkeypatch.setattr(mpyc_connection, "_READ_BACKLOG", 1 << 18)
    monkeypatch.setattr(stream_carrier, "WRITE_BACKLOG", 1 << 18)
    client, server = (Channel(Party(i), carrier) for i, carrier in enumerate(tcp_carriers))
    size, count = 3 << 20, 12
    streams = [carrier._stream for carrier in tcp_carriers]  # type: ignore[attr-defined]

    def send() -> None:
        for i in range(count):
            client.send("step", bytes([i]) * size)

    def receive() -> list[int]:
        while not (streams[0].sender_waits and streams[1].reading_paused):
            time.sleep(0.01)
        # Time enough for everything to arrive, if reading had not really stopped.
        time.sleep(0.5)
        assert streams[1].mailbox.held <= 4 * size
        return [server.receive("step", size)[-1] for _ in range(count)]

    assert run_both(send, receive) == (None, list(range(count)))


def test_two_senders_do_not_wait_for_each_other(
    monkeypatch: pytest.MonkeyPatch, tcp_carriers: Carriers, run_both: RunBoth
) -> None:
    """Both send more than all buffers hold before either reads."""
    monkeypatch.setattr(mpyc_connection, "_READ_BACKLOG", 1 << 18)
    monkeypatch.setattr(stream_carrier, "WRITE_BACKLOG", 1 << 18)
    channels = [Channel(Party(i), carrier) for i, carrier in enumerate(tcp_carriers)]
    size, count = 4 << 20, 8

    def talk(channel: Channel) -> bool:
        for _ in range(count):
            channel.send("step", bytes(size))
        return all(channel.receive("step", size) == bytes(size) for _ in range(count))

    assert run_both(*(lambda c=c: talk(c) for c in channels)) == (True, True)


IMPORT = """
import asyncio, logging, os, sys, threading
before = list(sys.argv), dict(os.environ), list(logging.root.handlers), logging.root.level
import cryptomoe.net.mpyc_connection
assert before == (sys.argv, dict(os.environ), logging.root.handlers, logging.root.level)
assert "mpyc.asyncoro" in sys.modules and "mpyc.runtime" not in sys.modules
assert threading.active_count() == 1
print("unchanged")
"""


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    "arguments", [["-M", "3"], ["--VERSION"], ["-M", "x"], ["--log-level", "debug", "-h"]]
)
def test_the_import_leaves_arguments_environment_and_logging_alone(arguments: list[str]) -> None:
    """MPyC would read all of these as its own, start parties, or exit."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "unchanged\n", "")
