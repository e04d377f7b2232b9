"""Oblivious transfer extension (Ishai, Kilian, Nissim, Petrank, CRYPTO 2003), semi-honest.

The receiver of n transfers holds 128 pairs of seeds, the sender one of each pair, chosen by its
secret Delta. The receiver expands its seeds into a matrix T of 128 rows of n bits and sends, for
each row, the difference of both expansions and its choices; the sender's rows then differ from T's
by the choices wherever Delta is 1. Transposed: q_j = t_j xor r_j Delta. 16 bytes a transfer; n is
rounded up to a multiple of 128. As a source of rows (see `rows`) the choices are random.
"""

import numpy as np

from cryptomoe.ot.aes import Words, counter_rows, expand_key
from cryptomoe.ot.bit_matrix import HEIGHT, stretches, transpose
from cryptomoe.ot.pads import SECURITY
from cryptomoe.ot.rows import BitArray, Stock, Supply
from cryptomoe.randomness import Stream

BYTES_PER_TRANSFER = SECURITY // 8
SUPPLY = Supply(
    batch=SECURITY,
    batch_bytes=SECURITY * BYTES_PER_TRANSFER,
    keeps_rest=False,
    sender_speaks=False,
    message="columns",
)


def padded_count(count: int) -> int:
    """Transfers that an extension makes for `count` wanted ones."""
    return -(-count // SECURITY) * SECURITY


class IknpReceiver:
    """Makes transfers in which this party chooses."""

    def __init__(self, seeds: list[tuple[bytes, bytes]], choices: Stream) -> None:
        self._keys = tuple(
            np.stack([expand_key(pair[choice]) for pair in seeds]) for choice in (0, 1)
        )
        self._choices = choices
        self._block = 0
        self._stock = Stock(np.zeros((0, 2), np.uint64), np.zeros(0, np.uint8))

    def offer(self, batches: int) -> bytes:
        """See `rows`."""
        bits = self._choices.bits(batches * SUPPLY.batch)
        message, rows = self.extend(bits)
        self._stock.replace(rows, bits)
        return message

    def take(self, count: int) -> tuple[Words, BitArray]:
        """See `rows`."""
        rows, bits = self._stock.take(count)
        return rows, bits

    def extend(self, choices: BitArray) -> tuple[bytes, Words]:
        """The message for `choices` (n,) bits, and t_j (n, 2)."""
        count = padded_count(choices.size)
        bits = np.zeros(count, np.uint8)
        bits[: choices.size] = choices
        packed = np.packbits(bits, bitorder="little").view("<u8").astype(np.uint64)
        rows = np.empty((count, 2), np.uint64)
        message = np.empty(HEIGHT * packed.size, np.uint64)
        for words in stretches(packed.size):
            blocks = (words.stop - words.start) // 2
            first, second = (counter_rows(keys, self._block, blocks) for keys in self._keys)
            self._block += blocks
            second ^= first
            second ^= packed[words]
            message[HEIGHT * words.start : HEIGHT * words.stop] = second.reshape(-1)
            transpose(first, rows[64 * words.start : 64 * words.stop])
        return message.astype("<u8", copy=False).tobytes(), rows[: choices.size]


class IknpSender:
    """Makes transfers in which the other party chooses."""

    def __init__(self, delta: BitArray, seeds: list[bytes]) -> None:
        self._delta_mask = (np.uint64(0) - delta.astype(np.uint64))[:, np.newaxis]
        self._keys = np.stack([expand_key(seed) for seed in seeds])
        self._block = 0
        self._stock = Stock(np.zeros((0, 2), np.uint64))

    def accept(self, message: bytes, batches: int) -> None:
        """See `rows`."""
        self._stock.replace(self.extend(message, batches * SUPPLY.batch))

    def take(self, count: int) -> Words:
        """See `rows`."""
        return self._stock.take(count)[0]

    def extend(self, message: bytes, count: int) -> Words:
        """Take the receiver's message for `count` transfers; q_j (n, 2)."""
        padded = padded_count(count)
        differences = np.frombuffer(message, "<u8").astype(np.uint64, copy=False)
        rows = np.empty((padded, 2), np.uint64)
        for words in stretches(padded // 64):
            blocks = (words.stop - words.start) // 2
            part = differences[HEIGHT * words.start : HEIGHT * words.stop]
            own = counter_rows(self._keys, self._block, blocks)
            self._block += blocks
            own ^= part.reshape(HEIGHT, -1) & self._delta_mask
            transpose(own, rows[64 * words.start : 64 * words.stop])
        return rows[:count]
