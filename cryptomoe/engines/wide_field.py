"""Arithmetic in F_q, q = 2^127 - 1, on whole numpy arrays: the field of Shamir shares.

An integer below 2^46 masked by one of 116 bits still stands for itself in this field, which is what
comparisons by masked opening need. q is a Mersenne prime, so reduction is a shift and an addition,
and q = 3 mod 4, so a power gives the inverse of a square root.

An element is two uint64, the low half first, always below q; an array of elements (..., n) is an
array of limbs (..., n, 2). Values are secret: nothing here branches on them.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from cryptomoe.field import IntArray
from cryptomoe.kernel_cache import kernel

Q = (1 << 127) - 1
ELEMENT_BYTES = 16

Limbs = NDArray[np.uint64]

_LOW = (1 << 64) - 1
_TOP = np.uint64((1 << 63) - 1)
_ALL = np.uint64(_LOW)
_AT_ONCE = 8


def from_integers(values: NDArray[Any]) -> Limbs:
    """Python integers (n,), reduced modulo q, to limbs (n, 2)."""
    packed = b"".join([(value % Q).to_bytes(ELEMENT_BYTES, "little") for value in values.tolist()])
    return from_bytes(packed)


def to_integers(limbs: Limbs) -> NDArray[Any]:
    """Limbs (n, 2) to an object array (n,) of Python integers in [0, q)."""
    low, high = limbs[..., 0].tolist(), limbs[..., 1].tolist()
    integers = np.empty(len(low), object)
    integers[:] = [a | b << 64 for a, b in zip(low, high, strict=True)]
    return integers


def from_signed(values: IntArray) -> Limbs:
    """Signed 64-bit integers (n,), above -2^63, to limbs (n, 2)."""
    negative = values < 0
    size = np.abs(values).astype(np.uint64)
    zero = np.zeros(size.shape, np.uint64)
    return np.stack([np.where(negative, ~size, size), np.where(negative, _TOP, zero)], axis=-1)


def to_signed(limbs: Limbs) -> IntArray:
    """The integers in (-q/2, q/2) that limbs (..., 2) stand for, modulo 2^64 if they are larger."""
    negative = limbs[..., 1] >> np.uint64(62)
    return (limbs[..., 0] + negative).view(np.int64)


def from_bytes(content: bytes) -> Limbs:
    """Elements of 16 bytes each, little-endian, to limbs (n, 2); not checked to be below q."""
    return np.frombuffer(content, "<u8").astype(np.uint64).reshape(-1, 2)


def to_bytes(limbs: Limbs) -> bytes:
    """Limbs (n, 2) to 16 bytes an element, little-endian."""
    return np.ascontiguousarray(limbs).astype("<u8", copy=False).tobytes()


def are_elements(limbs: Limbs) -> bool:
    """Whether all limbs stand for integers below q."""
    low, high = limbs[..., 0], limbs[..., 1]
    return bool(np.all((high < _TOP) | ((high == _TOP) & (low < _ALL))))


def shift_right(limbs: Limbs, bits: int) -> Limbs:
    """floor(x / 2^bits) of the integers in [0, q), for 1 to 63 bits."""
    low, high = limbs[..., 0], limbs[..., 1]
    carried = high << np.uint64(64 - bits)
    return np.stack([(low >> np.uint64(bits)) | carried, high >> np.uint64(bits)], axis=-1)


def constant(value: int) -> Limbs:
    """One element (1, 2)."""
    return from_bytes((value % Q).to_bytes(ELEMENT_BYTES, "little"))


def multiply(x: Limbs, y: Limbs) -> Limbs:
    """x * y entry by entry; one of the two may have a single entry."""
    x, y = np.broadcast_arrays(x, y)
    left, right = (np.ascontiguousarray(z).reshape(-1, 2) for z in (x, y))
    result = np.empty_like(left)
    _multiply(left, right, result)
    return result.reshape(x.shape)


def add(x: Limbs, y: Limbs) -> Limbs:
    """x + y entry by entry; one of the two may have a single entry."""
    return combine([1, 1], np.stack(np.broadcast_arrays(x, y)))


def subtract(x: Limbs, y: Limbs) -> Limbs:
    """x - y entry by entry; one of the two may have a single entry."""
    return combine([1, -1], np.stack(np.broadcast_arrays(x, y)))


def combine(coefficients: list[int], terms: Limbs) -> Limbs:
    """The sum of coefficients[k] * terms[k]: (count, ..., 2) to (..., 2)."""
    factors = from_integers(np.array(coefficients, object))
    flat = np.ascontiguousarray(terms).reshape(len(coefficients), -1, 2)
    result = np.empty(flat.shape[1:], np.uint64)
    _combine(factors, flat, result)
    return result.reshape(terms.shape[1:])


def inverse_root(x: Limbs) -> Limbs:
    """1 / sqrt(x) of non-zero squares (n, 2), one of the two; 0 for 0."""
    result = np.empty_like(x)
    _inverse_root(np.ascontiguousarray(x), result)
    return result


def _upper_half_of_product() -> Any:
    """An intrinsic: the upper 64 bits of the product of two unsigned words."""

    @intrinsic
    def high_product(_context: Any, x: Any, y: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            wide = ir.IntType(128)
            left, right = (builder.zext(argument, wide) for argument in arguments)
            product = builder.lshr(builder.mul(left, right), ir.Constant(wide, 64))
            return builder.trunc(product, ir.IntType(64))

        return types.uint64(x, y), generate

    return high_product


_high_product = _upper_half_of_product()


@kernel(inline="always")
def _reduced(low: np.uint64, high: np.uint64, above: np.uint64) -> tuple[np.uint64, np.uint64]:
    """low + 2^64 high + 2^128 above modulo q, for a small `above`."""
    top = np.uint64(0x7FFFFFFFFFFFFFFF)
    fold = (above << np.uint64(1)) + (high >> np.uint64(63))
    high &= top
    low += fold
    high += np.uint64(low < fold)
    fold = high >> np.uint64(63)
    high &= top
    low += fold
    is_q = np.uint64(high == top) & np.uint64(low == np.uint64(0xFFFFFFFFFFFFFFFF))
    keep = np.uint64(1) - is_q
    return low * keep, high * keep


@kernel(inline="always")
def _product(
    x0: np.uint64, x1: np.uint64, y0: np.uint64, y1: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """x * y: schoolbook, the part from 2^128 on counted twice."""
    low, carried = x0 * y0, _high_product(x0, y0)
    cross = x0 * y1
    middle = cross + x1 * y0
    middle_high = _high_product(x0, y1) + _high_product(x1, y0) + np.uint64(middle < cross)
    upper = x1 * y1 + middle_high
    upper_high = _high_product(x1, y1) + np.uint64(upper < middle_high)
    doubled = upper << np.uint64(1)
    doubled_high = (upper_high << np.uint64(1)) | (upper >> np.uint64(63))
    high = carried + middle
    above = np.uint64(high < carried)
    low += doubled
    carry = np.uint64(low < doubled)
    high += doubled_high
    above += np.uint64(high < doubled_high)
    high += carry
    above += np.uint64(high < carry)
    return _reduced(low, high, above)


@kernel
def _multiply(x: Limbs, y: Limbs, result: Limbs) -> None:
    for i in range(x.shape[0]):
        result[i, 0], result[i, 1] = _product(x[i, 0], x[i, 1], y[i, 0], y[i, 1])


@kernel
def _combine(factors: Limbs, terms: Limbs, result: Limbs) -> None:
    for i in range(terms.shape[1]):
        low, high = np.uint64(0), np.uint64(0)
        for k in range(terms.shape[0]):
            a, b = _product(factors[k, 0], factors[k, 1], terms[k, i, 0], terms[k, i, 1])
            low += a
            carry = np.uint64(low < a)
            # Both high halves are below 2^63.
            low, high = _reduced(low, high + b + carry, np.uint64(0))
        result[i, 0], result[i, 1] = low, high


@kernel
def _inverse_root(x: Limbs, result: Limbs) -> None:
    """x^(2^125 - 1), from x^(2^k - 1) for doubling k; several entries at once, to fill the core."""
    base = np.zeros((_AT_ONCE, 2), np.uint64)
    power = np.zeros((_AT_ONCE, 2), np.uint64)
    before = np.zeros((_AT_ONCE, 2), np.uint64)
    for start in range(0, x.shape[0], _AT_ONCE):
        count = min(_AT_ONCE, x.shape[0] - start)
        base[:count] = x[start : start + count]
        power[:] = base
        length = 1
        for bit in (1, 1, 1, 1, 0, 1):
            before[:] = power
            for _ in range(length):
                for i in range(_AT_ONCE):
                    low, high = power[i, 0], power[i, 1]
                    power[i, 0], power[i, 1] = _product(low, high, low, high)
            for i in range(_AT_ONCE):
                low, high = _product(power[i, 0], power[i, 1], before[i, 0], before[i, 1])
                if bit:
                    low, high = _product(low, high, low, high)
                    low, high = _product(low, high, base[i, 0], base[i, 1])
                power[i, 0], power[i, 1] = low, high
            length = 2 * length + bit
        result[start : start + count] = power[:count]
