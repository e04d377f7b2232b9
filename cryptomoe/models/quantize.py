"""Real weights to the fixed-point integers that the protocols compute with.

Every gamma of a norm is folded into the matrix that follows it, log2(e) into the gate, and log2(e)
/ sqrt(head_dim) into the scale of q, so that logits are in units of log 2. Rounding is to nearest,
in float64. Scales follow from no calibration: they are the same for every model, and a weight that
does not fit them is refused.
"""

import math

import numpy as np

from cryptomoe.errors import ModelError
from cryptomoe.field import VALUE_LIMIT, IntArray
from cryptomoe.fixed_point import ACTIVATION_BOUND, FRACTION_BITS, SCALE_BITS, WEIGHT_BITS
from cryptomoe.models.tensors import FloatArray, Tensors
from cryptomoe.protocols.shape import LayerWeights, TransformerShape, TransformerWeights

_LOG2_E = math.log2(math.e)
_LARGEST_WEIGHT = 128.0
"""Entries of matrices that no norm precedes."""
_MARGIN = 2


@np.errstate(over="ignore")  # what overflows is beyond the range, and refused
def quantize(tensors: Tensors, shape: TransformerShape) -> TransformerWeights:
    """The fixed-point weights of an OLMoE checkpoint.

    Raises:
        ModelError: a tensor is missing, of another shape, or beyond the fixed-point range.
    """
    d, vocabulary = shape.hidden, shape.vocabulary
    embedding = tensors.get("model.embed_tokens.weight", (vocabulary, d))
    final_gamma = tensors.get("model.norm.weight", (d,))
    head = tensors.get("lm_head.weight", (vocabulary, d)).T * final_gamma[:, np.newaxis]
    return TransformerWeights(
        embedding=_rounded("model.embed_tokens.weight", embedding, FRACTION_BITS, _activation()),
        layers=tuple(_layer(tensors, shape, index) for index in range(shape.layers)),
        head=_after_norm("lm_head.weight", head),
    )


def _layer(tensors: Tensors, shape: TransformerShape, index: int) -> LayerWeights:
    d, hd = shape.hidden, shape.head_dim
    q_width, k_width = shape.heads * hd, shape.kv_heads * hd
    prefix = f"model.layers.{index}."
    gamma = tensors.get(prefix + "input_layernorm.weight", (d,))[:, np.newaxis]
    widths = {"q": q_width, "k": k_width, "v": k_width}
    projections = [
        tensors.get(f"{prefix}self_attn.{name}_proj.weight", (width, d)).T
        for name, width in widths.items()
    ]
    q_gamma = tensors.get(prefix + "self_attn.q_norm.weight", (q_width,))
    k_gamma = tensors.get(prefix + "self_attn.k_norm.weight", (k_width,))
    output = tensors.get(prefix + "self_attn.o_proj.weight", (d, q_width)).T
    gamma_experts = tensors.get(prefix + "post_attention_layernorm.weight", (d,))[:, np.newaxis]
    gate = tensors.get(prefix + "mlp.gate.weight", (shape.experts, d)).T
    gate_up, down = _experts(tensors, shape, prefix + "mlp.experts.")
    scale_name = prefix + "self_attn.{}_norm.weight"
    return LayerWeights(
        qkv=_after_norm(prefix + "self_attn", np.concatenate(projections, axis=1) * gamma),
        q_scale=_rounded(
            scale_name.format("q"), q_gamma * _LOG2_E / math.sqrt(hd), SCALE_BITS, _LARGEST_WEIGHT
        ),
        k_scale=_rounded(scale_name.format("k"), k_gamma, SCALE_BITS, _LARGEST_WEIGHT),
        output=_rounded(prefix + "self_attn.o_proj.weight", output, WEIGHT_BITS, _LARGEST_WEIGHT),
        gate=_after_norm(prefix + "mlp.gate.weight", gate * gamma_experts * _LOG2_E),
        expert_gate_up=_after_norm(prefix + "mlp.experts", gate_up * gamma_experts),
        expert_down=_rounded(prefix + "mlp.experts", down, WEIGHT_BITS, _LARGEST_WEIGHT),
    )


def _experts(
    tensors: Tensors, shape: TransformerShape, prefix: str
) -> tuple[FloatArray, FloatArray]:
    """Gate and up side by side (n, d, 2f), and down (n, f, d); fused or one tensor an expert."""
    n, d, f = shape.experts, shape.hidden, shape.expert_width
    if prefix + "gate_up_proj" in tensors:
        fused = tensors.get(prefix + "gate_up_proj", (n, 2 * f, d))
        down = tensors.get(prefix + "down_proj", (n, d, f))
        return fused.transpose(0, 2, 1), down.transpose(0, 2, 1)

    def stacked(name: str, size: tuple[int, int]) -> FloatArray:
        names = [f"{prefix}{expert}.{name}_proj.weight" for expert in range(n)]
        return np.stack([tensors.get(name, size).T for name in names])

    gate_up = np.concatenate([stacked("gate", (f, d)), stacked("up", (f, d))], axis=2)
    return gate_up, stacked("down", (d, f))


def _activation() -> float:
    return ACTIVATION_BOUND / (1 << FRACTION_BITS)


def _rounded(name: str, values: FloatArray, bits: int, limit: float) -> IntArray:
    rounded = np.rint(values * (1 << bits))
    largest = float(np.abs(rounded).max()) / (1 << bits)
    if largest >= limit:
        raise ModelError(
            f"{name}: an entry of size {largest:.3g} is beyond the fixed-point range, {limit:g}"
        )
    return rounded.astype(np.int64)


def _after_norm(name: str, values: FloatArray) -> IntArray:
    """A matrix (..., d, outputs) that multiplies a normalised row, whose length is sqrt(d).

    A product is then at most sqrt(d) times a column's length (Cauchy and Schwarz).
    """
    columns = np.sqrt((values**2).sum(axis=-2))
    largest = float(columns.max()) * math.sqrt(values.shape[-2])
    limit = VALUE_LIMIT / (1 << (FRACTION_BITS + WEIGHT_BITS)) / _MARGIN
    if largest >= limit:
        raise ModelError(
            f"{name}: products of size {largest:.3g} are beyond the fixed-point range, {limit:.3g}"
        )
    return np.rint(values * (1 << WEIGHT_BITS)).astype(np.int64)
