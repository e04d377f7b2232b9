"""Guards for what an MPyC connection carries, run before anything of it is kept.

MPyC's message is a program counter (8 bytes), a size (4 bytes), little-endian, and a content. Here
the counter is the message's number, so messages are whole, in order and never doubled, and none is
longer than a piece of 1 MiB. One message of the channel, header and payload, is cut into pieces; an
empty MPyC message, anywhere between them, is a heartbeat. MPyC itself would buffer any size under
any counter.
"""

import struct

from cryptomoe.net.carrier import Frame, FramingError
from cryptomoe.net.wire import HEADER_BYTES, decode_header

PIECE_BYTES = 1 << 20

_PREFIX = struct.Struct("<qI")


class StreamGuard:
    """Follows the bytes of one direction of a connection.

    Args:
        greeting: bytes that must come before the first message.
    """

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._number = 0
        self._prefix = bytearray()
        self._left = 0

    def check(self, data: bytes) -> None:
        """Follow the next bytes of the stream, split anywhere.

        Raises:
            FramingError: they are not what an honest peer sends.
        """
        position = min(len(data), len(self._greeting))
        if data[:position] != self._greeting[:position]:
            raise FramingError("the peer is no party of this protocol")
        self._greeting = self._greeting[position:]
        while position < len(data):
            if self._left:
                step = min(self._left, len(data) - position)
                self._left -= step
                position += step
            else:
                wanted = _PREFIX.size - len(self._prefix)
                self._prefix += data[position : position + wanted]
                position += wanted
                if len(self._prefix) == _PREFIX.size:
                    self._open_message()

    def _open_message(self) -> None:
        number, size = _PREFIX.unpack(self._prefix)
        self._prefix.clear()
        if number != self._number:
            raise FramingError("a piece out of order")
        if size > PIECE_BYTES:
            raise FramingError("a piece above the maximum size")
        self._number += 1
        self._left = size


class Assembler:
    """Puts the header and the pieces of a payload back together."""

    def __init__(self) -> None:
        self._header = b""
        self._pieces: list[bytes] = []
        self._left = 0

    def add(self, content: bytes) -> Frame | None:
        """Take the next MPyC message; the frame that it completes, if any.

        Raises:
            FramingError: no valid header where one is due, or a piece of another size than due.
        """
        if not content:
            return None
        if not self._header:
            try:
                header = decode_header(content[:HEADER_BYTES])
            except ValueError as error:
                raise FramingError(str(error)) from None
            self._header = content[:HEADER_BYTES]
            self._left = HEADER_BYTES + header.length
        if len(content) != min(self._left, PIECE_BYTES):
            raise FramingError("a piece of the wrong size")
        self._left -= len(content)
        self._pieces.append(content if self._pieces else content[HEADER_BYTES:])
        if self._left:
            return None
        frame = Frame(self._header, self._pieces)
        self._header, self._pieces = b"", []
        return frame


def split(header: bytes, payload: bytes) -> list[memoryview]:
    """The pieces of one frame as `Assembler` expects them; only the first is a copy."""
    view = memoryview(payload)
    first = PIECE_BYTES - len(header)
    starts = range(first, len(payload), PIECE_BYTES)
    return [
        memoryview(b"".join((header, view[:first]))),
        *(view[start : start + PIECE_BYTES] for start in starts),
    ]
