"""Views of transfers and of the comparison tree, simulated exactly on all pads, and spoiled.

The real endpoint and the real kernels run on ideal random transfers. A digit's table has bits of
the pads to itself for every entry, which is shown first; so a table of 16 entries may be looked at
one entry at a time. Joins are enumerated given fresh shares of the digits' outcomes.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from math import prod
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from distributions import rows, same_distribution
from tapes import SPOILS, Draw, Tape, Uniform, Words
from tiny_field import tiny_field
from transfer_cases import CASES, TransferCase, draws_of, ideal_shares

from cryptomoe.ot import comparison, transfers
from cryptomoe.ot.comparison import Digits, Products, offer_outcomes
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.party import Party

pytestmark = pytest.mark.leakage

Outcomes = tuple[dict[str, Words], int]


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Iterator[TransferCase]:
    """A case by name, in its surroundings."""
    name = request.param
    with ExitStack() as stack:
        if name.endswith("modulo p"):
            stack.enter_context(tiny_field(17))
        for constant, value in CASES[name].constants.items():
            stack.enter_context(patch.object(comparison, constant, value))
        if name.startswith("join"):
            stack.enter_context(_ideal_digits())
        if name.startswith("tree"):
            stack.enter_context(_ideal_products())
        yield CASES[name]


def _ideal_digits() -> Any:
    """Outcomes of digits shared by an ideal functionality, in place of their tables."""

    def shared(endpoint: Any, _rows: Words, groups: list[Digits]) -> Any:
        world = endpoint._channel.world

        def compute(client: Any, server: Any) -> Any:
            outcome = (client < server) | (client == server) << 1
            share = world.tape.draw("digits", 4, outcome.size).astype(np.uint8)
            return share, share ^ outcome.astype(np.uint8)

        digits = np.concatenate([group.values for group in groups]).astype(np.int64)
        share = world.meet(endpoint._party, digits, compute)
        world.see(endpoint._party, "digits", share)
        return share

    return patch.multiple(OtEndpoint, _offer_outcomes=shared, _accept_outcomes=shared)


def _ideal_products() -> Any:
    """Given outcomes, and random products from the tape: two, of which each join takes one."""

    def prepared(endpoint: Any, _groups: list[Digits], count: int) -> Any:
        world, party = endpoint._channel.world, endpoint._party

        def compute(_client: Any, _server: Any) -> Any:
            a, b = (
                [world.tape.draw(f"{name} {who}", radix, 2 * count) for who in Party]
                for name, radix in (("a", 2), ("b", 4))
            )
            share = world.tape.draw("products", 4, 2 * count)
            product = ((a[0] ^ a[1]) * np.uint64(3)) & (b[0] ^ b[1])
            parts = zip(a, b, (share, product ^ share), strict=True)
            return [tuple(part.astype(np.uint8) for part in own) for own in parts]

        own = world.meet(party, None, compute)
        for join in range(2):
            for name, part in zip(("a", "b", "product"), own, strict=True):
                world.see(party, f"{name} {join}", part.reshape(2, -1)[join])
        return vars(endpoint)["given"], Products(*own)

    return patch.object(OtEndpoint, "_compare_digits", prepared)


def real_outcomes(
    case: TransferCase, drawn: dict[Draw, int], spoil: tuple[Draw, str] | None = None
) -> dict[Party, Outcomes]:
    """(view, outputs) of either party for all inputs and tapes."""
    count = case.inputs[0].size
    tape = Tape(count, drawn, spoil)
    views, results = case.play(tape, tuple(np.repeat(x, tape.tapes) for x in case.inputs))
    inputs = np.repeat(np.arange(count, dtype=np.uint64), tape.tapes)
    outputs = {
        f"output of {party.name}": result for party, result in results.items() if result is not None
    }
    return {
        party: ({"input": inputs} | rows(views[party] | outputs, tape.entries), tape.tapes)
        for party in Party
    }


def ideal_outcomes(case: TransferCase, party: Party) -> Outcomes:
    """(simulated view, ideal outputs) with `party` corrupted."""

    def run(tape: Tape, inputs: tuple[Words, ...]) -> dict[str, Words]:
        result = np.asarray(case.ideal(*inputs)).astype(np.uint64)
        outputs: dict[Party, Words] = {case.receiver: result}
        if case.modulus is not None:
            result %= np.uint64(case.modulus)
            share, rest = ideal_shares(case, tape, result)
            outputs = {party: share, party.peer: rest}
        draws = Uniform(tape, "simulator")
        view = case.simulate(party, case.of(party, inputs), outputs.get(party), draws)
        return view | {f"output of {who.name}": values for who, values in outputs.items()}

    first = Tape()
    run(first, tuple(x[:1] for x in case.inputs))
    count = case.inputs[0].size
    tape = Tape(count, first.found)
    outcomes = run(tape, tuple(np.repeat(x, tape.tapes) for x in case.inputs))
    inputs = np.repeat(np.arange(count, dtype=np.uint64), tape.tapes)
    return {"input": inputs} | rows(outcomes, tape.entries), tape.tapes


@pytest.mark.parametrize("case", CASES, indirect=True, ids=str)
def test_views_are_simulated_exactly(
    case: TransferCase,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, Any], None],
) -> None:
    drawn = draws_of(case)
    real = real_outcomes(case, drawn)
    for party in Party:
        assert same_distribution(real[party], ideal_outcomes(case, party))
        record_property(
            "leakage",
            {
                "functionality": request.node.callspec.id,
                "party": party.name.lower(),
                "test": "all tapes, equal distributions",
                "tapes": real[party][1],
                "outcomes": int(real[party][0]["input"].size),
            },
        )


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize(
    "case", [name for name in CASES if "4 bits" not in name], indirect=True, ids=str
)
def test_a_spoiled_draw_is_noticed(case: TransferCase, spoil: str) -> None:
    """Each draw in turn: left out, constant, from half the range, or equal to another draw."""
    drawn = draws_of(case)
    case = case.thinned(6 if prod(drawn.values()) < 1 << 14 else 3)
    ideal = {party: ideal_outcomes(case, party) for party in Party}
    for draw in drawn:
        spoiled = real_outcomes(case, drawn, (draw, spoil))
        for party in Party:
            assert not same_distribution(spoiled[party], ideal[party]), (draw, party)


def one_mask_for_all_entries(
    zero: Words, one: Words, messages: Words, _lane: int, masked: Words
) -> None:
    """`transfers._mask` with the first bits of the pads for every entry."""
    transfers_each = len(zero) // len(messages)
    for entry in range(messages.shape[1]):
        masked[:, entry] = messages[:, entry]
        for j in range(transfers_each):
            masked[:, entry] ^= (one if entry >> j & 1 else zero)[j::transfers_each, 0]


@pytest.mark.parametrize("case", ["tree of 3 digits"], indirect=True, ids=str)
def test_a_product_used_for_two_joins_is_noticed(
    case: TransferCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both openings are then under the same a and b."""
    case = case.thinned(4)
    right = Products.take

    def take_first(products: Products, count: int) -> Any:
        products._used = 0
        return right(products, count)

    monkeypatch.setattr(Products, "take", take_first)
    real = real_outcomes(case, draws_of(case))
    for party in Party:
        assert not same_distribution(real[party], ideal_outcomes(case, party))


