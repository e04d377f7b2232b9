"""One party as a process of its own, for test_processes.py.

Usage: peer.py client|server PORT BEHAVIOUR. A server prints `port N` first; both print `running`
when the protocol runs and one JSON object at the end. Whoever unpickles anything fails.
"""

import json
import pickle
import sys
import time
from typing import Any, NoReturn

from cryptomoe.errors import ProtocolError
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.handshake import handshake
from cryptomoe.net.mpyc_connection import connect, listen
from cryptomoe.party import Party

PATIENCE = 30.0
ROUNDS = 50
BUSY_SECONDS = 8.0


def _refuse_pickle(*_arguments: Any, **_options: Any) -> NoReturn:
    raise AssertionError("something was unpickled")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _carrier(party: Party, port: int) -> Carrier:
    if party is Party.CLIENT:
        return connect("127.0.0.1", port, PATIENCE)
    with listen(port=port) as listener:
        _say(f"port {listener.port}")
        return listener.accept(PATIENCE)


def _complete(channel: Channel) -> None:
    """A run that ends in order."""
    with channel.scope("loop"):
        for i in range(ROUNDS):
            payload = bytes([i]) * (1 << (i % 22))
            if channel.exchange("step", payload, len(payload)) != payload:
                raise AssertionError("another payload than was sent")


def _endless(channel: Channel) -> None:
    """A run that only an error ends."""
    with channel.scope("loop"):
        while True:
            channel.exchange("step", b"x", 1)


def _one_sided(channel: Channel) -> None:
    """The client waits for a message while the server computes, for good."""
    if channel.party is Party.CLIENT:
        channel.receive("loop/step", 1)
    while True:
        time.sleep(1)


def _busy(channel: Channel) -> None:
    """The server computes in pure Python for longer than silence is tolerated."""
    if channel.party is Party.SERVER:
        end = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < end:
            sum(range(10000))
    channel.exchange("loop/step", b"x", 1)


def _misfit(channel: Channel) -> None:
    """The server expects one byte more than the client sends."""
    channel.send("loop/step", b"xxx")
    channel.receive("loop/step", 3 + channel.party)
    channel.receive("loop/next", 1)


BEHAVIOURS = {
    "complete": _complete,
    "endless": _endless,
    "one_sided": _one_sided,
    "busy": _busy,
    "misfit": _misfit,
}


def main() -> int:
    """Play the party; 0 after a run in order, 1 after a protocol error."""
    pickle.loads = pickle.load = pickle.Unpickler = _refuse_pickle  # type: ignore[assignment,misc]
    role, port, behaviour = sys.argv[1:]
    party = Party[role.upper()]
    try:
        with Channel(party, _carrier(party, int(port))) as channel:
            handshake(channel, {"version": 1})
            channel.start_online()
            _say("running")
            BEHAVIOURS[behaviour](channel)
    except ProtocolError as error:
        _say(json.dumps({"error": type(error).__name__, "label": error.label}))
        return 1
    statistics = channel.statistics()
    _say(json.dumps({"bytes": statistics.bytes_sent, "rounds": statistics.rounds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
