"""Counting rules of the packings of batched matrix products: ours and those it is compared with.

n experts, each with t rows of its own by a d1 x d2 matrix of its own; N slots in two half-rows that
rotate each by itself, so a packing has N/2 slots to turn around in; t and n are padded to powers of
two, since only then are rotations cyclic. Rotations are counted as each work counts them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """n experts, t rows each, d1 inputs, d2 outputs, N slots."""

    n: int
    t: int
    d1: int
    d2: int
    slots: int = 8192


PAPER = Sizes(n=64, t=24, d1=2048, d2=1408)
"""The case that CryptoMoE (arXiv 2511.01197, NeurIPS 2025) measures."""


def power_of_two_from(value: int) -> int:
    """The least power of two that is at least `value`."""
    return 1 << max(value - 1, 0).bit_length()


def baby_steps(columns: int) -> int:
    """The least power of two that is at least the square root of the columns to turn through."""
    return 1 << -(-(columns.bit_length() - 1) // 2)


def bolt_rotations(sizes: Sizes) -> int:
    """BOLT (Pang et al., IEEE S&P 2024), with baby and giant steps.

    One expert at a time, column by column: half a ring holds 4096/32 = 128 columns of 32 rows,
    so an expert's 2048 columns fill 16 ciphertexts, 1024 in all;
    16 baby steps for 128 columns, of which the one by nothing is free: 15 rotations each.
    """
    columns = max(1, sizes.slots // 2 // power_of_two_from(sizes.t))
    ciphertexts = sizes.n * -(-sizes.d1 // columns)
    return ciphertexts * (baby_steps(columns) - 1)


def batch_rotations(sizes: Sizes) -> int:
    """CryptoMoE's batch packing: columns of all experts side by side.

    Half a ring holds 4096/(32 * 64) = 2 columns of all 64 experts' 32 rows,
    so 2048 columns fill 1024 ciphertexts;
    two baby steps for 2 columns, one of them free: one rotation each.
    """
    rows = power_of_two_from(sizes.t) * power_of_two_from(sizes.n)
    columns = max(1, sizes.slots // 2 // rows)
    ciphertexts = -(-sizes.d1 // columns) * max(1, rows // (sizes.slots // 2))
    return ciphertexts * (baby_steps(columns) - 1)


def nexus_key_switches(sizes: Sizes) -> int:
    """NEXUS (Zhang et al., NDSS 2025): compressed inputs are expanded, one entry a ciphertext.

    An expert's 32 x 2048 = 2^16 entries are the leaves of a binary tree of key switches,
    2^16 - 1 of them; the paper's count is two such trees an expert, 128 for 64 experts
    (the factor 2 is read off that count: its rule is not published).
    """
    entries = power_of_two_from(sizes.t) * sizes.d1
    return 2 * sizes.n * (entries - 1)


def giant_steps_total(columns: int, inputs: int, outputs: int) -> int:
    """Least rotations of `inputs` and `outputs` ciphertexts that share `columns` turns.

    Each input is turned by b - 1 baby steps, each output by columns/b - 1 giant steps.
    """
    choices = [1 << i for i in range(columns.bit_length())]
    return min(inputs * (b - 1) + outputs * (columns // b - 1) for b in choices)


def bolt_all_rotations(sizes: Sizes) -> int:
    """Every rotation of BOLT's packing, baby and giant steps, at the best split."""
    columns = max(1, sizes.slots // 2 // power_of_two_from(sizes.t))
    inputs, outputs = -(-sizes.d1 // columns), -(-sizes.d2 // columns)
    return sizes.n * giant_steps_total(columns, inputs, outputs)


def batch_all_rotations(sizes: Sizes) -> int:
    """Every rotation of the batch packing, baby and giant steps, at the best split."""
    rows = power_of_two_from(sizes.t) * power_of_two_from(sizes.n)
    columns = max(1, sizes.slots // 2 // rows)
    return giant_steps_total(columns, -(-sizes.d1 // columns), -(-sizes.d2 // columns))
