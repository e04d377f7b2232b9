"""The report of an audit on made-up outcomes: whatever is wrong makes it fail, and can be seen."""

import re
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest
from cryptomoe_spec.messages.transcript import Transcript
from cryptomoe_spec.messages.wire import CLIENT, SERVER, Message

from cryptomoe.cli.audit_assembling import assemble, verdict_counts
from cryptomoe.cli.audit_html import p_value, render, size, views
from cryptomoe.cli.audit_picture import layer_messages, layout
from cryptomoe.cli.audit_running import Outcomes

EQUAL, PREDICTED, COST = "tests/a.py::equal", "tests/a.py::predicted[x]", "tests/a.py::cost"
VIEWS, CONTROL, PROOF = "tests/b.py::views", "tests/b.py::control", "proofs/c.py::claim"
LEVEL = 1e-6
TABLE = SimpleNamespace(
    CHECKS={
        "topk": SimpleNamespace(
            specification="cryptomoe_spec.topk.topk",
            implementation="cryptomoe.protocols.topk.topk",
            equality=(EQUAL,),
            prediction=(PREDICTED,),
            cost=(COST,),
        )
    },
    CONTROLS={VIEWS: (CONTROL,)},
    ALIASES={"best": "topk"},
)
COSTS = {"rounds": 3, "client_bytes": 40, "server_bytes": 50, "setup_bytes": 0}
DESCRIBED = {
    "summary": "The k greatest.",
    "kind": "protocol",
    "engine": "two_party",
    "contract": {
        "parameters": {"size": "entries of a row"},
        "leakage": {"client": "nothing", "server": "nothing"},
        "rounds": "3",
        "bytes": {"client": "40", "server": "50", "offline": "0", "setup": "0"},
        "one_case": [],
        "range": "|x| < 2^22",
        "rounding": "none",
        "citations": ["paper"],
    },
    "formulas": {
        name: [{"mode": "", "text": "⌈45·size / 8⌉", "one_case": False}]
        for name in ("rounds", "client_bytes", "server_bytes", "offline_bytes", "setup_bytes")
    },
    "costs": [
        {"sizes": {"size": 5}, "truncation": "exact", "declared": COSTS, "predicted": COSTS,
         "passed": True}
    ],
    "assumptions": ["an assumption <b>"],
}  # fmt: skip
SURROUNDINGS = {
    "version": "0", "command": "audit", "only": None, "budget": "full", "commit": "c" * 40,
    "packages": {"numpy": "2"}, "python": "3", "cpu": "a processor", "seed": 1,
    "parameters": {"N": 8192}, "parameter_hash": "f" * 64, "finished": "2026-01-01T00:00:00",
    "seconds": 1.0,
    "citations": {
        "paper": {"authors": "Authors", "title": "A Title & More", "venue": "Venue", "year": 2020,
                  "used": "section 1"}
    },
}  # fmt: skip


@dataclass
class Made:
    """Outcomes in which everything passed, to be spoiled."""

    described: dict[str, Any] = field(default_factory=lambda: {"topk": deepcopy(DESCRIBED)})
    mutants: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"name": "quickselect", "description": "It stops early.", "functionality": "best",
             "caught_by": [EQUAL], "survived": []}
        ]
    )  # fmt: skip
    problems: list[str] = field(default_factory=list)
    tests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, cases in ((f"{EQUAL}[a]", 5), (f"{EQUAL}[b]", 7), (PREDICTED, 4), (COST, 2)):
            self.tests[name] = {"passed": True, "cases": cases, "properties": []}
        view = {"functionality": "best", "party": "client", "test": "two secrets: bytes",
                "p": 0.25, "level": LEVEL}  # fmt: skip
        tapes = {"functionality": "topk", "party": "server", "test": "all tapes", "tapes": 100}
        claim = {"functionality": "topk", "claim": "Exactly k", "method": "exhaustive"}
        cost = {"functionality": "topk", "sizes": {"size": 5}, "truncation": "exact",
                "measured": dict(COSTS)}  # fmt: skip
        self.tests[VIEWS] = {
            "passed": True, "cases": 1, "properties": [["leakage", view], ["leakage", tapes]],
        }  # fmt: skip
        self.tests[CONTROL] = {"passed": True, "cases": 1, "properties": []}
        for case in "ab":
            self.tests[f"{PROOF}[{case}]"] = {
                "passed": True, "cases": 1, "properties": [["proof", claim]],
            }  # fmt: skip
        self.tests[COST]["properties"] = [["cost", cost]]

    @property
    def report(self) -> dict[str, Any]:
        """What the assembler makes of it."""
        outcomes = Outcomes(self.tests, self.mutants, self.problems)
        return assemble(self.described, TABLE, outcomes, SURROUNDINGS)


