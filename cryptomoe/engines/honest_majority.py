"""The black box among three parties or more, of whom fewer than half are corrupted, on MPyC.

A value or a bit is an MPyC array of Shamir shares in F_q, q = 2^127 - 1. MPyC schedules: each
operation is a task that returns a placeholder at once, tasks run when their operands are there, and
messages find their task by a program counter; only `reveal` waits. Its local arithmetic and its
products are MPyC's, with our own resharing (MPyC's would pickle arrays).

What compares, truncates or looks up opens its operand under a mask of `MASK_BITS`, of which it also
has the low bits, and compares what was opened with these: with random bits after Damgard et al.,
TCC 2006, and a comparison after Toft, CT-RSA 2009, as in MPyC. MPyC's own comparison is not used:
in a large field it opens a product of two sharings without a fresh sharing of zero, and the factors
of the opened polynomial, of which the receiver holds a point each, say what the product hides; and
the width of its masks allows for neither the number of openings nor that of the keys.

Party 0 is the client, party 1 holds the weights, the others only compute; all three kinds see the
same: shares of degree t, and masked values.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from math import comb, prod
from threading import local
from types import SimpleNamespace
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from cryptomoe.engines import shamir
from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.abb import Hidden, IntArray, Secret, SecretBits, Weight, same_kind
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.engines.wide_field import ELEMENT_BYTES, Limbs, Q
from cryptomoe.errors import CryptoMoEError, MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Statistics
from cryptomoe.net.link import Link, Traffic, current_label, scope
from cryptomoe.net.mpyc_connection import without_side_effects
from cryptomoe.net.wire import Kind
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

with without_side_effects():
    from mpyc import asyncoro, mpctools, sectypes
    from mpyc import runtime as mpyc_runtime

Truncation = Literal["exact", "approximate"]
Objects = NDArray[Any]
Result = TypeVar("Result")

VALUE_BITS = 46
"""Everything opened under a mask is below 2^46: a value plus an offset that makes it positive."""
MASK_BITS = 116
"""One opening tells at most 2^-70 of a value: 2^-40 in all, for up to 2^30 values opened."""
SECURITY_BITS = 40
_LARGEST = VALUE_LIMIT - 1
_NARROWEST = 8
"""Comparisons are at least this wide, so that small bounds, which shapes decide, share rounds."""
_INDEX_BITS = 8
_OUTSTANDING = 48
"""Operations that may wait for each other before this party waits for the oldest of them."""
_GOODBYE_SECONDS = 60.0


# --- MPyC's runtime -------------------------------------------------------------------------------


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


class _Runtime(mpyc_runtime.Runtime):  # type: ignore[misc]
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
        return _field_array(await self.reshare(limbs), products.shape)

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
        return fq.combine([half, half], np.stack([signs, np.broadcast_to(_ONE, signs.shape)]))

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
        return Mask(fq.add(high, _composed(bits)), bits)

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
        sign = fq.combine([2, -1], np.stack([fair, np.broadcast_to(_ONE, fair.shape)]))
        product = await self.product(_difference_terms(public, bits, sign))
        common = self._common()
        hidden = fq.multiply(product, common.elements(self._number(), count))
        hidden = fq.add(hidden, common.zeros(self._number(), count))
        opened = await self.open(hidden, 2 * self.threshold)
        is_zero = ~opened.any(axis=-1)
        half = pow(2, -1, Q)
        turned = np.where(is_zero[:, np.newaxis], fq.combine([-1], sign[np.newaxis]), sign)
        return fq.combine([half, half], np.stack([turned, np.broadcast_to(_ONE, turned.shape)]))

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
            return np.stack([fq.subtract(_ONE, bits[0]), bits[0]])
        low, high = await self.gather(
            [self.unit_vectors(bits[: count // 2]), self.unit_vectors(bits[count // 2 :])]
        )
        products = fq.multiply(high[:, np.newaxis], low[np.newaxis])
        reshared: Limbs = await self.reshare(products.reshape(-1, 2))
        return reshared.reshape(1 << count, *bits.shape[1:])


_ONE = fq.constant(1)


def _composed(bits: Limbs) -> Limbs:
    """The number of bits (count, n, 2), lowest first."""
    return fq.combine([1 << i for i in range(len(bits))], bits)


def _difference_terms(public: NDArray[np.uint64], bits: Limbs, sign: Limbs) -> Limbs:
    """(count + 1, n, 2): s - (c_i - r_i) + 3 (differences above i), and s - 1 + 3 differences."""
    terms = np.empty((len(bits) + 1, *sign.shape), np.uint64)
    differences = np.zeros_like(sign)
    for place in range(len(bits) - 1, -1, -1):
        digit = ((public >> np.uint64(place)) & np.uint64(1))[:, np.newaxis] == 1
        one_less = fq.subtract(bits[place], _ONE)
        gap = np.where(digit, one_less, bits[place])
        terms[place] = fq.combine([1, 1, 3], np.stack([sign, gap, differences]))
        flipped = fq.combine([-1], one_less[np.newaxis])
        differences = fq.add(differences, np.where(digit, flipped, bits[place]))
    minus_one = np.broadcast_to(_ONE, sign.shape)
    terms[-1] = fq.combine([1, 3, -1], np.stack([sign, differences, minus_one]))
    return terms


def _levels(count: int) -> int:
    """Rounds of a product of `count` factors."""
    return (count - 1).bit_length()


# --- the engine -----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Shared:
    """An MPyC array, and the greatest depth of the messages that it depends on."""

    array: Any
    depth: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Public shape of the array."""
        return tuple(self.array.shape)


