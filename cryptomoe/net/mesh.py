"""Connections between every two of three or more parties, each over a carrier of its own.

Party i listens for the parties before it and connects to those after it. Whoever connects says its
number first; then every two compare their terms, in an order in which nobody waits in a circle.
Over TLS the number must be that of the certificate shown. Whoever waits for one party watches what
it has of the others, so that one that gives up ends all.
"""

import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress

from cryptomoe.errors import HandshakeError, MalformedMessageError, PeerLostError, ProtocolError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.handshake import Term, handshake
from cryptomoe.net.listener import Listener
from cryptomoe.net.mpyc_connection import connect
from cryptomoe.net.stream_carrier import StreamCarrier
from cryptomoe.net.tls import Credentials
from cryptomoe.party import Party

_NUMBER = struct.Struct("<H")
_NAME = "number"
_LABEL = "connection"
_WATCH_SECONDS = 0.2


def join_mesh(
    index: int,
    addresses: Sequence[tuple[str, int]],
    listener: Listener | None,
    terms: Mapping[str, Term],
    timeout: float,
    credentials: Credentials | None = None,
) -> dict[int, Carrier]:
    """This party's carriers by the number of the peer; all agree on `terms`.

    `addresses` has one (host, port) a party, of which the first is not used; `listener` is this
    party's own, None at party 0. Everybody must be there within `timeout` seconds. With
    `credentials`, which the listener must have too, all connections are over TLS.

    Raises:
        PeerLostError: somebody did not come.
        HandshakeError: somebody has other terms, or not the certificate of the party it should be.
        MalformedMessageError: somebody is no party of this run.
    """
    deadline = time.monotonic() + timeout
    carriers: dict[int, StreamCarrier] = {}

    def watch() -> None:
        _watch(carriers, listener)

    with ExitStack() as unless_joined:
        channels: dict[int, Channel] = {}
        for peer in range(index + 1, len(addresses)):
            host, port = addresses[peer]
            left = max(0.1, deadline - time.monotonic())
            secured = None if credentials is None else (credentials, peer)
            carrier = connect(host, port, left, secured=secured, watch=watch)
            carriers[peer] = carrier
            channels[peer] = unless_joined.enter_context(_Aborting(Party.CLIENT, carrier))
            _check_certificate(carrier, peer, credentials)
            with _naming(peer):
                channels[peer].send(_NAME, _NUMBER.pack(index))
        if listener is not None:
            while missing := set(range(index)) - carriers.keys():
                carrier = _next(listener, deadline, missing, watch)
                channel = unless_joined.enter_context(_Aborting(Party.SERVER, carrier))
                peer = _number(channel, index, carriers)
                _check_certificate(carrier, peer, credentials)
                carriers[peer], channels[peer] = carrier, channel
        for peer in sorted(channels):
            with _naming(peer):
                handshake(channels[peer], terms)
        unless_joined.pop_all()
    return dict(carriers)


class _Aborting(Channel):
    """A channel that, as a context manager, only ends with an abort."""

    def __exit__(self, *_error: object) -> None:
        self.abort()


def _number(channel: Channel, index: int, known: Mapping[int, Carrier]) -> int:
    number: int = _NUMBER.unpack(channel.receive(_NAME, _NUMBER.size))[0]
    if number >= index or number in known:
        raise MalformedMessageError(channel.label(_NAME), "a number that nobody here expects")
    return number


def _next(
    listener: Listener, deadline: float, missing: set[int], watch: Callable[[], None]
) -> StreamCarrier:
    """The next connection, unless one of those there already has failed."""
    while (left := deadline - time.monotonic()) > 0:
        watch()
        with suppress(PeerLostError):
            return listener.accept(min(left, _WATCH_SECONDS))
    names = ", ".join(str(peer) for peer in sorted(missing))
    raise PeerLostError(_LABEL, f"there was nothing of party {names}")


def _watch(carriers: Mapping[int, StreamCarrier], listener: Listener | None) -> None:
    """Raise what has gone wrong so far."""
    if listener is not None:
        listener.check()
    for peer, carrier in carriers.items():
        if carrier.failure is not None:
            raise PeerLostError(_LABEL, f"party {peer}: {carrier.failure.reason}")


def _check_certificate(carrier: StreamCarrier, peer: int, credentials: Credentials | None) -> None:
    if credentials is not None and carrier.certified != peer:
        owner = "no party" if carrier.certified is None else f"party {carrier.certified}"
        raise HandshakeError(_LABEL, f"who says to be party {peer} has a certificate of {owner}")


@contextmanager
def _naming(peer: int) -> Iterator[None]:
    """Errors inside name the party at the other end."""
    try:
        yield
    except ProtocolError as error:
        raise type(error)(error.label, f"party {peer}: {error.reason}") from None
