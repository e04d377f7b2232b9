"""MPyC's scheduling, with the messages and the tasks on shares that the black box is made of.

MPyC keeps a program counter for every task, pairs messages by it, and gives out placeholders. Its
connections, its inputs and outputs (which pickle) and its comparisons are not used.

A comparison opens its operand under a mask of `MASK_BITS`, of which the low bits are shared one by
one, and compares these with what was opened: with random bits after Damgard et al., TCC 2006, and a
comparison of bits after Toft, CT-RSA 2009, as in MPyC. MPyC's own, in a large field, opens a
product of two sharings without a fresh sharing of zero, and the factors of the opened polynomial,
of which the receiver holds a point each, say what the product hides; and the width of its masks
allows for neither the number of openings nor that of the keys.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from math import comb
from threading import local
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cryptomoe.engines import shamir
from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.wide_field import ELEMENT_BYTES, Limbs, Q
from cryptomoe.errors import CryptoMoEError, MalformedMessageError, ProtocolError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.link import Link, Traffic, current_label
from cryptomoe.net.mpyc_connection import without_side_effects
from cryptomoe.net.wire import Kind
from cryptomoe.randomness import Randomness

with without_side_effects():
    from mpyc import asyncoro, mpctools, sectypes
    from mpyc import runtime as mpyc_runtime

Result = TypeVar("Result")

VALUE_BITS = 46
"""Everything opened under a mask is below 2^46: a value plus an offset that makes it positive."""
MASK_BITS = 116
"""One opening tells at most 2^-70 of a value: 2^-40 in all, for up to 2^30 values opened."""
SECURITY_BITS = 40


class _RuntimeOfThread(local):
    """MPyC keeps its runtime in a global; this one is another in every thread."""

    current: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "current":
            super().__setattr__(name, value)
        else:
            setattr(self.current, name, value)


_OF_THREAD = _RuntimeOfThread()
for _module in (asyncoro, mpctools, sectypes):
    _module.runtime = _OF_THREAD


def _as_task(function: Callable[..., Any]) -> Callable[..., Any]:
    """An MPyC task. MPyC takes a return annotation for the placeholder's type; ours is not that."""
    function.__annotations__ = {
        name: kind for name, kind in function.__annotations__.items() if name != "return"
    }
    return asyncoro.mpc_coro(function)


@dataclass(frozen=True, eq=False)
class Mask:
    """Shares of random numbers: `whole` (n, 2), and their low bits (count, n, 2), lowest first."""

    whole: Limbs
    bits: Limbs


