"""What a party sees in a real run, as samples that a simulator would draw uniformly.

The messages it receives, element by element where the format says what an element is, else byte by
byte; what it computes from them with its own secrets: the shares that transfers and comparisons
give it, the openings inside comparisons, and every slot of every answer that it decrypts. Besides
each sample stand the differences of its halves and of neighbours, which show masks used twice.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
from tapes import Words

from cryptomoe.engines.two_party import Truncation, TwoPartyEngine
from cryptomoe.field import P_BITS, P
from cryptomoe.he.parameters import PRIME_BITS, STANDARD
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.packing import unpack_words
from cryptomoe.net.recorder import Record, Recorder
from cryptomoe.ot.comparison import Level
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

FIELD_CORRECTIONS = ("bit", "keep_if", "truncate_approximately/wrap")
"""Scopes whose corrections are elements of the field; others are modulo a power of two."""

TABLE_BITS = {"lookup": P_BITS, "one_hot": 16}
"""Bits of an entry of a table that is sent."""

MOST_VALUES = 1 << 16
"""Of one sample; answers and requests have millions."""

Name = tuple[str, str]
"""What was run, and the kind of value."""
Namer = Callable[[str], str]
"""Tells what was run from the label of a message."""


def outermost(label: str) -> str:
    """The first scope."""
    return label.split("/", 1)[0]


@dataclass(frozen=True, eq=False)
class Sample:
    """Values (n,) that are uniform below `modulus` if nothing leaks."""

    values: Words
    modulus: int

    def simulated(self, seed: int) -> "Sample":
        """As many uniform values."""
        drawn = np.random.default_rng(seed).integers(0, self.modulus, self.values.size)
        return Sample(drawn.astype(np.uint64), self.modulus)


@dataclass
class Seen:
    """One party's view; `name` says what a label belongs to."""

    name: Namer
    messages: list[Record] = field(default_factory=list)
    computed: dict[tuple[Name, int], list[Words]] = field(default_factory=lambda: defaultdict(list))

    def see(self, label: str, kind: str, values: Any, modulus: int) -> None:
        """Add values that the party computed from what it received."""
        flat = np.asarray(values).astype(np.uint64).reshape(-1)
        self.computed[(self.name(label), kind), modulus].append(flat)

    def samples(self) -> dict[Name, Sample]:
        """By what was run and the kind of value; a kind has one modulus, or a name for each."""
        gathered: dict[tuple[Name, int], list[Words]] = defaultdict(list)
        for key, parts in self.computed.items():
            gathered[key] += parts
        for record in self.messages:
            for (kind, modulus), values in _elements(record).items():
                gathered[(self.name(record.label), kind), modulus].append(values)
        samples = {}
        for ((run, kind), modulus), parts in gathered.items():
            name = f"{kind} mod {modulus}"
            samples[run, name] = Sample(_thinned(parts), modulus)
            for pairs, split in PAIRS.items():
                differences = [_less(*split(part), modulus) for part in parts]
                samples[run, f"{name}, {pairs}"] = Sample(_thinned(differences), modulus)
        return samples


