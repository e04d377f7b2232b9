"""Trees of seeds against slow references: every node by its definition, in Python integers."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from extension_pair import SALT, Ends
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.ot import aes, correlated_trees, small_trees
from cryptomoe.ot.aes import Words, expand_key, key_of
from cryptomoe.ot.correlated_trees import GROUP, TreeSpace, grow, grow_punctured, tree_key
from cryptomoe.ot.lpn import ACCEPTED, LpnParameters
from cryptomoe.ot.pads import REKEY_BITS
from cryptomoe.ot.small_trees import TREES, grow_trees, puncture_trees

KEY = expand_key(bytes(range(16)))
Seeds = st.integers(0, 2**32)


def integer(block: Words) -> int:
    return int(block[0]) | int(block[1]) << 64


def integers(blocks: Words) -> list[int]:
    return [integer(block) for block in blocks.reshape(-1, 2)]


def hashed(block: int, tweak: int, key: bytes) -> int:
    """AES(s) xor s with s = sigma(block xor tweak), sigma(low, high) = (high, low xor high)."""
    block ^= tweak
    low, high = block & (1 << 64) - 1, block >> 64
    mixed = high | (low ^ high) << 64
    cipher = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305 - one block
    return int.from_bytes(cipher.update(mixed.to_bytes(16, "little")), "little") ^ mixed


def levels_by_definition(roots: list[int], delta: int, depth: int, key: bytes) -> list[list[int]]:
    """The nodes of each tree at each level from 1 on: [level][tree * 2^level + node]."""
    level = [node for root in roots for node in (root, root ^ delta)]
    levels, tweak = [level], 0
    for _ in range(1, depth):
        width = len(level) // len(roots)
        left = [hashed(node, tweak + i, key) for i, node in enumerate(level)]
        tweak += len(level)
        right = [node ^ child for node, child in zip(level, left, strict=True)]
        level = []
        for tree in range(len(roots)):
            own = slice(tree * width, (tree + 1) * width)
            level += left[own] + right[own]
        levels.append(level)
    return levels


def random_blocks(rng: np.random.Generator, *shape: int) -> Words:
    return rng.integers(0, 2**64, (*shape, 2), dtype=np.uint64)


@settings(max_examples=20, deadline=None)
@given(trees=st.integers(1, 5), depth=st.integers(2, 6), seed=Seeds)
def test_correlated_trees_are_their_definition(trees: int, depth: int, seed: int) -> None:
    """Sums, leaves and the missing leaf: sender and receiver against one slow tree."""
    rng = np.random.default_rng(seed)
    roots, delta = random_blocks(rng, trees), random_blocks(rng)
    delta[0] |= np.uint64(1)
    levels = levels_by_definition(integers(roots), integer(delta), depth, key_of(KEY))

    leaves = np.empty((trees, 1 << depth, 2), np.uint64)
    sums = grow(TreeSpace(depth), roots, delta, KEY, leaves)
    for number, level in enumerate(levels):
        width = 2 << number
        for tree in range(trees):
            nodes = level[tree * width : (tree + 1) * width]
            left = 0
            for node in nodes[: width // 2]:
                left ^= node
            assert integer(sums[tree, number]) == left
    assert integers(leaves) == [leaf & ~1 for leaf in levels[-1]]

    bits = rng.integers(0, 2, (trees, depth), dtype=np.uint64)
    opened = sums ^ (delta * bits[..., np.newaxis])
    punctured = np.empty_like(leaves)
    places = grow_punctured(TreeSpace(depth), opened, bits, KEY, punctured)
    assert places.tolist() == [
        sum(1 - int(bit) << level for level, bit in enumerate(row)) for row in bits
    ]
    difference = leaves ^ punctured
    expected = np.zeros_like(leaves)
    expected[np.arange(trees), places.astype(np.int64)] = delta
    assert np.array_equal(difference, expected)


def test_the_receiver_does_not_know_the_missing_leaf() -> None:
    """What it makes of it is the leaf xor Delta, and no node of its tree is the true leaf."""
    rng = np.random.default_rng(1)
    roots, delta = random_blocks(rng, 3), random_blocks(rng)
    delta[0] |= np.uint64(1)
    leaves, punctured = (np.empty((3, 64, 2), np.uint64) for _ in range(2))
    sums = grow(TreeSpace(6), roots, delta, KEY, leaves)
    bits = rng.integers(0, 2, (3, 6), dtype=np.uint64)
    opened = sums ^ (delta * bits[..., np.newaxis])
    places = grow_punctured(TreeSpace(6), opened, bits, KEY, punctured)
    for tree, place in enumerate(places.tolist()):
        assert integer(leaves[tree, place]) not in {node & ~1 for node in integers(punctured)}


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_portable_trees_are_the_same(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    blocks, delta = random_blocks(rng, GROUP, 7), random_blocks(rng)
    bits = rng.integers(0, 2, (GROUP, 7), dtype=np.uint64)

    def made() -> tuple[Words, Words]:
        leaves = np.empty((GROUP, 128, 2), np.uint64)
        if side == "sender":
            return grow(TreeSpace(7), blocks[:, 0], delta, KEY, leaves), leaves
        return grow_punctured(TreeSpace(7), blocks, bits, KEY, leaves), leaves

    fast = made()
    monkeypatch.setattr(correlated_trees, "hash_blocks", aes.portable_hash_blocks)
    for first, second in zip(fast, made(), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("parameters", ACCEPTED, ids=str)
def test_a_key_hashes_at_most_2_to_the_16_nodes(
    parameters: LpnParameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All hashes of a group, counted, for every accepted set; and tweaks do not repeat."""
    used: list[int] = []

    def counted(inputs: Words, _offset: Words, first: int, _key: Words, out: Words) -> None:
        used.extend(range(first, first + len(inputs)))
        out[:] = inputs

    leaves = np.empty((GROUP, 1 << parameters.depth, 2), np.uint64)
    roots = np.zeros((GROUP, 2), np.uint64)
    monkeypatch.setattr(correlated_trees, "hash_blocks", counted)
    grow(TreeSpace(parameters.depth), roots, roots[0], KEY, leaves)
    assert len(used) == len(set(used)) == GROUP * ((1 << parameters.depth) - 2)
    assert len(used) <= 1 << REKEY_BITS


