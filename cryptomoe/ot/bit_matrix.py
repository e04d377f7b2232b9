"""Bit matrices of 128 rows, transposed: streams of pseudorandom bits become rows of correlations.

The matrix is handled in stretches of columns that stay in a core's cache.
"""

from collections.abc import Iterator

import numpy as np

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words

HEIGHT = 128
STRETCH_WORDS = 128
_TILE = 32


def stretches(words: int) -> Iterator[slice]:
    """A matrix of `words` columns of 64 bits, in parts that stay in a core's cache."""
    for start in range(0, words, STRETCH_WORDS):
        yield slice(start, min(words, start + STRETCH_WORDS))


@kernel
def transpose(rows: Words, columns: Words) -> None:
    """A bit matrix (128, n) as words (128, n / 64) to its transpose (n, 128) as words (n, 2)."""
    tile = np.zeros((HEIGHT, _TILE), np.uint64)
    for start in range(0, rows.shape[1], _TILE):
        used = min(_TILE, rows.shape[1] - start)
        for i in range(HEIGHT):
            for j in range(used):
                tile[i, j] = rows[i, start + j]
        width, mask = 32, np.uint64(0x00000000FFFFFFFF)
        while width:
            _swap_halves(tile, width, mask)
            width >>= 1
            mask ^= mask << np.uint64(width)
        for j in range(used):
            for i in range(64):
                columns[64 * (start + j) + i, 0] = tile[i, j]
                columns[64 * (start + j) + i, 1] = tile[64 + i, j]


@kernel
def _swap_halves(tile: Words, width: int, mask: np.uint64) -> None:
    """Swap the off-diagonal quarters of squares of 2 * `width` bits, in every column of words."""
    shift = np.uint64(width)
    for top in range(0, HEIGHT, 2 * width):
        for i in range(top, top + width):
            for j in range(_TILE):
                low, high = tile[i, j], tile[i + width, j]
                swapped = ((low >> shift) ^ high) & mask
                tile[i, j] = low ^ (swapped << shift)
                tile[i + width, j] = high ^ swapped
