"""Both ends of one direction of an extension, without base transfers."""

import numpy as np

from cryptomoe.ot.aes import Words
from cryptomoe.ot.iknp import IknpReceiver, IknpSender
from cryptomoe.ot.pads import SECURITY, BitArray, ReceiverPads, SenderPads, delta_words
from cryptomoe.randomness import Randomness

SALT = b"direction and salt"


class Ends:
    """What base transfers would have left with both parties, from a test's seed."""

    def __init__(self, seed: int) -> None:
        self.randomness = Randomness(seed.to_bytes(8, "little"))
        stream = self.randomness.stream("seeds")
        self.pairs = [(stream.bytes(16), stream.bytes(16)) for _ in range(SECURITY)]
        self.delta = self.randomness.stream("delta").bits(SECURITY)
        # As silent transfers need it; the other sources do not mind.
        self.delta[0] = 1
        self.seeds = [pair[bit] for pair, bit in zip(self.pairs, self.delta, strict=True)]


def extension_pair(seed: int) -> tuple[IknpReceiver, IknpSender, BitArray]:
    """Receiver, sender and the sender's Delta."""
    ends = Ends(seed)
    receiver = IknpReceiver(ends.pairs, ends.randomness.stream("choices"))
    return receiver, IknpSender(ends.delta, ends.seeds), ends.delta


def pads_pair(delta: BitArray, salt: bytes = SALT) -> tuple[ReceiverPads, SenderPads]:
    """The hashes of both ends."""
    return ReceiverPads(salt), SenderPads(delta_words(delta), salt)


def words_of(bits: BitArray) -> Words:
    """Bits (n, 128) as rows (n, 2) of words."""
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)
