"""Rotary position embedding: pairs of entries turn by an angle proportional to the position.

A score of a query and a key then depends on the difference of their positions alone.

The angles' cosines and sines are public constants that all parties must agree on to the last bit.
They are therefore computed in decimal arithmetic, which is the same on every machine, and not by
the processor's or the system's floating-point functions.
"""

from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np
from cryptomoe_spec.arrays import IntArray, require_below
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND, ROPE_BITS
from cryptomoe_spec.truncate import truncate


@cache
def _turns(positions: int, head_dim: int, theta: float) -> IntArray:
    scale = 1 << ROPE_BITS
    table = np.zeros((2, positions, head_dim // 2), np.int64)
    with localcontext(Context(prec=40)):
        for i in range(head_dim // 2):
            angle = (Decimal(theta).ln() * Decimal(-2 * i) / Decimal(head_dim)).exp()
            cosine, sine, term = Decimal(0), Decimal(0), Decimal(1)
            for power in range(0, 40, 2):
                cosine += term
                term *= angle / (power + 1)
                sine += term
                term *= -angle / (power + 2)
            c, s = Decimal(1), Decimal(0)
            for position in range(positions):
                table[:, position, i] = round(c * scale), round(s * scale)
                c, s = c * cosine - s * sine, s * cosine + c * sine
    table.flags.writeable = False
    return table


def rotary_table(start: int, count: int, head_dim: int, theta: float) -> tuple[IntArray, IntArray]:
    """Cosines and sines of position * theta^(-2i / head_dim), (count, head_dim / 2), 14 bits.

    Rounded to nearest, for positions start .. start + count - 1 and i from 0.
    """
    # INPUTS all public; head_dim even, theta >= 1.
    # FUNCTION
    cosine, sine = _turns(start + count, head_dim, theta)[:, start:]
    # LEAKAGE nothing.
    # COST none: public.
    return cosine, sine


def rotary(x: IntArray, start: int, theta: float) -> IntArray:
    """Row r of every head turned as position start + r, 13 fraction bits in and out.

    Entry i of a head's first half is paired with entry i of its second half.
    """
    # INPUTS x: (rows, heads, head_dim), below 2^23; start, theta: public.
    require_below(x, ACTIVATION_BOUND, "rotary")
    # FUNCTION
    cosine, sine = rotary_table(start, x.shape[0], x.shape[2], theta)
    cosine, sine = cosine[:, np.newaxis], sine[:, np.newaxis]
    first, second = np.split(x, 2, axis=-1)
    turned = (first * cosine - second * sine, second * cosine + first * sine)
    result = truncate(np.concatenate(turned, axis=-1), ROPE_BITS)
    require_below(result, ACTIVATION_BOUND, "rotary, result")
    # LEAKAGE nothing.
    # COST constant rounds; one truncation an entry.
    return result
