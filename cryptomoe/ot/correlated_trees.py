"""Correlated trees with one leaf punctured: sparse correlations for one message (half-tree GGM).

Guo, Yang, Wang, Zhang, Xie, Liu and Zhao (EUROCRYPT 2023, section 4). The sender's root has the
children k and k xor Delta, k random; a node x has the children H(x) and x xor H(x). So every level
sums to Delta, and a node costs one call of AES, not two. The sender sends, for each level, the sum
of the left nodes xor a row q of a transfer. The receiver's row t opens it, with its random bit r
the sum of the left (r = 0) or of the right nodes: all nodes but those on the path that turns away
from r at every level. Its missing leaf is the sum of all others: what the sender holds there, xor
Delta. The path is as random as the bits, and nothing is sent from the receiver.

Delta's lowest bit is 1, and the lowest bit of a leaf is made to say whether the leaf is the missing
one: 0 at the sender, and at the receiver 1 there and 0 elsewhere.

H is the tweaked hash of `aes` under keys of the trees' own, one for each `GROUP` trees, which is at
most 2^16 calls. Bit d of a leaf's number is the turn at level d. The missing node's place is a
secret of the receiver: it is masked in, never addressed.
"""

import hashlib

import numpy as np

from cryptomoe.kernel_cache import kernel
from cryptomoe.ot.aes import Words, expand_key, hash_blocks

GROUP = 32
_ZERO = np.zeros(2, np.uint64)


def tree_key(salt: bytes, round_number: int, group: int) -> Words:
    """The hash's round keys for one group of trees of one round."""
    digest = hashlib.blake2b(salt, digest_size=16, person=b"cryptomoe trees")
    digest.update(round_number.to_bytes(8, "little") + group.to_bytes(8, "little"))
    return expand_key(digest.digest())


class TreeSpace:
    """Room for the levels of a group of trees: made once, since fresh memory costs more than AES.

    Fields: two arrays that hold the levels by turns, and one for the hashes of a level.
    """

    def __init__(self, depth: int) -> None:
        words = GROUP << depth
        self._levels = (np.empty(words, np.uint64), np.empty(words, np.uint64))
        self._hashes = np.empty(words, np.uint64)

    def level(self, trees: int, number: int) -> Words:
        """Nodes of level `number` (trees, 2^number, 2), until the next but one is asked for."""
        return _shaped(self._levels[number % 2], trees, number)

    def hashed(self, nodes: Words, key: Words) -> Words:
        """H of all nodes of a level; the levels' tweaks lie behind one another."""
        trees, width = nodes.shape[:2]
        hashes = _shaped(self._hashes, trees, width.bit_length() - 1)
        first = trees * (width - 2)
        hash_blocks(nodes.reshape(-1, 2), _ZERO, first, key, hashes.reshape(-1, 2))
        return hashes


def _shaped(words: Words, trees: int, level: int) -> Words:
    return words[: trees * 2 << level].reshape(trees, 1 << level, 2)


def grow(space: TreeSpace, roots: Words, delta: Words, key: Words, leaves: Words) -> Words:
    """Sender: from roots k (trees, 2), the sums of left nodes (trees, depth, 2).

    The leaves are written to `leaves` (trees, 2^depth, 2).
    """
    trees, depth = len(leaves), leaves.shape[1].bit_length() - 1
    sums = np.empty((trees, depth, 2), np.uint64)
    sums[:, 0] = roots
    nodes = np.stack([roots, roots ^ delta], axis=1)
    for level in range(1, depth):
        children = leaves if level == depth - 1 else space.level(trees, level + 1)
        _branch(nodes, space.hashed(nodes, key), children, sums[:, level])
        nodes = children
    _clear_lowest_bits(leaves)
    return sums


