"""Small random models in fixed point, of any shape, with weights of a trained model's sizes."""

import numpy as np
from cryptomoe_spec.shape import LayerWeights, TransformerShape, TransformerWeights
from hypothesis import strategies as st
from numpy.typing import NDArray

IntArray = NDArray[np.int64]

SMALL = TransformerShape(
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
"""A shape whose whole pipeline runs quickly; its larger sizes are no powers of two."""


def fixed(values: NDArray[np.float64], bits: int) -> IntArray:
    """Real numbers to integers with `bits` fraction bits, rounded to nearest."""
    return np.rint(values * 2.0**bits).astype(np.int64)


def random_weights(shape: TransformerShape, seed: int) -> TransformerWeights:
    """Matrices with columns of unit norm in the mean, factors of the norms near 1."""
    rng = np.random.default_rng(seed)
    d, n, f = shape.hidden, shape.experts, shape.expert_width
    q_width, k_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim

    def matrix(*sizes: int) -> IntArray:
        return fixed(rng.normal(0, sizes[-2] ** -0.5, sizes), 15)

    layers = tuple(
        LayerWeights(
            qkv=matrix(d, q_width + 2 * k_width),
            q_scale=fixed(rng.normal(1, 0.2, q_width) / shape.head_dim**0.5, 16),
            k_scale=fixed(rng.normal(1, 0.2, k_width), 16),
            output=matrix(q_width, d),
            gate=2 * matrix(d, n),
            expert_gate_up=matrix(n, d, 2 * f),
            expert_down=matrix(n, f, d),
        )
        for _ in range(shape.layers)
    )
    embedding = fixed(rng.normal(0, 1, (shape.vocabulary, d)), 13)
    return TransformerWeights(embedding, layers, matrix(d, shape.vocabulary))


@st.composite
def shapes(draw: st.DrawFn) -> TransformerShape:
    """Odd sizes on purpose: n not a power of two, k from 1 to n, grouped heads, several layers."""
    kv_heads = draw(st.integers(1, 2))
    experts = draw(st.integers(1, 6))
    return TransformerShape(
        layers=draw(st.integers(1, 2)),
        hidden=draw(st.integers(4, 24)),
        heads=kv_heads * draw(st.integers(1, 3)),
        kv_heads=kv_heads,
        head_dim=2 * draw(st.integers(1, 4)),
        experts=experts,
        top_k=draw(st.integers(1, experts)),
        expert_width=draw(st.integers(1, 10)),
        vocabulary=draw(st.integers(2, 30)),
        rope_theta=draw(st.sampled_from([1e4, 1e6])),
        epsilon=draw(st.sampled_from([1e-5, 1e-6])),
    )
