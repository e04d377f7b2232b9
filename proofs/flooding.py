"""Noise of homomorphic answers, and how far a flood hides it: the derivations.

The noise of an answer is a linear map of the client's encryption errors, fixed by the server's
plaintexts. What the client sees, it sees plus a flood; the simulator sends the flood alone. So the
statistical distance is that of a flood and the flood shifted by the noise, the client knowing the
errors, averaged over them.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

from cryptomoe.he.flood import STATISTICAL_BITS
from cryptomoe.he.parameters import HeParameters

ERROR_VARIANCE = Fraction(21, 2)
"""SEAL's errors: the difference of two sums of 21 bits (centred binomial)."""
ERROR_LIMIT = 21
SIZED_FOR = 1 << 32
"""Coefficients of all answers together that the width of floods is computed for."""
LEAST_WIDTH = 1 << 41
"""Values of each of the four uniforms that the bounds of this module assume at least."""


def pmf_of_four(width: int) -> list[int]:
    """Numbers of ways in which four values of 0..width - 1 have each sum."""
    ways = [1]
    for _ in range(4):
        sums, running = [], 0
        for place in range(len(ways) + width - 1):
            running += ways[place] if place < len(ways) else 0
            running -= ways[place - width] if place >= width else 0
            sums.append(running)
        ways = sums
    return ways


def exact_step(width: int) -> float:
    """width^2 times the squared Hellinger distance of the sum of four and itself moved by one."""
    ways = [0, *pmf_of_four(width), 0]
    steps = pairwise(ways)
    return sum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in steps) / 2 / width**2


@cache
def step_bound(blocks: int = 4096) -> Fraction:
    """An upper bound of `exact_step` for every width n >= LEAST_WIDTH.

    With a(x) ways, (sqrt a - sqrt b)^2 <= (a - b)^2 / (4 b) for a >= b; by symmetry the sum is
    twice that over the rising half, which is bounded by parts. At x = 0 it is 1. For 0 < x < n,
    a(x) = C(x+3, 3), so the term is 3/8 (x + 3 + 2/x). For n <= x < 2n, a(x) = C(x+3, 3) -
    4 C(x-n+3, 3); with t = x/n the difference is at most n^2 ((t + 2/n)^2 / 2 - 2 (t-1)^2) and
    a(x-1) at least n^3 (t^3 / 6 - 2/3 (t - 1 + 2/n)^3), bounded block by block.
    """
    slack = Fraction(2, LEAST_WIDTH)
    total = Fraction(3, 16) + Fraction(1, 1 << 38)
    for block in range(blocks):
        low, high = 1 + Fraction(block, blocks), 1 + Fraction(block + 1, blocks)
        difference = (high + slack) ** 2 / 2 - 2 * (low - 1) ** 2
        ways = low**3 / 6 - Fraction(2, 3) * (high - 1 + slack) ** 3
        term = (Fraction(1, blocks) + slack) * difference**2 / (4 * ways)
        # Fewer digits, still an upper bound.
        total += Fraction(math.ceil(term * 2**60), 2**60)
    return total


def distance_factor() -> float:
    """k such that the distance is at most k 2^-40 sqrt(coefficients / 2^32).

    For shifts d_i of independent floods of width n_i, the squared Hellinger distance of the
    products is at most sum d_i^2 J / n_i^2 (a shift by d is d shifts by one, and the distance obeys
    the triangle inequality), and the statistical distance at most sqrt(2) times its root. A flood
    of deviation s has n = s sqrt(3) (four uniforms: s^2 = 4 (n^2 - 1) / 12), and s is at least
    2^39 sqrt(2^32) r for noise of root mean square r. The mean over the errors is at most the
    root of the mean square (Jensen).
    """
    return 2 * math.sqrt(2 * float(step_bound()) / 3) * (1 + 1e-9)


def statistical_distance(coefficients: int) -> float:
    """Bound of the distance of a whole inference whose answers have so many coefficients."""
    share = math.sqrt(coefficients / SIZED_FOR)
    return distance_factor() * share * 2.0**-STATISTICAL_BITS


