"""Writes random model directories in the layout of OLMoE, for all tests that need a checkpoint.

The files are put together byte by byte: the tests of the reader then do not depend on the library
that it reads with.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptomoe.protocols.shape import TransformerShape

Array = NDArray[Any]

KINDS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I32": "<i4"}
"""Element types of a file, and the numpy type of their bytes."""


def write_checkpoint(
    directory: Path,
    shape: TransformerShape,
    seed: int,
    *,
    max_positions: int = 128,
    sharded: bool = False,
    bf16: bool = False,
    fused: bool = False,
) -> None:
    """A random checkpoint: `config.json` and the weights, in a directory that may exist.

    With `sharded` the weights are spread over three files and an index, with `bf16` they are
    bfloat16 in place of float32, and with `fused` a layer's experts share two tensors.
    """
    directory.mkdir(parents=True, exist_ok=True)
    write_config(directory, config_values(shape, max_positions))
    tensors = random_tensors(shape, seed)
    if fused:
        tensors = with_fused_experts(tensors, shape)
    write_weights(directory, tensors, kind="BF16" if bf16 else "F32", shards=3 if sharded else 1)


def config_values(shape: TransformerShape, max_positions: int = 128) -> dict[str, Any]:
    """What `config.json` says of a model, as the first versions of the format say it."""
    return {
        "architectures": ["OlmoeForCausalLM"],
        "model_type": "olmoe",
        "attention_bias": False,
        "clip_qkv": None,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "intermediate_size": shape.expert_width,
        "max_position_embeddings": max_positions,
        "norm_topk_prob": False,
        "num_attention_heads": shape.heads,
        "num_experts": shape.experts,
        "num_experts_per_tok": shape.top_k,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "pad_token_id": None,
        "bos_token_id": None,
        "eos_token_id": None,
        "rms_norm_eps": shape.epsilon,
        "rope_scaling": None,
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "vocab_size": shape.vocabulary,
    }


def random_tensors(shape: TransformerShape, seed: int) -> dict[str, Array]:
    """Every tensor by its name, float32: matrices keep a row's size, gammas are near 1."""
    rng = np.random.default_rng(seed)
    d, f = shape.hidden, shape.expert_width
    q_width, k_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim

    def matrix(outputs: int, inputs: int) -> Array:
        return rng.normal(0, inputs**-0.5, (outputs, inputs)).astype(np.float32)

    def gamma(size: int) -> Array:
        return rng.normal(1, 0.1, size).astype(np.float32)

    tensors = {
        "model.embed_tokens.weight": rng.normal(0, 1, (shape.vocabulary, d)).astype(np.float32),
        "model.norm.weight": gamma(d),
        "lm_head.weight": matrix(shape.vocabulary, d),
    }
    for layer in range(shape.layers):
        prefix = f"model.layers.{layer}."
        tensors |= {
            prefix + "input_layernorm.weight": gamma(d),
            prefix + "post_attention_layernorm.weight": gamma(d),
            prefix + "self_attn.q_proj.weight": matrix(q_width, d),
            prefix + "self_attn.k_proj.weight": matrix(k_width, d),
            prefix + "self_attn.v_proj.weight": matrix(k_width, d),
            prefix + "self_attn.o_proj.weight": matrix(d, q_width),
            prefix + "self_attn.q_norm.weight": gamma(q_width),
            prefix + "self_attn.k_norm.weight": gamma(k_width),
            prefix + "mlp.gate.weight": matrix(shape.experts, d),
        }
        for expert in range(shape.experts):
            stem = f"{prefix}mlp.experts.{expert}."
            tensors |= {
                stem + "gate_proj.weight": matrix(f, d),
                stem + "up_proj.weight": matrix(f, d),
                stem + "down_proj.weight": matrix(d, f),
            }
    return tensors


def with_fused_experts(tensors: Mapping[str, Array], shape: TransformerShape) -> dict[str, Array]:
    """The same weights with a layer's experts in `gate_up_proj` (n, 2f, d) and `down_proj`."""
    fused = {name: values for name, values in tensors.items() if ".mlp.experts." not in name}
    for layer in range(shape.layers):
        stem = f"model.layers.{layer}.mlp.experts."
        gate, up, down = (
            np.stack([tensors[f"{stem}{j}.{name}_proj.weight"] for j in range(shape.experts)])
            for name in ("gate", "up", "down")
        )
        fused[stem + "gate_up_proj"] = np.concatenate([gate, up], axis=1)
        fused[stem + "down_proj"] = down
    return fused


def write_config(directory: Path, values: Mapping[str, Any]) -> None:
    """Write `config.json`."""
    (directory / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def write_weights(
    directory: Path, tensors: Mapping[str, Array], *, kind: str = "F32", shards: int = 1
) -> None:
    """Write the tensors as elements of `kind`: to one file, or to several and an index."""
    if shards == 1:
        write_safetensors(directory / "model.safetensors", tensors, kind)
        return
    places = {
        name: f"model-{number % shards + 1:05}-of-{shards:05}.safetensors"
        for number, name in enumerate(tensors)
    }
    for place in sorted(set(places.values())):
        part = {name: values for name, values in tensors.items() if places[name] == place}
        write_safetensors(directory / place, part, kind)
    total = sum(values.size * np.dtype(KINDS[kind]).itemsize for values in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def write_safetensors(path: Path, tensors: Mapping[str, Array], kind: str = "F32") -> None:
    """One file: the header's length, a JSON header, and every tensor's bytes in C order."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    parts: list[bytes] = []
    start = 0
    for name, values in tensors.items():
        elements = bfloat16(values) if kind == "BF16" else values.astype(KINDS[kind])
        parts.append(elements.tobytes())
        end = start + len(parts[-1])
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(parts))


def bfloat16(values: Array) -> NDArray[np.uint16]:
    """The upper halves of float32 numbers, rounded to nearest, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounding = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return ((bits + rounding) >> np.uint32(16)).astype(np.uint16)