@pytest.mark.parametrize("case", ["one of 4, 1 bit, server sends"], indirect=True, ids=str)
def test_a_mask_used_for_all_entries_is_noticed(
    case: TransferCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exclusive or of all four masked entries is then that of the messages."""
    case = case.thinned(3)
    monkeypatch.setattr(transfers, "_mask", one_mask_for_all_entries)
    real = real_outcomes(case, draws_of(case))
    assert not same_distribution(real[Party.CLIENT], ideal_outcomes(case, Party.CLIENT))


class GivenPads:
    """A sender whose pads are given."""

    def __init__(self, zero: Words, one: Words) -> None:
        self._pads = zero, one

    def pads(self, _rows: Words, _blocks: int) -> tuple[Words, Words]:
        """Those."""
        return self._pads


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_an_entry_of_a_table_of_outcomes_has_pad_bits_of_its_own(width: int) -> None:
    """Bit i of any pad changes bit i of the table and no other."""
    size = 2 << width
    random = np.random.default_rng(width)
    pads = random.integers(0, 2**64, (2, width, 2), dtype=np.uint64)
    digits = Digits(np.array([random.integers(0, 1 << width)], np.uint8), width)

    def table(changed: Words) -> int:
        sender: Any = GivenPads(changed[0], changed[1])
        share = np.array([2], np.uint8)
        return int(offer_outcomes(sender, np.zeros((width, 2), np.uint64), digits, share)[0])

    before = table(pads)
    for which, transfer in np.ndindex(2, width):
        for bit in range(64):
            changed = pads.copy()
            changed[which, transfer, 0] ^= np.uint64(1 << bit)
            # Entry v is under pad v_j of transfer j, so this pad masks half the entries.
            masks = bit < size and (bit % (size // 2)) >> transfer & 1 == which
            assert table(changed) ^ before == (1 << bit if masks else 0)
