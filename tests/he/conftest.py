"""Pairs of parties that are made once: keys cost time."""

from dataclasses import replace

import pytest
from he_pair import HePair, RnsPair, SealPair

from cryptomoe.he.parameters import STANDARD

PAIRS = {"rns": RnsPair, "seal": SealPair}


@pytest.fixture(scope="session", params=PAIRS)
def standard_pair(request: pytest.FixtureRequest) -> HePair:
    """Parties of each backend with the standard parameters, shared by all tests: use `pair`."""
    return PAIRS[request.param]()


@pytest.fixture(scope="session", params=PAIRS)
def unswitched_pair(request: pytest.FixtureRequest) -> HePair:
    """Parties whose answers keep all primes, so that a client sees all of their noise."""
    return PAIRS[request.param](replace(STANDARD, answer_primes=len(STANDARD.data_primes)))


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


@pytest.fixture(scope="session")
def seal_pair() -> SealPair:
    """Parties by SEAL, for what only SEAL has."""
    return SealPair()
