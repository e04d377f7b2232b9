"""Field arithmetic on arrays equals Python's integers modulo p."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe import field as fp
from cryptomoe.field import P

EDGES = [0, 1, 2, P // 2 - 1, P // 2, P // 2 + 1, P // 2 + 2, P - 2, P - 1, 1 << 23, (1 << 23) - 1]
elements = st.one_of(st.sampled_from(EDGES), st.integers(0, P - 1))
pairs = st.lists(st.tuples(elements, elements), min_size=1, max_size=40)


def as_array(values: list[int]) -> fp.FieldArray:
    """Python integers as field elements."""
    return np.array(values, np.uint64)


def residues(generator: np.random.Generator, shape: tuple[int, ...]) -> fp.FieldArray:
    """Uniform elements, a third of them replaced by edges."""
    values = generator.integers(0, P, shape, dtype=np.uint64)
    return np.where(generator.random(shape) < 0.3, generator.choice(as_array(EDGES), shape), values)


def product(x: fp.FieldArray, y: fp.FieldArray) -> fp.FieldArray:
    """The matrix product by Python integers."""
    return (x.astype(object) @ y.astype(object) % P).astype(np.uint64)


def test_the_modulus_has_the_roots_of_unity_that_are_needed() -> None:
    assert P.bit_length() == fp.P_BITS
    assert P % (1 << 29) == 1
    assert pow(3, P - 1, P) == 1
    assert fp.VALUE_LIMIT == P // 4


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (fp.add, lambda x, y: (x + y) % P),
        (fp.subtract, lambda x, y: (x - y) % P),
        (fp.multiply, lambda x, y: x * y % P),
    ],
)
@settings(max_examples=25, deadline=None)
@given(values=pairs)
def test_binary_operations(
    operation: Callable[[fp.FieldArray, fp.FieldArray], fp.FieldArray],
    expected: Callable[[int, int], int],
    values: list[tuple[int, int]],
) -> None:
    x, y = (as_array(list(part)) for part in zip(*values, strict=True))
    result = operation(x, y)
    assert result.dtype == np.uint64
    assert result.tolist() == [expected(a, b) for a, b in values]


@pytest.mark.parametrize("operation", [fp.add, fp.subtract, fp.multiply])
def test_binary_operations_on_all_pairs_of_edges(
    operation: Callable[[fp.FieldArray, fp.FieldArray], fp.FieldArray],
) -> None:
    """Broadcasting a column against a row meets every pair of boundary values."""
    column, row = as_array(EDGES)[:, None], as_array(EDGES)[None, :]
    meant = {
        fp.add: lambda a, b: a + b,
        fp.subtract: lambda a, b: a - b,
        fp.multiply: lambda a, b: a * b,
    }[operation]
    assert operation(column, row).tolist() == [[meant(a, b) % P for b in EDGES] for a in EDGES]


@pytest.mark.parametrize("near", [-2, -1, 0, 1, 2])
def test_products_next_to_a_multiple_of_p(near: int) -> None:
    """The estimated quotient may be off by one on either side exactly there."""
    generator = np.random.default_rng(near + 2)
    x = generator.integers(1, P, 4000, dtype=np.uint64)
    y = as_array([(near * pow(int(value), -1, P)) % P for value in x])
    assert fp.multiply(x, y).tolist() == [near % P] * x.size


@settings(max_examples=25, deadline=None)
@given(values=st.lists(elements, min_size=1, max_size=40), c=st.integers(-(1 << 70), 1 << 70))
def test_negate_and_scale(values: list[int], c: int) -> None:
    x = as_array(values)
    assert fp.negate(x).tolist() == [-value % P for value in values]
    assert fp.scale(x, c).tolist() == [value * c % P for value in values]
    assert fp.scale(x[:, None], c).shape == (x.size, 1)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-(P // 2), P // 2), min_size=1, max_size=40))
def test_signed_integers_come_back(values: list[int]) -> None:
    residue = fp.to_field(np.array(values, np.int64))
    assert residue.tolist() == [value % P for value in values]
    assert fp.to_signed(residue).tolist() == values


def test_signed_boundaries() -> None:
    assert fp.to_signed(as_array([0, P // 2, P // 2 + 1, P - 1])).tolist() == [
        0,
        P // 2,
        -(P // 2),
        -1,
    ]
    assert fp.to_field(np.array([-1, P, -P, 3 * P + 5], np.int64)).tolist() == [P - 1, 0, 0, 5]


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    axis=st.integers(-3, 2),
    seed=st.integers(0, 2**32 - 1),
)
def test_total(shape: tuple[int, int, int], axis: int, seed: int) -> None:
    x = residues(np.random.default_rng(seed), shape)
    expected = (x.astype(object).sum(axis=axis) % P).astype(np.uint64)
    assert np.array_equal(fp.total(x, axis), expected)


@pytest.mark.parametrize("count", [(1 << 18) - 1, 1 << 18, (1 << 19) + 3])
def test_total_of_very_many_largest_elements(count: int) -> None:
    """More than 2^19 elements near 2^45 do not fit a 64-bit sum."""
    x = np.full((1, count), P - 1, np.uint64)
    assert fp.total(x, 1).tolist() == [-count % P]


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 6), st.integers(1, 140), st.integers(1, 6)),
    batch=st.one_of(st.none(), st.integers(1, 3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_matmul(sizes: tuple[int, int, int], batch: int | None, seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows, inner, columns = sizes
    leading = () if batch is None else (batch,)
    x = residues(generator, (*leading, rows, inner))
    y = residues(generator, (*leading, inner, columns))
    result = fp.matmul(x, y)
    assert result.dtype == np.uint64
    assert np.array_equal(result, product(x, y))


@pytest.mark.parametrize("inner", [63, 64, 65, 128, 1000])
def test_matmul_of_the_worst_operands(inner: int) -> None:
    """Limbs at their greatest, on both sides of the block of exact float64 sums."""
    for value in (P - 1, (1 << 44) + (1 << 23) - 1, (1 << 23) - 1):
        x = np.full((1, inner), value, np.uint64)
        assert fp.matmul(x, x.T).tolist() == [[inner * value * value % P]]


def test_matmul_broadcasts_its_batch() -> None:
    generator = np.random.default_rng(1)
    x, y = residues(generator, (1, 3, 7)), residues(generator, (4, 7, 2))
    assert np.array_equal(fp.matmul(x, y), product(x, y))
