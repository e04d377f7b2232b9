"""Keys and fresh ciphertexts at half their size: the uniform polynomial is sent as its seed.

An object is a pair (b, a) of transformed polynomials with a uniform, or several such pairs. On the
wire it is the seed, from which both parties expand all its a, and then all its b.
"""

import numpy as np

from cryptomoe.he.ntt import Residues
from cryptomoe.he.sampling import uniform_residues
from cryptomoe.he.wire import pack_residues, residue_bytes, unpack_residues
from cryptomoe.randomness import SEED_BYTES


def seeded_bytes(count: int, primes: int, degree: int) -> int:
    """Bytes of an object of `count` pairs."""
    return SEED_BYTES + residue_bytes(count * primes * degree)


def expand(seed: bytes, count: int, primes: tuple[int, ...], degree: int) -> Residues:
    """The uniform polynomials of an object: (count, primes, N)."""
    rows = uniform_residues(seed, primes, count * len(primes), degree)
    return rows.reshape(count, len(primes), degree)


def pack_seeded(seed: bytes, first: Residues) -> bytes:
    """An object from its seed and its b (count, primes, N)."""
    return seed + pack_residues(first)


def unpack_seeded(
    label: str, data: bytes | memoryview, count: int, primes: tuple[int, ...], degree: int
) -> Residues:
    """All pairs of an object: (count, 2, primes, N).

    Raises:
        MalformedMessageError: a residue that is not below its prime; names `label`.
        ValueError: another number of bytes, which the channel should have refused.
    """
    seed, packed = bytes(data[:SEED_BYTES]), data[SEED_BYTES:]
    pairs = np.empty((count, 2, len(primes), degree), np.uint32)
    pairs[:, 0] = unpack_residues(label, packed, (count, len(primes), degree), primes)
    pairs[:, 1] = expand(seed, count, primes, degree)
    return pairs
