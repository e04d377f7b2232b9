"""Residues on the wire: 30 bits each, whatever their values, so that sizes are public.

SEAL's own files are compressed and their sizes vary from run to run; none is ever sent.
"""

import numpy as np

from cryptomoe.field import FieldArray
from cryptomoe.he.parameters import PRIME_BITS
from cryptomoe.net.packing import check_range, pack_words, unpack_words


def pack_residues(residues: FieldArray) -> bytes:
    """Any array of residues below 2^30, C order, 30 bits each."""
    return pack_words(residues.reshape(-1), PRIME_BITS)


def unpack_residues(
    label: str, data: bytes, shape: tuple[int, ...], primes: tuple[int, ...]
) -> FieldArray:
    """The residues back; the last but one axis of `shape` runs over `primes`.

    Raises:
        MalformedMessageError: a residue is not below its prime; names `label`.
    """
    residues = unpack_words(data, int(np.prod(shape)), PRIME_BITS).reshape(shape)
    for index, prime in enumerate(primes):
        check_range(label, residues[..., index, :], prime)
    return residues
