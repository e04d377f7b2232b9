"""Oblivious transfer extension (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003), semi-honest.

The receiver of n transfers holds 128 pairs of seeds, the sender one of each pair, chosen by its
secret Delta. The receiver expands its seeds into a matrix T of 128 rows of n bits and sends, for
each row, the difference of both expansions and its choices; the sender's rows then differ from T's
by the choices wherever Delta is 1. Transposed: q_j = t_j xor r_j Delta. Hashing breaks the
correlation: H(q_j) and H(q_j xor Delta) are the two pads of transfer j, of which the receiver can
compute the one it chose. 16 bytes a transfer; n is rounded up to a multiple of 128.

Hash keys come from the session's salt and change every 2^16 hashes; tweaks never repeat under one
Delta.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words, counter_rows, expand_key, hash_blocks

SECURITY = 128
BYTES_PER_TRANSFER = SECURITY // 8
_REKEY_BITS = 16
_STRETCH_WORDS = 128
_TILE = 32
_ZERO = np.zeros(2, np.uint64)

BitArray = NDArray[np.uint8]


def padded_count(count: int) -> int:
    """Transfers that an extension makes for `count` wanted ones."""
    return -(-count // SECURITY) * SECURITY


class PadHash:
    """The hash of one direction: keys from the salt, tweaks that only grow."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._keys: tuple[int, Words] = (-1, _ZERO)

    def pads(self, inputs: Words, offset: Words, first: int) -> Words:
        """H(input xor offset, first + row) for every row: (n, 2) words."""
        parts = []
        start = 0
        while start < len(inputs):
            period = (first + start) >> _REKEY_BITS
            stop = min(len(inputs), ((period + 1) << _REKEY_BITS) - first)
            keys = self._keys_of(period)
            parts.append(hash_blocks(inputs[start:stop], offset, first + start, keys))
            start = stop
        return parts[0] if len(parts) == 1 else np.concatenate([inputs[:0], *parts])

    def _keys_of(self, period: int) -> Words:
        if self._keys[0] != period:
            digest = hashlib.blake2b(self._salt, digest_size=16, person=b"cryptomoe padkey")
            digest.update(period.to_bytes(8, "little"))
            self._keys = (period, expand_key(digest.digest()))
        return self._keys[1]


class ExtensionReceiver:
    """Makes transfers in which this party chooses."""

    def __init__(self, seeds: list[tuple[bytes, bytes]], salt: bytes) -> None:
        self._keys = tuple(
            np.stack([expand_key(pair[choice]) for pair in seeds]) for choice in (0, 1)
        )
        self._block = 0
        self._tweak = 0
        self._hash = PadHash(salt)

    def extend(self, choices: BitArray) -> tuple[bytes, Words]:
        """The message for `choices` (n,) bits, and t_j (n, 2)."""
        count = padded_count(choices.size)
        bits = np.zeros(count, np.uint8)
        bits[: choices.size] = choices
        packed = np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)
        rows = np.empty((count, 2), np.uint64)
        message = np.empty(SECURITY * packed.size, np.uint64)
        for words in _stretches(packed.size):
            blocks = (words.stop - words.start) // 2
            first, second = (counter_rows(keys, self._block, blocks) for keys in self._keys)
            self._block += blocks
            second ^= first
            second ^= packed[words]
            message[SECURITY * words.start : SECURITY * words.stop] = second.reshape(-1)
            _transpose(first, rows[64 * words.start : 64 * words.stop])
        return message.astype("<u8", copy=False).tobytes(), rows[: choices.size]

    def pads(self, rows: Words, blocks: int) -> Words:
        """The chosen pads, `blocks` blocks of 128 bits for each row: (n, 2 * blocks)."""
        repeated = rows if blocks == 1 else np.repeat(rows, blocks, axis=0)
        hashed = self._hash.pads(repeated, _ZERO, self._tweak)
        self._tweak += len(repeated)
        return hashed.reshape(len(rows), 2 * blocks)


class ExtensionSender:
    """Makes transfers in which the other party chooses."""

    def __init__(self, delta: BitArray, seeds: list[bytes], salt: bytes) -> None:
        self._delta_mask = (np.uint64(0) - delta.astype(np.uint64))[:, np.newaxis]
        self._delta = np.packbits(delta, bitorder="little").view("<u8").astype(np.uint64)
        self._keys = np.stack([expand_key(seed) for seed in seeds])
        self._block = 0
        self._tweak = 0
        self._hash = PadHash(salt)

    def extend(self, message: bytes, count: int) -> Words:
        """Take the receiver's message for `count` transfers; q_j (n, 2)."""
        padded = padded_count(count)
        differences = np.frombuffer(message, "<u8").astype(np.uint64, copy=False)
        rows = np.empty((padded, 2), np.uint64)
        for words in _stretches(padded // 64):
            blocks = (words.stop - words.start) // 2
            part = differences[SECURITY * words.start : SECURITY * words.stop]
            own = counter_rows(self._keys, self._block, blocks)
            self._block += blocks
            own ^= part.reshape(SECURITY, -1) & self._delta_mask
            _transpose(own, rows[64 * words.start : 64 * words.stop])
        return rows[:count]

    def pads(self, rows: Words, blocks: int) -> tuple[Words, Words]:
        """Both pads of each row, `blocks` blocks of 128 bits each: two (n, 2 * blocks)."""
        repeated = rows if blocks == 1 else np.repeat(rows, blocks, axis=0)
        zero, one = (
            self._hash.pads(repeated, offset, self._tweak) for offset in (_ZERO, self._delta)
        )
        self._tweak += len(repeated)
        shape = (len(rows), 2 * blocks)
        return zero.reshape(shape), one.reshape(shape)


def _stretches(words: int) -> Iterator[slice]:
    """A matrix of `words` columns of 64 transfers, in parts that stay in a core's cache."""
    for start in range(0, words, _STRETCH_WORDS):
        yield slice(start, min(words, start + _STRETCH_WORDS))


@kernel
def _transpose(rows: Words, columns: Words) -> None:
    """A bit matrix (128, n) as words (128, n / 64) to its transpose (n, 128) as words (n, 2)."""
    tile = np.zeros((SECURITY, _TILE), np.uint64)
    for start in range(0, rows.shape[1], _TILE):
        used = min(_TILE, rows.shape[1] - start)
        for i in range(SECURITY):
            for j in range(used):
                tile[i, j] = rows[i, start + j]
        width, mask = 32, np.uint64(0x00000000FFFFFFFF)
        while width:
            _swap_halves(tile, width, mask)
            width >>= 1
            mask ^= mask << np.uint64(width)
        for j in range(used):
            for i in range(64):
                columns[64 * (start + j) + i, 0] = tile[i, j]
                columns[64 * (start + j) + i, 1] = tile[64 + i, j]


@kernel
def _swap_halves(tile: Words, width: int, mask: np.uint64) -> None:
    """Swap the off-diagonal quarters of squares of 2 * `width` bits, in every column of words."""
    shift = np.uint64(width)
    for top in range(0, SECURITY, 2 * width):
        for i in range(top, top + width):
            for j in range(_TILE):
                low, high = tile[i, j], tile[i + width, j]
                swapped = ((low >> shift) ^ high) & mask
                tile[i, j] = low ^ (swapped << shift)
                tile[i + width, j] = high ^ swapped
