"""All random tapes at once: every draw of a run becomes one digit of the number of the tape.

The operations are entry-wise, so one run on long arrays is a run on every tape: entry i has the
input i // tapes and the tape i % tapes. A first run on a single entry finds out what is drawn; the
radices found then give every entry its symbols. A spoiled tape is what a broken protocol would
draw: constant, too small a range, or the same as another draw.
"""

from dataclasses import dataclass, field
from math import prod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]
Draw: TypeAlias = tuple[str, int]
"""Who draws, and how many of its draws came before."""

SPOILS = ("left out", "constant", "smaller", "reused")


@dataclass
class Tape:
    """Symbols for `inputs` times all tapes; without `radices`, zeros, and the radices are noted.

    `spoil` names one draw and what is wrong with it. Draws are numbered by who makes them, so that
    two parties may draw at once.
    """

    inputs: int = 1
    radices: dict[Draw, int] | None = None
    spoil: tuple[Draw, str] | None = None
    found: dict[Draw, int] = field(default_factory=dict)
    _made: dict[str, int] = field(default_factory=dict)

    @property
    def tapes(self) -> int:
        """How many tapes there are."""
        return prod((self.radices or {}).values())

    @property
    def entries(self) -> int:
        """Length of every array of a run."""
        return self.inputs * self.tapes

    def draw(self, who: str, radix: int, count: int, inner: int = 1) -> Words:
        """`count` symbols below `radix`: of shape (outer, entries, inner), flat."""
        each = count // self.entries
        symbols = np.stack([self._one(who, radix) for _ in range(each)])
        return symbols.reshape(each // inner, inner, -1).transpose(0, 2, 1).reshape(-1)

    def _one(self, who: str, radix: int) -> Words:
        draw = (who, self._made.get(who, 0))
        self._made[who] = draw[1] + 1
        self.found[draw] = radix
        if self.radices is None:
            return np.zeros(1, np.uint64)
        if self.spoil is not None and self.spoil[0] == draw:
            return self._spoiled(draw, self.spoil[1])
        return self._symbols(draw)

    def _symbols(self, draw: Draw) -> Words:
        assert self.radices is not None
        order = sorted(self.radices)
        stride = prod(self.radices[other] for other in order[order.index(draw) + 1 :])
        tape = np.arange(self.entries, dtype=np.uint64) % np.uint64(self.tapes)
        return tape // np.uint64(stride) % np.uint64(self.radices[draw])

    def _spoiled(self, draw: Draw, how: str) -> Words:
        assert self.radices is not None
        radix = np.uint64(self.radices[draw])
        if how == "left out":
            return np.zeros(self.entries, np.uint64)
        if how == "constant":
            return np.full(self.entries, radix - np.uint64(1), np.uint64)
        if how == "smaller":
            return self._symbols(draw) * (radix // np.uint64(2)) // radix
        order = sorted(self.radices)
        return self._symbols(order[order.index(draw) - 1]) % radix


@dataclass
class Uniform:
    """A simulator's or a functionality's draws from a tape."""

    tape: Tape
    who: str

    def below(self, modulus: int, shape: tuple[int, ...]) -> Words:
        """Uniform integers below `modulus`, the entries in the last axis."""
        return self.tape.draw(self.who, modulus, int(np.prod(shape))).reshape(shape)
