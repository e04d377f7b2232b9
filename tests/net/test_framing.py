"""The guards around MPyC's framing: honest streams pass however they are split, others do not."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptomoe.net.carrier import FramingError
from cryptomoe.net.framing import PIECE_BYTES, Assembler, StreamGuard, split
from cryptomoe.net.wire import HEADER_BYTES, Header, Kind, label_digest


def _message(number: int, content: bytes) -> bytes:
    return struct.pack("<qI", number, len(content)) + content


def _header(length: int) -> bytes:
    return Header(Kind.DATA, label_digest("a"), 1, length).encode()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(1, 30), min_size=1))
def test_an_honest_stream_passes_however_it_is_split(
    contents: list[bytes], steps: list[int]
) -> None:
    stream = b"\0\0" + b"".join(_message(i, content) for i, content in enumerate(contents))
    guard = StreamGuard(b"\0\0")
    position = 0
    for step in itertools.cycle(steps):
        guard.check(stream[position : position + step])
        position += step
        if position >= len(stream):
            break


@pytest.mark.parametrize(
    "stream",
    [
        b"\1\0",
        b"\0\1",
        b"\0\0" + _message(1, b"x"),
        b"\0\0" + _message(-1, b"x"),
        b"\0\0" + _message(0, b"x") + _message(0, b"x"),
        b"\0\0" + struct.pack("<qI", 0, PIECE_BYTES + 1),
        b"\0\0" + _message(0, b"") + struct.pack("<qI", 1, 2**32 - 1),
    ],
)
@pytest.mark.parametrize("step", [1, 100])
def test_another_stream_is_refused(stream: bytes, step: int) -> None:
    """At the latest with the byte that completes the prefix: no content of it is there yet."""
    guard = StreamGuard(b"\0\0")

    def feed() -> None:
        for start in range(0, len(stream), step):
            guard.check(stream[start : start + step])

    with pytest.raises(FramingError):
        feed()


@pytest.mark.parametrize("greeting", [b"\1\0", b"X"])
def test_a_wrong_greeting_is_refused_at_its_first_byte(greeting: bytes) -> None:
    with pytest.raises(FramingError, match="no party"):
        StreamGuard(b"\0\0").check(greeting)


@pytest.mark.parametrize(
    "length",
    [
        0,
        1,
        PIECE_BYTES - HEADER_BYTES - 1,
        PIECE_BYTES - HEADER_BYTES,
        PIECE_BYTES - HEADER_BYTES + 1,
        2 * PIECE_BYTES - HEADER_BYTES,
        3 * PIECE_BYTES,
    ],
)
def test_a_frame_is_put_together_from_its_pieces(length: int) -> None:
    payload = bytes(i % 251 for i in range(251)) * (length // 251 + 1)
    payload = payload[:length]
    pieces = [bytes(piece) for piece in split(_header(length), payload)]
    assert max(map(len, pieces)) <= PIECE_BYTES
    assembler = Assembler()
    for _ in range(2):
        for piece in pieces[:-1]:
            assert assembler.add(piece) is None
            assert assembler.add(b"") is None
        frame = assembler.add(pieces[-1])
        assert frame is not None
        assert frame.header == _header(length)
        assert b"".join(frame.pieces) == payload


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ([b"short"], "whole header"),
        ([bytes(HEADER_BYTES)], "not a message"),
        ([_header((1 << 30) + 1)], "above the maximum"),
        ([_header(5) + b"1234"], "wrong size"),
        ([_header(5) + b"123456"], "wrong size"),
        ([_header(PIECE_BYTES) + b"1"], "wrong size"),
        ([_header(PIECE_BYTES) + bytes(PIECE_BYTES - HEADER_BYTES), b"123"], "wrong size"),
    ],
)
def test_wrong_pieces_are_refused(contents: list[bytes], reason: str) -> None:
    assembler = Assembler()
    for content in contents[:-1]:
        assert assembler.add(content) is None
    with pytest.raises(FramingError, match=reason):
        assembler.add(contents[-1])
