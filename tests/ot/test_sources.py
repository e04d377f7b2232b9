"""Every source of rows: its relation, its arithmetic, and what is given out only once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from extension_pair import SALT, Ends, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.ot import iknp, softspoken
from cryptomoe.ot.ferret import FerretReceiver, FerretSender, supply_of
from cryptomoe.ot.iknp import IknpReceiver, IknpSender
from cryptomoe.ot.lpn import STANDARD
from cryptomoe.ot.pads import delta_words
from cryptomoe.ot.rows import Ledger, Method, Refill, Stock, Supply, refills
from cryptomoe.ot.small_trees import TREES, grow_trees, puncture_trees
from cryptomoe.ot.softspoken import SoftSpokenReceiver, SoftSpokenSender
from cryptomoe.party import Party

SEEDS = st.integers(0, 2**32)


class Source:
    """Both ends of one direction, and the refills between them."""

    def __init__(self, supply: Supply, sender: Any, receiver: Any, delta: Any) -> None:
        self._ledger = Ledger(supply)
        self._sender, self._receiver = sender, receiver
        self._speaking, self._listening = (
            (sender, receiver) if supply.sender_speaks else (receiver, sender)
        )
        self.supply = supply
        self.delta = words_of(delta[np.newaxis])
        self.messages: list[bytes] = []

    def take(self, count: int) -> tuple[Any, Any, Any]:
        """Rows q, rows t and bits r of the next `count` transfers."""
        batches = self._ledger.batches(count)
        if batches:
            message = self._speaking.offer(batches)
            assert len(message) == batches * self.supply.batch_bytes
            self.messages.append(message)
            self._listening.accept(message, batches)
        return (self._sender.take(count), *self._receiver.take(count))


def softspoken_ends(ends: Ends) -> tuple[SoftSpokenSender, SoftSpokenReceiver]:
    message, leaves = grow_trees(ends.pairs, ends.randomness.stream("roots").bytes(16 * TREES))
    punctured = puncture_trees(ends.delta, ends.seeds, message)
    return SoftSpokenSender(ends.delta, punctured), SoftSpokenReceiver(leaves)


def silent_ends(ends: Ends, salt: bytes = SALT) -> tuple[FerretSender, FerretReceiver]:
    sender, receiver = softspoken_ends(ends)
    count = STANDARD.reserve
    sender.accept(receiver.offer(count // 128), count // 128)
    roots = ends.randomness.stream("roots of correlated trees")
    return (
        FerretSender(STANDARD, salt, delta_words(ends.delta), roots, sender.take(count)),
        FerretReceiver(STANDARD, salt, *receiver.take(count)),
    )


def source_of(method: Method, seed: int) -> Source:
    ends = Ends(seed)
    if method == "iknp":
        receiver = IknpReceiver(ends.pairs, ends.randomness.stream("choices"))
        return Source(iknp.SUPPLY, IknpSender(ends.delta, ends.seeds), receiver, ends.delta)
    if method == "softspoken":
        return Source(softspoken.SUPPLY, *softspoken_ends(ends), ends.delta)
    return Source(supply_of(STANDARD), *silent_ends(ends), ends.delta)


def check(source: Source, count: int) -> tuple[Any, Any]:
    """Take `count` transfers and check their relation; rows and bits of the receiver."""
    rows, own, bits = source.take(count)
    assert rows.shape == own.shape == (count, 2)
    assert bits.shape == (count,)
    assert bits.dtype == np.uint8
    assert (bits < 2).all()
    assert np.array_equal(rows, own ^ source.delta * bits[:, np.newaxis])
    return own, bits


@pytest.mark.parametrize("method", ["iknp", "softspoken"])
@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 20_000), min_size=1, max_size=4), seed=SEEDS)
def test_rows_differ_by_bit_times_delta(method: Method, counts: list[int], seed: int) -> None:
    """q_j = t_j xor r_j Delta, over several requests."""
    source = source_of(method, seed)
    for count in counts:
        check(source, count)


@pytest.fixture(scope="module")
def silent() -> Source:
    """One silent source for the tests of this module."""
    return source_of("silent", 1)


@settings(max_examples=25, deadline=None)
@given(
    counts=st.lists(st.one_of(st.integers(0, 200), st.integers(0, 400_000)), min_size=1, max_size=4)
)
def test_silent_rows_differ_by_bit_times_delta(silent: Source, counts: list[int]) -> None:
    """Across rounds, whatever the requests, and a sender's lowest bits are 0."""
    for count in counts:
        rows, own, bits = silent.take(count)
        assert np.array_equal(rows, own ^ silent.delta * bits[:, np.newaxis])
        assert not (rows[:, 0] & np.uint64(1)).any()


