"""The server's end of connections that no protocol thread has taken yet.

A stranger is turned away, and the next one served. Who waits for certain parties asks `check`
besides: a connection that fails for its certificate, or because one side speaks TLS and the other
does not, is more often one of theirs, wrongly set up, than a stranger's.
"""

import asyncio
import queue
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, Self

from cryptomoe.errors import HandshakeError, PeerLostError
from cryptomoe.net.io_thread import io_loop
from cryptomoe.net.stream_carrier import Stream, StreamCarrier
from cryptomoe.net.tls import TLS_SECONDS, Credentials, reason_of

_LABEL = "connection"
MAX_WAITING = 16
_PAUSE_SECONDS = 0.1


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
        credentials: with them, clients must show a certificate over TLS.
    """

    def __init__(
        self,
        bound: socket.socket,
        factory: Callable[[Callable[[ServedStream], None]], Any],
        credentials: Credentials | None = None,
    ) -> None:
        self._refusal: HandshakeError | None = None
        self._lost: PeerLostError | None = None
        self._admitted: list[ServedStream] = []
        self.port: int = bound.getsockname()[1]
        self._waiting: queue.Queue[ServedStream] = queue.Queue(MAX_WAITING)
        self._loop = io_loop()
        self._factory = factory
        starting = self._start(bound, credentials)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()

    def __enter__(self) -> Self:
        """The listener itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self.close()

    def accept(self, timeout: float | None = None) -> StreamCarrier:
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
            self._admitted.remove(stream)
            # A client that gave up while it waited is not worth a run.
            if stream.mailbox.failure is None:
                return StreamCarrier(stream)
            self._lost = self._lost or _loss(stream)

    def check(self) -> None:
        """Raise the first failure that keeps a party from joining.

        Raises:
            HandshakeError: a connection without TLS or with it, or with a certificate, that it
                should not have.
            PeerLostError: a client that was admitted left before it was accepted.
        """
        losses = [self._lost, *map(_loss, tuple(self._admitted))]
        for error in (self._refusal, *losses):
            if error is not None:
                raise error

    def close(self) -> None:
        """Stop listening and turn away who waits; accepted connections live on."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()

    async def _start(
        self, bound: socket.socket, credentials: Credentials | None
    ) -> "asyncio.Server | _SecureServer":
        if credentials is None:
            return await self._loop.create_server(lambda: self._factory(self._admit), sock=bound)
        return _SecureServer(bound, lambda: self._factory(self._admit), credentials, self._refuse)

    async def _stop(self) -> None:
        self._server.close()
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait().drop()

    def _admit(self, stream: ServedStream) -> None:
        failure = stream.mailbox.failure
        if failure is not None:
            self._refuse("a client", failure.reason)
            return
        self._admitted.append(stream)
        try:
            self._waiting.put_nowait(stream)
        except queue.Full:
            self._admitted.remove(stream)
            stream.drop()

    def _refuse(self, address: str, reason: str) -> None:
        if self._refusal is None:
            self._refusal = HandshakeError(_LABEL, f"from {address}: {reason}")


def _loss(stream: ServedStream) -> PeerLostError | None:
    """Why a client that waits is gone; None while it is there."""
    failure = stream.mailbox.failure
    if failure is None:
        return None
    client = "a client" if stream.certified is None else f"party {stream.certified}"
    return PeerLostError(_LABEL, f"{client}: {failure.reason}")


class _SecureServer:
    """Accepts connections, as asyncio's server does, and says which of them fail their handshake.

    Lives in the I/O thread; `refused` is told where the connection came from, and why it failed.
    """

    def __init__(
        self,
        bound: socket.socket,
        factory: Callable[[], Any],
        credentials: Credentials,
        refused: Callable[[str, str], None],
    ) -> None:
        self._bound = bound
        self._factory = factory
        self._context = credentials.accepting
        self._refused = refused
        self._loop = asyncio.get_running_loop()
        bound.settimeout(0)
        self._securing: set[asyncio.Task[None]] = set()
        self._accepting = self._loop.create_task(self._accept())

    def close(self) -> None:
        """Stop accepting; connections in their handshake are given up."""
        self._accepting.cancel()
        for task in self._securing:
            task.cancel()
        self._bound.close()

    async def _accept(self) -> None:
        while True:
            try:
                accepted, address = await self._loop.sock_accept(self._bound)
            except OSError:
                # One that left at once, or too many open files.
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if len(self._securing) >= MAX_WAITING:
                accepted.close()
                continue
            task = self._loop.create_task(self._secure(accepted, str(address[0])))
            self._securing.add(task)
            task.add_done_callback(self._securing.discard)

    async def _secure(self, accepted: socket.socket, address: str) -> None:
        try:
            await self._loop.connect_accepted_socket(
                self._factory, accepted, ssl=self._context, ssl_handshake_timeout=TLS_SECONDS
            )
        except OSError as error:
            self._refused(address, reason_of(error))
