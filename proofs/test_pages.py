"""The written arguments: one page a contract, in one form, and everything that a page names exists.

A page names a check by its path and its name, `path/to/file.py::name`. Whether that check passes is
the test run's business; here it is only made sure that the page does not point into the void.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from cryptomoe_spec.contracts import FUNCTIONALITIES
from cryptomoe_spec.contracts_terms import BLACK_BOX, Functionality

PROOFS = Path(__file__).parent
ROOT = PROOFS.parent
CONTRACTS = {declared.name: declared for declared in FUNCTIONALITIES}
COMMON = ("composition", "threat-model")
"""Pages about all functionalities together."""
NO_ARGUMENTS = ("README", "costs", "failures")
"""Documents beside the pages that argue for nothing by themselves."""
HEADINGS = (
    "Functionality",
    "Protocol",
    "Theorem",
    "Simulator",
    "Argument",
    "Correctness",
    "Rests on",
    "Not covered",
)
BENEATH = (
    "BLAKE2b derives independent keys from one seed, and hash keys from one salt",
    "SEAL's own generator, seeded by the operating system, is pseudorandom",
)
"""Assumptions that no contract repeats, since all of them share these."""
OF_ITS_OWN = "no simulator of its own"
"""What the page of a composed functionality says in place of a name."""

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\[\]]+\]\(([^()\s]+)\)")
NAMED = re.compile(r"([\w./-]+\.py)::(\w+)")
ITEM = re.compile(r"^- (.+(?:\n  .+)*)", re.MULTILINE)


def text_of(page: str) -> str:
    """A page by its name."""
    return (PROOFS / f"{page}.md").read_text(encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Headings of the second order, in their order, with what follows each."""
    parts = re.split(r"^## (.+)$", FENCE.sub("", text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@cache
def names_in(path: Path) -> frozenset[str]:
    """Functions and classes that a module defines at its top level."""
    defined = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return frozenset(node.name for node in body if isinstance(node, defined))


def anchors(text: str) -> set[str]:
    """Names that headings get where Markdown is shown."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def missing(text: str) -> Iterator[str]:
    """Links, and names in back-ticks, that lead nowhere."""
    bare = FENCE.sub("", text)
    for target in LINK.findall(bare):
        path, _, anchor = target.partition("#")
        place = PROOFS / path
        if not place.exists() or (anchor and anchor not in anchors(place.read_text("utf-8"))):
            yield target
    for span in SPAN.findall(bare):
        if "::" not in span:
            continue
        named = NAMED.fullmatch(span)
        path = ROOT / named[1] if named else None
        if named is None or path is None or not path.exists() or named[2] not in names_in(path):
            yield span


def checks(text: str) -> list[str]:
    """Tests that a text names."""
    return [span for span in SPAN.findall(text) if "::test_" in span]


def faults(text: str, declared: Functionality, simulators: frozenset[str]) -> Iterator[str]:
    """What is wrong with the page of a functionality."""
    yield from missing(text)
    if not text.startswith(f"# `{declared.name}`\n"):
        yield "title"
    parts = sections(text)
    if tuple(parts) != HEADINGS:
        yield "headings"
        return
    yield from (f"empty: {name}" for name, part in parts.items() if not part.strip())
    yield from (
        f"no check: {name}" for name in ("Argument", "Correctness") if not checks(parts[name])
    )
    items = {" ".join(item.split()) for item in ITEM.findall(parts["Rests on"])}
    if items != set(declared.assumptions or ("nothing: its security is perfect",)):
        yield "assumptions"
    own = f"simulate_{declared.name}"
    named = {match[2] for match in map(NAMED.fullmatch, SPAN.findall(parts["Simulator"])) if match}
    if own in simulators and own not in named:
        yield "simulator"
    if own not in simulators and OF_ITS_OWN not in " ".join(parts["Simulator"].split()):
        yield "simulator"


@cache
def simulators() -> frozenset[str]:
    """All simulators there are."""
    names = (names_in(path) for path in (PROOFS / "simulators").glob("simulate_*.py"))
    return frozenset(name for found in names for name in found if name.startswith("simulate_"))


def test_every_contract_has_its_page_and_every_page_its_contract() -> None:
    """Besides the two common pages, and documents that argue for nothing."""
    pages = {path.stem for path in PROOFS.glob("*.md")} - set(NO_ARGUMENTS)
    assert pages == set(CONTRACTS) | set(COMMON)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_page_has_its_form_and_names_what_exists(name: str) -> None:
    """Headings, checks, simulator and assumptions; links and names lead somewhere."""
    assert list(faults(text_of(name), CONTRACTS[name], simulators())) == []


@pytest.mark.parametrize("name", COMMON)
def test_a_common_page_names_what_exists(name: str) -> None:
    """Links and names lead somewhere, and there are some."""
    text = text_of(name)
    assert list(missing(text)) == []
    assert checks(text)


def test_assumptions_that_all_share_are_stated_once() -> None:
    """Composition lists those of all contracts, and those beneath."""
    stated = sections(text_of("composition"))["Rests on"]
    known = {assumption for declared in FUNCTIONALITIES for assumption in declared.assumptions}
    items = [" ".join(item.split()) for item in ITEM.findall(stated)]
    assert set(items) == known | set(BENEATH)
    assert len(items) == len(set(items))


def test_every_simulator_of_an_operation_is_named_by_a_page() -> None:
    """Those of transfers, which are no functionalities of the black box, by the common page."""
    pages = [text_of(name) for name in (*CONTRACTS, *COMMON)]
    named = {
        match[2] for text in pages for match in map(NAMED.fullmatch, SPAN.findall(text)) if match
    }
    assert simulators() <= named


def test_every_operation_with_messages_of_its_own_has_a_simulator() -> None:
    """What the engine derives from other operations has none, and neither have protocols."""
    own = {name for name in CONTRACTS if f"simulate_{name}" in simulators()}
    assert {CONTRACTS[name].kind for name in own} == {BLACK_BOX}
    derived = {"maximum", "argmax", "silu", "sigmoid", "exp", "reciprocal", "rsqrt"}
    assert {name for name in CONTRACTS if CONTRACTS[name].kind == BLACK_BOX} - own == derived


# --- the check can fail ---------------------------------------------------------------------------

SAMPLE = """# `truncate`

## Functionality
As the [specification](../spec/truncate.py) has it.

## Protocol
One comparison.

## Theorem
Secure.

## Simulator
`proofs/simulators/simulate_truncation.py::simulate_truncate`

## Argument
H0 to H1: `tests/leakage/test_hybrid_views.py::test_views_are_simulated_exactly`

## Correctness
`proofs/test_field_lemmas.py::test_exact_truncation_of_every_share`

## Rests on
{assumptions}

## Not covered
Nothing else.
"""


def sample() -> str:
    """A page without faults."""
    assumptions = "\n".join(f"- {text}" for text in CONTRACTS["truncate"].assumptions)
    return SAMPLE.format(assumptions=assumptions)


def test_the_sample_has_no_faults() -> None:
    """So whatever is found in a broken one was broken there."""
    assert list(faults(sample(), CONTRACTS["truncate"], simulators())) == []


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("# `truncate`", "# truncate", "title"),
        ("## Theorem\nSecure.\n\n", "", "headings"),
        ("## Theorem", "## Claim", "headings"),
        ("Secure.", "", "empty: Theorem"),
        ("../spec/truncate.py", "../spec/truncated.py", "../spec/truncated.py"),
        ("../spec/truncate.py", "composition.md#nowhere", "composition.md#nowhere"),
        (
            "test_hybrid_views.py::test_views_are_simulated_exactly",
            "test_hybrid_views.py::test_views_are_equal",
            "tests/leakage/test_hybrid_views.py::test_views_are_equal",
        ),
        (
            "`tests/leakage",
            "`tests/leaks",
            "tests/leaks/test_hybrid_views.py::test_views_are_simulated_exactly",
        ),
        (
            "H0 to H1: `tests/leakage/test_hybrid_views.py::test_views_are_simulated_exactly`",
            "By\n`tests/leakage/test_hybrid_views.py`",
            "no check: Argument",
        ),
        (
            "proofs/test_field_lemmas.py::test_exact_truncation_of_every_share",
            "proofs/test_field_lemmas.py",
            "no check: Correctness",
        ),
        ("- AES in counter mode is a pseudorandom generator", "", "assumptions"),
        ("- AES", "- one-way functions exist\n- AES", "assumptions"),
        ("truncation.py::simulate_truncate", "comparisons.py::simulate_less", "simulator"),
        ("::simulate_truncate", "::simulate_approximate_truncate", "simulator"),
    ],
)
def test_a_broken_page_is_noticed(right: str, wrong: str, fault: str) -> None:
    """The sample with one thing wrong has the fault that says so."""
    assert right in sample()
    broken = sample().replace(right, wrong)
    assert fault in list(faults(broken, CONTRACTS["truncate"], simulators()))


@pytest.mark.parametrize("name", ["maximum", "gate"])
def test_a_composed_page_must_say_that_it_has_no_simulator(name: str) -> None:
    """In these words, which the check looks for."""
    broken = text_of(name).replace(OF_ITS_OWN, "a simulator")
    assert list(faults(broken, CONTRACTS[name], simulators())) == ["simulator"]
