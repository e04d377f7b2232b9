"""The whole model: prefill of a padded prompt, then one decoding step for each further token.

Specification: `cryptomoe_spec.transformer`. The client learns each new token, as its output, and
puts it in again; nothing else is opened, and every step is made whatever the tokens are.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits, Weight
from cryptomoe.errors import UsageError
from cryptomoe.field import IntArray
from cryptomoe.fixed_point import ACTIVATION_BOUND
from cryptomoe.party import Party
from cryptomoe.protocols.attention import KeyValueCache, attention
from cryptomoe.protocols.embedding import embedding, public_embedding
from cryptomoe.protocols.lm_head import lm_head
from cryptomoe.protocols.moe_layer import moe_layer
from cryptomoe.protocols.prepared import PreparedLayer, held, prepare_layer, single
from cryptomoe.protocols.rmsnorm import rmsnorm
from cryptomoe.protocols.shape import (
    POSITION_LIMIT,
    TransformerOptions,
    TransformerShape,
    TransformerWeights,
    slots_per_expert,
)

FUNCTIONALITIES = (
    "attention",
    "balanced_selection",
    "batch_matmul",
    "combine",
    "dispatch",
    "embedding",
    "gate",
    "lm_head",
    "padding",
    "reveal",
    "rmsnorm",
    "rotary",
    "softmax",
    "swiglu",
    "topk",
)
"""Scope names; a message belongs to the innermost of them in its label, and every one has one."""


@dataclass(frozen=True, eq=False)
class Generation:
    """What the client learns: the new `token_ids`, and with reveal "logits" also `logits` (V,).

    The logits are those that follow the last position of the prompt, 13 fraction bits.
    """

    token_ids: tuple[int, ...]
    logits: IntArray | None


@dataclass(frozen=True, eq=False)
class _Model:
    """Public shape and options with the weights made ready; `table` is only for the client."""

    shape: TransformerShape
    options: TransformerOptions
    layers: tuple[PreparedLayer, ...]
    head: Weight
    private_table: Weight | None
    table: IntArray | None


def transformer_layer(
    abb: ArithmeticBlackBox,
    x: Secret,
    weights: PreparedLayer,
    shape: TransformerShape,
    *,
    slots: int,
    padding: Secret,
    real: SecretBits | None,
    cache: KeyValueCache | None,
) -> tuple[Secret, KeyValueCache]:
    """(rows, d) and the grown cache: attention, then experts, each on a norm and added to x.

    `padding` (positions,) is 1 for padding; `real` (rows,) is 0 for padding (None: no row is).
    """
    normalised = rmsnorm(abb, x, shape.epsilon)
    attended, cache = attention(abb, normalised, weights, shape, padding=padding, cache=cache)
    x = abb.declare(abb.add(x, attended), ACTIVATION_BOUND - 1)
    normalised = rmsnorm(abb, x, shape.epsilon)
    routed = moe_layer(abb, normalised, weights, top_k=shape.top_k, slots=slots, real=real)
    return abb.declare(abb.add(x, routed), ACTIVATION_BOUND - 1), cache


def transformer(
    abb: ArithmeticBlackBox,
    shape: TransformerShape,
    options: TransformerOptions,
    weights: TransformerWeights | None,
    token_ids: Sequence[int] | None,
    *,
    table: IntArray | None = None,
) -> Generation | None:
    """Exactly `max_new_tokens` tokens, each the most likely one; None but at the client.

    `weights` is None but at the server, `token_ids` (1 to `padded_length`) None but at the client,
    which also has the embedding `table` (V, d) if that is public. UsageError for sizes that do not
    fit, before anything is sent.
    """
    _check(shape, options, token_ids)
    model = _prepare(abb, shape, options, weights, table)
    m = options.padded_length
    real: SecretBits | None
    real, padding = _padding(abb, token_ids, m)
    ids = None if token_ids is None else np.array(token_ids, np.int64)
    x = _embed(abb, model, ids, m)
    caches: list[KeyValueCache | None] = [None] * shape.layers
    new_tokens: list[int] = []
    first_logits = None
    for step in range(options.max_new_tokens):
        with abb.scope(f"step{step}") if step else nullcontext():
            if step:
                x = _embed(abb, model, ids, 1)
                zero = abb.public(np.zeros(1, np.int64))
                padding, real = abb.concatenate([padding, zero], 0), None
            logits = _next_logits(abb, model, x, padding=padding, real=real, caches=caches)
            shown, ids = _reveal(abb, logits, whole=options.reveal == "logits" and not step)
        first_logits = first_logits if step else shown
        new_tokens += [] if ids is None else ids.tolist()
    return None if token_ids is None else Generation(tuple(new_tokens), first_logits)


def _check(
    shape: TransformerShape, options: TransformerOptions, token_ids: Sequence[int] | None
) -> None:
    positions = options.padded_length + options.max_new_tokens - 1
    if options.max_new_tokens < 1:
        raise UsageError("at least one new token must be asked for")
    if positions > POSITION_LIMIT or shape.experts > POSITION_LIMIT:
        raise UsageError(
            f"{positions} positions or {shape.experts} experts exceed {POSITION_LIMIT}"
        )
    if token_ids is None:
        return
    if not 1 <= len(token_ids) <= options.padded_length:
        raise UsageError(f"a prompt must have 1 to {options.padded_length} tokens")
    if not all(0 <= token < shape.vocabulary for token in token_ids):
        raise UsageError(f"token ids must be in 0..{shape.vocabulary - 1}")


def _prepare(
    abb: ArithmeticBlackBox,
    shape: TransformerShape,
    options: TransformerOptions,
    weights: TransformerWeights | None,
    table: IntArray | None,
) -> _Model:
    of_layers = [None] * shape.layers if weights is None else weights.layers
    private_table = None
    if options.embedding == "private":
        values = held(weights, "embedding")
        private_table = single(abb, values, shape.vocabulary, shape.hidden)
    return _Model(
        shape=shape,
        options=options,
        layers=tuple(prepare_layer(abb, shape, layer) for layer in of_layers),
        head=single(abb, held(weights, "head"), shape.hidden, shape.vocabulary),
        private_table=private_table,
        table=table,
    )


def _padding(
    abb: ArithmeticBlackBox, token_ids: Sequence[int] | None, length: int
) -> tuple[SecretBits, Secret]:
    """`real` (m,), 0 for padding, and `padding` (m,), 1 for padding: the client's secret."""
    real = None if token_ids is None else np.arange(length) >= length - len(token_ids)
    with abb.scope("padding"):
        bits = abb.input_bits(Party.CLIENT, real, (length,))
        negated = abb.to_arithmetic(abb.logical_not(bits))
    return bits, negated


