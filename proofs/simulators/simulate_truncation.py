"""Simulators of truncation, exact and approximate, in the transfer- and comparison-hybrid model."""

import numpy as np
from views import Draws, View, Words, constant, less_own_wrap, minus, plus, shifted

from cryptomoe import field as fp
from cryptomoe.party import Party


def simulate_truncate(
    party: Party, share: Words, output: Words, randomness: Draws, *, bits: int
) -> View:
    """Exact truncation.

    A party gets three values: a share r of the wrap's product term modulo 2^bits, a share b of the
    carry, and a share s of the product term that turns b into an integer. In the hybrid model the
    three are uniform and independent of all inputs, for each is one of two additive shares whose
    mask is drawn afresh. Its output is s + b + (y - low(r)) / 2^bits plus a constant, y being the
    shifted input share, a bijection of s for every r and b. Hence given the output, r and b are
    still uniform and s is what the equation says. The other party's output is the quotient less
    this one, in both worlds.
    """
    shift = fp.P // 4 >> bits << bits
    own = shifted(party, share, shift)
    crossed = randomness.below(1 << bits, share.shape)
    carry = randomness.below(2, share.shape)
    low = (less_own_wrap(own, own, fp.P, 1 << bits) + crossed) & np.uint64((1 << bits) - 1)
    divided = fp.scale(minus(own, low), pow(1 << bits, -1, fp.P))
    product = minus(output, divided, carry)
    if party is Party.CLIENT:
        product = plus(product, constant(shift >> bits, product))
    return {
        "truncate/wrap/correlate": crossed,
        "truncate/less_than": carry,
        "truncate/bit/correlate": product,
    }


def simulate_approximate_truncate(
    party: Party, share: Words, output: Words, randomness: Draws, *, bits: int
) -> View:
    """Approximate truncation.

    Its functionality takes the corrupted party's whole share and gives the result that this share
    decides, re-shared; only so is the joint distribution with the other party's output right. The
    party gets one value, a uniform share of the wrap's product term, and its output is that share
    plus what it computes from its own input: a bijection, inverted here.
    """
    del randomness
    shift = fp.P // 4 >> bits << bits
    own = shifted(party, share, shift)
    reaches = (own >= np.uint64((fp.P + 1) // 2)).astype(np.uint64)
    wrap = reaches * np.uint64(fp.P >> bits)
    crossed = plus(minus(output, own >> np.uint64(bits)), wrap)
    if party is Party.CLIENT:
        crossed = plus(crossed, constant((shift >> bits) - 1, crossed))
    return {"truncate_approximately/wrap/correlate": crossed}
