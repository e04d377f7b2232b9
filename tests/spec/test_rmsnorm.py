"""RMSNorm's error is below 2^-9 of the row's greatest entry where its rows are not tiny."""

import hypothesis
import numpy as np
import pytest
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import RMS_BOUND
from cryptomoe_spec.rmsnorm import rmsnorm, shift_for
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray


def error_of(x: NDArray[np.int64], epsilon: float) -> float:
    """Greatest error relative to the row's greatest entry."""
    real = x / 8192
    real = real / np.sqrt((real**2).mean(axis=-1, keepdims=True) + epsilon)
    error = np.abs(rmsnorm(x, epsilon) / 8192 - real).max(axis=-1)
    return float((error / np.abs(real).max(axis=-1)).max())


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    width=st.integers(1, 3000),
    height=st.floats(0, 1),
    spike=st.floats(0, 1),
    epsilon=st.sampled_from([1e-5, 1e-6]),
)
def test_error_bound(seed: int, width: int, height: float, spike: float, epsilon: float) -> None:
    """Rows of any size from 2^(h-4) to RMS_BOUND, flat, normal or with one great entry."""
    rng = np.random.default_rng(seed)
    row = rng.choice([rng.normal(0, 1, width), np.ones(width)])
    row[0] += spike * width
    row /= np.sqrt((row**2).mean())
    low, high = 2.0 ** (shift_for(width) - 4), 0.999 * RMS_BOUND
    x = np.rint(row * low * (high / low) ** height * 8192).astype(np.int64)
    hypothesis.assume(np.abs(x).max() < 1 << 23)
    error = error_of(x[np.newaxis], epsilon)
    hypothesis.target(error)
    assert error < 2**-9


def test_worst_rounding_in_the_shift() -> None:
    """All entries halfway between multiples of 2^h, at the smallest size that is promised."""
    for width in (17, 64, 100, 1000, 2048):
        h = shift_for(width)
        x = np.full((1, width), (8 + 1) << (h + 6) | 1 << (h - 1))
        assert error_of(x, 1e-5) < 2**-9


def test_zero_rows_stay_zero() -> None:
    assert not rmsnorm(np.zeros((2, 50), np.int64), 1e-5).any()


def test_too_large_rows_are_refused() -> None:
    with pytest.raises(RangeError):
        rmsnorm(np.full((1, 100), 2 * RMS_BOUND << 13), 1e-5)


def test_shift_is_the_least_that_suffices() -> None:
    for width in (1, 16, 17, 64, 65, 2048, 4096, 1 << 16):
        h = shift_for(width)
        assert RMS_BOUND**2 * width <= 4 ** (8 + h)
        assert h == 0 or RMS_BOUND**2 * width > 4 ** (7 + h)
    with pytest.raises(RangeError):
        shift_for((1 << 16) + 1)
