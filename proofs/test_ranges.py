"""No value reaches p/4: bounds through every protocol, and the declarations they rest on."""

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from bounds_engine import BoundsEngine
from claims import proof
from composed_bounds import APPROXIMATE, NEAREST, Rounding
from cryptomoe_spec.combine import combine
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.exp import exp
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND, EXPERT_OUTPUT_BOUND, RMS_BOUND
from cryptomoe_spec.reciprocal import reciprocal
from cryptomoe_spec.rmsnorm import rmsnorm, shift_for
from cryptomoe_spec.rsqrt import rsqrt
from cryptomoe_spec.sigmoid import sigmoid
from cryptomoe_spec.silu import silu
from cryptomoe_spec.softmax import softmax

from cryptomoe.engines.abb import Secret
from cryptomoe.engines.completed_square import (
    MANTISSA,
    RECIPROCAL,
    RSQRT,
    SIGMOID,
    SILU,
    CompletedSquares,
)
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.protocols.shape import TransformerOptions, TransformerShape
from cryptomoe.protocols.softmax import softmax as private_softmax
from cryptomoe.protocols.swiglu import swiglu
from cryptomoe.protocols.transformer import transformer

DEEPSEEK = TransformerShape(
    layers=1,
    hidden=2048,
    heads=16,
    kv_heads=16,
    head_dim=128,
    experts=64,
    top_k=6,
    expert_width=1408,
    vocabulary=102400,
    rope_theta=1e4,
    epsilon=1e-6,
)
LONGEST = TransformerOptions(padded_length=255, max_new_tokens=2, reveal="token")


def secret(shape: tuple[int, ...], bound: int) -> Secret:
    """A value of which only the bound matters."""
    return Secret(np.broadcast_to(np.zeros((), np.int8), shape), bound)


@proof(functionality="silu", method="interval arithmetic")
def test_scalar_functions_never_reach_a_quarter_of_p() -> None:
    """Every sum and product inside the scalar functions is below p/4 by its operands' bounds.

    For silu and sigmoid on |x| < 2^23, exp on [0, 2^26), reciprocal on [0, 2^29), softmax on rows
    of 256 entries 2^26 apart and swiglu: bounds of the operands alone, on every branch, selected or
    not. rsqrt needs two lemmas, which `test_falling_powers` proves.
    """
    activation = secret((3,), ACTIVATION_BOUND - 1)
    engine = BoundsEngine()
    engine.silu(activation)
    engine.sigmoid(activation)
    engine.exp(secret((3,), (1 << 26) - 1))
    engine.reciprocal(secret((3,), (1 << 29) - 1))
    private_softmax(engine, secret((3, 256), 1 << 25), 13)
    private_softmax(engine, secret((3, 256), 1 << 25), 20)
    swiglu(engine, activation, activation)
    assert engine.unbounded == {}
    engine.rsqrt(secret((3,), (1 << 42) - 1))
    assert {operation for _, operation in engine.unbounded} == {
        "sum",
        "add",
        "add_public",
        "multiply",
    }


@proof(functionality="transformer", method="interval arithmetic")
def test_where_a_model_relies_on_more_than_bounds() -> None:
    """In a whole model, p/4 is out of reach but for six named sums and products.

    DeepSeekMoE's sizes at 256 positions. By operands' bounds alone these could reach p/4: the
    falling powers of rsqrt and their product (a lemma), the sums of squares of rmsnorm
    (RMS_BOUND), and the matrix products of attention (SCORE_BOUND; probabilities sum to about 1)
    and combine (scores sum to about 1). Products with weights are the caller's promise, which the
    quantisation checks wherever a norm precedes.
    """
    engine = BoundsEngine()
    transformer(engine, DEEPSEEK, LONGEST, None, None)
    assert set(engine.unbounded) == {
        ("rmsnorm", "sum"),
        ("rmsnorm", "add"),
        ("rmsnorm", "add_public"),
        ("rmsnorm", "multiply"),
        ("attention", "matmul"),
        ("combine", "matmul"),
    }


@proof(functionality="transformer", method="counterexample")
def test_the_bounds_engine_sees_an_overflow() -> None:
    """Without a declaration the bounds engine would note what the engines cap.

    A square of a value near 2^23 is noted, and its capped bound is not.
    """
    engine = BoundsEngine()
    result = engine.square(secret((1,), 1 << 23))
    assert engine.unbounded == {("", "square"): 1 << 46}
    assert result.bound < VALUE_LIMIT


