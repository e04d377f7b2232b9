"""A connection between two processes, over MPyC's message exchanger.

MPyC gives the wire format of its peer connections (a greeting with the party's number, numbered
messages) and the code that writes and splits it. What surrounds it is ours, because MPyC's runtime
listens on every interface, connects for ever, buffers without bounds, does not notice a dead peer,
and pickles in `transfer` and `shutdown`: only `mpyc.asyncoro` is loaded, without pseudorandom
secret sharing (its keys would be sent in the greeting) and with explicit message numbers in place
of program counters, which makes platforms of 32 and 64 bits mix.

All callbacks run in the I/O thread; `StreamCarrier` is the protocol thread's side. The peer is dead
when the connection closes, or when nothing was heard of it for `SILENCE_SECONDS`; both send
heartbeats every `HEARTBEAT_SECONDS` from their I/O threads. Without credentials this layer neither
encrypts nor authenticates: over an untrusted network it then belongs inside a tunnel that does.
"""

import asyncio
import os
import socket
import ssl
import time
import warnings
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Condition
from types import SimpleNamespace
from typing import Any

from cryptomoe.errors import HandshakeError, PeerLostError, UsageError
from cryptomoe.net.carrier import CarrierError, CarrierLostError, FramingError
from cryptomoe.net.framing import Assembler, StreamGuard, split
from cryptomoe.net.io_thread import io_loop
from cryptomoe.net.listener import Listener
from cryptomoe.net.mailbox import Mailbox
from cryptomoe.net.stream_carrier import CLOSE_SECONDS, StreamCarrier
from cryptomoe.net.tls import TLS_SECONDS, Credentials, certified_party, name_of, reason_of
from cryptomoe.party import Party


@contextmanager
def without_side_effects() -> Iterator[None]:
    """Keep MPyC from acting on its import.

    It would parse sys.argv, set environment variables and configure logging, but not where it takes
    itself to be imported for its documentation. Its array types also import a module of numpy under
    a name that numpy warns of.
    """
    variable = "READTHEDOCS"
    before = os.environ.get(variable)
    os.environ[variable] = "True"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


with without_side_effects():
    import mpyc
    from mpyc.asyncoro import MessageExchanger

LOOPBACK = "127.0.0.1"
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS = 6.0
_RETRY_SECONDS = 0.1
_LABEL = "connection"
_TLS_HANDSHAKE = b"\x16\x03"
_WRITE_BUFFER = 4 << 20
_READ_BACKLOG = 256 << 20
_READ_LIMIT = 4 << 30
"""Reading pauses at the backlog, unless this side waits to send; the limit holds even then."""


