"""Every engine of the black box behind one face, for tests that all of them must pass."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from honest_majority_parties import held_by, run_honest_majority
from two_party_pair import run_two_party, shared

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret, SecretBits
from cryptomoe.field import IntArray
from cryptomoe.party import Party

Protocol = Callable[[Any], Any]


@dataclass(frozen=True)
class Outcome:
    """What each party returned, the rounds, and all that was sent, without its contents."""

    results: Mapping[int, Any]
    rounds: int
    transcript: list[tuple[Any, ...]]


@dataclass(frozen=True)
class BlackBoxUnderTest:
    """An engine among `parties`, all in this process."""

    name: str
    parties: int

    def run(self, protocol: Protocol, truncation: Any = "exact") -> Outcome:
        """`protocol` at all parties."""
        if self.parties == 2:
            pair = run_two_party(protocol, truncation)
            rounds = max(told.rounds for told in pair.statistics.values())
            return Outcome(pair.results, rounds, pair.shape)
        run = run_honest_majority(protocol, truncation, parties=self.parties)
        rounds = max(told.rounds for told in run.statistics.values())
        return Outcome(run.results, rounds, run.shape)

    def shared(self, engine: Any, values: IntArray, bound: int, seed: int = 0) -> Secret:
        """`values` as a Secret: of uniform shares, or dealt by one or another party."""
        if self.parties == 2:
            return shared(engine, values, bound, seed)
        return held_by(engine, seed % self.parties, values, bound)

    def opened(
        self, operation: Callable[[Any], Secret | SecretBits], truncation: Any = "exact"
    ) -> IntArray:
        """The result of an operation, opened to the client."""

        def protocol(engine: ArithmeticBlackBox) -> IntArray | None:
            result = operation(engine)
            if isinstance(result, SecretBits):
                result = engine.to_arithmetic(result)
            return engine.reveal(result, Party.CLIENT)

        result = self.run(protocol, truncation).results[0]
        assert result is not None
        return result


TWO = BlackBoxUnderTest("two_party", 2)
THREE = BlackBoxUnderTest("three", 3)
FOUR = BlackBoxUnderTest("four", 4)
FIVE = BlackBoxUnderTest("five", 5)
BLACK_BOXES = (TWO, THREE, FOUR, FIVE)
"""Four parties have a threshold of 1: two of them, by turns, do not reshare."""
