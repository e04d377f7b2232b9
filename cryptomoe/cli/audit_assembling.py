"""From what was run to one verdict: every result under the functionality that it is about.

A functionality passes when it was compared with its specification, with the prediction and with its
declared costs at least once each, every comparison held, every leakage test passed and has a
control that was rejected, every mutant was caught, every proof holds, and no test failed that has
its name among its parameters: a leakage test that failed early has recorded nothing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cryptomoe.cli.audit_running import Outcomes

Tests = Mapping[str, Mapping[str, Any]]


def assemble(
    described: Mapping[str, Mapping[str, Any]],
    table: Any,
    outcomes: Outcomes,
    surroundings: Mapping[str, Any],
) -> dict[str, Any]:
    """The report as one object.

    `described` has the contracts by name, `table` what checks them, and `surroundings` what else
    belongs into the report: version, commit and the like.
    """
    leakage = _recorded(outcomes.tests, "leakage", table.ALIASES)
    proofs = _recorded(outcomes.tests, "proof", table.ALIASES)
    mutants = [_mutant(mutant, table.ALIASES) for mutant in outcomes.mutants]
    functionalities = [
        _functionality(
            name,
            contract,
            table,
            outcomes.tests,
            leakage=_of(leakage, [name]),
            proofs=_of(proofs, [name]),
            mutants=_of(mutants, [name]),
        )
        for name, contract in described.items()
    ]
    others = {item["functionality"] for item in (*leakage, *proofs, *mutants)} - set(described)
    supporting = {
        "leakage": _leakage(_of(leakage, others)),
        "controls": _controls(table, outcomes.tests, _of(leakage, others), ()),
        "mutants": _of(mutants, others),
        "proofs": _proofs(_of(proofs, others)),
    }
    failures = [name for name, test in outcomes.tests.items() if not test["passed"]]
    passed = (
        not failures
        and not outcomes.problems
        and all(item["passed"] for item in functionalities)
        and all(item["passed"] for items in supporting.values() for item in items)
    )
    return {
        **surroundings,
        "passed": passed,
        "functionalities": functionalities,
        "supporting": supporting,
        "failures": failures,
        "problems": list(outcomes.problems),
    }


def _functionality(
    name: str,
    described: Mapping[str, Any],
    table: Any,
    tests: Tests,
    *,
    leakage: Sequence[dict[str, Any]],
    proofs: Sequence[dict[str, Any]],
    mutants: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    checks = table.CHECKS[name]
    names = [name, *(alias for alias, meant in table.ALIASES.items() if meant == name)]
    failures = [
        test
        for test, outcome in tests.items()
        if not outcome["passed"] and any(_mentions(test, known) for known in names)
    ]
    results = {
        "equality": _compared(checks.equality, tests),
        "prediction": _compared(checks.prediction, tests),
        "cost": _compared(checks.cost, tests),
    }
    listed = {
        "costs": _measured(name, described["costs"], tests),
        "leakage": _leakage(leakage),
        "controls": _controls(table, tests, leakage, names),
        "mutants": list(mutants),
        "proofs": _proofs(proofs),
    }
    return {
        "name": name,
        **described,
        "specification": checks.specification,
        "implementation": checks.implementation,
        "page": f"proofs/{name}.md",
        "failures": failures,
        "passed": not failures
        and all(result["passed"] for result in results.values())
        and all(item["passed"] for items in listed.values() for item in items),
        **results,
        **listed,
    }


def _of(items: Iterable[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    wanted = set(names)
    return [item for item in items if item["functionality"] in wanted]


def _compared(nodes: Sequence[str], tests: Tests) -> dict[str, Any]:
    """Cases of these tests and whether they passed; a test that did not run has not."""
    listed = [
        {"test": name, "cases": tests[name]["cases"], "passed": tests[name]["passed"]}
        for node in nodes
        for name in _named(node, tests)
    ]
    listed += [
        {"test": node, "cases": 0, "passed": False} for node in nodes if not _named(node, tests)
    ]
    cases = sum(test["cases"] for test in listed)
    passed = cases > 0 and all(test["passed"] for test in listed)
    return {"cases": cases, "passed": passed, "tests": listed}


def _measured(name: str, costs: Sequence[Mapping[str, Any]], tests: Tests) -> list[dict[str, Any]]:
    """Costs at samples, with what a run at the same sizes came to where there was one."""
    found = {
        (item["truncation"], *item["sizes"].items()): item["measured"]
        for item in _recorded(tests, "cost", {})
        if item["functionality"] == name
    }
    listed = []
    for cost in costs:
        measured = found.get((cost["truncation"], *cost["sizes"].items()))
        passed = cost["passed"] and measured in (None, cost["declared"])
        listed.append({**cost, "measured": measured, "passed": passed})
    return listed


def _named(node: str, tests: Iterable[str]) -> list[str]:
    """The tests that a node id means: itself, or all its cases."""
    return [name for name in tests if name == node or name.startswith(f"{node}[")]


def _recorded(tests: Tests, kind: str, aliases: Mapping[str, str]) -> list[dict[str, Any]]:
    """What tests recorded about themselves, each with the test and whether it passed."""
    return [
        {
            **value,
            "functionality": aliases.get(value["functionality"], value["functionality"]),
            "from": name,
            "passed": test["passed"],
        }
        for name, test in tests.items()
        for key, value in test["properties"]
        if key == kind
    ]


def _leakage(recorded: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Comparisons of views. One has passed if its p-value is not below its level.

    Equality of distributions has no p-value: it has passed if its test has.
    """
    listed = []
    for item in recorded:
        value = {key: item[key] for key in item if key not in {"p", "from"}}
        p, level = item.get("p"), item.get("level")
        if p is not None and level is not None:
            value["passed"] = p >= level
        listed.append({**value, "p_value": p, "source": item["from"]})
    return listed


