"""How far a run with several processes is, also in the middle of its seeds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final

from simulation.shop import Result, run_seed

BAR: Final = 30


class Progress:
    """How many customers have come in all processes, and how many faults befell them; seeds add to it while they run."""

    def __init__(self, came: Any, faults: Any) -> None:
        self._counters = (came, faults)

    def begin(self) -> Callable[[int, int], None]:
        """Something to tell the numbers of a new seed to."""
        told = (0, 0)

        def watch(customers: int, injected: int) -> None:
            nonlocal told
            for counter, before, after in zip(self._counters, told, (customers, injected), strict=True):
                with counter.get_lock():
                    counter.value += after - before
            told = (customers, injected)

        return watch

    def bar(self, customers: int, seeds: int, broken: int, began: float) -> None:
        """One line that is written over."""
        came, faults = (counter.value for counter in self._counters)
        filled = BAR * came // customers
        sys.stderr.write(
            f"\r[{'#' * filled}{'.' * (BAR - filled)}] {came:,}/{customers:,} customers  {faults:,} faults"
            f"  {seeds} seeds done, {broken} broken  {time.monotonic() - began:.0f} s "
        )
        sys.stderr.flush()


_progress: Progress


def share(came: Any, faults: Any) -> None:
    """What each process begins with."""
    global _progress  # noqa: PLW0603 - a pool gives its processes nothing else
    _progress = Progress(came, faults)


def run(task: tuple[int, int]) -> tuple[Result, float]:
    """One seed, and the seconds of work it took."""
    before = time.process_time()
    result = run_seed(task, _progress.begin())
    return result, time.process_time() - before
