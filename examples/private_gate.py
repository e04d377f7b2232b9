"""A private gate: how much of each expert does a token take? `python examples/private_gate.py`.

The client holds 8 tokens of 32 entries, the server the gate of 8 experts, of which a token uses 2.
Each party ends with a share of every score, and a share alone is a uniformly random number; a model
goes on with the shares. Here the client is shown the scores, so that there is something to look at:
that is all it learns of the gate, and the server learns nothing.

All numbers are drawn from public seeds, so that the last column can say what is right.
"""

import sys

import numpy as np
from cryptomoe_spec.gate import gate as specification
from two_parties import print_traffic, run

from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.fixed_point import EXP_BITS, FRACTION_BITS, WEIGHT_BITS
from cryptomoe.party import Party
from cryptomoe.protocols.gate import gate

TOKENS, HIDDEN, EXPERTS, TOP_K = 8, 32, 8, 2
LARGEST = 1 << 18
"""No entry of a token is greater: 32 in fixed point, of rows whose entries are about 1."""


def tokens() -> np.ndarray:
    """What the client holds: normalised rows, 13 fraction bits."""
    drawn = np.random.default_rng(1).normal(size=(TOKENS, HIDDEN))
    return np.rint(drawn * 2**FRACTION_BITS).astype(np.int64)


def weights() -> np.ndarray:
    """What the server holds: the gate's matrix, 15 fraction bits."""
    drawn = np.random.default_rng(2).normal(size=(HIDDEN, EXPERTS)) / HIDDEN**0.5
    return np.rint(drawn * 2**WEIGHT_BITS).astype(np.int64)


def private_gate(
    engine: TwoPartyEngine, own_tokens: np.ndarray | None, own_weights: np.ndarray | None
) -> np.ndarray | None:
    """Either party's part; what the other holds is None. The scores at the client, else None."""
    x = engine.input(Party.CLIENT, own_tokens, (TOKENS, HIDDEN), LARGEST)
    w = engine.weight(own_weights, (1, HIDDEN, EXPERTS))
    scores = gate(engine, x, w, TOP_K, real=None)
    return engine.reveal(scores, Party.CLIENT)


def in_percent(scores: np.ndarray) -> str:
    """One token's scores; a dot for an expert that it does not use."""
    return " ".join(f"{score / 2**EXP_BITS:4.0%}" if score else "   ." for score in scores)


def main() -> None:
    """Run both parties, and compare."""
    done = run(
        client=lambda engine: private_gate(engine, tokens(), None),
        server=lambda engine: private_gate(engine, None, weights()),
    )
    expected = specification(tokens(), weights(), TOP_K, real=None)
    column = 5 * EXPERTS - 1
    print(f"token  {'what the client was shown':{column}}   what the specification says")
    for token, (shown, right) in enumerate(zip(done.client, expected, strict=True)):
        print(f"{token:5}  {in_percent(shown)}   {in_percent(right)}")
    print(f"\nwhat the server was shown: {done.server}")
    print(f"\n{len(done.online)} messages, {done.rounds} rounds\n")
    print_traffic(done.online, parts=2)
    equal = done.server is None and np.array_equal(done.client, expected)
    print("\nequal to the specification" if equal else "\nNOT EQUAL TO THE SPECIFICATION")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
