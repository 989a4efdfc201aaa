"""Hands: doing a task right here when there is no queue to put it on.

Without Redis a worker still answers: the sweeper looks every second and what it finds is done in this process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

MOST_WAITING: Final = 1_000
"""Tasks that may wait for a hand; what is turned away is found again by the sweeper."""


class Hands:
    """A few threads of this worker for tasks that Redis would not take.

    Args:
        work: every task by name.
        threads: how many are done at once.
    """

    def __init__(self, work: Mapping[str, Callable[[int], object]], threads: int) -> None:
        self._work = work
        self._taken: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="hands")
        self._closed = False

    def take(self, task: str, row_id: int) -> bool:
        """Do a task soon; false when it waits here already, when too many do, or at the end of the day."""
        with self._lock:
            if self._closed or (task, row_id) in self._taken or len(self._taken) >= MOST_WAITING:
                return False
            self._taken.add((task, row_id))
            self._threads.submit(self._do, task, row_id)
        return True

    def _do(self, task: str, row_id: int) -> None:
        with self._lock:
            # Before the work: what comes in from now on for this row may need another look.
            self._taken.discard((task, row_id))
            if self._closed:
                return
        self._work[task](row_id)

    def close(self) -> None:
        """Take nothing more and finish what is being done."""
        with self._lock:
            self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
