"""What is sent depends on lengths alone; shares look random; bad messages end both sides."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from cryptomoe.errors import MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.field import P
from cryptomoe.ot.base import KEY_BYTES
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.ot.pads import SECURITY
from cryptomoe.ot.rows import METHODS, Method, refills
from cryptomoe.ot.sources import supply_of
from cryptomoe.party import Party

_HEADER = 20

Operation = Callable[[OtEndpoint, Party, Any, Any], Any]
"""Of the endpoint, the party, values (n,) below 2^13 and bits (n,)."""

OPERATIONS: dict[str, Operation] = {
    "correlate": lambda own, _, values, bits: own.correlate(values, bits, P),
    "one way": lambda own, i, values, bits: own.correlate_one_way(
        Party.SERVER, values if i == Party.SERVER else bits, 1 << 13
    ),
    "table": lambda own, i, values, bits: own.one_of_many(
        Party.CLIENT,
        np.stack([values, values + np.uint64(1)], axis=1) if i == Party.CLIENT else bits,
        1,
        14,
    ),
    "and": lambda own, _, _values, bits: own.and_bits(bits, bits),
    "less": lambda own, _, values, _bits: own.less_than(values, 13),
    "equal": lambda own, _, values, _bits: own.equal(values, 13),
}

ROUNDS = {"correlate": 2, "one way": 2, "table": 2, "and": 2, "less": 4, "equal": 4}

REQUESTS = {
    "correlate": (1, 1),
    "one way": (0, 1),
    "table": (1, 0),
    "and": (1, 1),
    "less": (3 + 13, 3),
    "equal": (3 + 13, 3),
}
"""Transfers of which the client, and of which the server is the sender, for each entry."""

SOURCES = pytest.mark.parametrize("method", METHODS)
EACH = pytest.mark.parametrize(
    ("name", "method"),
    [(name, "softspoken") for name in OPERATIONS] + [("less", "iknp"), ("less", "silent")],
)
"""Every operation with one source, and every source with one operation."""


def _inputs(count: int, kind: str) -> tuple[list[Any], list[Any]]:
    rng = np.random.default_rng(5)
    if kind == "zeros":
        return [np.zeros(count, np.uint64)] * 2, [np.zeros(count, np.uint8)] * 2
    if kind == "greatest":
        return [np.full(count, (1 << 13) - 1, np.uint64)] * 2, [np.ones(count, np.uint8)] * 2
    values = [rng.integers(0, 1 << 13, count, dtype=np.uint64) for _ in Party]
    return values, [rng.integers(0, 2, count, dtype=np.uint8) for _ in Party]


def _run(parties: Any, name: str, count: int, kind: str = "random") -> tuple[Any, Any]:
    values, bits = _inputs(count, kind)
    client, server = parties.run(lambda own, i: OPERATIONS[name](own, i, values[i], bits[i]))
    return client, server


@EACH
def test_messages_do_not_depend_on_inputs(make_parties: Any, name: str, method: Method) -> None:
    seen = []
    for kind in ("zeros", "greatest", "random"):
        parties = make_parties(method=method)
        _run(parties, name, 77, kind)
        seen.append(parties.sent())
    assert seen[0] == seen[1] == seen[2]


@EACH
def test_rounds_do_not_depend_on_lengths(make_parties: Any, name: str, method: Method) -> None:
    """A refill of silent transfers is a flight of its own; all others are part of the first."""
    for count in (1, 1000):
        parties = make_parties(method=method)
        refilled = int(method == "silent")
        for _ in range(2):
            for channel in parties.channels:
                channel.start_online()
            _run(parties, name, count)
        rounds = max(channel.statistics().rounds for channel in parties.channels)
        assert rounds == ROUNDS[name] + refilled


@EACH
def test_refills_are_those_predicted(make_parties: Any, name: str, method: Method) -> None:
    """Their moments, senders and sizes are a function of the numbers of transfers."""
    counts = (1, 77, 50, 300, 1, 40_000)
    parties = make_parties(method=method)
    requests = [tuple(each * count for each in REQUESTS[name]) for count in counts]
    for count, predicted in zip(counts, refills(supply_of(method), requests), strict=True):
        before = [len(recorder.records) for recorder in parties.recorders]
        _run(parties, name, count)
        for party, start in zip(Party, before, strict=True):
            seen = [
                record.size
                for record in parties.recorders[party].records[start:]
                if "ot_refill" in record.label.split("/")
            ]
            expected = [
                refill.payload_bytes + _HEADER for refill in predicted if refill.sender is party
            ]
            assert seen == expected


@EACH
def test_nothing_is_sent_for_nothing(make_parties: Any, name: str, method: Method) -> None:
    parties = make_parties(method=method)
    before = parties.sent()
    _run(parties, name, 0)
    assert parties.sent() == before


@pytest.mark.parametrize(
    ("method", "columns", "levels"), [("iknp", 2048, 0), ("softspoken", 496, 0), ("silent", 0, 16)]
)
def test_sizes_of_a_comparison(
    make_parties: Any, method: Method, columns: int, levels: int
) -> None:
    """13 bits: the tables of three digits of 4 bits and one of 1, and three joins.

    The client is the sender of 13 + 3 transfers, the server of 3; refills of `iknp` and
    `softspoken` are in blocks of 128, one of `silent` is 11 sums for each of 1280 trees.
    """
    count = 100
    parties = make_parties(method=method)
    _run(parties, "less", count)
    sent = [
        {label: size for label, (size, _) in channel.statistics().by_label.items()}
        for channel in parties.channels
    ]
    joins = sum(_HEADER + -(-3 * count * width // 8) for width in (2, 1))
    client = {"compare/outcomes": _HEADER + 3 * count * 4 + count // 2, "compare/join": joins}
    server = {"compare/choices": _HEADER + -(-13 * count // 8), "compare/join": joins}
    if columns:
        client["compare/ot_refill/columns"] = _HEADER + columns * -(-3 * count // 128)
        server["compare/ot_refill/columns"] = _HEADER + columns * -(-16 * count // 128)
    if levels:
        for party in (client, server):
            party["compare/ot_refill/levels"] = _HEADER + levels * 11 * 1280
    assert sent == [client, server]


SMALL_TREES = _HEADER + 32 * 4 * 2 * 16
FIRST_ROWS = _HEADER + (2**18 + 1280 * 11) * 31 // 8


@pytest.mark.parametrize(
    ("method", "start"),
    [("iknp", 0), ("softspoken", SMALL_TREES), ("silent", SMALL_TREES + FIRST_ROWS)],
)
def test_the_set_up_is_counted_apart(make_parties: Any, method: Method, start: int) -> None:
    for channel in make_parties(method=method).channels:
        statistics = channel.statistics()
        base = 2 * KEY_BYTES * SECURITY + KEY_BYTES + 16 + 3 * _HEADER
        assert statistics.setup_bytes_sent == base + start
        assert statistics.bytes_sent == 0


@pytest.mark.parametrize("name", ["correlate", "one way", "and", "less", "equal"])
@pytest.mark.parametrize("kind", ["zeros", "greatest"])
def test_shares_of_constants_are_uniform(parties: Any, name: str, kind: str) -> None:
    """Each party's share alone has balanced low bits, though the results are all alike."""
    count = 4000
    for share in _run(parties, name, count, kind):
        ones = int((share & share.dtype.type(1)).sum())
        assert abs(ones - count / 2) < 6 * np.sqrt(count) / 2


