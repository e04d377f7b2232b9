"""A checkpoint's `config.json`: what is read of it, and what is refused.

Real checkpoints and the defaults of the classes that wrote them differ, so nothing that changes the
computation is taken from a default.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptomoe.errors import ModelError
from cryptomoe.protocols.shape import POSITION_LIMIT, TransformerShape

SUPPORTED = "olmoe"
_MAX_CONFIG_BYTES = 1 << 20
_REFUSED_UNLESS = {
    "clip_qkv": None,
    "norm_topk_prob": False,
    "attention_bias": False,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
    "rope_scaling": None,
}
"""Keys whose other values change the computation in ways that are not built."""


@dataclass(frozen=True)
class ModelConfig:
    """Public facts of a checkpoint: the shape of its transformer, and the longest prompt."""

    shape: TransformerShape
    max_positions: int


def read_config(directory: Path) -> ModelConfig:
    """The configuration of a model directory.

    Raises:
        ModelError: missing, unreadable, of another model type, or with unsupported features.
    """
    path = directory / "config.json"
    try:
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            raise ModelError(f"{path} is too large for a configuration")
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is not valid JSON") from None
    if not isinstance(values, dict):
        raise ModelError(f"{path} does not hold a JSON object")
    return parse_config(values)


def parse_config(values: dict[str, Any]) -> ModelConfig:
    """The configuration in an already parsed `config.json`.

    Raises:
        ModelError: as `read_config`.
    """
    model_type = values.get("model_type")
    if model_type != SUPPORTED:
        raise ModelError(f"model type {model_type!r} is not supported; supported is {SUPPORTED!r}")
    for key, wanted in _REFUSED_UNLESS.items():
        if values.get(key, wanted) != wanted:
            raise ModelError(f"config.json: {key} = {values[key]!r} is not supported")
    heads = _integer(values, "num_attention_heads")
    hidden = _integer(values, "hidden_size")
    kv_heads = _integer(values, "num_key_value_heads", heads)
    experts = _integer(values, "num_experts")
    head_dim = _integer(values, "head_dim", hidden // heads)
    top_k = _integer(values, "num_experts_per_tok")
    # An explicit head_dim need not be a share of the hidden size.
    shared = values.get("head_dim") is None
    if heads % kv_heads or (shared and hidden % heads) or head_dim % 2:
        raise ModelError("config.json: the numbers of heads do not divide the sizes they share")
    if top_k > experts:
        raise ModelError("config.json: a token uses more experts than there are")
    if experts > POSITION_LIMIT:
        raise ModelError(f"config.json: more than {POSITION_LIMIT} experts are not supported")
    shape = TransformerShape(
        layers=_integer(values, "num_hidden_layers"),
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        experts=experts,
        top_k=top_k,
        expert_width=_integer(values, "intermediate_size"),
        vocabulary=_integer(values, "vocab_size"),
        rope_theta=_theta(values),
        epsilon=_number(values, "rms_norm_eps"),
    )
    return ModelConfig(shape, _integer(values, "max_position_embeddings"))


def _theta(values: dict[str, Any]) -> float:
    parameters = values.get("rope_parameters")
    if parameters is None:
        return _number(values, "rope_theta")
    if not isinstance(parameters, dict):
        raise ModelError("config.json: rope_parameters is not an object")
    # `type` is what older files call `rope_type`.
    if any(parameters.get(key, "default") != "default" for key in ("rope_type", "type")):
        raise ModelError("config.json: only the default rotary embedding is supported")
    return _number(parameters, "rope_theta")


def _integer(values: dict[str, Any], key: str, default: int | None = None) -> int:
    value = values.get(key)
    if value is None:
        value = default
    if type(value) is not int or value < 1:
        raise ModelError(f"config.json: {key} must be a positive integer")
    return value


def _number(values: dict[str, Any], key: str) -> float:
    value = values.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ModelError(f"config.json: {key} must be a number")
    if not 0 < value <= sys.float_info.max:
        raise ModelError(f"config.json: {key} must be a positive number")
    return float(value)