class _Exchanger(MessageExchanger):  # type: ignore[misc]
    """One connection, in the I/O thread.

    Args:
        party: who this side is; only the server is greeted.
        identified: called when the greeting of a client has come, or one's that speaks TLS.
    """

    def __init__(self, party: Party, identified: Callable[["_Exchanger"], None]) -> None:
        runtime = SimpleNamespace(
            pid=int(party),
            options=SimpleNamespace(no_prss=True),
            set_protocol=lambda _peer, exchanger: identified(exchanger),
        )
        server = party is Party.SERVER
        super().__init__(runtime, None if server else int(party.peer))
        self._identified = identified
        self.mailbox = Mailbox()
        self.room = Condition()
        self.backlog = 0
        self.sender_waits = False
        self.reading_paused = False
        self.certified: int | None = None
        self._loop = io_loop()
        self._guard = StreamGuard(int(party.peer).to_bytes(2, "little") if server else b"")
        self._assembler = Assembler()
        self._received = 0
        self._sent = 0
        self._outgoing: deque[memoryview] = deque()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writing_paused = False
        self._deaf = False
        self._was_heard = False
        self._peer_ended = False
        self._finishing = False
        self._lost = asyncio.Event()
        self._heard = self._ticked = self._loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Greet, and start the heartbeats."""
        transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        # asyncio does it only for sockets made with an explicit protocol number.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.certified = certified_party(transport.get_extra_info("peercert"))
        super().connection_made(transport)
        self._tick()

    def data_received(self, data: bytes) -> None:
        """Check the framing, let MPyC split it, hand complete frames to the protocol thread."""
        self._heard = self._loop.time()
        self._was_heard = True
        if self._deaf:
            return
        try:
            self._guard.check(data)
            super().data_received(data)
            while (content := self.buffers.pop(self._received, None)) is not None:
                self._received += 1
                frame = self._assembler.add(content)
                if frame is not None:
                    self.mailbox.put(frame)
            if self.mailbox.held > _READ_LIMIT:
                raise FramingError("more unread messages than may be kept")  # noqa: TRY301
        except FramingError as failure:
            self._deaf = True
            if self.peer_pid is None:
                self._turn_away(failure, data)
            else:
                self.fail(failure)
        self.regulate()

    def eof_received(self) -> bool:
        """The peer closed; this side's transport writes what it holds, then closes too."""
        self._peer_ended = True
        self.fail(CarrierLostError(self._ending("the peer closed the connection")))
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        """The end of the connection, in whatever way."""
        self.fail(CarrierLostError(self._ending("the connection to the peer was lost")))
        self._lost.set()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The transport has enough to write."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """The transport takes more again, or is gone and swallows everything."""
        self._writing_paused = False
        self._feed()

    def fail(self, failure: CarrierError) -> None:
        """Nothing more will come; wake the protocol thread wherever it waits."""
        self.mailbox.fail(failure)
        with self.room:
            self.room.notify_all()

    def write(self, header: bytes, payload: bytes) -> None:
        """Queue a message in pieces; its bytes leave the backlog as they are written."""
        self._outgoing.extend(split(header, payload))
        self._feed()

    def regulate(self) -> None:
        """Read on, or let the peer wait while too much is unread.

        A side that waits to send reads on: both could otherwise wait for each other.
        """
        # Set before looking: a thread that empties the mailbox in between then calls again.
        self.reading_paused = True
        if self._deaf or self.sender_waits or self.mailbox.held <= _READ_BACKLOG:
            self.reading_paused = False
            self.transport.resume_reading()
        else:
            self.transport.pause_reading()

    def drop(self) -> None:
        """End the connection at once."""
        if not self._lost.is_set():
            self.transport.abort()

    async def finish(self) -> None:
        """Write what is left, end this side's stream, and wait for the peer to end its own.

        Closing at once could destroy, in the peer's buffers, the message that says why. TLS has no
        half-closed connections; there closing writes what is left and waits by itself.
        """
        self._deaf = True
        self.regulate()
        # Beside the time limit: ending the stream of a peer that is gone may fail.
        with suppress(OSError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._idle.wait()
                self._finishing = True
                if not self.transport.is_closing():
                    if self.transport.can_write_eof():
                        self.transport.write_eof()
                    else:
                        self.transport.close()
                await self._lost.wait()
        self.drop()

    def _feed(self) -> None:
        """Write pieces while the transport takes them; one that closes is given none."""
        written = 0
        while self._outgoing and not self._writing_paused:
            piece = self._outgoing.popleft()
            written += len(piece)
            if not self._gone():
                self._send_piece(bytes(piece))
        if not self._outgoing:
            self._idle.set()
        else:
            self._idle.clear()
        with self.room:
            self.backlog -= written
            self.room.notify_all()

    def _send_piece(self, piece: bytes) -> None:
        self.send(self._sent, piece)
        self._sent += 1

    def _turn_away(self, failure: FramingError, data: bytes) -> None:
        """A stranger, or a party that was told to use TLS, of which whoever waits must hear."""
        if data.startswith(_TLS_HANDSHAKE):
            self.fail(FramingError("it speaks TLS, for which this side was given no certificate"))
            self._identified(self)
        else:
            self.fail(failure)
        self.transport.abort()

    def _ending(self, reason: str) -> str:
        """In TLS 1.3 who connects is first heard, by a heartbeat, when its certificate passes."""
        if self.certified is None or self._was_heard:
            return reason
        return f"{reason} before its first message: it may not accept this side's certificate"

    def _gone(self) -> bool:
        return self._lost.is_set() or self._peer_ended or self.transport.is_closing()

    def _tick(self) -> None:
        """Once per heartbeat: send one, and see whether the peer's still come."""
        if self._gone() or self._finishing:
            return
        now = self._loop.time()
        # Silence counts only while this loop itself was listening.
        if self.reading_paused or now - self._ticked > 2 * HEARTBEAT_SECONDS:
            self._heard = now
        self._ticked = now
        if now - self._heard > SILENCE_SECONDS:
            self.fail(CarrierLostError(f"nothing heard of the peer for {SILENCE_SECONDS:g} s"))
            self.transport.abort()
            return
        # Whoever is held up writing has already sent more than a heartbeat.
        if not self._writing_paused:
            self._send_piece(b"")
        self._loop.call_later(HEARTBEAT_SECONDS, self._tick)


