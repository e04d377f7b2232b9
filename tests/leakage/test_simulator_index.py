"""Every operation that communicates has a simulator, and every simulator has its exact test."""

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from black_box_cases import CASES
from simulator_index import SIMULATORS

from cryptomoe.engines.abb import ArithmeticBlackBox
from cryptomoe.engines.derived import DerivedOperations
from cryptomoe.engines.two_party import TwoPartyEngine

pytestmark = pytest.mark.leakage

FOLDER = Path(__file__).parents[2] / "proofs" / "simulators"
COMMUNICATING = ("self._ot.", "self._channel.send", "self._one_sided_products", "self._keys")


def communicates(name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether the engine's method, or one of its own methods that it calls, uses the channel."""
    source = inspect.getsource(getattr(TwoPartyEngine, name))
    if any(call in source for call in COMMUNICATING):
        return True
    called = {
        other
        for other in vars(TwoPartyEngine)
        if f"self.{other}(" in source and other not in seen | {name}
    }
    return any(communicates(other, seen | {name}) for other in called)


def test_every_communicating_operation_has_a_simulator() -> None:
    operations = set(ArithmeticBlackBox.__abstractmethods__) - {"scope"}
    own = operations - set(vars(DerivedOperations))
    expected = {name for name in own if communicates(name)}
    assert {"truncate", "less", "select", "reveal", "linear"} <= expected
    assert not {"add", "take", "input", "logical_not", "public"} & expected
    assert expected == set(SIMULATORS) & operations
    assert expected - {"reveal"} <= {name.split(maxsplit=1)[0] for name in CASES}


def test_every_simulator_is_in_the_index_and_tested() -> None:
    defined = {
        name: function
        for path in FOLDER.glob("simulate_*.py")
        for name, function in vars(importlib.import_module(path.stem)).items()
        if name.startswith("simulate_") and function.__module__ == path.stem
    }
    indexed: list[Any] = [simulator.simulate for simulator in SIMULATORS.values()]
    assert {function.__name__ for function in indexed} == set(defined)
    assert len(indexed) == len(set(indexed))
    assert all(function.__doc__ for function in indexed)
    tested = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(__file__).parent.glob("*.py")
        if path.stem in {"black_box_cases", "transfer_cases", "test_hybrid_views"}
    )
    assert all(name in tested for name in defined)
