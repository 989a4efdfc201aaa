"""What everything in a simulation shares: the clock, chance, the faults and the log of what happened."""

from __future__ import annotations

import hashlib
import random
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from simulation.faults import Faults
from simulation.scheduler import Crash, Process, Scheduler

START: Final = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
KEPT_LINES: Final = 60


class World:
    """One seed's world.

    Args:
        seed: decides everything.
        kinds: the fault kinds to switch on; ``None`` leaves that to the seed.
    """

    def __init__(self, seed: int, kinds: Iterable[str] | None = None) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.scheduler = Scheduler()
        self.faults = Faults(self.rng, kinds)
        self.skew = 0.0
        self.web_skew = 0.0
        self.events = 0
        self.recent: deque[str] = deque(maxlen=KEPT_LINES)
        self._hash = hashlib.sha256()

    def now(self) -> datetime:
        """The clock of the database's and the workers' machine."""
        return START + timedelta(seconds=round(self.scheduler.time + self.skew, 6))

    def web_time(self) -> float:
        """The clock of the web processes' machine, in Unix seconds."""
        return START.timestamp() + self.scheduler.time + self.skew + self.web_skew

    def true_time(self) -> float:
        """The time everybody outside agrees on, in Unix seconds."""
        return START.timestamp() + self.scheduler.time

    def log(self, what: str, *details: object) -> None:
        """Note that something happened; the digest of all notes tells two runs apart."""
        line = f"{self.scheduler.time:.6f} {what} {details}"
        self.events += 1
        self._hash.update(line.encode())
        self.recent.append(line)

    @property
    def digest(self) -> str:
        """What distinguishes this run from every other."""
        return self._hash.hexdigest()

    def between(self, low: float, high: float) -> float:
        """A random number of seconds."""
        return low + (high - low) * self.rng.random()

    def crash_point(self, point: str) -> None:
        """Pass a place where the process may die."""
        task = self.scheduler.current
        if task is not None and self.faults.dies(point):
            self.die(task.process, point)
            raise Crash

    def die(self, process: Process, point: str) -> None:
        """A process is gone with everything it knew."""
        self.log("crash", process.name, point)
        self.scheduler.kill(process)
