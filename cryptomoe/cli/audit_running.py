"""Runs what the audit is made of: the tests and proofs, and the mutants, as processes side by side.

Each process says on its output how far it is; the progress bar follows.
"""

import json
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from rich.progress import Progress, TaskID

from cryptomoe.cli.audit_checkout import MUTANTS, Checkout

SEED = 20251101
"""Of every random example that Hypothesis tries."""
ROOMS = ("tests/leakage", "proofs")
"""Folders that run as a whole, beside the tests that the table names."""
_AT_ONCE = 2
_LAST_LINES = 5
_PERCENT = re.compile(r"\[\s*(\d+)%\]\s*$")
# Two processes share the machine, and the parties inside are threads already.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Outcomes:
    """What was run came to.

    Fields: `tests`, by pytest node id, as the pytest plugin of the audit writes them; `mutants`, as
    their runner lists them; `problems`, what went wrong besides, each in a sentence.
    """

    tests: dict[str, dict[str, Any]]
    mutants: list[dict[str, Any]]
    problems: list[str] = field(default_factory=list)


def run_checks(
    checkout: Checkout, names: Sequence[str], *, only: str | None, small: bool, progress: Progress
) -> Outcomes:
    """Run all checks of the contracts `names`; of `only`, where it is one, nothing else."""
    with _Workplace(checkout.root, progress) as place:
        tests = place.start(
            "tests and proofs",
            lambda target: _pytest(checkout, names, only, target, small=small),
            accepted=(0, 1),
        )
        mutants = place.start(
            "mutants", lambda target: _mutants(checkout, only, target), accepted=(0, 1)
        )
        (found, complaint), (broken, other) = tests(), mutants()
    problems = [problem for problem in (complaint, other) if problem is not None]
    return Outcomes(found, broken.get("mutants", []), problems)


def node_ids(table: Any, names: Iterable[str]) -> list[str]:
    """Tests of the contracts `names`, each once: a case only where not all of its test run."""
    listed = {
        node: None
        for name in names
        for kind in ("equality", "prediction", "cost")
        for node in getattr(table.CHECKS[name], kind)
    }
    return [node for node in listed if "[" not in node or node.partition("[")[0] not in listed]


def _pytest(
    checkout: Checkout, names: Sequence[str], only: str | None, target: Path, *, small: bool
) -> list[str]:
    return [
        sys.executable, "-m", "pytest", "-v", "--no-header", "--tb=no", "-p", "no:cacheprovider",
        "-p", "audit_plugin", "--audit-to", str(target),
        "--hypothesis-profile", "audit", "--hypothesis-seed", str(SEED),
        *(["--audit-small"] if small else []),
        *(f"--audit-only={name}" for name in _names(checkout, only)),
        *node_ids(checkout.table, names), *ROOMS,
    ]  # fmt: skip


def _mutants(checkout: Checkout, only: str | None, target: Path) -> list[str]:
    chosen = [f"--functionality={name}" for name in _names(checkout, only)]
    return [sys.executable, str(checkout.root / MUTANTS), "--json", str(target), *chosen]


def _names(checkout: Checkout, only: str | None) -> list[str]:
    """What tests call the one functionality that is asked for; empty where all are."""
    known = {name: name for name in checkout.table.CHECKS} | checkout.table.ALIASES
    return [name for name, meant in known.items() if meant == only]


Result = tuple[Any, str | None]
"""What a command wrote, and a sentence about its end where that is not one of the usual ones."""


class _Workplace:
    """Runs commands in a directory, two at once; none outlives it."""

    def __init__(self, root: Path, progress: Progress) -> None:
        self._root = root
        self._progress = progress
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._running: set[subprocess.Popen[str]] = set()
        self._files = TemporaryDirectory(prefix="cryptomoe-audit-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in list(self._running):
            process.terminate()
        self._pool.shutdown(cancel_futures=True)
        self._files.cleanup()

    def start(
        self, title: str, command: Callable[[Path], list[str]], accepted: Sequence[int]
    ) -> Callable[[], Result]:
        """Begin a command that writes JSON to the file it is given; its result when called."""
        target = Path(self._files.name) / f"{title.replace(' ', '_')}.json"
        task = self._progress.add_task(title, total=100)
        return self._pool.submit(self._run, title, command(target), target, accepted, task).result

    def _run(
        self, title: str, command: list[str], target: Path, accepted: Sequence[int], task: TaskID
    ) -> Result:
        last: deque[str] = deque(maxlen=_LAST_LINES)
        paths = [str(self._root / "tests"), os.environ.get("PYTHONPATH", "")]
        environment = {
            **os.environ,
            **_ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        with subprocess.Popen(  # noqa: S603 - our own tests, by our own interpreter
            command,
            cwd=self._root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            self._running.add(process)
            for line in process.stdout or ():
                last.append(line.rstrip())
                done = _PERCENT.search(line)
                if done is not None:
                    self._progress.update(task, completed=int(done[1]))
            status = process.wait()
            self._running.discard(process)
        self._progress.update(task, completed=100)
        said = " / ".join(line for line in last if line)
        if not target.exists():
            return {}, f"{title} could not be run, status {status}: {said}"
        result = json.loads(target.read_text(encoding="utf-8"))
        if status in accepted:
            return result, None
        return result, f"{title} ended early, with status {status}: {said}"
