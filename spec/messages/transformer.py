"""The whole model: prefill of a padded prompt, then one decoding step for each further token."""

from contextlib import nullcontext

from cryptomoe_spec.fixed_point import ACTIVATION_BOUND
from cryptomoe_spec.messages.attention import attention
from cryptomoe_spec.messages.bits import to_arithmetic
from cryptomoe_spec.messages.boundary import reveal
from cryptomoe_spec.messages.embedding import embedding
from cryptomoe_spec.messages.indices import argmax
from cryptomoe_spec.messages.lm_head import lm_head
from cryptomoe_spec.messages.moe_layer import moe_layer
from cryptomoe_spec.messages.rmsnorm import rmsnorm
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import CLIENT, Wire, part
from cryptomoe_spec.shape import TransformerOptions, TransformerShape, slots_per_expert


@part
def transformer_layer(  # noqa: PLR0917 - a layer has this many public sizes
    wire: Wire,
    rows: Size,
    positions: Size,
    hidden: Size,
    heads: Size,
    kv_heads: Size,
    head_dim: Size,
    experts: Size,
    top_k: Size,
    slots: Size,
    expert_width: Size,
    padded: Size,
) -> None:
    """(rows, d), the last of all positions; `padded`, 1 or 0, as for the gate."""
    rmsnorm(wire, rows, hidden)
    attention(wire, rows, positions, hidden, heads, kv_heads, head_dim)
    rmsnorm(wire, rows, hidden)
    moe_layer(wire, rows, hidden, experts, top_k, slots, expert_width, padded)


def transformer(wire: Wire, shape: TransformerShape, options: TransformerOptions) -> None:
    """Every step is made and every message sent, whatever the tokens are."""
    m = options.padded_length
    padding(wire, m)
    for step in range(options.max_new_tokens):
        rows = 1 if step else m
        slots = slots_per_expert(rows, shape.experts, shape.top_k, options.alpha)
        with wire.scope(f"step{step}") if step else nullcontext():
            if options.embedding == "private":
                embedding(wire, rows, shape.vocabulary, shape.hidden)
            for i in range(shape.layers):
                with wire.scope(f"layer{i}"):
                    transformer_layer(
                        wire, rows, m + step, shape.hidden, shape.heads, shape.kv_heads,
                        shape.head_dim, shape.experts, shape.top_k, slots, shape.expert_width,
                        0 if step else 1,
                    )  # fmt: skip
            lm_head(wire, shape.hidden, shape.vocabulary)
            if options.reveal == "logits" and not step:
                logits(wire, shape.vocabulary)
            else:
                token(wire, shape.vocabulary)


@part
def padding(wire: Wire, length: Size) -> None:
    """Which positions are padding: the client's secret, as bits and as numbers."""
    with wire.scope("padding"):
        to_arithmetic(wire, length)


@part
def logits(wire: Wire, vocabulary: Size) -> None:
    """The logits to the client."""
    with wire.scope("reveal"):
        reveal(wire, vocabulary, CLIENT)


@part
def token(wire: Wire, vocabulary: Size) -> None:
    """The most likely token, chosen inside, to the client."""
    with wire.scope("reveal"):
        argmax(wire, 1, vocabulary, ACTIVATION_BOUND - 1)
        reveal(wire, 1, CLIENT)
