"""Comparison of two parties' own integers: outcomes of their digits, joined in a tree.

An outcome is two bits, shared by exclusive or: bit 0 is [x_0 < x_1], bit 1 is [x_0 = x_1]. Digits
of 4 bits (the highest may have fewer) are compared by one transfer of one of sixteen outcomes each;
then neighbours are joined: the higher decides unless it is equal (Couteau, ACNS 2018; Rathee et
al., CCS 2020). A join multiplies the higher's second bit by both bits of the lower, with a random
product of that form prepared from random transfers (Beaver, CRYPTO 1991).

No communication here; `endpoint` exchanges the messages. Nothing branches on a secret.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words
from cryptomoe.ot.pads import ReceiverPads, SenderPads
from cryptomoe.ot.transfers import BitArray, parts
from cryptomoe.party import Party

DIGIT_BITS = 4
OUTCOME_BITS = 2
_ONE = np.uint8(1)
OPENED_BITS = 1 + OUTCOME_BITS
"""Bits that each party sends for a join."""


@dataclass(frozen=True, eq=False)
class Digits:
    """Digits of equal width: `values` (digits * n,), the digit of lowest place first."""

    values: BitArray
    width: int

    @property
    def transfers(self) -> int:
        """Transfers that comparing them takes."""
        return self.values.size * self.width

    @property
    def table_bits(self) -> int:
        """Bits of the table of outcomes sent for each digit."""
        return OUTCOME_BITS << self.width


def digits_of(value: NDArray[np.uint64], bits: int) -> list[Digits]:
    """Integers (n,) below 2^bits, cut up: the digits of 4 bits, then the highest if it is short."""
    groups = []
    whole = bits // DIGIT_BITS
    for width, first, count in ((DIGIT_BITS, 0, whole), (bits % DIGIT_BITS, whole, 1)):
        if width and count:
            places = np.arange(first, first + count, dtype=np.uint64)[:, np.newaxis]
            digits = (value >> (places * np.uint64(DIGIT_BITS))) & np.uint64((1 << width) - 1)
            groups.append(Digits(digits.astype(np.uint8).reshape(-1), width))
    return groups


# --- outcomes of digits ---------------------------------------------------------------------------


def offer_outcomes(
    sender: SenderPads, rows: Words, digits: Digits, shares: BitArray
) -> NDArray[np.uint64]:
    """Sender (x_0): for each digit the table of outcomes xor `shares`, masked.

    With N = 2^width entries, bit v of a table is [digit < v] and bit N + v is [digit = v].
    """
    masked = np.empty(digits.values.size, np.uint64)
    patterns = _patterns(digits.width)
    for part in parts(masked.size, digits.width):
        zero, one = sender.pads(rows[part.start * digits.width : part.stop * digits.width], 1)
        _offer(zero, one, patterns, digits.values[part], shares[part], masked[part])
    return masked


def accept_outcomes(
    receiver: ReceiverPads, rows: Words, digits: Digits, masked: NDArray[np.uint64]
) -> BitArray:
    """Receiver (x_1): its shares of the outcomes of its digits."""
    shares = np.empty(digits.values.size, np.uint8)
    for part in parts(shares.size, digits.width):
        pads = receiver.pads(rows[part.start * digits.width : part.stop * digits.width], 1)
        _accept(pads, digits.values[part], masked[part], shares[part])
    return shares


def _patterns(width: int) -> NDArray[np.uint64]:
    """For each bit of a digit, the positions of a table whose entry has that bit."""
    entries = np.tile(np.arange(1 << width, dtype=np.uint64), OUTCOME_BITS)
    places = np.arange(entries.size, dtype=np.uint64)
    bits = entries >> np.arange(width, dtype=np.uint64)[:, np.newaxis] & np.uint64(1)
    patterns: NDArray[np.uint64] = np.bitwise_or.reduce(bits << places, axis=1)
    return patterns


@kernel
def _offer(
    zero: Words, one: Words, patterns: Words, digits: BitArray, shares: BitArray, masked: Words
) -> None:
    width = patterns.size
    entries = np.uint64(1 << width)
    half = (np.uint64(1) << entries) - np.uint64(1)
    whole = (half << entries) | half
    for i in range(digits.size):
        mask = np.uint64(0)
        for j in range(width):
            first, second = zero[i * width + j, 0], one[i * width + j, 0]
            mask ^= first ^ ((first ^ second) & patterns[j])
        digit = np.uint64(digits[i])
        share = np.uint64(shares[i])
        less = (half << (digit + np.uint64(1))) ^ (np.uint64(0) - (share & np.uint64(1)))
        equal = (np.uint64(1) << digit) ^ (np.uint64(0) - (share >> np.uint64(1)))
        masked[i] = ((less & half) | ((equal & half) << entries)) ^ (mask & whole)


@kernel
def _accept(pads: Words, digits: BitArray, masked: Words, shares: BitArray) -> None:
    width = pads.shape[0] // digits.size
    entries = np.uint64(1 << width)
    for i in range(digits.size):
        opened = masked[i]
        for j in range(width):
            opened ^= pads[i * width + j, 0]
        digit = np.uint64(digits[i])
        less = (opened >> digit) & np.uint64(1)
        equal = (opened >> (digit + entries)) & np.uint64(1)
        shares[i] = less | (equal << np.uint64(1))


# --- joins ----------------------------------------------------------------------------------------


class Products:
    """Shares of random a (a bit), b (two bits) and a b, each used for one join."""

    def __init__(self, a: BitArray, b: BitArray, product: BitArray) -> None:
        self._parts = (a, b, product)
        self._used = 0

    def take(self, count: int) -> tuple[BitArray, BitArray, BitArray]:
        """The next `count` of each.

        Raises:
            RuntimeError: fewer are left; none is ever given out twice.
        """
        start, self._used = self._used, self._used + count
        if self._used > self._parts[0].size:
            raise RuntimeError("fewer products were prepared than joins are made")
        a, b, product = (part[start : self._used] for part in self._parts)
        return a, b, product


class Level:
    """One level of the tree on shares of outcomes (places, n), the lowest place first."""

    def __init__(self, outcomes: BitArray, products: Products) -> None:
        paired = len(outcomes) // 2 * 2
        self._low, self._high = outcomes[0:paired:2], outcomes[1:paired:2]
        self._rest = outcomes[paired:]
        self._shape = self._high.shape
        self._a, self._b, self._product = (
            part.reshape(self._shape) for part in products.take(self._high.size)
        )
        masked_equal = (self._high >> _ONE) ^ self._a
        self.opened: BitArray = (masked_equal | ((self._low ^ self._b) << _ONE)).reshape(-1)
        """What this party sends: three bits for each join."""

    def joined(self, received: BitArray, party: Party) -> BitArray:
        """The outcomes above, from the peer's half of the openings."""
        opened = (self.opened ^ received).reshape(self._shape)
        equal, low = _spread(opened & _ONE), opened >> _ONE
        product = self._product ^ (equal & self._b) ^ (low & _spread(self._a))
        if party is Party.CLIENT:
            product ^= equal & low
        # The product has both [equal] * [lower less] and [equal] * [lower equal].
        return np.concatenate([(self._high & _ONE) ^ product, self._rest])


def prepared_products(a: BitArray, b: BitArray, offered: BitArray, accepted: BitArray) -> Products:
    """Own shares a and b, and the shares of b a' and b' a for the peer's a', b'."""
    return Products(a, b, (b & _spread(a)) ^ offered ^ accepted)


def _spread(bit: BitArray) -> BitArray:
    """A bit in both places of an outcome."""
    return bit | (bit << _ONE)
