"""Calls `cryptomoe` and takes the JSON it gives: what the examples of whole models share."""

import json
import os
import shlex
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptomoe.cli import run

MODEL = Path(os.path.relpath(Path(__file__).parent / "tiny-olmoe"))
PROMPT = "<s> one day the small cat saw a red ball in the garden . the"
"""The model has learnt that the second sentence of a story repeats the first."""


def call(command: str, *options: str) -> dict[str, Any]:
    """Show the command as it would be typed, run it on the model and prompt, return its object.

    A run that fails has said why on standard error, and ends the example with its exit status.
    """
    arguments = [command, "--model", str(MODEL), "--prompt", PROMPT, *options]
    print(f"$ {shlex.join(['cryptomoe', *arguments])}", flush=True)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "result.json"
        status = run([*arguments, "--json", str(target)])
        if status:
            sys.exit(status)
        found: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    return found


def print_traffic(found: dict[str, Any]) -> None:
    """Seconds, rounds, bytes of each party, and what most of the bytes were for."""
    print(f"\n{found['text']!r} after {found['seconds']:.1f} s and {found['rounds']:,} rounds")
    for party, size in found["bytes_sent"].items():
        print(f"{party} sent {size:,} bytes, and {found['setup_bytes'][party]:,} to set up")
    labels = sorted(found["by_label"].items(), key=lambda item: -item[1]["bytes"])
    total = sum(entry["bytes"] for _, entry in labels)
    shares = (f"{name} {entry['bytes'] / total:.0%}" for name, entry in labels[:4])
    print(f"most of it for {', '.join(shares)}\n")
