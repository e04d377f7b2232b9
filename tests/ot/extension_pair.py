"""Both ends of one direction of an extension, without base transfers."""

import numpy as np

from cryptomoe.ot.aes import Words
from cryptomoe.ot.iknp import SECURITY, BitArray, ExtensionReceiver, ExtensionSender
from cryptomoe.randomness import Randomness

SALT = b"direction and salt"


def extension_pair(
    seed: int, salt: bytes = SALT
) -> tuple[ExtensionReceiver, ExtensionSender, BitArray]:
    """Receiver, sender and the sender's Delta, from a test's seed."""
    randomness = Randomness(seed.to_bytes(8, "little"))
    stream = randomness.stream("seeds")
    pairs = [(stream.bytes(16), stream.bytes(16)) for _ in range(SECURITY)]
    delta = randomness.stream("delta").bits(SECURITY)
    chosen = [pair[bit] for pair, bit in zip(pairs, delta, strict=True)]
    return ExtensionReceiver(pairs, salt), ExtensionSender(delta, chosen, salt), delta


def words_of(bits: BitArray) -> Words:
    """Bits (n, 128) as rows (n, 2) of words."""
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)
