"""The table of failures: its counts, its sum, and that its page is current."""

import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import failure_table
import numpy as np
import pytest
from claims import proof
from counting_engine import CountingEngine
from failure_table import base_key_distance, counts, pad_distance, terms, total
from flooding import SIZED_FOR, statistical_distance
from two_party_pair import run_two_party

from cryptomoe.engines.abb import ArithmeticBlackBox, Secret
from cryptomoe.he.flood import CEILING_COEFFICIENTS
from cryptomoe.ot.endpoint import OtEndpoint, TransferRows
from cryptomoe.party import Party
from cryptomoe.protocols.balanced_selection import balanced_selection
from cryptomoe.protocols.combine import combine
from cryptomoe.protocols.dispatch import dispatch
from cryptomoe.protocols.rmsnorm import rmsnorm
from cryptomoe.protocols.softmax import softmax
from cryptomoe.protocols.swiglu import swiglu
from cryptomoe.protocols.topk import topk


@proof(functionality="transformer", method="exact rationals")
def test_all_terms_together_are_below_two_to_the_minus_forty() -> None:
    """Every statistical term of a DeepSeekMoE inference, added up, is below 2^-41.

    Flooding has nearly all of it: 2^-41.29 for 0.16 of the ceiling's coefficients; all other terms
    together are below 2^-50.
    """
    assert total() < 2**-41
    flooding, *others = terms()
    assert flooding.bound == statistical_distance(counts().coefficients)
    assert sum(term.bound for term in others) < 2**-50
    assert counts().coefficients < 0.18 * CEILING_COEFFICIENTS


@proof(functionality="flood", method="exact rationals")
def test_a_run_that_spends_the_whole_ceiling() -> None:
    """Even at the ceiling of coefficients all statistical terms together are below 2^-40.

    The coefficients that floods are sized for would be too many, by 0.03 bits.
    """
    _, *others = terms()
    spent = statistical_distance(CEILING_COEFFICIENTS) + sum(term.bound for term in others)
    assert spent < 2**-40.01
    assert statistical_distance(SIZED_FOR) > 2**-40


@proof(functionality="transfers", method="exact rationals")
def test_sizes_of_single_terms() -> None:
    """A pad into F_p is within 2^-85 of uniform, a base key within 2^-125 of a random point."""
    assert pad_distance() < Fraction(1, 2**85)
    assert base_key_distance() < Fraction(1, 2**125)


def every_operation(abb: ArithmeticBlackBox) -> None:
    """One call of each protocol that a layer is made of, at small sizes."""
    x = abb.public(np.zeros((4, 8), np.int64))
    activations = abb.declare(x, 1 << 20)
    softmax(abb, activations, 13)
    rmsnorm(abb, activations, 1e-5)
    swiglu(abb, activations, activations)
    topk(abb, activations, 2)
    assignment = balanced_selection(abb, abb.declare(x, 1 << 20), 2)
    taken = dispatch(abb, activations, assignment)
    combine(abb, taken, assignment, abb.declare(x, 1 << 20))
    abb.select(abb.negative(activations), activations, x)
    abb.sigmoid(activations)
    abb.equal(activations, x)
    abb.argmax(activations)


class _Spent:
    """Transfers of both parties."""

    def __init__(self) -> None:
        self.transfers = 0
        self.lock = threading.Lock()


@pytest.mark.parametrize("truncation", ["exact", "approximate"])
@proof(functionality="transformer", method="measurement")
def test_counts_are_those_of_a_run(truncation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counting engine's transfers and coefficients are exactly those that a run makes.

    One call of every protocol of a layer, by both parties of the two-party engine, against the
    counts from public shapes alone; in either truncation mode.
    """
    spent, take = _Spent(), OtEndpoint.rows

    def counting(endpoint: OtEndpoint, **wanted: Any) -> TransferRows:
        with spent.lock:
            spent.transfers += wanted["choices"].size + wanted.get("random", 0)
        return take(endpoint, **wanted)

    monkeypatch.setattr(OtEndpoint, "rows", counting)

    def protocol(engine: Any) -> int:
        every_operation(engine)
        return 0 if engine.flood_budget is None else engine.flood_budget.spent

    run = run_two_party(protocol, truncation)
    engine = CountingEngine(truncation)
    every_operation(engine)
    assert isinstance(engine.public(np.zeros(1, np.int64)), Secret)
    assert engine.cost.transfers == spent.transfers
    assert engine.budget.spent == run.results[Party.SERVER]


@proof(functionality="transformer", method="measurement")
def test_the_page_of_failures_is_current() -> None:
    """failures.md is what `failure_table.py` renders."""
    assert Path(__file__).with_name("failures.md").read_text() == failure_table.render()
