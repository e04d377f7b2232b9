"""One party's connection with one other, as a computation by many concurrent tasks uses it.

With three parties or more the messages have no fixed order: MPyC runs many tasks at a time and
pairs a message with its receiver by a program counter, which here travels in front of the content.
A frame's header has the label's hash as between two parties, so that tasks that disagree are
noticed. A thread for each peer waits for frames and hands them to the loop that runs the tasks.
"""

import asyncio
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from cryptomoe.errors import MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.net.carrier import Carrier, CarrierError, CarrierLostError, Frame
from cryptomoe.net.channel import Statistics
from cryptomoe.net.wire import HEADER_BYTES, Header, Kind, decode_header, label_digest

_COUNTER = struct.Struct("<q")
_SETUP = "setup"
_PATH: ContextVar[tuple[str, ...]] = ContextVar("path", default=())


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Tasks made inside, and tasks that they make, put `name` in front of their labels."""
    before = _PATH.set((*_PATH.get(), name))
    try:
        yield
    finally:
        _PATH.reset(before)


def current_label() -> str:
    """The label of what the current task sends."""
    return "/".join(_PATH.get()) or "connection"


class Traffic:
    """Counts what this party sends, by label; key material and shares of weights are set-up."""

    def __init__(self) -> None:
        self._online = False
        self._sent = 0
        self._setup = 0
        self._by_label: dict[str, tuple[int, int]] = {}

    def start_online(self) -> None:
        """From here on only labels with a component `setup` count as set-up."""
        self._online = True

    def count(self, label: str, size: int) -> None:
        """One message of `size` bytes, header included."""
        if not self._online or _SETUP in label.split("/"):
            self._setup += size
            return
        self._sent += size
        total, messages = self._by_label.get(label, (0, 0))
        self._by_label[label] = (total + size, messages + 1)

    def statistics(self, rounds: int) -> Statistics:
        """The traffic so far."""
        return Statistics(self._sent, self._setup, rounds, dict(self._by_label))


class Link:
    """A connection in the shape of MPyC's message exchanger.

    Used in the thread of `loop` alone. `failed` is told, once, why nothing more will come; the
    errors name a label that was waited for.
    """

    def __init__(
        self,
        peer: int,
        carrier: Carrier,
        loop: asyncio.AbstractEventLoop,
        traffic: Traffic,
        failed: Callable[[ProtocolError], None],
    ) -> None:
        self.peer = peer
        self.goodbye: asyncio.Future[None] = loop.create_future()
        self.nbytes_sent = 0
        self._carrier = carrier
        self._loop = loop
        self._traffic = traffic
        self._failed = failed
        self._arrived: dict[int, tuple[bytes, bytes]] = {}
        self._awaited: dict[int, tuple[asyncio.Future[bytes], str]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, counter: int, payload: bytes) -> None:
        """Send under the current label, for the task with this program counter."""
        label = current_label()
        content = _COUNTER.pack(counter) + payload
        header = Header(Kind.DATA, label_digest(label), 0, len(content)).encode()
        try:
            self._carrier.send_frame(header, content)
        except CarrierError as error:
            self._lose(error.reason)
            return
        self._traffic.count(label, len(header) + len(content))
        self.nbytes_sent += len(header) + len(content)

    def receive(self, counter: int) -> "bytes | asyncio.Future[bytes]":
        """What the peer's task with this program counter sent, or will send."""
        label = current_label()
        if counter in self._arrived:
            digest, content = self._arrived.pop(counter)
            self._check(label, digest)
            return content
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._awaited[counter] = (future, label)
        return future

    def say(self, kind: Kind) -> None:
        """Tell the peer that this side has finished, or gives up."""
        header = Header(kind, label_digest(current_label()), 0, 0).encode()
        with suppress(CarrierError):
            self._carrier.send_frame(header, b"")

    def close(self) -> None:
        """End the connection and the thread that reads from it."""
        self._carrier.close()
        self._reader.join()

    def _read(self) -> None:
        """Hand over frames until there are none left, in a thread of its own."""
        with suppress(RuntimeError):  # the loop was closed
            while True:
                try:
                    frame = self._carrier.receive_frame()
                except CarrierLostError as error:
                    self._loop.call_soon_threadsafe(self._lose, error.reason)
                    return
                except CarrierError as error:
                    self._loop.call_soon_threadsafe(self._refuse, error.reason)
                    return
                self._loop.call_soon_threadsafe(self._deliver, frame)

    def _deliver(self, frame: Frame) -> None:
        content = b"".join(frame.pieces)
        try:
            header = decode_header(frame.header)
        except ValueError as error:
            self._refuse(str(error))
            return
        if header.kind is Kind.GOODBYE:
            if not self.goodbye.done():
                self.goodbye.set_result(None)
        elif header.kind is not Kind.DATA:
            self._lose("it gave up the run")
        elif header.length != frame.size - HEADER_BYTES or header.length < _COUNTER.size:
            self._refuse("a message whose length is not the one announced")
        else:
            (counter,) = _COUNTER.unpack_from(content)
            self._arrive(counter, header.digest, content[_COUNTER.size :])

    def _arrive(self, counter: int, digest: bytes, content: bytes) -> None:
        if counter in self._arrived:
            self._refuse("two messages for one task")
        elif counter in self._awaited:
            future, label = self._awaited.pop(counter)
            self._check(label, digest)
            if not future.done():
                future.set_result(content)
        else:
            self._arrived[counter] = (digest, content)

    def _check(self, label: str, digest: bytes) -> None:
        if digest != label_digest(label):
            self._refuse("the message that came has another label", label)

    def _lose(self, reason: str) -> None:
        # A peer that has said goodbye may go.
        if not self.goodbye.done():
            self._failed(PeerLostError(self._label(), f"party {self.peer}: {reason}"))

    def _refuse(self, reason: str, label: str | None = None) -> None:
        self._failed(MalformedMessageError(label or self._label(), f"party {self.peer}: {reason}"))

    def _label(self) -> str:
        """A label that is waited for."""
        return next((label for _, label in self._awaited.values()), "connection")
