"""Labelled, checked messages between the two parties, counted by functionality.

A label is the path of the protocol that sends, `layer3/moe/dispatch/select`; it pairs a send with
its receive. The sides run the same code, so each knows the label and the size of the next message;
anything else ends the run on both sides with an error that names a label.

Depth: a message's is one more than the greatest its sender had consumed. The online phase starts at
`start_online`; its rounds are the greatest depth seen since. A label with a component `setup` marks
key material sent on demand: counted as set-up whenever it is sent, and making no rounds.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from cryptomoe.errors import MalformedMessageError, PeerLostError, UsageError
from cryptomoe.net.carrier import Carrier, CarrierError, CarrierLostError, Frame, FramingError
from cryptomoe.net.recorder import Record, Recorder
from cryptomoe.net.wire import (
    HEADER_BYTES,
    MAX_PAYLOAD_BYTES,
    Header,
    Kind,
    decode_header,
    label_digest,
)
from cryptomoe.party import Party

Payload = bytes | bytearray | memoryview

_SETUP = "setup"
_GOODBYE = "goodbye"
_GOODBYE_SECONDS = 60.0
"""A peer may still compute on the last message; one that died is noticed sooner by the carrier."""


@dataclass(frozen=True)
class Statistics:
    """One party's traffic: bytes are payload and header, without goodbyes and heartbeats.

    `bytes_sent` and `by_label` (bytes, messages) are its own online sends; `setup_bytes_sent` the
    rest of its sends; `rounds` the greatest depth sent or received online.
    """

    bytes_sent: int
    setup_bytes_sent: int
    rounds: int
    by_label: dict[str, tuple[int, int]]


class Channel:
    """One party's end of the channel; blocking, for one protocol thread.

    As a context manager it closes in order, or aborts when the block raises.
    """

    def __init__(self, party: Party, carrier: Carrier, recorder: Recorder | None = None) -> None:
        self.party = party
        self._carrier = carrier
        self._recorder = recorder
        self._scopes: list[str] = []
        self._labels_sent: dict[bytes, str] = {}
        self._online = False
        self._ended = False
        self._bytes_sent = 0
        self._setup_bytes_sent = 0
        self._rounds = 0
        self._by_label: dict[str, tuple[int, int]] = {}
        self._consumed = 0
        self._sent_depth = 0
        self._peer_depth = 1

    def __enter__(self) -> Self:
        """The channel itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close in order after success, abort after an error."""
        if kind is None:
            self.close()
        else:
            self.abort()

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Put `name` in front of the labels used inside."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    def label(self, name: str) -> str:
        """The full label of a message `name` sent here."""
        return "/".join([*self._scopes, name])

    def send(self, name: str, payload: Payload) -> None:
        """Send a payload under `name`.

        Raises:
            UsageError: the payload is above the maximum.
            PeerLostError, MalformedMessageError: the peer is gone, or refused an earlier message.
        """
        label = self.label(name)
        length = memoryview(payload).nbytes
        _check_length(label, length)
        digest = label_digest(label)
        header = Header(Kind.DATA, digest, self._consumed + 1, length)
        self._labels_sent[digest] = label
        # The caller may change its buffer as soon as this returns; bytes are not copied here.
        content = bytes(payload)
        try:
            self._carrier.send_frame(header.encode(), content)
        except CarrierError as error:
            self._explain_loss(label, error)
        self._count_send(label, header.depth, content)

    def receive(self, name: str, size: int) -> bytes:
        """The peer's message under `name`, exactly `size` bytes.

        Raises:
            MalformedMessageError: another message came, or one of another size.
            PeerLostError: the peer is gone or gave up.
        """
        return b"".join(self._receive_pieces(name, size))

    def exchange(self, name: str, payload: Payload, size: int) -> bytes:
        """Send, then receive `size` bytes under the same label; one flight each way."""
        self.send(name, payload)
        return self.receive(name, size)

    def send_array(self, name: str, array: NDArray[Any]) -> None:
        """Send an integer array raw: little-endian, C order, without its shape."""
        dtype = _wire_type(array.dtype)
        self.send(name, np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8).data)

    def receive_array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """A fresh array of the given shape and integer type; errors as `receive`."""
        wire_type = _wire_type(np.dtype(dtype))
        size = int(np.prod(shape, dtype=object)) * wire_type.itemsize
        # Joined in a bytearray, the array is writable without another copy.
        content = bytearray().join(self._receive_pieces(name, size))
        return np.frombuffer(content, wire_type).reshape(shape).astype(dtype, copy=False)

    def start_online(self) -> None:
        """From here on bytes count as online and depth starts at 0; both call at the same point."""
        self._online = True
        self._consumed = 0
        self._sent_depth = 0
        self._peer_depth = 1

    def statistics(self) -> Statistics:
        """The traffic so far."""
        return Statistics(
            self._bytes_sent, self._setup_bytes_sent, self._rounds, dict(self._by_label)
        )

    def close(self) -> None:
        """Tell the peer that this side has finished and wait for it to say the same.

        Raises:
            MalformedMessageError: the peer still sends messages.
            PeerLostError: the peer went without a goodbye, or gave up.
        """
        if self._ended:
            return
        label = self.label(_GOODBYE)
        try:
            self._send_control(Kind.GOODBYE, label)
            frame = self._carrier.receive_frame(_GOODBYE_SECONDS)
        except CarrierLostError as error:
            self._explain_loss(label, error)
        except FramingError as error:
            self._refuse(label, error.reason)
        header = self._decode(label, frame)
        if header.kind is not Kind.GOODBYE:
            self._check_kind(label, header)
            self._refuse(label, "a message came after the end of the protocol")
        self._end()

    def abort(self) -> None:
        """Tell the peer to stop, if it can still be told, and end the connection; idempotent."""
        self._stop(Kind.STOP, self.label("abort"))

    def _receive_pieces(self, name: str, size: int) -> list[bytes]:
        label = self.label(name)
        _check_length(label, size)
        try:
            frame = self._carrier.receive_frame()
        except CarrierLostError as error:
            self._lose(label, error.reason)
        except FramingError as error:
            self._refuse(label, error.reason)
        header = self._decode(label, frame)
        self._check_kind(label, header)
        if header.digest != label_digest(label):
            self._refuse(label, "the message that came has another label")
        if header.length != size:
            self._refuse(label, f"{size} bytes were due, {header.length} came")
        # An honest peer has consumed nothing deeper than this side has sent.
        if not self._peer_depth <= header.depth <= self._sent_depth + 1:
            self._refuse(label, "a message of impossible depth")
        self._peer_depth = header.depth
        if not _is_setup(label):
            self._consumed = max(self._consumed, header.depth)
            self._count_round(header.depth)
        return frame.pieces

    def _count_send(self, label: str, depth: int, payload: bytes) -> None:
        online = self._online and not _is_setup(label)
        total = HEADER_BYTES + len(payload)
        if online:
            self._bytes_sent += total
            size, messages = self._by_label.get(label, (0, 0))
            self._by_label[label] = (size + total, messages + 1)
            self._count_round(depth)
        else:
            self._setup_bytes_sent += total
        self._sent_depth = depth
        if self._recorder is not None:
            kept = payload if self._recorder.keep_payloads else None
            self._recorder.add(
                Record(self.party, label, total, depth, online=self._online, payload=kept)
            )

    def _count_round(self, depth: int) -> None:
        if self._online:
            self._rounds = max(self._rounds, depth)

    def _decode(self, label: str, frame: Frame) -> Header:
        try:
            header = decode_header(frame.header)
        except ValueError as error:
            self._refuse(label, str(error))
        if header.length != frame.size - HEADER_BYTES:
            self._refuse(label, "its length is not the one its header announces")
        return header

    def _check_kind(self, label: str, header: Header) -> None:
        """Raise unless the frame carries data."""
        if header.kind is Kind.GOODBYE:
            self._lose(label, "the peer has already finished")
        if header.kind is Kind.STOP:
            self._lose(label, "the peer gave up the run")
        if header.kind is Kind.REFUSE:
            self._end()
            refused = self._labels_sent.get(header.digest, label)
            raise MalformedMessageError(refused, "the peer refused this message")

    def _explain_loss(self, label: str, error: CarrierError) -> NoReturn:
        """Raise for a failed send; what the peer said before it went is the better reason."""
        try:
            while True:
                header = decode_header(self._carrier.receive_frame(0.0).header)
                if header.kind in {Kind.STOP, Kind.REFUSE}:
                    self._check_kind(label, header)
        except (CarrierError, ValueError):
            self._lose(label, error.reason)

    def _lose(self, label: str, reason: str) -> NoReturn:
        self._end()
        raise PeerLostError(label, reason) from None

    def _refuse(self, label: str, reason: str) -> NoReturn:
        """Make the peer stop too, then raise."""
        self._stop(Kind.REFUSE, label)
        raise MalformedMessageError(label, reason) from None

    def _stop(self, kind: Kind, label: str) -> None:
        if not self._ended:
            # A peer that cannot be told any more has stopped already.
            with suppress(CarrierError):
                self._send_control(kind, label)
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._carrier.close()

    def _send_control(self, kind: Kind, label: str) -> None:
        self._carrier.send_frame(Header(kind, label_digest(label), 0, 0).encode(), b"")


def _is_setup(label: str) -> bool:
    return _SETUP in label.split("/")


def _check_length(label: str, length: int) -> None:
    if length > MAX_PAYLOAD_BYTES:
        raise UsageError(f"{label}: a message of {length} bytes; the maximum is 1 GiB")


def _wire_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The little-endian form of an integer type; others have no raw form that can be checked."""
    if dtype.kind not in "iu":
        raise ValueError(f"only integer arrays are sent, not {dtype}")
    return dtype.newbyteorder("<")
