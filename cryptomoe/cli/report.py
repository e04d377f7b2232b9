"""What a run says at its end: one JSON object, or text and a table for a person."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from cryptomoe import __version__
from cryptomoe.cli.options import RunRequest
from cryptomoe.errors import UsageError
from cryptomoe.field import P_BITS
from cryptomoe.fixed_point import FRACTION_BITS
from cryptomoe.he.parameters import STANDARD
from cryptomoe.models.prompt import decode
from cryptomoe.party import party_name
from cryptomoe.protocols.transformer import FUNCTIONALITIES


@dataclass(frozen=True)
class Traffic:
    """What parties sent, by name; `by_label` maps a message's label to (bytes, messages)."""

    rounds: int
    bytes_sent: dict[str, int]
    setup_bytes: dict[str, int]
    by_label: dict[str, tuple[int, int]]

    @classmethod
    def of(cls, statistics: Mapping[int, Mapping[str, Any]]) -> Self:
        """From the `Statistics`, as dictionaries, of each party by its number."""
        by_label: dict[str, tuple[int, int]] = {}
        for told in statistics.values():
            for label, (size, messages) in told["by_label"].items():
                before = by_label.get(label, (0, 0))
                by_label[label] = (before[0] + size, before[1] + messages)
        return cls(
            rounds=max(told["rounds"] for told in statistics.values()),
            bytes_sent={
                party_name(party): told["bytes_sent"] for party, told in statistics.items()
            },
            setup_bytes={
                party_name(party): told["setup_bytes_sent"] for party, told in statistics.items()
            },
            by_label=by_label,
        )

    def by_functionality(self) -> dict[str, dict[str, int]]:
        """Bytes and messages by the innermost functionality of each label."""
        sums: dict[str, dict[str, int]] = {}
        for label, (size, messages) in self.by_label.items():
            entry = sums.setdefault(functionality_of(label), {"bytes": 0, "messages": 0})
            entry["bytes"] += size
            entry["messages"] += messages
        return dict(sorted(sums.items()))


@dataclass(frozen=True)
class Outcome:
    """What the client learned, how long it took, and the traffic (None where nothing was sent).

    `token_ids` is None where the report is not the client's.
    """

    command: str
    token_ids: list[int] | None
    logits_fixed: list[int] | None
    seconds: float
    traffic: Traffic | None
    notes: dict[str, Any] = field(default_factory=dict)


def notes_of_many(request: RunRequest) -> dict[str, Any]:
    """Parameters that three parties or more have beside, or in the place of, those of two."""
    unused = dict.fromkeys(("N", "log2_q", "he", "ot"))
    return {"parties": request.parties, "threshold": request.threshold, **unused}


def functionality_of(label: str) -> str:
    """The innermost functionality named in a label; its first component where none is."""
    components = label.split("/")
    for component in reversed(components):
        if component in FUNCTIONALITIES:
            return component
    return components[0]


def as_object(request: RunRequest, outcome: Outcome) -> dict[str, Any]:
    """The JSON object of a run; stable keys."""
    fixed, traffic, token_ids = outcome.logits_fixed, outcome.traffic, outcome.token_ids
    return {
        "version": __version__,
        "command": outcome.command,
        "text": None if token_ids is None else decode(request.tokenizer, token_ids),
        "token_ids": token_ids,
        "logits": None if fixed is None else [value / (1 << FRACTION_BITS) for value in fixed],
        "logits_fixed": fixed,
        "seconds": outcome.seconds,
        "rounds": None if traffic is None else traffic.rounds,
        "bytes_sent": None if traffic is None else traffic.bytes_sent,
        "setup_bytes": None if traffic is None else traffic.setup_bytes,
        "by_label": None if traffic is None else traffic.by_functionality(),
        "parameters": {
            "N": STANDARD.degree,
            "log2_q": STANDARD.data_bits + 1,
            "log2_p": P_BITS,
            "fraction_bits": FRACTION_BITS,
            "t": request.slots,
            "padded_tokens": request.options.padded_length,
            "truncation": request.truncation,
            "routing": "balanced",
            "embedding": request.options.embedding,
            "alpha": str(request.options.alpha),
            "he": request.he,
            "ot": request.ot,
            **outcome.notes,
        },
    }


def write_report(request: RunRequest, outcome: Outcome) -> None:
    """The object where `--json` wants it; without `--json`, text and a table."""
    result = as_object(request, outcome)
    if request.json_target is None:
        _write_for_a_person(result)
    elif request.json_target == "-":
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        write_file(Path(request.json_target), json.dumps(result) + "\n")


def write_file(path: Path, text: str) -> None:
    """Write a file that the user named.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _write_for_a_person(result: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if result["text"] is not None:
        console.print(result["text"], markup=False)
    learned = "done"
    if result["token_ids"] is not None:
        learned = "token ids " + ", ".join(str(token) for token in result["token_ids"])
    console.print(f"{learned}; {result['seconds']:.1f} s", markup=False)
    if result["by_label"] is None:
        return
    sent, setup = result["bytes_sent"], result["setup_bytes"]
    table = Table("functionality", "messages", "bytes")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, entry in result["by_label"].items():
        table.add_row(name, f"{entry['messages']:,}", f"{entry['bytes']:,}")
    console.print(table)
    for party in sent:
        console.print(f"{party} sent {sent[party]:,} bytes, and {setup[party]:,} to set up")
    console.print(f"{result['rounds']:,} rounds")
