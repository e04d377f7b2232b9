"""Broken oblivious transfers and a broken channel."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

from cryptomoe.net.channel import Channel, Payload
from cryptomoe.ot import transfers
from cryptomoe.ot.aes import Words
from cryptomoe.ot.iknp import IknpReceiver
from cryptomoe.ot.pads import PadHash
from cryptomoe.ot.transfers import BitArray


@contextmanager
def choice_bits_packed_in_the_wrong_order() -> Iterator[None]:
    """The bits of a choice among many are used highest first."""
    right = transfers.choice_digits

    def reversed_bits(choices: BitArray, choice_bits: int) -> BitArray:
        return right(choices, choice_bits).reshape(-1, choice_bits)[:, ::-1].reshape(-1)

    with patch.object(transfers, "choice_digits", reversed_bits):
        yield


@contextmanager
def tweak_used_twice() -> Iterator[None]:
    """The hash of transfers starts at the same tweak in every call."""
    right = PadHash.pads

    def restarted(pad_hash: PadHash, inputs: Words, offset: Words, first: int) -> Words:
        return right(pad_hash, inputs, offset, first - first)

    with patch.object(PadHash, "pads", restarted):
        yield


@contextmanager
def expansion_of_seeds_used_twice() -> Iterator[None]:
    """The receiver of an extension expands its seeds from the start each time."""
    right = IknpReceiver.extend

    def restarted(receiver: IknpReceiver, choices: BitArray) -> tuple[bytes, Words]:
        receiver._block = 0
        return right(receiver, choices)

    with patch.object(IknpReceiver, "extend", restarted):
        yield


@contextmanager
def compressed_messages() -> Iterator[None]:
    """Messages are compressed, each entry as a word of its own: sizes vary with the contents."""
    send, receive = Channel.send, Channel.receive

    def smaller(channel: Channel, name: str, payload: Payload) -> None:
        packed = zlib.compress(np.frombuffer(payload, np.uint8).astype("<u4").tobytes())
        send(channel, name, len(packed).to_bytes(4, "little"))
        send(channel, name, packed)

    def larger(channel: Channel, name: str, size: int) -> bytes:
        length = int.from_bytes(receive(channel, name, 4), "little")
        words = np.frombuffer(zlib.decompress(receive(channel, name, length)), "<u4")
        return words[:size].astype(np.uint8).tobytes()

    with patch.object(Channel, "send", smaller), patch.object(Channel, "receive", larger):
        yield