def test_a_request_of_several_rounds() -> None:
    """One message of as many rounds; the rest of the last is kept."""
    source = source_of("silent", 2)
    check(source, 2 * STANDARD.usable + 5)
    assert [len(message) for message in source.messages] == [3 * 225_280]
    check(source, STANDARD.usable - 5)
    assert len(source.messages) == 1
    check(source, 1)
    assert [len(message) for message in source.messages] == [3 * 225_280, 225_280]


@pytest.mark.parametrize("method", ["iknp", "softspoken", "silent"])
def test_bits_and_rows_look_random(method: Method) -> None:
    """Balanced bits, no row twice, and no message twice, over two refills."""
    source = source_of(method, 3)
    counts = (STANDARD.usable, 4096) if method == "silent" else (100_000, 4096)
    rows, bits = zip(*(check(source, count) for count in counts), strict=True)
    assert len(source.messages) == 2
    assert abs(int(bits[0].sum()) - counts[0] / 2) < 6 * np.sqrt(counts[0]) / 2
    packed = np.concatenate(rows)[:200_000]
    assert len(np.unique(packed, axis=0)) == len(packed)
    ones = np.unpackbits(packed.view(np.uint8), axis=1, bitorder="little").sum(axis=0)
    assert (abs(ones - len(packed) / 2) < 6 * np.sqrt(len(packed)) / 2).all()
    assert source.messages[0][:1000] != source.messages[1][:1000]


@pytest.mark.parametrize("method", ["iknp", "softspoken", "silent"])
def test_nothing_is_given_out_twice(method: Method) -> None:
    """Taking more than there is raises at either end, and takes nothing."""
    source = source_of(method, 4)
    check(source, 100)
    more = 50 if method == "silent" else 1
    if method == "silent":
        source.take(STANDARD.usable - 100)
    else:
        source._sender.take(28)
        source._receiver.take(28)
    for end in (source._sender, source._receiver):
        with pytest.raises(RuntimeError, match="fewer correlations"):
            end.take(more)


# --- arithmetic -----------------------------------------------------------------------------------

KEPT = Supply(batch=100, batch_bytes=7, keeps_rest=True, sender_speaks=True, message="levels")
DROPPED = Supply(batch=128, batch_bytes=5, keeps_rest=False, sender_speaks=False, message="columns")


def test_refills_of_a_source_that_keeps_the_rest() -> None:
    requests = [(0, 0), (1, 0), (99, 250), (1, 50), (0, 1)]
    client, server = Party
    assert list(refills(KEPT, requests)) == [
        [],
        [Refill(client, 7)],
        [Refill(server, 21)],
        [Refill(client, 7)],
        [Refill(server, 7)],
    ]


def test_refills_of_a_source_that_drops_the_rest() -> None:
    """Each request pays for itself; the receiver speaks; the client's message comes first."""
    client, server = Party
    assert list(refills(DROPPED, [(0, 0), (1, 129), (1, 0)])) == [
        [],
        [Refill(client, 10), Refill(server, 5)],
        [Refill(server, 5)],
    ]


@given(st.lists(st.integers(0, 1000), max_size=20))
def test_a_ledger_makes_what_is_taken_and_less_than_a_batch_more(requests: list[int]) -> None:
    ledger, made = Ledger(KEPT), 0
    for position, wanted in enumerate(requests):
        made += KEPT.batch * ledger.batches(wanted)
        assert 0 <= made - sum(requests[: position + 1]) < KEPT.batch


@given(st.lists(st.integers(0, 9), max_size=9), st.data())
def test_a_stock_gives_its_entries_in_order(sizes: list[int], data: st.DataObject) -> None:
    stock = Stock(np.zeros((0, 2), np.uint64), np.zeros(0, np.uint8))
    numbers = iter(range(100))
    for size in sizes:
        part = np.fromiter(_first(numbers, size), np.uint64, size)
        stock.add(np.stack([part, part], axis=1), part.astype(np.uint8))
    total, taken = sum(sizes), 0
    while taken < total:
        count = data.draw(st.integers(0, total - taken))
        rows, bits = stock.take(count)
        assert rows[:, 1].tolist() == bits.tolist() == list(range(taken, taken + count))
        taken += count
        if count == 0:
            break
    with pytest.raises(RuntimeError, match="fewer"):
        stock.take(stock.size + 1)


def _first(numbers: Iterator[int], count: int) -> Iterator[int]:
    return (next(numbers) for _ in range(count))


def test_the_table_of_sources_is_true() -> None:
    assert (iknp.SUPPLY.batch, iknp.SUPPLY.batch_bytes) == (128, 2048)
    assert (softspoken.SUPPLY.batch, softspoken.SUPPLY.batch_bytes) == (128, 496)
    silent = supply_of(STANDARD)
    assert (silent.batch, silent.batch_bytes) == (2_345_216, 225_280)
    assert STANDARD.reserve == 276_224
