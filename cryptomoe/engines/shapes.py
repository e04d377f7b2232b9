"""An engine that computes nothing: it follows a protocol by its public shapes alone.

Running a protocol on it before the real run tells, from public parameters only, how many
ciphertexts the client will receive. The flood that protects the server's operands is sized for a
fixed ceiling of them in one inference, so a run that would exceed it is refused before it starts.

Arrays have stride 0, so that following even a large model takes no memory to speak of.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np
from numpy.typing import NDArray

from cryptomoe.engines.abb import Hidden, IntArray, Secret, SecretBits, Weight, same_kind
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.he.flood import FloodBudget
from cryptomoe.he.layouts.lanes import plan_lanes
from cryptomoe.he.parameters import STANDARD, HeParameters
from cryptomoe.he.products import plan_products
from cryptomoe.party import Party

_LARGEST = VALUE_LIMIT - 1


def _blank(shape: tuple[int, ...]) -> NDArray[np.int8]:
    return np.broadcast_to(np.zeros((), np.int8), shape)


def _secret(shape: tuple[int, ...], bound: int) -> Secret:
    return Secret(_blank(shape), min(bound, _LARGEST))


def _bits(shape: tuple[int, ...]) -> SecretBits:
    return SecretBits(_blank(shape))


def _joint(*operands: Secret | SecretBits) -> tuple[int, ...]:
    return np.broadcast_shapes(*(operand.shape for operand in operands))


class ShapeEngine(DerivedOperations):
    """Follows the two-party engine's shapes and spends its flood budget. No party's side.

    `budget` counts the answers so far; a UsageError is raised where they exceed the ceiling.
    Nothing is revealed to anybody.
    """

    def __init__(self, parameters: HeParameters = STANDARD) -> None:
        self.party = Party.SERVER
        self.parameters = parameters
        self.budget = FloodBudget()

    def _answers(self, count: int) -> None:
        self.budget.spend(count * self.parameters.degree)

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Labels do not matter here."""
        del name
        yield

    def reshape(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        known = prod(size for size in shape if size >= 0)
        missing = prod(x.shape) // max(known, 1)
        return same_kind(x, _blank(tuple(missing if size < 0 else size for size in shape)))

    def transpose(self, x: Hidden, axes: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, _blank(x.data.transpose(axes).shape))

    def take(self, x: Hidden, indices: IntArray, axis: int) -> Hidden:
        """See the interface."""
        position: int = axis % len(x.shape)
        shape = (*x.shape[:position], *indices.shape, *x.shape[position + 1 :])
        return same_kind(x, _blank(shape))

    def concatenate(self, xs: Sequence[Hidden], axis: int) -> Hidden:
        """See the interface."""
        shape = list(xs[0].shape)
        shape[axis] = sum(x.shape[axis] for x in xs)
        bounds = [x.bound for x in xs if isinstance(x, Secret)]
        return same_kind(xs[0], _blank(tuple(shape)), max(bounds, default=None))

    def broadcast(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """See the interface."""
        return same_kind(x, _blank(shape))

    def input(
        self, owner: Party, values: IntArray | None, shape: tuple[int, ...], bound: int
    ) -> Secret:
        """See the interface."""
        del owner, values
        return _secret(shape, bound)

    def input_bits(
        self, owner: Party, values: NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> SecretBits:
        """See the interface."""
        del owner, values
        return _bits(shape)

    def weight(self, values: IntArray | None, shape: tuple[int, int, int]) -> Weight:
        """See the interface."""
        del values
        return Weight(shape, None)

    def public(self, values: IntArray) -> Secret:
        """See the interface."""
        return _secret(values.shape, int(np.abs(values).max(initial=0)))

    def reveal(self, x: Secret, to: Party | None) -> IntArray | None:
        """Nothing is known, so nothing is revealed."""
        del x, to
        return None

    def declare(self, x: Secret, bound: int) -> Secret:
        """See the interface."""
        return _secret(x.shape, bound)

    def add(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return _secret(_joint(x, y), x.bound + y.bound)

    def subtract(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return _secret(_joint(x, y), x.bound + y.bound)

    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        return self.add(x, self.public(np.asarray(c, np.int64)))

    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        """See the interface."""
        factor = self.public(np.asarray(c, np.int64))
        return _secret(_joint(x, factor), x.bound * factor.bound)

    def sum(self, x: Secret, axis: int) -> Secret:
        """See the interface."""
        position = axis % len(x.shape)
        shape = (*x.shape[:position], *x.shape[position + 1 :])
        return _secret(shape, x.bound * x.shape[axis])

    def multiply(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        shape = _joint(x, y)
        self._answers(plan_products(self.parameters, prod(shape), 2).answers)
        return _secret(shape, x.bound * y.bound)

    def square(self, x: Secret) -> Secret:
        """See the interface."""
        self._answers(plan_products(self.parameters, prod(x.shape), 1).answers)
        return _secret(x.shape, x.bound**2)

    def matmul(self, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        (batch, a, b), c = x.shape, y.shape[2]
        for rows, columns in ((a, c), (c, a)):
            self._answers(plan_lanes(self.parameters, batch, rows, b, columns).answers)
        return _secret((batch, a, c), _LARGEST)

    def linear(self, x: Secret, w: Weight) -> Secret:
        """See the interface."""
        batch, rows, d1 = x.shape
        self._answers(plan_lanes(self.parameters, batch, rows, d1, w.shape[2]).answers)
        return _secret((batch, rows, w.shape[2]), _LARGEST)

    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        """See the interface."""
        return _secret(x.shape, (x.bound >> bits) + (1 if exact else 3))

    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        """See the interface."""
        return _bits((len(thresholds), *x.shape))

    def negative(self, x: Secret) -> SecretBits:
        """See the interface."""
        return _bits(x.shape)

    def less(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        return _bits(_joint(x, y))

    def equal(self, x: Secret, y: Secret) -> SecretBits:
        """See the interface."""
        return _bits(_joint(x, y))

    def logical_not(self, a: SecretBits) -> SecretBits:
        """See the interface."""
        return a

    def logical_xor(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface."""
        return _bits(_joint(a, b))

    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """See the interface."""
        return _bits(_joint(a, b))

    def to_arithmetic(self, a: SecretBits) -> Secret:
        """See the interface."""
        return _secret(a.shape, 1)

    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        """See the interface."""
        return _secret(_joint(a, x, y), max(x.bound, y.bound))

    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        """See the interface."""
        return _secret(_joint(a, x), x.bound)

    def one_hot(self, index: Secret, size: int) -> SecretBits:
        """See the interface."""
        return _bits((*index.shape, size))

    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        """See the interface."""
        return _secret((len(tables), *index.shape), int(np.abs(tables).max(initial=0)))
