"""The ideal engine: the black box computed in the clear by one party, with every promise checked.

It runs a protocol as both parties at once, takes each operation from the specification, and raises
where the protocol breaks a rule that a real engine could not notice: a value beyond its bound, a
product or a sum beyond p/4, operands of different shapes where nothing broadcasts. It also records
every operation that would communicate.
"""

# ruff: noqa: D102 - the interface documents the methods

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from cryptomoe_spec import abb as ideal
from cryptomoe_spec.truncate import approximate_truncate
from numpy.typing import NDArray

from cryptomoe.engines.abb import ArithmeticBlackBox, Hidden, IntArray, Secret, SecretBits, Weight
from cryptomoe.field import VALUE_LIMIT, P
from cryptomoe.party import Party

_LARGEST = VALUE_LIMIT - 1


def _secret(values: IntArray, bound: int) -> Secret:
    """A value within its bound; bounds beyond p/4 say nothing and become the greatest allowed."""
    bound = min(bound, _LARGEST)
    largest = int(np.abs(values).max(initial=0))
    assert values.dtype == np.int64
    assert largest <= bound, f"{largest} exceeds the bound {bound}"
    return Secret(values, bound)


def _same_kind(x: Hidden, data: NDArray[np.int64] | NDArray[np.bool_]) -> Hidden:
    return replace(x, data=data)


