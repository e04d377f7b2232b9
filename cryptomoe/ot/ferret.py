"""Silent transfers (Yang, Weng, Lan, Zhang, Wang, "Ferret", CCS 2020), semi-honest.

A round turns the correlations kept from the round before into many more: some open the trees of
`correlated_trees`, which give one correlation with bit 1 in each block and bits 0 elsewhere; the
others are the table of `lpn`, which makes all of them look random. The sender sends 16 bytes for
each level of each tree, the receiver nothing: about 0.1 byte a transfer. The first correlations
come from `softspoken`, never from a smaller set of the same kind, which would be the weakest link.

In this source the lowest bit of Delta is 1 and that of every sender's row 0: then the lowest bit of
a receiver's row is its random bit, and both go through the sums together. The other 127 bits of
Delta are random.

Rows are encoded when they are taken, since each depends only on its leaf and the round's table.
"""

from collections.abc import Iterator

import numpy as np

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words
from cryptomoe.ot.correlated_trees import GROUP, TreeSpace, grow, grow_punctured, tree_key
from cryptomoe.ot.lpn import BATCH, LpnParameters, PublicMatrix
from cryptomoe.ot.rows import BitArray, Stock, Supply
from cryptomoe.randomness import Stream

_ONE = np.uint64(1)
_LEAST_ENCODED = 1 << 12


def supply_of(parameters: LpnParameters) -> Supply:
    """What is public about the source: a batch is a round."""
    return Supply(
        batch=parameters.usable,
        batch_bytes=16 * parameters.transfers,
        keeps_rest=True,
        sender_speaks=True,
        message="levels",
    )


class _Rounds:
    """What both ends have in common: the matrix, the reserve, and the outputs of a round."""

    def __init__(self, parameters: LpnParameters, salt: bytes, first_rows: Words) -> None:
        parameters.check()
        self.space = TreeSpace(parameters.depth)
        self._parameters = parameters
        self._salt = salt
        self._matrix = PublicMatrix(salt, parameters)
        self._reserve = first_rows
        self._table = first_rows[:0]
        self._leaves = np.empty((parameters.outputs, 2), np.uint64)
        self._made = 0
        self._left = 0
        self._encoded = Stock(np.zeros((0, 2), np.uint64))

    def trees(self) -> Iterator[tuple[slice, Words, Words, Words]]:
        """Start a round. Its trees in groups: which they are, rows, hash key, room for the leaves.

        Rows (trees, depth, 2), leaves (trees, 2^depth, 2).
        """
        # Whoever starts a round wants more than is left, and the leaves' room is needed.
        self._encoded.add(self._encode(self._left))
        noise, depth = self._parameters.noise, self._parameters.depth
        rows = self._reserve[self._parameters.table :].reshape(noise, depth, 2)
        leaves = self._leaves.reshape(noise, 1 << depth, 2)
        for start in range(0, noise, GROUP):
            group = slice(start, min(start + GROUP, noise))
            key = tree_key(self._salt, self._made, start // GROUP)
            yield group, rows[group], key, leaves[group]

    def finish(self) -> None:
        """The leaves are all there; the first outputs are the next round's reserve."""
        self._table = self._reserve[: self._parameters.table]
        self._made += 1
        self._left = self._parameters.outputs
        self._reserve = self._encode(self._parameters.reserve)

    def take(self, count: int) -> Words:
        """The next outputs (count, 2)."""
        missing = count - self._encoded.size
        if missing > 0:
            self._encoded.add(self._encode(max(_LEAST_ENCODED, missing)))
        return self._encoded.take(count)[0]

    def _encode(self, wanted: int) -> Words:
        """The next `wanted` outputs of the round, up to a multiple of 64, or what is left."""
        count = min(self._left, -(-wanted // BATCH) * BATCH)
        start = self._parameters.outputs - self._left
        self._left -= count
        first = (self._made - 1) * self._parameters.outputs + start
        return self._matrix.encode(self._leaves[start : start + count], first, self._table)


class FerretSender:
    """Makes transfers in which the other party chooses; `first_rows` are of `reserve` transfers."""

    def __init__(
        self,
        parameters: LpnParameters,
        salt: bytes,
        delta: Words,
        roots: Stream,
        first_rows: Words,
    ) -> None:
        if not int(delta[0]) & 1:
            raise ValueError("the lowest bit of Delta must be 1")
        self._parameters = parameters
        self._delta = delta
        self._roots = roots
        self._rounds = _Rounds(parameters, salt, _without_lowest_bits(first_rows))

    def offer(self, batches: int) -> bytes:
        """See `rows`."""
        message = []
        for _ in range(batches):
            for _, rows, key, leaves in self._rounds.trees():
                roots = self._roots.words(2 * len(rows)).reshape(-1, 2)
                sums = grow(self._rounds.space, roots, self._delta, key, leaves)
                message.append((sums ^ rows).astype("<u8", copy=False).tobytes())
            self._rounds.finish()
        return b"".join(message)

    def take(self, count: int) -> Words:
        """See `rows`."""
        return self._rounds.take(count)


class FerretReceiver:
    """Makes transfers in which this party chooses; `first_bits` are the choices of `first_rows`."""

    def __init__(
        self, parameters: LpnParameters, salt: bytes, first_rows: Words, first_bits: BitArray
    ) -> None:
        rows = _without_lowest_bits(first_rows)
        rows[:, 0] |= first_bits
        self._parameters = parameters
        self._rounds = _Rounds(parameters, salt, rows)

    def accept(self, message: bytes, batches: int) -> None:
        """See `rows`."""
        noise, depth = self._parameters.noise, self._parameters.depth
        received = np.frombuffer(message, "<u8").astype(np.uint64, copy=False)
        for sums in received.reshape(batches, noise, depth, 2):
            for group, rows, key, leaves in self._rounds.trees():
                bits = rows[:, :, 0] & _ONE
                grow_punctured(self._rounds.space, sums[group] ^ rows, bits, key, leaves)
            self._rounds.finish()

    def take(self, count: int) -> tuple[Words, BitArray]:
        """See `rows`."""
        rows = self._rounds.take(count)
        bits = np.empty(count, np.uint8)
        _read_lowest_bits(rows, bits)
        return rows, bits


def _without_lowest_bits(rows: Words) -> Words:
    cleared = rows.copy()
    cleared[:, 0] &= ~_ONE
    return cleared


@kernel
def _read_lowest_bits(rows: Words, bits: BitArray) -> None:
    for i in range(bits.size):
        bits[i] = rows[i, 0] & _ONE
