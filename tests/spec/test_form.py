"""The specification keeps its form: what it imports, what every function states, what it names."""

import ast
import inspect
import re
from pathlib import Path

import cryptomoe_spec
import pytest
from cryptomoe_spec import abb, fixed_point, shape

from cryptomoe import field
from cryptomoe import fixed_point as held_fixed_point
from cryptomoe.engines.abb import ArithmeticBlackBox
from cryptomoe.protocols import shape as held_shape

ROOT = Path(cryptomoe_spec.__path__[0])
MODULES = sorted(ROOT.rglob("*.py"))
SUPPORTING = {
    "__init__",
    "arrays",
    "citations",
    "contracts",
    "contracts_black_box",
    "contracts_formulas",
    "contracts_protocols",
    "contracts_terms",
    "contracts_values",
    "errors",
    "fixed_point",
    "shape",
}
FUNCTIONALITIES = [path for path in MODULES if path.parent == ROOT and path.stem not in SUPPORTING]
MESSAGES = [path for path in MODULES if path.parent == ROOT / "messages"]
NO_MESSAGES = {"__init__", "sizes", "transcript", "wire"}
"""What stands in `messages` and sends nothing of its own."""
BEATS = ["INPUTS", "FUNCTION", "LEAKAGE", "COST"]
ALLOWED_IMPORTS = {
    "collections.abc",
    "contextlib",
    "dataclasses",
    "decimal",
    "fractions",
    "functools",
    "itertools",
    "math",
    "numpy",
    "numpy.typing",
    "typing",
}
CONTRACTS = {"hashlib", "inspect", "json", "operator", "sympy", "sympy.logic.boolalg"}
"""A size is a number or a formula of sympy's; contracts are made of formulas, and hashed."""


def imported(tree: ast.Module) -> set[str]:
    """Names of all modules that a module imports."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def public_functions(source: str) -> list[tuple[str, str]]:
    """(name, text up to the next statement of the module) of each public function."""
    statements = ast.parse(source).body
    lines = source.splitlines()
    ends = [statement.lineno - 1 for statement in statements[1:]] + [len(lines)]
    return [
        (statement.name, "\n".join(lines[statement.lineno - 1 : end]))
        for statement, end in zip(statements, ends, strict=True)
        if isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_")
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_only_what_a_specification_may(path: Path) -> None:
    names = imported(ast.parse(path.read_text()))
    symbolic = path.stem.startswith("contracts") or path == ROOT / "messages" / "sizes.py"
    allowed = ALLOWED_IMPORTS | (CONTRACTS if symbolic else set())
    assert {name for name in names if not name.startswith("cryptomoe_spec")} <= allowed


@pytest.mark.parametrize("path", FUNCTIONALITIES, ids=lambda path: path.stem)
def test_functions_have_their_beats_in_order(path: Path) -> None:
    """INPUTS, FUNCTION, LEAKAGE, COST, each once; all but FUNCTION say something."""
    functions = public_functions(path.read_text())
    assert functions or path.stem == "abb"
    for name, text in functions:
        beats = re.findall(r"^    # (INPUTS|FUNCTION|LEAKAGE|COST)( .*)?$", text, re.MULTILINE)
        assert [beat for beat, _ in beats] == BEATS, name
        assert all(said.strip() for beat, said in beats if beat != "FUNCTION"), name


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_messages_know_no_values(path: Path) -> None:
    """They import no arrays, and every public function that sends says what in one sentence."""
    tree = ast.parse(path.read_text())
    assert "numpy" not in imported(tree)
    senders = [
        statement
        for statement in tree.body
        if isinstance(statement, ast.FunctionDef)
        and statement.args.args
        and statement.args.args[0].arg == "wire"
    ]
    assert senders or path.stem in NO_MESSAGES
    for function in senders:
        assert ast.get_docstring(function) or function.name.startswith("_")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_modules_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def test_black_box_has_the_interface_of_the_engines() -> None:
    """The same operations, with the same parameters of the same kinds and defaults."""
    operations = set(ArithmeticBlackBox.__abstractmethods__) - {"scope"}
    assert set(abb.__all__) == operations
    for name in operations:
        declared = inspect.signature(getattr(ArithmeticBlackBox, name)).parameters.values()
        specified = inspect.signature(getattr(abb, name)).parameters.values()
        expected = [(p.name, p.kind, p.default) for p in declared if p.name != "self"]
        assert [(p.name, p.kind, p.default) for p in specified] == expected, name


def test_constants_are_those_of_the_protocols() -> None:
    names = [name for name in vars(held_fixed_point) if name.isupper()]
    assert names
    for name in names:
        assert getattr(fixed_point, name) == getattr(held_fixed_point, name), name
    assert (fixed_point.P, fixed_point.VALUE_LIMIT) == (field.P, field.VALUE_LIMIT)
    assert shape.POSITION_LIMIT == held_shape.POSITION_LIMIT


@pytest.mark.parametrize(
    "name", ["TransformerShape", "LayerWeights", "TransformerWeights", "TransformerOptions"]
)
def test_model_classes_are_those_of_the_protocols(name: str) -> None:
    """Fields, their order and their defaults."""
    specified = inspect.signature(getattr(shape, name)).parameters
    declared = inspect.signature(getattr(held_shape, name)).parameters
    assert [(p.name, p.default) for p in specified.values()] == [
        (p.name, p.default) for p in declared.values()
    ]
