"""The two-party engine's real code on ideal functionalities, both parties as threads.

Transfers, comparisons and homomorphic products are answered by ideal functionalities, whose shares
come from a tape: the client's share is drawn, the server's is the rest. A party's own draws come
from the same tape. The view of a party is all of that and the messages it receives.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from tapes import Tape, Words

from cryptomoe import field as fp
from cryptomoe.engines import two_party
from cryptomoe.engines.two_party import Truncation, TwoPartyEngine
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.packing import unpack_words
from cryptomoe.party import Party

_PATIENCE = 60.0
Views = dict[Party, dict[str, Words]]


class World:
    """What both parties share: the tape, the meeting place, and both views."""

    def __init__(self, tape: Tape, entries_first: tuple[str, ...] = ()) -> None:
        self.tape = tape
        self.views: Views = {party: {} for party in Party}
        self._entries_first = entries_first
        self._requests: list[Any] = [None, None]
        self._compute: Callable[[Any, Any], Any] = lambda *_: None
        self._outputs: Any = None
        self._barrier = threading.Barrier(2, self._answer, _PATIENCE)

    def _answer(self) -> None:
        self._outputs = self._compute(*self._requests)

    def meet(self, party: Party, request: Any, compute: Callable[[Any, Any], Any]) -> Any:
        """This party's output of `compute(client's request, server's request)`."""
        self._requests[party] = request
        self._compute = compute
        self._barrier.wait()
        return self._outputs[party]

    def abort(self) -> None:
        """Wake the other party after an error."""
        self._barrier.abort()

    def shares(self, label: str, values: Words, modulus: int) -> tuple[Words, Words]:
        """Fresh additive shares of flat `values` modulo `modulus` (xor if it is 2)."""
        inner = values.size // self.tape.entries if label in self._entries_first else 1
        client = self.tape.draw("functionality", modulus, values.size, inner)
        server = (values + np.uint64(modulus) - client) % np.uint64(modulus)
        return client, server

    def see(self, party: Party, label: str, values: Words) -> None:
        """Put flat values into a view, entries last; a second of a name is one "again"."""
        while label in self.views[party]:
            label += " again"
        shape = (-1, self.tape.entries)
        if label in self._entries_first:
            self.views[party][label] = values.reshape(shape[::-1]).T
        else:
            self.views[party][label] = values.reshape(shape)


class IdealTransfers:
    """One party's end of ideal transfers and comparisons: the methods of `OtEndpoint`."""

    def __init__(self, world: World, channel: Channel) -> None:
        self._world = world
        self._channel = channel
        self._party = channel.party

    def _shared(
        self, name: str, request: Any, modulus: int, function: Callable[[Any, Any], Words]
    ) -> Words:
        label = self._channel.label(name)

        def compute(client: Any, server: Any) -> tuple[Words, Words]:
            values = np.asarray(function(client, server)).astype(np.uint64) % np.uint64(modulus)
            return self._world.shares(label, values, modulus)

        share: Words = self._world.meet(self._party, request, compute)
        self._world.see(self._party, label, share)
        return share

    def correlate_one_way(self, sender: Party, payload: Any, modulus: int) -> Words:
        """Shares of v c."""
        del sender
        own = payload.astype(np.uint64)
        return self._shared("correlate", own, modulus, lambda v, c: v * c)

    def correlate(self, values: Words, bits: Any, modulus: int) -> Words:
        """Shares of v_0 c_1 + v_1 c_0."""
        request = values, bits.astype(np.uint64)
        return self._shared("correlate", request, modulus, lambda x, y: x[0] * y[1] + y[0] * x[1])

    def and_bits(self, a: Any, b: Any) -> Any:
        """Shares of the AND of shared bits."""
        return self._shared(
            "and_bits", (a, b), 2, lambda x, y: (x[0] ^ y[0]) & (x[1] ^ y[1])
        ).astype(np.uint8)

    def less_than(self, value: Words, bits: int) -> Any:
        """Shares of [x_0 < x_1], both below 2^bits."""
        assert int(value.max(initial=0)) < 1 << bits
        return self._shared("less_than", value, 2, np.less).astype(np.uint8)

    def equal(self, value: Words, bits: int) -> Any:
        """Shares of [x_0 = x_1], both below 2^bits."""
        assert int(value.max(initial=0)) < 1 << bits
        return self._shared("equal", value, 2, np.equal).astype(np.uint8)

    def one_of_many(self, sender: Party, payload: Any, choice_bits: int, width: int) -> Any:
        """The client's chosen messages; nothing for the server."""
        assert sender is Party.SERVER

        def compute(choices: Any, messages: Words) -> tuple[Words, None]:
            table = messages.reshape(-1, 1 << choice_bits)
            assert int(table.max(initial=0)) < 1 << width
            return table[np.arange(len(table)), choices], None

        chosen = self._world.meet(self._party, payload, compute)
        if self._party is Party.CLIENT:
            self._world.see(self._party, self._channel.label("one_of_many"), chosen)
        return chosen


