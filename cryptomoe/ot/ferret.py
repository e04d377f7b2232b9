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
from dataclasses import dataclass

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
        sender_speaks=True,
        message="levels",
    )


@dataclass
class _Round:
    """One round: its number, its leaves (n, 2), its table, and how many leaves are encoded."""

    number: int
    leaves: Words
    table: Words
    encoded: int = 0

    @property
    def left(self) -> int:
        """Leaves not encoded yet."""
        return len(self.leaves) - self.encoded


class _Rounds:
    """What both ends have in common: the matrix, the reserve, and the outputs not taken yet."""

    def __init__(self, parameters: LpnParameters, salt: bytes, first_rows: Words) -> None:
        parameters.check()
        self.space = TreeSpace(parameters.depth)
        self._parameters = parameters
        self._salt = salt
        self._matrix = PublicMatrix(salt, parameters)
        self._reserve = first_rows
        self._number = 0
        self._rounds: list[_Round] = []
        self._encoded = Stock(np.zeros((0, 2), np.uint64))

    @property
    def available(self) -> int:
        """Outputs not taken yet."""
        return self._encoded.size + sum(part.left for part in self._rounds)

    def trees(self) -> Iterator[tuple[slice, Words, Words]]:
        """The next round's trees in groups: which, their rows (trees, depth, 2), their hash key."""
        noise, depth = self._parameters.noise, self._parameters.depth
        rows = self._reserve[self._parameters.table :].reshape(noise, depth, 2)
        for start in range(0, noise, GROUP):
            group = slice(start, min(start + GROUP, noise))
            yield group, rows[group], tree_key(self._salt, self._number, start // GROUP)

    def leaves(self) -> Words:
        """Room for the leaves of a round."""
        return np.empty((self._parameters.noise, 1 << self._parameters.depth, 2), np.uint64)

    def finish(self, leaves: Words) -> None:
        """Make a round's outputs of its leaves: first the next round's reserve."""
        table = self._reserve[: self._parameters.table]
        made = _Round(self._number, leaves.reshape(-1, 2), table)
        self._reserve = self._encode(made, self._parameters.reserve)
        self._number += 1
        self._rounds.append(made)

    def take(self, count: int) -> Words:
        """The next outputs (count, 2)."""
        while self._encoded.size < count and self._rounds:
            first = self._rounds[0]
            wanted = max(_LEAST_ENCODED, count - self._encoded.size)
            self._encoded.add(self._encode(first, wanted))
            if not first.left:
                del self._rounds[0]
        return self._encoded.take(count)[0]

    def _encode(self, made: _Round, wanted: int) -> Words:
        """The next `wanted` outputs of a round, up to a multiple of 64, or what is left."""
        start = made.encoded
        made.encoded = min(len(made.leaves), start + -(-wanted // BATCH) * BATCH)
        row = made.number * len(made.leaves) + start
        return self._matrix.encode(made.leaves[start : made.encoded], row, made.table)


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

    @property
    def available(self) -> int:
        """See `rows`."""
        return self._rounds.available

    def offer(self, batches: int) -> bytes:
        """See `rows`."""
        message = []
        for _ in range(batches):
            leaves = self._rounds.leaves()
            for group, rows, key in self._rounds.trees():
                roots = self._roots.words(2 * len(rows)).reshape(-1, 2)
                sums = grow(self._rounds.space, roots, self._delta, key, leaves[group])
                message.append((sums ^ rows).astype("<u8", copy=False).tobytes())
            self._rounds.finish(leaves)
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

    @property
    def available(self) -> int:
        """See `rows`."""
        return self._rounds.available

    def accept(self, message: bytes, batches: int) -> None:
        """See `rows`."""
        noise, depth = self._parameters.noise, self._parameters.depth
        received = np.frombuffer(message, "<u8").astype(np.uint64, copy=False)
        for sums in received.reshape(batches, noise, depth, 2):
            leaves = self._rounds.leaves()
            for group, rows, key in self._rounds.trees():
                bits = rows[:, :, 0] & _ONE
                grow_punctured(self._rounds.space, sums[group] ^ rows, bits, key, leaves[group])
            self._rounds.finish(leaves)

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
