"""What a simulator is given, what it makes, and the local steps that it shares with a party.

A view is a dictionary: the name of every value that a party draws itself or gets from the ideal
functionalities of a hybrid model or from its peer, and the value, with the entries in the last
axis. A simulator makes one from the party's input share, its output share and uniform choices. The
local steps are written once more here, from the formulas, and work modulo whatever `field.P` is, so
that a test may enumerate a small field.
"""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.party import Party

Words: TypeAlias = NDArray[np.uint64]
View: TypeAlias = dict[str, Words]


class Draws(Protocol):
    """The simulator's own randomness."""

    def below(self, modulus: int, shape: tuple[int, ...]) -> Words:
        """Uniform integers below `modulus`."""
        ...


def plus(*terms: Words) -> Words:
    """The sum modulo p."""
    total = terms[0]
    for term in terms[1:]:
        total = fp.add(total, term)
    return total


def minus(x: Words, *terms: Words) -> Words:
    """x less all the others, modulo p."""
    for term in terms:
        x = fp.subtract(x, term)
    return x


def constant(value: int, like: Words) -> Words:
    """A residue, repeated."""
    return np.full(like.shape, value % fp.P, np.uint64)


def shifted(party: Party, share: Words, shift: int) -> Words:
    """The share of x + shift: the client adds."""
    return plus(share, constant(shift, share)) if party is Party.CLIENT else share


def less_own_wrap(share: Words, values: Words, wrap: int, modulus: int) -> Words:
    """`values` less the wrap that this share alone is sure of; modulo a power of two."""
    reaches = (share >= np.uint64((fp.P + 1) // 2)).astype(np.uint64)
    return (values - reaches * np.uint64(wrap)) & np.uint64(modulus - 1)


def lifted(party: Party, share: Words, crossed: Words, bits: int) -> Words:
    """The share modulo 2^bits of the signed x, given the share of the wrap's product term."""
    limit = fp.P // 4
    own = shifted(party, share, limit)
    low = less_own_wrap(own, own, fp.P, 1 << bits) + crossed
    if party is Party.CLIENT:
        low = low - np.uint64(limit)
    return low & np.uint64((1 << bits) - 1)


def flipped(party: Party, bits: Words) -> Words:
    """Negation of a shared bit: the client flips."""
    return bits ^ np.uint64(party is Party.CLIENT)
