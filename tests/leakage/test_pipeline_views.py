"""The whole model: what a party sees tells nothing of the other's prompt, weights or routing.

The server's extreme secrets: a gate of zeros, whose ties send every token to the same experts, with
experts that compute nothing, against random weights that spread the tokens. The client's: one token
repeated, against all tokens different. Truncation is approximate, which runs both kinds.
"""

from dataclasses import asdict, replace
from functools import cache

import numpy as np
import pytest
from broken_generators import spoiled, zeros
from comparing import Record, View, accept, rejected
from cryptomoe_spec import shape as stated
from party_views import Session, run_session
from random_models import random_weights
from two_samples import MOST_TESTS

from cryptomoe.party import Party
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import FUNCTIONALITIES, transformer

pytestmark = pytest.mark.leakage

SHAPE = held.TransformerShape(
    layers=1,
    hidden=20,
    heads=2,
    kv_heads=1,
    head_dim=10,
    experts=3,
    top_k=2,
    expert_width=6,
    vocabulary=11,
    rope_theta=1e4,
    epsilon=1e-5,
)
LENGTH = 8
PROMPTS = {"different tokens": list(range(LENGTH)), "one token": [10] * LENGTH}


def weights(kind: str) -> held.TransformerWeights:
    """Random ones, or those of a model that sends every token the same way."""
    random = random_weights(stated.TransformerShape(**asdict(SHAPE)), 1)
    layer = held.LayerWeights(**vars(random.layers[0]))
    if kind == "one expert for all":
        layer = replace(
            layer,
            gate=np.zeros_like(layer.gate),
            expert_gate_up=np.zeros_like(layer.expert_gate_up),
            expert_down=np.zeros_like(layer.expert_down),
        )
    return held.TransformerWeights(random.embedding, (layer,), random.head)


def functionality(label: str) -> str:
    """The innermost functionality of a label, as reports name it."""
    named = [part for part in label.split("/") if part in FUNCTIONALITIES]
    return named[-1] if named else "setup"


def run(prompt: str, model: str, seed: int) -> Session:
    """One private inference."""
    options = held.TransformerOptions(padded_length=LENGTH, max_new_tokens=1)
    return run_session(
        lambda engine: transformer(
            engine,
            SHAPE,
            options,
            weights(model) if engine.party is Party.SERVER else None,
            PROMPTS[prompt] if engine.party is Party.CLIENT else None,
        ),
        seed,
        "approximate",
        functionality,
    )


@cache
def inference(prompt: str = "different tokens", model: str = "random") -> Session:
    """An honest one, run once."""
    return run(prompt, model, 100 + 2 * (prompt == "one token") + (model != "random"))


def under_another_secret(party: Party) -> Session:
    """What `party` takes part in when the other has its other secret."""
    if party is Party.SERVER:
        return inference(prompt="one token")
    return inference(model="one expert for all")


@cache
def views(party: Party) -> tuple[View, View]:
    """What `party` sees under both secrets of the other."""
    sessions = inference(), under_another_secret(party)
    first, second = (session.seen[party].samples() for session in sessions)
    return first, second


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_do_not_tell_prompts_or_weights_apart(party: Party, record_property: Record) -> None:
    count = accept(record_property, party, "two secrets", *views(party))
    # Both parties, each also twice against the simulator; the other half is single operations'.
    assert 6 * count < MOST_TESTS // 2


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_views_are_like_the_simulators(party: Party, record_property: Record) -> None:
    for view in views(party):
        accept(record_property, party, "real and simulated", view)


@pytest.mark.parametrize("party", Party, ids=lambda party: party.name.lower())
def test_transcripts_have_one_shape(party: Party) -> None:
    """Labels, order, sizes and depths."""
    assert under_another_secret(party).shape == inference().shape


def test_every_functionality_is_compared() -> None:
    """But for those that send nothing themselves."""
    for party in Party:
        compared = {name for name, _ in views(party)[0]}
        assert {"gate", "topk", "balanced_selection", "dispatch", "combine", "swiglu"} <= compared


def test_masks_left_out_are_rejected_in_every_functionality_that_multiplies() -> None:
    """Answers without masks, and comparisons shared without fresh shares."""
    with spoiled("mask of homomorphic answers", zeros), spoiled("shares of compared bits", zeros):
        broken = run("different tokens", "random", 110)
    answers = rejected(broken.seen[Party.CLIENT].samples(), kind="slots of answers")
    assert {"attention", "batch_matmul", "combine", "dispatch", "gate", "lm_head"} <= {
        name for (name, _), _ in answers
    }
    outcomes = rejected(broken.seen[Party.SERVER].samples(), kind="digits' outcomes")
    # The others compare too few values in so small a model.
    assert {"balanced_selection", "softmax", "swiglu"} <= {name for (name, _), _ in outcomes}