class IdealEngine(ArithmeticBlackBox):
    """Both parties in one. `calls` lists (label path, operation) of all that would communicate.

    With `approximate_seed`, truncation is the approximate one, for random shares from that seed.
    """

    def __init__(self, approximate_seed: int | None = None) -> None:
        self.party = Party.CLIENT
        self._shares = None if approximate_seed is None else np.random.default_rng(approximate_seed)
        self.calls: list[tuple[str, str]] = []
        self._path: list[str] = []

    def _record(self, operation: str) -> None:
        self.calls.append(("/".join(self._path), operation))

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        self._path.append(name)
        yield
        self._path.pop()

    # --- structure -------------------------------------------------------------------------------

    def reshape(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        return _same_kind(x, ideal.reshape(x.data, shape))

    def transpose(self, x: Hidden, axes: tuple[int, ...]) -> Hidden:
        return _same_kind(x, ideal.transpose(x.data, axes))

    def take(self, x: Hidden, indices: IntArray, axis: int) -> Hidden:
        return _same_kind(x, ideal.take(x.data, indices, axis))

    def concatenate(self, xs: Sequence[Hidden], axis: int) -> Hidden:
        changes: dict[str, Any] = {"data": ideal.concatenate([x.data for x in xs], axis)}
        bounds = [x.bound for x in xs if isinstance(x, Secret)]
        if bounds:
            changes["bound"] = max(bounds)
        return replace(xs[0], **changes)

    def broadcast(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        return _same_kind(x, ideal.broadcast(x.data, shape))

    # --- entering and leaving --------------------------------------------------------------------

    def input(
        self, owner: Party, values: IntArray | None, shape: tuple[int, ...], bound: int
    ) -> Secret:
        assert values is not None
        self._record("input")
        return _secret(ideal.input(owner, values, shape, bound), bound)

    def input_bits(
        self, owner: Party, values: NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> SecretBits:
        assert values is not None
        self._record("input_bits")
        return SecretBits(ideal.input_bits(owner, values, shape))

    def weight(self, values: IntArray | None, shape: tuple[int, int, int]) -> Weight:
        assert values is not None
        return Weight(shape, ideal.weight(values, shape))

    def public(self, values: IntArray) -> Secret:
        return _secret(ideal.public(values), int(np.abs(values).max(initial=0)))

    def reveal(self, x: Secret, to: Party | None) -> IntArray | None:
        self._record("reveal")
        return ideal.reveal(x.data, to)

    # --- local arithmetic ------------------------------------------------------------------------

    def declare(self, x: Secret, bound: int) -> Secret:
        assert bound < VALUE_LIMIT
        return _secret(ideal.declare(x.data, bound), bound)

    def add(self, x: Secret, y: Secret) -> Secret:
        return _secret(ideal.add(x.data, y.data), x.bound + y.bound)

    def subtract(self, x: Secret, y: Secret) -> Secret:
        return _secret(ideal.subtract(x.data, y.data), x.bound + y.bound)

    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        return _secret(ideal.add_public(x.data, c), x.bound + int(np.abs(c).max(initial=0)))

    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        return _secret(ideal.scale_public(x.data, c), x.bound * int(np.abs(c).max(initial=0)))

    def sum(self, x: Secret, axis: int) -> Secret:
        return _secret(ideal.sum(x.data, axis), x.bound * x.shape[axis])

    # --- products --------------------------------------------------------------------------------

    def multiply(self, x: Secret, y: Secret) -> Secret:
        self._record("multiply")
        return _secret(ideal.multiply(x.data, y.data), x.bound * y.bound)

    def square(self, x: Secret) -> Secret:
        self._record("square")
        assert x.bound**2 < VALUE_LIMIT
        return _secret(ideal.square(x.data), x.bound**2)

    def matmul(self, x: Secret, y: Secret) -> Secret:
        self._record("matmul")
        assert len(x.shape) == len(y.shape) == 3
        assert x.shape[0] == y.shape[0]
        return _secret(ideal.matmul(x.data, y.data), _LARGEST)

    def linear(self, x: Secret, w: Weight) -> Secret:
        self._record("linear")
        assert len(x.shape) == 3
        assert (x.shape[0], x.shape[2]) == w.shape[:2]
        return _secret(ideal.linear(x.data, w.data), _LARGEST)

    # --- truncation ------------------------------------------------------------------------------

    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        self._record("truncate")
        assert 1 <= bits <= 40
        if self._shares is None or exact:
            return _secret(ideal.truncate(x.data, bits, exact=exact), (x.bound >> bits) + 1)
        share = self._shares.integers(0, P, x.shape)
        return _secret(approximate_truncate(x.data, bits, share), (x.bound >> bits) + 3)

    # --- bits ------------------------------------------------------------------------------------

    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        self._record("at_least")
        return SecretBits(ideal.at_least(x.data, thresholds))

    def negative(self, x: Secret) -> SecretBits:
        self._record("negative")
        return SecretBits(ideal.negative(x.data))

    def less(self, x: Secret, y: Secret) -> SecretBits:
        self._record("less")
        return SecretBits(ideal.less(x.data, y.data))

    def equal(self, x: Secret, y: Secret) -> SecretBits:
        self._record("equal")
        return SecretBits(ideal.equal(x.data, y.data))

    def logical_not(self, a: SecretBits) -> SecretBits:
        return SecretBits(ideal.logical_not(a.data))

    def logical_xor(self, a: SecretBits, b: SecretBits) -> SecretBits:
        return SecretBits(ideal.logical_xor(a.data, b.data))

    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        self._record("logical_and")
        return SecretBits(ideal.logical_and(a.data, b.data))

    def to_arithmetic(self, a: SecretBits) -> Secret:
        self._record("to_arithmetic")
        return _secret(ideal.to_arithmetic(a.data), 1)

    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        self._record("select")
        return _secret(ideal.select(a.data, x.data, y.data), max(x.bound, y.bound))

    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        self._record("keep_if")
        return _secret(ideal.keep_if(a.data, x.data), x.bound)

    # --- secret indices --------------------------------------------------------------------------

    def one_hot(self, index: Secret, size: int) -> SecretBits:
        self._record("one_hot")
        return SecretBits(ideal.one_hot(index.data, size))

    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        self._record("lookup")
        return _secret(ideal.lookup(index.data, tables), int(np.abs(tables).max(initial=0)))

    def maximum(self, x: Secret) -> Secret:
        self._record("maximum")
        assert x.shape[-1] <= 256
        return _secret(ideal.maximum(x.data), x.bound)

    def argmax(self, x: Secret) -> Secret:
        self._record("argmax")
        return _secret(ideal.argmax(x.data), x.shape[-1] - 1)

    # --- scalar functions: bounds as loose as an engine that knows nothing would give them -------

    def silu(self, x: Secret) -> Secret:
        self._record("silu")
        return _secret(ideal.silu(x.data), 1 << 24)

    def sigmoid(self, x: Secret) -> Secret:
        self._record("sigmoid")
        return _secret(ideal.sigmoid(x.data), 1 << 14)

    def exp(self, v: Secret) -> Secret:
        self._record("exp")
        return _secret(ideal.exp(v.data), 1 << 21)

    def reciprocal(self, s: Secret) -> Secret:
        self._record("reciprocal")
        return _secret(ideal.reciprocal(s.data), 1 << 18)

    def rsqrt(self, s: Secret) -> tuple[Secret, Secret]:
        self._record("rsqrt")
        r, e = ideal.rsqrt(s.data)
        return _secret(r, 1 << 17), _secret(e, 1 << 21)
