"""What is the honest-majority engine's own: field, sharing, truncation, refusals."""

import ast
import pickle
import threading
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from cryptomoe_spec.masked_truncate import masked_truncate
from honest_majority_parties import held_by, memory_mesh, run_honest_majority
from hypothesis import given, settings
from hypothesis import strategies as st

import cryptomoe.protocols
from cryptomoe.engines import honest_majority, shamir
from cryptomoe.engines import wide_field as fq
from cryptomoe.engines.honest_majority import HonestMajorityEngine
from cryptomoe.engines.shamir_runtime import MASK_BITS
from cryptomoe.engines.wide_field import Limbs, Q
from cryptomoe.errors import MalformedMessageError, PeerLostError, ProtocolError, UsageError
from cryptomoe.field import VALUE_LIMIT, IntArray
from cryptomoe.party import Party
from cryptomoe.randomness import Stream

FEW = settings(max_examples=6, deadline=None)
MANY = settings(deadline=None)
LIMIT = VALUE_LIMIT - 1
SIZES = [(3, 1), (4, 1), (5, 2), (5, 1), (7, 3)]

BORDERS = [0, 1, 2, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, 1 << 64, (1 << 126) - 1, 1 << 126]
elements = st.one_of(
    st.sampled_from([*BORDERS, *(Q - value for value in BORDERS if value)]), st.integers(0, Q - 1)
)
vectors = st.lists(st.tuples(elements, elements), min_size=1, max_size=20)


def limbs(values: list[int]) -> Limbs:
    """Elements from Python integers."""
    return fq.from_integers(np.array(values, object))


# --- the field ------------------------------------------------------------------------------------


@MANY
@given(vectors)
def test_field_operations_are_those_of_integers_modulo_q(pairs: list[tuple[int, int]]) -> None:
    x, y = ([pair[i] for pair in pairs] for i in range(2))
    left, right = limbs(x), limbs(y)
    both = list(zip(x, y, strict=True))
    assert fq.to_integers(fq.multiply(left, right)).tolist() == [a * b % Q for a, b in both]
    assert fq.to_integers(fq.add(left, right)).tolist() == [(a + b) % Q for a, b in both]
    assert fq.to_integers(fq.subtract(left, right)).tolist() == [(a - b) % Q for a, b in both]
    assert fq.to_integers(fq.shift_right(left, 13)).tolist() == [a >> 13 for a in x]
    combined = fq.combine([3, -2], np.stack([left, right]))
    assert fq.to_integers(combined).tolist() == [(3 * a - 2 * b) % Q for a, b in both]
    assert fq.are_elements(left)
    assert np.array_equal(fq.from_bytes(fq.to_bytes(left)), left)


@MANY
@given(st.lists(elements, min_size=1, max_size=20))
def test_inverse_roots(values: list[int]) -> None:
    """1 / sqrt(x^2) is 1/x or -1/x, and 0 for 0; any number of entries, whatever the block."""
    squares = limbs([value * value for value in values])
    signs = fq.to_integers(fq.multiply(limbs(values), fq.inverse_root(squares)))
    for value, sign in zip(values, signs, strict=True):
        assert sign in ({1, Q - 1} if value else {0})


@MANY
@given(st.lists(st.integers(-(1 << 62), 1 << 62), min_size=1, max_size=9))
def test_signed_integers_come_back(values: list[int]) -> None:
    array = np.array(values, np.int64)
    converted = fq.from_signed(array)
    assert fq.to_integers(converted).tolist() == [value % Q for value in values]
    assert np.array_equal(fq.to_signed(converted), array)


def test_what_is_no_element_is_noticed() -> None:
    for value in (Q, Q + 1, (1 << 128) - 1):
        assert not fq.are_elements(fq.from_bytes(value.to_bytes(16, "little")))


# --- sharing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("parties", "threshold"), SIZES)
def test_enough_shares_give_the_secret_whoever_has_them(parties: int, threshold: int) -> None:
    secrets = limbs([0, 1, Q - 1, 12345])
    shares = shamir.split(secrets, parties, threshold, Stream(bytes(16)))
    for chosen in combinations(range(parties), threshold + 1):
        assert np.array_equal(shamir.recombine(chosen, [shares[i] for i in chosen]), secrets)


