"""The black box among three parties or more, of whom fewer than half are corrupted, on MPyC.

A value or a bit is an MPyC array of Shamir shares in F_q, q = 2^127 - 1. MPyC schedules: each
operation is a task that returns a placeholder at once, tasks run when their operands are there, and
messages find their task by a program counter; only `reveal` waits. Its local arithmetic and its
products are MPyC's, with our own resharing (MPyC's would pickle arrays).

What compares, truncates or looks up opens its operand under a mask that hides it and goes on with
the mask's shared low bits; see `shamir_runtime`.

Party 0 is the client, party 1 holds the weights, the others only compute; all three kinds see the
same: shares of degree t, and masked values.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from cryptomoe.engines import shamir
from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.abb import Hidden, IntArray, Secret, SecretBits, Weight, same_kind
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.engines.shamir_runtime import (
    ONE,
    Mask,
    SharesRuntime,
    array_type,
    composed,
    field_array,
    later,
)
from cryptomoe.engines.wide_field import Limbs, Q
from cryptomoe.errors import PeerLostError
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Statistics
from cryptomoe.net.link import scope
from cryptomoe.net.wire import Kind
from cryptomoe.party import Party

Truncation = Literal["exact", "approximate"]
Objects = NDArray[Any]

_LARGEST = VALUE_LIMIT - 1
_NARROWEST = 8
"""Comparisons are at least this wide, so that small bounds, which shapes decide, share rounds."""
_INDEX_BITS = 8
_OUTSTANDING = 48
"""Operations that may wait for each other before this party waits for the oldest of them."""
_GOODBYE_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Shared:
    """An MPyC array, and the greatest depth of the messages that it depends on."""

    array: Any
    depth: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Public shape of the array."""
        return tuple(self.array.shape)


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
        self._runtime = SharesRuntime(index, parties, threshold, carriers)
        self._array = array_type()
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

        array = later((self._array, shape), [x.array for x in operands], body)
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
                return field_array(await body(), shape)
            values = fq.from_integers(given[0].value.reshape(-1))
            return field_array(await body(values, *given[1:]), shape)

        operands = [] if operand is None else [operand.array]
        depth = max(0 if operand is None else operand.depth, 1 if prepared else 0) + rounds
        array = later((self._array, shape), [*operands, *prepared], with_limbs)
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
            self._runtime.run(self._runtime.settled(oldest))

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
            opened = self._runtime.run(later(asyncio.Future, [x.data.array], body))
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
            terms = [raised, _from_words(low), composed(mask.bits), carry]
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
            terms = [np.concatenate(differences), _from_words(low), composed(repeated), carry]
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
            negated = fq.subtract(ONE, mask.bits)
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


def _levels(count: int) -> int:
    """Rounds of a product of `count` factors."""
    return (count - 1).bit_length()
