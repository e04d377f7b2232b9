"""How to run each functionality on the real engine at given public parameters; values are zeros.

Traffic does not depend on values, so any that are in range serve.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from two_party_pair import shared

from cryptomoe.engines.abb import Secret, SecretBits, Weight
from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.field import VALUE_LIMIT
from cryptomoe.fixed_point import ACTIVATION_BOUND, MASK_OFFSET, SCORE_BOUND
from cryptomoe.party import Party
from cryptomoe.protocols.attention import KeyValueCache, attention
from cryptomoe.protocols.balanced_selection import balanced_selection
from cryptomoe.protocols.batch_matmul import batch_matmul
from cryptomoe.protocols.combine import combine
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.protocols.embedding import embedding
from cryptomoe.protocols.gate import gate
from cryptomoe.protocols.lm_head import lm_head
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.prepared import PreparedLayer, prepare_layer
from cryptomoe.protocols.ranking import ranks
from cryptomoe.protocols.rmsnorm import rmsnorm
from cryptomoe.protocols.rotary import rotary
from cryptomoe.protocols.shape import LayerWeights, TransformerShape
from cryptomoe.protocols.softmax import softmax
from cryptomoe.protocols.swiglu import swiglu
from cryptomoe.protocols.topk import topk
from cryptomoe.protocols.transformer import transformer_layer

SCORES = (1 << 21) - 1
MASKED = SCORE_BOUND - 1 + 2 * MASK_OFFSET


def zeros(engine: TwoPartyEngine, *shape: int, bound: int = ACTIVATION_BOUND - 1) -> Secret:
    """Zeros, shared at random."""
    return shared(engine, np.zeros(shape, np.int64), bound)


def matrix(engine: TwoPartyEngine, *shape: int) -> Weight:
    """The server's batch of matrices."""
    values = np.ones(shape, np.int64) if engine.party is Party.SERVER else None
    return engine.weight(values, (shape[0], shape[1], shape[2]))


def bits(engine: TwoPartyEngine, *shape: int) -> SecretBits:
    """Zeros."""
    return engine.input_bits(Party.CLIENT, None, shape)


def model_shape(**sizes: int) -> TransformerShape:
    """A model of one layer, of those sizes that matter."""
    plain = {"layers": 1, "hidden": 4, "heads": 1, "kv_heads": 1, "head_dim": 2, "experts": 1,
             "top_k": 1, "expert_width": 1, "vocabulary": 2}  # fmt: skip
    known = {name: size for name, size in sizes.items() if name in plain}
    return TransformerShape(**{**plain, **known}, rope_theta=1e4, epsilon=1e-5)


def prepared(engine: TwoPartyEngine, shape: TransformerShape) -> PreparedLayer:
    """A layer whose weights are all zero, at the server."""
    d, n, f = shape.hidden, shape.experts, shape.expert_width
    q, k = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    sizes = [(d, q + 2 * k), (q,), (k,), (q, d), (d, n), (n, d, 2 * f), (n, f, d)]
    weights = LayerWeights(*(np.zeros(size, np.int64) for size in sizes))
    return prepare_layer(engine, shape, weights if engine.party is Party.SERVER else None)


def context(engine: TwoPartyEngine, rows: int, positions: int, shape: TransformerShape) -> Any:
    """Padding and cache of the positions before the rows."""
    cached = positions - rows
    size = (shape.kv_heads, cached, shape.head_dim)
    cache = KeyValueCache(*(zeros(engine, *size) for _ in range(2)))
    return {
        "padding": zeros(engine, positions, bound=1),
        "cache": cache if cached else None,
    }


def _attention(e: TwoPartyEngine, *, rows: int, positions: int, **sizes: int) -> object:
    shape = model_shape(**sizes)
    x = zeros(e, rows, shape.hidden)
    return attention(e, x, prepared(e, shape), shape, **context(e, rows, positions, shape))


def _moe_layer(e: TwoPartyEngine, *, tokens: int, slots: int, padded: int, **sizes: int) -> object:
    shape = model_shape(**sizes)
    return moe_layer(
        e, zeros(e, tokens, shape.hidden), prepared(e, shape), top_k=shape.top_k, slots=slots,
        real=bits(e, tokens) if padded else None,
    )  # fmt: skip


def _transformer_layer(
    e: TwoPartyEngine, *, rows: int, positions: int, slots: int, padded: int, **sizes: int
) -> object:
    shape = model_shape(**sizes)
    return transformer_layer(
        e, zeros(e, rows, shape.hidden), prepared(e, shape), shape, slots=slots,
        real=bits(e, rows) if padded else None, **context(e, rows, positions, shape),
    )  # fmt: skip


def _embedding(e: TwoPartyEngine, *, rows: int, vocabulary: int, hidden: int) -> object:
    ids = np.zeros(rows, np.int64) if e.party is Party.CLIENT else None
    return embedding(e, ids, matrix(e, 1, vocabulary, hidden), rows)