def grow_punctured(
    space: TreeSpace, opened: Words, bits: Words, key: Words, leaves: Words
) -> Words:
    """Receiver: from the opened sums (trees, depth, 2) and `bits` r (trees, depth), the places.

    The leaves are written to `leaves` (trees, 2^depth, 2); the missing one, whose place (trees,) is
    returned, is there the sum of all others.
    """
    trees, depth = len(leaves), leaves.shape[1].bit_length() - 1
    turns = np.uint64(0) - bits[:, 0, np.newaxis]
    nodes = np.stack([opened[:, 0] & ~turns, opened[:, 0] & turns], axis=1)
    places = np.uint64(1) - bits[:, 0]
    known = opened[:, 0].copy()
    for level in range(1, depth):
        children = leaves if level == depth - 1 else space.level(trees, level + 1)
        hashed = space.hashed(nodes, key)
        _branch_punctured(nodes, hashed, opened[:, level], bits[:, level], places, known, children)
        nodes = children
    _complete(places, known, leaves)
    return places


@kernel
def _branch(nodes: Words, hashed: Words, children: Words, sums: Words) -> None:
    """Both children of every node, and the sum of the left ones for each tree."""
    width = nodes.shape[1]
    for tree in range(nodes.shape[0]):
        low, high = np.uint64(0), np.uint64(0)
        for i in range(width):
            first, second = hashed[tree, i, 0], hashed[tree, i, 1]
            low ^= first
            high ^= second
            children[tree, i, 0] = first
            children[tree, i, 1] = second
            children[tree, width + i, 0] = nodes[tree, i, 0] ^ first
            children[tree, width + i, 1] = nodes[tree, i, 1] ^ second
        sums[tree, 0] = low
        sums[tree, 1] = high


@kernel
def _branch_punctured(
    nodes: Words,
    hashed: Words,
    opened: Words,
    bits: Words,
    places: Words,
    known: Words,
    children: Words,
) -> None:
    """As `_branch`, one node of each tree missing (zeros): its child on the known side is the rest.

    `places` and `known`, the sum of all nodes but the missing one, are brought to the level below.
    """
    width = nodes.shape[1]
    for tree in range(nodes.shape[0]):
        place = places[tree]
        low, high = np.uint64(0), np.uint64(0)
        for i in range(width):
            # All ones but for the missing node: x - 1 borrows only from x = 0.
            keep = (((np.uint64(i) ^ place) - np.uint64(1)) >> np.uint64(63)) - np.uint64(1)
            first, second = hashed[tree, i, 0] & keep, hashed[tree, i, 1] & keep
            low ^= first
            high ^= second
            children[tree, i, 0] = first
            children[tree, i, 1] = second
            children[tree, width + i, 0] = nodes[tree, i, 0] ^ first
            children[tree, width + i, 1] = nodes[tree, i, 1] ^ second
        right = np.uint64(0) - bits[tree]
        low ^= opened[tree, 0] ^ (known[tree, 0] & right)
        high ^= opened[tree, 1] ^ (known[tree, 1] & right)
        for i in range(width):
            found = np.uint64(0) - (((np.uint64(i) ^ place) - np.uint64(1)) >> np.uint64(63))
            children[tree, i, 0] ^= low & found & ~right
            children[tree, i, 1] ^= high & found & ~right
            children[tree, width + i, 0] ^= low & found & right
            children[tree, width + i, 1] ^= high & found & right
        known[tree, 0] ^= low
        known[tree, 1] ^= high
        places[tree] = place + np.uint64(width) * (np.uint64(1) - bits[tree])


@kernel
def _complete(places: Words, known: Words, leaves: Words) -> None:
    """The missing leaf of each tree becomes the sum of the others, and the lowest bits are set."""
    for tree in range(leaves.shape[0]):
        place = places[tree]
        for i in range(leaves.shape[1]):
            found = ((np.uint64(i) ^ place) - np.uint64(1)) >> np.uint64(63)
            mask = np.uint64(0) - found
            low = (leaves[tree, i, 0] ^ (known[tree, 0] & mask)) >> np.uint64(1) << np.uint64(1)
            leaves[tree, i, 0] = low | found
            leaves[tree, i, 1] ^= known[tree, 1] & mask


@kernel
def _clear_lowest_bits(leaves: Words) -> None:
    for tree in range(leaves.shape[0]):
        for i in range(leaves.shape[1]):
            leaves[tree, i, 0] = leaves[tree, i, 0] >> np.uint64(1) << np.uint64(1)
