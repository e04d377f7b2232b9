"""Party processes started one by one, so that a test can look at them, or kill them."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptomoe.party import Party

OPTIONS = {
    "padded_length": 16,
    "max_new_tokens": 1,
    "alpha": "2",
    "reveal": "logits",
    "embedding": "private",
}


class PartyUnderTest:
    """One process, and what it has told so far."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def say(self, message: dict[str, Any]) -> None:
        """One line to the process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def until(self, name: str, seconds: float = 120) -> dict[str, Any]:
        """The next event of this name; others before it are skipped."""
        while True:
            event = self._events.get(timeout=seconds)
            assert event is not None, f"the process ended before it told {name}"
            if event["event"] == name:
                return event


@contextmanager
def two_parties(model: Path, **changes: dict[str, Any]) -> Iterator[dict[Party, PartyUnderTest]]:
    """A client and a server that are connected; `changes` to the job of `client` or `server`."""
    parties = {}
    try:
        for party in (Party.SERVER, Party.CLIENT):
            parties[party] = PartyUnderTest(
                subprocess.Popen(
                    [sys.executable, "-m", "cryptomoe.cli.party_process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            name = party.name.lower()
            job = {"party": name, "model": str(model), "options": OPTIONS, "transcript": False}
            job |= {"truncation": "exact", "he": "rns", "ot": "silent"} | changes.get(name, {})
            if party is Party.CLIENT:
                job["token_ids"] = [2, 3, 4, 10]
            parties[party].say(job)
        port = parties[Party.SERVER].until("listening")["port"]
        parties[Party.CLIENT].say({"port": port})
        yield parties
    finally:
        for party_under_test in parties.values():
            party_under_test.process.kill()
            party_under_test.process.communicate()
