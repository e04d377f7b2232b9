"""The arithmetic black box: what a protocol may do with values that nobody sees.

Protocols are written once, against this interface; an engine realises it (two parties with
homomorphic encryption and oblivious transfer, three or more with Shamir sharing). A protocol never
mentions how a value is represented; an engine never mentions experts. `cryptomoe_spec.abb` states
the same operations as plain functions on integers, under the same names.

Values are signed integers, |x| < p/4, p = 35181687734273 (45 bits); real numbers are fixed point
with a scale the protocol keeps in mind. Every operation works on whole arrays and takes a number of
rounds that does not depend on their shapes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from cryptomoe.party import Party

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Secret:
    """An integer array that no single party knows.

    Fields: `data`, this party's representation (the engine's affair; an array with `.shape`);
    `bound`, a public integer with |x| <= bound for every entry, by construction or as declared.
    """

    data: Any
    bound: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Public shape of the array."""
        return tuple(self.data.shape)


@dataclass(frozen=True, eq=False)
class SecretBits:
    """An array of bits that no single party knows. `data` is the engine's affair."""

    data: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Public shape of the array."""
        return tuple(self.data.shape)


@dataclass(frozen=True, eq=False)
class Weight:
    """A server's batch of matrices, ready for `linear`; the shape (batch, d1, d2) is public.

    `data` is the engine's affair, and None at every party that does not hold the weights.
    """

    shape: tuple[int, int, int]
    data: Any


Hidden = TypeVar("Hidden", Secret, SecretBits)


def same_kind(x: Hidden, data: Any, bound: int | None = None) -> Hidden:
    """`data` as what `x` is, a Secret with the bound of `x` unless another is given."""
    if isinstance(x, SecretBits):
        return replace(x, data=data)
    return replace(x, data=data, bound=x.bound if bound is None else bound)


class ArithmeticBlackBox(ABC):
    """The operations. Operands must have equal shapes unless a method says that they broadcast."""

    party: Party

    @abstractmethod
    def scope(self, name: str) -> AbstractContextManager[None]:
        """Everything sent inside carries `name` as one more component of its label's path."""

    # --- structure: local and free; a Secret or SecretBits in, the same kind out -----------------

    @abstractmethod
    def reshape(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """`x` with another shape of the same size, C order; one entry may be -1."""

    @abstractmethod
    def transpose(self, x: Hidden, axes: tuple[int, ...]) -> Hidden:
        """`x` with its axes permuted."""

    @abstractmethod
    def take(self, x: Hidden, indices: IntArray, axis: int) -> Hidden:
        """Entries of `x` at *public* indices along `axis` (numpy's take)."""

    @abstractmethod
    def concatenate(self, xs: Sequence[Hidden], axis: int) -> Hidden:
        """`xs` joined along an existing axis."""

    @abstractmethod
    def broadcast(self, x: Hidden, shape: tuple[int, ...]) -> Hidden:
        """`x` repeated to `shape` by numpy's broadcasting rules."""

    # --- entering and leaving --------------------------------------------------------------------

    @abstractmethod
    def input(
        self, owner: Party, values: IntArray | None, shape: tuple[int, ...], bound: int
    ) -> Secret:
        """Integers of `owner` (None at every other party). |value| <= bound."""

    @abstractmethod
    def input_bits(
        self, owner: Party, values: NDArray[np.bool_] | None, shape: tuple[int, ...]
    ) -> SecretBits:
        """Bits of `owner` (None at every other party)."""

    @abstractmethod
    def weight(self, values: IntArray | None, shape: tuple[int, int, int]) -> Weight:
        """The server's matrices (None at every other party), |w| < p/4; local."""

    @abstractmethod
    def public(self, values: IntArray) -> Secret:
        """A constant that everybody knows, as a Secret; bound = max |values|; local."""

    @abstractmethod
    def reveal(self, x: Secret, to: Party | None) -> IntArray | None:
        """The signed integers of `x`, to one party or (None) to both; None at the others."""

    # --- local arithmetic ------------------------------------------------------------------------

    @abstractmethod
    def declare(self, x: Secret, bound: int) -> Secret:
        """State that |x| <= bound. The caller answers for it; the value is not changed."""

    @abstractmethod
    def add(self, x: Secret, y: Secret) -> Secret:
        """x + y, broadcasting."""

    @abstractmethod
    def subtract(self, x: Secret, y: Secret) -> Secret:
        """x - y, broadcasting."""

    @abstractmethod
    def add_public(self, x: Secret, c: int | IntArray) -> Secret:
        """x + c for a public c, broadcasting."""

    @abstractmethod
    def scale_public(self, x: Secret, c: int | IntArray) -> Secret:
        """x * c entry by entry for a public c, broadcasting."""

    @abstractmethod
    def sum(self, x: Secret, axis: int) -> Secret:
        """Sum along one axis, which disappears."""

    # --- products --------------------------------------------------------------------------------

    @abstractmethod
    def multiply(self, x: Secret, y: Secret) -> Secret:
        """x * y entry by entry, broadcasting.

        The product is below p/4 by its operands' bounds or by the caller's promise.
        """

    @abstractmethod
    def square(self, x: Secret) -> Secret:
        """x * x entry by entry."""

    @abstractmethod
    def matmul(self, x: Secret, y: Secret) -> Secret:
        """(batch, a, b) by (batch, b, c), both secret. |result| < p/4 is the caller's promise."""

    @abstractmethod
    def linear(self, x: Secret, w: Weight) -> Secret:
        """(batch, rows, d1) by the server's (batch, d1, d2): a matrix of its own per batch entry.

        |result| < p/4 is the caller's promise; the bound returned is the greatest allowed one.
        """

    # --- truncation ------------------------------------------------------------------------------

    @abstractmethod
    def truncate(self, x: Secret, bits: int, *, exact: bool | None = None) -> Secret:
        """floor(x / 2^bits), or the engine's approximate truncation.

        `exact` None takes the mode of the session; True gives the floor whatever the mode. Up to 27
        bits x is any value; for more, x >= -(p//4 rounded down to a multiple of 2^bits).
        """

    # --- bits ------------------------------------------------------------------------------------

    @abstractmethod
    def at_least(self, x: Secret, thresholds: Sequence[int]) -> SecretBits:
        """[x >= c] for each public threshold c: shape (len(thresholds), *x.shape)."""

    @abstractmethod
    def negative(self, x: Secret) -> SecretBits:
        """[x < 0]."""

    @abstractmethod
    def less(self, x: Secret, y: Secret) -> SecretBits:
        """[x < y], broadcasting."""

    @abstractmethod
    def equal(self, x: Secret, y: Secret) -> SecretBits:
        """[x = y], broadcasting."""

    @abstractmethod
    def logical_not(self, a: SecretBits) -> SecretBits:
        """1 - a; local."""

    @abstractmethod
    def logical_xor(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """a xor b, broadcasting; local."""

    @abstractmethod
    def logical_and(self, a: SecretBits, b: SecretBits) -> SecretBits:
        """a and b, broadcasting."""

    @abstractmethod
    def to_arithmetic(self, a: SecretBits) -> Secret:
        """The bit as the integer 0 or 1 (bound 1)."""

    @abstractmethod
    def select(self, a: SecretBits, x: Secret, y: Secret) -> Secret:
        """x where the bit is 1, else y; broadcasting."""

    @abstractmethod
    def keep_if(self, a: SecretBits, x: Secret) -> Secret:
        """x where the bit is 1, else 0; broadcasting. The bound is that of x."""

    # --- secret indices --------------------------------------------------------------------------

    @abstractmethod
    def one_hot(self, index: Secret, size: int) -> SecretBits:
        """[index = j] for j in 0..size-1, in a new last axis; 0 <= index < 256.

        An index of `size` or above gives all zeros.
        """

    @abstractmethod
    def lookup(self, index: Secret, tables: IntArray) -> Secret:
        """Public `tables` (count, size) at a secret index: shape (count, *index.shape).

        `size` is a power of two of at most 32 and 0 <= index < size.
        """

    @abstractmethod
    def maximum(self, x: Secret) -> Secret:
        """Greatest entry along the last axis, which disappears. Rounds fixed up to 256 entries."""

    @abstractmethod
    def argmax(self, x: Secret) -> Secret:
        """Index of the greatest entry along the last axis, the lowest among equals."""

    # --- scalar functions: exact integer functions, the same in both truncation modes ------------

    @abstractmethod
    def silu(self, x: Secret) -> Secret:
        """x * sigmoid(x), 13 fraction bits in and out, |x| < 2^23."""

    @abstractmethod
    def sigmoid(self, x: Secret) -> Secret:
        """1 / (1 + e^-x), 13 fraction bits in and out, |x| < 2^23."""

    @abstractmethod
    def exp(self, v: Secret) -> Secret:
        """2^-v for 0 <= v < 2^26: 13 fraction bits in, 20 out; 0 from v = 21 on."""

    @abstractmethod
    def reciprocal(self, s: Secret) -> Secret:
        """1 / s for s of 20 fraction bits in [2^19, 2^29): 16 fraction bits out."""

    @abstractmethod
    def rsqrt(self, s: Secret) -> tuple[Secret, Secret]:
        """(r, e) with 2^16 / sqrt(s) = r * 2^-k, e = 2^(20-k): see `cryptomoe_spec.rsqrt`.

        s in [1, 2^42); r has 16 fraction bits, in (2^15, 2^16]; k = floor(log4 s), 0..20.
        """
