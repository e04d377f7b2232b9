"""Every way in which one inference may fail or tell more than its output, summed in one table.

The case is DeepSeekMoE 16B's routed experts: 28 layers, m = 128, n = 64, k = 6, t = 24, d = 2048,
f_e = 1408, by the two-party engine. Statistical terms hold against unbounded parties and are added
up; computational assumptions are listed apart, since no sum of them means anything.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, log2

from counting_engine import counted
from curve25519 import ORDER
from flooding import statistical_distance

from cryptomoe.field import P
from cryptomoe.he.flood import CEILING_COEFFICIENTS
from cryptomoe.protocols.shape import TransformerOptions, TransformerShape, slots_per_expert

DEEPSEEK_MOE = TransformerShape(
    layers=28,
    hidden=2048,
    heads=16,
    kv_heads=16,
    head_dim=128,
    experts=64,
    top_k=6,
    expert_width=1408,
    vocabulary=102400,
    rope_theta=1e4,
    epsilon=1e-6,
)
OPTIONS = TransformerOptions(padded_length=128)
BASE_TRANSFERS = 256
BLOCK_BYTES = 16


@dataclass(frozen=True)
class Term:
    """One term: what it protects, how often it is paid, its size each time or altogether."""

    name: str
    protects: str
    count: int
    bound: float
    reason: str


@dataclass(frozen=True)
class Counts:
    """What a run draws, the greater of both truncation modes."""

    transfers: int
    field_correlations: int
    coefficients: int


@cache
def counts() -> Counts:
    """Counts of the case, by public shapes."""
    runs = [counted(DEEPSEEK_MOE, OPTIONS, mode) for mode in ("exact", "approximate")]
    return Counts(*(max(run[i] for run in runs) for i in range(3)))


def pad_distance() -> Fraction:
    """128 uniform bits modulo p, against uniform: r (p - r) / (p 2^128)."""
    rest = (1 << 128) % P
    return Fraction(rest * (P - rest), P << 128)


def base_key_distance() -> Fraction:
    """An honest X25519 key against a random point: see `test_known_answers`."""
    return Fraction(2 * (ORDER - 2**252), ORDER - 1) + Fraction(32, 8 * ORDER)


def switching(blocks: int) -> float:
    """A permutation's outputs in counter mode against uniform blocks: blocks^2 / 2^129."""
    return blocks**2 / 2.0**129


def terms() -> tuple[Term, ...]:
    """The statistical terms of one inference."""
    seen = counts()
    # At most twelve words of 8 bytes for each coefficient's flood (four uniforms in three pieces),
    # and two for its mask, rejected ones included; IKNP's columns are 128 transfers a block.
    flood_blocks = ceil(14 * 8 * seen.coefficients / BLOCK_BYTES)
    column_blocks = ceil(seen.transfers / 128) + 1
    return (
        Term(
            "flooding of answers",
            "server",
            seen.coefficients,
            statistical_distance(seen.coefficients),
            "four uniforms; Hellinger distance over all coefficients (`flooding.py`)",
        ),
        Term(
            "pads into F_p from 128 bits",
            "both",
            2 * seen.field_correlations,
            float(2 * seen.field_correlations * pad_distance()),
            "r (p - r) / (p 2^128) each, exactly; both pads of a correlation counted",
        ),
        Term(
            "base keys of unknown secret",
            "both",
            BASE_TRANSFERS,
            float(BASE_TRANSFERS * base_key_distance()),
            "honest and random keys, 128 transfers each way",
        ),
        Term(
            "AES streams of masks and floods",
            "server",
            2 * flood_blocks,
            2 * switching(flood_blocks),
            "counter mode of a permutation against uniform, two streams",
        ),
        Term(
            "AES columns of transfers",
            "both",
            512 * column_blocks,
            512 * switching(column_blocks),
            "as above, 256 seeds at each party",
        ),
        Term(
            "rejection sampling",
            "both",
            0,
            0.0,
            "exactly uniform; how long it takes is secret-free",
        ),
        Term("masks in slots", "server", seen.coefficients, 0.0, "exactly uniform modulo p"),
        Term("shares, masks of tables", "both", 0, 0.0, "exactly uniform, p or a power of two"),
        Term(
            "decryption failure",
            "correctness",
            seen.coefficients,
            0.0,
            "errors are bounded; the greatest noise is below 0.76 of the limit",
        ),
        Term("exact truncation", "correctness", 0, 0.0, "the floor, for every split into shares"),
        Term(
            "approximate truncation",
            "correctness",
            0,
            0.0,
            "0, 1 or 2 above the floor by the ideal functionality's own rule; never another value",
        ),
        Term("lift, comparison, selection", "correctness", 0, 0.0, "exact for every split"),
    )


