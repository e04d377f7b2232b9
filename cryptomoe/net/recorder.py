"""The transcript of a run: what each party sent, in order, under which label.

Each party records its own sends; `merge` puts both records into the one order that depends on
nothing but the protocol: set-up first, then by depth, the client's messages first.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptomoe.party import Party


@dataclass(frozen=True)
class Record:
    """One message: `size` counts payload and header; `payload` only when contents are kept."""

    sender: Party
    label: str
    size: int
    depth: int
    online: bool
    payload: bytes | None


class Recorder:
    """Collects one party's sends.

    Args:
        keep_payloads: also keep the contents. They are what the peer sees, so a recorder that
            keeps them is for tests and audits, never for a log.
    """

    def __init__(self, *, keep_payloads: bool = False) -> None:
        self.keep_payloads = keep_payloads
        self._records: list[Record] = []

    @property
    def records(self) -> tuple[Record, ...]:
        """What was sent so far, in order."""
        return tuple(self._records)

    def add(self, record: Record) -> None:
        """Append one message."""
        self._records.append(record)


def merge(client_records: Sequence[Record], server_records: Sequence[Record]) -> list[Record]:
    """One transcript of both parties' sends, by depth, client first, each sender's order kept."""
    return sorted(
        [*client_records, *server_records],
        key=lambda record: (record.online, record.depth, record.sender),
    )


def json_lines(records: Iterable[Record]) -> Iterator[str]:
    """Each record as one line {"sender", "label", "bytes"}; never any contents."""
    for record in records:
        yield json.dumps(
            {"sender": record.sender.name.lower(), "label": record.label, "bytes": record.size}
        )
