"""Every example runs by its one command, says that it matched, and fails where it would not."""

import json
import re
import runpy
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import cryptomoe_spec.balanced_selection
import cryptomoe_spec.dispatch
import cryptomoe_spec.gate
import cryptomoe_spec.moe_layer
import numpy as np
import pytest

import cryptomoe.cli
from cryptomoe.engines.abb import Secret, SecretBits
from cryptomoe.engines.two_party import TwoPartyEngine

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SAYS = {
    "audit_walk.py": [
        "16 messages as predicted", "equal to the specification", "careless variant is found",
    ],
    "private_dispatch.py": ["equal to the specification", "identical transcripts"],
    "private_gate.py": ["equal to the specification", "shown: None"],
    "private_layer.py": ["512 entries equal to the specification"],
    "whole_model.py": ["word 'small'", "equal to the specification", "messages as predicted"],
    "whole_model_three_parties.py": ["party2 sent", "word 'small'", "equal to the specification"],
}  # fmt: skip
"""What each says when all is well."""
RUN_ELSEWHERE = {"private_moe.py": "tests/cli/test_private_moe.py"}


def test_every_example_is_run() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py") if "__main__" in path.read_text()}
    assert scripts == SAYS.keys() | RUN_ELSEWHERE.keys()
    for name, test in RUN_ELSEWHERE.items():
        assert f'"{name}"' in (ROOT / test).read_text()


def test_every_example_has_its_command_in_the_list() -> None:
    listed = re.findall(r"`python examples/(\w+\.py)[^`]*`", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted([*SAYS, *RUN_ELSEWHERE])


@pytest.mark.multiprocess
@pytest.mark.parametrize("name", SAYS)
def test_it_runs_and_matches(name: str) -> None:
    """From the checkout's own folder, as the list of examples says."""
    done = subprocess.run(
        [sys.executable, f"examples/{name}"],
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in SAYS[name]:
        assert words in done.stdout


def status_of(name: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run an example inside this process, where its surroundings can be broken; its exit status."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        for shared in ("command_line", "two_parties"):
            sys.modules.pop(shared, None)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("audit_walk.py", "dispatch"),
        ("private_dispatch.py", "dispatch"),
        ("private_dispatch.py", "balanced_selection"),
        ("private_gate.py", "gate"),
        ("private_layer.py", "moe_layer"),
    ],
)
def test_it_fails_where_it_does_not_match(
    name: str,
    function: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With a specification that is off by one in one entry."""
    module = getattr(cryptomoe_spec, function)
    right = getattr(module, function)

    def wrong(*arguments: Any, **named: Any) -> Any:
        result = np.array(right(*arguments, **named))
        result.flat[-1] ^= 1
        return result

    monkeypatch.setattr(module, function, wrong)
    assert status_of(name, monkeypatch) == 1
    assert "NOT EQUAL TO THE SPECIFICATION" in capsys.readouterr().out


def test_a_message_that_is_not_as_predicted_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With predictions for another source of transfers than the one that runs."""
    module = import_module("cryptomoe.cli.reference")
    right = module.setting
    monkeypatch.setattr(module, "setting", lambda *, exact: right(exact=exact, ot="silent"))
    assert status_of("audit_walk.py", monkeypatch) == 1
    assert "NOT AS PREDICTED" in capsys.readouterr().out


def test_a_dispatch_that_betrays_the_routing_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that says more where the last two experts begin with the same token, as idle ones do."""
    module = import_module("cryptomoe.protocols.dispatch")
    right = module.dispatch

    def betraying(engine: TwoPartyEngine, x: Secret, assignment: SecretBits) -> Secret:
        taken: Secret = right(engine, x, assignment)
        opened = engine.reveal(taken, None)
        assert opened is not None
        if np.array_equal(opened[-1, 0], opened[-2, 0]):
            engine.reveal(taken, None)
        return taken

    monkeypatch.setattr(module, "dispatch", betraying)
    assert status_of("private_dispatch.py", monkeypatch) == 1
    said = capsys.readouterr().out
    assert "THE TRANSCRIPTS DIFFER" in said
    assert "equal to the specification" in said


OBJECT = {
    "text": "small", "logits_fixed": [1, 2], "seconds": 1.0, "rounds": 3,
    "bytes_sent": {"client": 5}, "setup_bytes": {"client": 6},
    "by_label": {"gate": {"bytes": 5, "messages": 1}},
}  # fmt: skip


@pytest.mark.parametrize("name", ["whole_model.py", "whole_model_three_parties.py"])
@pytest.mark.parametrize(
    ("differing", "status"),
    [({}, 0), ({"logits_fixed": [1, 3]}, 1), ({"text": "old"}, 1), ({"transcript": "{}"}, None)],
)
def test_whole_models_are_compared(
    name: str, differing: dict[str, Any], status: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With commands that do nothing but tell a result, the reference's another one."""

    def command(arguments: list[str]) -> int:
        found = OBJECT | (differing if arguments[0] == "reference" else {})
        options = dict(pairwise(arguments))
        Path(options["--json"]).write_text(json.dumps(found))
        if "--transcript" in options:
            Path(options["--transcript"]).write_text(found.get("transcript", ""))
        return 0

    monkeypatch.setattr(cryptomoe.cli, "run", command)
    if status is None:
        status = int(name == "whole_model.py")
    assert status_of(name, monkeypatch) == status


def test_a_command_that_fails_ends_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cryptomoe.cli, "run", lambda _: 2)
    assert status_of("whole_model.py", monkeypatch) == 2
