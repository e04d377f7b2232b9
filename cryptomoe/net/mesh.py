"""Connections between every two of three or more parties, each over a carrier of its own.

Party i listens for the parties before it and connects to those after it. Whoever connects says its
number first; then every two compare their terms, in an order in which nobody waits in a circle.
"""

import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from cryptomoe.errors import MalformedMessageError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.handshake import Term, handshake
from cryptomoe.net.listener import Listener
from cryptomoe.net.mpyc_connection import connect
from cryptomoe.party import Party

_NUMBER = struct.Struct("<H")
_NAME = "number"


def join_mesh(
    index: int,
    addresses: Sequence[tuple[str, int]],
    listener: Listener | None,
    terms: Mapping[str, Term],
    timeout: float,
) -> dict[int, Carrier]:
    """This party's carriers by the number of the peer; all agree on `terms`.

    `addresses` has one (host, port) a party, of which the first is not used; `listener` is this
    party's own, None at party 0. Everybody must be there within `timeout` seconds.

    Raises:
        PeerLostError: somebody did not come.
        HandshakeError: somebody has other terms.
        MalformedMessageError: somebody is no party of this run.
    """
    deadline = time.monotonic() + timeout
    carriers: dict[int, Carrier] = {}
    with ExitStack() as unless_joined:
        channels: dict[int, Channel] = {}
        for peer in range(index + 1, len(addresses)):
            host, port = addresses[peer]
            carriers[peer] = connect(host, port, max(0.1, deadline - time.monotonic()))
            channels[peer] = unless_joined.enter_context(_Aborting(Party.CLIENT, carriers[peer]))
            channels[peer].send(_NAME, _NUMBER.pack(index))
        if listener is not None:
            for _ in range(index):
                carrier = listener.accept(max(0.1, deadline - time.monotonic()))
                channel = unless_joined.enter_context(_Aborting(Party.SERVER, carrier))
                peer = _number(channel, index, carriers)
                carriers[peer], channels[peer] = carrier, channel
        for peer in sorted(channels):
            handshake(channels[peer], terms)
        unless_joined.pop_all()
    return carriers


class _Aborting(Channel):
    """A channel that, as a context manager, only ends with an abort."""

    def __exit__(self, *_error: object) -> None:
        self.abort()


def _number(channel: Channel, index: int, known: Mapping[int, Carrier]) -> int:
    number: int = _NUMBER.unpack(channel.receive(_NAME, _NUMBER.size))[0]
    if number >= index or number in known:
        raise MalformedMessageError(channel.label(_NAME), "a number that nobody here expects")
    return number