def _controls(
    table: Any, tests: Tests, recorded: Iterable[Mapping[str, Any]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The tests planted to fail beside those that recorded something.

    Where their parameters begin with one of `names`, those cases alone.
    """
    sources = {item["from"].partition("[")[0] for item in recorded}
    nodes = {node: None for source in sorted(sources) for node in table.CONTROLS.get(source, ())}
    listed = []
    for node in nodes:
        named = _named(node, tests)
        about = [test for test in named if any(_mentions(test, known) for known in names)]
        ran = about or named
        listed.append(
            {
                "test": node,
                "cases": sum(tests[test]["cases"] for test in ran),
                "passed": bool(ran) and all(tests[test]["passed"] for test in ran),
            }
        )
    listed += [
        {"test": f"no control of {source}", "cases": 0, "passed": False}
        for source in sorted(sources)
        if not table.CONTROLS.get(source)
    ]
    return listed


def _mentions(test: str, name: str) -> bool:
    """Whether the parameters of a case begin with a name."""
    return re.match(rf"{name}(?![a-z_])", test.partition("[")[2]) is not None


def _mutant(outcome: Mapping[str, Any], aliases: Mapping[str, str]) -> dict[str, Any]:
    caught = bool(outcome["caught_by"]) and not outcome["survived"]
    broken = outcome["functionality"]
    return {**outcome, "functionality": aliases.get(broken, broken), "passed": caught}


def _proofs(recorded: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Claims, each once with all its cases."""
    claims: dict[tuple[str, str, str], dict[str, Any]] = {}
    for item in recorded:
        source = item["from"].partition("[")[0]
        key = (item["claim"], item["method"], source)
        claim = claims.setdefault(
            key,
            {"claim": item["claim"], "method": item["method"], "cases": 0, "passed": True,
             "functionality": item["functionality"], "source": source},
        )  # fmt: skip
        claim["cases"] += 1
        claim["passed"] &= item["passed"]
    return list(claims.values())


def verdict_counts(report: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """How much was checked, for a summary."""
    items = report["functionalities"]
    extra = report["supporting"]
    yield "functionalities", len(items)
    for kind in ("equality", "prediction"):
        tests = {test["test"]: test["cases"] for item in items for test in item[kind]["tests"]}
        yield f"{kind} cases", sum(tests.values())
    for kind, name in (
        ("leakage", "comparisons of views"),
        ("mutants", "mutants"),
        ("proofs", "proofs"),
    ):
        yield name, sum(len(item[kind]) for item in items) + len(extra[kind])
