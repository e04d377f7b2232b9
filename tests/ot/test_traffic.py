"""What is sent depends on lengths alone; shares look random; bad messages end both sides."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from cryptomoe.errors import MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.field import P
from cryptomoe.ot.base import KEY_BYTES
from cryptomoe.ot.endpoint import OtEndpoint, extension_bytes
from cryptomoe.ot.iknp import SECURITY
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

ALL = pytest.mark.parametrize("name", OPERATIONS)


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


@ALL
def test_messages_do_not_depend_on_inputs(make_parties: Any, name: str) -> None:
    seen = []
    for kind in ("zeros", "greatest", "random"):
        parties = make_parties()
        _run(parties, name, 77, kind)
        seen.append(parties.sent())
    assert seen[0] == seen[1] == seen[2]


@ALL
def test_rounds_do_not_depend_on_lengths(make_parties: Any, name: str) -> None:
    for count in (1, 1000):
        parties = make_parties()
        _run(parties, name, count)
        rounds = max(channel.statistics().rounds for channel in parties.channels)
        assert rounds == ROUNDS[name]


@ALL
def test_nothing_is_sent_for_nothing(make_parties: Any, name: str) -> None:
    parties = make_parties()
    before = parties.sent()
    _run(parties, name, 0)
    assert parties.sent() == before


def test_sizes_of_a_comparison(make_parties: Any) -> None:
    """13 bits: 13 transfers and the tables of three digits of 4 bits and one of 1, three joins."""
    count = 100
    parties = make_parties()
    _run(parties, "less", count)
    sent = [
        {label: size for label, (size, _) in channel.statistics().by_label.items()}
        for channel in parties.channels
    ]
    joins = sum(_HEADER + -(-3 * count * width // 8) for width in (2, 1))
    assert sent[Party.CLIENT] == {
        "compare/choices": _HEADER + extension_bytes(3 * count),
        "compare/outcomes": _HEADER + 3 * count * 4 + count // 2,
        "compare/join": joins,
    }
    assert sent[Party.SERVER] == {
        "compare/choices": _HEADER + extension_bytes((3 + 13) * count),
        "compare/join": joins,
    }


def test_the_set_up_is_counted_apart(make_parties: Any) -> None:
    for channel in make_parties().channels:
        statistics = channel.statistics()
        expected = 2 * KEY_BYTES * SECURITY + KEY_BYTES + 16 + 3 * _HEADER
        assert statistics.setup_bytes_sent == expected
        assert statistics.bytes_sent == 0


@pytest.mark.parametrize("name", ["correlate", "one way", "and", "less", "equal"])
@pytest.mark.parametrize("kind", ["zeros", "greatest"])
def test_shares_of_constants_are_uniform(parties: Any, name: str, kind: str) -> None:
    """Each party's share alone has balanced low bits, though the results are all alike."""
    count = 4000
    for share in _run(parties, name, count, kind):
        ones = int((share & share.dtype.type(1)).sum())
        assert abs(ones - count / 2) < 6 * np.sqrt(count) / 2


def test_messages_about_constants_are_uniform(make_parties: Any) -> None:
    """The bits on the wire are balanced; an unmasked table or choice would show at once."""
    for name in OPERATIONS:
        parties = make_parties()
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
        server.receive("choices", extension_bytes(8))
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
