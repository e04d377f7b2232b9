"""Roots of unity for the negacyclic transform modulo X^N + 1.

The root of a prime is the smallest of its primitive 2N-th roots of unity, and tables run in
bit-reversed order: Microsoft SEAL's choices, so that transformed polynomials mean the same in both
backends. Position k of a transform holds the value at root^(2 reversed(k) + 1).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cryptomoe.field import FieldArray

Positions = NDArray[np.int64]


def smallest_root(modulus: int, degree: int) -> int:
    """The smallest primitive 2N-th root of unity modulo a prime that is 1 modulo 2N."""
    exponent = (modulus - 1) // (2 * degree)
    base = 2
    while pow(base, exponent * degree, modulus) != modulus - 1:
        base += 1
    root = pow(base, exponent, modulus)
    square = root * root % modulus
    smallest = root
    for _ in range(degree - 1):
        root = root * square % modulus
        smallest = min(smallest, root)
    return smallest


@lru_cache(maxsize=8)
def bit_reversed(degree: int) -> Positions:
    """The integers below N, each with its log2(N) bits in reverse."""
    bits = degree.bit_length() - 1
    numbers = np.arange(degree)
    return sum(((numbers >> i) & 1) << (bits - 1 - i) for i in range(bits)) + np.zeros(
        degree, np.int64
    )


def root_powers(root: int, modulus: int, degree: int) -> FieldArray:
    """Powers 0 to N - 1 of the root, in bit-reversed order."""
    powers = [1] * degree
    for i in range(1, degree):
        powers[i] = powers[i - 1] * root % modulus
    return np.array(powers, np.uint64)[bit_reversed(degree)]


@lru_cache(maxsize=64)
def rotated_positions(degree: int, element: int) -> Positions:
    """Where X -> X^element takes a transform's values: new[k] = old[rotated_positions[k]]."""
    exponents = 2 * bit_reversed(degree) + 1
    return bit_reversed(degree)[(exponents * element % (2 * degree) - 1) // 2]


@lru_cache(maxsize=8)
def slot_positions(degree: int) -> Positions:
    """The position in a transform modulo p of each of N slots.

    Slot i of the first half-row is the value at root^(3^i), slot i of the second at its inverse.
    """
    powers = np.array([pow(3, i, 2 * degree) for i in range(degree // 2)])
    exponents = np.concatenate([powers, 2 * degree - powers])
    return bit_reversed(degree)[(exponents - 1) // 2]
