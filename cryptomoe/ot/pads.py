"""The pads of one direction's transfers: correlated rows, hashed so that nothing links them.

The sender holds q_j and Delta, the receiver t_j = q_j xor c_j Delta for its choice c_j. H(q_j) and
H(q_j xor Delta) are the two pads of transfer j, of which the receiver can compute the one it chose
(Ishai, Kilian, Nissim, Petrank, CRYPTO 2003, section 3). Hash keys come from the session's salt and
change every 2^16 hashes. Whatever kind of transfer hashes a row, it takes the next tweaks of one
counter: no two kinds, and no two calls, ever share one under one Delta.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words, expand_key, hash_blocks

SECURITY = 128
REKEY_BITS = 16
_ZERO = np.zeros(2, np.uint64)

BitArray = NDArray[np.uint8]


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
            period = (first + start) >> REKEY_BITS
            stop = min(len(inputs), ((period + 1) << REKEY_BITS) - first)
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


class SenderPads:
    """Both pads of transfers in which the other party chooses."""

    def __init__(self, delta: Words, salt: bytes) -> None:
        self._delta = delta
        self._tweak = 0
        self._hash = PadHash(salt)

    def chosen_rows(self, rows: Words, flips: BitArray) -> Words:
        """Rows of random choices r made into rows of the choices r xor `flips`: (n, 2)."""
        shifted = np.empty_like(rows)
        _shift(np.ascontiguousarray(rows), flips, self._delta, shifted)
        return shifted

    def pads(self, rows: Words, blocks: int) -> tuple[Words, Words]:
        """Both pads of each row, `blocks` blocks of 128 bits each: two (n, 2 * blocks)."""
        repeated = rows if blocks == 1 else np.repeat(rows, blocks, axis=0)
        zero, one = (
            self._hash.pads(repeated, offset, self._tweak) for offset in (_ZERO, self._delta)
        )
        self._tweak += len(repeated)
        shape = (len(rows), 2 * blocks)
        return zero.reshape(shape), one.reshape(shape)


class ReceiverPads:
    """The chosen pads of transfers in which this party chooses."""

    def __init__(self, salt: bytes) -> None:
        self._tweak = 0
        self._hash = PadHash(salt)

    def pads(self, rows: Words, blocks: int) -> Words:
        """The chosen pads, `blocks` blocks of 128 bits for each row: (n, 2 * blocks)."""
        repeated = rows if blocks == 1 else np.repeat(rows, blocks, axis=0)
        hashed = self._hash.pads(repeated, _ZERO, self._tweak)
        self._tweak += len(repeated)
        return hashed.reshape(len(rows), 2 * blocks)


def delta_words(delta: BitArray) -> Words:
    """Delta's 128 bits, lowest first, as two words."""
    return np.packbits(delta, bitorder="little").view("<u8").astype(np.uint64)


@kernel
def _shift(rows: Words, flips: BitArray, delta: Words, shifted: Words) -> None:
    for i in range(flips.size):
        mask = np.uint64(0) - np.uint64(flips[i])
        shifted[i, 0] = rows[i, 0] ^ (delta[0] & mask)
        shifted[i, 1] = rows[i, 1] ^ (delta[1] & mask)
