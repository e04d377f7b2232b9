"""Truncation: division by a power of two, rounded down, exactly or nearly.

The exact one is common to all engines, and a run in exact mode equals this specification bit for
bit. The approximate one is cheaper and belongs to the engine with two additive shares modulo P: it
is a function of the value *and* of the corrupted party's share, because its error is, and an ideal
functionality that hid this could not be simulated.
"""

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_below, require_between
from cryptomoe_spec.fixed_point import VALUE_LIMIT, P


def truncate(x: IntArray, bits: int, *, exact: bool | None = None) -> IntArray:
    """floor(x / 2^bits)."""
    # INPUTS x: any integers of the field. `exact` chooses an engine's protocol; here there is one.
    del exact
    require_below(x, VALUE_LIMIT, "truncate")
    # FUNCTION
    return x >> bits
    # LEAKAGE nothing.
    # COST constant rounds (one comparison of `bits` bits); bytes proportional to size times bits.


def approximate_truncate(x: IntArray, bits: int, share: IntArray) -> IntArray:
    """floor(x / 2^bits) plus 0, 1 or, rarely, 2, as the share decides.

    y = x + offset lies in [0, P/2). The parties shift their shares of y on their own, take off what
    a wrap of the shares modulo P has added, and add 1, which centres the error.
    """
    # INPUTS x: not below -offset, which is VALUE_LIMIT itself for up to 27 bits; share: the
    # corrupted party's share of y, in [0, P), of the shape of x.
    offset = VALUE_LIMIT >> bits << bits
    require_between(x, -offset, VALUE_LIMIT - 1, "approximate_truncate")
    require_between(share, 0, P - 1, "approximate_truncate, share")
    # FUNCTION
    other = (x + offset - share) % P
    wrapped = (share > P // 2) | (other > P // 2)
    shifted = (share >> bits) + (other >> bits) - np.where(wrapped, P >> bits, 0)
    result: IntArray = shifted + 1 - (offset >> bits)
    # LEAKAGE nothing: the share is the corrupted party's own.
    # COST constant rounds; no comparison, one conditional constant an entry.
    return result
