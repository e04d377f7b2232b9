"""The specified transformer is the real one, up to the last bits; padding changes nothing in it."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from cryptomoe_spec.attention import attention, mask
from cryptomoe_spec.embedding import embedding
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.shape import TransformerOptions, TransformerShape, TransformerWeights
from cryptomoe_spec.transformer import transformer, transformer_layer
from numpy.typing import NDArray
from random_models import random_weights

FloatArray = NDArray[np.float64]

SHAPE = TransformerShape(
    layers=2,
    hidden=32,
    heads=4,
    kv_heads=2,
    head_dim=8,
    experts=6,
    top_k=2,
    expert_width=16,
    vocabulary=40,
    rope_theta=1e4,
    epsilon=1e-5,
)
PROMPT = [3, 14, 15, 9, 2, 6]


def norm(x: FloatArray, epsilon: float) -> FloatArray:
    """RMSNorm in floating point."""
    return np.asarray(x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + epsilon))


def softmax(z: FloatArray) -> FloatArray:
    """Softmax to base 2 in floating point."""
    e = 2.0 ** (z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def real_logits(shape: TransformerShape, weights: TransformerWeights, ids: list[int]) -> FloatArray:
    """The same model in floating point, token by token and expert by expert, without capacity."""
    x = weights.embedding[ids] / 2.0**13
    count, size = len(ids), shape.head_dim
    frequency = shape.rope_theta ** (-2 * np.arange(size // 2) / size)
    turn = np.exp(1j * np.arange(count)[:, np.newaxis] * frequency)[:, np.newaxis]
    for layer in weights.layers:
        qkv = norm(x, shape.epsilon) @ (layer.qkv / 2.0**15)
        q, k, v = np.split(qkv, [len(layer.q_scale), len(layer.q_scale) + len(layer.k_scale)], 1)
        turned = []
        for part, scale in ((q, layer.q_scale), (k, layer.k_scale)):
            heads = (norm(part, shape.epsilon) * scale / 2.0**16).reshape(count, -1, size)
            numbers = (heads[..., : size // 2] + 1j * heads[..., size // 2 :]) * turn
            turned.append(np.concatenate([numbers.real, numbers.imag], axis=-1))
        context = np.zeros((count, shape.heads, size))
        for head in range(shape.heads):
            group = head * shape.kv_heads // shape.heads
            scores = turned[0][:, head] @ turned[1][:, group].T
            scores[np.triu_indices(count, 1)] = -np.inf
            context[:, head] = softmax(scores) @ v.reshape(count, -1, size)[:, group]
        x = x + context.reshape(count, -1) @ (layer.output / 2.0**15)
        h = norm(x, shape.epsilon)
        probabilities = softmax(h @ (layer.gate / 2.0**15))
        for i in range(count):
            for expert in np.argsort(-probabilities[i])[: shape.top_k]:
                gate, up = np.split(h[i] @ (layer.expert_gate_up[expert] / 2.0**15), 2)
                inner = gate / (1 + np.exp(-gate)) * up
                x[i] += probabilities[i, expert] * (inner @ (layer.expert_down[expert] / 2.0**15))
    return np.asarray(norm(x[-1], shape.epsilon) @ (weights.head / 2.0**15))


@pytest.mark.parametrize("seed", range(8))
def test_logits_are_those_of_the_real_model(seed: int) -> None:
    """With capacity for everybody and whatever padding, and also after decoding steps."""
    weights = random_weights(SHAPE, seed)
    options = TransformerOptions(8, max_new_tokens=3, alpha=Fraction(6))
    result = transformer(SHAPE, options, weights, PROMPT)
    assert result.logits is not None
    expected = real_logits(SHAPE, weights, PROMPT)
    assert np.abs(result.logits / 2.0**13 - expected).max() < 0.01
    for i, token in enumerate(result.token_ids):
        logits = real_logits(SHAPE, weights, PROMPT + list(result.token_ids[:i]))
        assert logits[token] > logits.max() - 0.02


def test_capacity_changes_the_output_only_when_it_binds() -> None:
    """A capacity of m or more is no capacity; one slot an expert is felt."""
    weights = random_weights(SHAPE, 1)
    logits = [
        np.asarray(transformer(SHAPE, TransformerOptions(8, alpha=alpha), weights, PROMPT).logits)
        for alpha in (Fraction(3), Fraction(100), Fraction(1, 100))
    ]
    np.testing.assert_array_equal(logits[0], logits[1])
    assert np.abs(logits[0] - logits[2]).max() > 100


def test_padding_rows_stay_zero_and_change_no_other_row() -> None:
    """Changing what stands at padding positions changes nothing at the real ones."""
    weights = random_weights(SHAPE, 2)
    layer = weights.layers[0]
    x = embedding(np.array(PROMPT), weights.embedding, 10)
    padding = (np.arange(10) < 4).astype(np.int64)

    def through(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return transformer_layer(
            rows, layer, SHAPE, slots=3, padding=padding, real=padding == 0, cache=None
        )[0]

    y = through(x)
    assert not y[:4].any()
    filled = x.copy()
    filled[:4] = weights.embedding[:4]
    np.testing.assert_array_equal(through(filled)[4:], y[4:])


def test_cache_gives_what_the_whole_gives() -> None:
    """Attention in two steps equals attention in one, exactly."""
    weights = random_weights(SHAPE, 3).layers[0]
    x = np.random.default_rng(0).integers(-8192, 8192, (7, 32))
    padding = np.array([1, 1, 0, 0, 0, 0, 0])
    whole, whole_cache = attention(x, weights, SHAPE, padding=padding, cache=None)
    first, cache = attention(x[:5], weights, SHAPE, padding=padding[:5], cache=None)
    second, cache = attention(x[5:], weights, SHAPE, padding=padding, cache=cache)
    np.testing.assert_array_equal(np.concatenate([first, second]), whole)
    np.testing.assert_array_equal(cache.keys, whole_cache.keys)
    np.testing.assert_array_equal(cache.values, whole_cache.values)


def test_mask_of_a_padded_prompt() -> None:
    """Own and earlier keys are free, padding costs one offset, later keys two."""
    assert (mask(np.array([1, 0, 0]), 2) >> 24).tolist() == [[1, 0, 2], [1, 0, 0]]


def test_reveal_token_gives_no_logits() -> None:
    weights = random_weights(SHAPE, 4)
    shown = transformer(SHAPE, TransformerOptions(8), weights, PROMPT)
    hidden = transformer(SHAPE, TransformerOptions(8, reveal="token"), weights, PROMPT)
    assert hidden.logits is None
    assert shown.logits is not None
    assert shown.token_ids == hidden.token_ids == (int(np.argmax(shown.logits)),)


@pytest.mark.parametrize(
    ("options", "prompt"),
    [
        (TransformerOptions(5), PROMPT),
        (TransformerOptions(8), []),
        (TransformerOptions(8), [40]),
        (TransformerOptions(8), [-1]),
        (TransformerOptions(250, max_new_tokens=8), PROMPT),
        (TransformerOptions(8, max_new_tokens=0), PROMPT),
    ],
)
def test_what_does_not_fit_is_refused(options: TransformerOptions, prompt: list[int]) -> None:
    with pytest.raises(RangeError):
        transformer(SHAPE, options, random_weights(SHAPE, 5), prompt)


def test_more_than_256_experts_are_refused() -> None:
    shape = replace(SHAPE, experts=257)
    with pytest.raises(RangeError):
        transformer(shape, TransformerOptions(8), random_weights(shape, 6), PROMPT)
