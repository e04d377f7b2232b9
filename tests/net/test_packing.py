"""Fixed-width packing against a slow reading of its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.errors import MalformedMessageError
from cryptomoe.net.packing import (
    check_range,
    pack_bits,
    pack_words,
    packed_size,
    unpack_bits,
    unpack_words,
)

WIDTHS = st.integers(1, 64)
WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=40)


@settings(max_examples=60, deadline=None)
@given(WORDS, WIDTHS)
def test_packing_is_one_little_endian_bit_string(words: list[int], width: int) -> None:
    number = sum((word % 2**width) << (i * width) for i, word in enumerate(words))
    expected = number.to_bytes(packed_size(len(words), width), "little")
    assert expected == pack_words(np.array(words, np.uint64), width)


@settings(max_examples=60, deadline=None)
@given(WORDS, WIDTHS)
def test_unpacking_gives_the_low_bits_back(words: list[int], width: int) -> None:
    packed = pack_words(np.array(words, np.uint64), width)
    expected = np.array([word % 2**width for word in words], np.uint64)
    assert np.array_equal(expected, unpack_words(packed, len(words), width))


def test_a_strided_vector_is_packed_by_its_values() -> None:
    values = np.arange(20, dtype=np.uint64)
    assert pack_words(values[::2].copy(), 7) == pack_words(values[::2], 7)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 1), max_size=50))
def test_bits_pack_like_words_of_width_one(bits: list[int]) -> None:
    packed = pack_bits(np.array(bits, np.uint8))
    assert packed == pack_words(np.array(bits, np.uint64), 1)
    assert np.array_equal(np.array(bits, np.uint8), unpack_bits(packed, len(bits)))


@pytest.mark.parametrize("size", [8, 10])
def test_a_wrong_number_of_packed_bytes_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="9 packed bytes"):
        unpack_words(bytes(size), 10, 7)
    with pytest.raises(ValueError, match="9 packed bytes"):
        unpack_bits(bytes(size), 70)


@pytest.mark.parametrize("width", [0, 65])
def test_a_width_outside_a_word_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        pack_words(np.zeros(1, np.uint64), width)
    with pytest.raises(ValueError, match="1 to 64"):
        unpack_words(b"", 0, width)


def test_only_vectors_of_uint64_are_packed() -> None:
    with pytest.raises(ValueError, match="vector of uint64"):
        pack_words(np.zeros((2, 2), np.uint64), 8)
    with pytest.raises(ValueError, match="vector of uint64"):
        pack_words(np.zeros(2, np.int64), 8)


def test_a_value_out_of_range_names_the_label_and_not_the_value() -> None:
    check_range("ot/pads", np.array([0, 16], np.uint64), 17)
    check_range("ot/pads", np.zeros(0, np.uint64), 17)
    with pytest.raises(MalformedMessageError) as caught:
        check_range("ot/pads", np.array([3, 987654], np.uint64), 17)
    assert caught.value.label == "ot/pads"
    assert "987654" not in str(caught.value)
