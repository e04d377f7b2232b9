"""The protocol thread's side of a connection that lives in the I/O thread."""

import asyncio
from contextlib import suppress
from threading import Condition
from typing import Protocol

from cryptomoe.net.carrier import CarrierError, CarrierLostError, Frame
from cryptomoe.net.io_thread import io_loop
from cryptomoe.net.mailbox import Mailbox

WRITE_BACKLOG = 64 << 20
"""Bytes handed over and not yet written above which a sender waits."""
CLOSE_SECONDS = 3.0


class Stream(Protocol):
    """A connection as the I/O thread sees it; `room` guards `backlog`.

    `certified`: the party whose certificate the peer has shown, None without TLS.
    """

    mailbox: Mailbox
    room: Condition
    backlog: int
    sender_waits: bool
    reading_paused: bool
    certified: int | None

    def write(self, header: bytes, payload: bytes) -> None:
        """Write a message, taking its bytes off the backlog as they are written."""

    def regulate(self) -> None:
        """Pause or resume reading, by what is unread."""

    def fail(self, failure: CarrierError) -> None:
        """End the mailbox and wake whoever waits; from any thread."""

    async def finish(self) -> None:
        """Write what is left and end the connection."""


class StreamCarrier:
    """One party's carrier over a stream; see `Carrier`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._loop = io_loop()
        self._closed = False

    @property
    def certified(self) -> int | None:
        """The party whose certificate the peer has shown; None without TLS, or if it is none's."""
        return self._stream.certified

    @property
    def failure(self) -> CarrierError | None:
        """Why nothing more will come, even while frames that came are still unread."""
        return self._stream.mailbox.failure

    def send_frame(self, header: bytes, payload: bytes) -> None:
        """Hand a message to the I/O thread, waiting while too much is unwritten."""
        stream = self._stream
        with stream.room:
            if stream.backlog > WRITE_BACKLOG:
                stream.sender_waits = True
                self._loop.call_soon_threadsafe(stream.regulate)
                stream.room.wait_for(lambda: stream.backlog <= WRITE_BACKLOG or self._lost())
                stream.sender_waits = False
            lost = self._lost()
            if lost is not None:
                raise CarrierLostError(lost.reason)
            stream.backlog += len(header) + len(payload)
        self._loop.call_soon_threadsafe(stream.write, header, payload)

    def receive_frame(self, timeout: float | None = None) -> Frame:
        """The next frame; heartbeats limit the wait even without a timeout."""
        frame = self._stream.mailbox.take(timeout)
        if self._stream.reading_paused:
            self._loop.call_soon_threadsafe(self._stream.regulate)
        return frame

    def close(self) -> None:
        """Write what is left, within `CLOSE_SECONDS`, and end the connection."""
        if self._closed:
            return
        self._closed = True
        self._stream.fail(CarrierLostError("this side closed the connection"))
        ending = asyncio.run_coroutine_threadsafe(self._stream.finish(), self._loop)
        with suppress(TimeoutError):
            ending.result(CLOSE_SECONDS + 1)

    def _lost(self) -> CarrierLostError | None:
        """Why nothing can be sent; a peer that broke the framing can still be told so."""
        failure = self._stream.mailbox.failure
        return failure if isinstance(failure, CarrierLostError) else None
