"""Error bounds of the scalar functions, of softmax and of RMSNorm, over their whole domains."""

from fractions import Fraction
from functools import cache
from math import isqrt
from pathlib import Path

import hypothesis
import numpy as np
from claims import proof
from composed_bounds import APPROXIMATE, NEAREST, ExpBounds, rmsnorm_bound, softmax_bound
from cryptomoe_spec.completed_square import completed_square
from cryptomoe_spec.exp import SEGMENTS, SHIFT, exp
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND
from cryptomoe_spec.reciprocal import reciprocal
from cryptomoe_spec.rmsnorm import rmsnorm, shift_for
from cryptomoe_spec.rsqrt import rsqrt
from cryptomoe_spec.sigmoid import sigmoid
from cryptomoe_spec.silu import silu
from cryptomoe_spec.softmax import softmax
from enclosures import SCALE, falling_exponentials, falling_powers_of_two
from hypothesis import given, settings
from hypothesis import strategies as st

ONE = 1 << SCALE
CUT = 69906
"""The least |x| for which an index of SiLU and sigmoid reaches 32: 15 |x| >= 2^20."""
EPSILON = Fraction(1, 100_000)


@cache
def greatest_error(function: str, bound: int) -> Fraction:
    """Greatest error of silu or sigmoid on |x| < CUT in units of 2^-13; below `bound` units."""
    assert 15 * CUT >= 1 << 20 > 15 * (CUT - 1)
    lows, highs = falling_exponentials(CUT)
    x = np.arange(1 - CUT, CUT)
    values = (silu if function == "silu" else sigmoid)(x).tolist()
    worst = Fraction(0)
    for position, value in zip(x.tolist(), values, strict=True):
        size = abs(position)
        for power in (lows[size], highs[size]):
            # sigmoid(x) = 1 / (1 + e) or e / (1 + e): clear the denominator; linear in e.
            share = ONE if position >= 0 else power
            real = (position if function == "silu" else 8192) * share
            distance = abs(value * (ONE + power) - real)
            if distance * worst.denominator > worst.numerator * (ONE + power):
                worst = Fraction(distance, ONE + power)
    assert worst < bound
    return worst


@proof(functionality="silu", method="interval arithmetic")
def test_silu_bound() -> None:
    """SiLU is within 2^-9 of the real function on its whole domain.

    |silu(x) / 2^13 - X / (1 + e^-X)| < 2^-9 for X = x / 2^13 and every integer |x| < 2^23. Below
    the cut every point is compared with an enclosure of e^-|X|; the quotient is monotone in it, so
    both ends decide. From the cut on silu(x) is max(x, 0) (every point) and the error
    |X| e^-|X| / (1 + e^-|X|) falls with |X| > 1, so the first point decides.
    """
    worst = greatest_error("silu", 16)
    assert 12 < worst < 13
    for start in range(CUT, ACTIVATION_BOUND, 1 << 20):
        x = np.arange(start, min(start + (1 << 20), ACTIVATION_BOUND))
        assert np.array_equal(silu(x), x)
        assert not silu(-x).any()
    _, highs = falling_exponentials(CUT)
    assert CUT * highs[CUT] < 16 * ONE


@proof(functionality="sigmoid", method="interval arithmetic")
def test_sigmoid_bound() -> None:
    """Sigmoid is within 2^-10 of the real function on its whole domain.

    As for SiLU: every |x| below the cut against enclosures; beyond it the value is 0 or 1 and the
    error e^-|X| / (1 + e^-|X|) falls.
    """
    assert greatest_error("sigmoid", 8) < 7
    for start in range(CUT, ACTIVATION_BOUND, 1 << 20):
        x = np.arange(start, min(start + (1 << 20), ACTIVATION_BOUND))
        assert (sigmoid(x) == 8192).all()
        assert not sigmoid(-x).any()
    _, highs = falling_exponentials(CUT)
    assert 8192 * highs[CUT] < 8 * ONE


