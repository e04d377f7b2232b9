"""Contracts of the protocols: what each declares.

A protocol rests on the black box alone, so its own citations are of what it computes; what the
operations rest on, it rests on too.
"""

from fractions import Fraction

from cryptomoe_spec.contracts_formulas import FormulaWire
from cryptomoe_spec.contracts_terms import (
    ALWAYS_EXACT,
    BOTH,
    COMPARING,
    COMPOSITION,
    FLOOR,
    INTEGER,
    MULTIPLYING,
    PROTOCOL,
    Functionality,
    Leakage,
    Parameter,
)
from cryptomoe_spec.fixed_point import SCORE_BOUND
from cryptomoe_spec.messages import (
    attention,
    balanced_selection,
    batch_matmul,
    combine,
    dispatch,
    embedding,
    gate,
    lm_head,
    moe_layer,
    ranking,
    rmsnorm,
    rotary,
    softmax,
    swiglu,
    topk,
    transformer,
)
from cryptomoe_spec.messages.sizes import Size
from cryptomoe_spec.messages.wire import Wire
from cryptomoe_spec.shape import TransformerOptions, TransformerShape

TOKENS = Parameter("tokens", "tokens m, padding included", (1, 12))
ROWS = Parameter("rows", "rows", (1, 12))
POSITIONS = Parameter("positions", "positions, those of the rows the last, at most 256", (5, 40))
HIDDEN = Parameter("hidden", "hidden size d", (16, 70))
HEADS = Parameter("heads", "query heads H", (2, 6))
KV_HEADS = Parameter("kv_heads", "key and value heads K, a divisor of H", (1, 3))
HEAD_DIM = Parameter("head_dim", "entries of a head, even", (4, 20))
EXPERTS = Parameter("experts", "experts n, at most 256", (3, 17))
TOP_K = Parameter("top_k", "experts a token uses, k <= n", (1, 5))
SLOTS = Parameter("slots", "slots of an expert, t <= m", (1, 7))
WIDTH = Parameter("expert_width", "width of an expert f", (5, 33))
VOCABULARY = Parameter("vocabulary", "vocabulary V, at most 2^20", (11, 300))
PADDED = Parameter("padded", "1 where rows may be padding, 0 where they cannot be", (0, 1))
ROW_SIZE = Parameter("size", "entries of a row, at most 256", (5, 256))
LAYER = (HIDDEN, HEADS, KV_HEADS, HEAD_DIM, EXPERTS, TOP_K, SLOTS, WIDTH)
LOGITS = "logits in units of log 2, 13 fraction bits, below 2^22"
ACTIVATIONS = "activations of 13 fraction bits, below 2^23"


def _ranks(wire: Wire, rows: Size, size: Size) -> None:
    ranking.ranks(wire, rows, size, SCORE_BOUND - 1)


def _topk(wire: Wire, rows: Size, size: Size, top_k: Size) -> None:
    topk.topk(wire, rows, size, top_k, SCORE_BOUND - 1)


def _softmax(wire: Wire, rows: Size, size: Size, out_bits: Size) -> None:
    softmax.softmax(wire, rows, size, attention.MASKED_BOUND, out_bits)


def _transformer(  # noqa: PLR0917 - a model has this many public sizes
    wire: Wire,
    padded_length: int,
    new_tokens: int,
    layers: int,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    experts: int,
    top_k: int,
    slots: int,
    expert_width: int,
    vocabulary: int,
    private: int,
    whole: int,
) -> None:
    """The messages of a model, from parameters as the contract has them."""
    shape = TransformerShape(
        layers, hidden, heads, kv_heads, head_dim, experts, top_k, expert_width, vocabulary,
        rope_theta=1e4, epsilon=1e-5,
    )  # fmt: skip
    options = TransformerOptions(
        padded_length=padded_length,
        max_new_tokens=new_tokens,
        alpha=Fraction(slots * experts, padded_length * top_k),
        reveal="logits" if whole else "token",
        embedding="private" if private else "public",
    )
    transformer.transformer(wire, shape, options)


def _formula_of_transformer(  # noqa: PLR0917 - a model has this many public sizes
    wire: FormulaWire,
    padded_length: Size,
    new_tokens: Size,
    layers: Size,
    hidden: Size,
    heads: Size,
    kv_heads: Size,
    head_dim: Size,
    experts: Size,
    top_k: Size,
    slots: Size,
    expert_width: Size,
    vocabulary: Size,
    private: Size,
    whole: Size,
) -> None:
    """The same, with layers and decoding steps as factors and sums."""
    table = wire.holds(private > 0, private <= 0)
    logits = wire.holds(whole > 0, whole <= 0)

    def step(at: FormulaWire, rows: Size, positions: Size, capacity: Size, padded: int) -> None:
        if table:
            embedding.embedding(at, rows, vocabulary, hidden)
        sizes = (
            rows, positions, hidden, heads, kv_heads, head_dim, experts, top_k, capacity,
            expert_width, padded,
        )  # fmt: skip
        transformer.transformer_layer(at, *sizes)
        at.add(transformer.transformer_layer, sizes, layers - 1)
        lm_head.lm_head(at, hidden, vocabulary)

    def later(at: FormulaWire, number: Size) -> None:
        step(at, 1, padded_length + number, 1, 0)
        transformer.token(at, vocabulary)

    transformer.padding(wire, padded_length)
    step(wire, padded_length, padded_length, slots, 1)
    (transformer.logits if logits else transformer.token)(wire, vocabulary)
    wire.steps(later, 1, new_tokens - 1)