def test_every_group_of_every_round_has_a_key_of_its_own() -> None:
    """And so has either direction, by its salt."""
    keys = {
        key_of(tree_key(salt, number, group))
        for salt in (SALT, b"\x00" + SALT)
        for number in range(4)
        for group in range(40)
    }
    assert len(keys) == 2 * 4 * 40


# --- small trees ----------------------------------------------------------------------------------


def expanded(node: bytes) -> tuple[bytes, bytes]:
    cipher = Cipher(algorithms.AES128(node), modes.ECB()).encryptor()  # noqa: S305 - two blocks
    return cipher.update(bytes(16)), cipher.update(b"\x01" + bytes(15))


@pytest.mark.parametrize("seed", range(3))
def test_small_trees_are_their_definition(seed: int) -> None:
    """Leaf x of a tree turns by bit d of x at level d; the other party has all but Delta_i."""
    ends = Ends(seed)
    roots = np.random.default_rng(seed).bytes(16 * TREES)
    message, leaves = grow_trees(ends.pairs, roots)
    known = puncture_trees(ends.delta, ends.seeds, message)
    digits = ends.delta.reshape(TREES, 4) @ np.array([1, 2, 4, 8])
    for tree in range(TREES):
        for leaf in range(16):
            node = roots[16 * tree : 16 * tree + 16]
            for level in range(4):
                node = expanded(node)[leaf >> level & 1]
            assert leaves[tree, leaf].astype("<u8").tobytes() == node
            place = leaf ^ int(digits[tree])
            expected = bytes(16) if place == 0 else node
            assert known[tree, place].astype("<u8").tobytes() == expected


def test_sums_of_small_trees_are_masked_by_the_seeds() -> None:
    """Side s of a level is under seed 1 - s of its base transfer, so a chooser opens the other."""
    ends = Ends(7)
    message, leaves = grow_trees(ends.pairs, np.random.default_rng(7).bytes(16 * TREES))
    blocks = np.frombuffer(message, np.uint8).reshape(TREES, 4, 2, 16)
    right = np.bitwise_xor.reduce(leaves[:, 8:], axis=1)
    for tree in range(TREES):
        mask = np.frombuffer(ends.pairs[4 * tree + 3][0], np.uint8)
        assert (blocks[tree, 3, 1] ^ mask).tobytes() == right[tree].astype("<u8").tobytes()


def test_portable_small_trees_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ends, roots = Ends(8), bytes(16 * TREES)
    message, leaves = grow_trees(ends.pairs, roots)
    monkeypatch.setattr(small_trees, "counter_rows", aes.portable_counter_rows)
    again, portable = grow_trees(ends.pairs, roots)
    assert message == again
    assert np.array_equal(leaves, portable)
