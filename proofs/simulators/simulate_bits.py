"""Simulators of logic on bits and of choosing by them, in the transfer-hybrid model.

A party gets one fresh share from the functionality below, and its output is that share plus what it
computes from its own input shares: a bijection, which each simulator inverts.
"""

from views import Draws, View, Words, minus, plus

from cryptomoe import field as fp
from cryptomoe.party import Party


def simulate_logical_and(
    party: Party, a: Words, b: Words, output: Words, randomness: Draws
) -> View:
    """A and b: the share that came is the output share."""
    del party, a, b, randomness
    return {"and/and_bits": output}


def simulate_to_arithmetic(party: Party, bit: Words, output: Words, randomness: Draws) -> View:
    """b_0 + b_1 - 2 b_0 b_1: what came is the output less the own bit."""
    del party, randomness
    return {"to_arithmetic/bit/correlate": minus(output, bit)}


def simulate_keep_if(party: Party, bit: Words, x: Words, output: Words, randomness: Draws) -> View:
    """B x: what came is the output less the product of the own shares."""
    del party, randomness
    return {"keep_if/correlate": minus(output, fp.multiply(bit, x))}


def simulate_select(
    party: Party, bit: Words, x: Words, y: Words, output: Words, randomness: Draws
) -> View:
    """Y + b (x - y), the sum being local."""
    del party, randomness
    kept = fp.multiply(bit, minus(x, y))
    return {"keep_if/correlate": minus(output, plus(y, kept))}
