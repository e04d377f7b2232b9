"""Error bounds of the scalar functions, over their whole domains wherever those can be listed."""

import numpy as np
from arrays_of import integers
from cryptomoe_spec.exp import exp
from cryptomoe_spec.reciprocal import reciprocal
from cryptomoe_spec.rsqrt import rsqrt
from cryptomoe_spec.sigmoid import sigmoid
from cryptomoe_spec.silu import silu
from cryptomoe_spec.swiglu import swiglu
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

BLOCK = 1 << 20
BLOCKS = range(1 - (1 << 23), 1 << 23, BLOCK)


def sigmoid_of(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The real function, without overflow."""
    return np.asarray(0.5 + 0.5 * np.tanh(x / 2))


def inputs(start: int) -> NDArray[np.int64]:
    """One block of all |x| < 2^23."""
    return np.arange(start, min(start + BLOCK, 1 << 23))


def test_silu_is_within_two_to_the_minus_nine_everywhere() -> None:
    """Every input; 0 at 0; the identity or 0 beyond the cut."""
    for start in BLOCKS:
        x = inputs(start)
        real = x / 8192
        assert np.abs(silu(x) / 8192 - real * sigmoid_of(real)).max() < 2**-9
    assert silu(np.array([0]))[0] == 0
    beyond = np.array([-(1 << 23) + 1, -70_000, 70_000, (1 << 23) - 1])
    assert silu(beyond).tolist() == [0, 0, 70_000, (1 << 23) - 1]


def test_sigmoid_is_within_two_to_the_minus_ten_everywhere() -> None:
    for start in BLOCKS:
        x = inputs(start)
        assert np.abs(sigmoid(x) / 8192 - sigmoid_of(x / 8192)).max() < 2**-10
    assert sigmoid(np.array([-70_000, 70_000])).tolist() == [0, 8192]


def test_exp_errors() -> None:
    """Relative below v = 8, absolute beyond, exactly 0 from 21 on, never above 1."""
    v = np.arange(40 << 13)
    result, real = exp(v) / 2.0**20, 2.0 ** (-v / 8192)
    assert np.abs(result / real - 1)[v < 8 << 13].max() < 2**-10.4
    assert np.abs(result - real)[v >= 8 << 13].max() < 2**-18
    assert exp(v).max() <= 1 << 20
    assert not exp(v[v >= 21 << 13]).any()
    assert exp(np.array([(1 << 26) - 1]))[0] == 0


def test_reciprocal_errors() -> None:
    """Every mantissa in every octave, at the lowest and highest of its integers."""
    for k in range(10):
        for low_bits in (0, (1 << (7 + k)) - 1):
            s = (np.arange(1 << 12, 1 << 13) << (7 + k)) + low_bits
            result, real = reciprocal(s), 2.0**36 / s
            assert (np.abs(result - real) - 2.0**-12 * real).max() <= 0.5
            assert result.max() <= 1 << 17


def test_rsqrt_errors() -> None:
    """Every mantissa in every power of four, at the lowest and highest of its integers."""
    for k in range(21):
        mantissas = np.arange(1 << 12, 1 << 14)
        spacing = 28 - 2 * (20 - k)
        if spacing < 0:
            ends = [np.arange(4**k, 4 ** (k + 1))]
        else:
            ends = [mantissas << spacing, ((mantissas + 1) << spacing) - 1]
        for s in ends:
            r, e = rsqrt(s)
            assert (e == 1 << (20 - k)).all()
            assert np.abs(r * e * np.sqrt(s) / 2.0**36 - 1).max() < 2**-12
            assert r.min() >= 1 << 15
            assert r.max() <= 1 << 16


@given(data=st.data(), size=st.sampled_from([30_000, (1 << 21) - 1]))
def test_swiglu_error_is_that_of_silu_times_the_other(data: st.DataObject, size: int) -> None:
    gate, up = (data.draw(integers((4,), -size, size)) for _ in range(2))
    real = gate / 8192 * sigmoid_of(gate / 8192) * up / 8192
    assert (np.abs(swiglu(gate, up) / 8192 - real) <= 2**-9 * np.abs(up) / 8192 + 2**-13).all()
