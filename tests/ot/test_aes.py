"""AES against FIPS 197, and every implementation of it against the others."""

from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot import aes
from cryptomoe.ot.aes import Words

APPENDIX_A = """
2b7e1516 28aed2a6 abf71588 09cf4f3c  a0fafe17 88542cb1 23a33939 2a6c7605
f2c295f2 7a96b943 5935807a 7359f67f  3d80477d 4716fe3e 1e237e44 6d7a883b
ef44a541 a8525b7f b671253b db0bad00  d4d1c6f8 7c839d87 caf2b8bc 11f915bc
6d88a37a 110b3efd dbf98641 ca0093fd  4e54f70e 5f5fc9f3 84a64fb2 4ea6dc4f
ead27321 b58dbad2 312bf560 7f8d292f  ac7766f3 19fadc21 28d12941 575c006e
d014f9a8 c9ee2589 e13f0cc8 b6630ca6
"""
"""The key schedule of FIPS 197, appendix A.1."""

VECTORS = [
    # FIPS 197: appendix B, and appendix C.1.
    (
        "2b7e151628aed2a6abf7158809cf4f3c",
        "3243f6a8885a308d313198a2e0370734",
        "3925841d02dc09fbdc118597196a0b32",
    ),
    (
        "000102030405060708090a0b0c0d0e0f",
        "00112233445566778899aabbccddeeff",
        "69c4e0d86a7b0430d8cdb78070b4c55a",
    ),
]

needs_instructions = pytest.mark.skipif(not aes.HAS_AES, reason="no AES instructions here")
paths = pytest.mark.parametrize(
    "path", ["portable", pytest.param("kernel", marks=needs_instructions)]
)
Hash = Callable[[Words, Words, int, Words], Words]
CounterRows = Callable[[Words, int, int], Words]


def hash_of(path: str) -> Hash:
    return aes.portable_hash_blocks if path == "portable" else aes._kernel_hash_blocks


def counter_rows_of(path: str) -> CounterRows:
    return aes.portable_counter_rows if path == "portable" else aes._kernel_counter_rows


def blocks_of(data: bytes) -> Words:
    """Bytes as blocks (n, 2)."""
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, 2)


def bytes_of(blocks: Words) -> bytes:
    return blocks.astype("<u8").tobytes()


def encrypted(key: bytes, plain: bytes) -> bytes:
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update(plain)  # noqa: S305


def hashed_by_definition(inputs: Words, offset: Words, tweak: int, key: bytes) -> list[list[int]]:
    """AES(s) xor s with s = sigma(input xor offset xor number), by Python integers."""
    rows = []
    for number, block in enumerate(inputs.tolist(), tweak):
        low, high = block[0] ^ int(offset[0]) ^ number, block[1] ^ int(offset[1])
        mixed = high | (low ^ high) << 64
        result = int.from_bytes(encrypted(key, mixed.to_bytes(16, "little")), "little") ^ mixed
        rows.append([result & (1 << 64) - 1, result >> 64])
    return rows


def test_key_expansion() -> None:
    expected = bytes.fromhex(APPENDIX_A)
    assert bytes_of(aes.expand_key(expected[:16])) == expected
    assert aes.key_of(aes.expand_key(expected[:16])) == expected[:16]


@paths
@pytest.mark.parametrize(("key", "plain", "cipher"), VECTORS)
def test_standard_vectors(path: str, key: str, plain: str, cipher: str) -> None:
    """The hash of the block that sigma turns into the vector's gives away AES of the vector."""
    ((first, second),) = blocks_of(bytes.fromhex(plain))
    inputs = np.array([[second ^ first, first]], np.uint64)
    hashed = hash_of(path)(inputs, np.zeros(2, np.uint64), 0, aes.expand_key(bytes.fromhex(key)))
    assert bytes_of(hashed ^ np.array([[first, second]])) == bytes.fromhex(cipher)


@paths
@settings(max_examples=20, deadline=None)
@given(
    count=st.one_of(st.integers(0, 20), st.integers(0, 1100)),
    tweak=st.one_of(st.integers(0, 300), st.integers(1 << 16, 1 << 40)),
    seed=st.integers(0, 2**32 - 1),
)
def test_hash_is_its_definition(path: str, count: int, tweak: int, seed: int) -> None:
    """All lengths: whole registers, single blocks behind them, and more than the cached part."""
    generator = np.random.default_rng(seed)
    inputs = generator.integers(0, 2**64, (count, 2), dtype=np.uint64)
    offset = generator.integers(0, 2**64, 2, dtype=np.uint64)
    key = generator.bytes(16)
    before = inputs.copy()
    hashed = hash_of(path)(inputs, offset, tweak, aes.expand_key(key))
    assert hashed.tolist() == hashed_by_definition(inputs, offset, tweak, key)
    assert np.array_equal(inputs, before)


@paths
@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(1, 5),
    blocks=st.integers(0, 90),
    first=st.one_of(st.integers(0, 3), st.integers(0, 1 << 50)),
    seed=st.integers(0, 2**32 - 1),
)
def test_counter_mode(path: str, rows: int, blocks: int, first: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    keys = [generator.bytes(16) for _ in range(rows)]
    counters = b"".join(number.to_bytes(16, "little") for number in range(first, first + blocks))
    made = counter_rows_of(path)(np.stack([aes.expand_key(key) for key in keys]), first, blocks)
    assert made.shape == (rows, 2 * blocks)
    assert [bytes_of(row) for row in made] == [encrypted(key, counters) for key in keys]


def test_the_paths_agree_on_operands_that_are_not_contiguous() -> None:
    generator = np.random.default_rng(1)
    keys = np.stack([aes.expand_key(generator.bytes(16)) for _ in range(6)])
    inputs = generator.integers(0, 2**64, (40, 6), dtype=np.uint64)
    offset = np.arange(2, dtype=np.uint64)
    assert np.array_equal(
        aes.counter_rows(keys[::2], 5, 9), aes.portable_counter_rows(keys[::2], 5, 9)
    )
    for operand in (inputs[::3, 2:4], np.asfortranarray(inputs[:, :2])):
        assert np.array_equal(
            aes.hash_blocks(operand, offset, 7, keys[0]),
            aes.portable_hash_blocks(operand, offset, 7, keys[0]),
        )


@needs_instructions
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_registers_of_every_width(lanes: int) -> None:
    """Processors with narrower registers compute the same."""
    if lanes > aes._LANES:
        pytest.skip("this processor has no registers of this width for AES")
    encrypt: Any = aes._encryptor(lanes, 2)

    @kernel
    def encrypt_at(blocks: Words, at: int, keys: Words) -> None:
        encrypt(blocks, at, keys, 0)

    generator = np.random.default_rng(lanes)
    key = generator.bytes(16)
    plain = generator.integers(0, 2**64, 4 * lanes + 6, dtype=np.uint64)
    blocks = plain.copy()
    encrypt_at(blocks, 2, aes.expand_key(key))
    inside = slice(2, 2 + 4 * lanes)
    assert bytes_of(blocks[inside]) == encrypted(key, bytes_of(plain[inside]))
    outside = np.delete(np.arange(plain.size), inside)
    assert np.array_equal(blocks[outside], plain[outside])


def test_no_features_are_claimed_off_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feature names of other processors mean other instructions."""
    monkeypatch.setattr(llvmlite.binding, "get_process_triple", lambda: "aarch64-unknown-linux-gnu")
    assert aes._processor_features() == {}
