"""Arrays that begin at a cache line, so that no 512-bit load or store touches two of them."""

import math

import numpy as np
from numpy.typing import NDArray

_LINE = 64


class Scratch:
    """Memory that is used again: touching fresh memory costs as much as computing on it."""

    def __init__(self) -> None:
        self._room: NDArray[np.uint32] = empty((0,))

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint32]:
        """An array of 32-bit words; the one before it is gone."""
        size = math.prod(shape)
        if size > self._room.size:
            self._room = empty((size,))
        return self._room[:size].reshape(shape)


def empty(shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """As np.empty, of 32-bit words; numpy itself aligns to 16 bytes."""
    size = 4 * math.prod(shape)
    room = np.empty(size + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].view(np.uint32).reshape(shape)