@pytest.mark.parametrize(("parties", "threshold"), SIZES)
def test_common_randomness_is_of_the_degree_it_should_be(parties: int, threshold: int) -> None:
    """Elements and masks of degree t, zeros of degree 2t and of no lower one."""
    sets = shamir.key_sets(parties, threshold)
    keys = {members: bytes([number] * 16) for number, members in enumerate(sets)}
    everybody = [
        shamir.CommonRandomness(parties, threshold, index, keys) for index in range(parties)
    ]
    elements = [one.elements(5, 3) for one in everybody]
    masks = [fq.combine(one.weights, one.masks(5, 3, 100)) for one in everybody]
    for shares in (elements, masks):
        several = [
            shamir.recombine(chosen, [shares[i] for i in chosen])
            for chosen in combinations(range(parties), threshold + 1)
        ]
        assert all(np.array_equal(one, several[0]) for one in several)
    largest = max(fq.to_integers(several[0]).tolist())
    assert 1 << 90 < largest < len(sets) << 100
    zeros = [one.zeros(5, 3) for one in everybody]
    for chosen in combinations(range(parties), 2 * threshold + 1):
        assert not shamir.recombine(chosen, [zeros[i] for i in chosen]).any()
    for chosen in combinations(range(parties), 2 * threshold):
        assert shamir.recombine(chosen, [zeros[i] for i in chosen]).any()


@pytest.mark.parametrize(("parties", "threshold"), [(2, 0), (3, 0), (3, 2), (4, 2), (5, 3)])
def test_thresholds_that_hide_nothing_or_cannot_multiply_are_refused(
    parties: int, threshold: int
) -> None:
    wanted = "hides nothing" if threshold < 1 else "no honest majority"
    with pytest.raises(UsageError, match=wanted):
        HonestMajorityEngine(0, dict.fromkeys(range(1, parties)), "exact", threshold=threshold)


def test_two_parties_are_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match="every share would be the secret itself"):
        HonestMajorityEngine(0, {1: memory_mesh(2)[0][1]}, "exact")


# --- truncation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("parties", "threshold"), [(3, 1), (4, 1), (5, 2)])
@FEW
@given(st.integers(1, 27), st.integers(0, 2**32 - 1))
def test_approximate_truncation_is_its_function_of_the_common_numbers(
    parties: int, threshold: int, bits: int, seed: int
) -> None:
    """Exactly: from the value and what every set has drawn."""
    values = np.random.default_rng(seed).integers(-LIMIT, LIMIT, 50)
    values[:3] = LIMIT, -LIMIT, 0
    drawn: dict[tuple[int, ...], IntArray] = {}
    original = shamir.CommonRandomness.masks

    def noted(one: shamir.CommonRandomness, number: int, count: int, size: int) -> Limbs:
        masks = original(one, number, count, size)
        if size == MASK_BITS:
            for members, mask in zip(one._keys, masks, strict=True):
                drawn[members] = (mask[:, 0] & np.uint64((1 << bits) - 1)).astype(np.int64)
        return masks

    with patch.object(shamir.CommonRandomness, "masks", noted):
        result = run_honest_majority(
            lambda e: e.reveal(e.truncate(held_by(e, 0, values, LIMIT), bits), None),
            "approximate", parties=parties, threshold=threshold,
        ).client  # fmt: skip
    masks = np.stack([drawn[members] for members in shamir.key_sets(parties, threshold)])
    assert np.array_equal(result, masked_truncate(values, bits, masks))
    error = result - values / (1 << bits)
    assert np.abs(error).max() <= len(masks) / 2 + 1


def test_the_error_of_approximate_truncation_is_centred() -> None:
    values = np.full(20_000, 12345 << 5)
    for parties in (3, 5):
        result = run_honest_majority(
            lambda e: e.reveal(e.truncate(held_by(e, 0, values, LIMIT), 13), 0),
            "approximate", parties=parties,
        ).client  # fmt: skip
        assert abs(np.mean(result - values / 8192)) < 0.05


# --- the engine -----------------------------------------------------------------------------------


def test_any_party_may_own_inputs_and_weights() -> None:
    x = np.arange(12).reshape(1, 3, 4)
    y = np.arange(8).reshape(1, 4, 2) - 3

    def protocol(engine: HonestMajorityEngine) -> IntArray | None:
        mine = y if engine.party == 2 else None
        weight = engine.weight(mine, (1, 4, 2), owner=2)
        return engine.reveal(engine.linear(held_by(engine, 1, x, 20), weight), 2)

    run = run_honest_majority(protocol)
    assert np.array_equal(run.results[2], x @ y)
    assert run.results[0] is None
    assert run.statistics[2].setup_bytes_sent > run.statistics[1].setup_bytes_sent


