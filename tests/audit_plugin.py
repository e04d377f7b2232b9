"""A pytest plugin for the audit: what every test came to, as one JSON file.

Loaded by `pytest -p audit_plugin --audit-to FILE`. For each test: whether it passed, the examples
that Hypothesis tried in it (1 for a test without), and what it recorded about itself by
`record_property`: p-values under "leakage", proved claims under "proof".

Of the rooms `tests/leakage` and `proofs`, `--audit-only NAME` keeps what is about that
functionality: proofs by what they state, tests by a parameter that begins with the name. Tests that
compare the views of all operations at once are about no single one. `--audit-small` tries a quarter
of the random examples, of at least two.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings
from hypothesis.internal.observability import add_observability_callback

_ROOMS = ("tests/leakage/", "proofs/")
_SETTINGS = "_hypothesis_internal_use_settings"

# The seed decides the examples, not what an earlier run found.
settings.register_profile("audit", database=None, deadline=None, print_blob=False)


class AuditRecorder:
    """Collects the outcomes of one session."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._examples: Counter[str] = Counter()
        self._tests: dict[str, dict[str, Any]] = {}
        self._running = ""
        add_observability_callback(self._count, all_threads=True)

    def _count(self, observation: Any, _thread: int) -> None:
        if observation.type == "test_case" and observation.status == "passed":
            self._examples[self._running] += 1

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Called by pytest before every test."""
        self._running = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called by pytest for every phase of every test."""
        entry = self._tests.setdefault(report.nodeid, {"passed": True, "properties": []})
        entry["passed"] &= report.passed
        if report.when == "call":
            entry["seconds"] = report.duration
            entry["properties"] = [list(pair) for pair in report.user_properties]

    def pytest_sessionfinish(self) -> None:
        """Called by pytest at the end: write the file."""
        for nodeid, entry in self._tests.items():
            entry["cases"] = self._examples[nodeid] or 1
        self._target.write_text(json.dumps(self._tests, indent=1) + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options: where the outcomes go, what is about one functionality, fewer examples."""
    parser.addoption("--audit-to", type=Path, help="write what every test came to here")
    parser.addoption("--audit-only", action="append", help="of both rooms, what has this name")
    parser.addoption("--audit-small", action="store_true", help="a quarter of the examples")


def pytest_configure(config: pytest.Config) -> None:
    """Record where the option asks for it."""
    target = config.getoption("--audit-to")
    if target is not None:
        config.pluginmanager.register(AuditRecorder(target), "audit-recorder")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about other functionalities, and lower the number of examples."""
    names = config.getoption("--audit-only")
    if names:
        left_out = [item for item in items if not _wanted(item, names, config.args)]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    if config.getoption("--audit-small"):
        for function in {getattr(item, "function", None) for item in items}:
            if function is not None and is_hypothesis_test(function):
                usual = getattr(function, _SETTINGS, settings.default)
                fewer = max(2, usual.max_examples // 4)
                setattr(function, _SETTINGS, settings(usual, max_examples=fewer))


def _wanted(item: pytest.Item, names: Sequence[str], asked: Sequence[str]) -> bool:
    """Whether a test is outside the rooms, asked for by its node id, or about one of `names`."""
    if not item.nodeid.startswith(_ROOMS):
        return True
    if any(item.nodeid == node or item.nodeid.startswith(f"{node}[") for node in asked):
        return True
    proof = getattr(getattr(item, "function", None), "proof", None)
    if proof is not None:
        return proof["functionality"] in names
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return any(
        isinstance(value, str) and value.partition(" ")[0] in names for value in parameters.values()
    )
