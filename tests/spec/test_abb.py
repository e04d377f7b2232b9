"""The black box's operations mean what they say, and refuse what no engine could compute."""

from collections.abc import Callable

import numpy as np
import pytest
from arrays_of import integers
from cryptomoe_spec import abb
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import VALUE_LIMIT
from hypothesis import given, settings
from hypothesis import strategies as st

LARGEST = VALUE_LIMIT - 1
ONE = np.array([1])


@pytest.mark.parametrize(
    "refused",
    [
        lambda: abb.add(np.array([LARGEST]), ONE),
        lambda: abb.subtract(np.array([-LARGEST]), ONE),
        lambda: abb.add_public(np.array([LARGEST]), 1),
        lambda: abb.scale_public(np.array([LARGEST]), -2),
        lambda: abb.sum(np.array([LARGEST, 1]), 0),
        lambda: abb.multiply(np.array([1 << 22]), np.array([1 << 21])),
        lambda: abb.square(np.array([1 << 22])),
        lambda: abb.matmul(np.full((1, 1, 2), 1 << 21), np.full((1, 2, 1), 1 << 21)),
        lambda: abb.linear(np.full((1, 1, 2), 1 << 21), np.full((1, 2, 1), 1 << 21)),
        lambda: abb.declare(np.array([-3]), 2),
        lambda: abb.input(0, np.array([3]), (1,), 2),
        lambda: abb.input(0, np.array([3]), (2,), 3),
        lambda: abb.weight(np.full((1, 1, 1), VALUE_LIMIT), (1, 1, 1)),
        lambda: abb.public(np.array([VALUE_LIMIT])),
        lambda: abb.truncate(np.array([VALUE_LIMIT]), 3),
        lambda: abb.one_hot(np.array([256]), 4),
        lambda: abb.one_hot(np.array([-1]), 4),
        lambda: abb.lookup(np.array([4]), np.zeros((1, 4), np.int64)),
        lambda: abb.silu(np.array([1 << 23])),
        lambda: abb.sigmoid(np.array([-(1 << 23)])),
        lambda: abb.exp(np.array([-1])),
        lambda: abb.exp(np.array([1 << 26])),
        lambda: abb.reciprocal(np.array([(1 << 19) - 1])),
        lambda: abb.reciprocal(np.array([1 << 29])),
        lambda: abb.rsqrt(np.array([0])),
        lambda: abb.rsqrt(np.array([1 << 42])),
    ],
)
def test_out_of_range_is_refused(refused: Callable[[], object]) -> None:
    with pytest.raises(RangeError):
        refused()


@settings(max_examples=60, deadline=None)
@given(data=st.data(), bits=st.sampled_from([2, 20, 25, 31, 42]), inner=st.integers(1, 5))
def test_matrix_products_are_exact_at_every_size(
    data: st.DataObject, bits: int, inner: int
) -> None:
    """Compared with Python's integers; where an entry leaves the field, that is said."""
    x = data.draw(integers((2, 2, inner), -(1 << bits), 1 << bits))
    y = data.draw(integers((2, inner, 3), -(1 << bits), 1 << bits))
    exact = x.astype(object) @ y.astype(object)
    if all(abs(entry) < VALUE_LIMIT for entry in exact.flat):
        np.testing.assert_array_equal(abb.matmul(x, y), exact.astype(np.int64))
    else:
        with pytest.raises(RangeError, match="matmul"):
            abb.matmul(x, y)


def test_terms_that_cancel_may_be_of_any_size() -> None:
    """The field does not mind partial sums, so neither does the specification."""
    x = np.array([[[LARGEST, LARGEST, 1]]])
    y = np.array([[[LARGEST], [-LARGEST], [5]]])
    assert abb.matmul(x, y).tolist() == [[[5]]]


@given(data=st.data(), size=st.integers(1, 6))
def test_secret_indices(data: st.DataObject, size: int) -> None:
    """one_hot and lookup agree; an index beyond the size gives zeros; the first maximum wins."""
    index = data.draw(integers((3,), 0, 5))
    hot = abb.one_hot(index, size)
    assert hot.shape == (3, size)
    for row, i in zip(hot, index, strict=True):
        assert row.tolist() == [j == i for j in range(size)]
    tables = data.draw(integers((2, 8), -9, 9))
    chosen = abb.lookup(index, tables)
    np.testing.assert_array_equal(chosen, tables @ abb.one_hot(index, 8).T)
    x = data.draw(integers((3, size), -2, 2))
    np.testing.assert_array_equal(abb.maximum(x), x.max(axis=1))
    assert abb.argmax(x).tolist() == [row.index(max(row)) for row in x.tolist()]


def test_at_least_puts_thresholds_first() -> None:
    x = np.array([[1, 5, -2]])
    assert abb.at_least(x, [-2, 5]).tolist() == [[[True, True, True]], [[False, True, False]]]
