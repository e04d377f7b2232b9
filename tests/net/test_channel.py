"""The channel between two honest parties: contents, labels, counts, depth, ending."""

import itertools
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.errors import MalformedMessageError, PeerLostError, UsageError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.wire import HEADER_BYTES, MAX_PAYLOAD_BYTES
from cryptomoe.party import Party

Carriers = tuple[Carrier, Carrier]
Channels = tuple[Channel, Channel]
RunBoth = Callable[..., tuple[Any, Any]]


def test_messages_arrive_whole_and_in_order(channels: Channels, run_both: RunBoth) -> None:
    payloads = [b"", b"x", bytes(range(256)) * 5000, b"last"]

    def client() -> None:
        with channels[0] as channel:
            for payload in payloads:
                channel.send("step", payload)

    def server() -> list[bytes]:
        with channels[1] as channel:
            return [channel.receive("step", len(payload)) for payload in payloads]

    assert run_both(client, server) == (None, payloads)


def test_exchange_gives_each_the_others_payload(channels: Channels, run_both: RunBoth) -> None:
    outcome = run_both(
        lambda: channels[0].exchange("swap", b"from client", 3),
        lambda: channels[1].exchange("swap", b"abc", 11),
    )
    assert outcome == (b"abc", b"from client")


@pytest.mark.parametrize("dtype", ["u1", "<u8", ">u8", "<i8", "<u4"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (4, 5)])
def test_arrays_keep_values_shape_and_type(dtype: str, shape: tuple[int, ...]) -> None:
    client, server = (Channel(Party(i), end) for i, end in enumerate(memory_pair()))
    array = (np.arange(int(np.prod(shape))) * 37 % 251).reshape(shape).astype(dtype)
    client.send_array("values", array)
    received = server.receive_array("values", shape, dtype)
    assert np.array_equal(array, received)
    assert received.dtype == array.dtype
    assert received.shape == shape
    assert received.flags.writeable


def test_a_transposed_array_is_sent_in_c_order() -> None:
    client, server = (Channel(Party(i), end) for i, end in enumerate(memory_pair()))
    array = np.arange(6, dtype=np.uint64).reshape(2, 3).T
    client.send_array("values", array)
    assert np.array_equal(array, server.receive_array("values", (3, 2), np.uint64))


@pytest.mark.parametrize("dtype", [np.float64, np.object_, np.bool_])
def test_only_integers_are_sent(dtype: Any) -> None:
    channel = Channel(Party.CLIENT, memory_pair()[0])
    with pytest.raises(ValueError, match="only integer arrays"):
        channel.send_array("values", np.zeros(2, dtype))
    with pytest.raises(ValueError, match="only integer arrays"):
        channel.receive_array("values", (2,), dtype)


def test_a_sent_buffer_may_be_reused_at_once(carriers: Carriers) -> None:
    client, server = Channel(Party.CLIENT, carriers[0]), Channel(Party.SERVER, carriers[1])
    array = np.zeros(1 << 19, np.uint64)
    buffer = bytearray(8)
    client.send_array("values", array)
    client.send("buffer", buffer)
    array[:] = 1
    buffer[0] = 1
    assert not server.receive_array("values", array.shape, np.uint64).any()
    assert server.receive("buffer", 8) == bytes(8)


def test_scopes_make_the_label_and_are_left_after_an_error() -> None:
    channel = Channel(Party.CLIENT, memory_pair()[0])

    def fail_inside() -> None:
        with channel.scope("layer3"), channel.scope("moe"):
            assert channel.label("select") == "layer3/moe/select"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert channel.label("select") == "select"


def test_only_online_bytes_are_counted_by_label() -> None:
    client, server = (Channel(Party(i), end) for i, end in enumerate(memory_pair()))
    client.send("keys", bytes(100))
    server.receive("keys", 100)
    client.start_online()
    server.start_online()
    with client.scope("layer0"), server.scope("layer0"):
        for _ in range(2):
            client.send("gate", bytes(5))
            server.receive("gate", 5)
        with client.scope("setup"):
            client.send("keys", bytes(1000))
        with server.scope("setup"):
            server.receive("keys", 1000)
    mine = client.statistics()
    assert mine.setup_bytes_sent == 100 + 1000 + 2 * HEADER_BYTES
    assert mine.bytes_sent == 2 * (5 + HEADER_BYTES)
    assert mine.by_label == {"layer0/gate": (2 * (5 + HEADER_BYTES), 2)}
    assert server.statistics().bytes_sent == 0


def test_closing_messages_are_not_counted(channels: Channels, run_both: RunBoth) -> None:
    run_both(channels[0].close, channels[1].close)
    assert channels[0].statistics().setup_bytes_sent == 0
    assert channels[0].statistics().bytes_sent == 0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=30), st.integers(0, 30))
