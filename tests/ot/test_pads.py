"""Pads: the receiver's are the chosen ones, no two are alike, and hash keys change in time."""

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from extension_pair import SALT, extension_pair, pads_pair, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.ot.aes import Words
from cryptomoe.ot.pads import PadHash

REKEY = 1 << 16


def pad_by_definition(row: list[int], offset: list[int], number: int, salt: bytes) -> list[int]:
    """The pad of one row, from the words of the module's description."""
    period = (number >> 16).to_bytes(8, "little")
    key = hashlib.blake2b(salt + period, digest_size=16, person=b"cryptomoe padkey").digest()
    low, high = row[0] ^ offset[0] ^ number, row[1] ^ offset[1]
    mixed = high.to_bytes(8, "little") + (low ^ high).to_bytes(8, "little")
    cipher = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305 - one block
    result = int.from_bytes(cipher.update(mixed), "little") ^ int.from_bytes(mixed, "little")
    return [result & (1 << 64) - 1, result >> 64]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 400), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_pads_are_the_chosen_ones(count: int, blocks: int, seed: int) -> None:
    receiver, sender, delta = extension_pair(seed)
    choices = np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)
    message, own = receiver.extend(choices)
    receiver_pads, sender_pads = pads_pair(delta)
    pads = sender_pads.pads(sender.extend(message, count), blocks)
    chosen = receiver_pads.pads(own, blocks)
    assert chosen.shape == (count, 2 * blocks)
    assert np.array_equal(chosen, np.where(choices[:, np.newaxis] == 1, pads[1], pads[0]))
    assert not (chosen == np.where(choices[:, np.newaxis] == 1, pads[0], pads[1])).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_rows_of_random_choices_become_rows_of_chosen_ones(count: int, seed: int) -> None:
    receiver, sender, delta = extension_pair(seed)
    rng = np.random.default_rng(seed)
    drawn, wanted = rng.integers(0, 2, (2, count), dtype=np.uint8)
    message, own = receiver.extend(drawn)
    _, sender_pads = pads_pair(delta)
    rows = sender_pads.chosen_rows(sender.extend(message, count), drawn ^ wanted)
    assert np.array_equal(rows, own ^ words_of(delta[np.newaxis]) * wanted[:, np.newaxis])


def test_no_pad_comes_twice() -> None:
    """Positions, blocks of a position, both pads, calls and directions: all different."""
    made: list[Words] = []
    for direction in (b"\x00", b"\x01"):
        receiver, sender, delta = extension_pair(5)
        _, sender_pads = pads_pair(delta, direction + SALT)
        for _ in range(2):
            message, _ = receiver.extend(np.zeros(200, np.uint8))
            rows = sender.extend(message, 200)
            made += [part.reshape(-1, 2) for part in sender_pads.pads(rows, 3)]
    blocks = np.concatenate(made)
    assert len(np.unique(blocks, axis=0)) == len(blocks) == 2 * 2 * 200 * 3 * 2


def test_pads_of_directions_differ_on_equal_rows() -> None:
    """The direction is part of the salt, so even equal rows and tweaks do not meet."""
    rows, offset = np.zeros((50, 2), np.uint64), np.zeros(2, np.uint64)
    first, second = (PadHash(direction + SALT).pads(rows, offset, 0) for direction in (b"0", b"1"))
    assert not (first == second).any()


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 3), (REKEY - 2, 4), (REKEY, 2), (REKEY - 1, 1), (5 * REKEY - 3, 7), ((1 << 40) - 1, 2)],
)
def test_pads_across_a_change_of_keys(first: int, count: int) -> None:
    rows = np.random.default_rng(first).integers(0, 2**64, (count, 2), dtype=np.uint64)
    offset = np.array([17, 1 << 63], np.uint64)
    expected = [
        pad_by_definition(row, offset.tolist(), first + index, SALT)
        for index, row in enumerate(rows.tolist())
    ]
    assert PadHash(SALT).pads(rows, offset, first).tolist() == expected


def test_a_long_call_meets_several_keys() -> None:
    """At most 2^16 hashes under a key, also within one call."""
    count = 2 * REKEY + 10
    rows, offset = np.ones((count, 2), np.uint64), np.zeros(2, np.uint64)
    pads = PadHash(SALT).pads(rows, offset, 3)
    for index in (0, REKEY - 4, REKEY - 3, 2 * REKEY - 4, 2 * REKEY - 3, count - 1):
        assert pads[index].tolist() == pad_by_definition([1, 1], [0, 0], index + 3, SALT)


def test_a_hash_may_go_back_to_an_earlier_key() -> None:
    """The sender hashes the same numbers twice, for both pads."""
    pad_hash = PadHash(SALT)
    rows = np.ones((4, 2), np.uint64)
    zero, delta = np.zeros(2, np.uint64), np.ones(2, np.uint64)
    first = [pad_hash.pads(rows, offset, REKEY - 2) for offset in (zero, delta)]
    again = [PadHash(SALT).pads(rows, offset, REKEY - 2) for offset in (zero, delta)]
    assert np.array_equal(first, again)


def test_no_rows_give_no_pads() -> None:
    nothing = np.zeros((0, 2), np.uint64)
    assert PadHash(SALT).pads(nothing, np.zeros(2, np.uint64), 9).shape == (0, 2)
