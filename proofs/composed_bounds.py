"""Error bounds of softmax and RMSNorm, composed from the bounds of their parts in exact arithmetic.

Every function takes proved bounds of parts as rationals and returns a rational upper bound of the
whole, for all inputs at once; the derivation stands in its docstring.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

HALF = Fraction(1, 2)
PIECES = 1024


@dataclass(frozen=True)
class ExpBounds:
    """e(v) = 2^20 2^-v (1 + delta) + rho with -below <= delta <= above and |rho| <= 1/2."""

    below: Fraction
    above: Fraction


def softmax_bound(exp: ExpBounds, reciprocal: Fraction, entries: int, out_bits: int) -> Fraction:
    """Greatest absolute error of one probability in a row of `entries`.

    With E_j = 2^-v_j, T = sum E_j >= 1 (the greatest entry has v = 0), p = E_j / T and u = 2^-20,
    an exponential is E_j (1 + delta_j) + rho_j u. The quotient e_j / S grows with e_j and falls
    with the sum of the others, so it lies between the quotients of their extremes; dividing both by
    T leaves u / T <= u, and the extremes are monotone in it. Both are quotients of linear functions
    of p, whose distance from p is bounded over all of [0, 1]. The reciprocal adds `reciprocal`
    times the quotient and, as e_j <= 2^20, at most 2^20 * 1/2 / 2^36; rounding adds half a unit.
    """
    unit = Fraction(1, 1 << 20)
    more, less = 1 + exp.above, 1 - exp.below
    others = (entries - 2) * unit / 2
    highest = LinearQuotient((more, unit / 2), (more - less, less - others))
    lowest = LinearQuotient((less, -unit / 2), (less - more, more + others))
    quotient = max(quotient_distance(highest), quotient_distance(lowest))
    return quotient + reciprocal + Fraction(1, 1 << 17) + Fraction(1, 2 << out_bits)


@dataclass(frozen=True)
class LinearQuotient:
    """(a p + b) / (c p + d) as its pairs (a, b) and (c, d); c p + d is positive on [0, 1]."""

    numerator: tuple[Fraction, Fraction]
    denominator: tuple[Fraction, Fraction]

    def at(self, p: Fraction) -> Fraction:
        """The value."""
        (a, b), (c, d) = self.numerator, self.denominator
        return (a * p + b) / (c * p + d)

    def slope(self, p: Fraction) -> Fraction:
        """The derivative, which is monotone where the denominator has one sign."""
        (a, b), (c, d) = self.numerator, self.denominator
        return (a * d - b * c) / (c * p + d) ** 2


def quotient_distance(quotient: LinearQuotient) -> Fraction:
    """An upper bound of |quotient(p) - p| on [0, 1].

    On a piece the distance is at most that at an end plus half the width times the greatest
    |slope - 1|, which lies at an end as well.
    """
    worst = Fraction(0)
    for piece in range(PIECES):
        ends = [Fraction(piece, PIECES), Fraction(piece + 1, PIECES)]
        at_ends = max(abs(quotient.at(p) - p) for p in ends)
        steepest = max(abs(quotient.slope(p) - 1) for p in ends)
        worst = max(worst, at_ends + steepest / (2 * PIECES))
    return worst


@dataclass(frozen=True)
class Rounding:
    """A division that rounds: its result exceeds the quotient by `low` to `high`."""

    low: Fraction
    high: Fraction

    @property
    def size(self) -> Fraction:
        """The greatest error in size."""
        return max(-self.low, self.high)


NEAREST = Rounding(-HALF, HALF)
APPROXIMATE = Rounding(-HALF, HALF + 2)
"""Adding half and truncating approximately: the floor plus 0, 1 or 2."""


def root_below(value: int) -> Fraction:
    """A rational just below the square root."""
    return Fraction(isqrt(value << 80), 1 << 40)


def rmsnorm_bound(
    width: int, shift: int, rsqrt: Fraction, epsilon: Fraction, rounding: Rounding
) -> Fraction:
    """Greatest error of an entry relative to the greatest entry of its (true) normalised row.

    For rows whose root mean square is at least 2^(shift - 4), so 2^(9 + shift) as integers. With
    x' = x / 2^h, T = |x'|^2 + c', and the shifted row y = x' + rho: the norm of (y, sqrt c') is
    within |rho| <= sqrt(d) `rounding.size` of sqrt(T) >= sqrt(d) 2^9, and taking c, an integer
    within 1 of c', for c' changes it by at most 1 / sqrt(S' T). So sqrt(S) = sqrt(T) (1 + alpha).
    rsqrt is off by a factor 1 + eta; the integer nearest to 2^10 sqrt(d) by 1 + theta; its product
    with r >= 2^15 over 2^(13 + h), at least 2^(12 - h) sqrt(d) (1 - theta), by rounding, 1 + kappa.
    The entry itself is rounded once more; the row's greatest entry is at least its root mean
    square, 2^13 / sqrt(1 + epsilon 4^13 / R^2) with R >= 2^(9 + h).
    """
    root = root_below(width)
    moved = rounding.size / 2**9 if shift else Fraction(0)
    alpha = moved + 1 / ((1 - moved) * width * 2**18)
    theta = 1 / (2**11 * root)
    kappa = rounding.size / (Fraction(2) ** (12 - shift) * root * (1 - theta))
    above = (1 + rsqrt) * (1 + theta) * (1 + kappa) / (1 - alpha) - 1
    below = 1 - (1 - rsqrt) * (1 - theta) * (1 - kappa) / (1 + alpha)
    # The root of 1 + z is at most 1 + z / 2.
    least_greatest = 2**13 / (1 + epsilon * 4**13 / (2 * Fraction(4) ** (9 + shift)))
    return max(above, below) + rounding.size / least_greatest
