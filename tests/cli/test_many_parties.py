"""`cryptomoe infer --parties 3`: every party a process, and what happens when one dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parties import many_parties

from cryptomoe.protocols.transformer import FUNCTIONALITIES

Command = Callable[..., dict[str, Any]]

WITHOUT_PICKLE = """
import pickle

def refuse(*arguments, **options):
    raise RuntimeError("pickle was used")

pickle.loads = pickle.load = pickle.Unpickler = pickle.dumps = pickle.dump = refuse
"""


@pytest.mark.multiprocess
@pytest.mark.parametrize("parties", [3, 5])
def test_exact_mode_equals_the_reference_bit_for_bit(
    parties: int, tiny: Path, object_of: Command
) -> None:
    arguments = ["--model", tiny, "--prompt", "one day the", "--truncation", "exact"]
    private = object_of("infer", *arguments, "--parties", parties)
    clear = object_of("reference", *arguments)
    assert private["logits_fixed"] == clear["logits_fixed"]
    assert private["text"] == clear["text"]
    names = ["client", "server", *(f"party{index}" for index in range(2, parties))]
    assert list(private["bytes_sent"]) == list(private["setup_bytes"]) == names
    assert private["by_label"].keys() <= set(FUNCTIONALITIES)
    counted = sum(entry["bytes"] for entry in private["by_label"].values())
    assert counted == sum(private["bytes_sent"].values())
    assert private["parameters"]["parties"] == parties
    assert private["parameters"]["threshold"] == (parties - 1) // 2


@pytest.mark.multiprocess
def test_several_tokens_and_a_public_table(tiny: Path, object_of: Command) -> None:
    arguments = [
        "--model", tiny, "--prompt", "one day the", "--truncation", "exact", "--embedding",
        "public", "--max-new-tokens", 2, "--reveal", "token", "--pad-to", 3,
    ]  # fmt: skip
    private = object_of("infer", *arguments, "--parties", 4, "--threshold", 1)
    assert private["token_ids"] == object_of("reference", *arguments)["token_ids"]
    assert private["logits"] is None


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--parties", 2, "--threshold", 0], "every share would be the secret itself"),
        (["--parties", 3, "--threshold", 0], "hides nothing"),
        (["--parties", 4, "--threshold", 2], "no honest majority"),
        (["--parties", 1], "parties"),
        (["--parties", 3, "--transcript", "file"], "not built"),
    ],
)
def test_refusals(
    options: list[object], wanted: str, tiny: Path, refusal_of: Callable[..., str]
) -> None:
    assert wanted in refusal_of("infer", "--model", tiny, "--prompt", "one", *options)


@pytest.mark.multiprocess
def test_the_weights_are_missing(tmp_path: Path, tiny: Path, refusal_of: Any) -> None:
    (tmp_path / "config.json").write_text((tiny / "config.json").read_text())
    arguments = ["--model", tmp_path, "--token-ids", "1,2", "--parties", 3]
    assert "model.safetensors" in refusal_of("infer", *arguments)


def started(tiny: Path, *more: str, **environment: str) -> "subprocess.Popen[str]":
    """The command as a process."""
    script = str(Path(sys.executable).parent / "cryptomoe")
    return subprocess.Popen(
        [script, "infer", "--model", str(tiny), "--token-ids", "2,3,4", "--parties", "3", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment,
    )  # fmt: skip


@pytest.mark.multiprocess
def test_no_party_pickles(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PICKLE)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = started(tiny, PYTHONPATH=path, CRYPTOMOE_KERNEL_CACHE="off")
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "party2 sent" in output


@pytest.mark.multiprocess
@pytest.mark.parametrize("victim", range(3))
def test_a_killed_party_ends_all_others_within_ten_seconds(victim: int, tiny: Path) -> None:
    with many_parties(tiny, 3) as parties:
        parties[victim].until("layer")
        parties[victim].process.send_signal(signal.SIGKILL)
        killed_at = time.monotonic()
        for index in {0, 1, 2} - {victim}:
            message = parties[index].until("error", seconds=10)["message"]
            assert "party" in message
            assert "internal error" not in message
            assert parties[index].process.wait(10) == 1
            assert parties[index].process.stderr is not None
            assert "Traceback" not in parties[index].process.stderr.read()
        assert time.monotonic() - killed_at < 10


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    ("changes", "named"), [({"truncation": "approximate"}, "truncation"), ({"threshold": 0}, "th")]
)
def test_parties_that_were_not_told_the_same_end_before_anything_secret_moves(
    changes: dict[str, Any], named: str, tiny: Path
) -> None:
    with many_parties(tiny, 3, party2=changes) as parties:
        messages = [party.until("error", seconds=40)["message"] for party in parties]
    assert any(named in message for message in messages)
    assert all("internal" not in message for message in messages)


@pytest.mark.multiprocess
def test_the_command_ends_when_a_party_is_killed_while_connecting(tiny: Path) -> None:
    process = started(tiny)
    folder = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(parties := folder.read_text().split()) < 3:
        time.sleep(0.05)
    os.kill(int(parties[2]), signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (1, "")
    assert "party2: its process ended unexpectedly" in errors
    assert not any(Path(f"/proc/{party}").exists() for party in parties)
