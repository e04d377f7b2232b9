"""`cryptomoe audit`: runs every check of the specification and reports what holds, and why."""

import json
import platform
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from cryptomoe_spec.contracts import FUNCTIONALITIES, contract_hash
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cryptomoe import __version__
from cryptomoe.cli.audit_assembling import assemble
from cryptomoe.cli.audit_checkout import Checkout, find_checkout
from cryptomoe.cli.audit_contracts import describe, references
from cryptomoe.cli.audit_html import write_html
from cryptomoe.cli.audit_running import SEED, run_checks
from cryptomoe.cli.report import write_file
from cryptomoe.errors import UsageError
from cryptomoe.he.parameters import STANDARD

BUDGETS = ("full", "small")
_NAMES = tuple(declared.name for declared in FUNCTIONALITIES)


@click.command()
@click.option(
    "--json",
    "json_target",
    is_flag=False,
    flag_value="-",
    default=None,
    help="The report as one JSON object, to standard output or to a file.",
)
@click.option(
    "--html",
    "html_target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The report for a person, in one file.",
)
@click.option("--only", metavar="NAME", help="One functionality alone.")
@click.option(
    "--budget",
    type=click.Choice(BUDGETS),
    default="full",
    show_default=True,
    help="small: a quarter of the random examples; everything else in full.",
)
def audit(json_target: str | None, html_target: Path | None, only: str | None, budget: str) -> int:
    """Run every check of the specification, in a checkout; status 1 if anything fails.

    With --only, comparisons of views that run all operations at once are left out.
    """  # fmt: skip
    if only is not None and only not in _NAMES:
        raise UsageError(f"there is no functionality {only}; there are {', '.join(_NAMES)}")
    for target in (html_target, None if json_target in {None, "-"} else Path(json_target or "")):
        if target is not None and not target.parent.is_dir():
            raise UsageError(f"{target} cannot be written: its folder does not exist")
    checkout = find_checkout()
    report = examine(checkout, only=only, small=budget == "small")
    if json_target == "-":
        sys.stdout.write(json.dumps(report) + "\n")
    elif json_target is not None:
        write_file(Path(json_target), json.dumps(report, indent=1) + "\n")
    else:
        print_summary(report)
    if html_target is not None:
        write_html(report, checkout.root, html_target)
    return 0 if report["passed"] else 1


def examine(checkout: Checkout, *, only: str | None, small: bool) -> dict[str, Any]:
    """Run all checks, or those of one functionality, and assemble the report."""
    started = time.perf_counter()
    names = [name for name in _NAMES if only in {None, name}]
    with _progress_bar() as progress:
        outcomes = run_checks(checkout, names, only=only, small=small, progress=progress)
        described = {
            name: describe(name, checkout.table.CHECKS[name].specification)
            for name in progress.track(names, description="contracts")
        }
    cited = {key for one in described.values() for key in one["contract"]["citations"]}
    surroundings = {
        "version": __version__,
        "command": "audit",
        "only": only,
        "budget": "small" if small else "full",
        "citations": references(cited),
        "commit": commit(checkout.root),
        "packages": packages(),
        "python": platform.python_version(),
        "cpu": cpu(),
        "seed": SEED,
        "parameters": STANDARD.describe(),
        "parameter_hash": parameter_hash(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": time.perf_counter() - started,
    }
    return assemble(described, checkout.table, outcomes, surroundings)


def _progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


def print_summary(report: dict[str, Any]) -> None:
    """A row per functionality, what failed, and the verdict."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table(
        "functionality", "equality", "prediction", "leakage", "mutants", "proofs", "verdict"
    )
    for column in table.columns[1:-1]:
        column.justify = "right"
    for item in report["functionalities"]:
        counts = [item["equality"]["cases"], item["prediction"]["cases"]]
        counts += [len(item[kind]) for kind in ("leakage", "mutants", "proofs")]
        verdict = "passed" if item["passed"] else "FAILED"
        table.add_row(item["name"], *(f"{count:,}" for count in counts), verdict)
    console.print(table)
    for line in (*report["failures"], *report["problems"]):
        console.print(f"failed: {line}", markup=False)
    console.print("passed" if report["passed"] else "FAILED")


# --- what the report was made with ---------------------------------------------------------------


def parameter_hash() -> str:
    """A hash of the encryption scheme's parameters and of all contracts."""
    stated = {"he": STANDARD.describe(), "contracts": contract_hash()}
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def commit(root: Path) -> str | None:
    """The checked-out commit, with "+changes" where files differ from it; None without git."""
    git = shutil.which("git")
    if git is None:
        return None
    said = [
        subprocess.run(  # noqa: S603 - a fixed question to git
            [git, "-C", str(root), *question], capture_output=True, text=True, check=False
        )
        for question in (["rev-parse", "HEAD"], ["status", "--porcelain"])
    ]
    if said[0].returncode:
        return None
    return said[0].stdout.strip() + ("+changes" if said[1].stdout else "")


def packages() -> dict[str, str]:
    """Installed versions of what the package and its tests depend on."""
    names = {
        re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        for requirement in metadata.requires("cryptomoe") or ()
    }
    installed = {}
    for name in sorted(names):
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def cpu() -> str:
    """The processor's name."""
    described = Path("/proc/cpuinfo")
    if described.exists():
        named = re.search(r"^model name\s*: (.+)$", described.read_text(), re.MULTILINE)
        if named is not None:
            return named[1].strip()
    return platform.processor() or platform.machine()