def listen(host: str = LOOPBACK, port: int = 0, credentials: Credentials | None = None) -> Listener:
    """Bind as the server; port 0 lets the system choose, and the listener says which.

    With `credentials` clients must speak TLS and show a certificate.

    Raises:
        UsageError: the address cannot be bound.
    """
    _check_port(port)
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.create_server(address[:2], family=family)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return Listener(bound, partial(_Exchanger, Party.SERVER), credentials)


def connect(
    host: str,
    port: int,
    timeout: float,
    *,
    secured: tuple[Credentials, int] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> StreamCarrier:
    """Connect as the client, trying again until `timeout` seconds have passed.

    `secured`, credentials and the number of the party to be found there, asks for TLS; `watch` is
    called before every further attempt and may raise.

    Raises:
        PeerLostError: nobody answered in time.
        HandshakeError: who answered speaks no TLS, or has not that party's certificate.
    """
    _check_port(port)
    loop = io_loop()
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        attempt = asyncio.run_coroutine_threadsafe(_open(host, port, left, secured), loop)
        try:
            return StreamCarrier(attempt.result())
        except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
            # Whoever answered will not do better the next time.
            if secured is not None:
                reason = f"party {secured[1]} at {host}:{port}: {reason_of(error)}"
                raise HandshakeError(_LABEL, reason) from None
        except OSError:
            pass
        # Not before the first: who is there must be reached, to hear that this side gives up.
        watch()
        time.sleep(min(_RETRY_SECONDS, max(0.0, deadline - time.monotonic())))
    raise PeerLostError(_LABEL, f"nobody answers at {host}:{port} within {timeout:g} s")


async def _open(
    host: str, port: int, seconds: float, secured: tuple[Credentials, int] | None
) -> _Exchanger:
    """One attempt; OSError, which includes TimeoutError and those of TLS, when it fails."""
    tls: dict[str, Any] = {}
    if secured is not None:
        credentials, peer = secured
        tls = {
            "ssl": credentials.connecting,
            "server_hostname": name_of(peer),
            "ssl_handshake_timeout": TLS_SECONDS,
        }
    opening = asyncio.get_running_loop().create_connection(
        lambda: _Exchanger(Party.CLIENT, lambda _exchanger: None), host, port, **tls
    )
    transport, exchanger = await asyncio.wait_for(opening, seconds)
    # On loopback, TCP can connect a port to itself when nobody listens there.
    if transport.get_extra_info("sockname") == transport.get_extra_info("peername"):
        transport.abort()
        raise ConnectionRefusedError
    return exchanger


def mpyc_options(arguments: Sequence[str]) -> tuple[Namespace, list[str]]:
    """The options that MPyC knows among a program's arguments, and the other arguments."""
    known, others = mpyc._get_arg_parser().parse_known_args(list(arguments))  # noqa: SLF001
    return known, others


def _check_port(port: int) -> None:
    if not 0 <= port < 1 << 16:
        raise UsageError(f"{port} is no port number")
