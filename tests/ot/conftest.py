"""Both parties' endpoints over a pair in memory, and a way to run them at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.recorder import Recorder
from cryptomoe.ot.endpoint import OtEndpoint
from cryptomoe.ot.rows import METHODS, Method
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

_PATIENCE = 30.0


class Parties:
    """Two endpoints after their set-up, their channels and recorders, indexed by party."""

    def __init__(
        self,
        *,
        ready: bool = True,
        carriers: tuple[Carrier, Carrier] | None = None,
        method: Method = "iknp",
    ) -> None:
        carriers = carriers or memory_pair(_PATIENCE)
        self.recorders = [Recorder(keep_payloads=True) for _ in Party]
        self.channels = [Channel(party, carriers[party], self.recorders[party]) for party in Party]
        self.endpoints = [OtEndpoint(channel, Randomness(), method) for channel in self.channels]
        if ready:
            self.run(lambda endpoint, _: endpoint.setup())
            for channel in self.channels:
                channel.start_online()

    def run(self, action: Callable[[OtEndpoint, Party], Any]) -> tuple[Any, Any]:
        """Call `action` for both parties at once; an error at one ends both."""

        def guarded(party: Party) -> Any:
            try:
                return action(self.endpoints[party], party)
            except BaseException:
                self.channels[party].abort()
                raise

        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(guarded, party) for party in Party]
            errors = [future.exception(_PATIENCE) for future in futures]
        for error in errors:
            if error is not None:
                raise error
        return futures[0].result(), futures[1].result()

    def sent(self) -> list[list[tuple[str, int]]]:
        """Label and size of every message, by sender."""
        return [
            [(record.label, record.size) for record in recorder.records]
            for recorder in self.recorders
        ]


@pytest.fixture(scope="module", params=METHODS)
def parties(request: pytest.FixtureRequest) -> Parties:
    """Endpoints that the tests of a module share, for each source of rows."""
    return Parties(method=request.param)


@pytest.fixture
def make_parties() -> type[Parties]:
    """Fresh endpoints at each call."""
    return Parties