def gaussian_distance(norm_over_sigma: float) -> float:
    """Exact distance of a Gaussian of any dimension and itself moved: erf(|d| / (2 sqrt 2 s))."""
    return math.erf(norm_over_sigma / (2 * math.sqrt(2)))


@dataclass(frozen=True)
class Noise:
    """Root mean square over coefficients, and the greatest size that can occur at all."""

    deviation: float
    greatest: int


def greatest_of_ones(degree: int) -> float:
    """Largest size of 1 + X + ... + X^(N-1) at a root of X^N + 1: |2 / (1 - root)|."""
    return 1 / math.sin(math.pi / (2 * degree))


def key_switch(parameters: HeParameters) -> tuple[Noise, float]:
    """What one rotation adds: noise about its mean over digits, and how far a plaintext aligns.

    The digits are uniform below their primes q_i and are multiplied by errors of the key; the
    special prime, the greatest, divides the sum. About their mean, q_i / 2, their variance is
    q_i^2 / 12. The mean makes a fixed multiple of the errors, by 1/2 of the polynomial of ones: at
    any root of X^N + 1 at most the second result times the root of the error's variance, for each
    unit of 2-norm of the plaintext that follows. Rounding adds at most 1/2 in both polynomials, the
    second times the ternary secret.
    """
    n, special = parameters.degree, parameters.special_prime
    ratios = [Fraction(prime, special) for prime in parameters.data_primes]
    squares = sum(ratio**2 for ratio in ratios)
    variance = squares * n / 12 * ERROR_VARIANCE + (1 + Fraction(2, 3) * n) / 12
    greatest = math.ceil(sum(ratios) * n * ERROR_LIMIT + Fraction(1 + n, 2))
    aligned = math.sqrt(squares * ERROR_VARIANCE) / 2 * greatest_of_ones(n)
    return Noise(math.sqrt(variance), greatest), aligned


@dataclass(frozen=True)
class Work:
    """A sum of `products`, each with at most `before` rotations before it, `after` since."""

    products: int
    before: int
    after: int


def sum_of_products(parameters: HeParameters, work: Work) -> Noise:
    """Noise of a sum of products with plaintexts of coefficients of up to p/2 in size.

    The mean square over coefficients of sum_j m_j sigma_j(v) is the error's variance times
    sum_j |m_j|^2 <= products N p^2 / 4, whatever the plaintexts, when the automorphisms sigma_j
    differ (the maps are then orthogonal). A fresh ciphertext has its error, and two roundings that
    may all meet their coefficients with one sign.
    """
    n, half = parameters.degree, parameters.plain_modulus / 2
    turned, aligned = key_switch(parameters)
    random = float(ERROR_VARIANCE) + work.before * (turned.deviation**2 + aligned**2)
    variance = (random * work.products + n * work.products**2) * n * half**2
    fresh = ERROR_LIMIT + 1 + work.before * turned.greatest
    greatest = work.products * n * (parameters.plain_modulus // 2) * fresh
    return Noise(
        math.sqrt(variance + work.after * turned.deviation**2),
        greatest + work.after * turned.greatest,
    )


def decryption_margin(parameters: HeParameters, flood_bits: int, work: Work) -> Fraction:
    """Greatest noise that can occur over the noise at which decryption fails; below 1 it cannot.

    After the flood (four uniforms up to 2^w in size), a fresh encryption of zero (u e + e_1 + e_2 s
    and the rounding by the special prime) and a mask's rounding, the modulus q becomes q'; every
    prime that is dropped rounds both polynomials once. Decryption rounds p / q' times the value, so
    it is right while the noise is below q' / (2 p).
    """
    n = parameters.degree
    q, kept = 1, 1
    for index, prime in enumerate(parameters.data_primes):
        q *= prime
        kept *= prime if index < parameters.answer_primes else 1
    zero = 2 * n * ERROR_LIMIT + ERROR_LIMIT + n + 1
    largest = 4 * 2**flood_bits + sum_of_products(parameters, work).greatest + zero
    dropped = parameters.data_primes[parameters.answer_primes :]
    rounding = Fraction(1 + n, 2) * (1 + sum(Fraction(2, prime) for prime in dropped))
    switched = (largest + 1) * Fraction(kept, q) + rounding
    return switched / Fraction(kept, 2 * parameters.plain_modulus)
