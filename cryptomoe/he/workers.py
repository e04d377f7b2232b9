"""Work divided between threads: kernels run without the interpreter's lock.

Every piece of work writes to places of its own, so results do not depend on the number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait


class Workers:
    """`threads` threads, by default one for each processor this process may use."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = len(os.sched_getaffinity(0)) if threads is None else threads
        self._pool: ThreadPoolExecutor | None = None

    def share(self, count: int, work: Callable[[int, int], None]) -> None:
        """work(start, stop) for slices that cover range(count), at the same time.

        Raises:
            Exception: whatever a piece of work raised.
        """
        parts = min(self.threads, count)
        if parts <= 1:
            if count:
                work(0, count)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads - 1, "cryptomoe")
        bounds = [count * i // parts for i in range(parts + 1)]
        others = [self._pool.submit(work, bounds[i], bounds[i + 1]) for i in range(1, parts)]
        try:
            work(bounds[0], bounds[1])
        finally:
            wait(others)
        for other in others:
            other.result()
