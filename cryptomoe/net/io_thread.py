"""One thread for all connections of the process: heartbeats go on while a protocol computes."""

import asyncio
import os
from threading import Lock, Thread


class _IoThread:
    """The loop is started on first use, and again in a process that was forked from this one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._owner != os.getpid():
                self._loop = asyncio.new_event_loop()
                # In debug mode asyncio would log the arguments of slow calls: contents of messages.
                self._loop.set_debug(False)
                self._owner = os.getpid()
                # A daemon: a process that ends without closing must not hang on its connections.
                Thread(target=self._loop.run_forever, name="cryptomoe-net", daemon=True).start()
            return self._loop


_THREAD = _IoThread()


def io_loop() -> asyncio.AbstractEventLoop:
    """The running event loop of the I/O thread; reach it by thread-safe calls only."""
    return _THREAD.loop()
