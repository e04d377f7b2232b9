"""The example among several parties, by MPyC's own kind of command."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "private_moe.py"


def free_ports(count: int) -> int:
    """The first of some neighbouring ports that are free now."""
    for first in range(20_000, 60_000, 97):
        try:
            for port in range(first, first + count):
                socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return first
    raise RuntimeError("no free ports")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The example as a process."""
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *arguments],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.multiprocess
@pytest.mark.parametrize("parties", [3, 4])
def test_it_computes_what_the_specification_says(parties: int) -> None:
    done = run(f"-M{parties}", "-B", str(free_ports(parties)))
    assert done.returncode == 0, done.stderr
    assert "equal to the specification" in done.stdout
    assert f"{parties} parties" in done.stdout


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["-M2"], "every share would be the secret itself"),
        (["-M3", "-T0"], "hides nothing"),
        (["-M3", "-I3"], "none of 3 parties"),
        (["-P", "elsewhere:1"], "not supported"),
        (["-M3", "--ssl"], "not supported"),
    ],
)
def test_what_it_refuses(arguments: list[str], wanted: str) -> None:
    done = run(*arguments, "-B", str(free_ports(3)))
    assert done.returncode == 1
    assert wanted in done.stderr
    assert "Traceback" not in done.stderr
