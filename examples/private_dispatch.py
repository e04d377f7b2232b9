"""Dispatch shows nothing of the routing: `python examples/private_dispatch.py`.

Twelve tokens go to six experts, two each, and every expert gets exactly six. Once the routing is
even; once every token wants the same two experts, so that half of those are dropped and four
experts are idle. Idle slots are filled with other tokens, whose results would be multiplied by 0.
Neither party can tell the two runs apart: the same messages, of the same sizes, in the same order.

In a model the scores come from the gate as shares. Here they are dealt: a random share to the
client, the rest to the server. In the end both open the slots, only for you to look at; that, too,
takes the same messages.
"""

import sys
from fractions import Fraction

import numpy as np
from cryptomoe_spec.balanced_selection import balanced_selection as specified_selection
from cryptomoe_spec.dispatch import dispatch as specified_dispatch
from two_parties import Run, print_traffic, run

from cryptomoe import field
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.fixed_point import EXP_BITS
from cryptomoe.party import Party
from cryptomoe.protocols.balanced_selection import balanced_selection
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.protocols.shape import slots_per_expert
from cryptomoe.randomness import Randomness

TOKENS, EXPERTS, TOP_K, HIDDEN = 12, 6, 2, 16
SLOTS = slots_per_expert(TOKENS, EXPERTS, TOP_K, Fraction("1.5"))
ROWS = np.random.default_rng(1).integers(-(2**13), 2**13, (TOKENS, HIDDEN))
"""The tokens, which the client holds."""
ROUTINGS = {
    "an even routing": [{token % EXPERTS, (token + 1) % EXPERTS} for token in range(TOKENS)],
    "everybody wants experts 0 and 1": [{0, 1}] * TOKENS,
}


def scores_of(routing: list[set[int]]) -> np.ndarray:
    """Scores (m, n), 20 fraction bits: between 1/4 and 1/2 where the token uses the expert."""
    uses = np.array([[expert in used for expert in range(EXPERTS)] for used in routing])
    drawn = np.random.default_rng(2).integers(1 << (EXP_BITS - 2), 1 << (EXP_BITS - 1), uses.shape)
    return np.where(uses, drawn, 0)


def dealt(values: np.ndarray) -> list[np.ndarray]:
    """Two shares, the client's first: each alone is uniformly random, their sum is `values`."""
    share = Randomness().stream("dealing").field(values.shape)
    rest = field.subtract(field.to_field(values), share)
    return [field.to_signed(share), field.to_signed(rest)]


def private_dispatch(
    engine: TwoPartyEngine, share: np.ndarray, rows: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Either party's part: what the slots hold, and which token that is."""
    parts = [
        engine.input(owner, share if owner is engine.party else None, share.shape, field.P // 2)
        for owner in Party
    ]
    scores = engine.declare(engine.add(*parts), 1 << EXP_BITS)
    x = engine.input(Party.CLIENT, rows, (TOKENS, HIDDEN), 1 << 13)
    assignment = balanced_selection(engine, scores, SLOTS)
    taken = dispatch(engine, x, assignment)
    opened = [engine.reveal(secret, None) for secret in (taken, engine.to_arithmetic(assignment))]
    return opened[0], opened[1]


def routed(routing: list[set[int]]) -> Run[tuple[np.ndarray, np.ndarray]]:
    """Both parties' run with the scores of one routing."""
    shares = dealt(scores_of(routing))
    return run(
        client=lambda engine: private_dispatch(engine, shares[Party.CLIENT], ROWS),
        server=lambda engine: private_dispatch(engine, shares[Party.SERVER], None),
    )


def main() -> None:
    """Run with either routing; compare with the specification, and the runs with each other."""
    equal, runs = True, []
    for title, routing in ROUTINGS.items():
        done = routed(routing)
        runs.append(done)
        taken, assignment = done.client
        scores = scores_of(routing)
        expected = specified_selection(scores, SLOTS)
        equal &= np.array_equal(assignment, expected)
        equal &= np.array_equal(taken, specified_dispatch(ROWS, expected))
        print(f"{title}; tokens in the slots, fillers in brackets:")
        for expert, tokens in enumerate(assignment.argmax(axis=2)):
            chosen = scores[:, expert] > 0
            held = [f" {token:2} " if chosen[token] else f"({token:2})" for token in tokens]
            print(f"  expert {expert}, chosen by {chosen.sum():2}:  {' '.join(held).rstrip()}")
        total = sum(message.size for message in done.online)
        print(f"  {len(done.online)} messages, {total:,} bytes, {done.rounds} rounds\n")
    alike = runs[0].messages == runs[1].messages
    print_traffic(runs[0].online, parts=2)
    print("\nequal to the specification" if equal else "\nNOT EQUAL TO THE SPECIFICATION")
    print("identical transcripts" if alike else "THE TRANSCRIPTS DIFFER")
    sys.exit(0 if equal and alike else 1)


if __name__ == "__main__":
    main()
