"""The two-sample tests themselves: known values, level under equality, power against biases."""

import math

import numpy as np
import pytest
from two_samples import (
    LEVEL,
    chi_square,
    gamma_tail,
    kolmogorov_smirnov,
    kolmogorov_tail,
    two_sample,
)

pytestmark = pytest.mark.leakage


def test_gamma_tail_at_known_values() -> None:
    """Q(1, x) = e^-x, Q(1/2, x) = erfc(sqrt x), and Poisson tails for whole shapes."""
    for x in (0.01, 0.5, 1, 3.7, 20, 80):
        assert math.isclose(gamma_tail(1, x), math.exp(-x), rel_tol=1e-12)
        assert math.isclose(gamma_tail(0.5, x), math.erfc(math.sqrt(x)), rel_tol=1e-11)
        for shape in (2, 7, 30):
            poisson = sum(math.exp(-x + k * math.log(x) - math.lgamma(k + 1)) for k in range(shape))
            assert math.isclose(gamma_tail(shape, x), poisson, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("freedom", "quantile", "tail"),
    [(1, 3.841459, 0.05), (10, 18.307038, 0.05), (10, 29.588298, 0.001), (255, 293.247835, 0.05)],
)
def test_chi_square_at_table_values(freedom: int, quantile: float, tail: float) -> None:
    assert math.isclose(gamma_tail(freedom / 2, quantile / 2), tail, rel_tol=1e-6)


def test_chi_square_of_a_table_by_hand() -> None:
    """Counts (10, 20), (20, 10): the statistic is 20/3, with one degree of freedom."""
    p = chi_square(np.array([10, 20]), np.array([20, 10]))
    assert math.isclose(p, math.erfc(math.sqrt(10 / 3)), rel_tol=1e-12)
    assert chi_square(np.array([5, 0]), np.array([9, 0])) == 1


@pytest.mark.parametrize(("x", "tail"), [(1.3581, 0.05), (1.6276, 0.01), (1.9495, 0.001)])
def test_kolmogorov_tail_at_table_values(x: float, tail: float) -> None:
    assert math.isclose(kolmogorov_tail(x), tail, rel_tol=1e-3)


def test_kolmogorov_smirnov_by_hand() -> None:
    """1..4 against 3..6 differ by 1/2 between 2 and 3; disjoint samples by 1."""
    first, second = np.arange(1, 5), np.arange(3, 7)
    assert kolmogorov_smirnov(first, second) == kolmogorov_tail(math.sqrt(2) / 2)
    assert kolmogorov_smirnov(np.zeros(500), np.ones(500)) < 1e-200


def test_kolmogorov_smirnov_counts_and_sorts_alike() -> None:
    random = np.random.default_rng(4)
    first, second = random.integers(0, 50, 400), random.integers(3, 60, 700)
    assert kolmogorov_smirnov(first, second) == kolmogorov_smirnov(first * 1.0, second * 1.0)


def test_p_values_of_equal_distributions_are_not_small() -> None:
    """Of 600 comparisons of uniform samples about 1 in 20 has p below 0.05, none is rejected."""
    random = np.random.default_rng(1)
    values = [two_sample(*random.integers(0, 2**45, (2, 5000))) for _ in range(600)]
    below = sum(value < 0.05 for value in values)
    assert below < 60
    assert min(values) > 1e-6


def test_far_tail_of_the_chi_square_limit() -> None:
    """256 cells that expect 64: of 20,000 pairs of uniform rows, 2 are due with p below 10^-4."""
    random = np.random.default_rng(2)
    counts = random.multinomial(1 << 14, [1 / 256] * 256, (2, 20_000))
    expected = counts.sum(axis=0) / 2
    statistics = ((counts - expected) ** 2 / expected).sum(axis=(0, 2))
    values = np.array([gamma_tail(255 / 2, x / 2) for x in statistics if x > 320])
    assert (values < 1e-4).sum() < 12
    assert values.min() > 1e-9


@pytest.mark.parametrize("bias", ["constant", "half", "low bit", "high bit", "shifted"])
def test_planted_biases_are_rejected(bias: str) -> None:
    random = np.random.default_rng(3)
    uniform, other = random.integers(0, 2**30, (2, 4096))
    spoiled = {
        "constant": np.full(4096, 7),
        "half": other >> 1,
        "low bit": other & ~1,
        "high bit": np.where(random.random(4096) < 0.3, other | 1 << 29, other),
        "shifted": np.minimum(other + (1 << 28), (1 << 30) - 1),
    }[bias]
    assert two_sample(uniform, spoiled) < LEVEL
    assert two_sample(uniform, other) > 1e-6


def test_samples_too_small_to_say_anything_are_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        two_sample(np.arange(100), np.arange(1000))
