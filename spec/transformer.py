"""The whole model: prefill of a padded prompt, then one decoding step for each further token.

The prompt's true length is secret within its padded length: padding stands on the left, so the last
position is public, and is kept out of attention and of the experts' capacity. Padding rows start as
zeros and stay zeros. Capacity follows from the padded length in the prefill and from the batch of
one token in a decoding step, where every expert therefore serves the token.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cryptomoe_spec.arrays import BitArray, IntArray, require_below
from cryptomoe_spec.attention import KeyValueCache, attention
from cryptomoe_spec.embedding import embedding
from cryptomoe_spec.errors import RangeError
from cryptomoe_spec.fixed_point import ACTIVATION_BOUND
from cryptomoe_spec.lm_head import lm_head
from cryptomoe_spec.moe_layer import moe_layer
from cryptomoe_spec.rmsnorm import rmsnorm
from cryptomoe_spec.shape import (
    POSITION_LIMIT,
    LayerWeights,
    TransformerOptions,
    TransformerShape,
    TransformerWeights,
    slots_per_expert,
)

__all__ = [
    "Generation",
    "LayerWeights",
    "TransformerOptions",
    "TransformerShape",
    "TransformerWeights",
    "transformer",
    "transformer_layer",
]


@dataclass(frozen=True, eq=False)
class Generation:
    """What the client learns: the new `token_ids`, and with reveal "logits" also `logits` (V,).

    The logits are those that follow the last position of the prompt, 13 fraction bits.
    """

    token_ids: tuple[int, ...]
    logits: IntArray | None


def transformer_layer(
    x: IntArray,
    weights: LayerWeights,
    shape: TransformerShape,
    *,
    slots: int,
    padding: IntArray,
    real: BitArray | None,
    cache: KeyValueCache | None,
) -> tuple[IntArray, KeyValueCache]:
    """(rows, d) and the grown cache: attention, then experts, each on a norm and added to x."""
    # INPUTS x: (rows, d), 13 fraction bits; weights: the server's; shape, slots: public;
    # padding: (positions,), 1 for padding; real: (rows,), 0 for padding (None: no row is padding).
    # FUNCTION
    attended, cache = attention(
        rmsnorm(x, shape.epsilon), weights, shape, padding=padding, cache=cache
    )
    x = x + attended
    require_below(x, ACTIVATION_BOUND, "transformer_layer, after attention")
    x = x + moe_layer(rmsnorm(x, shape.epsilon), weights, shape.top_k, slots, real)
    require_below(x, ACTIVATION_BOUND, "transformer_layer, after the experts")
    # LEAKAGE nothing.
    # COST constant rounds; the sum of the parts.
    return x, cache


def transformer(
    shape: TransformerShape,
    options: TransformerOptions,
    weights: TransformerWeights,
    token_ids: Sequence[int],
) -> Generation:
    """Exactly `max_new_tokens` tokens, each the most likely one, the lowest id among equals."""
    # INPUTS shape, options: public; weights: the server's; token_ids: the client's prompt, 1 to
    # `padded_length` ids. Prompt and new tokens have at most 256 positions; experts: at most 256.
    m = options.padded_length
    if not 1 <= len(token_ids) <= m:
        raise RangeError(f"transformer: {len(token_ids)} tokens cannot be padded to {m}")
    if not m <= m + options.max_new_tokens - 1 <= POSITION_LIMIT:
        raise RangeError(f"transformer: {options.max_new_tokens} new tokens after {m} positions")
    if shape.experts > POSITION_LIMIT:
        raise RangeError(f"transformer: {shape.experts} experts are more than {POSITION_LIMIT}")
    # FUNCTION
    padding = (np.arange(m) < m - len(token_ids)).astype(np.int64)
    real: BitArray | None = padding == 0
    caches: list[KeyValueCache | None] = [None] * shape.layers
    x = embedding(np.array(token_ids, np.int64), weights.embedding, m)
    new_tokens: list[int] = []
    first_logits = None
    while True:
        slots = slots_per_expert(x.shape[0], shape.experts, shape.top_k, options.alpha)
        for i, layer in enumerate(weights.layers):
            x, caches[i] = transformer_layer(
                x, layer, shape, slots=slots, padding=padding, real=real, cache=caches[i]
            )
        logits = lm_head(x[-1], weights.head, shape.epsilon)
        first_logits = logits if first_logits is None else first_logits
        new_tokens.append(int(np.argmax(logits)))
        if len(new_tokens) == options.max_new_tokens:
            break
        x = embedding(np.array(new_tokens[-1:], np.int64), weights.embedding, 1)
        padding, real = np.append(padding, 0), None
    # LEAKAGE to the client: the new tokens, and with reveal "logits" the first logits; to the
    # server: nothing. Both know the padded length and the number of new tokens.
    # COST rounds proportional to layers times new tokens, whatever the other sizes.
    return Generation(tuple(new_tokens), first_logits if options.reveal == "logits" else None)