def _embed(abb: ArithmeticBlackBox, model: _Model, ids: IntArray | None, rows: int) -> Secret:
    if model.private_table is None:
        width = model.shape.hidden
        return public_embedding(abb, ids, model.table, rows=rows, width=width)
    return embedding(abb, ids, model.private_table, rows)


def _next_logits(
    abb: ArithmeticBlackBox,
    model: _Model,
    x: Secret,
    *,
    padding: Secret,
    real: SecretBits | None,
    caches: list[KeyValueCache | None],
) -> Secret:
    """(V,): the logits after the last row of `x` (rows, d); `caches`, one a layer, are replaced."""
    shape, rows = model.shape, x.shape[0]
    slots = slots_per_expert(rows, shape.experts, shape.top_k, model.options.alpha)
    for i, weights in enumerate(model.layers):
        with abb.scope(f"layer{i}"):
            x, caches[i] = transformer_layer(
                abb, x, weights, shape, slots=slots, padding=padding, real=real, cache=caches[i]
            )
    last = abb.reshape(abb.take(x, np.array([rows - 1]), 0), (shape.hidden,))
    return lm_head(abb, last, model.head, shape.epsilon)


def _reveal(
    abb: ArithmeticBlackBox, logits: Secret, *, whole: bool
) -> tuple[IntArray | None, IntArray | None]:
    """(the logits, the chosen token (1,)) to the client; None at the others, or where not shown."""
    with abb.scope("reveal"):
        if whole:
            shown = abb.reveal(logits, Party.CLIENT)
            return shown, None if shown is None else np.array([np.argmax(shown)], np.int64)
        chosen = abb.argmax(abb.reshape(logits, (1, -1)))
        return None, abb.reveal(chosen, Party.CLIENT)
