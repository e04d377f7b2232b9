"""Every mutant is caught by the ordinary tests that it names."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from every import MUTANTS

pytestmark = [pytest.mark.leakage, pytest.mark.xdist_group("mutants")]

RUNNER = Path(__file__).parent / "run.py"


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What one run of all mutants came to, by name."""
    written = tmp_path_factory.mktemp("mutants") / "outcomes.json"
    process = subprocess.run(
        [sys.executable, str(RUNNER), "--json", str(written)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert written.exists(), process.stderr
    listed = json.loads(written.read_text())["mutants"]
    return {outcome["name"]: outcome for outcome in listed}


@pytest.mark.parametrize("name", [mutant.name for mutant in MUTANTS])
def test_the_mutant_is_caught(name: str, outcomes: dict[str, dict[str, Any]]) -> None:
    """By every test that it names, each of which passes without it."""
    outcome = outcomes[name]
    assert not outcome["survived"], outcome
    assert outcome["caught_by"]


def test_mutants_are_many_and_have_distinct_names() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 25
    assert all(mutant.description.endswith(".") for mutant in MUTANTS)