class SharesRuntime(mpyc_runtime.Runtime):  # type: ignore[misc]
    """MPyC's scheduling for this party, with resharing, opening and masks on limbs.

    An error in a task, or of a connection, ends `run` with it.
    """

    def __init__(
        self, index: int, parties: int, threshold: int, carriers: Mapping[int, Carrier]
    ) -> None:
        self.event_loop = asyncio.new_event_loop()
        # In debug mode asyncio would log the arguments of slow calls: shares.
        self.event_loop.set_debug(False)
        asyncio.set_event_loop(self.event_loop)
        _OF_THREAD.current = self
        self.randomness = Randomness()
        options = SimpleNamespace(
            threshold=threshold, no_log=True, no_prss=False, mix32_64bit=True, no_async=False,
            no_barrier=True, sec_param=SECURITY_BITS, ssl=False,
        )  # fmt: skip
        members = [mpyc_runtime.Party(party) for party in range(parties)]
        super().__init__(index, members, options)
        # MPyC's handler prints what a failed task was given.
        self.event_loop.set_exception_handler(self._task_failed)
        self.traffic = Traffic()
        self._failure: asyncio.Future[CryptoMoEError] = self.event_loop.create_future()
        self.links = {
            peer: Link(peer, carrier, self.event_loop, self.traffic, self.fail)
            for peer, carrier in carriers.items()
        }
        for peer, link in self.links.items():
            members[peer].protocol = link
        self.common: shamir.CommonRandomness | None = None
        self._used_numbers: set[int] = set()

    @property
    def size(self) -> int:
        """The number of parties."""
        return len(self.parties)

    @property
    def common_sets(self) -> int:
        """The number of sets of parties that have a key in common."""
        return comb(self.size, self.threshold)

    def fail(self, error: CryptoMoEError) -> None:
        """End the run with the first error told."""
        if not self._failure.done():
            self._failure.set_result(error)

    def run(self, awaitable: Awaitable[Result]) -> Result:
        """Run tasks until this one is done.

        Raises:
            ProtocolError: a peer is gone or broke the protocol.
        """
        waited = asyncio.ensure_future(awaitable, loop=self.event_loop)
        either: set[asyncio.Future[Any]] = {waited, self._failure}
        first = asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        try:
            self.event_loop.run_until_complete(first)
        except RuntimeError:
            # MPyC stops the loop when one of its tasks fails; the handler knows why.
            if not self._failure.done():
                raise
        if self._failure.done():
            waited.cancel()
            raise self._failure.result()
        return waited.result()

    async def settled(self, array: Any) -> None:
        """Wait for a placeholder."""
        await self.gather(array)

    def _task_failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, CryptoMoEError):
            self.fail(error)
        elif isinstance(error, Exception):
            # Its text might quote a share.
            self.fail(ProtocolError("task", f"internal error ({type(error).__name__})"))

    def close(self, kind: Kind) -> None:
        """Tell the peers why, end all connections, and drop all tasks."""
        for link in self.links.values():
            link.say(kind)
        for link in self.links.values():
            link.close()
        tasks = asyncio.all_tasks(self.event_loop)
        for task in tasks:
            task.cancel()
        while not all(task.done() for task in tasks):
            # MPyC stops the loop for every task that fails, so it may take several attempts.
            with suppress(RuntimeError):
                self.event_loop.run_until_complete(asyncio.wait(tasks))
        self.event_loop.close()
        if _OF_THREAD.current is self:
            _OF_THREAD.current = None

    # What MPyC would do over connections of its own making, or with pickle.

    async def start(self) -> None:
        """Not MPyC's: the connections are there."""
        raise RuntimeError("the parties are connected already")

    async def shutdown(self) -> None:
        """Not MPyC's, which pickles."""
        raise RuntimeError("the engine closes the connections")

    def transfer(self, *_arguments: Any, **_options: Any) -> None:
        """Not MPyC's, which pickles."""
        raise RuntimeError("nothing is transferred as a pickled object")

    output = transfer
    input = transfer

    # --- messages ---------------------------------------------------------------------------------

    async def exchange_keys(self) -> None:
        """The first member of every set gives the set's key to the others."""
        for peer in range(self.pid + 1, self.size):
            self._send_message(peer, b"".join(self._prss_keys_to_peer(peer)))
        for peer in range(self.pid):
            size = self._prss_keys_from_peer(peer)
            content = await self._received([peer])
            self._expect(content[0], size)
            self._prss_keys_from_peer(peer, content[0])
        self.common = shamir.CommonRandomness(
            self.size, self.threshold, self.pid,
            {members: bytes(key) for members, key in self._prss_keys.items()},
        )  # fmt: skip

    async def _received(self, peers: Sequence[int]) -> list[bytes]:
        content: list[bytes] = await self.gather([self._receive_message(peer) for peer in peers])
        return content

    def _expect(self, content: bytes, size: int) -> None:
        if len(content) != size:
            label = current_label()
            raise MalformedMessageError(label, f"{size} bytes were due, {len(content)} came")

    async def _elements(self, peers: Sequence[int], count: int) -> list[Limbs]:
        """What each of `peers` sends to this task: `count` elements."""
        received = []
        for content in await self._received(peers):
            self._expect(content, count * ELEMENT_BYTES)
            limbs = fq.from_bytes(content)
            if not fq.are_elements(limbs):
                raise MalformedMessageError(current_label(), "a share that is no field element")
            received.append(limbs)
        return received

    @_as_task
    async def deal(self, owner: int, values: Limbs | None, count: int) -> Limbs:
        """Shares of the owner's values (count, 2), None at the others."""
        await self.returnType(asyncio.Future)
        if self.pid != owner or values is None:
            return (await self._elements([owner], count))[0]
        shares = shamir.split(values, self.size, self.threshold, self.randomness.stream("dealing"))
        for peer in self.links:
            self._send_message(peer, fq.to_bytes(shares[peer]))
        return shares[self.pid]

    @_as_task
    async def open(self, shares: Limbs, degree: int, to: int | None = None) -> Limbs | None:
        """The values (n, 2) shared at this degree, to one party (None: to all).

        Each receiver gets the shares of the `degree` parties before it.
        """
        await self.returnType(asyncio.Future)
        receivers = range(self.size) if to is None else [to]
        for receiver in receivers:
            if 0 < (receiver - self.pid) % self.size <= degree:
                self._send_message(receiver, fq.to_bytes(shares))
        if self.pid not in receivers:
            return None
        peers = [(self.pid - degree + i) % self.size for i in range(degree)]
        others = await self._elements(peers, len(shares))
        return shamir.recombine([*peers, self.pid], [*others, shares])

    @_as_task
    async def reshare(self, products: Limbs) -> Limbs:
        """Fresh shares of degree t of values (n, 2) shared at degree 2t.

        Which 2t + 1 parties share theirs anew turns with the program counter.
        """
        await self.returnType(asyncio.Future)
        t, m = self.threshold, self.size
        dealers = [(self._program_counter[0] + i) % m for i in range(2 * t + 1)]
        own = None
        if self.pid in dealers:
            shares = shamir.split(products, m, t, self.randomness.stream("resharing"))
            for peer in self.links:
                self._send_message(peer, fq.to_bytes(shares[peer]))
            own = shares[self.pid]
        peers = [dealer for dealer in dealers if dealer != self.pid]
        dealt = await self._elements(peers, len(products))
        if own is not None:
            peers, dealt = [*peers, self.pid], [*dealt, own]
        return shamir.recombine(peers, dealt)

    @_as_task
    async def _reshare(self, products: Any) -> Any:
        """What MPyC's products call: as `reshare`, for its field arrays."""
        await self.returnType(asyncio.Future)
        limbs = fq.from_integers(products.value.reshape(-1))
        return field_array(await self.reshare(limbs), products.shape)

    # --- masks and bits ---------------------------------------------------------------------------

    def _common(self) -> shamir.CommonRandomness:
        if self.common is None:
            raise RuntimeError("the keys were not exchanged")
        return self.common

    def _number(self) -> int:
        """A public number that all parties have here and nowhere else.

        MPyC's program counters are 64-bit hashes. Two that met would draw the same masks, so a
        number that comes again ends the run: the same at all parties, whatever the secrets.
        """
        number = int.from_bytes(self._prss_uci(), "little", signed=True)
        if number in self._used_numbers:
            raise ProtocolError(current_label(), "two tasks have the same program counter")
        self._used_numbers.add(number)
        return number

    @_as_task
    async def random_bits(self, count: int) -> Limbs:
        """Shares (count, 2) of uniform bits: r / sqrt(r^2) is 1 or -1, and r^2 is opened."""
        await self.returnType(asyncio.Future)
        common = self._common()
        roots = common.elements(self._number(), count)
        squares = fq.add(fq.multiply(roots, roots), common.zeros(self._number(), count))
        opened = await self.open(squares, 2 * self.threshold)
        signs = fq.multiply(roots, fq.inverse_root(opened))
        half = pow(2, -1, Q)
        return fq.combine([half, half], np.stack([signs, np.broadcast_to(ONE, signs.shape)]))

    def high_masks(self, count: int, low_bits: int) -> Limbs:
        """Shares (count, 2) of integers that are multiples of 2^low_bits, below 2^MASK_BITS."""
        masks = self._common().masks(self._number(), count, MASK_BITS - low_bits)
        weights = [weight << low_bits for weight in self._common().weights]
        return fq.combine(weights, masks)

    @_as_task
    async def mask(self, count: int, low_bits: int) -> Mask:
        """Masks for `count` values in [0, 2^VALUE_BITS), of which `low_bits` bits are shared."""
        await self.returnType(asyncio.Future)
        high = self.high_masks(count, low_bits)
        bits = (await self.random_bits(low_bits * count)).reshape(low_bits, count, 2)
        return Mask(fq.add(high, composed(bits)), bits)

    async def open_masked(self, values: Limbs, mask: Mask) -> Limbs:
        """What everybody sees of values (n, 2): each plus its mask."""
        opened: Limbs = await self.open(fq.add(values, mask.whole), self.threshold)
        return opened

    async def shift_under_masks(self, values: Limbs, bits: int, offset: int) -> Limbs:
        """values / 2^bits, approximately, where values + offset are in [0, 2^VALUE_BITS)."""
        sets = comb(self.size, self.threshold)
        half = 0 if sets % 2 else 1 << (bits - 1)
        common = self._common()
        masks = common.masks(self._number(), len(values), MASK_BITS)
        hidden = fq.add(values, fq.constant(offset + half))
        hidden = fq.add(hidden, fq.combine(common.weights, masks))
        opened = await self.open(hidden, self.threshold)
        carried = fq.combine(common.weights, fq.shift_right(masks, bits))
        quotient = fq.subtract(fq.shift_right(opened, bits), carried)
        return fq.subtract(quotient, fq.constant((offset >> bits) + sets // 2))

    @_as_task
    async def product(self, factors: Limbs) -> Limbs:
        """Shares (n, 2) of the product along the first axis of (count, n, 2), as a tree."""
        await self.returnType(asyncio.Future)
        while (count := len(factors)) > 1:
            half = count // 2
            products = fq.multiply(factors[:half], factors[half : 2 * half])
            reshared = await self.reshare(products.reshape(-1, 2))
            factors = np.concatenate([reshared.reshape(products.shape), factors[2 * half :]])
        return factors[0]

    @_as_task
    async def below(self, public: NDArray[np.uint64], bits: Limbs, fair: Limbs) -> Limbs:
        """Shares (n, 2) of [c < r] for public c (n,) and r by its shared bits (count, n, 2).

        `fair` (n, 2) are random bits. With the random sign s that one is, some term is zero iff
        c >= r where s is 1, iff c < r where it is -1. The product of all terms, times something
        random, is opened; whether it is zero is uniform.
        """
        await self.returnType(asyncio.Future)
        count = len(public)
        sign = fq.combine([2, -1], np.stack([fair, np.broadcast_to(ONE, fair.shape)]))
        product = await self.product(_difference_terms(public, bits, sign))
        common = self._common()
        hidden = fq.multiply(product, common.elements(self._number(), count))
        hidden = fq.add(hidden, common.zeros(self._number(), count))
        opened = await self.open(hidden, 2 * self.threshold)
        is_zero = ~opened.any(axis=-1)
        half = pow(2, -1, Q)
        turned = np.where(is_zero[:, np.newaxis], fq.combine([-1], sign[np.newaxis]), sign)
        return fq.combine([half, half], np.stack([turned, np.broadcast_to(ONE, turned.shape)]))

    @_as_task
    async def units_of(self, mask: Awaitable[Mask]) -> Limbs:
        """The unit vectors of a mask's low bits, when the mask is there."""
        await self.returnType(asyncio.Future)
        units: Limbs = await self.unit_vectors((await mask).bits)
        return units

    @_as_task
    async def unit_vectors(self, bits: Limbs) -> Limbs:
        """Shares (2^count, n, 2) of [j = r] for r by its shared bits (count, n, 2)."""
        await self.returnType(asyncio.Future)
        count = len(bits)
        if count == 1:
            return np.stack([fq.subtract(ONE, bits[0]), bits[0]])
        low, high = await self.gather(
            [self.unit_vectors(bits[: count // 2]), self.unit_vectors(bits[count // 2 :])]
        )
        products = fq.multiply(high[:, np.newaxis], low[np.newaxis])
        reshared: Limbs = await self.reshare(products.reshape(-1, 2))
        return reshared.reshape(1 << count, *bits.shape[1:])


ONE = fq.constant(1)


def composed(bits: Limbs) -> Limbs:
    """The number of bits (count, n, 2), lowest first."""
    return fq.combine([1 << i for i in range(len(bits))], bits)


def _difference_terms(public: NDArray[np.uint64], bits: Limbs, sign: Limbs) -> Limbs:
    """(count + 1, n, 2): s - (c_i - r_i) + 3 (differences above i), and s - 1 + 3 differences."""
    terms = np.empty((len(bits) + 1, *sign.shape), np.uint64)
    differences = np.zeros_like(sign)
    for place in range(len(bits) - 1, -1, -1):
        digit = ((public >> np.uint64(place)) & np.uint64(1))[:, np.newaxis] == 1
        one_less = fq.subtract(bits[place], ONE)
        gap = np.where(digit, one_less, bits[place])
        terms[place] = fq.combine([1, 1, 3], np.stack([sign, gap, differences]))
        flipped = fq.combine([-1], one_less[np.newaxis])
        differences = fq.add(differences, np.where(digit, flipped, bits[place]))
    minus_one = np.broadcast_to(ONE, sign.shape)
    terms[-1] = fq.combine([1, 3, -1], np.stack([sign, differences, minus_one]))
    return terms


@cache
def array_type() -> Any:
    """MPyC's secure arrays over F_q."""
    return sectypes.SecFld(modulus=Q).array


def field_array(limbs: Limbs, shape: tuple[int, ...]) -> Any:
    """MPyC's own array of field elements."""
    values = fq.to_integers(limbs.reshape(-1, 2)).reshape(shape)
    return array_type().sectype.field.array(values, check=False)


@_as_task
async def later(kind: Any, operands: Sequence[Any], body: Callable[..., Awaitable[Any]]) -> Any:
    """A placeholder of `kind` for what `body` makes of the operands' shares."""
    await _OF_THREAD.returnType(kind)
    shares = await _OF_THREAD.gather(list(operands))
    return await body(*shares)