def test_nothing_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the second run: in the first, kernels may come from numba's cache, which is pickle."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("pickle was used")

    values = np.arange(-50, 50).reshape(2, 50)

    def protocol(engine: HonestMajorityEngine) -> IntArray | None:
        x = held_by(engine, 0, values, 50)
        weight = engine.weight(np.ones((2, 50, 3), int) if engine.party == 1 else None, (2, 50, 3))
        engine.reveal(engine.linear(engine.reshape(x, (2, 1, 50)), weight), None)
        engine.reveal(engine.silu(engine.scale_public(x, 1000)), 1)
        return engine.reveal(engine.argmax(x), None)

    run_honest_majority(protocol)
    for name in ("loads", "load", "dumps", "dump", "Unpickler", "Pickler"):
        monkeypatch.setattr(pickle, name, refuse)
    assert run_honest_majority(protocol).client.tolist() == [49, 49]


def test_mpycs_own_ways_to_pickle_are_closed() -> None:
    def protocol(engine: HonestMajorityEngine) -> None:
        runtime = engine._runtime
        for way in (runtime.transfer, runtime.output, runtime.input):
            with pytest.raises(RuntimeError):
                way(1)
        for way in (runtime.start, runtime.shutdown):
            with pytest.raises(RuntimeError):
                runtime.run(way())
        assert runtime.options.mix32_64bit
        assert runtime.options.sec_param == 40

    run_honest_majority(protocol)


def test_independent_operations_share_their_rounds() -> None:
    values = np.arange(6)

    def rounds(protocol: Callable[[HonestMajorityEngine, Any], Any]) -> int:
        return (
            run_honest_majority(lambda e: protocol(e, held_by(e, 0, values, 6)) and None)
            .statistics[0]
            .rounds
        )

    once = rounds(lambda e, x: e.multiply(x, x))
    assert rounds(lambda e, x: [e.multiply(x, x) for _ in range(5)]) == once
    assert rounds(lambda e, x: e.multiply(e.multiply(x, x), x)) == once + 1


