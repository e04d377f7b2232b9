"""What silent transfers rest on: estimates of every attack, pinned, for sets in and out of use."""

import lpn
import numpy as np
import peeling
import pytest
from claims import proof
from lpn import Estimates, Instance, estimate

from cryptomoe.errors import InsecureParametersError
from cryptomoe.ot import lpn as lpn_of_transfers
from cryptomoe.ot.lpn import LOCALITY, STANDARD, LpnParameters

PINNED = {
    # (noise, table, depth): estimates in bits.
    STANDARD: Estimates(245.0, 222.3, 213.7, 167.1, 147.5, 140.6),
    LpnParameters(850, 16, 10): Estimates(140.8, 122.3, 115.3, 96.7, 81.2, 77.9),
    LpnParameters(1170, 17, 11): Estimates(142.6, 124.1, 116.3, 95.7, 80.5, 77.1),
    LpnParameters(1520, 18, 12): Estimates(144.7, 126.3, 117.7, 95.5, 80.5, 77.1),
    LpnParameters(1900, 19, 13): Estimates(147.1, 128.8, 119.4, 95.9, 81.1, 77.5),
}
"""The accepted set, and the four that a common library uses, at 128 bits for a dense code."""


def instance_of(parameters: LpnParameters) -> Instance:
    """The same in the estimator's terms."""
    return Instance(parameters.noise, parameters.table, parameters.depth)


@pytest.mark.parametrize("parameters", PINNED, ids=str)
@proof(functionality="transfers", method="estimate")
def test_estimates_are_those_pinned(parameters: LpnParameters) -> None:
    """The set in use: 2^147 by the best attack known to us, 2^140.6 for any choice of places.

    Gauss, Stern on the dense and on the sparse code, Prange and Stern on a greedy subset of places,
    and Stern at the first-moment bound, in this order. The estimate is our own, of an attack that
    nobody else has reviewed; there is no proof that there is no better one.
    """
    found = estimate(instance_of(parameters))
    assert vars(found) == pytest.approx(vars(PINNED[parameters]), abs=0.06)


def accepted_below_128() -> set[LpnParameters]:
    """Sets that the code accepts though some estimate is below 2^128."""
    return {
        parameters
        for parameters in lpn_of_transfers.ACCEPTED | set(PINNED)
        if _is_accepted(parameters) and estimate(instance_of(parameters)).least < 128
    }


def _is_accepted(parameters: LpnParameters) -> bool:
    try:
        parameters.check()
    except InsecureParametersError:
        return False
    return True


@proof(functionality="transfers", method="estimate")
def test_what_the_code_accepts_reaches_128_bits() -> None:
    """Every accepted set has 2^128 by every estimate, and every other one here is refused."""
    assert LOCALITY == lpn.LOCALITY
    assert not accepted_below_128()
    assert [parameters for parameters in PINNED if _is_accepted(parameters)] == [STANDARD]


@proof(functionality="transfers", method="counterexample")
def test_a_small_set_to_start_from_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that accepts a small set for its first round, as is usual, fails the check above."""
    nested = LpnParameters(850, 16, 10)
    monkeypatch.setattr(lpn_of_transfers, "ACCEPTED", frozenset({STANDARD, nested}))
    assert accepted_below_128() == {nested}


@proof(functionality="transfers", method="estimate")
def test_sets_that_papers_name() -> None:
    """Sets with tables that are no powers of two come to 2^72 and 2^87, below what they claim.

    (1280, 452000, 2^13) of Ferret (CCS 2020) and (1319, 589760, 2^13) of Wolverine (IEEE S&P 2021).
    """
    for instance, least in (
        (Instance(1280, 452_000, 13), 72.4),
        (Instance(1319, 589_760, 13), 87.5),
    ):
        assert estimate(instance).least == pytest.approx(least, abs=0.06)


@proof(functionality="transfers", method="estimate")
def test_more_noisy_outputs_do_not_help() -> None:
    """Stern with four noisy outputs is its optimum: lists for six cost more than they save."""
    instance = instance_of(STANDARD)
    for ratio in (lpn.greedy_ratio(instance.ratio), lpn.first_moment_ratio(instance.ratio)):
        unknowns = ratio * instance.table
        costs = [lpn.stern(instance, unknowns, lpn.sparse, most) for most in (0, 2, 4, 6, 8)]
        assert costs == sorted(costs, reverse=True)
        assert costs[1] > costs[2] == costs[3] == costs[4]


@proof(functionality="transfers", method="measurement")
def test_greedy_sets_have_the_pinned_size() -> None:
    """At ten outputs a place, removal from 2^13 places leaves 0.664 to 0.668 of them.

    All that is left has more rows than places, and the first-moment bound, 0.629, is below it.
    """
    table = 1 << 13
    rows = peeling.random_rows(10 * table, table, seed=1)
    found = peeling.peel(rows, table)
    assert found.places.size / table == pytest.approx(lpn.GREEDY[10] + 0.002, abs=0.002)
    assert found.rows.size >= found.places.size + lpn.SPARE
    assert np.isin(rows[found.rows], found.places).all()
    assert lpn.first_moment_ratio(10) < found.places.size / table
    for ratio, greedy in lpn.GREEDY.items():
        assert lpn.first_moment_ratio(ratio) < greedy


@proof(functionality="transfers", method="measurement")
def test_noise_of_the_used_outputs() -> None:
    """With fresh regular noise the rows of a greedy set have 0 and 1 noisy as often as estimated.

    200 000 draws at k = 2^9, 20 blocks of 2^8, where a guess succeeds one time in six. The estimate
    takes the rows as spread equally over the blocks, the attacker's best; measured is at most that,
    and within a tenth. This chance is what an attack lives on: the rest is linear algebra.
    """
    instance = Instance(20, 1 << 9, 8)
    rows = peeling.random_rows(instance.outputs, instance.table, seed=2)
    used = peeling.peel(rows, instance.table).rows
    counts = np.bincount(used >> instance.depth, minlength=instance.noise)
    random = np.random.default_rng(3)
    draws = 200_000
    places = random.integers(0, 1 << instance.depth, (draws, instance.noise))
    noisy = (places < counts).sum(axis=1)
    for weight in (0, 1):
        estimated = 2 ** lpn.noisy(instance, used.size, weight)
        assert 0.9 * estimated < np.mean(noisy == weight) < 1.02 * estimated


@proof(functionality="transfers", method="counterexample")
def test_a_denser_code_does_not_mend_a_small_table() -> None:
    """Even a dense code leaves (1170, 2^17, 2^11) at 2^124 by Stern: the table is too small."""
    assert estimate(Instance(1170, 1 << 17, 11)).dense_stern < 128
