"""The server's end of connections that no protocol thread has taken yet."""

import asyncio
import queue
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, Self

from cryptomoe.errors import PeerLostError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.io_thread import io_loop
from cryptomoe.net.stream_carrier import Stream, StreamCarrier

_LABEL = "connection"
MAX_WAITING = 16


class ServedStream(Stream, Protocol):
    """A stream that can be turned away."""

    def drop(self) -> None:
        """End the connection at once; in the I/O thread."""


class Listener:
    """Clients that were not accepted yet, at most 16, wait here, kept alive by heartbeats.

    A context manager. `port` is the one the system chose when none was asked for.

    Args:
        bound: a listening socket, which the listener now owns.
        factory: makes the asyncio protocol of a connection; given what to call with the stream
            when its client has shown to be one.
    """

    def __init__(
        self, bound: socket.socket, factory: Callable[[Callable[[ServedStream], None]], Any]
    ) -> None:
        self.port: int = bound.getsockname()[1]
        self._waiting: queue.Queue[ServedStream] = queue.Queue(MAX_WAITING)
        self._loop = io_loop()
        starting = self._loop.create_server(lambda: factory(self._admit), sock=bound)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()

    def __enter__(self) -> Self:
        """The listener itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self.close()

    def accept(self, timeout: float | None = None) -> Carrier:
        """The next client's connection, waiting at most `timeout` seconds (None: no limit).

        Raises:
            PeerLostError: no client came in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                stream = self._waiting.get(timeout=left)
            except queue.Empty:
                raise PeerLostError(_LABEL, f"no client came within {timeout:g} s") from None
            # A client that gave up while it waited is not worth a run.
            if stream.mailbox.failure is None:
                return StreamCarrier(stream)

    def close(self) -> None:
        """Stop listening and turn away who waits; accepted connections live on."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()

    async def _stop(self) -> None:
        self._server.close()
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait().drop()

    def _admit(self, stream: ServedStream) -> None:
        try:
            self._waiting.put_nowait(stream)
        except queue.Full:
            stream.drop()
