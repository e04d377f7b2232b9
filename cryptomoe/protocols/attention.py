"""Causal self-attention with grouped key and value heads, over a padded prompt or one new token.

Specification: `cryptomoe_spec.attention`, which defines the mask: a later key is lowered by the
public 2 MASK_OFFSET, an earlier padding key by MASK_OFFSET, and which those are is secret.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret
from cryptomoe.fixed_point import (
    ACTIVATION_BOUND,
    FRACTION_BITS,
    MASK_OFFSET,
    SCALE_BITS,
    SCORE_BOUND,
    WEIGHT_BITS,
)
from cryptomoe.protocols.prepared import PreparedLayer
from cryptomoe.protocols.rmsnorm import rmsnorms
from cryptomoe.protocols.rotary import rotary
from cryptomoe.protocols.shape import TransformerShape
from cryptomoe.protocols.softmax import softmax


@dataclass(frozen=True, eq=False)
class KeyValueCache:
    """What later positions need of earlier ones: `keys`, turned, and `values`, both (K, n, hd)."""

    keys: Secret
    values: Secret


def mask(abb: ArithmeticBlackBox, padding: Secret, rows: int) -> Secret:
    """(rows, positions): how much each score is lowered; queries are at the last positions."""
    positions = padding.shape[0]
    query = np.arange(positions - rows, positions)[:, np.newaxis]
    later = np.arange(positions) > query
    secret = abb.scale_public(abb.reshape(padding, (1, positions)), MASK_OFFSET * ~later)
    return abb.declare(abb.add_public(secret, 2 * MASK_OFFSET * later), 2 * MASK_OFFSET)


def attention(
    abb: ArithmeticBlackBox,
    x: Secret,
    weights: PreparedLayer,
    shape: TransformerShape,
    *,
    padding: Secret,
    cache: KeyValueCache | None,
) -> tuple[Secret, KeyValueCache]:
    """(rows, d) and the cache with these rows in it, for rows at the positions after the cached.

    `x` (rows, d) are normalised rows, 13 fraction bits in and out; `padding` (positions,) is 1 for
    padding. Projections are below ACTIVATION_BOUND and scores below SCORE_BOUND.
    """
    rows, positions = x.shape[0], padding.shape[0]
    heads, groups, size = shape.heads, shape.kv_heads, shape.head_dim
    with abb.scope("attention"):
        q, k, v = _heads(abb, x, weights, shape, positions - rows)
        if cache is not None:
            k = abb.concatenate([cache.keys, k], 1)
            v = abb.concatenate([cache.values, v], 1)

        grouped = abb.reshape(q, (groups, -1, size))
        products = abb.matmul(grouped, abb.transpose(k, (0, 2, 1)))
        scores = abb.declare(abb.truncate(products, FRACTION_BITS), SCORE_BOUND - 1)
        scores = abb.reshape(scores, (heads, rows, positions))
        masked = abb.subtract(scores, mask(abb, padding, rows))
        probabilities = softmax(abb, masked, FRACTION_BITS)
        weighted = abb.matmul(abb.reshape(probabilities, (groups, -1, positions)), v)
        context = abb.reshape(abb.truncate(weighted, FRACTION_BITS), (heads, rows, size))
        joined = abb.reshape(abb.transpose(context, (1, 0, 2)), (1, rows, heads * size))
        result = abb.truncate(abb.linear(joined, weights.output), WEIGHT_BITS)
        return abb.reshape(result, x.shape), KeyValueCache(k, v)


def _heads(
    abb: ArithmeticBlackBox,
    x: Secret,
    weights: PreparedLayer,
    shape: TransformerShape,
    start: int,
) -> tuple[Secret, Secret, Secret]:
    """Queries (H, rows, hd), keys and values (K, rows, hd); q and k normalised and turned.

    The norms take the whole projection, not head by head. The server's element-wise factors are a
    batch of 1 x 1 matrices.
    """
    rows, d = x.shape
    heads, groups, size = shape.heads, shape.kv_heads, shape.head_dim
    projected = abb.truncate(abb.linear(abb.reshape(x, (1, rows, d)), weights.qkv), WEIGHT_BITS)
    projected = abb.declare(abb.reshape(projected, (rows, -1)), ACTIVATION_BOUND - 1)
    edges = np.cumsum([0, heads * size, groups * size, groups * size])
    q, k, v = (abb.take(projected, np.arange(low, high), 1) for low, high in pairwise(edges))
    columns = abb.transpose(abb.concatenate(rmsnorms(abb, [q, k], shape.epsilon), 1), (1, 0))
    scaled = abb.linear(abb.reshape(columns, (-1, rows, 1)), weights.qk_scale)
    scaled = abb.declare(abb.truncate(scaled, SCALE_BITS), ACTIVATION_BOUND - 1)
    by_head = abb.reshape(scaled, (heads + groups, size, rows))
    turned = rotary(abb, abb.transpose(by_head, (2, 0, 1)), start, shape.rope_theta)
    turned = abb.transpose(turned, (1, 0, 2))
    q, k = (
        abb.take(turned, np.arange(low, high), 0)
        for low, high in ((0, heads), (heads, heads + groups))
    )
    return q, k, abb.transpose(abb.reshape(v, (rows, groups, size)), (1, 0, 2))
