"""`cryptomoe audit` as it is run: its object, its page, its exit status, and where it refuses."""

import json
import re
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptomoe_spec.contracts import FUNCTIONALITIES

import cryptomoe
from cryptomoe.cli import run
from cryptomoe.cli.audit_checkout import find_checkout
from cryptomoe.cli.audit_running import Outcomes, node_ids, run_checks
from cryptomoe.errors import UsageError

Refusal = Callable[..., str]

# The package has the command under the module's name.
audit_module: Any = import_module("cryptomoe.cli.audit")

KEYS = {
    "version", "command", "passed", "functionalities", "commit", "packages", "cpu", "seed",
    "parameter_hash",
}  # fmt: skip
FUNCTIONALITY_KEYS = {
    "name", "engine", "contract", "equality", "prediction", "leakage", "mutants", "proofs",
    "assumptions",
}  # fmt: skip
CONTRACT_KEYS = {"leakage", "rounds", "bytes", "range", "rounding", "citations"}


@pytest.mark.multiprocess
def test_one_functionality(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Really run: its tests, its views on all tapes, its mutants and its proofs."""
    page = tmp_path / "report.html"
    target = tmp_path / "report.json"
    status = run(
        ["audit", "--only", "truncate", "--budget", "small", "--json", str(target), "--html",
         str(page)]
    )  # fmt: skip
    output, errors = capfd.readouterr()
    report = json.loads(target.read_text())
    assert (status, report["passed"], report["failures"], report["problems"]) == (0, True, [], [])
    assert output == ""
    assert "mutants" in errors
    # Nothing about anything else was run.
    assert not any(report["supporting"].values())
    assert report.keys() >= KEYS
    (truncate,) = report["functionalities"]
    assert truncate.keys() >= FUNCTIONALITY_KEYS
    assert truncate["contract"].keys() >= CONTRACT_KEYS
    assert (truncate["name"], truncate["engine"]) == ("truncate", "two_party")
    # A quarter of the examples, but two; a test without examples is one case.
    assert [test["cases"] for test in truncate["equality"]["tests"]] == [2, 1, 2]
    assert truncate["prediction"]["cases"] == 2
    assert {view["party"] for view in truncate["leakage"]} == {"client", "server"}
    assert all(control["cases"] for control in truncate["controls"])
    assert truncate["controls"]
    assert all(mutant["caught_by"] for mutant in truncate["mutants"])
    assert truncate["mutants"]
    assert {proof["method"] for proof in truncate["proofs"]} >= {"exhaustive", "sympy"}
    assert [cost["measured"] == cost["declared"] for cost in truncate["costs"]].count(True) == 2
    assert "Everything that was checked holds." in page.read_text()


def test_a_failure_is_status_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing ran at all: that is a failure, of every functionality, and the report says so."""

    def nothing(*_: Any, **__: Any) -> Outcomes:
        return Outcomes({}, [], ["mutants could not be run, status 1: RuntimeError"])

    monkeypatch.setattr(audit_module, "run_checks", nothing)
    page = tmp_path / "report.html"
    assert run(["audit", "--only", "keep_if", "--html", str(page)]) == 1
    output, _ = capfd.readouterr()
    assert "FAILED" in output
    assert "mutants could not be run" in output
    assert "This audit failed." in page.read_text()
    assert run(["audit", "--only", "keep_if", "--json"]) == 1
    output, _ = capfd.readouterr()
    report = json.loads(output)
    assert report.keys() >= KEYS
    assert not report["passed"]
    assert re.fullmatch(r"[0-9a-f]{64}", report["parameter_hash"])
    assert "numpy" in report["packages"]


class _Silent:
    """In place of a progress bar."""

    def add_task(self, *_: Any, **__: Any) -> int:
        return 0

    def update(self, *_: Any, **__: Any) -> None:
        return


def test_what_cannot_be_run_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test that does not exist, and a runner of mutants that fails: no report passes."""
    checkout = find_checkout()
    monkeypatch.setitem(
        vars(checkout.table),
        "CHECKS",
        {"truncate": type("Checks", (), {
            "equality": ("tests/no_such_file.py::test",), "prediction": (), "cost": (),
        })},
    )  # fmt: skip
    monkeypatch.setattr("cryptomoe.cli.audit_running.MUTANTS", "tests/no_such_runner.py")
    progress: Any = _Silent()
    outcomes = run_checks(checkout, ["truncate"], only="truncate", small=True, progress=progress)
    assert (outcomes.tests, outcomes.mutants) == ({}, [])
    assert len(outcomes.problems) == 2
    assert "no_such_file" in outcomes.problems[0]
    assert "no_such_runner" in outcomes.problems[1]


def test_tests_are_run_once() -> None:
    """A case is left out where all cases of its test run, and nothing is listed twice."""
    table = find_checkout().table
    nodes = node_ids(table, table.CHECKS)
    assert len(nodes) == len(set(nodes))
    assert not {node.partition("[")[0] for node in nodes if "[" in node} & set(nodes)
    assert set(node_ids(table, ["topk"])) < set(nodes)


def test_an_installed_copy_is_refused(tmp_path: Path) -> None:
    """It has no tests to run; and neither has half a checkout."""
    package = Path(cryptomoe.__file__).parent
    copy = tmp_path / "site-packages" / "cryptomoe"
    shutil.copytree(package / "cli", copy / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.raises(UsageError, match="checkout"):
        find_checkout(copy)
    (copy.parent / "proofs").mkdir()
    (copy.parent / "tests").mkdir()
    with pytest.raises(UsageError, match="checkout"):
        find_checkout(copy)
    assert find_checkout(package).root == package.parent


def test_the_command_refuses_an_installed_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refusal_of: Refusal
) -> None:
    monkeypatch.setattr(cryptomoe, "__file__", str(tmp_path / "cryptomoe" / "__init__.py"))
    assert "checkout" in refusal_of("audit")


def test_wrong_use(tmp_path: Path, refusal_of: Refusal) -> None:
    assert "there is no functionality trunc" in refusal_of("audit", "--only", "trunc")
    assert "does not exist" in refusal_of("audit", "--html", tmp_path / "no" / "file.html")
    assert "does not exist" in refusal_of("audit", "--json", tmp_path / "no" / "file.json")
    assert "budget" in refusal_of("audit", "--budget", "none")


def test_without_tests_installed(monkeypatch: pytest.MonkeyPatch, refusal_of: Refusal) -> None:
    monkeypatch.setattr("cryptomoe.cli.audit_checkout._PLUGINS", ("no_such_package",))
    assert "needs pytest" in refusal_of("audit")


def test_every_functionality_can_be_asked_for() -> None:
    assert {declared.name for declared in FUNCTIONALITIES} == set(find_checkout().table.CHECKS)


def test_the_hash_changes_with_the_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    before = audit_module.parameter_hash()
    monkeypatch.setattr(audit_module, "contract_hash", lambda: "other")
    assert audit_module.parameter_hash() != before
