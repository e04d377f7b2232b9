"""The generators: their exact definition, their ranges, and who may use them."""

import hashlib
import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.field import P
from cryptomoe.randomness import Randomness, Stream, expand_field, stream_key

_SEED = bytes(range(32))
_COUNTER_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")


def test_a_stream_is_counter_mode_from_zero() -> None:
    """Block i is the encryption of i, checked with single blocks."""
    block = Cipher(algorithms.AES128(_COUNTER_KEY), modes.ECB()).encryptor()  # noqa: S305
    expected = b"".join(block.update(i.to_bytes(16, "big")) for i in range(3))
    assert Stream(_COUNTER_KEY).bytes(48) == expected


def test_the_key_of_a_purpose_is_as_specified() -> None:
    digest = hashlib.blake2b(_SEED + b"masks", digest_size=16, person=b"cryptomoe stream")
    assert stream_key(_SEED, "masks") == digest.digest()
    assert Randomness(_SEED).stream("masks").bytes(40) == Stream(digest.digest()).bytes(40)


def test_known_words() -> None:
    """Two parties, and two versions, must expand a seed alike."""
    stream = Randomness(_SEED).stream("vector")
    key = stream_key(_SEED, "vector")
    raw = Cipher(algorithms.AES128(key), modes.CTR(bytes(16))).encryptor().update(bytes(32))
    assert stream.words(4).tolist() == [
        int.from_bytes(raw[8 * i : 8 * i + 8], "little") for i in range(4)
    ]


def test_the_same_purpose_goes_on() -> None:
    randomness = Randomness(_SEED)
    pieces = randomness.stream("a").bytes(5) + randomness.stream("a").bytes(11)
    assert pieces == Randomness(_SEED).stream("a").bytes(16)


def test_purposes_do_not_disturb_each_other() -> None:
    randomness = Randomness(_SEED)
    randomness.stream("b").bytes(100)
    assert randomness.stream("a").bytes(16) == Randomness(_SEED).stream("a").bytes(16)
    assert Randomness(_SEED).stream("b").bytes(16) != Randomness(_SEED).stream("a").bytes(16)


def test_without_a_seed_every_object_differs() -> None:
    assert Randomness().stream("a").bytes(16) != Randomness().stream("a").bytes(16)


@given(modulus=st.integers(1, 1 << 62), count=st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_residues_are_the_words_below_the_modulus_in_order(modulus: int, count: int) -> None:
    """The specification of rejection, one word at a time."""
    words = Randomness(_SEED).stream("r")
    bits = (modulus - 1).bit_length()
    expected: list[int] = []
    while len(expected) < count:
        candidate = int(words.words(1)[0]) >> (64 - bits) if bits else 0
        if candidate < modulus:
            expected.append(candidate)
    assert Randomness(_SEED).stream("r").residues((count,), modulus).tolist() == expected


def test_field_elements_are_residues_modulo_p() -> None:
    drawn = Randomness(_SEED).stream("f").field((20, 5))
    assert drawn.shape == (20, 5)
    assert (drawn == Randomness(_SEED).stream("f").residues((20, 5), P)).all()
    assert int(drawn.max()) < P


def test_rejection_happens() -> None:
    """A modulus just above a power of two rejects almost half; plain masking would show here."""
    drawn = Randomness(_SEED).stream("r").residues((4000,), (1 << 20) + 1)
    assert int(drawn.max()) <= 1 << 20
    upper = np.count_nonzero(drawn >= 1 << 19)
    assert 1800 < upper < 2200


@pytest.mark.parametrize("modulus", [0, -1, (1 << 62) + 1])
def test_other_moduli_are_refused(modulus: int) -> None:
    with pytest.raises(ValueError, match="modulus"):
        Randomness(_SEED).stream("r").residues((1,), modulus)


@pytest.mark.parametrize("bits", [0, 1, 7, 45, 64])
def test_ring_elements_have_their_bits_and_no_more(bits: int) -> None:
    drawn = Randomness(_SEED).stream("r").ring((200, 2), bits)
    assert drawn.shape == (200, 2)
    union = int(np.bitwise_or.reduce(drawn, axis=None))
    assert union == (1 << bits) - 1


def test_bits_are_zero_and_one() -> None:
    bits = Randomness(_SEED).stream("r").bits(1001)
    assert bits.shape == (1001,)
    assert set(bits.tolist()) == {0, 1}
    assert 400 < int(bits.sum()) < 600


def test_a_public_seed_expands_alike() -> None:
    assert (expand_field(b"s" * 16, 9) == expand_field(b"s" * 16, 9)).all()
    assert (expand_field(b"s" * 16, 9)[:5] == expand_field(b"s" * 16, 5)).all()
    assert (expand_field(b"s" * 16, 9) != expand_field(b"t" * 16, 9)).any()


def test_another_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a fork, parent and child would draw the same numbers."""
    randomness = Randomness(_SEED)
    stream = randomness.stream("a")
    process = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    with pytest.raises(RuntimeError, match="process"):
        randomness.stream("a")
    with pytest.raises(RuntimeError, match="process"):
        stream.bytes(1)


@pytest.mark.multiprocess
def test_a_forked_child_cannot_draw() -> None:
    stream = Randomness(_SEED).stream("a")
    child = os.fork()
    if child == 0:
        try:
            stream.words(1)
        except RuntimeError:
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
