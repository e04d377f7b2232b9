"""Every functionality has a contract, and what is measured is what its formulas say."""

import inspect
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptomoe_spec import abb
from cryptomoe_spec.citations import CITATIONS
from cryptomoe_spec.contracts import (
    FUNCTIONALITIES,
    Contract,
    Costs,
    contract,
    contract_hash,
    functionality,
    prediction,
)
from cryptomoe_spec.contracts_terms import BLACK_BOX, NOTHING, PROTOCOL
from cryptomoe_spec.messages.bits import keep_if
from cryptomoe_spec.messages.transcript import Transcript, predict
from functionality_runs import RUNS, bits, matrix, zeros
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from two_party_pair import run_two_party

import cryptomoe.protocols
from cryptomoe.cli.reference import setting
from cryptomoe.engines.abb import ArithmeticBlackBox
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.party import Party

NAMES = [declared.name for declared in FUNCTIONALITIES]
MODES = ["exact", "approximate"]

LOCAL = {
    "add", "add_public", "broadcast", "concatenate", "declare", "input", "input_bits",
    "logical_not", "logical_xor", "public", "reshape", "scale_public", "subtract", "sum", "take",
    "transpose", "weight",
}  # fmt: skip
"""Operations that send nothing, and so need no contract."""
PARTS = {
    "mask": "local",
    "pairs": "of ranks",
    "prepare_layer": "local",
    "public_embedding": "local: with a public table the client selects on its own",
    "rmsnorms": "rmsnorm of several arrays at once",
    "single": "local",
    "softmax_below": "of softmax, where the maximum is known",
}
"""Functions of the protocols that are no functionality of their own, and why."""

SIZES: dict[str, st.SearchStrategy[int]] = {
    "bits": st.integers(1, 27),
    "bound": st.integers(1, 42).flatmap(lambda b: st.integers(1 << (b - 1), (1 << b) - 1)),
    "x_bound": st.integers(1, 41).flatmap(lambda b: st.integers(1 << (b - 1), (1 << b) - 1)),
    "y_bound": st.integers(1, 1 << 40),
    "greatest": st.integers(1, 1 << 40),
    "number": st.integers(1, 9),
    "out_bits": st.sampled_from([13, 20]),
    "padded": st.integers(0, 1),
    "private": st.integers(0, 1),
    "whole": st.integers(0, 1),
    "tables": st.integers(1, 3),
    "top_k": st.integers(1, 9),
    "experts": st.integers(1, 9),
    "heads": st.integers(1, 6),
    "kv_heads": st.integers(1, 3),
    "head_dim": st.sampled_from([2, 4, 6, 10, 24]),
    "positions": st.integers(1, 24),
    "layers": st.integers(1, 3),
    "new_tokens": st.integers(1, 3),
}
SMALL = st.integers(1, 9)
MIDDLING = st.integers(1, 70)


@st.composite
def parameters(draw: st.DrawFn, name: str, *, large: bool = False) -> dict[str, int]:
    """Public parameters of a functionality, small enough to run unless `large`."""
    other = st.one_of(SMALL, MIDDLING, st.integers(1, 3000)) if large else SMALL | MIDDLING
    values = {}
    for parameter in functionality(name).parameters:
        strategy = SIZES.get(parameter.name, other)
        if parameter.name == "size":
            strategy = _row_sizes(name)
        if large and parameter.name in {"experts", "top_k", "tokens", "slots", "positions", "rows"}:
            strategy = st.integers(1, 256)
        elif parameter.name in {"tokens", "slots", "rows", "batch", "padded_length"}:
            strategy = SMALL
        values[parameter.name] = draw(strategy)
    assume(values.get("top_k", 0) <= values.get("experts", values.get("size", 9)))
    assume(values.get("rows", 0) <= values.get("positions", 1 << 20))
    assume(values.get("slots", 0) <= values.get("padded_length", values.get("tokens", 1 << 20)))
    if "kv_heads" in values:
        values["heads"] *= values["kv_heads"]
    return values


def _row_sizes(name: str) -> st.SearchStrategy[int]:
    if name == "lookup":
        return st.sampled_from([2, 4, 8, 16, 32])
    if name in {"maximum", "argmax"}:
        return st.integers(1, 300) | st.sampled_from([1, 4, 16, 64, 256, 257, 1024])
    return st.integers(1, 24) | st.sampled_from([255, 256])