ASSUMPTIONS: tuple[tuple[str, str], ...] = (
    (
        (
            "ring-LWE, N = 8192, ternary secret, error deviation 3.24, log2 q = 210 (keys), 180"
            " (requests)"
        ),
        (
            "the prompt, and the client's shares; best known attacks estimated at 133 bits by the"
            " Homomorphic Encryption Standard's count, core-SVP 2^100 (`lwe.py`)"
        ),
    ),
    (
        (
            "the same, with the public key's owner as the adversary and the answer's flooded noise"
            " known"
        ),
        "the second polynomial of an answer, which a fresh encryption of zero hides",
    ),
    (
        "Diffie-Hellman on Curve25519 with BLAKE2b as a random oracle",
        "the seeds of base transfers that were not chosen",
    ),
    (
        "circular correlation robustness of AES(s) xor s under keys changed every 2^16 hashes",
        "pads that were not chosen (Guo, Katz, Wang, Yu, IEEE S&P 2020, in the ideal-cipher model)",
    ),
    ("AES-128 as a pseudo-random permutation", "every stream of a party, and IKNP's columns"),
    ("BLAKE2b as a key derivation", "one key for each purpose and for each period of the hash"),
    ("the operating system's generator, and SEAL's, seeded by it", "everything"),
)

CONDITIONS: tuple[str, ...] = (
    (
        "Values stay in the ranges that the specification states (activations below 2^10, scores"
        " below 2^9, rows of root mean square up to 63.9, expert outputs up to 1020); a value"
        " outside gives a wrong answer, and no message."
    ),
    (
        "The server's plaintexts were not chosen together to align with the mean of key-switching"
        " digits; if they were, the distance of the flooding could grow by at most the root of the"
        " number of products in an answer."
    ),
    (
        "Uniform shares, and a client's own inputs that it encrypts as they are, round as the noise"
        " bound allows: roundings are counted as if all had one sign."
    ),
    "Distances add up over inferences: Q of them cost Q times the total.",
    "Shared experts and the dense first layer of the real model are not built, and not counted.",
    "Parties follow the protocol (semi-honest).",
)


def total() -> float:
    """The sum of all terms: more than any one party's or purpose's share of it."""
    return sum(term.bound for term in terms())


def power(bound: float) -> str:
    """A bound as a power of two, rounded up."""
    return f"2^{ceil(100 * log2(bound)) / 100:.2f}" if bound else "0"


def render() -> str:
    """The page failures.md."""
    seen, shape = counts(), DEEPSEEK_MOE
    slots = slots_per_expert(OPTIONS.padded_length, shape.experts, shape.top_k, OPTIONS.alpha)
    lines = [
        "# What can fail, and what can be told apart",
        "",
        "Rendered from `failure_table.py`; a test compares this page with it. One inference of",
        (
            f"{shape.layers} layers, m = {OPTIONS.padded_length}, n = {shape.experts},"
            f" k = {shape.top_k}, t = {slots}, d = {shape.hidden}, f_e = {shape.expert_width},"
        ),
        (
            f"V = {shape.vocabulary}, two-party engine, one new token:"
            f" {seen.transfers:,} transfers, {seen.field_correlations:,}"
        ),
        (
            f"correlations modulo p, {seen.coefficients:,} coefficients of answers"
            f" (the ceiling is {CEILING_COEFFICIENTS:,})."
        ),
        "",
        "## Statistical terms",
        "",
        "| term | protects | count | bound | why |",
        "|---|---|---|---|---|",
    ]
    for term in terms():
        count = f"{term.count:,}" if term.count else "any"
        lines.append(
            f"| {term.name} | {term.protects} | {count} | {power(term.bound)} | {term.reason} |"
        )
    lines += [
        f"| **all together** | | | **{power(total())}** | allowed: 2^-40 |",
        "",
        f"Flooding at the ceiling: {power(statistical_distance(CEILING_COEFFICIENTS))}.",
        "",
        "## Computational assumptions",
        "",
        "| assumption | what rests on it |",
        "|---|---|",
        *(f"| {assumption} | {rests} |" for assumption, rests in ASSUMPTIONS),
        "",
        "## Conditions",
        "",
        *(f"- {condition}" for condition in CONDITIONS),
    ]
    return "\n".join(lines) + "\n"
