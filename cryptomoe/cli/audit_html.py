"""The report as a page: one file, without scripts, and without anything from elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from cryptomoe_spec.shape import TransformerShape
from jinja2 import Environment, PackageLoader, StrictUndefined

from cryptomoe.cli.audit_assembling import verdict_counts
from cryptomoe.cli.audit_checkout import MODEL
from cryptomoe.cli.audit_picture import draw
from cryptomoe.cli.report import write_file
from cryptomoe.models.config import read_config


def write_html(report: Mapping[str, Any], root: Path, target: Path) -> None:
    """Write the page of a report; the picture is of the model that the repository has."""
    write_file(target, render(report, draw(_shipped_shape(root))))


def _shipped_shape(root: Path) -> TransformerShape:
    held = read_config(root / MODEL).shape
    return TransformerShape(**{item.name: getattr(held, item.name) for item in fields(held)})


def render(report: Mapping[str, Any], picture: Mapping[str, Any]) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("cryptomoe.cli", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"amount": amount, "p_value": p_value, "size": size, "passing": passing}
    items = {item["name"]: item for item in report["functionalities"]}
    return environment.get_template("audit_report.html.j2").render(
        report=report,
        picture=picture,
        counts=list(verdict_counts(report)),
        items=items,
        learned={
            party: _learned(report["functionalities"], party) for party in ("client", "server")
        },
        assumptions=_assumptions(report["functionalities"]),
        groups=[
            (title, [item for item in report["functionalities"] if item["kind"] == kind])
            for title, kind in (("Protocols", "protocol"), ("The black box", "black box"))
        ],
        views=views,
    )


def _learned(items: Iterable[Mapping[str, Any]], party: str) -> list[tuple[str, str]]:
    """What contracts let a party learn, with their names; those that say nothing are left out."""
    stated = ((item["name"], item["contract"]["leakage"][party]) for item in items)
    return [(name, leakage) for name, leakage in stated if leakage != "nothing"]


def _assumptions(items: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Assumptions, those of most functionalities first, with the names that rest on them."""
    resting: dict[str, list[str]] = {}
    for item in items:
        for assumption in item["assumptions"]:
            resting.setdefault(assumption, []).append(item["name"])
    return sorted(resting.items(), key=lambda pair: -len(pair[1]))


def views(leakage: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Comparisons of views in groups of one party and one kind of test.

    A group has how many there are, the smallest p-value and its level, or how many tapes.
    """
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for item in leakage:
        test = item["test"].partition(":")[0]
        group = groups.setdefault(
            (item["party"], test),
            {"party": item["party"], "test": test, "count": 0, "smallest": None, "level": None,
             "tapes": None, "passed": True, "failed": []},
        )  # fmt: skip
        group["count"] += 1
        group["passed"] &= item["passed"]
        if not item["passed"]:
            group["failed"].append(item)
        if item["p_value"] is not None:
            known = (group["smallest"], item["p_value"])
            group["smallest"] = min(value for value in known if value is not None)
            group["level"] = item.get("level")
        if "tapes" in item:
            group["tapes"] = (group["tapes"] or 0) + item["tapes"]
    return list(groups.values())


def passing(items: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the functionalities that passed."""
    return [name for name, item in items.items() if item["passed"]]


def amount(number: int) -> str:
    """A whole number with commas."""
    return f"{number:,}"


def p_value(value: float | None) -> str:
    """A probability in few digits; a dash where there is none."""
    if value is None:
        return "\u2013"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    for unit, factor in (("MB", 10**6), ("kB", 10**3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:,} B"
