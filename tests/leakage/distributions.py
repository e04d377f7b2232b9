"""Exact comparison of two distributions that are given by all their equally likely outcomes."""

from collections.abc import Mapping

import numpy as np
from tapes import Words


def rows(columns: Mapping[str, Words], entries: int) -> dict[str, Words]:
    """Arrays (..., entries) as named columns (entries,)."""
    named = {}
    for name, values in columns.items():
        for index, column in enumerate(values.reshape(-1, entries)):
            named[f"{name} {index}"] = column.astype(np.uint64)
    return named


def same_distribution(
    first: tuple[Mapping[str, Words], int], second: tuple[Mapping[str, Words], int]
) -> bool:
    """Whether both have every outcome with the same probability for each input.

    Each is (columns, tapes for an input); the column "input" says which input an outcome is for.
    """
    (left, left_tapes), (right, right_tapes) = first, second
    if set(left) != set(right):
        return False
    keys = np.zeros(left["input"].size + right["input"].size, np.uint64)
    range_ = 1
    for name in sorted(left):
        column = np.concatenate([left[name], right[name]])
        radix = int(column.max()) + 1
        if range_ * radix >= 1 << 63:
            # Ranks instead of numbers: as many as there are outcomes at most.
            keys = np.unique(keys, return_inverse=True)[1].astype(np.uint64)
            range_ = int(keys.max()) + 1
        keys = keys * np.uint64(radix) + column
        range_ *= radix
    assert range_ < 1 << 64
    size = left["input"].size
    left_keys, left_counts = np.unique(keys[:size], return_counts=True)
    right_keys, right_counts = np.unique(keys[size:], return_counts=True)
    return np.array_equal(left_keys, right_keys) and np.array_equal(
        left_counts * right_tapes, right_counts * left_tapes
    )
