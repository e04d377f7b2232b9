"""Estimates of attacks on ring-LWE with ternary secrets: primal (uSVP) and dual, by core-SVP cost.

An estimate, not a proof: lattice reduction with blocks of size beta is modelled by the geometric
series assumption, rings are treated as plain lattices, and hybrid or combinatorial improvements are
left out. Formulas: Alkim, Ducas, Poeppelmann, Schwabe (USENIX Security 2016, sections 6.3 and 6.4);
Albrecht et al., "Estimate all the {LWE, NTRU} schemes!" (SCN 2018); Bai and Galbraith (ACISP 2014)
for the scaling by which a short secret is used.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import e, log, log2, pi, sqrt

CLASSICAL, QUANTUM, LISTED = 0.292, 0.265, 0.2075
"""Exponents of a sieve: classical, quantum, and of the number of short vectors that it lists."""
TERNARY_DEVIATION = sqrt(2 / 3)


@dataclass(frozen=True)
class Instance:
    """n, log2 q, deviations of error and secret, and how many samples an attacker has."""

    n: int
    log2_q: float
    samples: int
    error: float = 3.2
    secret: float = TERNARY_DEVIATION


@dataclass(frozen=True)
class Attack:
    """The best parameters found: block size, samples used, and bits of core-SVP cost."""

    beta: int
    samples: int
    classical: float
    quantum: float


@cache
def log2_root(beta: int) -> float:
    """log2 of the root Hermite factor that blocks of size beta reach (Chen, 2013)."""
    return log2((pi * beta) ** (1 / beta) * beta / (2 * pi * e)) / (2 * (beta - 1))


def _best_samples(instance: Instance, value: Callable[[int], float]) -> tuple[float, int]:
    """The least value over numbers of samples, which has one minimum: golden-section search."""
    low, high = 1, instance.samples
    while high - low > 8:
        third = (high - low) // 3
        if value(low + third) <= value(high - third):
            high -= third
        else:
            low += third
    return min((value(samples), samples) for samples in range(low, high + 1))


def _primal_gap(instance: Instance, beta: int) -> tuple[float, int]:
    """Least log2 of projected error over the reduced vector's length; success at 0 or below.

    Secret coordinates are scaled to the error's deviation; the lattice has dimension m + n + 1 and
    volume q^m (error / secret)^n; success when error * sqrt(beta) is at most
    root^(2 beta - d - 1) vol^(1/d).
    """
    n, q = instance.n, instance.log2_q
    scaling = n * log2(instance.error / instance.secret)

    def gap(samples: int) -> float:
        dimension = samples + n + 1
        volume = (samples * q + scaling) / dimension
        reduced = (2 * beta - dimension - 1) * log2_root(beta) + volume
        return log2(instance.error) + log2(beta) / 2 - reduced

    return _best_samples(instance, gap)


def primal(instance: Instance) -> Attack:
    """The least block size with which the unique short vector is found."""
    low, high = 60, 4000
    while low < high:
        beta = (low + high) // 2
        if _primal_gap(instance, beta)[0] <= 0:
            high = beta
        else:
            low = beta + 1
    return Attack(low, _primal_gap(instance, low)[1], CLASSICAL * low, QUANTUM * low)


def _dual_cost(instance: Instance, beta: int, exponent: float) -> tuple[float, int]:
    """Least log2 cost of telling samples from uniform with blocks of size beta.

    A short vector of the scaled dual, of length root^d (q secret-scaled)^(n/d), distinguishes with
    advantage 4 exp(-2 pi^2 tau^2), tau = length * error / q; 1 / advantage^2 vectors are needed, of
    which a sieve lists 2^(0.2075 beta) at once.
    """
    n, q = instance.n, instance.log2_q
    scaling = log2(instance.error / instance.secret)

    def cost(samples: int) -> float:
        dimension = samples + n
        length = dimension * log2_root(beta) + n * (q - scaling) / dimension
        tau = 2.0 ** min(length + log2(instance.error) - q, 40)
        advantage = 2 - 2 * pi**2 * tau**2 / log(2)
        return exponent * beta + max(0.0, -2 * advantage - LISTED * beta)

    return _best_samples(instance, cost)


def dual(instance: Instance) -> Attack:
    """The best distinguisher, over block sizes and samples."""
    costs = {}
    for exponent in (CLASSICAL, QUANTUM):
        low, high = 60, 4000
        while high - low > 3:
            third = (high - low) // 3
            if (
                _dual_cost(instance, low + third, exponent)[0]
                <= _dual_cost(instance, high - third, exponent)[0]
            ):
                high -= third
            else:
                low += third
        costs[exponent] = min(
            (*_dual_cost(instance, beta, exponent), beta) for beta in range(low, high + 1)
        )
    value, samples, beta = costs[CLASSICAL]
    return Attack(beta, samples, value, costs[QUANTUM][0])


def standard_bits(attack: Attack, dimension: int) -> float:
    """Cost as the Homomorphic Encryption Standard (2018) counts it: 0.292 beta + 16.4 + log2(8 d).

    Its sieve's constant (Becker, Ducas, Gama, Laarhoven, SODA 2016) and 8 d calls of it.
    """
    return attack.classical + 16.4 + log2(8 * dimension)
