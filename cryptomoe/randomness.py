"""Randomness of one party: AES-128 in counter mode, seeded by the operating system.

One generator for each purpose, so that the order in which purposes draw does not matter. A
generator belongs to the process that made it and is refused in any other: after a fork two
processes would draw the same numbers.

The streams are specified exactly, since two parties may expand one public seed: the key of a
purpose is the 16-byte BLAKE2b of seed and purpose, personalised as "cryptomoe stream"; the stream
is AES-128-CTR of zeros from counter 0; words are little-endian; and whatever must be below a bound
is drawn by rejection, a word at a time, in order.
"""

import hashlib
import os

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from cryptomoe.field import P_BITS, FieldArray, P

SEED_BYTES = 32
Words = NDArray[np.uint64]


class Stream:
    """The generator of one purpose."""

    def __init__(self, key: bytes) -> None:
        self._process = os.getpid()
        self._encryptor = Cipher(algorithms.AES128(key), modes.CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> bytes:
        """`count` uniform bytes.

        Raises:
            RuntimeError: called in another process than the one that made the generator.
        """
        if os.getpid() != self._process:
            raise RuntimeError("a generator may not be used in a process that did not make it")
        return self._encryptor.update(bytes(count))

    def words(self, count: int) -> Words:
        """`count` uniform 64-bit words."""
        return np.frombuffer(self.bytes(8 * count), "<u8").astype(np.uint64)

    def bits(self, count: int) -> NDArray[np.uint8]:
        """`count` uniform bits, one an entry."""
        packed = np.frombuffer(self.bytes(-(-count // 8)), np.uint8)
        return np.unpackbits(packed, bitorder="little")[:count]

    def ring(self, shape: tuple[int, ...], bits: int) -> Words:
        """Uniform integers below 2^bits, `bits` from 0 to 64."""
        count = int(np.prod(shape))
        if bits == 0:
            return np.zeros(shape, np.uint64)
        return (self.words(count) >> np.uint64(64 - bits)).reshape(shape)

    def field(self, shape: tuple[int, ...]) -> FieldArray:
        """Uniform elements of F_p."""
        return self._below(int(np.prod(shape)), P, P_BITS).reshape(shape)

    def residues(self, shape: tuple[int, ...], modulus: int) -> Words:
        """Uniform integers below `modulus`, which is at most 2^62."""
        if not 1 <= modulus <= 1 << 62:
            raise ValueError(f"a modulus from 1 to 2^62 is needed, not {modulus}")
        return self._below(int(np.prod(shape)), modulus, (modulus - 1).bit_length()).reshape(shape)

    def _below(self, count: int, bound: int, bits: int) -> Words:
        accepted: list[Words] = []
        missing = count
        while missing:
            candidates = self.ring((missing,), bits)
            candidates = candidates[candidates < np.uint64(bound)]
            accepted.append(candidates)
            missing -= candidates.size
        return np.concatenate(accepted) if accepted else np.zeros(0, np.uint64)


class Randomness:
    """All generators of one party, from one seed: the operating system's unless one is given."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._seed = os.urandom(SEED_BYTES) if seed is None else seed
        self._process = os.getpid()
        self._streams: dict[str, Stream] = {}

    def stream(self, purpose: str) -> Stream:
        """The generator of `purpose`; asked for again, it goes on where it was.

        Raises:
            RuntimeError: called in another process than the one that made this object.
        """
        if os.getpid() != self._process:
            raise RuntimeError("randomness may not be used in a process that did not make it")
        if purpose not in self._streams:
            self._streams[purpose] = Stream(stream_key(self._seed, purpose))
        return self._streams[purpose]


def stream_key(seed: bytes, purpose: str) -> bytes:
    """The AES key of one purpose."""
    digest = hashlib.blake2b(seed, digest_size=16, person=b"cryptomoe stream")
    digest.update(purpose.encode())
    return digest.digest()


def expand_field(seed: bytes, count: int) -> FieldArray:
    """`count` elements of F_p from a public seed, the same at both parties."""
    return Stream(stream_key(seed, "public expansion")).field((count,))
