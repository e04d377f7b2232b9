"""Causal self-attention with grouped key and value heads, over a padded prompt or one new token.

A query at position i may use the keys at positions up to i that are not padding. A later key's
score is lowered by 2 MASK_OFFSET, which is public; an earlier padding key's by MASK_OFFSET, and
which those are is secret, as the prompt's length is. Scores differ by less than 2 SCORE_BOUND, so
beside any key that a query may use, one that it may not gets probability 0. A padding query, which
may use none, is left with the padding keys up to itself; their values are 0 when `x` is 0 there,
and then so is its result.
"""

from dataclasses import dataclass

import numpy as np
from cryptomoe_spec.arithmetic import linear, matmul, multiply
from cryptomoe_spec.arrays import IntArray, require_below, require_between
from cryptomoe_spec.fixed_point import (
    ACTIVATION_BOUND,
    FRACTION_BITS,
    MASK_OFFSET,
    SCALE_BITS,
    SCORE_BOUND,
    WEIGHT_BITS,
)
from cryptomoe_spec.rmsnorm import rmsnorm
from cryptomoe_spec.rotary import rotary
from cryptomoe_spec.shape import LayerWeights, TransformerShape
from cryptomoe_spec.softmax import softmax
from cryptomoe_spec.truncate import truncate


@dataclass(frozen=True, eq=False)
class KeyValueCache:
    """What later positions need of earlier ones: `keys`, turned, and `values`, both (K, n, hd)."""

    keys: IntArray
    values: IntArray


def mask(padding: IntArray, rows: int) -> IntArray:
    """(rows, positions): how much each score is lowered; queries are at the last positions."""
    # INPUTS padding: (positions,), 1 for padding, secret; rows: public.
    require_between(padding, 0, 1, "mask")
    # FUNCTION
    positions = padding.shape[0]
    query = np.arange(positions - rows, positions)[:, np.newaxis]
    later = np.arange(positions) > query
    return np.where(later, 2 * MASK_OFFSET, MASK_OFFSET * padding)
    # LEAKAGE nothing.
    # COST local.


def attention(
    x: IntArray,
    weights: LayerWeights,
    shape: TransformerShape,
    *,
    padding: IntArray,
    cache: KeyValueCache | None,
) -> tuple[IntArray, KeyValueCache]:
    """(rows, d) and the cache with these rows in it, for rows at the positions after the cached."""
    # INPUTS x: (rows, d) normalised rows, 13 fraction bits; weights: the server's; shape: public;
    # padding: (positions,), 1 for padding, positions = cached + rows; cache: secret.
    rows, positions = x.shape[0], padding.shape[0]
    heads, groups, size = shape.heads, shape.kv_heads, shape.head_dim
    # FUNCTION
    qkv = truncate(linear(x[np.newaxis], weights.qkv[np.newaxis])[0], WEIGHT_BITS)
    require_below(qkv, ACTIVATION_BOUND, "attention, projections")
    q, k, v = np.split(qkv, [heads * size, (heads + groups) * size], axis=1)
    q = truncate(multiply(rmsnorm(q, shape.epsilon), weights.q_scale), SCALE_BITS)
    k = truncate(multiply(rmsnorm(k, shape.epsilon), weights.k_scale), SCALE_BITS)
    start = positions - rows
    q = rotary(q.reshape(rows, heads, size), start, shape.rope_theta).transpose(1, 0, 2)
    k = rotary(k.reshape(rows, groups, size), start, shape.rope_theta).transpose(1, 0, 2)
    v = v.reshape(rows, groups, size).transpose(1, 0, 2)
    if cache is not None:
        k = np.concatenate([cache.keys, k], axis=1)
        v = np.concatenate([cache.values, v], axis=1)

    grouped = q.reshape(groups, -1, size)
    scores = truncate(matmul(grouped, k.transpose(0, 2, 1)), FRACTION_BITS)
    require_below(scores, SCORE_BOUND, "attention, scores")
    masked = scores.reshape(heads, rows, positions) - mask(padding, rows)
    probabilities = softmax(masked, FRACTION_BITS).reshape(groups, -1, positions)
    context = truncate(matmul(probabilities, v), FRACTION_BITS).reshape(heads, rows, size)
    joined = context.transpose(1, 0, 2).reshape(1, rows, heads * size)
    result = truncate(linear(joined, weights.output[np.newaxis])[0], WEIGHT_BITS)
    # LEAKAGE nothing: not the prompt's true length either.
    # COST constant rounds up to 256 positions; a softmax entry for each head, row and position.
    return result, KeyValueCache(k, v)
