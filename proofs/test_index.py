"""Every proof states what it proves, and the index of README.md is current."""

import ast
from pathlib import Path

import index
import pytest
from claims import METHODS, proof

HERE = Path(__file__).parent
MODULES = sorted(
    path
    for path in HERE.glob("test_*.py")
    if path != Path(__file__) and "from claims import proof" in path.read_text()
)
"""Modules of proofs; others check pages."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_test_is_a_stated_proof(path: Path) -> None:
    """A decorator with a known method, and a statement whose first line is the claim."""
    for test in index.tests_of(path):
        words = index.stated(test)
        assert words is not None, test.name
        assert words["method"] in METHODS
        assert (ast.get_docstring(test) or "").splitlines()[0].endswith(".")


def test_a_proof_must_say_what_it_proves() -> None:
    """The decorator refuses a test without a statement, and an unknown method."""
    with pytest.raises(ValueError, match="theorem"):
        proof(functionality="x", method="exhaustive")(lambda: None)
    with pytest.raises(ValueError, match="not one of"):
        proof(functionality="x", method="inspection")


def test_a_report_gets_the_claim() -> None:
    """What the decorator leaves on a test, `conftest` hands to its report."""

    @proof(functionality="index", method="exhaustive")
    def test_something() -> None:
        """A claim."""

    expected = {"functionality": "index", "claim": "A claim", "method": "exhaustive"}
    assert vars(test_something)["proof"] == expected


def test_the_index_is_current() -> None:
    """README.md holds the index that the tests render to."""
    page = (HERE / "README.md").read_text()
    assert index.updated(page) == page
