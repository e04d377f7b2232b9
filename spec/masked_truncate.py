"""Approximate truncation among three parties or more: cheap, and a function of common randomness.

The value is opened under the sum of one random number for each set of parties that has a key in
common. Every set shifts its own number, and what the numbers' low bits carry into each other stays
in the result. Whoever is corrupted knows all numbers but one, and what was opened, which is the
value plus their sum: so the result is a function of the value and of numbers that are either known
to the corrupted parties or, the one of the set they have no member in, as good as uniform.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_between
from cryptomoe_spec.fixed_point import VALUE_LIMIT


def masked_truncate(x: IntArray, bits: int, masks: IntArray) -> IntArray:
    """x / 2^bits, wrong by less than half the number of masks and one more, centred on it."""
    # INPUTS x: any integers of the field; masks: (sets, *shape of x), the low `bits` bits of each
    # set's number; their higher bits change nothing.
    require_between(x, 1 - VALUE_LIMIT, VALUE_LIMIT - 1, "masked_truncate")
    require_between(masks, 0, (1 << bits) - 1, "masked_truncate, masks")
    # FUNCTION
    sets = len(masks)
    half = 0 if sets % 2 else 1 << (bits - 1)
    carried = (x + half + np.sum(masks, axis=0, dtype=np.int64)) >> bits
    return carried - sets // 2
    # LEAKAGE nothing: what is opened is x under a mask of 116 bits, within 2^-70 of uniform.
    # COST one round; one opened element an entry, no comparison.
