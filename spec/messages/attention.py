"""Causal self-attention, for rows that are the last of all positions."""

from cryptomoe_spec.fixed_point import (
    FRACTION_BITS,
    MASK_OFFSET,
    SCALE_BITS,
    SCORE_BOUND,
    WEIGHT_BITS,
)
from cryptomoe_spec.messages.products import linear, matmul
from cryptomoe_spec.messages.rmsnorm import norms
from cryptomoe_spec.messages.rotary import rotary
from cryptomoe_spec.messages.sizes import Size, ceil_div
from cryptomoe_spec.messages.softmax import softmax
from cryptomoe_spec.messages.truncation import truncate
from cryptomoe_spec.messages.wire import Wire, part

MASKED_BOUND = SCORE_BOUND - 1 + 2 * MASK_OFFSET


@part
def attention(
    wire: Wire,
    rows: Size,
    positions: Size,
    hidden: Size,
    heads: Size,
    kv_heads: Size,
    head_dim: Size,
) -> None:
    """(rows, d), with H query heads and K key and value heads of hd entries."""
    q_width, k_width = heads * head_dim, kv_heads * head_dim
    queries = ceil_div(rows * heads, kv_heads)
    scores = heads * rows * positions
    with wire.scope("attention"):
        linear(wire, 1, rows, hidden, q_width + 2 * k_width)
        truncate(wire, rows * (q_width + 2 * k_width), WEIGHT_BITS)
        norms(wire, 2 * rows, rows * (q_width + k_width), q_width)
        linear(wire, q_width + k_width, rows, 1, 1)
        truncate(wire, rows * (q_width + k_width), SCALE_BITS)
        rotary(wire, rows, heads + kv_heads, head_dim)
        matmul(wire, kv_heads, queries, head_dim, positions)
        truncate(wire, scores, FRACTION_BITS)
        softmax(wire, heads * rows, positions, MASKED_BOUND, FRACTION_BITS)
        matmul(wire, kv_heads, queries, positions, head_dim)
        truncate(wire, rows * q_width, FRACTION_BITS)
        linear(wire, 1, rows, q_width, hidden)
        truncate(wire, rows * hidden, WEIGHT_BITS)
