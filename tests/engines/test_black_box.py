"""Every operation of every engine equals the specification's function of the same name.

One suite for the engine between two parties and for the one among three, four and five.
"""

from collections.abc import Callable
from typing import Any

import cryptomoe_spec.abb as spec
import numpy as np
import pytest
from black_boxes import BLACK_BOXES, BlackBoxUnderTest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.field import VALUE_LIMIT, IntArray
from cryptomoe.party import Party

LIMIT = VALUE_LIMIT - 1
FEW = settings(max_examples=6, deadline=None)

shapes = arrays.array_shapes(min_dims=1, max_dims=3, max_side=7)
seeds = st.integers(0, 2**32 - 1)
every_engine = pytest.mark.parametrize("box", BLACK_BOXES, ids=lambda box: box.name)


def integers(low: int, high: int, shape: tuple[int, ...], seed: int) -> IntArray:
    """Integers spread over all sizes in [low, high], with both ends and 0 among them."""
    generator = np.random.default_rng(seed)
    width = generator.integers(1, max(abs(low), abs(high)).bit_length() + 1, shape)
    drawn = generator.integers(-(1 << width), (1 << width) + 1)
    special = generator.choice([low, high, 0, 1, -1], shape)
    values = np.where(generator.random(shape) < 0.2, special, drawn)
    return np.clip(values, low, high).astype(np.int64)


@every_engine
@FEW
@given(shapes, seeds)
def test_reveal_gives_the_values_to_whom_it_names(
    box: BlackBoxUnderTest, shape: tuple[int, ...], seed: int
) -> None:
    values = integers(-LIMIT, LIMIT, shape, seed)
    for to in (None, Party.CLIENT, Party.SERVER):
        results = box.run(lambda e, to=to: e.reveal(box.shared(e, values, LIMIT), to)).results
        for party in Party:
            if to in {None, party}:
                assert np.array_equal(results[party], values)
            else:
                assert results[party] is None


@every_engine
@FEW
@given(shapes, st.integers(1, 27), seeds)
def test_exact_truncation_is_the_floor(
    box: BlackBoxUnderTest, shape: tuple[int, ...], bits: int, seed: int
) -> None:
    values = integers(-LIMIT, LIMIT, shape, seed)
    assert np.array_equal(
        box.opened(lambda e: e.truncate(box.shared(e, values, LIMIT, seed), bits)), values >> bits
    )


@every_engine
def test_exact_truncation_on_many_values(box: BlackBoxUnderTest) -> None:
    """Small values, multiples of the divisor, and any."""
    values = np.random.default_rng(7).integers(-LIMIT, LIMIT, 6000)
    values[:2000] = np.arange(-1000, 1000)
    values[2000:4000] = np.arange(-1000, 1000) << 13
    assert np.array_equal(
        box.opened(lambda e: e.truncate(box.shared(e, values, LIMIT), 13)),
        spec.truncate(values, 13),
    )


@every_engine
@FEW
@given(shapes, seeds)
def test_comparisons(box: BlackBoxUnderTest, shape: tuple[int, ...], seed: int) -> None:
    x, y = (integers(-5000, 5000, shape, seed + i) for i in range(2))
    y = np.where(integers(0, 1, shape, seed) == 1, x, y)

    def both(e: ArithmeticBlackBox) -> tuple[Secret, Secret]:
        return box.shared(e, x, 5000, 1), box.shared(e, y, 5000, 2)

    assert np.array_equal(box.opened(lambda e: e.negative(both(e)[0])), x < 0)
    assert np.array_equal(box.opened(lambda e: e.less(*both(e))), x < y)
    assert np.array_equal(box.opened(lambda e: e.equal(*both(e))), x == y)
    thresholds = [-5000, -1, 0, 1, 5000]
    assert np.array_equal(
        box.opened(lambda e: e.at_least(both(e)[0], thresholds)), spec.at_least(x, thresholds)
    )


@every_engine
@FEW
@given(shapes, seeds)
def test_sign_over_the_whole_range(
    box: BlackBoxUnderTest, shape: tuple[int, ...], seed: int
) -> None:
    values = integers(-LIMIT, LIMIT, shape, seed)
    assert np.array_equal(
        box.opened(lambda e: e.negative(box.shared(e, values, LIMIT))), values < 0
    )


