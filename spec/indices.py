"""The black box, part 5: secret indices. No index is ever opened."""

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray, require_between


def one_hot(index: IntArray, size: int) -> BitArray:
    """[index = j] for j in 0..size-1, in a new last axis; all zeros for an index beyond `size`."""
    # INPUTS index: secret, 0..255; size: public.
    require_between(index, 0, 255, "one_hot")
    # FUNCTION
    return np.asarray(index[..., np.newaxis] == np.arange(size))
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to the number of indices times `size`.


def lookup(index: IntArray, tables: IntArray) -> IntArray:
    """Public `tables` (count, size) at a secret index: shape (count, *index.shape)."""
    # INPUTS index: secret, 0 <= index < size; size: a power of two of at most 32.
    require_between(index, 0, tables.shape[1] - 1, "lookup")
    # FUNCTION
    return np.asarray(np.take(tables, index, axis=1))
    # LEAKAGE nothing.
    # COST constant rounds; bytes proportional to the number of indices times `size` times `count`.


def maximum(x: IntArray) -> IntArray:
    """Greatest entry along the last axis, which disappears."""
    # INPUTS x: secret.
    # FUNCTION
    return np.asarray(np.max(x, axis=-1))
    # LEAKAGE nothing.
    # COST a tree of comparisons, of fixed height up to 256 entries.


def argmax(x: IntArray) -> IntArray:
    """Index of the greatest entry along the last axis, the lowest among equals."""
    # INPUTS x: secret.
    # FUNCTION
    return np.asarray(np.argmax(x, axis=-1), np.int64)
    # LEAKAGE nothing.
    # COST a tree of comparisons whose height follows from the public length.