MESSAGES = [
    Message(CLIENT, "embedding/request", 500, 1, "online"),
    Message(CLIENT, "layer0/moe/topk/request", 4000, 2, "online"),
    Message(SERVER, "layer0/moe/topk/answer", 1000, 3, "online"),
    Message(CLIENT, "layer0/moe/dispatch/setup/galois_key/1", 9000, 3, "online"),
    Message(SERVER, "layer0/moe/dispatch/answer", 10, 5, "online"),
    Message(CLIENT, "layer1/moe/topk/request", 4000, 6, "online"),
]


def page(report: dict[str, Any]) -> str:
    return render(report, layout(layer_messages(Transcript(tuple(MESSAGES)))))


def words(text: str) -> str:
    """A page without its tags."""
    found: list[str] = []
    parser = HTMLParser(convert_charrefs=True)
    parser.handle_data = found.append  # type: ignore[method-assign]
    parser.feed(re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))
    return " ".join(" ".join(found).split())


def test_all_that_passed() -> None:
    report = Made().report
    assert report["passed"]
    (topk,) = report["functionalities"]
    assert topk["equality"]["cases"] == 12
    assert topk["prediction"]["cases"] == 4
    assert [view["p_value"] for view in topk["leakage"]] == [0.25, None]
    assert topk["controls"] == [{"test": CONTROL, "cases": 1, "passed": True}]
    assert [(proof["claim"], proof["cases"]) for proof in topk["proofs"]] == [("Exactly k", 2)]
    assert topk["costs"][0]["measured"] == COSTS
    assert not any(report["supporting"].values())
    assert dict(verdict_counts(report)) == {
        "functionalities": 1, "equality cases": 12, "prediction cases": 4,
        "comparisons of views": 2, "mutants": 1, "proofs": 1,
    }  # fmt: skip


def _fails(name: str) -> Any:
    def spoil(made: Made) -> None:
        made.tests[name]["passed"] = False

    return spoil


def _is_missing(name: str) -> Any:
    def spoil(made: Made) -> None:
        del made.tests[name]

    return spoil


def _no_equality(made: Made) -> None:
    del made.tests[f"{EQUAL}[a]"], made.tests[f"{EQUAL}[b]"]


def _survivor(made: Made) -> None:
    made.mutants[0]["survived"] = ["tests/x.py::blind"]


def _noticed_by_nothing(made: Made) -> None:
    made.mutants[0]["caught_by"] = []


def _small_p_value(made: Made) -> None:
    made.tests[VIEWS]["properties"][0][1]["p"] = 1.5e-9


def _other_measurement(made: Made) -> None:
    made.tests[COST]["properties"][0][1]["measured"]["rounds"] = 4


def _other_prediction(made: Made) -> None:
    made.described["topk"]["costs"][0]["passed"] = False


def _problem(made: Made) -> None:
    made.problems.append("mutants ended early")


def _elsewhere(made: Made) -> None:
    made.mutants[0] |= {"functionality": "transfers", "survived": ["tests/x.py::blind"]}


SPOILED = {
    "a comparison with the specification": (_fails(f"{EQUAL}[a]"), f"failed: {EQUAL}[a]"),
    "a comparison with the prediction": (_fails(PREDICTED), f"failed: {PREDICTED}"),
    "a comparison of costs": (_fails(COST), f"failed: {COST}"),
    "no case of equality": (_no_equality, f"{EQUAL} did not run"),
    "no case of prediction": (_is_missing(PREDICTED), f"{PREDICTED} did not run"),
    "no control": (_is_missing(CONTROL), f"{CONTROL} did not run"),
    "a control that is not rejected": (_fails(CONTROL), f"failed: {CONTROL}"),
    "a leakage test": (_fails(VIEWS), f"failed: {VIEWS}"),
    "a small p-value": (_small_p_value, "two secrets: bytes: p = 1.5e-09"),
    "a proof": (_fails(f"{PROOF}[b]"), f"failed: {PROOF}[b]"),
    "a mutant that survived": (_survivor, "survived tests/x.py::blind"),
    "a mutant that nothing noticed": (_noticed_by_nothing, "noticed by nothing"),
    "a measurement": (_other_measurement, "This audit failed."),
    "a formula": (_other_prediction, "This audit failed."),
    "a process that ended": (_problem, "mutants ended early"),
    "a mutant of no contract": (_elsewhere, "survived tests/x.py::blind"),
}


@pytest.mark.parametrize(("spoil", "seen"), SPOILED.values(), ids=SPOILED)
def test_what_is_wrong_fails_the_audit_and_can_be_seen(spoil: Any, seen: str) -> None:
    made = Made()
    spoil(made)
    report = made.report
    assert report["passed"] is False
    text = words(page(report))
    assert "This audit failed." in text
    assert "Everything that was checked holds" not in text
    assert seen in text


