"""A private Mixture-of-Experts layer of two parties: `python examples/private_layer.py`.

The client holds 16 tokens of 32 entries, of which the first three are padding; the server holds a
gate and 8 experts, of which a token uses 2. The layer's output stays shared until, at the very end,
the client is shown it. In exact mode every bit of it is the specification's.

All numbers are drawn from public seeds. `private_moe.py` is such a layer of three parties or more.
"""

import sys
from fractions import Fraction

import numpy as np
from cryptomoe_spec.gate import gate as specified_gate
from cryptomoe_spec.moe_layer import moe_layer as specification
from cryptomoe_spec.shape import LayerWeights as SpecifiedWeights
from two_parties import print_traffic, run

from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.fixed_point import FRACTION_BITS, WEIGHT_BITS
from cryptomoe.party import Party
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.prepared import prepare_layer
from cryptomoe.protocols.shape import LayerWeights, TransformerShape, slots_per_expert

TOKENS, PADDING = 16, 3
SHAPE = TransformerShape(
    layers=1, hidden=32, heads=2, kv_heads=2, head_dim=2, experts=8, top_k=2, expert_width=32,
    vocabulary=2, rope_theta=1e4, epsilon=1e-5,
)  # fmt: skip
SLOTS = slots_per_expert(TOKENS, SHAPE.experts, SHAPE.top_k, Fraction(2))


def tokens() -> tuple[np.ndarray, np.ndarray]:
    """What the client holds: normalised rows, 13 fraction bits, and 1 for those that are real."""
    rows = np.random.default_rng(1).normal(size=(TOKENS, SHAPE.hidden))
    real = np.arange(TOKENS) >= PADDING
    return np.rint(rows * 2**FRACTION_BITS).astype(np.int64), real


def weights() -> dict[str, np.ndarray]:
    """What the server holds, 15 fraction bits; the layer's attention is not used here."""
    draw = np.random.default_rng(2)
    sizes = {"gate": (32, 8), "expert_gate_up": (8, 32, 64), "expert_down": (8, 32, 32)}
    drawn = {
        name: np.rint(draw.normal(size=size) * 2**WEIGHT_BITS / 32**0.5).astype(np.int64)
        for name, size in sizes.items()
    }
    unused = {"qkv": (32, 12), "q_scale": (4,), "k_scale": (4,), "output": (4, 32)}
    return drawn | {name: np.zeros(size, np.int64) for name, size in unused.items()}


def private_layer(
    engine: TwoPartyEngine,
    own_tokens: tuple[np.ndarray, np.ndarray] | tuple[None, None],
    own_weights: LayerWeights | None,
) -> np.ndarray | None:
    """Either party's part; what the other holds is None. The output at the client, else None."""
    rows, real = own_tokens
    x = engine.input(Party.CLIENT, rows, (TOKENS, SHAPE.hidden), 1 << 18)
    is_real = engine.input_bits(Party.CLIENT, real, (TOKENS,))
    prepared = prepare_layer(engine, SHAPE, own_weights)
    output = moe_layer(engine, x, prepared, top_k=SHAPE.top_k, slots=SLOTS, real=is_real)
    return engine.reveal(output, Party.CLIENT)


def main() -> None:
    """Run both parties, and compare."""
    done = run(
        client=lambda engine: private_layer(engine, tokens(), None),
        server=lambda engine: private_layer(engine, (None, None), LayerWeights(**weights())),
    )
    rows, real = tokens()
    stated = SpecifiedWeights(**weights())
    expected = specification(rows, stated, top_k=SHAPE.top_k, slots=SLOTS, real=real)
    uses = specified_gate(rows, stated.gate, SHAPE.top_k, real) > 0
    print(f"tokens that use each expert: {', '.join(map(str, uses.sum(axis=0)))}")
    print(f"slots that each has, and all that a party sees of it: {SLOTS}\n")
    print_traffic(done.online, parts=2)
    print(f"\n{len(done.online)} messages, {done.rounds} rounds\n")
    shown = ", ".join(f"{value / 2**FRACTION_BITS:.6f}" for value in done.client[PADDING, :4])
    right = ", ".join(f"{value / 2**FRACTION_BITS:.6f}" for value in expected[PADDING, :4])
    print(f"the first real token at the client:   {shown}, ...")
    print(f"the same in the specification:        {right}, ...")
    equal = np.array_equal(done.client, expected)
    print(
        f"\n{expected.size} entries equal to the specification"
        if equal
        else "\nNOT EQUAL TO THE SPECIFICATION"
    )
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