@pytest.mark.parametrize("squares", [SILU, SIGMOID, MANTISSA, RECIPROCAL, RSQRT])
@proof(functionality="completed_square", method="exhaustive")
def test_declared_roots(squares: CompletedSquares) -> None:
    """The root of a completed square is at most what is declared, at every u that occurs.

    |K u + C| <= largest_root() for every u from 0 to the greatest, on the segment it lies in, and
    the square of that is below p/4.
    """
    u = np.arange(squares.greatest + 1)
    starts = np.array([segment.first * squares.unit for segment in squares.segments])
    which = np.searchsorted(starts, u, side="right") - 1
    slope, constant = (
        np.array([getattr(segment, name) for segment in squares.segments])[which]
        for name in ("slope", "constant")
    )
    assert np.abs(slope * u + constant).max() == squares.largest_root()
    assert squares.largest_root() ** 2 < VALUE_LIMIT


@proof(functionality="silu", method="exhaustive")
def test_greatest_scaled_inputs() -> None:
    """The index of SiLU and sigmoid reaches at most what their tables say.

    For |x| < 2^23, 15 x >> 8, its one's complement where negative, is in [0, 15 * 2^15]; it is
    monotone in x, so the ends decide. silu(x) and x differ by less than 2^11, so |silu(x)| < 2^21
    for |x| < 2^21 follows from silu(x) <= max(x, 0) and -2^12 <= silu(x), at every point; and
    0 <= sigmoid(x) <= 2^13.
    """
    for x in (1 - ACTIVATION_BOUND, -1, 0, ACTIVATION_BOUND - 1):
        u = 15 * x >> 8
        assert 0 <= (~u if x < 0 else u) <= SILU.greatest == SIGMOID.greatest
    # Beyond 2^17 both are constant or the identity, which the error bounds check everywhere.
    x = np.arange(-(1 << 17), 1 << 17)
    assert (silu(x) <= np.maximum(x, 0)).all()
    assert silu(x).min() >= -(1 << 12)
    assert 0 <= sigmoid(x).min() <= sigmoid(x).max() <= 1 << 13


@proof(functionality="rsqrt", method="exhaustive")
def test_falling_powers() -> None:
    """The powers that normalise a sum stay below p/4, and so do their products with it.

    With k = floor(log4 s) of 20 thresholds the telescoping sum is 4^(20-k), and s 4^(20-k) < 2^42;
    likewise base 2 for the reciprocal, s 2^(9-k) < 2^29. Every k, at both ends of its interval.
    """
    for k in range(21):
        steps = [4 ** (20 - j) - 4 ** (20 - j + 1) for j in range(1, 21)]
        assert 4**20 + sum(steps[:k]) == 4 ** (20 - k)
        for s in (4**k, 4 ** (k + 1) - 1):
            assert s * 4 ** (20 - k) < 1 << 42 < VALUE_LIMIT
            mantissa = (s * 4 ** (20 - k) >> 28) - (1 << 12)
            assert 0 <= mantissa <= RSQRT.greatest
    for k in range(10):
        for s in (1 << (19 + k), (1 << (20 + k)) - 1):
            mantissa = (s << (9 - k) >> 16) - (1 << 12)
            assert 0 <= mantissa <= RECIPROCAL.greatest
    low = np.arange(1 << 12, 1 << 13) << 7
    assert reciprocal(low).max() <= 1 << 17
    assert rsqrt(np.array([1]))[0][0] <= 1 << 16
    assert exp(np.arange(1 << 13)).max() <= 1 << 20


def squares_below(width: int, size: Fraction, rounding: Rounding) -> Fraction:
    """A bound of the sum of squares of a shifted row of root mean square `size`, as integers.

    The norm of x / 2^h + rho is at most the norm of x / 2^h plus sqrt(d) times the rounding.
    """
    h = shift_for(width)
    moved = rounding.size if h else Fraction(0)
    return width * (size / 2**h + moved) ** 2


@proof(functionality="rmsnorm", method="exact rationals")
def test_sums_of_squares() -> None:
    """The sum of squares of a norm stays below 2^42 up to a root mean square of 63.9.

    For every width up to 2^16, epsilon <= 10^-5, and either truncation, a row of root mean square
    at most 63.9 has a sum of squares, epsilon's term included, below 2^42: (R / 2^h + 1/2)^2 d
    (5/2 in place of 1/2 with approximate truncation). Widths that are powers of four are the
    tightest, as 64 sqrt(d) = 2^(8+h) there; every other width of the same shift is smaller.
    """
    size = Fraction(639, 10) * 2**13
    for rounding in (NEAREST, APPROXIMATE):
        for h in range(7):
            width = 4 ** (h + 2)
            assert shift_for(width) == h
            epsilon_term = Fraction(width * 4**13, 10**5 * 4**h) + 1
            assert squares_below(width, size, rounding) + epsilon_term < 1 << 42


