"""Pairs of parties that are made once: keys cost time."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "mutants")]

from he_pair import HePair  # noqa: E402 - found on the path set just above

from cryptomoe.he.parameters import STANDARD  # noqa: E402 - as above


@pytest.fixture(scope="session")
def standard_pair() -> HePair:
    """Parties with the standard parameters, shared by all tests: use `pair`."""
    return HePair()


@pytest.fixture(scope="session")
def unswitched_pair() -> HePair:
    """Parties whose answers keep all primes, so that a client sees all of their noise."""
    return HePair(replace(STANDARD, answer_primes=len(STANDARD.data_primes)))


@pytest.fixture
def pair(standard_pair: HePair) -> HePair:
    """The shared parties, the server's randomness and account as at the start."""
    standard_pair.reseed()
    return standard_pair


@pytest.fixture
def wide_pair(unswitched_pair: HePair) -> HePair:
    """As `pair`, with answers that keep all primes."""
    unswitched_pair.reseed()
    return unswitched_pair
