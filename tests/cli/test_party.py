"""`cryptomoe party`: one process a party, over loopback with TLS, and what is refused."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority

from cryptomoe.cli import run
from cryptomoe.net.mpyc_connection import connect, listen
from cryptomoe.net.tls import load_credentials, name_of

Command = Callable[..., dict[str, Any]]
Refusal = Callable[..., str]

PATIENCE = 300.0
PUBLIC = ["--truncation", "exact", "--pad-to", "2"]
COMMAND = str(Path(sys.executable).parent / "cryptomoe")
NEITHER = ["--index", 2, "--pad-to", 2]
LOCAL = ["--peers", "127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002"]


def free_peers(count: int) -> str:
    """Addresses on loopback for as many parties, free a moment ago."""
    with ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return ",".join(f"127.0.0.1:{server.getsockname()[1]}" for server in servers)


def files(authority: Authority, named: int, trusted: Authority | None = None) -> list[str]:
    """The TLS options of a party with the certificate of party `named`."""
    certificate, key = authority.certify(name_of(named))
    ca = (trusted or authority).file
    return ["--tls-cert", str(certificate), "--tls-key", str(key), "--tls-ca", str(ca)]


@contextmanager
def started(everyone: list[list[str]], prompt: str) -> Iterator[list["subprocess.Popen[str]"]]:
    """A process for each party's arguments; the first reads the prompt."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for index, arguments in enumerate(everyone):
            processes.append(
                subprocess.Popen(
                    [COMMAND, "party", "--index", str(index), *arguments],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    text=True,
                )
            )  # fmt: skip
        assert processes[0].stdin is not None
        processes[0].stdin.write(prompt)
        processes[0].stdin.close()
        processes[0].stdin = None
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def command_lines(tiny: Path, tls: list[list[str]], *more: str) -> list[list[str]]:
    """Arguments of each party but its index; the client's prompt comes by standard input."""
    shared = ["--peers", free_peers(len(tls)), "--model", str(tiny), *PUBLIC, *more]
    lines = [[*shared, *own] for own in tls]
    lines[0] += ["--prompt", "-"]
    return lines


def configuration_of(tiny: Path, folder: Path) -> Path:
    """A directory with the model's config alone."""
    folder.mkdir()
    (folder / "config.json").write_text((tiny / "config.json").read_text())
    return folder


@pytest.mark.multiprocess
def test_three_parties_over_tls_give_the_reference(
    tiny: Path, tmp_path: Path, object_of: Command
) -> None:
    """The third party has no more of the model than its config."""
    authority = Authority(tmp_path)
    bare = configuration_of(tiny, tmp_path / "bare")
    everyone = command_lines(tiny, [files(authority, index) for index in range(3)], "--json")
    everyone[2][everyone[2].index(str(tiny))] = str(bare)
    with started(everyone, "one day") as processes:
        outputs = [process.communicate(timeout=PATIENCE) for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0], outputs
    told = [json.loads(output) for output, _ in outputs]
    clear = object_of("reference", "--model", tiny, "--prompt", "one day", *PUBLIC)
    assert told[0]["logits_fixed"] == clear["logits_fixed"]
    assert told[0]["text"] == clear["text"]
    assert told[0].keys() == told[1].keys() == told[2].keys() == clear.keys()
    for name, one in zip(["client", "server", "party2"], told, strict=True):
        assert one["command"] == "party"
        assert one["parameters"]["party"] == name
        assert (one["parameters"]["parties"], one["parameters"]["threshold"]) == (3, 1)
        assert list(one["bytes_sent"]) == list(one["setup_bytes"]) == [name]
        counted = sum(entry["bytes"] for entry in one["by_label"].values())
        assert counted == one["bytes_sent"][name] > 0
    for one in told[1:]:
        assert (one["text"], one["token_ids"], one["logits_fixed"]) == (None, None, None)