@proof(functionality="rmsnorm", method="counterexample")
def test_the_stated_bound_of_rows_is_slightly_too_large() -> None:
    """A row of root mean square exactly RMS_BOUND does not fit where the width is a power of 4.

    Sixteen entries of 64 have squares that sum to 2^42, and the specification refuses them, though
    it says "at most RMS_BOUND".
    """
    with pytest.raises(RangeError):
        rmsnorm(np.full((1, 16), RMS_BOUND << 13), 1e-5)
    rmsnorm(np.full((1, 16), (RMS_BOUND << 13) - 1), 1e-5)


@proof(functionality="rmsnorm", method="exact rationals")
def test_declared_product_of_rmsnorm() -> None:
    """x * inverse is below 3 (sqrt(d) + 1) 2^33 and so below p/4, for every row and truncation.

    x * inverse is x 2^33 sqrt(d) / (2^h sqrt(S)) up to the factors of `rmsnorm_bound`, and
    S >= max(1, y^2) for the entry's own shifted y, within rho of x / 2^h. So the quotient
    |x| / (2^h sqrt(S)) is at most (|y| + rho) / sqrt(max(y^2, 0) + 1), at most 2.7 for rho = 5/2;
    the other factors together are below 1 + 2^-8.
    """
    others = (
        (1 + Fraction(1, 1 << 12))
        * (1 + Fraction(1, 1 << 11))
        * (1 + APPROXIMATE.size / Fraction(2) ** (12 - 6) / 256)
    )
    assert others < 1 + Fraction(1, 1 << 8)
    # With S >= y^2 + 1 the quotient falls for y >= 1 and tends to 1.
    for y in range(200):
        quotient_squared = (y + APPROXIMATE.size) ** 2 / (y * y + 1)
        assert quotient_squared * others**2 < 9
    for width in (1, 2048, 1 << 16):
        assert 3 * (isqrt(width) + 1) << 33 < VALUE_LIMIT


@proof(functionality="softmax", method="exact rationals")
def test_probabilities_sum_to_about_one() -> None:
    """The probabilities of a row are below 2^(b+1) each and sum to at most 2^20 (1 + 1/400).

    sum_j floor(e_j inv / 2^16 + 1/2) <= S inv / 2^16 + n/2 with S inv <= 2^36 (1 + 2^-12) + S/2 and
    S <= 2^28, n <= 256, 20 fraction bits; with 13 bits, 2^13 + n/2 + 2^13 / 400. A matrix product
    of probabilities with values below 2^23 stays below p/4, and one with scores does if the values
    are at most 1020.
    """
    total = (2**36 * (1 + Fraction(1, 1 << 12)) + Fraction(2**28, 2)) / 2**16 + 128
    assert total < 2**20 * (1 + Fraction(1, 400))
    rounded = total / 2**7 + 128
    assert rounded * (ACTIVATION_BOUND - 1) < VALUE_LIMIT
    assert total * (EXPERT_OUTPUT_BOUND) < VALUE_LIMIT
    # The rows that come nearest: all equal, for every length.
    for n in range(1, 257):
        assert softmax(np.zeros((1, n), np.int64), 20).sum() <= total


@proof(functionality="combine", method="counterexample")
def test_combine_can_leave_the_range_of_values() -> None:
    """Expert outputs just below 2^10 would take combine beyond p/4.

    One expert of probability about 1 and an output of 2^23 - 1, which activations in general may
    have: the product is above p/4, and the specification refuses it. Outputs up to 1020, which is
    what EXPERT_OUTPUT_BOUND allows, cannot (`test_probabilities_sum_to_about_one`).
    """
    probability = softmax(np.array([[0, -(30 << 13)]]), 20)[0, :1].reshape(1, 1)
    assignment = np.ones((1, 1, 1), bool)
    with pytest.raises(RangeError):
        combine(np.full((1, 1, 1), ACTIVATION_BOUND - 1), assignment, probability)
    combine(np.full((1, 1, 1), EXPERT_OUTPUT_BOUND), assignment, probability)
