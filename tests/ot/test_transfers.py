"""Masks of tables and outcomes: every entry has pad bits of its own."""

import hashlib
from itertools import combinations

import numpy as np
import pytest

from cryptomoe.ot import comparison, transfers
from cryptomoe.ot.comparison import Digits, Level, Products, digits_of
from cryptomoe.ot.pads import SECURITY, ReceiverPads, SenderPads, delta_words
from cryptomoe.ot.transfers import BitArray


def _random(count: int, name: bytes) -> bytes:
    return hashlib.shake_128(name).digest(count)


def _sender() -> SenderPads:
    delta = np.unpackbits(np.frombuffer(_random(SECURITY // 8, b"delta"), np.uint8))
    return SenderPads(delta_words(delta), b"salt")


def _rows(count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return np.frombuffer(_random(16 * count, b"rows"), np.uint64).reshape(count, 2).copy()


@pytest.mark.parametrize(("choice_bits", "width"), [(2, 62), (3, 40), (5, 33)])
def test_no_entries_of_a_table_share_a_mask(choice_bits: int, width: int) -> None:
    """Nor do masks cancel in fours, as they do when each transfer has one pad for all entries."""
    size = 1 << choice_bits
    masks = transfers.mask_table(
        _sender(), _rows(20 * choice_bits), np.zeros((20, size), np.uint64), width
    )
    for row in masks:
        assert len(set(row.tolist())) == size
        for four in combinations(row.tolist(), 4):
            assert four[0] ^ four[1] ^ four[2] ^ four[3]


@pytest.mark.parametrize("width", range(1, 63))
def test_a_lane_of_pad_holds_an_entry(width: int) -> None:
    """And lanes tile whole words, so that no two entries overlap."""
    lane = transfers._lane(width)
    assert lane >= width
    assert 64 % lane == 0
    for choice_bits in range(1, 6):
        assert transfers._table_blocks(choice_bits, width) * 128 >= lane << choice_bits


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_tables_of_outcomes_bit_by_bit(width: int) -> None:
    """Entry v is masked by bit v, and bit N + v, of the pads that the bits of v select."""
    size = 1 << width
    values = np.arange(size, dtype=np.uint8).repeat(4)
    shares = np.tile(np.arange(4, dtype=np.uint8), size)
    rows = _rows(values.size * width)
    masked = comparison.offer_outcomes(_sender(), rows, Digits(values, width), shares)
    pads = np.stack(_sender().pads(rows, 1))[:, :, 0].reshape(2, values.size, width)
    for i, (digit, share) in enumerate(zip(values.tolist(), shares.tolist(), strict=True)):
        expected = 0
        for place in range(2 * size):
            entry = place % size
            outcome = digit < entry if place < size else digit == entry
            bit = int(outcome) ^ (share >> (place // size) & 1)
            for j in range(width):
                bit ^= int(pads[entry >> j & 1, i, j]) >> place & 1
            expected |= bit << place
        assert int(masked[i]) == expected


@pytest.mark.parametrize(
    ("bits", "widths"), [(1, [1]), (4, [4]), (6, [4, 2]), (45, [4, 1]), (62, [4, 2])]
)
def test_digits_make_up_the_integer(bits: int, widths: list[int]) -> None:
    value = np.frombuffer(_random(80, b"value"), np.uint64) >> np.uint64(64 - bits)
    groups = digits_of(value, bits)
    assert [group.width for group in groups] == widths
    rows = np.concatenate([group.values.reshape(-1, value.size) for group in groups])
    total = sum(row.astype(object) << (4 * place) for place, row in enumerate(rows))
    assert (total == value.astype(object)).all()
    assert sum(group.transfers for group in groups) == bits * value.size


def _bits(*values: int) -> BitArray:
    return np.array(values, np.uint8)


def test_products_are_given_out_once() -> None:
    products = Products(_bits(0, 1, 0), _bits(1, 2, 3), _bits(0, 2, 0))
    first, second = products.take(2), products.take(1)
    assert [part.tolist() for part in first] == [[0, 1], [1, 2], [0, 2]]
    assert [part.tolist() for part in second] == [[0], [3], [0]]
    with pytest.raises(RuntimeError, match="products"):
        products.take(1)


def test_what_a_join_opens_is_masked_everywhere() -> None:
    """Over all masks, the three opened bits of any outcomes take each value equally often."""
    for high in range(4):
        for low in range(4):
            seen = set()
            for mask in range(8):
                products = Products(_bits(mask & 1), _bits(mask >> 1), _bits(0))
                level = Level(np.array([[low], [high]], np.uint8), products)
                seen.add(int(level.opened[0]))
            assert seen == set(range(8))


def test_a_pad_of_random_products_is_its_senders_share() -> None:
    """b c = pad_0 xor pad_c, with b the difference of both pads."""
    rows = _rows(64)
    values, own = transfers.offer_random(_sender(), rows, 2)
    zero, one = _sender().pads(rows, 1)
    assert (own == zero[:, 0] % 4).all()
    assert (values == (zero[:, 0] ^ one[:, 0]) % 4).all()
    assert (transfers.accept_random(ReceiverPads(b"salt"), rows, 2) == own).all()
