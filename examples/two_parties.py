"""Runs a client and a server as threads of this process: what the examples of two parties share.

Each party is a function of its own engine, so whatever it knows, it was given. All that passes
between the two are labelled messages over an in-memory pair; over sockets they would be the same.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from cryptomoe.engines.two_party import TwoPartyEngine
from cryptomoe.net.channel import Channel
from cryptomoe.net.memory_pair import memory_pair
from cryptomoe.net.recorder import Record, Recorder, merge
from cryptomoe.party import Party
from cryptomoe.randomness import Randomness

Result = TypeVar("Result")
PartyCode = Callable[[TwoPartyEngine], Result]


@dataclass(frozen=True)
class Run(Generic[Result]):
    """What each party returned, and every message of both, set-up first, then by round."""

    client: Result
    server: Result
    messages: list[Record]

    @property
    def online(self) -> list[Record]:
        """The messages of the protocol: without keys and base transfers, which are sent once."""
        return [m for m in self.messages if m.online and "setup" not in m.label.split("/")]

    @property
    def rounds(self) -> int:
        """The length of the longest chain of messages that wait for each other."""
        return max(message.depth for message in self.online)


def run(client: PartyCode[Result], server: PartyCode[Result]) -> Run[Result]:
    """Set up a session in exact mode, run both parties' code, and return what came of it."""
    carriers = memory_pair()
    recorders = [Recorder() for _ in Party]

    def take_part(party: Party, code: PartyCode[Result]) -> Result:
        with Channel(party, carriers[party], recorders[party]) as channel:
            engine = TwoPartyEngine(channel, Randomness(), "exact")
            engine.setup()
            channel.start_online()
            return code(engine)

    with ThreadPoolExecutor(len(Party)) as threads:
        results = list(threads.map(take_part, Party, (client, server)))
    return Run(*results, merge(*(recorder.records for recorder in recorders)))


def print_traffic(messages: list[Record], parts: int) -> None:
    """Bytes of each party under each label, of which the first `parts` components are shown."""
    sums: dict[str, list[int]] = {}
    for message in messages:
        label = "/".join(message.label.split("/")[:parts])
        sums.setdefault(label, [0, 0])[message.sender] += message.size
    width = max(map(len, sums))
    print(f"{'label':{width}}  {'client sent':>12}  {'server sent':>12}")
    for label, (client, server) in sums.items():
        print(f"{label:{width}}  {client:12,}  {server:12,}")
