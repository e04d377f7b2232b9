"""Where the correlated rows of transfers come from: one seam, three sources.

Every source gives random correlations: the sender rows q_j, the receiver random bits r_j and rows
t_j = q_j xor r_j Delta. What a protocol chooses differs from r_j by one bit, which the receiver
sends and the sender takes into its row (Beaver, CRYPTO 1995): `endpoint` does that, so no source
knows what is asked of it. Each end keeps what it has made until it is taken, once.

A source makes correlations in batches, at one message a refill from one of the two ends, the
*speaking* one. Where the rest of a batch is kept, a refill happens when fewer are left than the
next request wants; where it is dropped, every request has its own, so that what a request costs
depends on nothing before it. Either way its moment and size are functions of the numbers requested,
which are public: `Ledger` does that arithmetic, for the endpoint and for whoever predicts messages.

| method     | a batch   | bytes a batch | rest    | speaking | rests on                      |
|------------|-----------|---------------|---------|----------|-------------------------------|
| iknp       | 128       | 2048          | dropped | receiver | AES, the hash                 |
| softspoken | 128       | 496           | dropped | receiver | AES, the hash                 |
| silent     | 2,345,216 | 225,280       | kept    | sender   | as those, and LPN (see `lpn`) |
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from cryptomoe.ot.aes import Words
from cryptomoe.party import Party

BitArray = NDArray[np.uint8]
Method = Literal["iknp", "softspoken", "silent"]
METHODS: tuple[Method, ...] = get_args(Method)
REFILL = "ot_refill"
"""The component of a label that every refill has."""


@dataclass(frozen=True)
class Supply:
    """What is public about a source.

    Fields: `batch`, usable correlations of one batch; `batch_bytes`, what the speaking end sends
    for it; `keeps_rest`, whether what a request leaves of it is for the next; `sender_speaks`,
    which end speaks; `message`, the last component of its label.
    """

    batch: int
    batch_bytes: int
    keeps_rest: bool
    sender_speaks: bool
    message: str


class Ledger:
    """The refills of one direction."""

    def __init__(self, supply: Supply) -> None:
        self._supply = supply
        self._left = 0

    def batches(self, wanted: int) -> int:
        """Batches to be made for the next request, which is taken as served."""
        supply = self._supply
        left = self._left if supply.keeps_rest else 0
        made = max(0, -(-(wanted - left) // supply.batch))
        self._left = left + made * supply.batch - wanted
        return made


class SenderRows(Protocol):
    """The sender's end of a source."""

    def take(self, count: int) -> Words:
        """The next rows q (count, 2); RuntimeError when fewer are left."""


class ReceiverRows(Protocol):
    """The receiver's end of a source."""

    def take(self, count: int) -> tuple[Words, BitArray]:
        """The next rows t (count, 2) and bits r (count,); RuntimeError when fewer are left."""


class Speaking(Protocol):
    """The end that sends the message of a refill."""

    def offer(self, batches: int) -> bytes:
        """Make `batches` batches, and the message that lets the other end make them too."""


class Listening(Protocol):
    """The end that receives it."""

    def accept(self, message: bytes, batches: int) -> None:
        """Make the batches that the message is about."""


class Stock:
    """Arrays with one entry for each correlation, given out in order, each entry once."""

    def __init__(self, *empty: NDArray[Any]) -> None:
        self._empty = empty
        self._parts: list[tuple[NDArray[Any], ...]] = []
        self._used = 0
        self.size = 0

    def add(self, *arrays: NDArray[Any]) -> None:
        """Put arrays of equal lengths behind what there is."""
        self._parts.append(arrays)
        self.size += len(arrays[0])

    def replace(self, *arrays: NDArray[Any]) -> None:
        """Drop what there is for these."""
        self._parts, self._used, self.size = [], 0, 0
        self.add(*arrays)

    def take(self, count: int) -> tuple[NDArray[Any], ...]:
        """The next `count` entries of each array.

        Raises:
            RuntimeError: fewer are left.
        """
        if count > self.size:
            raise RuntimeError("fewer correlations are left than are taken")
        self.size -= count
        taken: list[tuple[NDArray[Any], ...]] = [] if count else [self._empty]
        while count:
            part = self._parts[0]
            stop = min(len(part[0]), self._used + count)
            taken.append(tuple(array[self._used : stop] for array in part))
            count -= stop - self._used
            self._used = stop
            if stop == len(part[0]):
                del self._parts[0]
                self._used = 0
        if len(taken) == 1:
            return taken[0]
        return tuple(np.concatenate(arrays) for arrays in zip(*taken, strict=True))


@dataclass(frozen=True)
class Refill:
    """One message of a refill: who sends it, and its payload's bytes."""

    sender: Party
    payload_bytes: int


def refills(supply: Supply, requests: Iterable[tuple[int, int]]) -> Iterator[list[Refill]]:
    """For each request the refills before it, the client's message first.

    A request is how many transfers the client is the sender of, and how many the server is.
    """
    ledgers = [Ledger(supply) for _ in Party]
    for request in requests:
        messages = []
        for sender in Party if supply.sender_speaks else reversed(Party):
            batches = ledgers[sender].batches(request[sender])
            if batches:
                speaker = sender if supply.sender_speaks else sender.peer
                messages.append(Refill(speaker, batches * supply.batch_bytes))
        yield messages
