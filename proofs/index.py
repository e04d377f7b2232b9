"""The index of claims, read from the tests themselves: what is claimed, and how it is checked."""

import ast
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
START, END = "<!-- claims -->", "<!-- end of claims -->"


@dataclass(frozen=True)
class Claim:
    """One proof: its functionality, its method, the first line of its statement, its test."""

    functionality: str
    method: str
    claim: str
    module: str
    test: str


def tests_of(path: Path) -> list[ast.FunctionDef]:
    """The test functions of a module."""
    return [
        statement
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test_")
    ]


def stated(test: ast.FunctionDef) -> dict[str, str] | None:
    """The arguments of a test's `proof` decorator; None where it has none."""
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "proof":
            return {str(word.arg): ast.literal_eval(word.value) for word in decorator.keywords}
    return None


def claims() -> list[Claim]:
    """All claims, in the order of modules and of tests in them."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for test in tests_of(path):
            words = stated(test)
            if words is not None:
                text = (ast.get_docstring(test) or "").splitlines()[0]
                found.append(
                    Claim(words["functionality"], words["method"], text, path.stem, test.name)
                )
    return found


def render() -> str:
    """The index as a table for README.md, between its marks."""
    lines = [START, "", "| of | claim | method | test |", "|---|---|---|---|"]
    for claim in claims():
        place = f"[`{claim.module}`]({claim.module}.py)`.{claim.test.removeprefix('test_')}`"
        lines.append(f"| {claim.functionality} | {claim.claim} | {claim.method} | {place} |")
    return "\n".join([*lines, "", END])


def updated(page: str) -> str:
    """The page with the present index between its marks."""
    before, rest = page.split(START)
    _, after = rest.split(END)
    return before + render() + after
