"""Strategies for integer arrays, with extremes and repeated entries more often than chance."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray


def integers(shape: tuple[int, ...], low: int, high: int) -> st.SearchStrategy[NDArray[np.int64]]:
    """Arrays of integers in [low, high]."""
    return arrays(np.int64, shape, elements=st.integers(low, high))


def bits(shape: tuple[int, ...]) -> st.SearchStrategy[NDArray[np.bool_]]:
    """Arrays of bits."""
    return arrays(np.bool_, shape)


def activations(shape: tuple[int, ...], size: float = 1.0) -> st.SearchStrategy[NDArray[np.int64]]:
    """Normal numbers of standard deviation `size`, 13 fraction bits."""

    def draw(seed: int) -> NDArray[np.int64]:
        return np.rint(np.random.default_rng(seed).normal(0, size * 8192, shape)).astype(np.int64)

    return st.integers(0, 2**32).map(draw)