@SOURCES
def test_messages_about_constants_are_uniform(make_parties: Any, method: Method) -> None:
    """The bits on the wire are balanced; an unmasked table or choice would show at once."""
    parties = make_parties(method=method)
    for name in OPERATIONS:
        done = [len(recorder.records) for recorder in parties.recorders]
        _run(parties, name, 2048, "zeros")
        for recorder, before in zip(parties.recorders, done, strict=True):
            for record in recorder.records[before:]:
                assert record.payload is not None
                # Field elements fill the range below 2^45 up to 0.012 %, too little to matter.
                bits = np.unpackbits(np.frombuffer(record.payload, np.uint8))
                assert abs(int(bits.sum()) - bits.size / 2) < 6 * np.sqrt(bits.size) / 2, name


def _outcomes(parties: Any, actions: list[Callable[[], Any]]) -> list[ProtocolError | None]:
    def guarded(_: OtEndpoint, party: Party) -> ProtocolError | None:
        try:
            actions[party]()
        except ProtocolError as error:
            parties.channels[party].abort()
            return error
        return None

    return list(parties.run(guarded))


def test_a_correction_outside_the_field_is_refused(make_parties: Any) -> None:
    """And the error says where, at the receiver; the sender of it learns that the run ended."""
    parties = make_parties()
    client, server = parties.endpoints[0], parties.channels[1]

    def cheat() -> None:
        with server.scope("ot_refill"):
            server.receive("columns", 2048)
        server.receive("choices", 1)
        server.send("corrections", b"\xff" * 45)
        server.receive("more", 1)

    bits = np.ones(8, np.uint8)
    actions = [lambda: client.correlate_one_way(Party.SERVER, bits, P), cheat]
    errors = _outcomes(parties, actions)
    assert isinstance(errors[0], MalformedMessageError)
    assert errors[0].label == "corrections"
    assert isinstance(errors[1], PeerLostError)