def test_rounds_are_the_longest_chain_of_messages(senders: list[int], start: int) -> None:
    """Messages of one sender in a row make one round; a change of sender makes the next."""
    ends = [Channel(Party(i), end) for i, end in enumerate(memory_pair())]
    for i, sender in enumerate(senders):
        if i == start:
            ends[0].start_online()
            ends[1].start_online()
        ends[sender].send("m", b"")
        ends[1 - sender].receive("m", 0)
    online = senders[start:]
    turns = sum(a != b for a, b in itertools.pairwise(online)) + bool(online)
    assert ends[0].statistics().rounds == ends[1].statistics().rounds == turns


def test_an_exchange_is_one_round(channels: Channels, run_both: RunBoth) -> None:
    for channel in channels:
        channel.start_online()
    run_both(*(lambda c=c: [c.exchange("swap", b"1", 1) for _ in range(3)] for c in channels))
    assert [channel.statistics().rounds for channel in channels] == [3, 3]


def test_keys_sent_on_demand_make_no_round() -> None:
    client, server = (Channel(Party(i), end) for i, end in enumerate(memory_pair()))
    client.start_online()
    server.start_online()
    for _ in range(3):
        client.send("setup/keys", b"")
        server.receive("setup/keys", 0)
        server.send("setup/keys", b"")
        client.receive("setup/keys", 0)
    assert client.statistics().rounds == 0
    server.send("answer", b"")
    client.receive("answer", 0)
    assert client.statistics().rounds == 1


def test_an_orderly_end_is_no_error_on_either_side(channels: Channels, run_both: RunBoth) -> None:
    assert run_both(channels[0].close, channels[1].close) == (None, None)
    channels[0].close()
    channels[0].abort()


def test_a_peer_that_finished_early_is_named_at_the_waiting_label(
    channels: Channels, run_both: RunBoth
) -> None:
    client, server = run_both(channels[0].close, lambda: channels[1].receive("layer1/gate", 3))
    assert isinstance(server, PeerLostError)
    assert server.label == "layer1/gate"
    assert isinstance(client, PeerLostError)


def test_a_message_after_the_end_is_refused(channels: Channels, run_both: RunBoth) -> None:
    def server() -> None:
        channels[1].send("more", b"x")
        channels[1].receive("reply", 1)

    client, peer = run_both(channels[0].close, server)
    assert isinstance(client, MalformedMessageError)
    assert isinstance(peer, MalformedMessageError | PeerLostError)
    assert peer.label == "reply"


def test_abort_wakes_a_waiting_peer(channels: Channels, run_both: RunBoth) -> None:
    _, server = run_both(channels[0].abort, lambda: channels[1].receive("layer1/gate", 3))
    assert isinstance(server, PeerLostError)
    assert server.label == "layer1/gate"
    assert "gave up" in server.reason


def test_an_error_inside_the_block_aborts_the_peer(channels: Channels, run_both: RunBoth) -> None:
    def client() -> None:
        with channels[0]:
            raise ZeroDivisionError

    outcome = run_both(client, lambda: channels[1].receive("a/b", 1))
    assert isinstance(outcome[0], ZeroDivisionError)
    assert isinstance(outcome[1], PeerLostError)


def test_a_sender_learns_that_its_peer_gave_up(channels: Channels, run_both: RunBoth) -> None:
    def server() -> None:
        while True:
            channels[1].send("stream", bytes(1 << 20))

    outcome = run_both(channels[0].abort, server)
    assert isinstance(outcome[1], PeerLostError)
    assert outcome[1].label == "stream"
    assert "gave up" in outcome[1].reason


def test_a_closed_channel_says_so(channels: Channels) -> None:
    channels[0].abort()
    with pytest.raises(PeerLostError, match="this side closed"):
        channels[0].send("a", b"")
    with pytest.raises(PeerLostError, match="this side closed"):
        channels[0].receive("a", 1)


def test_a_peer_that_never_speaks_is_lost_in_the_end() -> None:
    channel = Channel(Party.CLIENT, memory_pair(patience=0.01)[0])
    with pytest.raises(PeerLostError, match="a/b: nothing came"):
        channel.receive("a/b", 1)


def test_a_message_above_the_maximum_is_neither_sent_nor_awaited() -> None:
    channel = Channel(Party.CLIENT, memory_pair()[0])
    with pytest.raises(UsageError, match="maximum is 1 GiB"):
        channel.receive("big", MAX_PAYLOAD_BYTES + 1)
    # Memory that is mapped and never touched costs nothing.
    with (
        mmap.mmap(-1, MAX_PAYLOAD_BYTES + 1) as memory,
        memoryview(memory) as payload,
        pytest.raises(UsageError, match="maximum is 1 GiB"),
    ):
        channel.send("big", payload)