@cache
def _array_type() -> Any:
    return sectypes.SecFld(modulus=Q).array


def _field_array(limbs: Limbs, shape: tuple[int, ...]) -> Any:
    """MPyC's own array of field elements."""
    values = fq.to_integers(limbs.reshape(-1, 2)).reshape(shape)
    return _array_type().sectype.field.array(values, check=False)


@_as_task
async def _later(kind: Any, operands: Sequence[Any], body: Callable[..., Awaitable[Any]]) -> Any:
    """A placeholder of `kind` for what `body` makes of the operands' shares."""
    await _OF_THREAD.returnType(kind)
    shares = await _OF_THREAD.gather(list(operands))
    return await body(*shares)


class HonestMajorityEngine(DerivedOperations):
    """One party's side of the black box. All parties make the same calls with the same shapes.

    `carriers` has a connection with every other party. `truncation` is what `truncate` does where
    the caller does not ask for the exact one; `on_scope` is told the name of every scope entered,
    which is public. Used by the thread that made it, as a context manager: it closes in order, or
    tells the peers to stop when the block raises.

    Raises:
        UsageError: a threshold that hides nothing, or is no minority.
    """

    def __init__(
        self,
        index: int,
        carriers: Mapping[int, Carrier],
        truncation: Truncation,
        *,
        threshold: int | None = None,
        on_scope: Callable[[str], None] | None = None,
    ) -> None:
        parties = len(carriers) + 1
        if threshold is None:
            threshold = shamir.default_threshold(parties)
        shamir.check_threshold(parties, threshold)
        # A Party for the two that have a role; the number of any other.
        self.party: Any = Party(index) if index < len(Party) else index
        self._truncation = truncation
        self._on_scope = on_scope
        self._runtime = _Runtime(index, parties, threshold, carriers)
        self._array = _array_type()
        self._waiting: deque[Any] = deque()
        self._rounds = 0

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Finish after success, abort after an error."""
        if kind is not None:
            self._runtime.close(Kind.STOP)
            return
        try:
            self._finish()
        except BaseException:
            self._runtime.close(Kind.STOP)
            raise
        self._runtime.close(Kind.GOODBYE)

    def _finish(self) -> None:
        """Run what the other parties may still need, and wait until all have finished."""
        self._settle(0)
        for link in self._runtime.links.values():
            link.say(Kind.GOODBYE)
        goodbyes = [link.goodbye for link in self._runtime.links.values()]
        waiting = asyncio.wait_for(asyncio.wait(goodbyes), _GOODBYE_SECONDS)
        try:
            self._runtime.run(waiting)
        except TimeoutError:
            raise PeerLostError("goodbye", "a party does not finish") from None

    def setup(self) -> None:
        """Exchange the keys of common randomness, once, before anything else."""
        with scope("setup"), scope("keys"):
            self._runtime.run(self._runtime.exchange_keys())

    def start_online(self) -> None:
        """From here on bytes count as online; all parties call it at the same point."""
        self._runtime.traffic.start_online()

    def statistics(self) -> Statistics:
        """What this party has sent; rounds are the greatest depth of any message."""
        self._settle(0)
        return self._runtime.traffic.statistics(self._rounds)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """See the interface."""
        if self._on_scope is not None:
            self._on_scope(name)
        with scope(name):
            yield

    # --- tasks -----------------------------------------------------------------------------------

    def _locally(
        self, shape: tuple[int, ...], function: Callable[..., Objects], *operands: Shared
    ) -> Shared:
        """`function` of the operands' shares, reduced modulo q."""
        return self._moved(shape, lambda *shares: function(*shares) % Q, *operands)

    def _moved(
        self, shape: tuple[int, ...], function: Callable[..., Objects], *operands: Shared
    ) -> Shared:
        """`function` of the operands' shares, which keeps them below q."""

        async def body(*shares: Any) -> Any:
            values = function(*(share.value for share in shares))
            return self._array.sectype.field.array(values, check=False)

        array = _later((self._array, shape), [x.array for x in operands], body)
        return Shared(array, max(x.depth for x in operands))

    def _by_messages(
        self,
        rounds: int,
        shape: tuple[int, ...],
        body: Callable[..., Awaitable[Limbs]],
        operand: Shared | None = None,
        prepared: Sequence[Any] = (),
    ) -> Shared:
        """`body` of the operand's limbs (n, 2) and what was prepared: limbs, after `rounds`.

        What is prepared depends on no operand and takes one round.
        """

        async def with_limbs(*given: Any) -> Any:
            if operand is None:
                return _field_array(await body(), shape)
            values = fq.from_integers(given[0].value.reshape(-1))
            return _field_array(await body(values, *given[1:]), shape)

        operands = [] if operand is None else [operand.array]
        depth = max(0 if operand is None else operand.depth, 1 if prepared else 0) + rounds
        array = _later((self._array, shape), [*operands, *prepared], with_limbs)
        return self._sent(array, depth)

    def _sent(self, array: Any, depth: int) -> Shared:
        """Note an operation that sends; wait for the oldest if too many are under way."""
        self._rounds = max(self._rounds, depth)
        self._waiting.append(array)
        self._settle(_OUTSTANDING)
        return Shared(array, depth)

    def _settle(self, outstanding: int) -> None:
        """Run until at most so many operations are left."""
        while len(self._waiting) > outstanding:
            oldest = self._waiting.popleft()
            self._runtime.run(_settled(oldest))

    # --- structure -------------------------------------------------------------------------------

    def reshape(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        known = prod(size for size in shape if size >= 0)
        whole = tuple(prod(x.shape) // max(known, 1) if size < 0 else size for size in shape)
        return same_kind(x, self._moved(whole, lambda a: a.reshape(whole), x.data))

    def transpose(self, x: Hidden, axes: tuple[int, ...]) -> Hidden:
        """See the interface."""
        shape = tuple(x.shape[axis] for axis in axes)
        return same_kind(x, self._moved(shape, lambda a: a.transpose(axes), x.data))

    def take(self, x: Hidden, indices: IntArray, axis: int) -> Hidden:
        """See the interface."""
        position: int = axis % len(x.shape)
        shape = (*x.shape[:position], *indices.shape, *x.shape[position + 1 :])
        return same_kind(x, self._moved(shape, lambda a: a.take(indices, axis), x.data))

    def concatenate(self, xs: Sequence[Hidden], axis: int) -> Hidden:
        """See the interface."""
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        bounds = [x.bound for x in xs if isinstance(x, Secret)]
        joined = self._moved(
            tuple(shape), lambda *parts: np.concatenate(parts, axis), *(x.data for x in xs)
        )
        return same_kind(xs[0], joined, max(bounds, default=None))

    def broadcast(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, self._moved(shape, lambda a: np.broadcast_to(a, shape), x.data))

    # --- entering and leaving --------------------------------------------------------------------

    def input(
        self, owner: Party | int, values: IntArray | None, shape: tuple[int, ...], bound: int
    ) -> Secret:
        """See the interface. The owner, any party here, deals shares."""
        own = values if values is not None and int(owner) == int(self.party) else None
        return Secret(self._dealt("input", int(owner), own, shape), bound)

    def input_bits(
        self, owner: Party | int, values: NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> SecretBits:
        """See the interface. The owner, any party here, deals shares."""
        own = None
        if values is not None and int(owner) == int(self.party):
            own = values.astype(np.int64)
        return SecretBits(self._dealt("input_bits", int(owner), own, shape))

    def _dealt(
        self, name: str, owner: int, values: IntArray | None, shape: tuple[int, ...]
    ) -> Shared:
        limbs = None if values is None else fq.from_signed(values.reshape(-1))

        async def body() -> Limbs:
            shares: Limbs = await self._runtime.deal(owner, limbs, prod(shape))
            return shares

        with scope(name):
            return self._by_messages(1, shape, body)

    def weight(
        self,
        values: IntArray | None,
        shape: tuple[int, int, int],
        owner: Party | int = Party.SERVER,
    ) -> Weight:
        """See the interface. Not local here: the owner, any party, deals shares once, as set-up."""
        with scope("setup"):
            shared = self._dealt("weight", int(owner), values, shape)
        # Set-up makes no rounds.
        return Weight(shape, Shared(shared.array, 0))

    def public(self, values: IntArray) -> Secret:
        """See the interface. Every share is the constant."""
        field_values = values.astype(object) % Q
        array = self._array(self._array.sectype.field.array(field_values, check=False))
        return Secret(Shared(array, 0), int(np.abs(values).max(initial=0)))

    def reveal(self, x: Secret, to: Party | int | None) -> IntArray | None:
        """See the interface. Waits for everything that x depends on."""
        depth = x.data.depth + 1
        self._rounds = max(self._rounds, depth)
        receiver = None if to is None else int(to)

        async def body(share: Any) -> Limbs | None:
            limbs = fq.from_integers(share.value.reshape(-1))
            opened: Limbs | None = await self._runtime.open(
                limbs, self._runtime.threshold, receiver
            )
            return opened

        with scope("reveal"):
            opened = self._runtime.run(_later(asyncio.Future, [x.data.array], body))
        return None if opened is None else fq.to_signed(opened).reshape(x.shape)

    # --- local arithmetic ------------------------------------------------------------------------

    def declare(self, x: Secret, bound: int) -> Secret:
        """See the interface."""
        return Secret(x.data, bound)

    def add(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        data = self._locally(_joint(x, y), lambda a, b: a + b, x.data, y.data)
        return Secret(data, _capped(x.bound + y.bound))

    def subtract(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        data = self._locally(_joint(x, y), lambda a, b: a - b, x.data, y.data)
        return Secret(data, _capped(x.bound + y.bound))

    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        constant = np.asarray(c, np.int64)
        shape = np.broadcast_shapes(x.shape, constant.shape)
        data = self._locally(shape, lambda a: a + constant.astype(object), x.data)
        return Secret(data, _capped(x.bound + int(np.abs(constant).max(initial=0))))

    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        factor = np.asarray(c, np.int64)
        shape = np.broadcast_shapes(x.shape, factor.shape)
        data = self._locally(shape, lambda a: a * factor.astype(object), x.data)
        return Secret(data, _capped(x.bound * int(np.abs(factor).max(initial=0))))

    def sum(self, x: Secret, axis: int) -> Secret:
        """See the interface."""
        position = axis % len(x.shape)
        shape = (*x.shape[:position], *x.shape[position + 1 :])
        data = self._locally(shape, lambda a: np.asarray(a.sum(axis=axis), object), x.data)
        return Secret(data, _capped(x.bound * x.shape[axis]))

    # --- products --------------------------------------------------------------------------------

    def _product(self, name: str, x: Shared, y: Shared) -> Shared:
        with scope(name):
            array = self._runtime.np_multiply(x.array, y.array)
            return self._sent(array, max(x.depth, y.depth) + 1)

    def _matrix_product(self, name: str, x: Shared, y: Shared) -> Shared:
        with scope(name):
            array = self._runtime.np_matmul(x.array, y.array)
            return self._sent(array, max(x.depth, y.depth) + 1)

    def multiply(self, x: Secret, y: Secret) -> Secret:
        """See the interface. One round."""
        return Secret(self._product("multiply", x.data, y.data), _capped(x.bound * y.bound))

    def square(self, x: Secret) -> Secret:
        """See the interface. One round."""
        return Secret(self._product("square", x.data, x.data), _capped(x.bound**2))

    def matmul(self, x: Secret, y: Secret) -> Secret:
        """See the interface. One round, whose messages have the size of the result."""
        return Secret(self._matrix_product("matmul", x.data, y.data), _LARGEST)

    def linear(self, x: Secret, w: Weight) -> Secret:
        """See the interface. One round, whose messages have the size of the result."""
        return Secret(self._matrix_product("linear", x.data, w.data), _LARGEST)

    # --- truncation ------------------------------------------------------------------------------

    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        """See the interface.

        Exact: x is opened under a mask; what was opened tells the low bits of x once it is known
        whether the mask's low bits exceed its own. Approximate: the masks' numbers are shifted one
        by one, and what they carry into each other is left in the result.
        """
        is_exact = self._truncation == "exact" if exact is None else exact
        offset = VALUE_LIMIT >> bits << bits

        async def exactly(values: Limbs, mask: Mask, fair: Limbs) -> Limbs:
            raised = fq.add(values, fq.constant(offset))
            low = _low_bits(await self._runtime.open_masked(raised, mask), bits)
            carry = await self._runtime.below(low, mask.bits, fair)
            terms = [raised, _from_words(low), _composed(mask.bits), carry]
            inverse = pow(1 << bits, -1, Q)
            quotient = fq.combine([inverse, -inverse, inverse, -1], np.stack(terms))
            return fq.subtract(quotient, fq.constant(offset >> bits))

        async def approximately(values: Limbs) -> Limbs:
            return await self._runtime.shift_under_masks(values, bits, offset)

        if is_exact:
            with scope("truncate"):
                prepared = self._prepared(prod(x.shape), bits, prod(x.shape))
                rounds = 2 + _levels(bits + 1)
                data = self._by_messages(rounds, x.shape, exactly, x.data, prepared)
            return Secret(data, _capped((x.bound >> bits) + 1))
        with scope("truncate_approximately"):
            data = self._by_messages(1, x.shape, approximately, x.data)
        return Secret(data, _capped((x.bound >> bits) + 1 + self._runtime.common_sets))

    def _prepared(self, count: int, bits: int, comparisons: int) -> list[Any]:
        """Tasks of the masks and the random bits of comparisons with them."""
        return [self._runtime.mask(count, bits), self._runtime.random_bits(comparisons)]

    def _unit_masks(self, count: int, bits: int) -> tuple[list[Any], int]:
        """Tasks of masks and their low bits' unit vectors, and the depth of these."""
        mask = self._runtime.mask(count, bits)
        return [mask, self._runtime.units_of(mask)], 1 + _levels(bits)

    # --- bits ------------------------------------------------------------------------------------

    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        """See the interface. One opening serves all thresholds."""
        largest = max(abs(threshold) for threshold in thresholds)
        bits = max((x.bound + largest).bit_length(), _NARROWEST)
        shape = (len(thresholds), *x.shape)

        async def body(values: Limbs, mask: Mask, fair: Limbs) -> Limbs:
            raised = fq.add(values, fq.constant(1 << bits))
            opened = await self._runtime.open_masked(raised, mask)
            # Modulo 2^bits a difference of what was opened is one of words.
            words = [opened[:, 0] - np.int64(c).astype(np.uint64) for c in thresholds]
            low = np.concatenate(words) & np.uint64((1 << bits) - 1)
            repeated = np.tile(mask.bits, (1, len(thresholds), 1))
            carry = await self._runtime.below(low, repeated, fair)
            constants = [fq.constant((1 << bits) - c) for c in thresholds]
            differences = [fq.add(values, c) for c in constants]
            terms = [np.concatenate(differences), _from_words(low), _composed(repeated), carry]
            inverse = pow(1 << bits, -1, Q)
            return fq.combine([inverse, -inverse, inverse, -1], np.stack(terms))

        with scope("at_least"):
            prepared = self._prepared(prod(x.shape), bits, prod(shape))
            rounds = 2 + _levels(bits + 1)
            return SecretBits(self._by_messages(rounds, shape, body, x.data, prepared))

    def negative(self, x: Secret) -> SecretBits:
        """See the interface."""
        with scope("negative"):
            negated = self.at_least(x, [0])
        return self.logical_not(self.reshape(negated, x.shape))

    def less(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        return self.negative(self.subtract(x, y))

    def equal(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface. A difference is 0 iff what was opened is the mask, bit for bit."""
        difference = self.subtract(x, y)
        bits = max(difference.bound.bit_length() + 1, _NARROWEST)

        async def body(values: Limbs, mask: Mask) -> Limbs:
            raised = fq.add(values, fq.constant(1 << bits))
            opened = await self._runtime.open_masked(raised, mask)
            places = np.arange(bits, dtype=np.uint64)[:, np.newaxis]
            digits = ((opened[:, 0] >> places) & np.uint64(1))[..., np.newaxis] == 1
            negated = fq.subtract(_ONE, mask.bits)
            product: Limbs = await self._runtime.product(np.where(digits, mask.bits, negated))
            return product

        with scope("equal"):
            prepared = [self._runtime.mask(prod(difference.shape), bits)]
            rounds = 1 + _levels(bits)
            data = self._by_messages(rounds, difference.shape, body, difference.data, prepared)
        return SecretBits(data)

    def logical_not(self, a: SecretBits) -> SecretBits:
        """See the interface."""
        return SecretBits(self._locally(a.shape, lambda bits: 1 - bits, a.data))

    def logical_xor(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface. Not local here: a + b - 2 a b, one round."""
        both = self._product("xor", a.data, b.data)
        data = self._locally(
            _joint(a, b), lambda x, y, product: x + y - 2 * product, a.data, b.data, both
        )
        return SecretBits(data)

    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface. One round."""
        return SecretBits(self._product("and", a.data, b.data))

    def to_arithmetic(self, a: SecretBits) -> Secret:
        """See the interface. Local here: a bit is shared as the integer."""
        return Secret(a.data, 1)

    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        """See the interface. One round."""
        chosen = self.add(y, self.keep_if(a, self.subtract(x, y)))
        return self.declare(chosen, max(x.bound, y.bound))

    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        """See the interface. One round."""
        return Secret(self._product("keep_if", a.data, x.data), x.bound)

    # --- secret indices --------------------------------------------------------------------------

    def one_hot(self, index: Secret, size: int) -> SecretBits:
        """See the interface. The unit vector of the mask, turned by what was opened."""

        async def body(values: Limbs, mask: Mask, units: Limbs) -> Limbs:
            opened = await self._runtime.open_masked(values, mask)
            # index = j iff the mask is c - j, all modulo 2^8.
            columns = np.arange(size)[np.newaxis]
            turned = (_low_bits(opened, _INDEX_BITS).astype(np.int64)[:, np.newaxis] - columns) & (
                (1 << _INDEX_BITS) - 1
            )
            bits = units[turned, np.arange(len(values))[:, np.newaxis]]
            bits[:, 1 << _INDEX_BITS :] = 0
            return bits.reshape(-1, 2)

        with scope("one_hot"):
            prepared, depth = self._unit_masks(prod(index.shape), _INDEX_BITS)
            raised = Shared(index.data.array, max(index.data.depth, depth))
            data = self._by_messages(1, (*index.shape, size), body, raised, prepared)
        return SecretBits(data)

    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        """See the interface. The unit vector of the mask, times the tables turned by it."""
        count, size = tables.shape
        bits = size.bit_length() - 1

        async def body(values: Limbs, mask: Mask, units: Limbs) -> Limbs:
            opened = await self._runtime.open_masked(values, mask)
            # The entry at index c - r, for every value of the mask r.
            masks = np.arange(size)[:, np.newaxis]
            turned = (_low_bits(opened, bits).astype(np.int64) - masks) & (size - 1)
            found = []
            for table in tables:
                entries = fq.from_signed(table[turned].reshape(-1)).reshape(units.shape)
                found.append(fq.combine([1] * size, fq.multiply(units, entries)))
            return np.concatenate(found)

        with scope("lookup"):
            prepared, depth = self._unit_masks(prod(index.shape), bits)
            raised = Shared(index.data.array, max(index.data.depth, depth))
            data = self._by_messages(1, (count, *index.shape), body, raised, prepared)
        return Secret(data, int(np.abs(tables).max(initial=0)))


async def _settled(array: Any) -> None:
    await _OF_THREAD.gather(array)


def _low_bits(limbs: Limbs, bits: int) -> NDArray[np.uint64]:
    """x mod 2^bits of limbs (n, 2), up to 63 bits."""
    low: NDArray[np.uint64] = limbs[:, 0] & np.uint64((1 << bits) - 1)
    return low


def _from_words(words: NDArray[np.uint64]) -> Limbs:
    return np.stack([words, np.zeros_like(words)], axis=-1)


def _joint(*operands: Secret | SecretBits) -> tuple[int, ...]:
    return np.broadcast_shapes(*(operand.shape for operand in operands))


def _capped(bound: int) -> int:
    """Bounds grow by the rules of arithmetic, but no value may reach p/4."""
    return min(bound, _LARGEST)
