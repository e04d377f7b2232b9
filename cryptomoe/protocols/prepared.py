"""A layer's weights as the black box takes them: matrices of the server with public shapes."""

from dataclasses import dataclass

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Weight
from cryptomoe.field import IntArray
from cryptomoe.protocols.shape import LayerWeights, TransformerShape, TransformerWeights


@dataclass(frozen=True, eq=False)
class PreparedLayer:
    """The matrices of `LayerWeights`; `qk_scale` ((H + K) hd, 1, 1) is q_scale, then k_scale."""

    qkv: Weight
    qk_scale: Weight
    output: Weight
    gate: Weight
    expert_gate_up: Weight
    expert_down: Weight


def held(weights: LayerWeights | TransformerWeights | None, name: str) -> IntArray | None:
    """The field `name` at the server, None at every other party."""
    values: IntArray | None = None if weights is None else getattr(weights, name)
    return values


def single(abb: ArithmeticBlackBox, values: IntArray | None, rows: int, columns: int) -> Weight:
    """One matrix (rows, columns) as a batch of one; None at every party but the server."""
    return abb.weight(None if values is None else values[np.newaxis], (1, rows, columns))


def prepare_layer(
    abb: ArithmeticBlackBox, shape: TransformerShape, weights: LayerWeights | None
) -> PreparedLayer:
    """The server's weights (None at every other party) made ready; local."""
    d, n, f = shape.hidden, shape.experts, shape.expert_width
    q_width, k_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    scales = None
    if weights is not None:
        scales = np.concatenate([weights.q_scale, weights.k_scale]).reshape(-1, 1, 1)
    return PreparedLayer(
        qkv=single(abb, held(weights, "qkv"), d, q_width + 2 * k_width),
        qk_scale=abb.weight(scales, (q_width + k_width, 1, 1)),
        output=single(abb, held(weights, "output"), q_width, d),
        gate=single(abb, held(weights, "gate"), d, n),
        expert_gate_up=abb.weight(held(weights, "expert_gate_up"), (n, d, 2 * f)),
        expert_down=abb.weight(held(weights, "expert_down"), (n, f, d)),
    )
