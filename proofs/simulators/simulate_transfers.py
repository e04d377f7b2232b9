"""Simulators of transfers and of the comparison tree, in the random-transfer-hybrid model.

The functionality below gives the sender two uniform pads for every transfer and the receiver the
one it chose: what the extension and its hash realise, for a correlation-robust hash. A sender's
view is its pads; a receiver's is its chosen pads and a message under pads it did not choose. Pads
are given as the bits of them that are used, as one integer for each transfer; entries are last.
"""

from functools import reduce

import numpy as np
from views import Draws, View, Words

from cryptomoe.party import Party


def _pads(sender: Party, call: int, kind: str) -> str:
    return f"pads of {sender.name.lower()}/{call} {kind}"


def _modulo(value: Words, modulus: int) -> Words:
    """Differences are made non-negative before this by adding the modulus."""
    return value % np.uint64(modulus)


def _xor(parts: Words) -> Words:
    return reduce(np.bitwise_xor, parts)


def simulate_correlate_one_way(
    party: Party, own: Words, output: Words, randomness: Draws, *, sender: Party, modulus: int
) -> View:
    """Shares of v c modulo p or a power of two; `own` is v at the sender and c at the receiver.

    The sender's output is the negative of its first pad; its second pad is independent of all. The
    receiver's message is under the pad it did not choose, hence uniform and independent of the pad
    it has; its output is that pad plus c times the message, a bijection of the pad.
    """
    if party is sender:
        zero = _modulo(np.uint64(modulus) - output, modulus)
        one = randomness.below(modulus, output.shape)
        return {_pads(sender, 0, "zero"): zero, _pads(sender, 0, "one"): one}
    corrections = randomness.below(modulus, output.shape)
    pad = _modulo(output + np.uint64(modulus) - own * corrections % np.uint64(modulus), modulus)
    return {_pads(sender, 0, "chosen"): pad, "corrections": corrections}


def simulate_correlate(
    party: Party, value: Words, bit: Words, output: Words, randomness: Draws, *, modulus: int
) -> View:
    """Shares of v_0 c_1 + v_1 c_0: one transfer each way, and the output is the sum of both."""
    zero, one, corrections = (randomness.below(modulus, output.shape) for _ in range(3))
    del value
    crossed = bit * corrections % np.uint64(modulus)
    pad = _modulo(output + zero + np.uint64(modulus) - crossed, modulus)
    return {
        _pads(party, 0, "zero"): zero,
        _pads(party, 0, "one"): one,
        _pads(party.peer, 0, "chosen"): pad,
        "corrections": corrections,
    }


def simulate_one_of_many(
    party: Party,
    own: tuple[Words, ...],
    output: Words | None,
    randomness: Draws,
    *,
    sender: Party,
    choice_bits: int,
    width: int,
) -> View:
    """The chosen of 2^choice_bits messages of `width` bits; `own` is (choices,) at the receiver.

    Entry e is under one pad of each transfer, at places that no other entry uses. Any entry but the
    chosen one is under at least one pad that the receiver does not have, so it is uniform; the
    chosen one is the output under pads it has.
    """
    shape = (choice_bits, own[0].shape[-1])
    if party is sender:
        radix = 1 << (width << choice_bits)
        return {_pads(sender, 0, kind): randomness.below(radix, shape) for kind in ("zero", "one")}
    if output is None:
        raise ValueError("a receiver has an output")
    pads = randomness.below(1 << (width << choice_bits), shape)
    table = randomness.below(1 << width, (1 << choice_bits, shape[1]))
    mask = (_xor(pads) >> own[0] * np.uint64(width)) & np.uint64((1 << width) - 1)
    entries = np.arange(1 << choice_bits, dtype=np.uint64)[:, np.newaxis]
    table = np.where(entries == own[0], output ^ mask, table)
    return {_pads(sender, 0, "chosen"): pads, "table": table}


