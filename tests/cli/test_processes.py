"""The parties' processes: what they can see, what they open, and how they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptomoe_spec.contracts import FUNCTIONALITIES, contract_hash
from parties import PartyUnderTest, two_parties

from cryptomoe.cli.party_process import terms
from cryptomoe.models.config import read_config
from cryptomoe.party import Party
from cryptomoe.protocols.shape import TransformerOptions

pytestmark = pytest.mark.multiprocess

PROMPT = "small cat saw a red ball"
INSTRUMENTED = """
import os, pickle, sys

def refuse(*arguments, **options):
    raise RuntimeError("pickle was used")

pickle.loads = pickle.load = pickle.Unpickler = refuse
log = open(os.environ["OPENED_FILES"] + f".{os.getpid()}", "w", buffering=1)

def watch(event, arguments):
    if event == "open":
        log.write(f"{arguments[0]}\\n")

sys.addaudithook(watch)
"""


def command(tiny: Path, *more: str) -> list[str]:
    """The installed command, for a test that needs it as a process."""
    script = str(Path(sys.executable).parent / "cryptomoe")
    return [script, "infer", "--model", str(tiny), "--prompt", "-", *more]


def children(process: int) -> list[int]:
    """Processes that `process` started and that still run."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed]


def long_run(tiny: Path) -> "subprocess.Popen[str]":
    """A run of twenty new tokens whose two party processes have started."""
    process = subprocess.Popen(
        command(tiny, "--max-new-tokens", "20"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("one day the")
    process.stdin.close()
    process.stdin = None
    while len(children(process.pid)) < 2:
        time.sleep(0.05)
    return process


def test_no_pickle_no_prompt_in_sight_and_no_weights_at_the_client(
    tiny: Path, tmp_path: Path
) -> None:
    """A whole run with every unpickling refused, all opened files written down."""
    (tmp_path / "sitecustomize.py").write_text(INSTRUMENTED)
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path),
        "OPENED_FILES": str(tmp_path / "opened"),
        "CRYPTOMOE_KERNEL_CACHE": "off",
    }
    process = subprocess.Popen(
        command(tiny),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env=environment,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(PROMPT)
    process.stdin.close()
    process.stdin = None
    seen: dict[int, str] = {}
    while process.poll() is None and len(seen) < 2:
        for child in children(process.pid):
            folder = Path(f"/proc/{child}")
            shown = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            if b"party_process" in shown:
                seen[child] = shown.decode(errors="replace")
        time.sleep(0.05)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert output.splitlines()[0]
    assert len(seen) == 2
    for shown in seen.values():
        assert not any(word in shown.replace("\0", " ").split() for word in ("cat", "ball", "red"))
    opened = {child: Path(f"{tmp_path}/opened.{child}").read_text() for child in seen}
    readers = [child for child in seen if "model.safetensors" in opened[child]]
    assert len(readers) == 1, "the server reads the weights, and nobody else does"
    assert all("config.json" in files for files in opened.values())


def ends_with_an_error(party: PartyUnderTest) -> str:
    """What a party says when its peer has gone; it must say so within ten seconds."""
    started = time.monotonic()
    event = party.until("error", seconds=10)
    assert party.process.wait(10) == 1
    assert time.monotonic() - started < 10
    assert party.process.stderr is not None
    assert "Traceback" not in party.process.stderr.read()
    message: str = event["message"]
    return message


@pytest.mark.parametrize("victim", Party)
def test_a_party_whose_peer_is_killed_ends_within_ten_seconds(victim: Party, tiny: Path) -> None:
    with two_parties(tiny) as parties:
        parties[victim].until("layer")
        parties[victim].process.send_signal(signal.SIGKILL)
        message = ends_with_an_error(parties[victim.peer])
    assert "/" in message, "the sentence names the label that was waited for"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"truncation": "approximate"}, "truncation"),
        ({"ot": "iknp"}, "ot"),
        ({"he": "seal"}, "he"),
        ({"options": {"padded_length": 16, "alpha": "2", "embedding": "public"}}, "embedding"),
        ({"options": {"padded_length": 16, "alpha": "2", "reveal": "token"}}, "reveal"),
        ({"options": {"padded_length": 32, "alpha": "2"}}, "padded_length"),
    ],
)
def test_a_server_refuses_what_it_was_not_configured_to_accept(
    changes: dict[str, object], named: str, tiny: Path
) -> None:
    with two_parties(tiny, client=changes) as parties:
        for party in Party:
            assert named in ends_with_an_error(parties[party])


def test_parties_agree_on_contracts_before_anything_else(tiny: Path) -> None:
    """A party with another specification of who learns what, or of a message, is refused."""
    shape = read_config(tiny).shape
    agreed = terms(shape, TransformerOptions(16), "exact", he="rns", ot="silent")
    assert agreed["contracts"] == contract_hash()
    assert agreed["contracts"] != contract_hash(FUNCTIONALITIES[1:])


def test_the_command_ends_when_a_party_is_killed(tiny: Path) -> None:
    """Status 1, one sentence, and nothing left running."""
    process = long_run(tiny)
    time.sleep(3)
    started = children(process.pid)
    os.kill(started[0], signal.SIGKILL)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output) == (1, "")
    assert "Traceback" not in errors
    assert "its process ended unexpectedly" in errors
    assert not any(Path(f"/proc/{child}").exists() for child in started)


def test_an_interrupted_command_leaves_nothing_running(tiny: Path) -> None:
    process = long_run(tiny)
    time.sleep(2)
    started = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert not any(Path(f"/proc/{child}").exists() for child in started)
