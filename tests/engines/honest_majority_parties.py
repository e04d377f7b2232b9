"""Runs all parties of the honest-majority engine as threads of this process."""

import threading
from collections.abc import Callable
from itertools import combinations
from typing import Generic, TypeVar

from cryptomoe.engines.abb import Secret
from cryptomoe.engines.honest_majority import HonestMajorityEngine, Truncation
from cryptomoe.field import IntArray
from cryptomoe.net.carrier import Carrier
from cryptomoe.net.channel import Statistics
from cryptomoe.net.memory_pair import memory_pair

Result = TypeVar("Result")


class PartiesRun(Generic[Result]):
    """What all parties returned, and their traffic, by their numbers."""

    def __init__(self) -> None:
        self.results: dict[int, Result] = {}
        self.statistics: dict[int, Statistics] = {}
        self.failures: dict[int, BaseException] = {}

    @property
    def client(self) -> Result:
        """What party 0 returned."""
        return self.results[0]

    @property
    def shape(self) -> list[tuple[int, str, int, int]]:
        """(sender, label, bytes, messages), of all parties, in no order of time."""
        return sorted(
            (index, label, size, messages)
            for index, told in self.statistics.items()
            for label, (size, messages) in told.by_label.items()
        )


def memory_mesh(parties: int) -> list[dict[int, Carrier]]:
    """Every party's carriers by the number of the peer."""
    carriers: list[dict[int, Carrier]] = [{} for _ in range(parties)]
    for one, other in combinations(range(parties), 2):
        carriers[one][other], carriers[other][one] = memory_pair()
    return carriers


def run_honest_majority(
    protocol: Callable[[HonestMajorityEngine], Result],
    truncation: Truncation = "exact",
    *,
    parties: int = 3,
    threshold: int | None = None,
) -> PartiesRun[Result]:
    """Run `protocol` at all parties; a failure of any is raised here."""
    run: PartiesRun[Result] = PartiesRun()
    carriers = memory_mesh(parties)

    def take_part(index: int) -> None:
        try:
            with HonestMajorityEngine(
                index, carriers[index], truncation, threshold=threshold
            ) as engine:
                engine.setup()
                engine.start_online()
                run.results[index] = protocol(engine)
                run.statistics[index] = engine.statistics()
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            run.failures[index] = error
            for carrier in carriers[index].values():
                carrier.close()

    threads = [threading.Thread(target=take_part, args=(index,)) for index in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in run.failures.values():
        raise failure
    return run


def held_by(engine: HonestMajorityEngine, owner: int, values: IntArray, bound: int) -> Secret:
    """`values`, which every caller knows here, as a Secret that `owner` deals."""
    return engine.input(owner, values if engine.party == owner else None, values.shape, bound)
