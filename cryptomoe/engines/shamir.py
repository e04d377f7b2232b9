"""Shamir's secret sharing in F_q, and shares of common pseudorandom numbers without a message.

Party i of m holds f(i + 1) for a polynomial f of degree at most t with f(0) the secret: any t
parties learn nothing, t + 1 know it. A product of two shares lies on a polynomial of degree 2t,
which 2t + 1 <= m parties bring back to degree t by sharing their shares anew (Gennaro, Rabin,
Rabin, PODC 1998).

For every set of m - t parties there is a key that exactly they know, so the complement of each set
of t parties is one set whose key the t do not know. Numbers drawn from all keys, each weighted by
the polynomial that is 1 at 0 and 0 at the parties outside the set, are shares of their sum
(Cramer, Damgard, Ishai, TCC 2005).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import combinations

import numpy as np

from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.wide_field import ELEMENT_BYTES, Limbs, Q
from cryptomoe.errors import UsageError
from cryptomoe.randomness import Stream, stream_key

_TOP = np.uint64((1 << 63) - 1)


def check_threshold(parties: int, threshold: int) -> None:
    """Refuse numbers of parties and thresholds that hide nothing or cannot multiply.

    Raises:
        UsageError: saying why.
    """
    if threshold < 1:
        raise UsageError(
            f"Shamir sharing among {parties} parties with threshold {threshold} hides nothing: "
            "every share would be the secret itself; three parties or more are needed, and with "
            "two the two-party engine is the one to use"
        )
    if 2 * threshold >= parties:
        raise UsageError(
            f"a threshold of {threshold} among {parties} parties is no honest majority: it must "
            "be below half of them"
        )


def default_threshold(parties: int) -> int:
    """The largest t < m / 2.

    Raises:
        UsageError: for fewer than three parties, where it would be 0.
    """
    threshold = (parties - 1) // 2
    check_threshold(parties, threshold)
    return threshold


def key_sets(parties: int, threshold: int) -> list[tuple[int, ...]]:
    """The sets of parties that have a key in common; its first member draws it."""
    return list(combinations(range(parties), parties - threshold))


def lagrange(points: Sequence[int], at: int) -> list[int]:
    """Coefficients of f(at) in the values of f at `points`, distinct modulo q."""
    coefficients = []
    for i in points:
        numerator, denominator = 1, 1
        for j in points:
            if i != j:
                numerator = numerator * (at - j) % Q
                denominator = denominator * (i - j) % Q
        coefficients.append(numerator * pow(denominator, -1, Q) % Q)
    return coefficients


def split(secrets: Limbs, parties: int, threshold: int, stream: Stream) -> list[Limbs]:
    """Fresh shares of secrets (n, 2), one array a party."""
    count = secrets.shape[0]
    drawn = uniform(stream.bytes(threshold * count * ELEMENT_BYTES))
    terms = np.concatenate([secrets[np.newaxis], drawn.reshape(threshold, count, 2)])
    return [
        fq.combine([(party + 1) ** power for power in range(threshold + 1)], terms)
        for party in range(parties)
    ]


def recombine(parties: Sequence[int], shares: Sequence[Limbs]) -> Limbs:
    """The secrets (n, 2) from the shares of as many parties as determine them."""
    points = [party + 1 for party in parties]
    return fq.combine(lagrange(points, 0), np.stack(shares))


def uniform(content: bytes) -> Limbs:
    """Elements from uniform bytes; q itself, which stands for 0, has probability 2^-127."""
    limbs = fq.from_bytes(content)
    limbs[:, 1] &= _TOP
    is_q = (limbs[:, 1] == _TOP) & (limbs[:, 0] == ~np.uint64(0))
    limbs[is_q] = 0
    return limbs


class CommonRandomness:
    """Party `index`'s shares of numbers that nobody has seen.

    `keys` has the key of every set that the party belongs to. A `number` is public, the same at all
    parties, and never used twice.
    """

    def __init__(
        self, parties: int, threshold: int, index: int, keys: Mapping[tuple[int, ...], bytes]
    ) -> None:
        self.parties = parties
        self.threshold = threshold
        self.index = index
        self._keys = {members: keys[members] for members in sorted(keys) if index in members}

    @cached_property
    def weights(self) -> list[int]:
        """For each of this party's sets: its polynomial's value here, 1 at 0, 0 outside the set."""
        at = self.index + 1
        weights = []
        for members in self._keys:
            outside = [party + 1 for party in range(self.parties) if party not in members]
            weights.append(lagrange([0, *outside], at)[0])
        return weights

    def elements(self, number: int, count: int) -> Limbs:
        """Shares (count, 2) of uniform elements, of degree t."""
        drawn = [uniform(content) for content in self._bytes("element", number, count)]
        return fq.combine(self.weights, np.stack(drawn))

    def masks(self, number: int, count: int, bits: int) -> Limbs:
        """(sets, count, 2): for each of this party's sets integers uniform below 2^bits.

        Weighted by `weights` they are shares of the sum over *all* sets, which exists as an
        integer below 2^bits times their number.
        """
        drawn = np.stack([fq.from_bytes(part) for part in self._bytes("mask", number, count)])
        drawn[..., 0] &= np.uint64((1 << min(bits, 64)) - 1)
        drawn[..., 1] &= np.uint64((1 << max(bits - 64, 0)) - 1)
        return drawn

    def zeros(self, number: int, count: int) -> Limbs:
        """Shares (count, 2) of 0 on uniform polynomials of degree 2t.

        Each set's polynomial of degree t is multiplied by one of degree t without constant term.
        """
        at, terms, coefficients = self.index + 1, [], []
        contents = self._bytes("zero", number, count * self.threshold)
        for weight, content in zip(self.weights, contents, strict=True):
            terms.append(uniform(content).reshape(self.threshold, count, 2))
            coefficients += [weight * at ** (j + 1) % Q for j in range(self.threshold)]
        return fq.combine(coefficients, np.concatenate(terms))

    def _bytes(self, purpose: str, number: int, count: int) -> list[bytes]:
        return [
            Stream(stream_key(key, f"{purpose} {number}")).bytes(count * ELEMENT_BYTES)
            for key in self._keys.values()
        ]
