"""Rotary position embedding: pairs of entries turn by an angle proportional to the position.

Specification: `cryptomoe_spec.rotary`. The cosines and sines are public constants in which the
parties must agree to the last bit, so they come from decimal arithmetic, the same on every machine.
"""

from decimal import Context, Decimal, localcontext
from functools import cache

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret
from cryptomoe.field import IntArray
from cryptomoe.fixed_point import ACTIVATION_BOUND, ROPE_BITS


def _cosine_and_sine(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Taylor's series for an angle in [0, 1], to more than 40 digits."""
    series, term = [Decimal(0), Decimal(0)], Decimal(1)
    for power in range(40):
        series[power % 2] += term
        term *= (angle if power % 2 == 0 else -angle) / (power + 1)
    return series[0], series[1]


@cache
def rotary_table(positions: int, head_dim: int, theta: float) -> IntArray:
    """(2, positions, head_dim / 2): cosines and sines of position * theta^(-2i / head_dim)."""
    scale = 1 << ROPE_BITS
    table = np.zeros((2, positions, head_dim // 2), np.int64)
    with localcontext(Context(prec=40)):
        for i in range(head_dim // 2):
            angle = (Decimal(theta).ln() * Decimal(-2 * i) / Decimal(head_dim)).exp()
            cosine, sine = _cosine_and_sine(angle)
            c, s = Decimal(1), Decimal(0)
            for position in range(positions):
                table[:, position, i] = round(c * scale), round(s * scale)
                c, s = c * cosine - s * sine, s * cosine + c * sine
    table.flags.writeable = False
    return table


def rotary(abb: ArithmeticBlackBox, x: Secret, start: int, theta: float) -> Secret:
    """Row r of every head of `x` (rows, heads, head_dim) turned as position start + r.

    13 fraction bits in and out. Entry i of a head's first half is paired with i of its second.
    """
    rows, _, size = x.shape
    half = size // 2
    with abb.scope("rotary"):
        table = rotary_table(start + rows, size, theta)[:, start:, np.newaxis, :]
        cosine, sine = table[0], table[1]
        first, second = (abb.take(x, np.arange(i, i + half), 2) for i in (0, half))
        turned = [
            abb.subtract(abb.scale_public(first, cosine), abb.scale_public(second, sine)),
            abb.add(abb.scale_public(second, cosine), abb.scale_public(first, sine)),
        ]
        result = abb.truncate(abb.concatenate(turned, 2), ROPE_BITS)
        return abb.declare(result, ACTIVATION_BOUND - 1)
