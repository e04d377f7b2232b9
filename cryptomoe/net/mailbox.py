"""A queue of received frames between two threads, which ends with the reason why it ended."""

from collections import deque
from threading import Condition

from cryptomoe.net.carrier import CarrierError, CarrierLostError, Frame


class Mailbox:
    """Frames in order; after `fail`, those already there can still be taken, then it raises."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque()
        self._held = 0
        self._failure: CarrierError | None = None
        self._changed = Condition()

    @property
    def held(self) -> int:
        """Bytes waiting to be taken."""
        return self._held

    @property
    def failure(self) -> CarrierError | None:
        """Why no more frames will come, or None while they may."""
        return self._failure

    def put(self, frame: Frame) -> None:
        """Add a frame; dropped when the mailbox has already failed."""
        with self._changed:
            if self._failure is None:
                self._frames.append(frame)
                self._held += frame.size
                self._changed.notify()

    def fail(self, failure: CarrierError) -> None:
        """End the mailbox; the first reason stays."""
        with self._changed:
            self._failure = self._failure or failure
            self._changed.notify_all()

    def take(self, timeout: float | None = None) -> Frame:
        """The next frame, waiting at most `timeout` seconds (None: until one comes or it fails).

        Raises:
            CarrierError: the reason given to `fail`, or CarrierLostError when time is up.
        """
        with self._changed:
            if not self._changed.wait_for(self._has_news, timeout):
                raise CarrierLostError(f"nothing came for {timeout:g} s")
            if self._frames:
                frame = self._frames.popleft()
                self._held -= frame.size
                return frame
            raise self._failure or CarrierLostError("closed")

    def _has_news(self) -> bool:
        return bool(self._frames) or self._failure is not None
