"""Estimates of attacks on LPN with regular noise over a 10-local code, in bit operations.

An estimate, not a proof, and the attack that decides is not published: it was worked out for this
project, checked at small scale only, and reviewed by nobody else. Outputs are t blocks of B = 2^h,
one noisy in each, and output j is the sum of ten of k secret bits. All attacks guess that the
outputs they use have little noise, and solve for the secret:

- *Gauss*: k outputs without noise, then elimination (k^2.8 operations, the code taken as dense).
- *Prange* and *Stern*: a few outputs more than unknowns, so that a guess can be checked, and with
  Stern up to four noisy ones, found as a collision of two lists (Prange, IRE 1962; Stern 1988).
- *The code's sparsity*: a row has only ten places, so an attacker may choose a set S of secret bits
  and use the outputs that S alone determines. The smaller S, the fewer outputs are used, and the
  likelier they have no noise; a sparse system costs s^2, not s^2.8. S by greedy removal of the
  place that costs the fewest rows (`peeling`) has about two thirds of k at ten outputs a place.
- *First moment*: below a size that follows from counting, no S with enough rows is to be expected
  at all, whoever looks for it. The estimate there bounds the attack for every way to choose S.

Not modelled: amortising elimination over guesses, and sparse algebraic hybrids (a few bits).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import comb, exp, inf, lgamma, log, log2

LOCALITY = 10
SPARE = 64
"""Outputs beyond the unknowns, by which a wrong guess is told from a right one."""
GREEDY = {
    4: 0.7578, 5: 0.7319, 6: 0.7135, 8: 0.6851, 10: 0.6644, 12: 0.6483, 14: 0.6358, 16: 0.6251,
    18.28: 0.6143, 20.3: 0.6057, 23.7: 0.5950, 30: 0.5800,
}  # fmt: skip
"""Size of S over k by greedy removal, for outputs over k; measured, `peeling` reproduces them."""


@dataclass(frozen=True)
class Instance:
    """`noise` blocks of 2^`depth` outputs, and `table` secret bits."""

    noise: int
    table: int
    depth: int

    @property
    def outputs(self) -> int:
        """All outputs of a round."""
        return self.noise << self.depth

    @property
    def ratio(self) -> float:
        """Outputs for each secret bit."""
        return self.outputs / self.table


@dataclass(frozen=True)
class Estimates:
    """log2 of bit operations divided by the probability of success."""

    gauss: float
    dense_stern: float
    sparse_stern: float
    greedy_prange: float
    greedy_stern: float
    first_moment: float

    @property
    def least(self) -> float:
        """The smallest of all."""
        return min(vars(self).values())


def estimate(instance: Instance) -> Estimates:
    """All attacks on one instance."""
    greedy = greedy_ratio(instance.ratio) * instance.table
    moment = first_moment_ratio(instance.ratio) * instance.table
    table = float(instance.table)
    return Estimates(
        gauss=_dense(table) - noisy(instance, table, 0),
        dense_stern=stern(instance, table, _dense),
        sparse_stern=stern(instance, table, sparse),
        greedy_prange=prange(instance, greedy, sparse),
        greedy_stern=stern(instance, greedy, sparse),
        first_moment=stern(instance, moment, sparse),
    )


def log2_choose(n: float, k: float) -> float:
    """log2 of a binomial coefficient, of reals."""
    return (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)) / log(2)


def log2_sum(*terms: float) -> float:
    """log2 of a sum of powers of two."""
    most = max(terms)
    return most + log2(sum(2 ** (term - most) for term in terms))


def noisy(instance: Instance, used: float, weight: int) -> float:
    """log2 of the probability that `weight` of `used` outputs, spread over all blocks, are noisy.

    Each block has one noisy output, which is among those used with probability used / outputs;
    equal spread is the best for the attacker, as the logarithm is concave.
    """
    share = used / instance.outputs
    blocks = instance.noise
    return log2(comb(blocks, weight)) + weight * log2(share) + (blocks - weight) * log2(1 - share)


def _dense(unknowns: float) -> float:
    return 2.8 * log2(unknowns)


def sparse(unknowns: float) -> float:
    """Block Wiedemann on rows of ten: 64 vectors of the kernel at once, in 4 * 10 * s^2."""
    return log2(4 * LOCALITY * unknowns**2)


def prange(instance: Instance, unknowns: float, algebra: Callable[[float], float]) -> float:
    """No noise in `unknowns` + 64 outputs."""
    return algebra(unknowns) - noisy(instance, unknowns + SPARE, 0)


def stern(
    instance: Instance, unknowns: float, algebra: Callable[[float], float], most: int = 4
) -> float:
    """At most `most` noisy among those outputs, half in either half; the best number up to it.

    Two lists of 64-bit entries, C(unknowns / 2, half) each, and their collisions.
    """
    used = unknowns + SPARE
    best = prange(instance, unknowns, algebra)
    for weight in range(2, most + 1, 2):
        half = weight // 2
        entries = log2_choose(unknowns / 2, half)
        collisions = 2 * entries - SPARE
        cost = log2_sum(algebra(unknowns), entries + 7, collisions + 12)
        success = log2_sum(
            *(
                noisy(instance, used, first + second)
                + log2(comb(first + second, first))
                - (first + second)
                for first in range(half + 1)
                for second in range(half + 1)
            )
        )
        best = min(best, cost - success)
    return best


def greedy_ratio(ratio: float) -> float:
    """Size of a greedy S over k: between measured ones by the logarithm of the ratio."""
    known = sorted(GREEDY)
    if ratio <= known[0]:
        return GREEDY[known[0]]
    for low, high in pairwise(known):
        if ratio <= high:
            part = log(ratio / low) / log(high / low)
            return GREEDY[low] + (GREEDY[high] - GREEDY[low]) * part
    # Beyond the table, the first-moment bound: smaller, so the estimate is the attacker's.
    return first_moment_ratio(ratio)


def first_moment_ratio(ratio: float) -> float:
    """The size of S over k below which fewer than one S with as many rows is expected.

    There are exp(k H(s)) sets of size s k, and each has s k of its rows within it with probability
    exp(-n D(s / ratio, s^10)), n = ratio * k, with the entropy H and the divergence D of Bernoulli
    variables: the root of H(s) = ratio * D(s / ratio, s^10).
    """

    def entropy(x: float) -> float:
        return -(x * log(x) + (1 - x) * log(1 - x))

    def excess(s: float) -> float:
        inside, needed = s**LOCALITY, s / ratio
        if needed <= inside:
            return inf
        divergence = needed * log(needed / inside)
        divergence += (1 - needed) * log((1 - needed) / (1 - inside))
        return entropy(s) - ratio * divergence

    low, high = 1e-3, exp(-log(ratio) / (LOCALITY - 1)) - 1e-9
    for _ in range(80):
        middle = (low + high) / 2
        if excess(middle) < 0:
            low = middle
        else:
            high = middle
    return high
