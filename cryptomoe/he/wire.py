"""Residues on the wire: 30 bits each, whatever their values, so that sizes are public.

Entry i occupies bits 30 i to 30 i + 29 of one little-endian bit string, so 16 residues are 15
words; zeros fill up the last byte.
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
    """Bytes of `count` residues."""
    return (count * PRIME_BITS + 7) // 8


def pack_residues(residues: NDArray[Any]) -> bytes:
    """Any array of residues below 2^30, in C order."""
    flat = np.ascontiguousarray(residues, np.uint32).reshape(-1)
    values = _whole_groups(flat, _GROUP)
    words = np.empty((len(values), _GROUP_WORDS), np.uint32)
    _pack(values, words)
    return words.astype("<u4", copy=False).tobytes()[: residue_bytes(flat.size)]


def _whole_groups(values: NDArray[Any], size: int) -> NDArray[Any]:
    """A vector as rows of `size`, with zeros up to a whole row."""
    if values.size % size:
        values = np.concatenate([values, np.zeros(-values.size % size, values.dtype)])
    return values.reshape(-1, size)


def unpack_residues(
    label: str, data: bytes | memoryview, shape: tuple[int, ...], primes: tuple[int, ...]
) -> Residues:
    """The residues back; the last but one axis of `shape` runs over `primes`.

    Raises:
        MalformedMessageError: a residue that is not below its prime; names `label`.
        ValueError: another number of bytes, which the channel should have refused.
    """
    count = int(np.prod(shape))
    if len(data) != residue_bytes(count):
        raise ValueError(f"{residue_bytes(count)} packed bytes are needed, not {len(data)}")
    packed = _whole_groups(np.frombuffer(data, np.uint8), 4 * _GROUP_WORDS)
    values = np.empty((len(packed), _GROUP), np.uint32)
    _unpack(packed.view("<u4").astype(np.uint32, copy=False), values)
    residues = values.reshape(-1)[:count].reshape(shape)
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
