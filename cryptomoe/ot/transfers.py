"""Rows of an extension turned into what protocols ask for: correlations and chosen messages.

No communication here; `endpoint` exchanges the messages. Both sides go through the rows in the same
order and in the same parts, which stay in a core's cache. Every bit of a pad is used at most once,
and nothing branches on a bit or reads memory at a secret place.

The sender of a correlated transfer holds v, the receiver a bit c; they get additive shares of v c:
the sender minus its first pad, the receiver its pad, corrected by pad_0 + v - pad_1 where its bit
is 1. A chosen message of 2^d is a table masked by d transfers (Naor and Pinkas, STOC 1999): entry v
by one pad of each, the one that bit i of v selects in transfer i.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cryptomoe import field as fp
from cryptomoe.field import P
from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words
from cryptomoe.ot.pads import ReceiverPads, SenderPads

BitArray = NDArray[np.uint8]

_PADS_AT_ONCE = 1 << 13
_BLOCK_BITS = 128
_P = np.uint64(P)
_ONE = np.uint64(1)


def parts(count: int, pads_each: int = 1) -> Iterator[slice]:
    """`count` entries with `pads_each` pads, in parts that stay in a cache."""
    step = max(1, _PADS_AT_ONCE // pads_each)
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


# --- correlations ---------------------------------------------------------------------------------


def offer_correlation(
    sender: SenderPads, rows: Words, values: Words, modulus: int
) -> tuple[Words, Words]:
    """Sender: its shares, and the corrections to send, for `values` (n,) below `modulus`."""
    own, corrections = np.empty_like(values), np.empty_like(values)
    combine = _offer_in_field if modulus == P else _offer_in_ring
    for part in parts(values.size):
        zero, one = sender.pads(rows[part], 1)
        mask = np.uint64(modulus - 1)
        combine(zero, one, values[part], mask, own[part], corrections[part])
    return own, corrections


def accept_correlation(
    receiver: ReceiverPads, rows: Words, bits: BitArray, corrections: Words, modulus: int
) -> Words:
    """Receiver: its shares, from its choices (n,) and the corrections, below `modulus`."""
    own = np.empty_like(corrections)
    combine = _accept_in_field if modulus == P else _accept_in_ring
    for part in parts(bits.size):
        pads = receiver.pads(rows[part], 1)
        combine(pads, bits[part], corrections[part], np.uint64(modulus - 1), own[part])
    return own


@kernel
def _reduced(low: np.uint64, high: np.uint64) -> np.uint64:
    """(high * 2^64 + low) mod p; a residue below p < 2^45 has room for 16 more bits."""
    result = high % _P
    for _ in range(4):
        result = (result << np.uint64(16)) % _P
    return (result + low % _P) % _P


@kernel
def _offer_in_field(
    zero: Words, one: Words, values: Words, _mask: np.uint64, own: Words, corrections: Words
) -> None:
    for i in range(values.size):
        first = _reduced(zero[i, 0], zero[i, 1])
        second = _reduced(one[i, 0], one[i, 1])
        own[i] = (_P - first) % _P
        corrections[i] = (first + values[i] + (_P - second)) % _P


@kernel
def _offer_in_ring(
    zero: Words, one: Words, values: Words, mask: np.uint64, own: Words, corrections: Words
) -> None:
    for i in range(values.size):
        own[i] = (np.uint64(0) - zero[i, 0]) & mask
        corrections[i] = (zero[i, 0] + values[i] - one[i, 0]) & mask


@kernel
def _accept_in_field(
    pads: Words, bits: BitArray, corrections: Words, _mask: np.uint64, own: Words
) -> None:
    for i in range(bits.size):
        pad = _reduced(pads[i, 0], pads[i, 1])
        own[i] = (pad + corrections[i] * np.uint64(bits[i])) % _P


@kernel
def _accept_in_ring(
    pads: Words, bits: BitArray, corrections: Words, mask: np.uint64, own: Words
) -> None:
    for i in range(bits.size):
        own[i] = (pads[i, 0] + corrections[i] * np.uint64(bits[i])) & mask


def add_modulo(x: Words, y: Words, modulus: int) -> Words:
    """x + y modulo p or a power of two."""
    return fp.add(x, y) if modulus == P else (x + y) & np.uint64(modulus - 1)


# --- random products ------------------------------------------------------------------------------


def offer_random(sender: SenderPads, rows: Words, width: int) -> tuple[BitArray, BitArray]:
    """Sender: random values b (n,) of `width` <= 8 bits, and its shares (xor) of b c."""
    own, values = np.empty(len(rows), np.uint8), np.empty(len(rows), np.uint8)
    mask = np.uint64((1 << width) - 1)
    for part in parts(len(rows)):
        zero, one = sender.pads(rows[part], 1)
        own[part] = zero[:, 0] & mask
        values[part] = (zero[:, 0] ^ one[:, 0]) & mask
    return values, own


def accept_random(receiver: ReceiverPads, rows: Words, width: int) -> BitArray:
    """Receiver: its shares (xor) of b c, c being its choices."""
    own = np.empty(len(rows), np.uint8)
    for part in parts(len(rows)):
        own[part] = receiver.pads(rows[part], 1)[:, 0] & np.uint64((1 << width) - 1)
    return own


# --- one of many ----------------------------------------------------------------------------------


def choice_digits(choices: BitArray, choice_bits: int) -> BitArray:
    """The bits of each choice, lowest first, flat: (n * choice_bits,)."""
    shifts = np.arange(choice_bits, dtype=np.uint8)
    return ((choices[:, np.newaxis] >> shifts) & np.uint8(1)).reshape(-1)


def _lane(width: int) -> int:
    """Bits of pad set aside for an entry of `width` bits."""
    return max(8, 1 << (width - 1).bit_length())


def _table_blocks(choice_bits: int, width: int) -> int:
    """Blocks of pad for each transfer of a table: bits of their own for every entry.

    With the same bits for all entries, the exclusive or of four masks would be zero.
    """
    return max(1, (_lane(width) << choice_bits) // _BLOCK_BITS)


def mask_table(sender: SenderPads, rows: Words, messages: Words, width: int) -> Words:
    """Sender: `messages` (n, 2^d) below 2^width, masked; `rows` (n * d, 2), d for each table."""
    choice_bits = messages.shape[1].bit_length() - 1
    blocks = _table_blocks(choice_bits, width)
    masked = np.empty_like(messages)
    for part in parts(len(messages), choice_bits * blocks):
        transfers = slice(part.start * choice_bits, part.stop * choice_bits)
        zero, one = sender.pads(rows[transfers], blocks)
        _mask(zero, one, messages[part], _lane(width), masked[part])
    return masked & np.uint64((1 << width) - 1)


def unmask_table(
    receiver: ReceiverPads, rows: Words, choices: BitArray, masked: Words, width: int
) -> Words:
    """Receiver: the chosen entries (n,) of `masked` (n, 2^d)."""
    choice_bits = masked.shape[1].bit_length() - 1
    blocks = _table_blocks(choice_bits, width)
    chosen = np.empty(len(masked), np.uint64)
    for part in parts(len(masked), choice_bits * blocks):
        transfers = slice(part.start * choice_bits, part.stop * choice_bits)
        pads = receiver.pads(rows[transfers], blocks)
        _unmask(pads, choices[part], masked[part], _lane(width), chosen[part])
    return chosen & np.uint64((1 << width) - 1)


@kernel
def _mask(zero: Words, one: Words, messages: Words, lane: int, masked: Words) -> None:
    transfers = zero.shape[0] // messages.shape[0]
    for i in range(messages.shape[0]):
        for entry in range(messages.shape[1]):
            word, shift = entry * lane >> 6, np.uint64(entry * lane & 63)
            value = messages[i, entry]
            for j in range(transfers):
                pads = one if entry >> j & 1 else zero
                value ^= pads[i * transfers + j, word] >> shift
            masked[i, entry] = value


@kernel
def _unmask(pads: Words, choices: BitArray, masked: Words, lane: int, chosen: Words) -> None:
    transfers = pads.shape[0] // choices.size
    for i in range(choices.size):
        result = np.uint64(0)
        for entry in range(masked.shape[1]):
            word, shift = entry * lane >> 6, np.uint64(entry * lane & 63)
            value = masked[i, entry]
            for j in range(transfers):
                value ^= pads[i * transfers + j, word] >> shift
            # All ones where the entry is the chosen one: x - 1 borrows only from x = 0.
            differs = np.uint64(choices[i]) ^ np.uint64(entry)
            result |= value & (np.uint64(0) - ((differs - _ONE) >> np.uint64(63)))
        chosen[i] = result
