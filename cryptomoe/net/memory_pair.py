"""Two carriers joined by queues, for two parties that are threads of one process."""

from cryptomoe.net.carrier import Carrier, CarrierLostError, Frame
from cryptomoe.net.mailbox import Mailbox

_PATIENCE_SECONDS = 600.0


class _MemoryCarrier:
    """One end; see `Carrier`. There are no heartbeats between threads, hence the patience."""

    def __init__(self, inbox: Mailbox, outbox: Mailbox, patience: float) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._patience = patience

    def send_frame(self, header: bytes, payload: bytes) -> None:
        if self._inbox.failure is not None:
            raise CarrierLostError(self._inbox.failure.reason)
        self._outbox.put(Frame(header, [payload]))

    def receive_frame(self, timeout: float | None = None) -> Frame:
        return self._inbox.take(self._patience if timeout is None else timeout)

    def close(self) -> None:
        self._outbox.fail(CarrierLostError("the peer closed the connection"))
        self._inbox.fail(CarrierLostError("this side closed the connection"))


def memory_pair(patience: float = _PATIENCE_SECONDS) -> tuple[Carrier, Carrier]:
    """The client's carrier and the server's; closing either wakes the thread at the other.

    Args:
        patience: seconds without a frame after which a waiting party takes its peer for lost.
    """
    to_client, to_server = Mailbox(), Mailbox()
    return (
        _MemoryCarrier(to_client, to_server, patience),
        _MemoryCarrier(to_server, to_client, patience),
    )
