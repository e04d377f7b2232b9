"""Simulators of what compares lifted values, in the transfer- and comparison-hybrid model.

One argument serves all of them. A party gets a share r of the wrap's product term, uniform modulo
2^L and independent of all inputs; with it, its lifted share is fixed. It then gets a share of the
outcome of one ideal comparison for each output bit, uniform again, and its output bit is that share
xor a bit of its lifted share. So r stays uniform given the output, and the share of the outcome
follows from both.
"""

from collections.abc import Sequence

import numpy as np
from views import Draws, View, Words, flipped, lifted, minus

from cryptomoe.party import Party


def _top(share: Words, bits: int) -> Words:
    return share >> np.uint64(bits - 1)


def simulate_negative(
    party: Party, share: Words, output: Words, randomness: Draws, *, bound: int
) -> View:
    """[x < 0]: the outcome's share is the output xor the top bit of the lifted share."""
    bits = bound.bit_length() + 1
    crossed = randomness.below(1 << bits, share.shape)
    top = _top(lifted(party, share, crossed, bits), bits)
    return {"negative/wrap/correlate": crossed, "negative/less_than": output ^ top}


def simulate_at_least(
    party: Party,
    share: Words,
    output: Words,
    randomness: Draws,
    *,
    bound: int,
    thresholds: Sequence[int],
) -> View:
    """[x >= c] for every c; output (thresholds, n). One lift, then an outcome for each.

    The outcomes are shared independently, so they can be solved for one by one.
    """
    bits = (bound + max(abs(threshold) for threshold in thresholds)).bit_length() + 1
    crossed = randomness.below(1 << bits, share.shape)
    own = lifted(party, share, crossed, bits)
    column = np.array(thresholds, np.int64).astype(np.uint64)[:, np.newaxis]
    if party is Party.SERVER:
        column = np.zeros_like(column)
    differences = (own - column) & np.uint64((1 << bits) - 1)
    below = flipped(party, output) ^ _top(differences, bits)
    return {"at_least/wrap/correlate": crossed, "at_least/less_than": below}


def simulate_less(
    party: Party, x: Words, y: Words, output: Words, randomness: Draws, *, bound: int
) -> View:
    """[x < y] is the sign of the difference, whose share is local; `bound` is of the difference."""
    return simulate_negative(party, minus(x, y), output, randomness, bound=bound)


def simulate_equal(
    party: Party, x: Words, y: Words, output: Words, randomness: Draws, *, bound: int
) -> View:
    """[x = y]: the outcome's share is the output itself; `bound` is of the difference."""
    del party, y
    crossed = randomness.below(1 << bound.bit_length() + 1, x.shape)
    return {"equal/wrap/correlate": crossed, "equal/equal": output}
