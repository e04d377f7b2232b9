"""Apply every mutant in turn and see which tests notice: `python tests/mutants/run.py --json FILE`.

One warm process: kernels are compiled and modules imported once. For each mutant the tests that it
names run as pytest runs them, inside its context manager. Before the first mutant the same tests
run without any, since a test that fails anyway notices nothing.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/mutants")]

from catalogue import Mutant  # noqa: E402 - found on the path set just above
from every import MUTANTS  # noqa: E402 - found on the path set just above


class Failures:
    """A pytest plugin that keeps the names of the tests that ran, and of those that failed."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for every phase of every test."""
        self.ran.add(report.nodeid)
        if report.failed:
            self.failed.add(report.nodeid)


def forget_results() -> None:
    """Empty what test modules keep from earlier runs, which were runs of other code."""
    for module in list(sys.modules.values()):
        if str(ROOT / "tests") in (getattr(module, "__file__", None) or ""):
            for value in vars(module).values():
                if callable(clear := getattr(value, "cache_clear", None)):
                    clear()


def run_tests(tests: Iterable[str], context: AbstractContextManager[None]) -> Failures:
    """Run `tests` (node ids) inside `context`, up to the first failure of each node id."""
    failures = Failures()
    for test in tests:
        forget_results()
        # Outcomes are all that is wanted: explaining a failure can take longer than the test.
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), context:
            pytest.main(
                ["-x", "-q", "--tb=no", "--assert=plain", "--no-header",
                 "-p", "no:cacheprovider", "-p", "no:xdist",
                 "-W", "ignore::pytest.PytestAssertRewriteWarning",
                 "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), str(ROOT / test)],
                plugins=[failures],
            )  # fmt: skip
    return failures


def chosen(names: Sequence[str], functionalities: Sequence[str]) -> list[Mutant]:
    """Every mutant, or those with these names, or those of these functionalities."""
    return [
        mutant
        for mutant in MUTANTS
        if (not names or mutant.name in names)
        and (not functionalities or mutant.functionality in functionalities)
    ]


def run_all(mutants: Sequence[Mutant]) -> dict[str, Any]:
    """The outcome of every mutant.

    Raises:
        RuntimeError: a test that is to notice something ran not at all, or fails without a mutant.
    """
    needed = sorted({test for mutant in mutants for test in mutant.noticed_by})
    healthy = run_tests(needed, nullcontext())
    for test in needed:
        if not any(name.startswith(test) for name in healthy.ran):
            raise RuntimeError(f"{test} ran no test")
    if healthy.failed:
        raise RuntimeError(f"fails without any mutant: {sorted(healthy.failed)}")
    outcomes = []
    for number, mutant in enumerate(mutants, 1):
        caught_by, survived = [], []
        for test in mutant.noticed_by:
            failed = sorted(run_tests([test], mutant.broken()).failed)
            caught_by += failed
            survived += [] if failed else [test]
        outcomes.append(
            {"name": mutant.name, "description": mutant.description,
             "functionality": mutant.functionality, "caught_by": caught_by, "survived": survived}
        )  # fmt: skip
        done = 100 * number // len(mutants)
        sys.stderr.write(f"{mutant.name}: {', '.join(caught_by) or 'SURVIVED'} [{done:3d}%]\n")
    return {"mutants": outcomes}


def main() -> None:
    """Run, write the outcomes, and leave with status 1 where a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True, help="where the outcomes are written")
    parser.add_argument("--only", action="append", default=[], help="a mutant's name")
    parser.add_argument(
        "--functionality", action="append", default=[], help="the contract that mutants violate"
    )
    arguments = parser.parse_args()
    # A mutant's failing example is no use to anybody, so none is shrunk or kept.
    hypothesis.settings.register_profile(
        "mutants", database=None, derandomize=True, phases=[hypothesis.Phase.generate]
    )
    hypothesis.settings.load_profile("mutants")
    outcome = run_all(chosen(arguments.only, arguments.functionality))
    arguments.json.write_text(json.dumps(outcome, indent=1) + "\n")
    sys.exit(any(mutant["survived"] for mutant in outcome["mutants"]))


if __name__ == "__main__":
    main()
