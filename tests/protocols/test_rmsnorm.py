"""RMSNorm on the ideal engine equals its specification, also for several widths at once."""

import numpy as np
from arrays_of import activations
from cryptomoe_spec import rmsnorm as spec
from hypothesis import given, settings
from hypothesis import strategies as st
from ideal import IdealEngine

from cryptomoe.engines.abb import Secret
from cryptomoe.protocols.rmsnorm import rmsnorm, rmsnorms, shift_for

BOUND = (1 << 23) - 1
SIZES = st.sampled_from([0.0, 0.0002, 0.02, 1.0, 20.0])
EPSILONS = st.sampled_from([1e-5, 1e-6])


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(1, 3), width=st.integers(1, 300), size=SIZES, eps=EPSILONS)
def test_equals_specification(
    data: st.DataObject, rows: int, width: int, size: float, eps: float
) -> None:
    x = data.draw(activations((rows, width), size))
    result = rmsnorm(IdealEngine(), Secret(x, BOUND), eps)
    np.testing.assert_array_equal(result.data, spec.rmsnorm(x, eps))


@settings(max_examples=20, deadline=None)
@given(data=st.data(), widths=st.lists(st.integers(1, 600), min_size=1, max_size=3), size=SIZES)
def test_several_widths_at_once(data: st.DataObject, widths: list[int], size: float) -> None:
    """Rows of different widths, hence shifts, share every step and stay what they are alone."""
    xs = [data.draw(activations((2, width), size)) for width in widths]
    engine = IdealEngine()
    results = rmsnorms(engine, [Secret(x, BOUND) for x in xs], 1e-5)
    for x, result in zip(xs, results, strict=True):
        np.testing.assert_array_equal(result.data, spec.rmsnorm(x, 1e-5))
    alone = IdealEngine()
    rmsnorm(alone, Secret(np.zeros((1, 17), np.int64), BOUND), 1e-5)
    assert len(engine.calls) <= len(alone.calls)


def test_largest_row_of_one_entry() -> None:
    """The bound of the product holds where one entry is the whole row and rounds in the shift."""
    for width in (16, 17, 64, 65, 1024, 2048, 1 << 16):
        unit = 1 << shift_for(width)
        for entry in (1, 2, 3, unit // 2, 3 * unit // 2 - 1, min(unit << 20, BOUND)):
            x = np.zeros((1, width), np.int64)
            x[0, -1] = entry
            result = rmsnorm(IdealEngine(), Secret(x, BOUND), 0.0)
            np.testing.assert_array_equal(result.data, spec.rmsnorm(x, 0.0))


def test_shift_is_the_specified_one() -> None:
    widths = [*range(1, 2000), 1 << 14, (1 << 14) + 1, 1 << 16]
    assert [shift_for(width) for width in widths] == [spec.shift_for(width) for width in widths]
