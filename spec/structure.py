"""The black box, part 1: rearranging arrays, of integers or of bits alike.

None of these operations communicates, and shapes and indices are public.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray

Hidden = TypeVar("Hidden", IntArray, BitArray)


def reshape(x: Hidden, shape: tuple[int, ...]) -> Hidden:
    """`x` with another shape of the same size, C order; one entry may be -1."""
    # INPUTS x: any array.
    # FUNCTION
    return np.reshape(x, shape)
    # LEAKAGE nothing.
    # COST local.


def transpose(x: Hidden, axes: tuple[int, ...]) -> Hidden:
    """`x` with its axes permuted."""
    # INPUTS x: any array; axes: a permutation of its axes.
    # FUNCTION
    return np.transpose(x, axes)
    # LEAKAGE nothing.
    # COST local.


def take(x: Hidden, indices: IntArray, axis: int) -> Hidden:
    """Entries of `x` at public indices along `axis`; an index array replaces the axis."""
    # INPUTS x: any array; indices: public.
    # FUNCTION
    return np.take(x, indices, axis)
    # LEAKAGE nothing.
    # COST local.


def concatenate(xs: Sequence[Hidden], axis: int) -> Hidden:
    """`xs` joined along an existing axis."""
    # INPUTS xs: arrays of equal shapes but for `axis`.
    # FUNCTION
    return np.concatenate(list(xs), axis)
    # LEAKAGE nothing.
    # COST local.


def broadcast(x: Hidden, shape: tuple[int, ...]) -> Hidden:
    """`x` repeated to `shape` by numpy's broadcasting rules."""
    # INPUTS x: any array.
    # FUNCTION
    return np.broadcast_to(x, shape)
    # LEAKAGE nothing.
    # COST local.
