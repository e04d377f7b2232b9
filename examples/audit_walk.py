"""An auditor's walk through one functionality, dispatch: `python examples/audit_walk.py`.

1. The contract: who learns what, what it costs as formulas, what it rests on.
2. The prediction: every message, from public sizes alone.
3. A real run, and each message that was sent beside the one that was predicted.
4. A careless variant that saves the slots of an expert that nobody chose; the comparison finds it.

`cryptomoe audit` does the first three for all functionalities, and much more.
"""

import sys
from textwrap import fill

import numpy as np
from cryptomoe_spec.citations import CITATIONS
from cryptomoe_spec.contracts import Contract, contract, prediction
from cryptomoe_spec.dispatch import dispatch as specification
from cryptomoe_spec.messages.transcript import Transcript
from two_parties import Run, run

from cryptomoe.cli.reference import setting
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.party import Party, party_name
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.randomness import Randomness

SIZES = {"tokens": 12, "experts": 17, "slots": 7, "hidden": 70}
SESSION = setting(exact=True)
"""The public parameters of a session: sizes of ciphertexts, and the layout of every product."""
Line = tuple[int, str, int, int]
"""Sender, label, bytes with their header, and the round."""


def print_contract(stated: Contract) -> None:
    """What is declared, and its formulas at the sizes of this walk."""
    print(f"{stated.name}: a {stated.kind} of the engine {stated.engine}\n")
    for parameter in stated.parameters:
        print(f"  {parameter.name} = {SIZES[parameter.name]}: {parameter.meaning}")
    print(f"\n  the client learns {stated.leakage.client}, the server {stated.leakage.server}")
    print(f"  valid inputs: {stated.range}\n  rounding: {stated.rounding}\n")
    costs = stated.costs(SIZES, SESSION)
    for name in ("rounds", "client_bytes", "server_bytes", "setup_bytes"):
        print_wrapped(f"{name}: {getattr(stated, name)}; here {getattr(costs, name):,}")
    print("\n  it rests on")
    for key in stated.citations:
        paper = CITATIONS[key]
        print_wrapped(f"- {paper.authors}, {paper.venue}, {paper.year}, for {paper.used}")
    for assumption in stated.assumptions:
        print_wrapped(f"- {assumption}")
    print()


def print_wrapped(text: str) -> None:
    """Lines of at most 100 characters."""
    print(fill(text, 100, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))


def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, d), and an assignment (n, t, m) with a token in every slot."""
    draw = np.random.default_rng(1)
    rows = draw.integers(-(2**20), 2**20, (SIZES["tokens"], SIZES["hidden"]))
    places = draw.integers(0, SIZES["tokens"], (SIZES["experts"], SIZES["slots"]))
    return rows, np.eye(SIZES["tokens"], dtype=np.uint8)[places]


def dispatched(rows: np.ndarray, assignment: np.ndarray) -> Run[np.ndarray | None]:
    """A real run: the rows are the client's, the assignment is shared, the client is shown all."""
    mask = Randomness().stream("dealing").bits(assignment.size).reshape(assignment.shape)
    shares = (mask, mask ^ assignment)

    def part(engine: TwoPartyEngine) -> np.ndarray | None:
        own = shares[engine.party]
        bits = [
            engine.input_bits(owner, own if owner is engine.party else None, own.shape)
            for owner in Party
        ]
        own_rows = rows if engine.party is Party.CLIENT else None
        x = engine.input(Party.CLIENT, own_rows, rows.shape, 1 << 20)
        return engine.reveal(dispatch(engine, x, engine.logical_xor(*bits)), Party.CLIENT)

    return run(part, part)


def sent(done: Run[np.ndarray | None]) -> list[Line]:
    """What was sent, without the message that shows the result, which is not dispatch's."""
    return [(m.sender, m.label, m.size, m.depth) for m in done.messages if m.label != "reveal"]


def predicted(transcript: Transcript) -> list[Line]:
    """The same of a prediction."""
    return [(m.sender, m.label, m.size, m.depth) for m in transcript.merged()]


def print_compared(expected: list[Line], recorded: list[Line]) -> None:
    """Each message's bytes as predicted and as sent, and its round; a dot where there is none."""
    sizes = [{line[:2]: f"{line[2]:,}" for line in lines} for lines in (expected, recorded)]
    rounds = {line[:2]: line[3] for line in (*recorded, *expected)}
    print(f"{'sender':6}  {'label':46}  {'predicted':>9}  {'sent':>9}  round")
    for (sender, label), depth in rounds.items():
        left, right = (of.get((sender, label), ".") for of in sizes)
        verdict = "" if left == right else "different"
        line = f"{party_name(sender)}  {label:46}  {left:>9}  {right:>9}  {depth:5}  {verdict}"
        print(line.rstrip())


def main() -> None:
    """The walk; what does not hold is said, and is the exit status."""
    print_contract(contract("dispatch"))
    expected = predicted(prediction("dispatch", SIZES, SESSION))
    rows, assignment = inputs()
    done = dispatched(rows, assignment)
    recorded = sent(done)
    print_compared(expected, recorded)
    holds = expected == recorded
    print(f"{len(recorded)} messages", "as predicted" if holds else "NOT AS PREDICTED")
    equal = np.array_equal(done.client, specification(rows, assignment))
    print("equal to the specification" if equal else "NOT EQUAL TO THE SPECIFICATION")

    careless = sent(dispatched(rows, assignment[:-1]))
    print("\nwithout the slots of the last expert, as if it were idle:")
    print_compared(expected, careless)
    found = expected != careless
    print("the careless variant is found" if found else "THE CARELESS VARIANT IS NOT FOUND")
    sys.exit(0 if holds and equal and found else 1)


if __name__ == "__main__":
    main()
