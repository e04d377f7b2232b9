"""The channel's fixed header: 20 bytes, little-endian, in front of every payload.

| offset | bytes | field |
|---|---|---|
| 0 | 2 | magic `CM` |
| 2 | 1 | version of this layout |
| 3 | 1 | kind |
| 4 | 8 | BLAKE2b-64 of the label |
| 12 | 4 | depth |
| 16 | 4 | payload length |

The label travels as its hash: both sides know which label comes next, so the text would only be a
way for a peer to put words into this side's errors.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

HEADER_BYTES = 20
MAX_PAYLOAD_BYTES = 1 << 30
"""No message is larger; a header that announces more is refused before any payload is kept."""
_LAYOUT = struct.Struct("<2sBB8sII")
_MAGIC = b"CM"
_VERSION = 1


class Kind(IntEnum):
    """What a frame is."""

    DATA = 0
    GOODBYE = 1
    """The sender has finished; it sends nothing more."""
    STOP = 2
    """The sender gives up the run, for reasons of its own."""
    REFUSE = 3
    """The sender refused the message whose label hash this is."""


@dataclass(frozen=True)
class Header:
    """A decoded header; `digest` is the label's hash and `length` the payload's bytes."""

    kind: Kind
    digest: bytes
    depth: int
    length: int

    def encode(self) -> bytes:
        """The 20 bytes."""
        return _LAYOUT.pack(_MAGIC, _VERSION, self.kind, self.digest, self.depth, self.length)


def decode_header(data: bytes) -> Header:
    """The header in a received message.

    Raises:
        ValueError: wrong size, magic, version or kind, or too long a payload; the text says which.
    """
    if len(data) != HEADER_BYTES:
        raise ValueError("a message without a whole header")
    magic, version, kind, digest, depth, length = _LAYOUT.unpack(data)
    if magic != _MAGIC:
        raise ValueError("not a message of this protocol")
    if version != _VERSION:
        raise ValueError("another version of the message header")
    if kind not in set(Kind):
        raise ValueError("a message of unknown kind")
    if length > MAX_PAYLOAD_BYTES:
        raise ValueError("a message above the maximum size")
    return Header(Kind(kind), digest, depth, length)


@lru_cache(maxsize=4096)
def label_digest(label: str) -> bytes:
    """The 8 bytes that stand for a label on the wire."""
    return blake2b(label.encode(), digest_size=8, person=b"cryptomoe label").digest()
