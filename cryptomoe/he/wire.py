"""Residues on the wire: 30 bits each, whatever their values, so that sizes are public.

Entry i occupies bits 30 i to 30 i + 29 of one little-endian bit string, so 16 residues are 15 words.
SEAL's own files are compressed and their sizes vary from run to run; none is ever sent.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cryptomoe.errors import MalformedMessageError
from cryptomoe.he.ntt import Residues
from cryptomoe.he.parameters import PRIME_BITS
from cryptomoe.kernel_cache import kernel

_GROUP = 16
_GROUP_WORDS = 15


def residue_bytes(count: int) -> int:
    """Bytes of `count` residues, a multiple of 16."""
    return count * PRIME_BITS // 8


def pack_residues(residues: NDArray[Any]) -> bytes:
    """Any array of residues below 2^30, its size a multiple of 16, in C order."""
    values = np.ascontiguousarray(residues, np.uint32).reshape(-1, _GROUP)
    words = np.empty((len(values), _GROUP_WORDS), np.uint32)
    _pack(values, words)
    return words.astype("<u4", copy=False).tobytes()


def unpack_residues(
    label: str, data: bytes | memoryview, shape: tuple[int, ...], primes: tuple[int, ...]
) -> Residues:
    """The residues back; the last but one axis of `shape` runs over `primes`.

    Raises:
        MalformedMessageError: another number of bytes, or a residue that is not below its prime;
            names `label`.
    """
    count = int(np.prod(shape))
    if len(data) != residue_bytes(count):
        raise MalformedMessageError(label, f"{residue_bytes(count)} bytes are due")
    words = np.frombuffer(data, "<u4").astype(np.uint32, copy=False)
    values = np.empty((count // _GROUP, _GROUP), np.uint32)
    _unpack(words.reshape(-1, _GROUP_WORDS), values)
    residues = values.reshape(shape)
    for index, prime in enumerate(primes):
        if count and int(residues[..., index, :].max()) >= prime:
            raise MalformedMessageError(label, f"a residue is not below its prime {prime}")
    return residues


@kernel
def _pack(values: Residues, words: Residues) -> None:
    """A word holds the upper bits of one residue of its group and the lower bits of the next."""
    for group in range(values.shape[0]):
        for i in range(_GROUP_WORDS):
            upper = values[group, i] >> np.uint32(2 * i)
            lower = np.uint32(values[group, i + 1] << np.uint32(30 - 2 * i))
            words[group, i] = upper | lower


@kernel
def _unpack(words: Residues, values: Residues) -> None:
    mask = np.uint32((1 << PRIME_BITS) - 1)
    for group in range(values.shape[0]):
        values[group, 0] = words[group, 0] & mask
        for i in range(1, _GROUP_WORDS):
            lower = words[group, i - 1] >> np.uint32(32 - 2 * i)
            values[group, i] = (lower | np.uint32(words[group, i] << np.uint32(2 * i))) & mask
        values[group, _GROUP_WORDS] = words[group, _GROUP_WORDS - 1] >> np.uint32(2)