def simulate_digit(
    party: Party, digit: Words, output: Words, randomness: Draws, *, width: int, place: int | None
) -> View:
    """Shares of [x_0 < x_1] (bit 0) and [x_0 = x_1] (bit 1) of one digit of `width` bits.

    The client draws its own share, its output, and masks the table of both outcomes for every digit
    the server may have; the server can take the masks off at its own digit and nowhere else. With a
    `place`, pads and table are seen at that entry alone: bit v of the pads masks entry v, so the
    entries are independent and may be looked at one by one.
    """
    size = 1 << width
    places = np.arange(size) if place is None else np.array([place])
    radix = 1 << 2 * len(places)
    shape = (width, *output.shape)
    if party is Party.CLIENT:
        pads = {_pads(party, 0, kind): randomness.below(radix, shape) for kind in ("zero", "one")}
        return pads | {"own/shares of compared bits": output}
    chosen = randomness.below(radix, shape)
    table = randomness.below(radix, output.shape)
    mask = _xor(chosen)
    for index, entry in enumerate(places):
        here = digit == np.uint64(entry)
        for part in range(2):
            at = np.uint64(index + part * len(places))
            bit = (output >> np.uint64(part) ^ mask >> at) & np.uint64(1)
            kept = table & ~(np.uint64(1) << at) | bit << at
            table = np.where(here, kept, table)
    return {_pads(Party.CLIENT, 0, "chosen"): chosen, "compare/outcomes": table}


def simulate_join(party: Party, output: Words, randomness: Draws) -> View:
    """Two digits joined, given shares of each digit's outcome.

    The shares of outcomes are fresh. Of the random product a party draws a and gets, as sender, two
    pads, whose difference is its b; the peer's opening is under the peer's a and b, of which it
    knows nothing, and so uniform. What is left is the pad that it gets as receiver: fresh, and the
    output is that pad xor a function of all the others.
    """
    shape = output.shape
    low, high = randomness.below(4, shape), randomness.below(4, shape)
    a = randomness.below(2, shape)
    zero, one = randomness.below(4, shape), randomness.below(4, shape)
    received = randomness.below(8, shape)
    b, twice_a = zero ^ one, a * np.uint64(3)
    sent = (high >> np.uint64(1) ^ a) | (low ^ b) << np.uint64(1)
    opened = sent ^ received
    equal, lower = (opened & np.uint64(1)) * np.uint64(3), opened >> np.uint64(1)
    product = (equal & b) ^ (lower & twice_a)
    if party is Party.CLIENT:
        product ^= equal & lower
    pad = output ^ (high & np.uint64(1)) ^ product ^ (b & twice_a) ^ zero
    return {
        "digits": np.stack([low, high]),
        "own/choices of bit products": a,
        _pads(party, 0, "zero"): zero,
        _pads(party, 0, "one"): one,
        _pads(party.peer, 0, "chosen"): pad,
        "compare/join": received,
    }


def simulate_tree(party: Party, outcomes: Words, output: Words, randomness: Draws) -> View:
    """A tree over given shares of outcomes (digits, n), lowest first, with fresh random products.

    Join by join, as in `simulate_join`: a and b are the party's own, its share of the product is
    fresh, and the peer's opening is under the peer's a and b, used for this join alone. So all of
    it is uniform, level by level, but for the last share of a product, which the output determines:
    every join but the last leaves an output that the joins above use as they use any share.
    """
    view: View = {}
    level, join = list(outcomes), 0
    while len(level) > 1:
        above = []
        for low, high in zip(level[0::2], level[1::2], strict=False):
            last = len(level) == 2
            a = randomness.below(2, output.shape)
            b = randomness.below(4, output.shape)
            received = randomness.below(8, output.shape)
            opened = (high >> np.uint64(1) ^ a) | (low ^ b) << np.uint64(1)
            opened = opened ^ received
            equal, lower = (opened & np.uint64(1)) * np.uint64(3), opened >> np.uint64(1)
            joined = (high & np.uint64(1)) ^ (equal & b) ^ (lower & a * np.uint64(3))
            if party is Party.CLIENT:
                joined = joined ^ equal & lower
            product = output ^ joined if last else randomness.below(4, output.shape)
            view |= {f"a {join}": a, f"b {join}": b, f"product {join}": product}
            view["compare/join" + " again" * join] = received
            above.append(joined ^ product)
            join += 1
        level = above + level[len(level) // 2 * 2 :]
    return view
