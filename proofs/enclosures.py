"""Enclosures of exponentials on the grid of fixed-point inputs, by integer arithmetic alone.

An enclosure is a pair of integers low <= 2^SCALE * value <= high. No floating-point library is
trusted: a first power comes from a series or from square roots with outward rounding, the others
from products with outward rounding.
"""

from fractions import Fraction
from functools import cache
from math import factorial, isqrt

SCALE = 120
STEPS = 8192
"""Grid points in a unit: 13 fraction bits."""
Enclosures = tuple[list[int], list[int]]


def _powers(low: int, high: int, count: int) -> Enclosures:
    lows, highs = [1 << SCALE], [1 << SCALE]
    for _ in range(count):
        lows.append(lows[-1] * low >> SCALE)
        highs.append(-(-highs[-1] * high >> SCALE))
    return lows, highs


@cache
def falling_exponentials(count: int) -> Enclosures:
    """e^(-k / 8192) for k = 0..count."""
    # The series alternates and falls, so two partial sums enclose the value.
    step, total, sums = Fraction(1, STEPS), Fraction(0), []
    for power in range(14):
        total += (-step) ** power / factorial(power)
        sums.append(total * 2**SCALE)
    low, high = min(sums[-2:]), max(sums[-2:])
    return _powers(low.numerator // low.denominator, -(-high.numerator // high.denominator), count)


@cache
def falling_powers_of_two(count: int) -> Enclosures:
    """2^(-k / 8192) for k = 0..count."""
    low = high = 1 << (SCALE - 1)
    for _ in range(13):
        low = isqrt(low << SCALE)
        high = isqrt((high << SCALE) - 1) + 1
    return _powers(low, high, count)
