"""A model of one small layer, its extreme secrets, and a private inference with it."""

from dataclasses import asdict, replace

import numpy as np
from party_views import Session, run_session
from random_models import SMALL, random_weights

from cryptomoe.party import Party
from cryptomoe.protocols import shape as held
from cryptomoe.protocols.transformer import FUNCTIONALITIES, transformer

SHAPE = held.TransformerShape(**asdict(SMALL))
LENGTH = 8
PROMPTS = {"different tokens": list(range(LENGTH)), "one token": [10] * LENGTH}


def weights(kind: str) -> held.TransformerWeights:
    """Random ones, or those of a model that sends every token the same way."""
    random = random_weights(SMALL, 1)
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
