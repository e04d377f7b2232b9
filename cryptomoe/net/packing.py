"""Arrays to bytes and back at a fixed width: the size on the wire depends on public counts only.

Entry i occupies bits i*width to (i+1)*width - 1 of one little-endian bit string, padded with zero
bits to a whole byte; bits of the padding are not looked at when unpacking. Values are secret, so
nothing here branches on them; `check_range` reports only that a bound was broken, never by what.
"""

import numpy as np
from numpy.typing import NDArray

from cryptomoe.errors import MalformedMessageError
from cryptomoe.kernel_cache import kernel

Words = NDArray[np.uint64]
Bits = NDArray[np.uint8]

_WORD = 64


def packed_size(count: int, width: int) -> int:
    """Bytes of `count` entries of `width` bits."""
    return (count * width + 7) // 8


def pack_words(values: Words, width: int) -> bytes:
    """Values (n,) of which the low `width` bits (1 to 64) are kept, to packed_size(n, width) bytes.

    Raises:
        ValueError: `values` is not a vector of uint64, or the width is not 1 to 64.
    """
    _check_width(width)
    if values.ndim != 1 or values.dtype != np.uint64:
        raise ValueError("pack_words takes a vector of uint64")
    words = np.zeros((values.size * width + _WORD - 1) // _WORD, np.uint64)
    _pack(np.ascontiguousarray(values), width, words)
    return words.astype("<u8", copy=False).tobytes()[: packed_size(values.size, width)]


def unpack_words(data: bytes, count: int, width: int) -> Words:
    """The `count` entries packed in `data`, as uint64 (count,) below 2^width.

    Raises:
        ValueError: the data have not exactly packed_size(count, width) bytes, or a wrong width.
    """
    _check_width(width)
    _check_size(data, packed_size(count, width))
    # One word more than needed: an entry that ends on a word boundary may look at the next one.
    padded = np.zeros(((count * width + _WORD - 1) // _WORD + 1) * 8, np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    values = np.empty(count, np.uint64)
    _unpack(padded.view("<u8").astype(np.uint64, copy=False), width, values)
    return values


def pack_bits(bits: Bits) -> bytes:
    """A vector of 0 and 1, eight to a byte, the first in the lowest bit."""
    return np.packbits(bits, bitorder="little").tobytes()


def unpack_bits(data: bytes, count: int) -> Bits:
    """The `count` bits packed in `data`, as uint8 (count,).

    Raises:
        ValueError: the data have not exactly packed_size(count, 1) bytes.
    """
    _check_size(data, packed_size(count, 1))
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")


def check_range(label: str, values: Words, limit: int) -> None:
    """Refuse received values that are not all below `limit`.

    The sender's own corruption is all this reveals: an honest sender never breaks the bound.

    Raises:
        MalformedMessageError: naming the message's label and the bound.
    """
    if values.size and int(values.max()) >= limit:
        raise MalformedMessageError(label, f"a value is not below {limit}")


def _check_width(width: int) -> None:
    if not 1 <= width <= _WORD:
        raise ValueError(f"a width of 1 to {_WORD} bits is needed, not {width}")


def _check_size(data: bytes, size: int) -> None:
    if len(data) != size:
        raise ValueError(f"{size} packed bytes are needed, not {len(data)}")


@kernel
def _pack(values: Words, width: int, words: Words) -> None:
    """Shift the entries into whole words; every branch is on positions, which are public."""
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - width)
    gathered = np.uint64(0)
    filled = 0
    position = 0
    for i in range(values.size):
        value = values[i] & mask
        gathered |= value << np.uint64(filled)
        filled += width
        if filled >= 64:
            words[position] = gathered
            position += 1
            filled -= 64
            # A shift by 64 is undefined, so a word that ended exactly is a case of its own.
            gathered = value >> np.uint64(width - filled) if filled else np.uint64(0)
    if filled:
        words[position] = gathered


@kernel
def _unpack(words: Words, width: int, values: Words) -> None:
    """Gather each entry from the word it begins in and the next one."""
    mask = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 - width)
    for i in range(values.size):
        start = i * width
        position = start >> 6
        shift = start & 63
        low = words[position] >> np.uint64(shift)
        # Two shifts, because one by 64 (shift = 0) is undefined.
        high = (words[position + 1] << np.uint64(63 - shift)) << np.uint64(1)
        values[i] = (low | high) & mask