def ends(
    processes: list["subprocess.Popen[str]"], wanted: int, stranger: int | None = None
) -> dict[int, str]:
    """What those say that end, with status 1 and one sentence, within ten seconds of the first.

    They are as many as wanted, with the stranger if there is one. Before the first ends they load
    the model, at their own speed; one that comes after the others' end waits for them in vain.
    """
    while all(process.poll() is None for process in processes):
        time.sleep(0.05)
    deadline = time.monotonic() + 10
    ended: set[int] = set()
    while len(ended) < wanted or not {stranger} - {None} <= ended:
        assert time.monotonic() < deadline, ended
        ended = {index for index, process in enumerate(processes) if process.poll() is not None}
        time.sleep(0.05)
    sentences = {}
    for index in ended:
        output, errors = processes[index].communicate()
        lines = [line for line in errors.splitlines() if line.startswith("cryptomoe:")]
        assert (processes[index].returncode, output, len(lines)) == (1, "", 1), errors
        assert "Traceback" not in errors
        assert "internal" not in errors
        sentences[index] = lines[0]
    return sentences


@pytest.mark.multiprocess
def test_a_wrong_authority(tiny: Path, tmp_path: Path) -> None:
    """Both sides of the connection that is refused say so."""
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    tls = [files(ours, 0), files(ours, 1), files(other, 2)]
    with started(command_lines(tiny, tls, "--wait", "60"), "one day") as processes:
        sentences = ends(processes, 2, stranger=2)
    assert "from 127.0.0.1: " in sentences[2]
    assert "certificate" in sentences[2]
    told = [sentences[index] for index in sentences.keys() - {2}]
    assert any("party 2 at 127.0.0.1" in one and "certificate" in one for one in told)


@pytest.mark.multiprocess
def test_swapped_indices(tiny: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = [files(authority, named) for named in (0, 2, 1)]
    with started(command_lines(tiny, tls, "--wait", "60"), "one day") as processes:
        sentences = ends(processes, 2)
    assert all("party" in one or "from 127.0.0.1: " in one for one in sentences.values())
    assert any("Hostname mismatch" in one for one in sentences.values())


@pytest.mark.multiprocess
def test_a_party_without_tls(tiny: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = [files(authority, 0), files(authority, 1), []]
    with started(command_lines(tiny, tls, "--wait", "60"), "one day") as processes:
        sentences = ends(processes, 2, stranger=2)
    assert "it speaks TLS" in sentences[2]
    told = [sentences[index] for index in sentences.keys() - {2}]
    assert any("party 2 at 127.0.0.1" in one and "no TLS handshake" in one for one in told)


@pytest.mark.multiprocess
def test_other_options_are_found_before_anything_secret_moves(tiny: Path) -> None:
    everyone = command_lines(tiny, [[], [], ["--alpha", "3"]], "--wait", "60")
    with started(everyone, "one day") as processes:
        sentences = ends(processes, 3)
    assert any("alpha" in one and "party 2" in one for one in sentences.values())


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([*NEITHER, "--peers", "127.0.0.1:1,127.0.0.1:2"], "every share would be the secret"),
        (["--index", 3, "--pad-to", 2, *LOCAL], "none of the 3 parties"),
        (["--index", 2, *LOCAL], "--pad-to"),
        (["--index", 0, "--prompt", "one", *LOCAL], "--pad-to"),
        ([*NEITHER, *LOCAL, "--prompt", "one"], "only party 0"),
        ([*NEITHER, *LOCAL, "--token-ids", "1"], "only party 0"),
        (["--index", 0, "--pad-to", 2, *LOCAL], "--prompt or --token-ids"),
        ([*NEITHER, *LOCAL, "--threshold", 0], "hides nothing"),
        ([*NEITHER, *LOCAL, "--threshold", 2], "no honest majority"),
        (["--index", 2, "--pad-to", 100000, *LOCAL], "positions"),
        ([*NEITHER, "--peers", "a,b,c"], "is no host:port"),
        ([*NEITHER, "--peers", "::1:7,[::1]:8,[::1]:9"], "is no host:port"),
        ([*NEITHER, "--peers", "[::1]:7,[::1]:8,[::1]:0"], "is no host:port"),
        ([*NEITHER, "--peers", ",".join(["127.0.0.1:7"] * 16)], "more than the 15"),
        ([*NEITHER, "--peers", "127.0.0.1:7,10.0.0.1:7,127.0.0.1:8"], "10.0.0.1 is not this"),
        ([*NEITHER, "--peers", "127.0.0.1:7,0.0.0.0:7,127.0.0.1:8"], "0.0.0.0 is not this"),
        ([*NEITHER, "--peers", "127.0.0.1:7,[2001:db8::1]:7,127.0.0.1:8"], "2001:db8::1 is not"),
        ([*NEITHER, "--peers", "127.0.0.1:7,server.example:7,127.0.0.1:8"], "server.example is"),
        ([*NEITHER, *LOCAL, "--listen", "0.0.0.0:7002"], "0.0.0.0 is not this"),
    ],
)
def test_refusals(options: list[object], wanted: str, tiny: Path, refusal_of: Refusal) -> None:
    assert wanted in refusal_of("party", "--model", tiny, *options)


