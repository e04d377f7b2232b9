"""The black box, part 4: comparisons, logic on secret bits, and choosing by them."""

from collections.abc import Sequence

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray


def at_least(x: IntArray, thresholds: Sequence[int]) -> BitArray:
    """[x >= c] for each public threshold c: shape (len(thresholds), *x.shape)."""
    # INPUTS x: secret; thresholds: public.
    # FUNCTION
    return np.stack([x >= c for c in thresholds])
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to size, thresholds and bit length of the bound.


def negative(x: IntArray) -> BitArray:
    """[x < 0]."""
    # INPUTS x: secret.
    # FUNCTION
    return x < 0
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to size and bit length of the bound.


def less(x: IntArray, y: IntArray) -> BitArray:
    """[x < y], broadcasting."""
    # INPUTS x, y: secret.
    # FUNCTION
    return x < y
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to size and bit length of the bounds.


def equal(x: IntArray, y: IntArray) -> BitArray:
    """[x = y], broadcasting."""
    # INPUTS x, y: secret.
    # FUNCTION
    return np.asarray(x == y)
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to size and bit length of the bounds.


def logical_not(a: BitArray) -> BitArray:
    """1 - a."""
    # INPUTS a: secret bits.
    # FUNCTION
    return ~a
    # LEAKAGE nothing.
    # COST local.


def logical_xor(a: BitArray, b: BitArray) -> BitArray:
    """a xor b, broadcasting."""
    # INPUTS a, b: secret bits.
    # FUNCTION
    return a ^ b
    # LEAKAGE nothing.
    # COST local.


def logical_and(a: BitArray, b: BitArray) -> BitArray:
    """a and b, broadcasting."""
    # INPUTS a, b: secret bits.
    # FUNCTION
    return a & b
    # LEAKAGE nothing.
    # COST one round; a few bits an entry.


def to_arithmetic(a: BitArray) -> IntArray:
    """The bit as the integer 0 or 1."""
    # INPUTS a: secret bits.
    # FUNCTION
    return a.astype(np.int64)
    # LEAKAGE nothing.
    # COST one round; one field element an entry.


def select(a: BitArray, x: IntArray, y: IntArray) -> IntArray:
    """x where the bit is 1, else y; broadcasting."""
    # INPUTS a: secret bits; x, y: secret.
    # FUNCTION
    return np.where(a, x, y)
    # LEAKAGE nothing.
    # COST one round; two field elements an entry.


def keep_if(a: BitArray, x: IntArray) -> IntArray:
    """x where the bit is 1, else 0; broadcasting."""
    # INPUTS a: secret bits; x: secret.
    # FUNCTION
    return np.where(a, x, np.int64(0))
    # LEAKAGE nothing.
    # COST one round; two field elements an entry.
