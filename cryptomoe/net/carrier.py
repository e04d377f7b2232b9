"""What moves frames between the parties, and the failures it may report.

A frame is one message of the channel: its fixed header and its payload. A carrier keeps frames
whole and in order; it knows nothing of labels. Carriers: two queues in one process, or a connection
between processes.
"""

from typing import NamedTuple, Protocol


class Frame(NamedTuple):
    """A received message; the payload as the pieces it came in, to be joined by who uses it."""

    header: bytes
    pieces: list[bytes]

    @property
    def size(self) -> int:
        """Bytes of header and payload."""
        return len(self.header) + sum(map(len, self.pieces))


class CarrierError(Exception):
    """A carrier's failure; the channel turns it into an error that names the label concerned."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CarrierLostError(CarrierError):
    """The peer is gone: closed, killed, silent for too long."""


class FramingError(CarrierError):
    """The peer sent bytes that are no frame, or a frame above the limits."""


class Carrier(Protocol):
    """One end of a connection, used by one protocol thread."""

    def send_frame(self, header: bytes, payload: bytes) -> None:
        """Queue a message for the peer; may wait while too much is already queued.

        Raises:
            CarrierLostError: the connection is gone; frames already received can still be read.
        """

    def receive_frame(self, timeout: float | None = None) -> Frame:
        """The next frame, waiting for it; `timeout` in seconds, None for no limit of its own.

        Raises:
            CarrierLostError: the connection is gone and no frame is left, or time is up.
            FramingError: the peer broke the framing.
        """

    def close(self) -> None:
        """Deliver what was sent, within a fixed time limit, and end the connection; idempotent."""