def test_files_are_refused(tiny: Path, tmp_path: Path, refusal_of: Refusal) -> None:
    good = files(Authority(tmp_path), 2)
    arguments = ["party", "--model", tiny, *NEITHER, *LOCAL]
    for left_out in range(0, 6, 2):
        some = [*good[:left_out], *good[left_out + 2 :]]
        assert "give all three" in refusal_of(*arguments, *some)
    for changed in (1, 3, 5):
        wrong = [*good[:changed], tmp_path / "nothing.pem", *good[changed + 1 :]]
        assert "nothing.pem cannot be read" in refusal_of(*arguments, *wrong)


def test_token_ids_from_standard_input(
    tiny: Path, object_of: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = object_of("reference", "--model", tiny, *PUBLIC, "--token-ids", "2,3")
    monkeypatch.setattr("sys.stdin", StringIO("2,3\n"))
    read = object_of("reference", "--model", tiny, *PUBLIC, "--token-ids", "-")
    assert read["logits_fixed"] == given["logits_fixed"]


def test_the_weights_are_missing(tiny: Path, tmp_path: Path, refusal_of: Refusal) -> None:
    bare = configuration_of(tiny, tmp_path / "bare")
    arguments = ["party", "--model", bare, "--index", 1, "--pad-to", 2, *LOCAL]
    assert "model.safetensors" in refusal_of(*arguments)


def test_nobody_comes(tiny: Path, capfd: pytest.CaptureFixture[str]) -> None:

    arguments = ["party", "--model", str(tiny), "--index", "2", "--pad-to", "2", "--wait", "1"]
    assert run([*arguments, "--peers", free_peers(3)]) == 1
    assert "there was nothing of party 0, 1" in capfd.readouterr().err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the recipe is for OpenSSL's command")
def test_the_help_says_how_certificates_are_made(tmp_path: Path) -> None:
    """Its commands are run, as they stand, and their files used."""
    shown = subprocess.run(
        [COMMAND, "party", "--help"], capture_output=True, text=True, check=True,
        env=os.environ | {"COLUMNS": "80"},
    ).stdout  # fmt: skip
    first = shown.index("  openssl req -x509")
    commands = shown[first : shown.index("-out party1.pem") + len("-out party1.pem")]
    subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, check=True, capture_output=True)

    mine = load_credentials(*(tmp_path / name for name in ("party1.pem", "party1.key", "ca.pem")))
    with listen(credentials=mine) as listener:
        carrier = connect("127.0.0.1", listener.port, 30, secured=(mine, 1))
        accepted = listener.accept(30)
    assert (carrier.certified, accepted.certified) == (1, 1)
    carrier.close()
    accepted.close()