def test_a_leakage_test_without_a_level_stands_and_falls_with_its_test() -> None:
    made = Made()
    del made.tests[VIEWS]["properties"][0][1]["level"]
    assert made.report["passed"]
    made.tests[VIEWS]["passed"] = False
    assert not any(view["passed"] for view in made.report["functionalities"][0]["leakage"])


@pytest.mark.parametrize("name", ["topk", "best"])
def test_a_test_that_failed_before_it_recorded_anything_is_its_functionalitys(name: str) -> None:
    """By the name, or another one, at the beginning of its parameters."""
    made = Made()
    made.tests["tests/d.py::views[toplevel 2]"] = {"passed": False, "cases": 1, "properties": []}
    assert made.report["functionalities"][0]["passed"]
    failing = f"tests/d.py::views[{name} 2]"
    made.tests[failing] = {"passed": False, "cases": 1, "properties": []}
    (topk,) = made.report["functionalities"]
    assert (topk["passed"], topk["failures"]) == (False, [failing])


def test_a_case_is_controlled_by_its_own_cases() -> None:
    """Where controls name functionalities in their parameters, others do not count."""
    made = Made()
    healthy = made.tests.pop(CONTROL)
    made.tests[f"{CONTROL}[topk 1-left out]"] = healthy
    made.tests[f"{CONTROL}[topk_other-left out]"] = healthy
    assert made.report["functionalities"][0]["controls"][0]["cases"] == 1


def test_what_is_about_no_contract_is_listed_apart() -> None:
    made = Made()
    made.tests[f"{PROOF}[a]"]["properties"][0][1]["functionality"] = "flood"
    report = made.report
    assert report["passed"]
    assert [proof["functionality"] for proof in report["supporting"]["proofs"]] == ["flood"]
    assert "flood" in words(page(report))


def test_the_page_has_everything() -> None:
    text = words(page(Made().report))
    for wanted in (
        "Everything that was checked holds.", "topk", "The k greatest.", "⌈45·size / 8⌉",
        "quickselect", f"caught by {EQUAL}", "Exactly k", "exhaustive, 2 cases", "0.250",
        "all tapes, 100 tapes", "an assumption <b>", "A Title & More", "Venue, 2020",
        "a processor", "f" * 64,
    ):  # fmt: skip
        assert wanted in text, wanted


def test_the_page_stands_alone() -> None:
    """No scripts, nothing loaded, no text that is taken for tags; light and dark."""
    text = page(Made().report)
    assert text.startswith("<!doctype html>")
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\(|src=", text)
    assert all(target.startswith("#") for target in re.findall(r'href="([^"]*)"', text))
    assert "an assumption &lt;b&gt;" in text
    assert "prefers-color-scheme: dark" in text


def test_anchors_of_the_page_exist() -> None:
    text = page(Made().report)
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(re.findall(r'id="([^"]*)"', text))


def test_a_part_claims_nothing_about_the_whole() -> None:
    """Of one functionality alone, the page says what was not checked."""
    report = {**Made().report, "only": "topk"}
    text = words(page(report))
    assert "a whole inference was not checked in this run" in text
    assert "not checked in this run" in text
    assert "not one bit about the prompt" not in text


def test_the_picture_has_one_layer() -> None:
    """Its messages alone, without set-up; areas in proportion, lanes in order."""
    drawn = layout(layer_messages(Transcript(tuple(MESSAGES))))
    assert [lane.name for lane in drawn["lanes"]] == ["topk", "dispatch"]
    assert (drawn["messages"], drawn["bytes"], drawn["rounds"]) == (3, 5010, 4)
    first, second = drawn["lanes"][0].discs
    assert (first["sender"], second["sender"]) == ("client", "server")
    assert first["x"] < second["x"]
    assert first["y"] < drawn["lanes"][0].y < second["y"]
    assert first["r"] ** 2 == pytest.approx(4 * second["r"] ** 2, rel=0.01)
    assert "moe/topk/request: 4,000 bytes" in first["title"]


def test_views_are_grouped() -> None:
    listed = [
        {"party": "client", "test": f"two secrets: {kind}", "p_value": p, "level": LEVEL,
         "passed": p >= LEVEL}
        for kind, p in (("a", 0.5), ("b", 0.1), ("c", 1e-9))
    ]  # fmt: skip
    (group,) = views(listed)
    assert (group["count"], group["smallest"], group["passed"]) == (3, 1e-9, False)
    assert group["failed"] == [listed[2]]


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (p_value(0.2504), "0.250"), (p_value(1.4e-17), "1.4e-17"), (p_value(None), "\u2013"),
        (size(12), "12 B"), (size(1_234), "1.2 kB"), (size(38_600_000), "38.6 MB"),
    ],
)  # fmt: skip
def test_numbers_are_short(shown: str, expected: str) -> None:
    assert shown == expected
