"""The shipped model, and a way to run the command line inside the test's own process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cryptomoe.cli import run

TINY = Path(__file__).parents[2] / "examples" / "tiny-olmoe"

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def tiny() -> Path:
    """The directory of the shipped model."""
    return TINY


@pytest.fixture
def object_of(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command with `--json` and gives its object; standard output must have no more."""

    def call(*arguments: object) -> dict[str, Any]:
        status = run([str(argument) for argument in arguments] + ["--json"])
        output, errors = capfd.readouterr()
        assert status == 0, errors
        assert output.count("\n") == 1
        parsed: dict[str, Any] = json.loads(output)
        return parsed

    return call


@pytest.fixture
def refusal_of(capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must be refused: status 2, one sentence, nothing on standard output."""

    def call(*arguments: object) -> str:
        status = run([str(argument) for argument in arguments])
        output, errors = capfd.readouterr()
        lines = [line for line in errors.splitlines() if line.startswith("cryptomoe:")]
        assert (status, output, len(lines)) == (2, "", 1), errors
        assert "Traceback" not in errors
        return lines[0]

    return call
