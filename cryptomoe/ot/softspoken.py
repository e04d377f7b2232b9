"""Oblivious transfer extension at 3.9 bytes a transfer (Roy, CRYPTO 2022), semi-honest, k = 4.

128 base transfers become 32 trees of 16 seeds, of which the receiver knows all and the sender all
but number Delta_i, a digit of 4 bits of its secret Delta (`small_trees`). Expanded to streams F_x,

    u_i = sum of F_x,  v_i = sum of x F_x,  w_i = sum of (x - Delta_i) F_x = v_i - Delta_i u_i

in GF(2)^4 (Roy, section 3): the sender computes w_i, whose only unknown term has the factor 0. The
receiver takes u_0 for its random choices r and sends u_i xor u_0 for the other 31 trees, which
brings them all to the same r; IKNP is the same with digits of one bit and 127 differences. Side by
side and transposed these are rows q_j = t_j xor r_j Delta. 512 bits of AES a transfer at the
receiver, 480 at the sender.
"""

import numpy as np

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words, counter_rows, expand_key
from cryptomoe.ot.bit_matrix import HEIGHT, stretches, transpose
from cryptomoe.ot.rows import BitArray, Stock, Supply
from cryptomoe.ot.small_trees import DEPTH, LEAVES, TREES, Nodes

_BATCH = 128
SUPPLY = Supply(
    batch=_BATCH,
    batch_bytes=(TREES - 1) * _BATCH // 8,
    keeps_rest=False,
    sender_speaks=False,
    message="columns",
)


class SoftSpokenReceiver:
    """Makes transfers in which this party chooses, from all leaves (32, 16, 2)."""

    def __init__(self, leaves: Nodes) -> None:
        self._keys = _stream_keys(leaves)
        self._block = 0
        self._stock = Stock(np.zeros((0, 2), np.uint64), np.zeros(0, np.uint8))

    def offer(self, batches: int) -> bytes:
        """See `rows`."""
        count = batches * _BATCH
        rows, bits = np.empty((count, 2), np.uint64), np.empty(count, np.uint8)
        message = np.empty((TREES - 1) * (count // 64), np.uint64)
        for words in stretches(count // 64):
            totals, columns = _expand(self._keys, self._block, words.stop - words.start)
            self._block += (words.stop - words.start) // 2
            differences = totals[1:] ^ totals[0]
            message[(TREES - 1) * words.start : (TREES - 1) * words.stop] = differences.reshape(-1)
            chosen = totals[0].astype("<u8").view(np.uint8)
            places = slice(64 * words.start, 64 * words.stop)
            bits[places] = np.unpackbits(chosen, bitorder="little")
            transpose(columns, rows[places])
        self._stock.replace(rows, bits)
        return message.astype("<u8", copy=False).tobytes()

    def take(self, count: int) -> tuple[Words, BitArray]:
        """See `rows`."""
        rows, bits = self._stock.take(count)
        return rows, bits


class SoftSpokenSender:
    """Makes transfers in which the other party chooses; leaf x at place x xor Delta_i."""

    def __init__(self, delta: BitArray, leaves: Nodes) -> None:
        self._delta_mask = (np.uint64(0) - delta.astype(np.uint64)).reshape(TREES, DEPTH, 1)
        self._keys = _stream_keys(leaves)
        self._block = 0
        self._stock = Stock(np.zeros((0, 2), np.uint64))

    def accept(self, message: bytes, batches: int) -> None:
        """See `rows`."""
        count = batches * _BATCH
        received = np.frombuffer(message, "<u8").astype(np.uint64, copy=False)
        rows = np.empty((count, 2), np.uint64)
        for words in stretches(count // 64):
            _, columns = _expand(self._keys, self._block, words.stop - words.start)
            self._block += (words.stop - words.start) // 2
            part = received[(TREES - 1) * words.start : (TREES - 1) * words.stop]
            differences = part.reshape(TREES - 1, 1, -1)
            columns.reshape(TREES, DEPTH, -1)[1:] ^= differences & self._delta_mask[1:]
            transpose(columns, rows[64 * words.start : 64 * words.stop])
        self._stock.replace(rows)

    def take(self, count: int) -> Words:
        """See `rows`."""
        return self._stock.take(count)[0]


def _stream_keys(leaves: Nodes) -> Words:
    return np.stack([expand_key(leaf.tobytes()) for leaf in leaves.astype("<u8").reshape(-1, 2)])


def _expand(keys: Words, block: int, words: int) -> tuple[Words, Words]:
    """The sums u (32, words) and v or w (128, words) of `words` words of all streams.

    The sender's stream at place 0 comes from no key of anybody's: it is in no sum of v or w.
    """
    streams = counter_rows(keys, block, words // 2).reshape(TREES, LEAVES, words)
    totals, columns = np.empty((TREES, words), np.uint64), np.empty((HEIGHT, words), np.uint64)
    _fold(streams, totals, columns)
    return totals, columns


@kernel
def _fold(streams: Words, totals: Words, columns: Words) -> None:
    """Bit d of the place weighs into column d of a tree; `streams` is used up."""
    trees, leaves, words = streams.shape
    for tree in range(trees):
        part = streams[tree]
        depth = columns.shape[0] // trees
        # From the highest bit down: its column sums the upper half, then both halves are added.
        half, level = leaves >> 1, depth - 1
        while half:
            column = columns[tree * depth + level]
            for i in range(words):
                column[i] = np.uint64(0)
            for place in range(half):
                for i in range(words):
                    column[i] ^= part[half + place, i]
                    part[place, i] ^= part[half + place, i]
            half >>= 1
            level -= 1
        for i in range(words):
            totals[tree, i] = part[0, i]
