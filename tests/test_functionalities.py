"""One functionality, one name: contract, specification, implementation, page and tests agree."""

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import cryptomoe_spec
import pytest
from cryptomoe_spec import abb
from cryptomoe_spec.contracts import FUNCTIONALITIES
from cryptomoe_spec.contracts_terms import BLACK_BOX, PROTOCOL

import cryptomoe.protocols
from cryptomoe.cli.audit_checkout import find_checkout
from cryptomoe.engines.abb import ArithmeticBlackBox
from cryptomoe.engines.two_party import TwoPartyEngine

ROOT = Path(__file__).parents[1]
TABLE = find_checkout().table
CHECKS: dict[str, Any] = TABLE.CHECKS
CONTRACTS = {declared.name: declared for declared in FUNCTIONALITIES}
WITHOUT_FUNCTIONALITIES = ("arrays", "citations", "errors", "fixed_point")
"""Supporting modules of the specification. Those of contracts begin with `contracts`."""


def resolved(name: str) -> Any:
    """What a dotted name means, as attributes of the longest prefix that is a module."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def public_functions(package: Any) -> set[str]:
    """Names of the public functions that a package's own modules define."""
    found = set()
    for path in Path(package.__path__[0]).glob("*.py"):
        if path.stem in WITHOUT_FUNCTIONALITIES or path.stem.startswith("contracts"):
            continue
        body = ast.parse(path.read_text(encoding="utf-8")).body
        found |= {node.name for node in body if isinstance(node, ast.FunctionDef)}
    return {name for name in found if not name.startswith("_")}


@cache
def functions_in(path: str) -> dict[str, ast.FunctionDef]:
    """The tests that a file defines."""
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def test_every_contract_is_in_the_table() -> None:
    assert list(CHECKS) == list(CONTRACTS)


@pytest.mark.parametrize(("name", "checks"), CHECKS.items(), ids=CHECKS)
def test_it_has_one_name_everywhere(name: str, checks: Any) -> None:
    """A specification, an engine's method or a protocol, and a page."""
    for dotted in (checks.specification, checks.implementation):
        assert dotted.rpartition(".")[2] == name
        assert callable(resolved(dotted))
    declared = CONTRACTS[name]
    assert declared.kind == (
        BLACK_BOX if checks.specification.startswith("cryptomoe_spec.abb.") else PROTOCOL
    )
    assert (ROOT / "proofs" / f"{name}.md").exists()


@pytest.mark.parametrize(("name", "checks"), CHECKS.items(), ids=CHECKS)
def test_it_is_checked_by_tests_that_exist(name: str, checks: Any) -> None:
    """In files that name it, or for a protocol its module: others could not check it."""
    module = checks.specification.split(".")[-2]
    mentioned = name if module == "abb" else f"({name}|{module})"
    assert checks.equality
    assert checks.prediction
    assert checks.cost
    for node in (*checks.equality, *checks.prediction, *checks.cost):
        path, _, test = node.partition("::")
        function, bracket, _ = test.partition("[")
        assert function in functions_in(path), node
        assert not bracket or functions_in(path)[function].decorator_list, node
        if node in checks.cost:
            assert re.search(rf"\[{name}[-\]]", node), node
            continue
        assert re.search(rf"\b{mentioned}s?\b", (ROOT / path).read_text(encoding="utf-8")), node


def test_every_function_belongs_to_a_contract() -> None:
    """Of the specification and of the protocols; or it is listed, with the reason."""
    functions = public_functions(cryptomoe_spec) | public_functions(cryptomoe.protocols)
    assert functions == set(CHECKS) | set(TABLE.SUPPORTING_FUNCTIONS)
    assert not set(CHECKS) & set(TABLE.SUPPORTING_FUNCTIONS)
    assert all(TABLE.SUPPORTING_FUNCTIONS.values())


def test_every_operation_of_the_black_box_is_listed() -> None:
    """As a contract, or as one that sends nothing; and the engine has it."""
    operations = set(abb.__all__)
    assert operations == set(ArithmeticBlackBox.__abstractmethods__) - {"scope"}
    assert all(hasattr(TwoPartyEngine, name) for name in operations)
    black_box = {name for name, declared in CONTRACTS.items() if declared.kind == BLACK_BOX}
    assert black_box <= operations
    assert operations - black_box <= set(TABLE.SUPPORTING_FUNCTIONS)


def test_every_page_is_of_a_contract_or_listed() -> None:
    pages = {path.stem for path in (ROOT / "proofs").glob("*.md")}
    assert pages == set(CHECKS) | set(TABLE.SUPPORTING_PAGES)
    assert all(TABLE.SUPPORTING_PAGES.values())


def test_every_comparison_of_views_has_a_control() -> None:
    """Every leakage test that reports something has tests beside it that are planted to fail."""
    reporting = set()
    for path in sorted((ROOT / "tests/leakage").glob("test_*.py")):
        relative = path.relative_to(ROOT).as_posix()
        for name, node in functions_in(relative).items():
            if "record_property" in {argument.arg for argument in node.args.args}:
                reporting.add(f"{relative}::{name}")
    assert reporting == set(TABLE.CONTROLS)
    for test, controls in TABLE.CONTROLS.items():
        room = test.partition("::")[0]
        planted = {name for name in functions_in(room) if re.search("_(noticed|rejected)", name)}
        assert planted
        assert planted <= {node.partition("::")[2] for node in controls}
        for node in controls:
            path, _, function = node.partition("::")
            assert function in functions_in(path), node


def test_other_names_mean_contracts() -> None:
    assert set(TABLE.ALIASES.values()) <= set(CONTRACTS)
    assert not set(TABLE.ALIASES) & set(CONTRACTS)


def test_a_name_that_is_wrong_is_noticed() -> None:
    with pytest.raises(AttributeError):
        resolved("cryptomoe_spec.abb.truncat")
    with pytest.raises(ModuleNotFoundError):
        resolved("cryptomo.protocols.gate.gate")
