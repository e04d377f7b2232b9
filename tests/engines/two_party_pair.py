"""Runs both parties of the two-party engine as threads of this process, over the in-memory pair."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from cryptomoe.engines.abb import Secret
from cryptomoe.engines.two_party import Truncation, TwoPartyEngine
from cryptomoe.field import IntArray, P
from cryptomoe.he.backends import BACKENDS, DEFAULT_BACKEND
from cryptomoe.net.channel import Channel, Statistics
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.recorder import Record, Recorder
from cryptomoe.ot.rows import Method
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

Result = TypeVar("Result")


class Run(Generic[Result]):
    """What both parties returned, their traffic, and every message they sent."""

    def __init__(self) -> None:
        self.results: dict[Party, Result] = {}
        self.statistics: dict[Party, Statistics] = {}
        self.records: dict[Party, tuple[Record, ...]] = {}
        self.failures: dict[Party, BaseException] = {}

    @property
    def client(self) -> Result:
        """What the client returned."""
        return self.results[Party.CLIENT]

    @property
    def shape(self) -> list[tuple[Party, str, int, int]]:
        """The transcript without its contents."""
        return [
            (record.sender, record.label, record.size, record.depth)
            for party in Party
            for record in self.records[party]
        ]


def run_two_party(
    protocol: Callable[[TwoPartyEngine], Result],
    truncation: Truncation = "exact",
    *,
    he: str = DEFAULT_BACKEND,
    keep_payloads: bool = False,
    ot: Method = "iknp",
) -> Run[Result]:
    """Run `protocol` at both parties; a failure of either is raised here.

    `he` names the backend of homomorphic encryption.
    """
    run: Run[Result] = Run()
    carriers = memory_pair()

    def take_part(party: Party) -> None:
        recorder = Recorder(keep_payloads=keep_payloads)
        channel = Channel(party, carriers[party], recorder)
        try:
            with channel:
                engine = TwoPartyEngine(
                    channel, Randomness(), truncation, backend=BACKENDS[he], ot=ot
                )
                engine.setup()
                channel.start_online()
                run.results[party] = protocol(engine)
                run.statistics[party] = channel.statistics()
                run.records[party] = recorder.records
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            run.failures[party] = error

    threads = [threading.Thread(target=take_part, args=(party,)) for party in Party]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in run.failures.values():
        raise failure
    return run


def shared(engine: TwoPartyEngine, values: IntArray, bound: int, seed: int = 0) -> Secret:
    """`values` as a Secret whose shares are uniform: drawn from a public seed, for tests."""
    mask = np.random.default_rng(seed).integers(-P // 2, P // 2, values.shape)
    parts = [
        engine.input(owner, part if engine.party is owner else None, values.shape, bound)
        for owner, part in ((Party.CLIENT, mask), (Party.SERVER, values - mask))
    ]
    return engine.declare(engine.add(*parts), bound)
