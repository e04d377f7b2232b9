"""`cryptomoe infer`: all parties of one run on this machine, each in a process of its own."""

import json
import queue
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import Any, Self, TextIO

import click
from rich.progress import Progress

from cryptomoe.cli.options import RunRequest, resolve, run_options
from cryptomoe.cli.progress import progress_bar
from cryptomoe.cli.report import Outcome, Traffic, notes_of_many, write_file, write_report
from cryptomoe.errors import CryptoMoEError, ProtocolError, UsageError
from cryptomoe.net.recorder import Record, json_lines, merge
from cryptomoe.party import Party, party_name

_LAST_WORDS_SECONDS = 12.0
"""How long the other party may take to say why it ended, once one has."""
_LAST_WORDS_BEFORE_SECONDS = 2.0
"""The same while parties still wait for each other's connections, and so may not notice."""
_STOP_SECONDS = 5.0


@click.command()
@run_options
@click.option(
    "--parties",
    type=click.IntRange(2, 15),
    default=2,
    show_default=True,
    help="From three on: Shamir sharing; the client, the server, and others to compute.",
)
@click.option("--threshold", type=int, help="How many of three or more may be corrupted.  [most]")
def infer(**values: Any) -> None:
    """Run a client with a prompt and a server with a model as processes on this machine."""
    request = resolve(values)
    started = time.perf_counter()
    done = run_parties(request)
    seconds = time.perf_counter() - started
    if request.transcript is not None:
        records = merge(*(_records(party, done[party]["transcript"]) for party in Party))
        write_file(request.transcript, "".join(line + "\n" for line in json_lines(records)))
    client = done[Party.CLIENT]
    outcome = Outcome(
        command="infer",
        token_ids=client["token_ids"],
        logits_fixed=client["logits"],
        seconds=seconds,
        traffic=Traffic.of({party: told["statistics"] for party, told in sorted(done.items())}),
        notes=_notes(request),
    )
    write_report(request, outcome)


def run_parties(request: RunRequest) -> dict[int, dict[str, Any]]:
    """Start all processes and return what each said when it was done.

    Raises:
        CryptoMoEError: one of them failed; the sentence names the party.
    """
    with ExitStack() as stack:
        events: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        processes = {
            party: stack.enter_context(_PartyProcess(party, events))
            for party in range(request.parties)
        }
        for party, process in processes.items():
            process.say(_job(party, request))
        progress = stack.enter_context(progress_bar())
        follower = _Follower(processes, progress)
        follower.follow(events)
    if follower.failed:
        messages = [str(follower.failed[party]) for party in sorted(follower.failed)]
        raise CryptoMoEError("; ".join(messages))
    return follower.done


def _job(party: int, request: RunRequest) -> dict[str, Any]:
    job = {
        "party": party_name(party),
        "index": party,
        "parties": request.parties,
        "threshold": request.threshold,
        "model": str(request.directory.resolve()),
        "options": {**asdict(request.options), "alpha": str(request.options.alpha)},
        "truncation": request.truncation,
        "ot": request.ot,
        "he": request.he,
        "transcript": request.transcript is not None,
    }
    if party == Party.CLIENT:
        job["token_ids"] = request.token_ids
    return job


class _PartyProcess:
    """One party's process, and the thread that reads what it tells."""

    def __init__(
        self, party: int, events: "queue.Queue[tuple[int, dict[str, Any] | None]]"
    ) -> None:
        self._party = party
        self._events = events

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cryptomoe.cli.party_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("a process without its output pipe")
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.stdin is not None:
            # One that ended before it had read everything is reported elsewhere.
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS if _error == (None, None, None) else 0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # Its output has ended with it, and so has the thread that reads and closes it.
        self._reader.join()

    def say(self, message: dict[str, Any]) -> None:
        """One line of JSON to the process; one that has ended is noticed by its reader."""
        if self._process.stdin is None:
            raise RuntimeError("a process without its input pipe")
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()

    def _read(self, stream: TextIO) -> None:
        with stream:
            for line in stream:
                self._events.put((self._party, json.loads(line)))
        self._events.put((self._party, None))


class _Follower:
    """Takes what all processes tell until they have ended, or one has and others are slow."""

    def __init__(self, processes: dict[int, _PartyProcess], progress: Progress) -> None:
        self._processes = processes
        self._progress = progress
        self._task = progress.add_task("connecting", total=None)
        self._ports: dict[int, int] = {}
        self._connected: set[int] = set()
        self._ended: set[int] = set()
        self._deadline: float | None = None
        self.done: dict[int, dict[str, Any]] = {}
        self.failed: dict[int, CryptoMoEError] = {}

    def follow(self, events: "queue.Queue[tuple[int, dict[str, Any] | None]]") -> None:
        """Until the end; bad input at one party raises at once."""
        while len(self._ended) < len(self._processes):
            try:
                party, event = events.get(timeout=self._seconds_left())
            except queue.Empty:
                return
            if event is None:
                self._has_ended(party)
            else:
                self._has_told(party, event)
            if self.failed and self._deadline is None:
                joined = len(self._connected) == len(self._processes)
                patience = _LAST_WORDS_SECONDS if joined else _LAST_WORDS_BEFORE_SECONDS
                self._deadline = time.monotonic() + patience

    def _seconds_left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _has_ended(self, party: int) -> None:
        self._ended.add(party)
        if party not in self.done and party not in self.failed:
            self.failed[party] = ProtocolError(party_name(party), "its process ended unexpectedly")

    def _has_told(self, party: int, event: dict[str, Any]) -> None:
        if event["event"] == "listening":
            self._ports[party] = event["port"]
            self._tell_ports()
        elif event["event"] == "connected":
            self._connected.add(party)
        elif event["event"] == "layer" and party == Party.CLIENT:
            number, total = event["number"], event["total"]
            self._progress.update(
                self._task, description=f"layer {number}", completed=number - 1, total=total
            )
        elif event["event"] == "error":
            self.failed[party] = _error(party, event)
            if isinstance(self.failed[party], UsageError):
                raise self.failed[party]
        elif event["event"] == "done":
            self.done[party] = event
            self._progress.update(self._task, completed=self._progress.tasks[0].total)

    def _tell_ports(self) -> None:
        """Everybody but the client listens; when all do, whoever connects is told where."""
        if len(self._ports) == len(self._processes) - 1:
            message = {"port": self._ports[Party.SERVER], "ports": sorted(self._ports.items())}
            for party, process in self._processes.items():
                if party == Party.CLIENT or len(self._processes) > 2:
                    process.say(message)


def _error(party: int, event: dict[str, Any]) -> CryptoMoEError:
    message = f"{party_name(party)}: {event['message']}"
    return UsageError(message) if event["status"] == 2 else CryptoMoEError(message)


def _records(party: Party, listed: list[dict[str, Any]]) -> list[Record]:
    return [Record(sender=party, payload=None, **entry) for entry in listed]


def _notes(request: RunRequest) -> dict[str, Any]:
    """Parameters that more than two parties have in the place of, or beside, those of two."""
    if request.parties == 2:
        return {"parties": 2}
    return notes_of_many(request)
