"""A Mixture-of-Experts layer among three parties: `python examples/private_moe.py -M3`.

The client holds 16 tokens of 32 entries, the server a gate and 8 experts, of which a token uses 2;
the third party, and any further one, only computes. Nobody learns which expert a token went to.
All numbers are drawn from public seeds, so that the client can compare with the specification.

The arguments are MPyC's: -M is the number of parties, -T how many may be corrupted, -B their first
port, and -I runs one of them alone.
"""

import sys
import time

import numpy as np
from cryptomoe_spec.moe_layer import moe_layer as specification
from cryptomoe_spec.shape import LayerWeights as SpecifiedWeights

from cryptomoe.engines.honest_majority import HonestMajorityEngine
from cryptomoe.errors import CryptoMoEError
from cryptomoe.net.launcher import take_place
from cryptomoe.party import Party
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.prepared import prepare_layer
from cryptomoe.protocols.shape import LayerWeights, TransformerShape, slots_per_expert

TOKENS = 16
SHAPE = TransformerShape(
    layers=1, hidden=32, heads=2, kv_heads=2, head_dim=2, experts=8, top_k=2, expert_width=32,
    vocabulary=2, rope_theta=1e4, epsilon=1e-5,
)  # fmt: skip
SLOTS = slots_per_expert(TOKENS, SHAPE.experts, SHAPE.top_k, 2)


def tokens() -> np.ndarray:
    """What the client holds: normalised rows, 13 fraction bits."""
    return np.rint(np.random.default_rng(1).normal(size=(TOKENS, 32)) * 2**13).astype(np.int64)


def weights() -> dict[str, np.ndarray]:
    """What the server holds, 15 fraction bits; the layer's attention is not used here."""
    draw = np.random.default_rng(2)
    sizes = {"gate": (32, 8), "expert_gate_up": (8, 32, 64), "expert_down": (8, 32, 32)}
    drawn = {
        name: np.rint(draw.normal(size=size) * 2**15 / 32**0.5).astype(np.int64)
        for name, size in sizes.items()
    }
    unused = {"qkv": (32, 12), "q_scale": (4,), "k_scale": (4,), "output": (4, 32)}
    return drawn | {name: np.zeros(size, np.int64) for name, size in unused.items()}


def main() -> None:
    """One party's part."""
    place, _ = take_place(sys.argv)
    carriers = place.join({"example": "private_moe"})
    with HonestMajorityEngine(place.index, carriers, "exact", threshold=place.threshold) as engine:
        engine.setup()
        engine.start_online()
        started = time.perf_counter()
        held = LayerWeights(**weights()) if engine.party == Party.SERVER else None
        prepared = prepare_layer(engine, SHAPE, held)
        own = tokens() if engine.party == Party.CLIENT else None
        x = engine.input(Party.CLIENT, own, (TOKENS, 32), 1 << 18)
        output = moe_layer(engine, x, prepared, top_k=SHAPE.top_k, slots=SLOTS, real=None)
        shown = engine.reveal(output, Party.CLIENT)
        seconds, traffic = time.perf_counter() - started, engine.statistics()
    if shown is not None:
        expected = specification(
            tokens(), SpecifiedWeights(**weights()), top_k=SHAPE.top_k, slots=SLOTS, real=None
        )
        print(f"{place.parties} parties, {TOKENS} tokens, {SLOTS} slots for each of 8 experts")
        print(f"{seconds:.1f} s, {traffic.rounds} rounds, {traffic.bytes_sent:,} bytes a party")
        equal = np.array_equal(shown, expected)
        print("equal to the specification" if equal else "NOT EQUAL TO THE SPECIFICATION")
        sys.exit(0 if equal else 1)


if __name__ == "__main__":
    try:
        main()
    except CryptoMoEError as error:
        sys.exit(f"private_moe: {error}")