PROTOCOL_FUNCTIONALITIES = (
    Functionality(
        "ranks", PROTOCOL, _ranks, (ROWS, ROW_SIZE), LOGITS, INTEGER, COMPOSITION, COMPARING
    ),
    Functionality(
        "topk", PROTOCOL, _topk, (ROWS, ROW_SIZE, TOP_K), LOGITS, INTEGER,
        (*COMPOSITION, "zhou2025"), COMPARING,
    ),
    Functionality(
        "softmax", PROTOCOL, _softmax,
        (ROWS, ROW_SIZE, Parameter("out_bits", "fraction bits of the result, 13 or 20", (13, 20))),
        "entries of a row within 2^26 of each other, 13 fraction bits", ALWAYS_EXACT,
        COMPOSITION, BOTH,
    ),
    Functionality(
        "gate", PROTOCOL, gate.gate, (TOKENS, HIDDEN, EXPERTS, TOP_K, PADDED), LOGITS, FLOOR,
        (*COMPOSITION, "shazeer2017", "zhou2025"), BOTH,
    ),
    Functionality(
        "balanced_selection", PROTOCOL, balanced_selection.balanced_selection,
        (TOKENS, EXPERTS, SLOTS), "scores of 20 fraction bits, below 2^21; at most 256 tokens",
        INTEGER, (*COMPOSITION, "zhou2025"), COMPARING,
    ),
    Functionality(
        "dispatch", PROTOCOL, dispatch.dispatch, (TOKENS, EXPERTS, SLOTS, HIDDEN),
        "one 1 in every slot of the assignment", INTEGER, (*COMPOSITION, "zhou2025"), BOTH,
    ),
    Functionality(
        "batch_matmul", PROTOCOL, batch_matmul.batch_matmul,
        (EXPERTS, SLOTS, Parameter("d1", "features in", (16, 70)),
         Parameter("d2", "features out", (5, 33))),
        "every entry of the product below p/4", FLOOR, (*COMPOSITION, "zhou2025"), BOTH,
    ),
    Functionality(
        "swiglu", PROTOCOL, swiglu.swiglu, (Parameter("count", "entries", (3, 5000)),),
        "both operands below 2^21, 13 fraction bits", FLOOR, (*COMPOSITION, "shazeer2020"), BOTH,
    ),
    Functionality(
        "combine", PROTOCOL, combine.combine, (TOKENS, EXPERTS, SLOTS, HIDDEN),
        "outputs below 2^23, scores of 20 fraction bits", FLOOR, (*COMPOSITION, "zhou2025"), BOTH,
    ),
    Functionality(
        "moe_layer", PROTOCOL, moe_layer.moe_layer,
        (TOKENS, HIDDEN, EXPERTS, TOP_K, SLOTS, WIDTH, PADDED), ACTIVATIONS, FLOOR,
        (*COMPOSITION, "shazeer2017", "zhou2025"), BOTH,
    ),
    Functionality(
        "rmsnorm", PROTOCOL, rmsnorm.rmsnorm,
        (ROWS, Parameter("width", "entries of a row, at most 2^16", (16, 300))),
        "below 2^23, root mean square at most 64", FLOOR, (*COMPOSITION, "zhang2019"), BOTH,
    ),
    Functionality(
        "rotary", PROTOCOL, rotary.rotary, (ROWS, HEADS, HEAD_DIM), ACTIVATIONS, FLOOR,
        (*COMPOSITION, "su2021"), COMPARING,
    ),
    Functionality(
        "attention", PROTOCOL, attention.attention,
        (ROWS, POSITIONS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM),
        "projections below 2^23, scores below 2^22", FLOOR,
        (*COMPOSITION, "vaswani2017", "ainslie2023", "su2021"), BOTH,
    ),
    Functionality(
        "embedding", PROTOCOL, embedding.embedding, (ROWS, VOCABULARY, HIDDEN),
        "ids below V, entries of the table below 2^23", INTEGER, COMPOSITION, MULTIPLYING,
    ),
    Functionality(
        "lm_head", PROTOCOL, lm_head.lm_head, (HIDDEN, VOCABULARY), ACTIVATIONS,
        f"{FLOOR}; the logits' own truncation is exact in both", COMPOSITION, BOTH,
    ),
    Functionality(
        "transformer_layer", PROTOCOL, transformer.transformer_layer,
        (ROWS, POSITIONS, *LAYER, PADDED), ACTIVATIONS, FLOOR, (*COMPOSITION, "vaswani2017"), BOTH,
    ),
    Functionality(
        "transformer", PROTOCOL, _transformer,
        (Parameter("padded_length", "padded length m", (1, 12)),
         Parameter("new_tokens", "new tokens", (1, 3)), Parameter("layers", "layers", (1, 2)),
         *LAYER, VOCABULARY,
         Parameter("private", "1 where the embedding table stays with the server", (1, 0)),
         Parameter("whole", "1 where the client gets the first logits", (1, 0))),
        "at most 256 positions and 256 experts; activations below 2^23", FLOOR,
        (*COMPOSITION, "zhou2025"), BOTH,
        Leakage(client="the new tokens and, where they are revealed, the first logits: its output"),
        _formula_of_transformer,
    ),
)  # fmt: skip
