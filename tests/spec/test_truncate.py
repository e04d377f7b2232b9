"""Truncation rounds down; the approximate one is above that by 0, 1 or 2, and unbiased."""

import numpy as np
from cryptomoe_spec.fixed_point import VALUE_LIMIT, P
from cryptomoe_spec.truncate import approximate_truncate, truncate
from hypothesis import given, settings
from hypothesis import strategies as st

VALUES = st.integers(1 - VALUE_LIMIT, VALUE_LIMIT - 1) | st.integers(-9, 9)
SHARES = st.integers(0, P - 1) | st.integers(0, 3) | st.integers(P // 2 - 2, P // 2 + 2)


@given(x=VALUES, bits=st.integers(1, 27))
def test_exact_rounds_down(x: int, bits: int) -> None:
    assert truncate(np.array([x]), bits)[0] == x // 2**bits


@settings(max_examples=300)
@given(x=VALUES, bits=st.integers(1, 27), share=SHARES)
def test_approximate_is_what_two_parties_compute(x: int, bits: int, share: int) -> None:
    """Each party shifts its own share; the wrap is known exactly; the result is near the floor."""
    result = int(approximate_truncate(np.array([x]), bits, np.array([share]))[0])
    shares = [share, (x + VALUE_LIMIT - share) % P]
    wrapped = sum(shares) >= P
    assert result == sum(s >> bits for s in shares) - wrapped * (P >> bits) + 1 - (
        VALUE_LIMIT >> bits
    )
    assert 0 <= result - x // 2**bits <= 2


def test_approximate_is_unbiased() -> None:
    """Over random shares the mean error is that of rounding to nearest: less than 0.01."""
    rng = np.random.default_rng(3)
    x = rng.integers(1 - VALUE_LIMIT, VALUE_LIMIT, 200_000)
    share = rng.integers(0, P, x.size)
    error = approximate_truncate(x, 13, share) - x / 2.0**13
    assert abs(error.mean()) < 0.01
    assert set(np.unique(approximate_truncate(x, 13, share) - (x >> 13))) == {0, 1}