OPERATIONS: dict[str, Callable[[HonestMajorityEngine, Any], Any]] = {
    "truncate": lambda e, x: e.truncate(x, 13),
    "truncate_approximately": lambda e, x: e.truncate(x, 13, exact=False),
    "at_least": lambda e, x: e.at_least(x, [1, 2, 3]),
    "equal": lambda e, x: e.equal(x, x),
    "matmul": lambda e, x: e.matmul(x, e.transpose(x, (0, 2, 1))),
    "maximum": lambda e, x: e.maximum(x),
    "rsqrt": lambda e, x: e.rsqrt(x),
    "one_hot": lambda e, x: e.one_hot(x, 20),
    "lookup": lambda e, x: e.lookup(x, np.arange(8, dtype=np.int64).reshape(1, 8)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_number_of_messages_does_not_grow_with_the_shape(name: str) -> None:
    """Counted, where the rounds are added up from what each operation declares."""

    def messages(shape: tuple[int, ...]) -> int:
        values = np.ones(shape, np.int64)
        run = run_honest_majority(
            lambda e: OPERATIONS[name](e, held_by(e, 0, values, 1 << 21)) and None
        )
        return sum(count for _, count in run.statistics[0].by_label.values())

    assert messages((1, 2, 2)) == messages((3, 4, 50)) > 0


@pytest.mark.parametrize("bits", [1, 8, 13, 27])
@pytest.mark.parametrize("size", [1, 5, 40])
def test_traffic_of_a_truncation_is_the_formula(bits: int, size: int) -> None:
    """Among three: two peers get masks' bits, fair bits, `bits` products and the zero test.

    One of them gets the masked value.
    """
    elements = 2 * (bits * size + size) + size + 2 * bits * size + 2 * size
    levels = bits.bit_length()
    messages = 2 + 2 + 1 + 2 * levels + 2
    run = run_honest_majority(
        lambda e: e.truncate(held_by(e, 1, np.arange(size), 99), bits) and None
    )
    expected = {"truncate": (16 * elements + 28 * messages, messages)}
    assert run.statistics[2].by_label == expected
    approximate = run_honest_majority(
        lambda e: e.truncate(held_by(e, 1, np.arange(size), 99), bits, exact=False) and None
    )
    expected = {"truncate_approximately": (16 * size + 28, 1)}
    assert approximate.statistics[2].by_label == expected


def test_a_number_of_common_randomness_is_used_once() -> None:
    def protocol(engine: HonestMajorityEngine) -> None:
        runtime = engine._runtime
        first = runtime._number()
        runtime._program_counter[0] -= 1
        with pytest.raises(ProtocolError, match="program counter"):
            runtime._number()
        assert runtime._number() == first + 1

    run_honest_majority(protocol)


def test_more_operations_than_may_be_under_way() -> None:
    """The window that bounds memory changes nothing but the order of waiting."""
    values = np.arange(6)

    def protocol(engine: HonestMajorityEngine) -> IntArray | None:
        x = held_by(engine, 0, values, 6)
        for _ in range(3 * honest_majority._OUTSTANDING):
            unused = engine.multiply(x, x)
        return engine.reveal(engine.add(unused, x), 0)

    assert np.array_equal(run_honest_majority(protocol).client, values**2 + values)


# --- failures -------------------------------------------------------------------------------------


def failures_when(*, party: int, does: Callable[[HonestMajorityEngine], None]) -> dict[int, Any]:
    """How the others end when one party does something else in the middle of a run."""
    carriers = memory_mesh(3)
    ended: dict[int, Any] = {}

    def take_part(index: int) -> None:
        try:
            with HonestMajorityEngine(index, carriers[index], "exact") as engine:
                engine.setup()
                x = held_by(engine, 0, np.arange(9), 9)
                engine.reveal(x, None)
                if index == party:
                    does(engine)
                for _ in range(50):
                    engine.reveal(engine.truncate(x, 2), None)
        except Exception as error:  # noqa: BLE001 - looked at below
            ended[index] = error

    threads = [threading.Thread(target=take_part, args=(index,)) for index in range(3)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - started < 50
    return ended


def close_all(engine: HonestMajorityEngine) -> None:
    """What the death of a party looks like to the others."""
    for link in engine._runtime.links.values():
        link._carrier.close()


@pytest.mark.parametrize("party", range(3))
def test_a_lost_party_ends_all_others_with_a_typed_error(party: int) -> None:
    ended = failures_when(party=party, does=close_all)
    for index in set(range(3)) - {party}:
        assert isinstance(ended[index], PeerLostError), ended[index]
        assert f"party {party}" in str(ended[index]) or "gave up" in str(ended[index])


def test_a_party_that_raises_stops_the_others() -> None:
    def fail(_engine: HonestMajorityEngine) -> None:
        raise ValueError("broken")

    ended = failures_when(party=2, does=fail)
    assert isinstance(ended[2], ValueError)
    assert all(isinstance(ended[index], PeerLostError) for index in (0, 1))


@pytest.mark.parametrize("content", [b"", bytes(8 + 16 * 8), bytes(8) + b"\xff" * 16 * 9])
def test_malformed_shares_are_refused(content: bytes) -> None:
    """No counter, one share too few, and shares that are no field elements."""

    def send(engine: HonestMajorityEngine) -> None:
        link = engine._runtime.links[0]
        right = link.send

        def wrong(counter: int, payload: bytes) -> None:
            carrier = link._carrier

            class Replacing:
                def send_frame(self, header: bytes, whole: bytes) -> None:
                    changed = whole[:8] + content[8:] if content else b""
                    size = len(changed).to_bytes(4, "little")
                    carrier.send_frame(header[:-4] + size, changed)

                def __getattr__(self, name: str) -> Any:
                    return getattr(carrier, name)

            link._carrier = Replacing()
            right(counter, payload)
            link._carrier = carrier

        link.send = wrong

    ended = failures_when(party=2, does=send)
    assert isinstance(ended[0], MalformedMessageError), ended[0]


def test_tasks_that_disagree_about_the_label_are_noticed() -> None:
    def rename(engine: HonestMajorityEngine) -> None:
        with engine.scope("other"):
            engine.reveal(held_by(engine, 0, np.arange(9), 9), None)

    def same_elsewhere(engine: HonestMajorityEngine) -> None:
        engine.reveal(held_by(engine, 0, np.arange(9), 9), None)

    carriers = memory_mesh(3)
    ended: dict[int, Any] = {}

    def take_part(index: int) -> None:
        try:
            with HonestMajorityEngine(index, carriers[index], "exact") as engine:
                engine.setup()
                (rename if index == 1 else same_elsewhere)(engine)
        except Exception as error:  # noqa: BLE001 - looked at below
            ended[index] = error

    threads = [threading.Thread(target=take_part, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert any(isinstance(error, MalformedMessageError) for error in ended.values())


# --- the architecture -----------------------------------------------------------------------------


def test_no_protocol_asks_which_engine_it_runs_on() -> None:
    """No engine's name, no type test, no look at the party or at what a value is made of."""
    folder = Path(cryptomoe.protocols.__path__[0])
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"party", "data", "__class__"}, path
            if isinstance(node, ast.Name):
                assert node.id not in {"isinstance", "type", "hasattr", "getattr"} or (
                    path.stem == "prepared" and node.id == "getattr"
                ), path
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                "cryptomoe.engines"
            ):
                assert node.module == "cryptomoe.engines.abb", path


def test_parties_are_the_client_the_server_and_others() -> None:
    run = run_honest_majority(lambda e: e.party, parties=4)
    assert run.results == {0: Party.CLIENT, 1: Party.SERVER, 2: 2, 3: 3}