def _gate(
    e: TwoPartyEngine, *, tokens: int, hidden: int, experts: int, top_k: int, padded: int
) -> object:
    real = bits(e, tokens) if padded else None
    return gate(e, zeros(e, tokens, hidden), matrix(e, 1, hidden, experts), top_k, real)


def _scalar(name: str, low: int, limit: int) -> Callable[..., object]:
    def run(e: TwoPartyEngine, *, count: int) -> object:
        return getattr(e, name)(shared(e, np.full(count, low), limit - 1))

    return run


def _wide(e: TwoPartyEngine, count: int) -> Secret:
    return zeros(e, count, bound=VALUE_LIMIT - 1)


RUNS: dict[str, Callable[..., object]] = {
    "reveal": lambda e, count: e.reveal(_wide(e, count), Party.CLIENT),
    "multiply": lambda e, count: e.multiply(_wide(e, count), _wide(e, count)),
    "square": lambda e, count: e.square(_wide(e, count)),
    "matmul": lambda e, batch, a, b, c: e.matmul(zeros(e, batch, a, b), zeros(e, batch, b, c)),
    "linear": lambda e, batch, rows, d1, d2: e.linear(
        zeros(e, batch, rows, d1), matrix(e, batch, d1, d2)
    ),
    "truncate": lambda e, count, bits: e.truncate(_wide(e, count), bits),
    "at_least": lambda e, count, number, greatest, bound: e.at_least(
        zeros(e, count, bound=bound), [greatest] * number
    ),
    "negative": lambda e, count, bound: e.negative(zeros(e, count, bound=bound)),
    "less": lambda e, count, x_bound, y_bound: e.less(
        zeros(e, count, bound=x_bound), zeros(e, count, bound=y_bound)
    ),
    "equal": lambda e, count, x_bound, y_bound: e.equal(
        zeros(e, count, bound=x_bound), zeros(e, count, bound=y_bound)
    ),
    "logical_and": lambda e, count: e.logical_and(bits(e, count), bits(e, count)),
    "to_arithmetic": lambda e, count: e.to_arithmetic(bits(e, count)),
    "select": lambda e, count: e.select(bits(e, count), zeros(e, count), zeros(e, count)),
    "keep_if": lambda e, count: e.keep_if(bits(e, count), _wide(e, count)),
    "one_hot": lambda e, count, size: e.one_hot(zeros(e, count, bound=255), size),
    "lookup": lambda e, count, tables, size: e.lookup(
        zeros(e, count, bound=size - 1), np.ones((tables, size), np.int64)
    ),
    "maximum": lambda e, rows, size: e.maximum(zeros(e, rows, size, bound=MASKED)),
    "argmax": lambda e, rows, size: e.argmax(zeros(e, rows, size)),
    "silu": _scalar("silu", 0, ACTIVATION_BOUND),
    "sigmoid": _scalar("sigmoid", 0, ACTIVATION_BOUND),
    "exp": _scalar("exp", 0, 1 << 26),
    "reciprocal": _scalar("reciprocal", 1 << 19, 1 << 29),
    "rsqrt": _scalar("rsqrt", 1, 1 << 42),
    "ranks": lambda e, rows, size: ranks(e, zeros(e, rows, size, bound=SCORE_BOUND - 1)),
    "topk": lambda e, rows, size, top_k: topk(
        e, zeros(e, rows, size, bound=SCORE_BOUND - 1), top_k
    ),
    "softmax": lambda e, rows, size, out_bits: softmax(
        e, zeros(e, rows, size, bound=MASKED), out_bits
    ),
    "gate": _gate,
    "balanced_selection": lambda e, tokens, experts, slots: balanced_selection(
        e, zeros(e, tokens, experts, bound=SCORES), slots
    ),
    "dispatch": lambda e, tokens, experts, slots, hidden: dispatch(
        e, zeros(e, tokens, hidden), bits(e, experts, slots, tokens)
    ),
    "batch_matmul": lambda e, experts, slots, d1, d2: batch_matmul(
        e, zeros(e, experts, slots, d1), matrix(e, experts, d1, d2)
    ),
    "swiglu": lambda e, count: swiglu(e, zeros(e, count), zeros(e, count)),
    "combine": lambda e, tokens, experts, slots, hidden: combine(
        e,
        zeros(e, experts, slots, hidden),
        bits(e, experts, slots, tokens),
        zeros(e, tokens, experts, bound=SCORES),
    ),
    "moe_layer": _moe_layer,
    "rmsnorm": lambda e, rows, width: rmsnorm(e, zeros(e, rows, width), 1e-5),
    "rotary": lambda e, rows, heads, head_dim: rotary(e, zeros(e, rows, heads, head_dim), 3, 1e4),
    "attention": _attention,
    "embedding": _embedding,
    "lm_head": lambda e, hidden, vocabulary: lm_head(
        e, zeros(e, hidden), matrix(e, 1, hidden, vocabulary), 1e-5
    ),
    "transformer_layer": _transformer_layer,
}
"""Each takes the engine and the contract's parameters. The whole model is run elsewhere."""
