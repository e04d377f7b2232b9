"""Every operation of the two-party engine sends exactly what the specification predicts."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec.messages import bits, comparison, indices, products, scalar
from cryptomoe_spec.messages.boundary import reveal
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import SERVER, Message, Wire
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from predictions import assert_predicted
from two_party_pair import shared

from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.party import Party

pytestmark = pytest.mark.leakage
FEW = settings(max_examples=6, deadline=None)
LIMIT = VALUE_LIMIT - 1

shapes = arrays.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9)
full_shapes = arrays.array_shapes(min_dims=1, max_dims=2, max_side=9)
modes = st.sampled_from(["exact", "approximate"])
bounds = st.one_of(
    st.integers(1, LIMIT), st.integers(1, 43).flatmap(lambda b: st.sampled_from([2**b - 1, 2**b]))
)


def value(engine: TwoPartyEngine, shape: tuple[int, ...], bound: int = LIMIT) -> Secret:
    """Ones, or zeros where the bound allows nothing else."""
    return shared(engine, np.full(shape, min(bound, 1), np.int64), bound)


def bit(engine: TwoPartyEngine, shape: tuple[int, ...]) -> SecretBits:
    """Ones of the client."""
    values = np.ones(shape, bool) if engine.party is Party.CLIENT else None
    return engine.input_bits(Party.CLIENT, values, shape)


@FEW
@given(shapes, st.integers(1, 27), st.sampled_from([{}, {"exact": True}, {"exact": False}]), modes)
def test_truncate(shape: tuple[int, ...], width: int, asked: dict[str, bool], mode: str) -> None:
    assert_predicted(
        lambda e: e.truncate(value(e, shape), width, **asked),
        lambda w: truncate(w, prod(shape), width, **asked),
        mode,
    )


@FEW
@given(shapes, bounds, st.lists(st.integers(0, LIMIT), min_size=1, max_size=5), modes)
def test_at_least(shape: tuple[int, ...], bound: int, thresholds: list[int], mode: str) -> None:
    assert_predicted(
        lambda e: e.at_least(value(e, shape, bound), thresholds),
        lambda w: comparison.at_least(w, prod(shape), len(thresholds), max(thresholds), bound),
        mode,
    )


@FEW
@given(shapes, bounds, bounds, modes)
def test_comparisons(shape: tuple[int, ...], first: int, second: int, mode: str) -> None:
    size = prod(shape)

    def engine(e: TwoPartyEngine) -> None:
        x, y = value(e, shape, first), value(e, shape, second)
        e.negative(x)
        e.less(x, y)
        e.equal(x, y)

    def predicted(wire: Wire) -> None:
        comparison.negative(wire, size, first)
        comparison.less(wire, size, first, second)
        comparison.equal(wire, size, first, second)

    assert_predicted(engine, predicted, mode)


BITS: dict[str, Callable[[TwoPartyEngine, SecretBits, Secret], object]] = {
    "logical_and": lambda e, a, _: e.logical_and(a, a),
    "to_arithmetic": lambda e, a, _: e.to_arithmetic(a),
    "select": lambda e, a, x: e.select(a, x, x),
    "keep_if": lambda e, a, x: e.keep_if(a, x),
}


@pytest.mark.parametrize("name", BITS)
@FEW
@given(shapes, modes)
def test_bits(name: str, shape: tuple[int, ...], mode: str) -> None:
    assert_predicted(
        lambda e: BITS[name](e, bit(e, shape), value(e, shape)),
        lambda w: getattr(bits, name)(w, prod(shape)),
        mode,
    )


@FEW
@given(full_shapes, st.sampled_from([None, *Party]), modes)
def test_reveal(shape: tuple[int, ...], to: Party | None, mode: str) -> None:
    assert_predicted(
        lambda e: e.reveal(value(e, shape), to), lambda w: reveal(w, prod(shape), to), mode
    )


@pytest.mark.parametrize("size", [0, 1, 4096, 4097, 8192, 8193, 16384, 20000])
def test_products(size: int) -> None:
    """At both sides of what one ciphertext holds."""

    def engine(e: TwoPartyEngine) -> None:
        x = value(e, (size,), 1)
        e.multiply(x, x)
        e.square(x)

    def predicted(wire: Wire) -> None:
        products.multiply(wire, size)
        products.square(wire, size)

    assert_predicted(engine, predicted, "approximate")


@FEW
@given(st.lists(st.tuples(*(st.integers(1, 20) for _ in range(4))), min_size=1, max_size=2), modes)
def test_matrix_products(sizes: list[tuple[int, int, int, int]], mode: str) -> None:
    """Several in a row: a key that an earlier one needed is not sent again."""

    def engine(e: TwoPartyEngine) -> None:
        for batch, a, b, c in sizes:
            w = np.ones((batch, b, c), np.int64) if e.party is Party.SERVER else None
            e.linear(value(e, (batch, a, b), 1), e.weight(w, (batch, b, c)))
            e.matmul(value(e, (batch, a, b), 1), value(e, (batch, b, c), 1))

    def predicted(wire: Wire) -> None:
        for size in sizes:
            products.linear(wire, *size)
            products.matmul(wire, *size)

    assert_predicted(engine, predicted, mode)


@FEW
@given(shapes, st.integers(1, 70), st.integers(1, 5), st.integers(1, 3), modes)
def test_indices(shape: tuple[int, ...], size: int, log: int, tables: int, mode: str) -> None:
    entries = np.ones((tables, 1 << log), np.int64)

    def engine(e: TwoPartyEngine) -> None:
        e.one_hot(value(e, shape, 1), size)
        e.lookup(value(e, shape, 1), entries)

    def predicted(wire: Wire) -> None:
        indices.one_hot(wire, prod(shape), size)
        indices.lookup(wire, prod(shape), tables, 1 << log)

    assert_predicted(engine, predicted, mode)


@FEW
@given(st.integers(1, 3), st.integers(1, 300), bounds, modes)
def test_tournaments(rows: int, size: int, bound: int, mode: str) -> None:
    def engine(e: TwoPartyEngine) -> None:
        e.maximum(value(e, (rows, size), bound))
        e.argmax(value(e, (rows, size), bound))

    def predicted(wire: Wire) -> None:
        indices.maximum(wire, rows, size, bound)
        indices.argmax(wire, rows, size, bound)

    assert_predicted(engine, predicted, mode)


INPUTS = {
    "silu": (0, 1 << 23),
    "sigmoid": (0, 1 << 23),
    "exp": (0, 1 << 26),
    "reciprocal": (1 << 19, 1 << 29),
    "rsqrt": (1, 1 << 42),
}


@pytest.mark.parametrize("name", INPUTS)
@settings(max_examples=3, deadline=None)
@given(full_shapes, st.data(), modes)
def test_scalar_functions(
    name: str, shape: tuple[int, ...], data: st.DataObject, mode: str
) -> None:
    low, limit = INPUTS[name]
    bound = data.draw(st.integers(max(low, 1), limit - 1) | st.just(limit - 1))
    assert_predicted(
        lambda e: getattr(e, name)(shared(e, np.full(shape, low), bound)),
        lambda w: getattr(scalar, name)(w, prod(shape), bound),
        mode,
    )


class _Altered(Wire):
    """A wire that alters the last message it is told of."""

    def __init__(self, wire: Wire, change: Callable[[Message], Message]) -> None:
        super().__init__(wire.setting)
        self._original, self._change = wire, change

    def _record(self, message: Message) -> None:
        self._original.messages.append(self._change(message))


def _grown(message: Message) -> Message:
    return Message(message.sender, message.label, message.size + 1, message.depth, "online")


def _renamed(message: Message) -> Message:
    return Message(message.sender, message.label + "x", message.size, message.depth, "online")


def _deepened(message: Message) -> Message:
    return Message(message.sender, message.label, message.size, message.depth + 1, "online")


def _reversed(message: Message) -> Message:
    sender = 1 - message.sender
    return Message(sender, message.label, message.size, message.depth, "online")


@pytest.mark.parametrize("change", [_grown, _renamed, _deepened, _reversed])
def test_a_prediction_that_is_off_by_anything_is_caught(change: Any) -> None:
    """A byte, a letter of a label, a depth, a direction."""

    def predicted(wire: Wire) -> None:
        bits.to_arithmetic(_altered(wire, change), 3)

    with pytest.raises(AssertionError):
        assert_predicted(lambda e: e.to_arithmetic(bit(e, (3,))), predicted, "exact")
    assert_predicted(
        lambda e: e.to_arithmetic(bit(e, (3,))), lambda w: bits.to_arithmetic(w, 3), "exact"
    )


def _altered(wire: Wire, change: Callable[[Message], Message]) -> Wire:
    altered = _Altered(wire, change)
    altered.start_online()
    return altered


def test_a_message_that_depends_on_data_is_caught() -> None:
    """A protocol that opens the sign and then sends more for a negative value is not predicted."""

    def leaky(e: TwoPartyEngine, x: int) -> None:
        secret = shared(e, np.array([x]), 100)
        sign = e.reveal(e.to_arithmetic(e.negative(secret)), None)
        assert sign is not None
        if sign[0]:
            e.reveal(secret, Party.SERVER)

    def predicted(wire: Wire) -> None:
        comparison.negative(wire, 1, 100)
        bits.to_arithmetic(wire, 1)
        reveal(wire, 1, None)

    assert_predicted(lambda e: leaky(e, 7), predicted, "exact")
    with pytest.raises(AssertionError):
        assert_predicted(lambda e: leaky(e, -7), predicted, "exact")

    def for_negative(wire: Wire) -> None:
        predicted(wire)
        reveal(wire, 1, SERVER)

    assert_predicted(lambda e: leaky(e, -7), for_negative, "exact")


@pytest.mark.parametrize("ot", ["iknp", "softspoken", "silent"])
def test_every_source_of_transfers(ot: Any) -> None:
    """Refills of silent transfers too, whose moments depend on all that came before."""
    counts = (5, 3000, 70_000, 1)

    def engine(e: TwoPartyEngine) -> None:
        for count in counts:
            e.negative(value(e, (count,), (1 << 30) - 1))
            e.keep_if(bit(e, (count,)), value(e, (count,)))

    def predicted(wire: Wire) -> None:
        for count in counts:
            comparison.negative(wire, count, (1 << 30) - 1)
            bits.keep_if(wire, count)

    transcript = assert_predicted(engine, predicted, "exact", ot)
    refills = [message for message in transcript.online if "ot_refill" in message.label]
    assert len(refills) == (1 + 2 if ot == "silent" else 4 * 5)