def predicted_costs(transcript: Transcript, empty: Transcript) -> Costs:
    """What a predicted transcript comes to, less the set-up of a session."""
    setup = transcript.setup_bytes(Party.CLIENT) - empty.setup_bytes(Party.CLIENT)
    sent = (transcript.bytes_sent(party) for party in Party)
    return Costs(transcript.rounds, *sent, setup)


def measured_costs(name: str, values: dict[str, int], mode: Any) -> Costs:
    """What a real run comes to, less the set-up of a session."""
    run = run_two_party(lambda engine: RUNS[name](engine, **values), mode)
    empty = run_two_party(lambda _: None, mode)
    client, server = (run.statistics[party] for party in Party)
    setup = client.setup_bytes_sent - empty.statistics[Party.CLIENT].setup_bytes_sent
    assert client.rounds == server.rounds
    return Costs(client.rounds, client.bytes_sent, server.bytes_sent, setup)


@pytest.mark.parametrize("name", RUNS)
@settings(max_examples=2, deadline=None)
@given(st.data(), st.sampled_from(MODES))
def test_measured_is_declared(name: str, data: st.DataObject, mode: str) -> None:
    """Rounds, bytes of each party, and Galois keys, of real runs at random parameters."""
    values = data.draw(parameters(name))
    assert measured_costs(name, values, mode) == contract(name).costs(
        values, setting(exact=mode == "exact")
    )


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(st.data(), st.booleans())
def test_formulas_are_the_messages(name: str, data: st.DataObject, exact: bool) -> None:  # noqa: FBT001 - drawn
    """The same, against the predicted messages, at parameters too large to run."""
    values = data.draw(parameters(name, large=name not in {"transformer", "matmul", "linear"}))
    public = setting(exact=exact)
    empty = predict(public, lambda _: None)
    expected = predicted_costs(prediction(name, values, public), empty)
    assert contract(name).costs(values, public) == expected


def test_a_contract_that_is_off_by_a_byte_or_a_round_is_caught() -> None:
    values = {"count": 5}
    measured = measured_costs("keep_if", values, "exact")
    honest, public = contract("keep_if"), setting(exact=True)
    assert honest.costs(values, public) == measured
    for field in ("client_bytes", "server_bytes", "rounds"):
        wrong = replace(honest, **{field: getattr(honest, field) + 1})
        assert wrong.costs(values, public) != measured


def test_formulas_can_be_looked_at() -> None:
    """They are expressions in named symbols; a number for each makes a number."""
    stated = contract("truncate")
    symbols = {name: stated.symbol(name) for name in ("count", "bits", "exact")}
    assert stated.online_bytes.free_symbols == set(symbols.values())
    numbers = {symbols["count"]: 10, symbols["bits"]: 13, symbols["exact"]: 0}
    header, transfers = 20, 2048
    # The refill, 10 choices of a bit, 10 corrections of 45 bits.
    assert stated.online_bytes.subs(numbers) == 3 * header + transfers + 2 + 57
    assert "ceil_div(45*count, 8)" in str(stated.client_bytes)
    assert contract("linear").client_bytes.has(contract("linear").symbol("request_bytes"))


def test_sizes_outside_a_contract_are_refused() -> None:
    with pytest.raises(ValueError, match="does not cover"):
        contract("truncate").costs({"count": 3, "bits": 28}, setting(exact=True))
    with pytest.raises(ValueError, match="needs"):
        contract("truncate").costs({"bits": 3}, setting(exact=True))


# --- one functionality, one name ------------------------------------------------------------------


def test_every_operation_that_sends_has_a_contract() -> None:
    """And each contract of the black box is an operation of the specification and the engine."""
    stated = {declared.name for declared in FUNCTIONALITIES if declared.kind == BLACK_BOX}
    operations = set(ArithmeticBlackBox.__abstractmethods__) - {"scope"}
    assert stated == operations - LOCAL
    assert operations >= LOCAL
    assert all(callable(getattr(abb, name)) for name in stated)
    assert all(callable(getattr(TwoPartyEngine, name)) for name in stated)


