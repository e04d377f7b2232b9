"""The real endpoint and its kernels on ideal random transfers, whose pads come from a tape.

A sender gets two pads for each transfer, a receiver the one it chose. Of a pad only some bits are
ever used; those are drawn, the others are zero. `places` says which: bit i of the drawn symbol goes
to place `places[i]` of the pad.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
from hybrid_world import OwnDraws, WatchedChannel, World, run_threads
from tapes import Words

from cryptomoe.ot import transfers
from cryptomoe.ot.endpoint import OtEndpoint, TransferRows
from cryptomoe.party import Party


@dataclass(frozen=True)
class Pads:
    """Pads below `radix`; `places` None puts the symbol itself into the lowest bits."""

    radix: int
    inner: int = 1
    places: Sequence[int] | None = None

    def spread(self, symbols: Words, blocks: int) -> Words:
        """Symbols (n,) as pads (n, 2 * blocks)."""
        pads = np.zeros((symbols.size, 2 * blocks), np.uint64)
        if self.places is None:
            pads[:, 0] = symbols
            return pads
        for bit, place in enumerate(self.places):
            value = (symbols >> np.uint64(bit)) & np.uint64(1)
            pads[:, place >> 6] |= value << np.uint64(place & 63)
        return pads


@dataclass
class Direction:
    """Transfers of which `sender` has both pads; both parties' threads use it."""

    world: World
    sender: Party
    kinds: Sequence[Pads]
    chosen: list[Words] = field(default_factory=list)
    _drawn: dict[int, tuple[int, Words, Words]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, count: int) -> Words:
        """Numbers of the transfers of an extension, as rows (count, 2)."""
        return np.stack([np.arange(count), np.zeros(count)], axis=1).astype(np.uint64)

    def pads(self, rows: Words) -> tuple[int, Words, Words]:
        """Which call this is, and the symbols of both pads; drawn by whoever asks first."""
        first = int(rows[0, 0])
        with self._lock:
            if first not in self._drawn:
                call = len(self._drawn)
                kind, who = self.kinds[call], f"pads of {self.sender.name.lower()}"
                drawn = [
                    self.world.tape.draw(who, kind.radix, len(rows), kind.inner) for _ in range(2)
                ]
                self._drawn[first] = (call, drawn[0], drawn[1])
            return self._drawn[first]

    def see(self, party: Party, call: int, kind: str, symbols: Words) -> None:
        """Into the view of `party`, entries last."""
        inner, entries = self.kinds[call].inner, self.world.tape.entries
        last = symbols.reshape(-1, entries, inner).transpose(0, 2, 1).reshape(-1)
        self.world.see(party, f"pads of {self.sender.name.lower()}/{call} {kind}", last)


class IdealSender:
    """The pads of a sender."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction

    def pads(self, rows: Words, blocks: int) -> tuple[Words, Words]:
        """Both pads."""
        direction = self._direction
        call, zero, one = direction.pads(rows)
        direction.see(direction.sender, call, "zero", zero)
        direction.see(direction.sender, call, "one", one)
        kind = direction.kinds[call]
        return kind.spread(zero, blocks), kind.spread(one, blocks)


class IdealReceiver:
    """The pads of a receiver, whose choices stay with the functionality."""

    def __init__(self, direction: Direction) -> None:
        self._direction = direction
        self._choices = np.zeros(0, np.uint8)

    def choose(self, choices: Any) -> Words:
        """Rows of these choices."""
        self._choices = choices
        return self._direction.rows(choices.size)

    def pads(self, rows: Words, blocks: int) -> Words:
        """The chosen pads."""
        direction = self._direction
        call, zero, one = direction.pads(rows)
        first = int(rows[0, 0])
        chosen = np.where(self._choices[first : first + len(rows)] == 1, one, zero)
        direction.see(direction.sender.peer, call, "chosen", chosen)
        return direction.kinds[call].spread(chosen, blocks)


def run_transfers(
    world: World,
    kinds: dict[Party, Sequence[Pads]],
    widths: dict[str, int],
    action: Callable[[OtEndpoint], Any],
) -> dict[Party, Any]:
    """`action` on both parties' endpoints; pads by sender and call, message widths by name."""
    directions = {party: Direction(world, party, kinds.get(party, ())) for party in Party}

    def take_part(channel: WatchedChannel) -> Any:
        party = channel.party
        endpoint: Any = OtEndpoint.__new__(OtEndpoint)
        draws = OwnDraws(world, party)
        endpoint._channel, endpoint._party = channel, party
        endpoint._shares = draws.stream("shares of compared bits")
        endpoint._sender = IdealSender(directions[party])
        endpoint._receiver = IdealReceiver(directions[party.peer])

        def ideal_rows(*, sending: int, choices: Any, random: int = 0) -> TransferRows:
            offered = directions[party].rows(random + sending)
            bits = draws.stream("choices of bit products").bits(random)
            chosen = endpoint._receiver.choose(np.concatenate([bits, choices]))
            return TransferRows(
                offered[random:], chosen[random:], offered[:random], chosen[:random], bits
            )

        endpoint.rows = ideal_rows
        return action(endpoint)

    # Kernels are fed in one part, so that a call draws all its pads at once.
    with patch.object(transfers, "_PADS_AT_ONCE", 1 << 40):
        return run_threads(world, widths, take_part)
