"""Two real processes: orderly runs, killed and frozen peers, no pickle anywhere."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cryptomoe.net.wire import HEADER_BYTES

PEER = Path(__file__).with_name("peer.py")
ERROR_SECONDS = 10.0
"""A peer's death is an error within this time."""
PATIENCE = 60.0

Processes = list[subprocess.Popen[str]]

pytestmark = pytest.mark.multiprocess


def _start(role: str, port: int, behaviour: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PEER), role, str(port), behaviour], stdout=subprocess.PIPE, text=True
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _result(process: subprocess.Popen[str], seconds: float) -> Any:
    """What a process said last, after it ended by itself within the time."""
    output, _ = process.communicate(timeout=seconds)
    return json.loads(output.splitlines()[-1])


@pytest.fixture
def running(request: pytest.FixtureRequest) -> Iterator[Processes]:
    """The client's process and the server's, both past the handshake."""
    server = _start("server", 0, request.param)
    client = _start("client", int(_line(server).removeprefix("port ")), request.param)
    processes = [client, server]
    assert [_line(process) for process in processes] == ["running", "running"]
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("running", ["complete"], indirect=True)
def test_a_run_in_order_counts_the_same_on_both_sides(running: Processes) -> None:
    """The peers refuse to unpickle anything, so this is also a run without pickle."""
    payloads = sum(1 << (i % 22) for i in range(50))
    expected = {"bytes": payloads + 50 * HEADER_BYTES, "rounds": 50}
    assert [_result(process, PATIENCE) for process in running] == [expected, expected]
    assert [process.returncode for process in running] == [0, 0]


@pytest.mark.parametrize("running", ["endless", "one_sided"], indirect=True)
def test_a_killed_server_is_an_error_at_the_client(running: Processes) -> None:
    running[1].kill()
    error = {"error": "PeerLostError", "label": "loop/step"}
    assert _result(running[0], ERROR_SECONDS) == error
    assert running[0].returncode == 1


@pytest.mark.parametrize("running", ["endless"], indirect=True)
def test_a_killed_client_is_an_error_at_the_server(running: Processes) -> None:
    running[0].kill()
    error = {"error": "PeerLostError", "label": "loop/step"}
    assert _result(running[1], ERROR_SECONDS) == error
    assert running[1].returncode == 1


@pytest.mark.parametrize("running", ["endless"], indirect=True)
@pytest.mark.parametrize("victim", [0, 1])
def test_a_frozen_peer_is_an_error(running: Processes, victim: int) -> None:
    """The connection stays open; only the heartbeats stop."""
    running[victim].send_signal(signal.SIGSTOP)
    error = {"error": "PeerLostError", "label": "loop/step"}
    assert _result(running[1 - victim], 2 * ERROR_SECONDS) == error
    running[victim].kill()


@pytest.mark.parametrize("running", ["busy"], indirect=True)
def test_long_computing_does_not_lose_the_connection(running: Processes) -> None:
    """Eight seconds of pure Python, where six of silence would be the end."""
    expected = {"bytes": 1 + HEADER_BYTES, "rounds": 1}
    assert [_result(process, PATIENCE) for process in running] == [expected, expected]


@pytest.mark.parametrize("running", ["misfit"], indirect=True)
def test_a_refused_message_is_named_in_both_processes(running: Processes) -> None:
    error = {"error": "MalformedMessageError", "label": "loop/step"}
    assert [_result(process, ERROR_SECONDS) for process in running] == [error, error]


def test_an_interrupted_client_stops_the_server() -> None:
    """Ctrl-C unwinds through the channel, which tells the peer."""
    server = _start("server", 0, "endless")
    client = _start("client", int(_line(server).removeprefix("port ")), "endless")
    try:
        assert [_line(process) for process in (client, server)] == ["running", "running"]
        client.send_signal(signal.SIGINT)
        assert _result(server, ERROR_SECONDS)["error"] == "PeerLostError"
    finally:
        for process in (client, server):
            process.kill()
            process.communicate()
