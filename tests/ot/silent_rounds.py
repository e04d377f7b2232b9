"""Rounds of silent transfers between two ends in one thread, and what they drew and reused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from extension_pair import SALT, Ends

from cryptomoe.ot import ferret
from cryptomoe.ot.aes import Words, key_of
from cryptomoe.ot.ferret import FerretReceiver, FerretSender
from cryptomoe.ot.lpn import STANDARD, PublicMatrix
from cryptomoe.ot.pads import delta_words


class Watched:
    """Rounds made, and everything about them that must not come twice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seed: int = 1) -> None:
        self.roots: list[bytes] = []
        self.keys: list[bytes] = []
        self.places: list[Words] = []
        self.openings: list[bytes] = []
        self.matrix_rows: list[tuple[int, int]] = []
        self.given: list[Words] = []
        self._watch(monkeypatch)
        ends = Ends(seed)
        rng = np.random.default_rng(seed)
        rows = rng.integers(0, 2**64, (STANDARD.reserve, 2), dtype=np.uint64)
        bits = rng.integers(0, 2, STANDARD.reserve, dtype=np.uint8)
        self.delta = delta_words(ends.delta)
        roots = ends.randomness.stream("roots of correlated trees")
        self.sender = FerretSender(STANDARD, SALT, self.delta, roots, rows)
        own = rows ^ self.delta * bits[:, np.newaxis].astype(np.uint64)
        self.receiver = FerretReceiver(STANDARD, SALT, own, bits)

    def _watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        grow: Callable[..., Any] = ferret.grow
        grow_punctured: Callable[..., Any] = ferret.grow_punctured
        encode: Callable[..., Any] = PublicMatrix.encode

        def grown(space: Any, roots: Words, delta: Words, key: Words, leaves: Words) -> Words:
            self.roots += [root.tobytes() for root in roots]
            self.keys.append(key_of(key))
            return grow(space, roots, delta, key, leaves)

        def punctured(space: Any, opened: Words, bits: Words, key: Words, leaves: Words) -> Words:
            places: Words = grow_punctured(space, opened, bits, key, leaves)
            self.places.append(places.copy())
            return places

        def encoded(matrix: PublicMatrix, leaves: Words, first: int, table: Words) -> Words:
            self.matrix_rows.append((first, first + len(leaves)))
            return encode(matrix, leaves, first, table)

        monkeypatch.setattr(ferret, "grow", grown)
        monkeypatch.setattr(ferret, "grow_punctured", punctured)
        monkeypatch.setattr(PublicMatrix, "encode", encoded)

    def run(self, rounds: int, taken: int = 1000) -> None:
        """Make rounds one by one, take some transfers after each, and check their relation."""
        for _ in range(rounds):
            message = self.sender.offer(1)
            self.openings.append(message)
            self.receiver.accept(message, 1)
            sent = self.sender.take(taken)
            got, bits = self.receiver.take(taken)
            assert np.array_equal(sent, got ^ self.delta * bits[:, np.newaxis].astype(np.uint64))
            self.given.append(got)
