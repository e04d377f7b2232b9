"""Trees of seeds with one leaf unknown to the other party: the set-up of `softspoken`.

128 base transfers make 32 trees of 16 leaves, four transfers a tree (Goldreich, Goldwasser, Micali,
FOCS 1984; Boyle et al., CCS 2019, section 4). The holder of both seeds of each transfer knows all
leaves; the other party all but leaf Delta_i, Delta_i being its four choices. At each level the
holder sends the sum of all left nodes under the mask that lets a chooser of *right* open it, and
the sum of all right nodes under the other: whoever walks towards Delta_i learns the sum of the
siblings' side, in which all but one node is known to it.

Bit d of a leaf's number is the turn taken at level d. The puncturing party keeps its nodes at
number xor Delta_i, so that what it does not know is always at place 0 and nothing it does depends
on Delta_i.
"""

import numpy as np
from numpy.typing import NDArray

from cryptomoe.ot.aes import Words, counter_rows, expand_key
from cryptomoe.ot.pads import SECURITY, BitArray

DEPTH = 4
LEAVES = 1 << DEPTH
TREES = SECURITY // DEPTH
MESSAGE_BYTES = TREES * DEPTH * 2 * 16

Nodes = NDArray[np.uint64]
"""(trees, nodes, 2): seeds as words."""


def grow_trees(pairs: list[tuple[bytes, bytes]], roots: bytes) -> tuple[bytes, Nodes]:
    """The message for the puncturing party, and all leaves (32, 16, 2), from 32 random roots."""
    masks = _blocks(b"".join(first + second for first, second in pairs))
    masks = masks.reshape(TREES, DEPTH, 2, 2)[:, :, ::-1]
    nodes = _blocks(roots).reshape(TREES, 1, 2)
    sums = np.empty_like(masks)
    for level in range(DEPTH):
        left, right = _children(nodes)
        sums[:, level, 0] = np.bitwise_xor.reduce(left, axis=1)
        sums[:, level, 1] = np.bitwise_xor.reduce(right, axis=1)
        nodes = np.concatenate([left, right], axis=1)
    return (sums ^ masks).astype("<u8").tobytes(), nodes


def puncture_trees(delta: BitArray, seeds: list[bytes], message: bytes) -> Nodes:
    """The leaves (32, 16, 2), leaf x at place x xor Delta_i; place 0 holds zeros."""
    turns = (np.uint64(0) - delta.astype(np.uint64)).reshape(TREES, DEPTH, 1)
    received = _blocks(message).reshape(TREES, DEPTH, 2, 2)
    own = _blocks(b"".join(seeds)).reshape(TREES, DEPTH, 2)
    siblings = received[:, :, 1] ^ ((received[:, :, 0] ^ received[:, :, 1]) & turns) ^ own
    nodes = np.zeros((TREES, 1, 2), np.uint64)
    for level in range(DEPTH):
        turn = turns[:, level, np.newaxis]
        left, right = _children(nodes)
        exchanged = (left ^ right) & turn
        towards, away = left ^ exchanged, right ^ exchanged
        towards[:, 0] = 0
        away[:, 0] = siblings[:, level] ^ np.bitwise_xor.reduce(away[:, 1:], axis=1)
        nodes = np.concatenate([towards, away], axis=1)
    return nodes


def _children(nodes: Nodes) -> tuple[Nodes, Nodes]:
    """AES in counter mode under each node: its two children."""
    keys = np.stack([expand_key(node.tobytes()) for node in nodes.astype("<u8").reshape(-1, 2)])
    made = counter_rows(keys, 0, 2).reshape(*nodes.shape[:2], 2, 2)
    return made[:, :, 0], made[:, :, 1]


def _blocks(data: bytes) -> Words:
    return np.frombuffer(data, "<u8").astype(np.uint64).reshape(-1, 2)
