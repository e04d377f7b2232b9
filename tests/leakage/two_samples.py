"""Two-sample tests with p-values that can be trusted far out, by numpy and math alone.

Chi-square of homogeneity (Pearson) on low bits and on equal ranges, where every cell expects at
least 64, and Kolmogorov-Smirnov (Smirnov's limit) on the values. A run makes at most MOST_TESTS
comparisons and rejects at LEVEL each, so that together they raise a false alarm with a probability
below 2^-40, a factor of 16 for the limits of the limit laws left over.
"""

import math

import numpy as np
from numpy.typing import NDArray

MOST_TESTS = 1 << 13
LEVEL = 2.0**-44 / MOST_TESTS
_LEAST_EXPECTED = 64
_CELL_BITS = 8
_FEW = 1 << 10
Numbers = NDArray[np.uint64] | NDArray[np.uint8] | NDArray[np.float64] | NDArray[np.int64]


def gamma_tail(shape: float, x: float) -> float:
    """Regularised upper incomplete gamma function Q(shape, x) (Abramowitz and Stegun, 6.5)."""
    if x <= 0:
        return 1.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        k = 0
        while term > total * 1e-17:
            k += 1
            term *= x / (shape + k)
            total += term
        return max(0.0, 1 - scale * total)
    # The continued fraction 6.5.31, evaluated by Lentz's method.
    b = x + 1 - shape
    c, d = 1e300, 1 / b
    value = d
    for k in range(1, 10_000):
        factor = -k * (k - shape)
        b += 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return min(1.0, scale * value)


def chi_square(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """P-value that two rows of counts come from one distribution."""
    table = np.stack([first, second]).astype(float)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return gamma_tail((table.shape[1] - 1) / 2, statistic / 2)


def kolmogorov_tail(x: float) -> float:
    """P(K > x) for Kolmogorov's distribution: 2 sum over k >= 1 of (-1)^(k-1) exp(-2 k^2 x^2)."""
    if x < 0.2:
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))


def kolmogorov_smirnov(first: Numbers, second: Numbers) -> float:
    """P-value that two samples come from one distribution; conservative for ties."""
    if first.dtype.kind in "iu" and second.dtype.kind in "iu" and _few_values(first, second):
        counts = [
            np.bincount(sample.astype(np.int64), minlength=_FEW) for sample in (first, second)
        ]
        left, right = (np.cumsum(count) / count.sum() for count in counts)
    else:
        a, b = np.sort(first), np.sort(second)
        points = np.concatenate([a, b])
        left, right = (np.searchsorted(x, points, side="right") / x.size for x in (a, b))
    distance = float(np.abs(left - right).max())
    scale = math.sqrt(first.size * second.size / (first.size + second.size))
    return kolmogorov_tail(distance * scale)


def _few_values(first: Numbers, second: Numbers) -> bool:
    ends = [int(end) for sample in (first, second) for end in (sample.min(), sample.max())]
    return min(ends) >= 0 and max(ends) < _FEW


def two_sample(first: Numbers, second: Numbers) -> float:
    """P-value that two samples of non-negative integers come from one distribution.

    Three tests (low bits, equal ranges of size, all values), corrected for being three.
    """
    smaller = min(first.size, second.size)
    if smaller < 2 * _LEAST_EXPECTED:
        raise ValueError(f"samples of {first.size} and {second.size} are too small to compare")
    bits = min(_CELL_BITS, int(math.log2(smaller / _LEAST_EXPECTED)))
    cells = 1 << bits
    samples = [np.asarray(sample, np.uint64) for sample in (first, second)]
    low = [
        np.bincount((x & np.uint64(cells - 1)).astype(np.int64), minlength=cells) for x in samples
    ]
    size = float(max(int(x.max()) for x in samples)) + 1
    high = [
        np.bincount((x.astype(float) * (cells / size)).astype(np.int64), minlength=cells)
        for x in samples
    ]
    tests = (chi_square(*low), chi_square(*high), kolmogorov_smirnov(*samples))
    return min(1.0, len(tests) * min(tests))