@every_engine
@FEW
@given(shapes, seeds)
def test_bits(box: BlackBoxUnderTest, shape: tuple[int, ...], seed: int) -> None:
    a, b = (integers(0, 1, shape, seed + i).astype(bool) for i in range(2))
    x, y = (integers(-LIMIT // 2, LIMIT // 2, shape, seed + i) for i in range(2, 4))

    def bits(e: ArithmeticBlackBox) -> tuple[SecretBits, SecretBits]:
        first = e.input_bits(Party.CLIENT, a if e.party is Party.CLIENT else None, shape)
        second = e.input_bits(Party.SERVER, b if e.party is Party.SERVER else None, shape)
        return first, second

    def mixed(e: ArithmeticBlackBox) -> SecretBits:
        return e.logical_xor(*bits(e))

    assert np.array_equal(box.opened(mixed), a ^ b)
    assert np.array_equal(box.opened(lambda e: e.logical_and(mixed(e), bits(e)[1])), (a ^ b) & b)
    assert np.array_equal(box.opened(lambda e: e.logical_not(mixed(e))), ~(a ^ b))
    assert np.array_equal(
        box.opened(
            lambda e: e.select(mixed(e), box.shared(e, x, LIMIT // 2), box.shared(e, y, LIMIT // 2))
        ),
        np.where(a ^ b, x, y),
    )
    assert np.array_equal(
        box.opened(lambda e: e.keep_if(mixed(e), box.shared(e, x, LIMIT))), np.where(a ^ b, x, 0)
    )


@every_engine
@FEW
@given(shapes, seeds)
def test_products(box: BlackBoxUnderTest, shape: tuple[int, ...], seed: int) -> None:
    x, y = (integers(-(1 << 20), 1 << 20, shape, seed + i) for i in range(2))
    assert np.array_equal(
        box.opened(
            lambda e: e.multiply(box.shared(e, x, 1 << 20, 1), box.shared(e, y, 1 << 20, 2))
        ),
        x * y,
    )
    assert np.array_equal(box.opened(lambda e: e.square(box.shared(e, x, 1 << 20))), x * x)


@every_engine
def test_many_products(box: BlackBoxUnderTest) -> None:
    x = integers(-(1 << 20), 1 << 20, (20_000,), 3)
    y = x[::-1].copy()
    assert np.array_equal(
        box.opened(
            lambda e: e.multiply(box.shared(e, x, 1 << 20, 1), box.shared(e, y, 1 << 20, 2))
        ),
        x * y,
    )


@every_engine
@FEW
@given(st.tuples(*(st.integers(1, 9) for _ in range(4))), seeds)
def test_matrix_products(
    box: BlackBoxUnderTest, size: tuple[int, int, int, int], seed: int
) -> None:
    batch, a, b, c = size
    x = integers(-(1 << 18), 1 << 18, (batch, a, b), seed)
    y = integers(-(1 << 18), 1 << 18, (batch, b, c), seed + 1)

    def linear(e: ArithmeticBlackBox) -> Secret:
        weight = e.weight(y if e.party is Party.SERVER else None, (batch, b, c))
        return e.linear(box.shared(e, x, 1 << 18), weight)

    assert np.array_equal(box.opened(linear), x @ y)
    assert np.array_equal(
        box.opened(lambda e: e.matmul(box.shared(e, x, 1 << 18, 1), box.shared(e, y, 1 << 18, 2))),
        x @ y,
    )


@every_engine
def test_a_server_whose_weights_are_all_zero(box: BlackBoxUnderTest) -> None:
    x = integers(-100, 100, (1, 3, 4), 5)
    zeros = np.zeros((1, 4, 2), np.int64)

    def linear(e: ArithmeticBlackBox) -> Secret:
        weight = e.weight(zeros if e.party is Party.SERVER else None, zeros.shape)
        return e.linear(box.shared(e, x, 100), weight)

    assert np.array_equal(box.opened(linear), np.zeros((1, 3, 2)))


@every_engine
@FEW
@given(st.integers(1, 40), seeds)
def test_secret_indices(box: BlackBoxUnderTest, size: int, seed: int) -> None:
    index = np.random.default_rng(seed).integers(0, 256, 9)
    assert np.array_equal(
        box.opened(lambda e: e.one_hot(box.shared(e, index, 255), size)), spec.one_hot(index, size)
    )
    log_size = 1 + seed % 5
    tables = integers(-LIMIT, LIMIT, (3, 1 << log_size), seed)
    small = index % (1 << log_size)
    assert np.array_equal(
        box.opened(lambda e: e.lookup(box.shared(e, small, 31), tables)), spec.lookup(small, tables)
    )


@every_engine
@pytest.mark.parametrize("size", [1, 3, 4, 5, 16, 17, 65, 300])
def test_maximum_and_argmax(box: BlackBoxUnderTest, size: int) -> None:
    """Ties go to the lowest index."""
    x = np.random.default_rng(size).integers(-3, 4, (6, size)) * 1000
    assert np.array_equal(box.opened(lambda e: e.maximum(box.shared(e, x, 3000))), spec.maximum(x))
    assert np.array_equal(box.opened(lambda e: e.argmax(box.shared(e, x, 3000))), spec.argmax(x))


SCALAR_INPUTS = {
    "silu": (-(1 << 23) + 1, (1 << 23) - 1),
    "sigmoid": (-(1 << 23) + 1, (1 << 23) - 1),
    "exp": (0, (1 << 26) - 1),
    "reciprocal": (1 << 19, (1 << 29) - 1),
    "rsqrt": (1, (1 << 42) - 1),
}


@every_engine
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
@pytest.mark.parametrize("name", SCALAR_INPUTS)
def test_scalar_functions_are_exact_in_both_modes(
    box: BlackBoxUnderTest, name: str, truncation: str
) -> None:
    low, high = SCALAR_INPUTS[name]
    generator = np.random.default_rng(11)
    spread = (2.0 ** generator.uniform(0, np.log2(high + 1), 250)).astype(np.int64)
    spread[::2] *= -1 if low < 0 else 1
    near = generator.integers(-90_000, 90_000, 250) if low < 0 else spread
    values = np.clip(np.concatenate([spread, near, [low, high]]), low, high)

    def protocol(engine: ArithmeticBlackBox) -> list[IntArray | None]:
        result = getattr(engine, name)(box.shared(engine, values, high))
        parts = result if isinstance(result, tuple) else (result,)
        return [engine.reveal(part, Party.CLIENT) for part in parts]

    expected = getattr(spec, name)(values)
    parts = expected if isinstance(expected, tuple) else (expected,)
    for part, result in zip(parts, box.run(protocol, truncation).results[0], strict=True):
        assert np.array_equal(result, part)


OPERATIONS: dict[str, Callable[[ArithmeticBlackBox, Secret], Any]] = {
    "truncate": lambda e, x: e.truncate(x, 13),
    "negative": lambda e, x: e.negative(x),
    "multiply": lambda e, x: e.multiply(x, x),
    "maximum": lambda e, x: e.maximum(x),
    "silu": lambda e, x: e.silu(x),
    "exp": lambda e, x: e.exp(x),
    "reciprocal": lambda e, x: e.reciprocal(x),
    "rsqrt": lambda e, x: e.rsqrt(x),
    "one_hot": lambda e, x: e.one_hot(x, 20),
    "lookup": lambda e, x: e.lookup(x, np.arange(64, dtype=np.int64).reshape(2, 32)),
}


@every_engine
@pytest.mark.parametrize("name", OPERATIONS)
def test_rounds_do_not_grow_with_the_shape(box: BlackBoxUnderTest, name: str) -> None:
    """A row of 2 and 40 rows of 256 take the same number of rounds."""

    def rounds(shape: tuple[int, ...]) -> int:
        values = np.full(shape, 1 << 20, np.int64) if name == "reciprocal" else np.ones(shape, int)
        run = box.run(lambda e: OPERATIONS[name](e, box.shared(e, values, 1 << 21)) and None)
        return run.rounds

    assert rounds((1, 2)) == rounds((5, 256))


@every_engine
@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_transcript_has_the_same_shape_whatever_the_values(
    box: BlackBoxUnderTest, name: str, truncation: str
) -> None:
    def transcript(low: int, high: int) -> list[tuple[Any, ...]]:
        values = np.random.default_rng(1).integers(low, high, (4, 5))
        return box.run(
            lambda e: OPERATIONS[name](e, box.shared(e, values, 1 << 21)) and None, truncation
        ).transcript

    assert transcript(0, 1) == transcript(0, 1 << 21) == transcript(31, 32)


@every_engine
@pytest.mark.leakage
@pytest.mark.parametrize("truncation", ["exact", "approximate"])
@pytest.mark.parametrize("name", [*OPERATIONS, "reveal"])
def test_a_value_beyond_its_bound_ends_no_run(
    box: BlackBoxUnderTest, name: str, truncation: str
) -> None:
    """The result is wrong and nothing else happens: an abort would tell of the value."""

    def transcript(size: int) -> list[tuple[Any, ...]]:
        values = np.full((4, 5), size, np.int64)

        def protocol(engine: ArithmeticBlackBox) -> None:
            x = box.shared(engine, values, 3)
            result = OPERATIONS[name](engine, x) if name in OPERATIONS else x
            for part in result if isinstance(result, tuple) else (result,):
                shown = engine.to_arithmetic(part) if isinstance(part, SecretBits) else part
                engine.reveal(shown, None)

        return box.run(protocol, truncation).transcript

    assert transcript(LIMIT) == transcript(1)
