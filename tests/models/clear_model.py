"""Models in the clear: the shipped one, and the specification on every prefix of a text at once."""

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from cryptomoe_spec import shape as stated
from cryptomoe_spec.embedding import embedding
from cryptomoe_spec.lm_head import lm_head
from cryptomoe_spec.transformer import transformer_layer
from numpy.typing import NDArray

from cryptomoe.models.checkpoint import load_weights
from cryptomoe.models.config import read_config

TINY = Path(__file__).parents[2] / "examples" / "tiny-olmoe"
UNIT = 2.0**-13
"""What 1 stands for in a logit."""


def tiny_module(name: str) -> ModuleType:
    """A script of the shipped model's directory, as a module."""
    sys.path.insert(0, str(TINY))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(TINY))


def held_out() -> dict[str, Any]:
    """Loss, entropy and stories, as `heldout.json` has them."""
    values: dict[str, Any] = json.loads((TINY / "heldout.json").read_text(encoding="utf-8"))
    return values


class ClearModel:
    """A model directory, evaluated by the specification with room for all tokens everywhere.

    No expert then turns a token away, so a row of the result depends on the tokens up to its own
    alone: one pass over a text gives the logits after every prefix of it.
    """

    def __init__(self, directory: Path) -> None:
        self.config = read_config(directory)
        self.shape = stated.TransformerShape(**asdict(self.config.shape))
        weights = load_weights(directory, self.config.shape)
        layers = tuple(stated.LayerWeights(**vars(layer)) for layer in weights.layers)
        self.weights = stated.TransformerWeights(weights.embedding, layers, weights.head)

    def logits(self, token_ids: Sequence[int]) -> NDArray[np.int64]:
        """(tokens, V): what follows each prefix, 13 fraction bits."""
        rows = len(token_ids)
        padding = np.zeros(rows, np.int64)
        x = embedding(np.array(token_ids, np.int64), self.weights.embedding, rows)
        for layer in self.weights.layers:
            x, _ = transformer_layer(
                x, layer, self.shape, slots=rows, padding=padding, real=None, cache=None
            )
        return np.stack([lm_head(row, self.weights.head, self.shape.epsilon) for row in x])


def losses(logits: NDArray[Any], token_ids: Sequence[int]) -> NDArray[np.float64]:
    """(tokens - 1,): nats that each word costs, given real logits and the words before it."""
    scores = logits[:-1].astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(scores).sum(axis=1))
    result: NDArray[np.float64] = (
        normaliser - scores[np.arange(len(scores)), np.array(token_ids[1:])]
    )
    return result
