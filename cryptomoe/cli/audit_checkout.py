"""Where the audit finds what it runs: a checkout of the repository, with tests and proofs in it."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cryptomoe
from cryptomoe.errors import UsageError

TABLE = "tests/functionalities.py"
MUTANTS = "tests/mutants/run.py"
MODEL = "examples/tiny-olmoe"
_NEEDED = (TABLE, MUTANTS, "tests/audit_plugin.py", "proofs", "spec", MODEL)
_PLUGINS = ("hypothesis", "pytest")


@dataclass(frozen=True)
class Checkout:
    """The repository's `root`, and the module `table`, which says what checks a contract."""

    root: Path
    table: Any


def find_checkout(package: Path | None = None) -> Checkout:
    """The checkout that this package, or the one in the directory `package`, belongs to.

    Raises:
        UsageError: it is an installed copy, or pytest is missing.
    """
    root = (package or Path(cryptomoe.__file__).parent).parent
    if not all((root / needed).exists() for needed in _NEEDED):
        raise UsageError(
            "the audit runs tests/ and proofs/, which an installed copy does not have: "
            "run it in a checkout, installed with pip install --editable '.[test]'"
        )
    if any(importlib.util.find_spec(name) is None for name in _PLUGINS):
        raise UsageError("the audit needs pytest and Hypothesis: pip install --editable '.[test]'")
    return Checkout(root, _loaded(root / TABLE))


def _loaded(path: Path) -> Any:
    """A module of the checkout that no package has."""
    name = f"_audited_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