class OwnDraws:
    """A party's generators, from the tape: the part of `Randomness` and `Stream` that is used."""

    def __init__(self, world: World, party: Party, purpose: str = "") -> None:
        self._world = world
        self._party = party
        self._purpose = purpose

    def stream(self, purpose: str) -> "OwnDraws":
        """The generator of one purpose."""
        return OwnDraws(self._world, self._party, purpose)

    def _below(self, shape: tuple[int, ...], modulus: int) -> Words:
        name = self._party.name.lower()
        if not np.prod(shape):
            return np.zeros(shape, np.uint64)
        values = self._world.tape.draw(name, modulus, int(np.prod(shape)))
        self._world.see(self._party, f"own/{self._purpose}", values)
        return values.reshape(shape)

    def ring(self, shape: tuple[int, ...], bits: int) -> Words:
        """Below 2^bits."""
        return self._below(shape, 1 << bits)

    def field(self, shape: tuple[int, ...]) -> Words:
        """Below p."""
        return self._below(shape, fp.P)

    def bits(self, count: int) -> Any:
        """Bits, one an entry."""
        return self._below((count,), 2).astype(np.uint8)


class WatchedChannel(Channel):
    """A channel whose messages enter the view; `widths`: bits of an element, by message name."""

    world: World
    widths: Mapping[str, int]

    def receive(self, name: str, size: int) -> bytes:
        """As a channel's."""
        message = super().receive(name, size)
        if name in self.widths:
            width, entries = self.widths[name], self.world.tape.entries
            count = 8 * size // width // entries * entries
            elements = unpack_words(message[: (count * width + 7) // 8], count, width)
            self.world.see(self.party, self.label(name), elements)
        return message


@contextmanager
def _ideal_products(world: World) -> Iterator[None]:
    """Homomorphic products by their functionality; a party holds nothing but its channel."""

    def shared(channel: Channel, name: str, request: Any, function: Any) -> Words:
        label = channel.label(name)

        def compute(client: Any, server: Any) -> tuple[Words, Words]:
            values = function(client, server)
            parts = world.shares(label, values.reshape(-1), fp.P)
            return parts[0].reshape(values.shape), parts[1].reshape(values.shape)

        share: Words = world.meet(channel.party, request, compute)
        world.see(channel.party, label, share.reshape(-1))
        return share

    def products(channel: Channel, _side: Any, _plan: Any, factors: Words) -> Words:
        return shared(channel, "products", factors, lambda x, y: fp.total(fp.multiply(x, y), 0))

    def linear(client: Words, server: tuple[Words, Words]) -> Words:
        own, weights = server
        return fp.matmul(fp.add(client, own), weights)

    asked: dict[str, Words] = {}

    def request(channel: Channel, _owner: Any, _plan: Any, share: Words) -> None:
        asked[channel.label("linear")] = share

    def finish(channel: Channel, _owner: Any, _plan: Any) -> Words:
        return shared(channel, "linear", asked[channel.label("linear")], linear)

    def answer(
        channel: Channel, _server: Any, _plan: Any, _ciphertexts: Any, x: Words, weights: Any
    ) -> Words:
        return shared(channel, "linear", (x, weights.values), linear)

    class Keys:
        def __init__(self, *_: Any) -> None:
            pass

        def require(self, _steps: Any) -> None:
            pass

    with patch.multiple(
        two_party,
        KeyRing=Keys,
        ask_products=products,
        answer_products=products,
        request_linear=request,
        finish_linear=finish,
        receive_linear=lambda *_: [],
        answer_linear=answer,
    ):
        yield


def run_threads(
    world: World, widths: Mapping[str, int], action: Callable[[WatchedChannel], Any]
) -> dict[Party, Any]:
    """`action` at both parties at once, on watched channels: what each returned."""
    carriers = memory_pair(_PATIENCE)
    results: dict[Party, Any] = {}
    failures: list[BaseException] = []

    def take_part(party: Party) -> None:
        channel = WatchedChannel(party, carriers[party])
        channel.world, channel.widths = world, widths
        try:
            with channel:
                results[party] = action(channel)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            failures.append(error)
            world.abort()

    threads = [threading.Thread(target=take_part, args=(party,)) for party in Party]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results


class _NoBackend:
    """Makes parties that do nothing: products are ideal."""

    name = "none"

    def key_owner(self, *_: Any) -> Any:
        """Something that is there."""
        return object()

    def answering_party(self, *_: Any) -> Any:
        """Something that is there."""
        return object()

    def sizes(self, *_: Any) -> Any:
        """Nothing is sent."""
        raise NotImplementedError


def run_hybrid(
    world: World, protocol: Callable[[TwoPartyEngine], Any], truncation: Truncation = "exact"
) -> dict[Party, Any]:
    """Both parties' results on the engine; their views are in `world`."""

    def take_part(channel: WatchedChannel) -> Any:
        draws: Any = OwnDraws(world, channel.party)
        return protocol(TwoPartyEngine(channel, draws, truncation, backend=_NoBackend()))

    with (
        _ideal_products(world),
        patch.object(two_party, "OtEndpoint", lambda channel, *_: IdealTransfers(world, channel)),
    ):
        return run_threads(world, {"reveal": fp.P_BITS}, take_part)
