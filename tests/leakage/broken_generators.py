"""Generators of one purpose, broken at both parties: what hides a value is missing or small."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from tapes import Words

from cryptomoe.field import P
from cryptomoe.randomness import Randomness, Stream


def zeros(values: Words, _modulus: int) -> Words:
    """A mask left out."""
    return np.zeros_like(values)


def constant(values: Words, modulus: int) -> Words:
    """One mask for all."""
    return np.full_like(values, modulus - 1)


def half_range(values: Words, _modulus: int) -> Words:
    """Below half the range."""
    return values >> np.uint64(1)


def used_twice(values: Words, _modulus: int) -> Words:
    """The second half of the masks repeats the first."""
    flat = values.reshape(-1).copy()
    half = flat.size // 2
    flat[half : 2 * half] = flat[:half]
    return flat.reshape(values.shape)


@contextmanager
def spoiled(purpose: str, how: Callable[[Words, int], Words]) -> Iterator[None]:
    """The generators of one purpose are broken, at both parties."""
    right = Randomness.stream

    class Spoiled(Stream):
        def __init__(self, stream: Stream) -> None:
            self._right = stream

        def ring(self, shape: tuple[int, ...], bits: int) -> Words:
            return how(self._right.ring(shape, bits), 1 << bits)

        def field(self, shape: tuple[int, ...]) -> Words:
            return how(self._right.field(shape), P)

        def bits(self, count: int) -> Any:
            return how(self._right.bits(count).astype(np.uint64), 2).astype(np.uint8)

    def stream(randomness: Randomness, asked: str) -> Stream:
        drawn = right(randomness, asked)
        return Spoiled(drawn) if asked == purpose else drawn

    with patch.object(Randomness, "stream", stream):
        yield
