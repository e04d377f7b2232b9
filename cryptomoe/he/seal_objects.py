"""SEAL's objects as numpy arrays and back, without a file on any disk.

TenSEAL's `sealapi` saves and loads by path only, so paths of anonymous memory files are given.
What SEAL saves is a 16-byte header, then (compressed by zstandard or not) a fixed layout that this
module reads and writes at fixed offsets: for a ciphertext the identifier of its parameters, five
numbers and the residues, polynomial by polynomial, prime by prime. SEAL checks all of it when it
loads.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from cryptomoe.field import FieldArray

_HEADER = struct.Struct("<HBBBBHQ")
_MAGIC = 0xA15E
_VERSION = (4, 3)
_UNCOMPRESSED, _ZSTANDARD = 0, 2
_CIPHERTEXT = struct.Struct("<4QBQQQdQ")
_PLAINTEXT = struct.Struct("<4QQd")
_COUNT = struct.Struct("<Q")
_RESIDUES_AT = _CIPHERTEXT.size + _HEADER.size + _COUNT.size
_KEY_TABLE = struct.Struct("<4QQ")


@contextmanager
def _memory_file() -> Iterator[tuple[int, str]]:
    descriptor = os.memfd_create("seal", os.MFD_CLOEXEC)
    try:
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _saved(thing: Any) -> bytes:
    """The layout of a SEAL object, decompressed, without the outermost header."""
    with _memory_file() as (descriptor, path):
        thing.save(path)
        size = os.fstat(descriptor).st_size
        data = os.pread(descriptor, size, 0)
    magic, header_size, _, _, compression, _, _ = _HEADER.unpack_from(data)
    if magic != _MAGIC or header_size != _HEADER.size:
        raise RuntimeError("SEAL saves in a layout that this version does not know")
    if compression == _ZSTANDARD:
        return zstandard.ZstdDecompressor().decompressobj().decompress(data[_HEADER.size :])
    return data[_HEADER.size :]


def _load(thing: Any, context: Any, layout: bytes) -> None:
    """Fill `thing` from a layout, uncompressed."""
    with _memory_file() as (descriptor, path):
        os.pwrite(descriptor, _with_header(layout), 0)
        thing.load(context, path)


def _with_header(layout: bytes) -> bytes:
    size = _HEADER.size + len(layout)
    return _HEADER.pack(_MAGIC, _HEADER.size, *_VERSION, _UNCOMPRESSED, 0, size) + layout


def _ciphertext_layout(residues: NDArray[Any], parms_id: list[int], *, ntt: bool) -> bytes:
    size, primes, degree = residues.shape
    numbers = _COUNT.pack(residues.size) + np.ascontiguousarray(residues, "<u8").tobytes()
    return _CIPHERTEXT.pack(*parms_id, ntt, size, degree, primes, 1.0, 1) + _with_header(numbers)


def _residues(layout: bytes, shape: tuple[int, int, int]) -> FieldArray:
    count = shape[0] * shape[1] * shape[2]
    return np.frombuffer(layout, "<u8", count, _RESIDUES_AT).reshape(shape).astype(np.uint64)


def ciphertext_residues(ciphertext: Any) -> FieldArray:
    """Residues of a SEAL ciphertext: shape (polynomials, primes, N)."""
    shape = (
        ciphertext.size(),
        ciphertext.coeff_modulus_size(),
        ciphertext.poly_modulus_degree(),
    )
    return _residues(_saved(ciphertext), shape)


def load_ciphertext(
    ciphertext: Any, context: Any, residues: NDArray[Any], parms_id: list[int]
) -> None:
    """Make `ciphertext` hold `residues` (polynomials, primes, N) in coefficient form."""
    _load(ciphertext, context, _ciphertext_layout(residues, parms_id, ntt=False))


def load_constant(plaintext: Any, context: Any, constant: int, primes: tuple[int, ...]) -> None:
    """Make `plaintext` the constant polynomial, in the transformed domain of all data primes.

    `constant` may exceed the plaintext modulus, which SEAL's encoder does not allow.
    """
    degree = context.first_context_data().parms().poly_modulus_degree()
    residues = np.array([[constant % prime] for prime in primes], "<u8").repeat(degree, axis=1)
    numbers = _COUNT.pack(residues.size) + residues.tobytes()
    header = _PLAINTEXT.pack(*context.first_parms_id(), residues.size, 1.0)
    _load(plaintext, context, header + _with_header(numbers))


def public_key_residues(public_key: Any) -> FieldArray:
    """Residues of a SEAL public key, in the transformed domain: shape (2, primes, N)."""
    return ciphertext_residues(public_key.data())


def load_public_key(public_key: Any, context: Any, residues: NDArray[Any]) -> None:
    """Make `public_key` hold `residues` (2, primes, N)."""
    _load(public_key, context, _ciphertext_layout(residues, context.key_parms_id(), ntt=True))


def galois_key_residues(galois_keys: Any, element: int, digits: int) -> FieldArray:
    """Residues of the one key for `element` in a SEAL table: shape (digits, 2, primes, N)."""
    keys = galois_keys.key(element)
    if len(keys) != digits:
        raise RuntimeError("SEAL made a Galois key of another size than its parameters say")
    return np.stack([public_key_residues(key) for key in keys])


def load_galois_key(galois_keys: Any, context: Any, element: int, residues: NDArray[Any]) -> None:
    """Make `galois_keys` a table with the one key for `element`; (digits, 2, primes, N)."""
    parms_id = context.key_parms_id()
    degree = residues.shape[-1]
    index = (element - 1) // 2
    keys = b"".join(
        _with_header(_ciphertext_layout(digit, parms_id, ntt=True)) for digit in residues
    )
    layout = (
        _KEY_TABLE.pack(*parms_id, degree)
        + bytes(_COUNT.size * index)
        + _COUNT.pack(len(residues))
        + keys
        + bytes(_COUNT.size * (degree - 1 - index))
    )
    _load(galois_keys, context, layout)
