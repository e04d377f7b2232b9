"""A party's view of an operation is simulated exactly: all tapes at p = 17, in the hybrid model.

For every input and either corrupted party, the joint distribution of (its view, both outputs) in
the real run equals that of (the simulator's view, the ideal outputs). The real run is the engine's
own code; the simulator knows the party's shares, its output and nothing else. Every draw of every
operation is then spoiled in four ways, each of which must break the equality.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from black_box_cases import ANY, CASES, DIGIT_BITS, TINY, Case, value
from distributions import rows, same_distribution
from hybrid_world import World, run_hybrid
from simulate_openings import simulate_reveal
from tapes import SPOILS, Draw, Tape, Uniform, Words
from tiny_field import tiny_field

from cryptomoe import field as fp
from cryptomoe.engines import two_party
from cryptomoe.party import Party

pytestmark = pytest.mark.leakage

Outcomes = tuple[dict[str, Words], int]


@pytest.fixture(autouse=True)
def _tiny() -> Iterator[None]:
    with tiny_field(TINY), patch.object(two_party, "_DIGIT_BITS", DIGIT_BITS):
        yield


def repeated(shares: tuple[Words, ...], tapes: int) -> tuple[Words, ...]:
    """Every input for every tape."""
    return tuple(np.repeat(share, tapes, axis=-1) for share in shares)


def real_outcomes(
    case: Case, spoil: tuple[Draw, str] | None = None
) -> tuple[dict[Party, Outcomes], dict[Draw, int]]:
    """(view, outputs) of either party for all inputs and tapes, and what was drawn."""

    def run(tape: Tape, shares: list[tuple[Words, ...]]) -> tuple[World, dict[Party, Any]]:
        world = World(tape, case.entries_first)
        return world, run_hybrid(world, lambda e: case.run(e, shares[e.party]), case.truncation)

    all_shares = [case.shares(party) for party in Party]
    first = Tape()
    run(first, [tuple(share[..., :1] for share in shares) for shares in all_shares])
    count = all_shares[0][0].shape[-1]
    tape = Tape(count, first.found, spoil)
    world, results = run(tape, [repeated(shares, tape.tapes) for shares in all_shares])
    inputs = np.repeat(np.arange(count, dtype=np.uint64), tape.tapes)
    outputs = {f"output of {party.name}": np.asarray(results[party]) for party in Party}
    return {
        party: (
            {"input": inputs} | rows(world.views[party] | outputs, tape.entries),
            tape.tapes,
        )
        for party in Party
    }, first.found


def ideal_outcomes(case: Case, party: Party) -> Outcomes:
    """(simulated view, ideal outputs) with `party` corrupted."""
    own, values = case.shares(party), case.opened()
    result = np.mod(np.asarray(case.ideal(values, own, party)).astype(np.int64), case.modulus)
    result = result.reshape(-1, own[0].shape[-1]).astype(np.uint64)

    def run(tape: Tape, shares: tuple[Words, ...], opened: Words) -> dict[str, Words]:
        output = Uniform(tape, "output").below(case.modulus, opened.shape)
        rest = (opened + np.uint64(case.modulus) - output) % np.uint64(case.modulus)
        shape = output.shape if len(output) > 1 else output.shape[1:]
        draws = Uniform(tape, "simulator")
        view = case.simulate(party, *shares, output.reshape(shape), draws)
        outputs = {f"output of {party.name}": output, f"output of {party.peer.name}": rest}
        return view | outputs

    first = Tape()
    run(first, tuple(share[..., :1] for share in own), result[:, :1])
    count = result.shape[-1]
    tape = Tape(count, first.found)
    outcomes = run(tape, repeated(own, tape.tapes), np.repeat(result, tape.tapes, axis=-1))
    inputs = np.repeat(np.arange(count, dtype=np.uint64), tape.tapes)
    return {"input": inputs} | rows(outcomes, tape.entries), tape.tapes


@pytest.mark.parametrize("name", CASES)
def test_views_are_simulated_exactly(
    name: str, record_property: Callable[[str, Any], None]
) -> None:
    real, drawn = real_outcomes(CASES[name])
    for party in Party:
        assert same_distribution(real[party], ideal_outcomes(CASES[name], party))
        record_property(
            "leakage",
            {
                "functionality": name.split(maxsplit=1)[0],
                "party": party.name.lower(),
                "test": "all tapes, equal distributions",
                "tapes": int(np.prod(list(drawn.values()))),
                "outcomes": int(real[party][0]["input"].size),
            },
        )


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("name", CASES)
def test_a_spoiled_draw_is_noticed(name: str, spoil: str) -> None:
    """Each draw in turn: left out, constant, from half the range, or equal to another draw."""
    case = CASES[name].thinned(10 if len(CASES[name].operands) < 3 else 4)
    ideal = {party: ideal_outcomes(case, party) for party in Party}
    _, drawn = real_outcomes(case)
    for draw in drawn:
        spoiled, _ = real_outcomes(case, (draw, spoil))
        for party in Party:
            assert not same_distribution(spoiled[party], ideal[party]), (draw, party)


@pytest.mark.parametrize("name", CASES)
def test_a_simulator_that_does_not_know_the_output_is_noticed(name: str) -> None:
    """Its view looks right by itself; together with the outputs it does not."""
    case = CASES[name].thinned(2)

    def ignorant(party: Party, *given: Any, **public: Any) -> Any:
        *shares, output, draws = given
        other = draws.below(case.modulus, output.shape)
        return case.simulate(party, *shares, other, draws, **public)

    real, _ = real_outcomes(case)
    for party in Party:
        wrong = ideal_outcomes(replace(case, simulate=ignorant), party)
        assert set(real[party][0]) == set(wrong[0])
        assert not same_distribution(real[party], wrong)


@pytest.mark.parametrize("to", [None, Party.CLIENT, Party.SERVER])
def test_opening_shows_the_value_to_its_receivers_alone(to: Party | None) -> None:
    case = Case((ANY,), lambda e, s: e.reveal(value(s[0]), to), lambda *_: None, simulate_reveal)
    shares = [case.shares(party) for party in Party]
    world = World(Tape(shares[0][0].size, {}))
    results = run_hybrid(world, lambda e: case.run(e, shares[e.party]))
    opened = fp.to_signed(fp.add(shares[0][0], shares[1][0]))
    for party in Party:
        received = opened if to in {None, party} else None
        if received is None:
            assert results[party] is None
        else:
            assert np.array_equal(results[party], received)
        simulated = simulate_reveal(party, shares[party][0], received, Uniform(Tape(), "none"))
        seen = world.views[party]
        assert set(seen) == set(simulated)
        assert all(np.array_equal(seen[name][0], simulated[name]) for name in seen)


def test_an_opening_to_both_is_not_one_to_the_client() -> None:
    """The server is then shown a message that its simulator, which has no output, cannot make."""
    own, other = ANY
    world = World(Tape(own.size, {}))
    run_hybrid(world, lambda e: e.reveal(value((own, other)[e.party]), None))
    simulated = simulate_reveal(Party.SERVER, other, None, Uniform(Tape(), "none"))
    assert set(world.views[Party.SERVER]) != set(simulated)