def test_every_protocol_has_a_contract() -> None:
    """Each public function that takes a black box, but for those listed with a reason."""
    found: dict[str, str] = {}
    for path in Path(cryptomoe.protocols.__path__[0]).glob("*.py"):
        module = import_module(f"cryptomoe.protocols.{path.stem}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            takes_abb = "abb" in inspect.signature(function).parameters
            if takes_abb and not name.startswith("_") and function.__module__ == module.__name__:
                found[name] = path.stem
    stated = {declared.name for declared in FUNCTIONALITIES if declared.kind == PROTOCOL}
    assert stated == found.keys() - PARTS.keys()
    assert found.keys() >= PARTS.keys()
    for name in stated:
        assert callable(getattr(import_module(f"cryptomoe_spec.{found[name]}"), name))


def test_local_operations_send_nothing() -> None:
    def local(e: TwoPartyEngine) -> object:
        x, a = zeros(e, 2, 3), bits(e, 2, 3)
        e.logical_xor(e.logical_not(a), a)
        e.sum(e.add(e.subtract(x, x), e.add_public(e.scale_public(x, 2), 1)), 0)
        turned = e.reshape(e.transpose(x, (1, 0)), (1, 6))
        e.concatenate([turned, e.take(e.broadcast(turned, (4, 6)), np.array([2]), 0)], 0)
        e.public(np.ones(3, np.int64))
        matrix(e, 1, 2, 3)
        return e.declare(x, 1)

    run = run_two_party(local)
    assert all("setup" in label.split("/") for _, label, _, _ in run.shape)


# --- what is declared -----------------------------------------------------------------------------


def test_names_are_unique_and_everything_is_stated() -> None:
    assert len(set(NAMES)) == len(NAMES)
    for declared in FUNCTIONALITIES:
        assert declared.range
        assert declared.rounding
        assert declared.citations
        assert declared.leakage.server == NOTHING
    learning = {f.name for f in FUNCTIONALITIES if f.leakage.client != NOTHING}
    assert learning == {"reveal", "transformer"}


def test_citations_are_known_and_used() -> None:
    used = {key for declared in FUNCTIONALITIES for key in declared.citations}
    assert used == set(CITATIONS)
    for citation in CITATIONS.values():
        assert citation.authors
        assert citation.used


def test_what_encrypts_rests_on_encryption_and_what_transfers_on_transfers() -> None:
    for declared in FUNCTIONALITIES:
        values = {parameter.name: parameter.samples[1] for parameter in declared.parameters}
        labels = [m.label for m in prediction(declared.name, values, setting(exact=True)).online]
        encrypts = any(label.endswith("/request") for label in labels)
        transfers = any(label.endswith("/choices") for label in labels)
        assumed = " ".join(declared.assumptions)
        assert ("ring learning with errors" in assumed) == encrypts, declared.name
        assert ("correlation robust" in assumed) == transfers, declared.name


# --- the hash -------------------------------------------------------------------------------------


def test_the_hash_changes_with_any_contract() -> None:
    original = contract_hash()
    for index, declared in enumerate(FUNCTIONALITIES):
        changed = list(FUNCTIONALITIES)
        changed[index] = replace(declared, range=declared.range + ".")
        assert contract_hash(changed) != original, declared.name
        assert contract_hash([f for f in FUNCTIONALITIES if f is not declared]) != original


def test_the_hash_changes_with_any_message() -> None:
    """One byte more, or one message more, that is stated nowhere else."""
    (index,) = [i for i, f in enumerate(FUNCTIONALITIES) if f.name == "keep_if"]
    for sends in (
        lambda wire, count: keep_if(wire, count + 1),
        lambda wire, count: (keep_if(wire, count), wire.send(0, "more", 0)),
    ):
        changed = list(FUNCTIONALITIES)
        changed[index] = replace(changed[index], sends=sends)
        assert contract_hash(changed) != contract_hash()


def test_the_hash_is_the_same_in_another_process() -> None:
    command = "from cryptomoe_spec.contracts import contract_hash; print(contract_hash())"
    said = {
        subprocess.run(
            [sys.executable, "-c", command],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {contract_hash()}


def test_contracts_are_frozen() -> None:
    stated: Contract = contract("square")
    with pytest.raises(AttributeError):
        stated.rounds = 1  # type: ignore[misc]