@pytest.mark.parametrize("place", ["offers", "key"])
def test_a_bad_point_in_the_set_up_is_refused(make_parties: Any, place: str) -> None:
    parties = make_parties(ready=False)
    client, server = parties.endpoints[0], parties.channels[1]

    def cheat() -> None:
        with server.scope("setup"), server.scope("base_transfers"):
            server.exchange("salt", bytes(16), 16)
            size = 2 * KEY_BYTES * SECURITY
            offers = b"\x00" * size if place == "offers" else b"\x09" + b"\x00" * 31
            offers = server.exchange("offers", (offers * size)[:size], size)
            server.exchange("key", bytes(KEY_BYTES), KEY_BYTES)
            server.receive("more", 1)

    errors = _outcomes(parties, [client.setup, cheat])
    assert isinstance(errors[0], MalformedMessageError)
    assert errors[0].label == f"setup/base_transfers/{place}"
    assert isinstance(errors[1], ProtocolError)


@SOURCES
@pytest.mark.parametrize("change", ["shorter", "longer"])
def test_a_refill_of_another_length_ends_both(
    make_parties: Any, method: Method, change: str
) -> None:
    """Both sides say which message it was."""
    parties = make_parties(method=method)
    supply = supply_of(method)
    speaker = Party.SERVER if supply.sender_speaks else Party.CLIENT
    channel = parties.channels[speaker]
    size = supply.batch_bytes + (1 if change == "longer" else -1)

    def cheat() -> None:
        with channel.scope("ot_refill"):
            channel.send(supply.message, bytes(size))
        channel.receive("more", 1)

    honest = parties.endpoints[speaker.peer]
    payload = np.ones(8, np.uint64 if speaker.peer is Party.SERVER else np.uint8)
    run = partial(honest.correlate_one_way, Party.SERVER, payload, P)
    errors = _outcomes(parties, [run, cheat] if speaker is Party.SERVER else [cheat, run])
    assert all(isinstance(error, MalformedMessageError) for error in errors)
    assert {error.label for error in errors if error} == {f"ot_refill/{supply.message}"}


@pytest.mark.parametrize(
    ("method", "message"), [("softspoken", "small_trees"), ("silent", "columns")]
)
def test_a_start_of_another_length_ends_both(
    make_parties: Any, method: Method, message: str
) -> None:
    """The set-up of the sources is checked like everything else."""
    parties = make_parties(ready=False, method=method)
    server = parties.channels[1]
    honest_send = server.send

    def shortened(name: str, payload: bytes) -> None:
        honest_send(name, payload[:-1] if name == message else payload)

    server.send = shortened

    def set_up_and_go_on() -> None:
        parties.endpoints[1].setup()
        server.receive("more", 1)

    errors = _outcomes(parties, [parties.endpoints[0].setup, set_up_and_go_on])
    assert all(isinstance(error, ProtocolError) for error in errors)
    assert isinstance(errors[0], MalformedMessageError)
    assert all(error.label == f"setup/ot_source/{message}" for error in errors if error)


def test_a_message_of_another_length_ends_both(make_parties: Any) -> None:
    """The parties disagree about a public length."""
    parties = make_parties()
    counts = (200, 300)
    actions = [
        partial(endpoint.less_than, np.zeros(count, np.uint64), 8)
        for endpoint, count in zip(parties.endpoints, counts, strict=True)
    ]
    errors = _outcomes(parties, actions)
    assert all(isinstance(error, ProtocolError) for error in errors)
    assert all("compare/" in error.label for error in errors if error is not None)
