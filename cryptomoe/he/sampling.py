"""What the encryption scheme draws: uniform residues, ternary polynomials, small errors.

All of it from AES streams, by kernels without branches on what they draw. Uniform residues come
from a seed that both parties know: the stream of the purpose "uniform residues" as little-endian
32-bit words, of which the low 30 bits count; a value that is not below its prime is skipped, and
the next residue in order takes the next word. Rejection tells nothing of the values that are kept.

An error is the difference of two sums of 21 bits, Microsoft SEAL's distribution: centred, of
deviation sqrt(21/2) = 3.24, and at most 21.
"""

import numpy as np
from numpy.typing import NDArray

from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import PRIME_BITS
from cryptomoe.kernel_cache import kernel
from cryptomoe.randomness import Stream, stream_key

Small = NDArray[np.int32]

ERROR_BITS = 21
"""Bits in each of the two sums; the variance of an error is half of it."""
_MASK = np.uint32((1 << PRIME_BITS) - 1)


def uniform_residues(seed: bytes, primes: tuple[int, ...], count: int, degree: int) -> Residues:
    """`count` polynomials (count, N); row i is uniform modulo primes[i % len(primes)]."""
    stream = Stream(stream_key(seed, "uniform residues"))
    rows = np.empty((count, degree), np.uint32)
    moduli = np.array(primes, np.uint32)
    filled = 0
    while filled < rows.size:
        words = np.frombuffer(stream.bytes(4 * (rows.size - filled)), "<u4")
        filled = _accept_residues(words.astype(np.uint32, copy=False), moduli, rows, filled)
    return rows


def ternary(stream: Stream, degree: int) -> Small:
    """One polynomial (N,) uniform in {-1, 0, 1}."""
    values = np.empty(degree, np.int32)
    filled = 0
    while filled < degree:
        quarters = np.frombuffer(stream.bytes(-(-(degree - filled) // 4)), np.uint8)
        filled = _accept_ternary(quarters, values, filled)
    return values


def errors(stream: Stream, count: int, degree: int) -> Small:
    """Errors (count, N)."""
    values = np.empty((count, degree), np.int32)
    _subtract_bits(stream.words(values.size), values.reshape(-1))
    return values


@kernel
def _accept_residues(words: Residues, moduli: Residues, rows: Residues, filled: int) -> int:
    """Take words from residue number `filled` on; how many residues there are now."""
    degree = rows.shape[1]
    position = 0
    while position < words.size:
        row = filled // degree
        place = filled - row * degree
        bound = moduli[row % moduli.size]
        while position < words.size and place < degree:
            value = words[position] & _MASK
            rows[row, place] = value
            place += 1 if value < bound else 0
            position += 1
        filled = row * degree + place
    return filled


@kernel
def _accept_ternary(quarters: NDArray[np.uint8], values: Small, filled: int) -> int:
    """Two bits are a candidate, and 3 is none."""
    for byte in quarters:
        for shift in range(0, 8, 2):
            if filled < values.size:
                candidate = np.int32(byte >> shift) & np.int32(3)
                values[filled] = candidate - np.int32(1)
                filled += 1 if candidate < 3 else 0
    return filled


@kernel
def _bit_count(word: np.uint64) -> np.uint64:
    """Bits set in a 64-bit word."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def _subtract_bits(words: NDArray[np.uint64], values: Small) -> None:
    low = np.uint64((1 << ERROR_BITS) - 1)
    for i in range(words.size):
        positive = _bit_count(words[i] & low)
        negative = _bit_count((words[i] >> np.uint64(ERROR_BITS)) & low)
        values[i] = np.int32(positive) - np.int32(negative)
