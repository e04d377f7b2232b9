"""The public shape of a Mixture-of-Experts transformer, its weights, and the options of a run.

The weights arrive with every gamma folded into the matrix that follows its norm (input norm into
`qkv`, post-attention norm into `gate` and `expert_gate_up`, final norm into `head`), log2(e) folded
into `gate`, and log2(e) / sqrt(head_dim) folded into `q_scale`: so the logits of the gate and of
the attention are in units of log 2. The specification declares the same classes on its own.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from cryptomoe.field import IntArray

POSITION_LIMIT = 256
"""Positions (padded prompt and new tokens together), and experts, that one run may have."""


@dataclass(frozen=True)
class TransformerShape:
    """Public sizes of a model.

    Fields: `layers`; `hidden` = d; `heads` = H query heads, `kv_heads` = K key and value heads (K
    divides H), each of `head_dim` = hd entries (even); `experts` = n, of which a token uses
    `top_k`, each of width `expert_width` = f; `vocabulary` = V; `rope_theta`, the base of the
    rotary frequencies; `epsilon`, added to the mean square in every norm.
    """

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    experts: int
    top_k: int
    expert_width: int
    vocabulary: int
    rope_theta: float
    epsilon: float


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """One layer's weights, int64, held by the server alone.

    Fields, 15 fraction bits unless said otherwise: `qkv` (d, (H + 2K) hd), columns q then k then v;
    `q_scale` (H hd,) and `k_scale` (K hd,), 16 fraction bits; `output` (H hd, d); `gate` (d, n);
    `expert_gate_up` (n, d, 2f), the gate half first; `expert_down` (n, f, d).
    """

    qkv: IntArray
    q_scale: IntArray
    k_scale: IntArray
    output: IntArray
    gate: IntArray
    expert_gate_up: IntArray
    expert_down: IntArray


@dataclass(frozen=True, eq=False)
class TransformerWeights:
    """All weights, int64, held by the server alone.

    Fields: `embedding` (V, d), 13 fraction bits; `layers`, one entry a layer; `head` (d, V), 15
    fraction bits.
    """

    embedding: IntArray
    layers: tuple[LayerWeights, ...]
    head: IntArray


@dataclass(frozen=True)
class TransformerOptions:
    """Public options of one run.

    Fields: `padded_length` = m, to which the prompt is padded on the left; `max_new_tokens`, all of
    which are always made; `alpha`, the capacity factor; `reveal`, "logits" (of the last prompt
    position, and the tokens) or "token" (the tokens alone); `embedding`, "private" (the table stays
    with the server) or "public" (the client has it).
    """

    padded_length: int
    max_new_tokens: int = 1
    alpha: Fraction = Fraction(2)
    reveal: str = "logits"
    embedding: str = "private"


def slots_per_expert(tokens: int, experts: int, top_k: int, alpha: Fraction) -> int:
    """t = min(m, ceil(alpha m k / n)): the number of tokens that every expert processes."""
    return min(tokens, ceil(alpha * tokens * top_k / experts))