@cache
def exp_bounds() -> ExpBounds:
    """Relative errors of the mantissa, over all fractions of 13 bits, rounded outwards."""
    lows, highs = falling_powers_of_two(8191)
    fraction = np.arange(8192)
    mantissa = completed_square(fraction >> 3, fraction >> 12, SEGMENTS, SHIFT).tolist()
    below = above = Fraction(0)
    for value, low, high in zip(mantissa, lows, highs, strict=True):
        above = max(above, Fraction(value << SCALE, low << 16) - 1)
        below = max(below, 1 - Fraction(value << SCALE, high << 16))
    # Fewer digits, still upper bounds.
    return ExpBounds(*(Fraction(-(-bound * 2**60 // 1), 2**60) for bound in (below, above)))


@proof(functionality="exp", method="interval arithmetic")
def test_exp_bound() -> None:
    """Exp is 2^-v up to a relative error below 2^-10.4 and half a unit.

    For every v in [0, 2^26): exp(v) = 2^20 2^(-v / 2^13) (1 + delta) + rho with |delta| < 2^-10.4
    and |rho| <= 1/2, and exp(v) <= 2^20. The fraction's mantissa is compared with enclosures at all
    8192 fractions; the integer part i scales it exactly and rounds once for i <= 20; from i = 21 on
    exp(v) = 0 while 2^20 2^-v <= 1/2. The form, its rounding included, is checked at every v < 21;
    from there on the mantissa is multiplied by 0, which is checked at both ends of every i.
    """
    bounds = exp_bounds()
    # 2^-10.4 > 740 / 10^6, as (740 / 10^6)^5 < 2^-52.
    assert Fraction(740, 10**6) ** 5 < Fraction(1, 2**52)
    assert max(bounds.below, bounds.above) < Fraction(740, 10**6)
    v = np.arange(21 << 13)
    fraction, i = v & 8191, v >> 13
    mantissa = completed_square(fraction >> 3, fraction >> 12, SEGMENTS, SHIFT)
    # exp(v) 2^16 - mantissa 2^(20-i) = rho 2^16 on integers.
    rho = (exp(v) << 16) - (mantissa << (20 - i))
    assert np.abs(rho).max() <= 1 << 15
    assert exp(v).max() <= 1 << 20
    beyond = np.arange(21, 1 << 13) << 13
    assert not exp(beyond).any()
    assert not exp(beyond + 8191).any()


@cache
def reciprocal_bound() -> Fraction:
    """The least c with |reciprocal(s) - 2^36/s| <= 1/2 + c 2^36/s for every s."""
    worst = 0
    for k in range(10):
        low = np.arange(1 << 12, 1 << 13) << (7 + k)
        high = low + (1 << (7 + k)) - 1
        assert np.array_equal(reciprocal(low), reciprocal(high))
        for s in (low, high):
            # (|r s - 2^36| - s/2) / 2^36 is convex in s while r stays, so ends of cells decide.
            excess = 2 * np.abs(reciprocal(s) * s - (1 << 36)) - s
            worst = max(worst, int(excess.max()))
    return Fraction(worst, 1 << 37)


@proof(functionality="reciprocal", method="exhaustive")
def test_reciprocal_bound() -> None:
    """Reciprocal is within 1/2 + 2^-12 of the result, for every input.

    |reciprocal(s) - 2^36/s| <= 1/2 + 2^-12 2^36/s for all integers 2^19 <= s < 2^29, and the result
    is at most 2^17. The function is constant on the cells of one mantissa of 12 bits, and the
    excess of the error over the bound is convex on a cell, so its two ends decide; all 10 * 4096
    cells, in integers.
    """
    assert reciprocal_bound() < Fraction(1, 1 << 12)
    largest = reciprocal(np.arange(1 << 12, 1 << 13) << 7).max()
    assert largest <= 1 << 17


@cache
def longest_softmax(out_bits: int) -> Fraction:
    """The composed bound for rows of 256 entries."""
    return softmax_bound(exp_bounds(), reciprocal_bound(), 256, out_bits)


@cache
def rsqrt_bound() -> Fraction:
    """An upper bound of |r e sqrt(s) / 2^36 - 1| for every s."""
    least, greatest = 1 << 200, 0
    for k in range(21):
        if k < 6:
            ends = [np.arange(4**k, 4 ** (k + 1))]
        else:
            low = np.arange(1 << 12, 1 << 14) << (2 * k - 12)
            ends = [low, low + (1 << (2 * k - 12)) - 1]
            assert np.array_equal(rsqrt(ends[0])[0], rsqrt(ends[1])[0])
        for s in ends:
            r, e = rsqrt(s)
            assert (e == 1 << (20 - k)).all()
            assert r.min() >= 1 << 15
            assert r.max() <= 1 << 16
            squared = (r * r).astype(object) * (e * e).astype(object) * s.astype(object)
            least, greatest = min(least, squared.min()), max(greatest, squared.max())
    one = 1 << 36
    return max(Fraction(isqrt(greatest) + 1, one) - 1, 1 - Fraction(isqrt(least), one))


@proof(functionality="rsqrt", method="exhaustive")
def test_rsqrt_bound() -> None:
    """Rsqrt has a relative error below 2^-12, for every input.

    |r e sqrt(s) / 2^36 - 1| < 2^-12 for all integers 1 <= s < 2^42, 2^15 <= r <= 2^16, and
    e = 2^(20 - floor(log4 s)). The function is constant on the cells of one mantissa and the
    quotient monotone there, so the ends decide: 15 * 12288 cells, and every s < 4096, in integers.
    """
    assert rsqrt_bound() < Fraction(1, 1 << 12)


@proof(functionality="softmax", method="exact rationals")
def test_softmax_bound() -> None:
    """Softmax is within 2^-10 of the real function, for every row of up to 256 entries.

    For n <= 256 logits with v = max - z < 2^26, every probability of 13 or 20 bits is within 2^-10
    of 2^-v_j / sum 2^-v_i. Composed from the bounds of exp and of the reciprocal and from the
    roundings (see `softmax_bound`), over all rows at once. The sum is in [2^19, 2^29), as the
    greatest entry alone has exp(0) >= 2^19 and every one at most 2^20.
    """
    assert exp(np.array([0]))[0] >= 1 << 19
    for out_bits, expected in ((13, Fraction(62, 10**5)), (20, Fraction(56, 10**5))):
        bound = longest_softmax(out_bits)
        assert bound < expected < Fraction(1, 1 << 10)


@proof(functionality="softmax", method="search")
@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    head=st.lists(st.integers(0, 3 << 13), min_size=1, max_size=4),
    tail=st.integers(0, 22 << 13),
    count=st.integers(0, 250),
)
def test_softmax_bound_against_searched_rows(head: list[int], tail: int, count: int) -> None:
    """No row that a search finds exceeds the composed bound of softmax.

    Rows of a few entries near the greatest and a flat tail, moved towards larger errors.
    """
    v = np.array([0, *head, *[tail] * count])
    real = 2.0 ** (-v / 8192)
    error = float(np.abs(softmax(-v[None, :], 13)[0] / 8192 - real / real.sum()).max())
    hypothesis.target(error)
    assert error < longest_softmax(13)


@proof(functionality="softmax", method="exact rationals")
def test_bounds_as_the_page_states_them() -> None:
    """The bounds that README.md lists hold, and are what was proved to 1 %.

    Each in turn: SiLU with its tail, sigmoid, exp, reciprocal, rsqrt, softmax with 13 and 20 bits,
    RMSNorm with exact and with approximate truncation, as powers of two.
    """
    _, highs = falling_exponentials(CUT)
    silu_bound = max(greatest_error("silu", 16), Fraction(CUT * highs[CUT], ONE)) / 8192
    exp_bound = max(exp_bounds().below, exp_bounds().above)
    norms = [
        max(
            rmsnorm_bound(width, shift, rsqrt_bound(), EPSILON, rounding)
            for shift, width in enumerate(least_widths())
        )
        for rounding in (NEAREST, APPROXIMATE)
    ]
    stated = {
        9.21: silu_bound,
        10.25: greatest_error("sigmoid", 8) / 8192,
        10.6: exp_bound,
        12.44: reciprocal_bound(),
        12.43: rsqrt_bound(),
        10.67: longest_softmax(13),
        10.82: longest_softmax(20),
        9.48: norms[0],
        7.42: norms[1],
    }
    page = Path(__file__).with_name("README.md").read_text()
    for power, bound in stated.items():
        assert f"2^-{power}" in page
        assert 0.99 * 2**-power < bound < 2**-power


def least_widths() -> list[int]:
    """The least width for every shift; within one shift every term of the bound falls with d."""
    return [1, 17, 65, 257, 1025, 4097, 16385]


@proof(functionality="rmsnorm", method="exact rationals")
def test_rmsnorm_bound() -> None:
    """RMSNorm is within 2^-9 of the row's greatest entry, for every row that is not tiny.

    For widths d <= 2^16, epsilon <= 10^-5 and rows whose root mean square is from 2^(h-4) to
    below the RMS_BOUND, h = shift_for(d): every entry is within 2^-9 of the real one, relative to
    the greatest entry of the real normalised row. Composed in exact rationals from the bound of
    rsqrt (see `rmsnorm_bound`).
    """
    widths = least_widths()
    assert [shift_for(width) for width in widths] == list(range(7))
    assert [shift_for(width - 1) for width in widths[1:]] == list(range(6))
    assert shift_for(1 << 16) == 6
    for shift, width in enumerate(widths):
        bound = rmsnorm_bound(width, shift, rsqrt_bound(), EPSILON, NEAREST)
        assert bound < Fraction(1, 1 << 9)


@proof(functionality="rmsnorm", method="exact rationals")
def test_rmsnorm_bound_with_approximate_truncation() -> None:
    """With approximate truncation RMSNorm's worst case is 2^-7, not 2^-9.

    Each of its three roundings may exceed the nearest integer by up to 5/2 units instead of 1/2.
    What follows for every row, whatever the shares are, is a bound below 2^-7; the 2^-9 of the
    exact mode does not follow.
    """
    bounds = [
        rmsnorm_bound(width, shift, rsqrt_bound(), EPSILON, APPROXIMATE)
        for shift, width in enumerate(least_widths())
    ]
    assert max(bounds) < Fraction(1, 1 << 7)
    assert max(bounds) > Fraction(1, 1 << 9)


@proof(functionality="rmsnorm", method="search")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    width=st.sampled_from([1, 2, 16, 17, 18, 64, 65, 256, 257, 1025]),
    level=st.integers(1 << 9, 1 << 10),
    low=st.integers(-33, 33),
    spike=st.integers(0, 40),
)
def test_rmsnorm_bound_against_searched_rows(width: int, level: int, low: int, spike: int) -> None:
    """No row that a search finds exceeds the composed bound of RMSNorm.

    Flat rows halfway between multiples of 2^h, with one spike, near the least size promised.
    """
    h = shift_for(width)
    x = np.full(width, (level << h) + ((1 << h) >> 1) + low)
    x[0] += spike << (h + 4)
    real = x / 8192
    mean_square = (real**2).mean()
    hypothesis.assume(mean_square >= 4.0 ** (h - 4))
    real = real / np.sqrt(mean_square + 1e-5)
    error = float(np.abs(rmsnorm(x[None, :], 1e-5)[0] / 8192 - real).max() / np.abs(real).max())
    hypothesis.target(error)
    assert error < rmsnorm_bound(width, h, rsqrt_bound(), EPSILON, NEAREST)