def _thinned(parts: list[Words]) -> Words:
    """All of them joined; every second, third, ... where there are more than MOST_VALUES."""
    values = np.concatenate(parts)
    return values[:: -(-values.size // MOST_VALUES) or 1]


def _less(first: Words, second: Words, modulus: int) -> Words:
    return (first + np.uint64(modulus) - second) % np.uint64(modulus)


PAIRS: dict[str, Callable[[Words], tuple[Words, Words]]] = {
    "halves": lambda x: (x[: x.size // 2], x[x.size // 2 : x.size // 2 * 2]),
    "neighbours": lambda x: (x[: x.size // 2 * 2 : 2], x[1::2]),
}
"""Disjoint pairs of entries, whose differences are independent and uniform if the entries are."""


def _elements(record: Record) -> dict[tuple[str, int], Words]:
    """(kind, modulus) to values; key material is left out, bytes are without the padded last."""
    assert record.payload is not None
    parts = record.label.split("/")
    if "setup" in parts:
        return {}
    kind, data = parts[-1], record.payload
    if kind in {"request", "answer"}:
        primes = STANDARD.data_primes
        if kind == "answer":
            primes = primes[: STANDARD.answer_primes]
        residues = unpack_words(data, 8 * len(data) // PRIME_BITS, PRIME_BITS)
        by_prime = residues.reshape(-1, 2, len(primes), STANDARD.degree)
        return {
            (f"{kind} residues", prime): by_prime[:, :, i].reshape(-1)
            for i, prime in enumerate(primes)
        }
    scope = "/".join(parts[:-1])
    if kind == "reveal" or (kind == "corrections" and scope.endswith(FIELD_CORRECTIONS)):
        count = 8 * len(data) // P_BITS
        return {(kind, P): unpack_words(data, count, P_BITS)}
    if kind == "table" and parts[-2] in TABLE_BITS:
        width = TABLE_BITS[parts[-2]]
        return {(kind, 1 << width): unpack_words(data, 8 * len(data) // width, width)}
    return {(kind, 256): np.frombuffer(data[:-1], np.uint8).astype(np.uint64)}


@dataclass
class Session:
    """A run of both parties: their views, results, and records."""

    seen: dict[Party, Seen]
    results: dict[Party, Any] = field(default_factory=dict)
    records: dict[Party, tuple[Record, ...]] = field(default_factory=dict)
    engines: dict[Party, TwoPartyEngine] = field(default_factory=dict)

    @property
    def shape(self) -> list[tuple[Party, str, int, int]]:
        """The transcript without its contents."""
        return [
            (record.sender, record.label, record.size, record.depth)
            for party in Party
            for record in self.records[party]
        ]


class _WatchedTransfers:
    """An endpoint whose outputs enter the view."""

    def __init__(self, endpoint: Any, channel: Channel, seen: Seen) -> None:
        self._endpoint = endpoint
        self._channel = channel
        self._seen = seen
        accept = endpoint._accept_outcomes

        def watched(*args: Any) -> Any:
            shares = accept(*args)
            seen.see(channel.label("outcomes"), "shares of digits' outcomes", shares, 4)
            return shares

        endpoint._accept_outcomes = watched

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._endpoint, name)

        def watched(*args: Any) -> Any:
            output = method(*args)
            if output is not None:
                modulus = 2
                if name.startswith("correlate"):
                    modulus = args[-1]
                elif name == "one_of_many":
                    modulus = P if args[-1] == P_BITS else 1 << args[-1]
                self._seen.see(self._channel.label(name), f"share by {name}", output, modulus)
            return output

        return watched if callable(method) and name != "setup" else method


def run_session(
    protocol: Callable[[TwoPartyEngine], Any],
    seed: int,
    truncation: Truncation = "exact",
    name: Namer = outermost,
) -> Session:
    """Both parties as threads, their randomness from seeds of their own."""
    session = Session({party: Seen(name) for party in Party})
    carriers = memory_pair()
    failures: list[BaseException] = []
    parties = threading.local()
    joined = Level.joined

    def watched_join(level: Level, received: Any, party: Party) -> Any:
        opened = level.opened ^ received
        session.seen[party].see(parties.channel.label("join"), "openings of joins", opened, 8)
        return joined(level, received, party)

    def take_part(party: Party) -> None:
        recorder = Recorder(keep_payloads=True)
        channel = Channel(party, carriers[party], recorder)
        parties.channel = channel
        randomness = Randomness(bytes([party]) + seed.to_bytes(31, "little"))
        try:
            with channel:
                engine = TwoPartyEngine(channel, randomness, truncation)
                session.engines[party] = engine
                engine.setup()
                seen = session.seen[party]
                transfers: Any = _WatchedTransfers(engine._ot, channel, seen)
                engine._ot = transfers
                if engine._owner is not None:
                    _watch_decryption(engine._owner, channel, seen)
                channel.start_online()
                session.results[party] = protocol(engine)
                session.records[party] = recorder.records
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)

    with patch.object(Level, "joined", watched_join):
        threads = [threading.Thread(target=take_part, args=(party,)) for party in Party]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
    for party in Party:
        session.seen[party].messages = list(session.records[party.peer])
    return session


def _watch_decryption(owner: Any, channel: Channel, seen: Seen) -> None:
    decrypt = owner.decrypt

    def watched(label: str, message: bytes, count: int) -> Any:
        slots = decrypt(label, message, count)
        seen.see(channel.label(label), "slots of answers", slots, P)
        return slots

    owner.decrypt = watched
