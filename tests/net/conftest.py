"""Pairs of channels over every carrier, and a way to run both parties at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Thread
from typing import Any

import pytest

from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.mpyc_connection import connect, listen
from cryptomoe.party import Party

PATIENCE = 30.0

Carriers = tuple[Carrier, Carrier]
Channels = tuple[Channel, Channel]
RunBoth = Callable[..., tuple[Any, Any]]


def _tcp_pair() -> Carriers:
    with listen() as listener:
        client = connect("127.0.0.1", listener.port, PATIENCE)
        return client, listener.accept(PATIENCE)


@pytest.fixture(params=["memory", "mpyc"])
def carriers(request: pytest.FixtureRequest) -> Iterator[Carriers]:
    """The client's carrier and the server's."""
    pair = memory_pair(PATIENCE) if request.param == "memory" else _tcp_pair()
    yield pair
    for carrier in pair:
        carrier.close()


@pytest.fixture
def tcp_carriers() -> Iterator[Carriers]:
    """As `carriers`, over a real connection only."""
    pair = _tcp_pair()
    yield pair
    for carrier in pair:
        carrier.close()


@pytest.fixture
def channels(carriers: Carriers) -> Channels:
    """The client's channel and the server's."""
    return Channel(Party.CLIENT, carriers[0]), Channel(Party.SERVER, carriers[1])


def _start(work: Callable[[], Any]) -> Future[Any]:
    """Run in a daemon thread, so that a party that waits for ever fails its test and no more."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 (the test looks at it)
            outcome.set_result(error)

    Thread(target=run, daemon=True).start()
    return outcome


@pytest.fixture
def run_both() -> RunBoth:
    """Run one function per party in two threads; results or the exceptions they raised."""

    def run(client: Callable[[], Any], server: Callable[[], Any]) -> tuple[Any, Any]:
        outcomes = _start(client), _start(server)
        return outcomes[0].result(PATIENCE), outcomes[1].result(PATIENCE)

    return run
