"""What a run uses up, and what it used twice: keys, tweaks, counters, salts, points, ciphertexts.

Everything below must be fresh at every use. Streams: no two generators have one key, at either
party, but those that expand the seed of a uniform polynomial, one at each. The transfer hash: a
party hashes no two rows under one key, offset and tweak, and at most 2^16 under one key and offset.
Extension: no block of a seed's expansion is taken twice. The wire: salts, offered points, seeds and
the polynomials of ciphertexts, all different.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import numpy as np

from cryptomoe.he import sampling
from cryptomoe.he.backends import BACKENDS
from cryptomoe.he.parameters import PRIME_BITS, STANDARD
from cryptomoe.net.packing import unpack_words
from cryptomoe.net.recorder import Record
from cryptomoe.ot import iknp, pads
from cryptomoe.ot.base import KEY_BYTES
from cryptomoe.randomness import SEED_BYTES, Stream

HASHES_PER_KEY = 1 << 16
Interval = tuple[int, int]


@dataclass
class UseLog:
    """Uses of one or more sessions, by kind. Intervals are half open."""

    stream_keys: list[bytes] = field(default_factory=list)
    public_keys: list[bytes] = field(default_factory=list)
    hashes: dict[Any, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    expansions: dict[Any, list[Interval]] = field(default_factory=lambda: defaultdict(list))
    wire: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note every use inside; a party is a thread."""
        hash_blocks, counter_rows, start = pads.hash_blocks, iknp.counter_rows, Stream.__init__

        def hashed(rows: Any, offset: Any, first: int, keys: Any) -> Any:
            use = threading.get_ident(), keys.tobytes(), offset.tobytes()
            self.hashes[use].append((first, first + len(rows)))
            return hash_blocks(rows, offset, first, keys)

        def expanded(keys: Any, block: int, blocks: int) -> Any:
            for key in keys:
                use = threading.get_ident(), key.tobytes()
                self.expansions[use].append((block, block + blocks))
            return counter_rows(keys, block, blocks)

        def started(stream: Stream, key: bytes) -> None:
            self.stream_keys.append(key)
            start(stream, key)

        def public(key: bytes) -> Stream:
            self.public_keys.append(key)
            stream = Stream.__new__(Stream)
            start(stream, key)
            return stream

        with ExitStack() as stack:
            stack.enter_context(patch.object(sampling, "Stream", public))
            stack.enter_context(patch.object(pads, "hash_blocks", hashed))
            stack.enter_context(patch.object(iknp, "counter_rows", expanded))
            stack.enter_context(patch.object(Stream, "__init__", started))
            yield

    def read(self, records: Sequence[Record]) -> None:
        """Note what was sent."""
        for record in records:
            assert record.payload is not None
            kind = record.label.rsplit("/", 1)[-1]
            if kind == "salt":
                self.wire["salts"].append(record.payload)
            if kind in {"offers", "key"}:
                self.wire["points"] += _cut(record.payload, KEY_BYTES)
            if "galois_key" in record.label or kind in {"public_key", "request", "answer"}:
                self._read_polynomials(record.label, kind, record.payload)

    def _read_polynomials(self, label: str, kind: str, payload: bytes) -> None:
        """Objects one after another: an answer's polynomials, or a seed and polynomials."""
        sizes = BACKENDS["rns"].sizes(STANDARD)
        size, seed = sizes.answer_bytes, 0
        if kind != "answer":
            seed = SEED_BYTES
            size = sizes.galois_key_bytes if "galois_key" in label else sizes.public_key_bytes
            size = sizes.request_bytes if kind == "request" else size
        for thing in _cut(payload, size):
            if seed:
                self.wire["seeds"].append(thing[:seed])
            self.wire["polynomials"] += _polynomials(thing[seed:])

    def used_twice(self) -> set[str]:
        """The kinds of which something was used twice, or too often."""
        found = {kind for kind, values in self.wire.items() if _repeats(values)}
        if _repeats(self.stream_keys):
            found.add("streams")
        # The seed of a uniform polynomial is expanded once by each of the two parties.
        if max(Counter(self.public_keys).values(), default=0) > 2:
            found.add("seeds")
        if any(_overlap(intervals) for intervals in self.hashes.values()):
            found.add("tweaks")
        for intervals in self.hashes.values():
            if sum(stop - start for start, stop in intervals) > HASHES_PER_KEY:
                found.add("hash keys")
        if any(_overlap(intervals) for intervals in self.expansions.values()):
            found.add("expansions")
        return found


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _polynomials(data: bytes) -> list[bytes]:
    """Residues modulo one prime, polynomial by polynomial: each is fresh randomness by itself."""
    residues = unpack_words(data, 8 * len(data) // PRIME_BITS, PRIME_BITS)
    return [row.tobytes() for row in residues.reshape(-1, STANDARD.degree)]


def _repeats(values: Sequence[bytes]) -> bool:
    return max(Counter(values).values(), default=0) > 1


def _overlap(intervals: Sequence[Interval]) -> bool:
    return any(later[0] < earlier[1] for earlier, later in pairwise(sorted(intervals)))


def deltas(engines: Sequence[Any]) -> list[bytes]:
    """The secret differences of the parties' extensions."""
    return [np.packbits(engine._ot._delta).tobytes() for engine in engines]
