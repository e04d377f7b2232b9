"""Protocols and specification name the same functionalities, with the same parameters."""

import inspect
from importlib import import_module
from pathlib import Path

import cryptomoe_spec
import pytest

import cryptomoe.protocols

SUPPORTING = {"__init__", "shape", "prepared"}
PROTOCOLS = {path.stem for path in Path(cryptomoe.protocols.__path__[0]).glob("*.py")} - SUPPORTING
FUNCTIONS = {name: name for name in PROTOCOLS} | {
    "ranks": "ranking",
    "softmax_below": "softmax",
    "shift_for": "rmsnorm",
    "mask": "attention",
    "transformer_layer": "transformer",
}
del FUNCTIONS["ranking"]
# The client's copy of a public embedding table; the specification takes it from the weights.
ONLY_IN_PROTOCOLS = {"abb", "table"}


def test_every_protocol_has_its_specification() -> None:
    specified = {path.stem for path in Path(cryptomoe_spec.__path__[0]).glob("*.py")}
    assert specified >= PROTOCOLS


@pytest.mark.parametrize(("function", "module"), sorted(FUNCTIONS.items()))
def test_same_parameters(function: str, module: str) -> None:
    protocol = getattr(import_module(f"cryptomoe.protocols.{module}"), function)
    specification = getattr(import_module(f"cryptomoe_spec.{module}"), function)
    expected = list(inspect.signature(specification).parameters)
    declared = list(inspect.signature(protocol).parameters)
    extra = ONLY_IN_PROTOCOLS - set(expected)
    assert [name for name in declared if name not in extra] == expected
