"""Virtual time: one heap of things to happen, and tasks that wait without a thread of their own.

A task is a greenlet, so that the shop's ordinary blocking code can be suspended wherever it waits
for somebody (a gateway, the next transaction) while others go on. Nothing here knows real time.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from greenlet import getcurrent, greenlet


class Crash(BaseException):
    """The process died here. Not an ``Exception``: nothing in the shop may survive it."""


@dataclass(eq=False)
class Process:
    """Something that can die as a whole: its tasks die with it."""

    name: str
    alive: bool = True
    tasks: list[Task] = field(default_factory=list)


class Task:
    """One line of work inside a process."""

    __slots__ = ("done", "greenlet", "idle", "label", "parked", "process")

    def __init__(self, process: Process, label: str) -> None:
        self.process = process
        self.label = label
        self.done = False
        self.parked = 0
        self.idle = False
        self.greenlet: greenlet | None = None


class Scheduler:
    """Runs what is due, in order of time, then of arrival."""

    def __init__(self) -> None:
        self.time = 0.0
        self.steps = 0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._hub = getcurrent()
        self._current: Task | None = None

    @property
    def current(self) -> Task | None:
        """The task that runs now; ``None`` outside of any."""
        return self._current

    def after(self, delay: float, do: Callable[[], None]) -> None:
        """Do something ``delay`` virtual seconds from now."""
        self._count += 1
        heapq.heappush(self._heap, (self.time + max(delay, 0.0), self._count, do))

    def next_time(self) -> float | None:
        """When the next thing happens."""
        return self._heap[0][0] if self._heap else None

    def step(self) -> None:
        """Do the next thing."""
        when, _, do = heapq.heappop(self._heap)
        self.time = max(self.time, when)
        self.steps += 1
        do()

    def spawn(self, process: Process, label: str, work: Callable[[], None], delay: float = 0.0) -> Task:
        """Begin a task of a process."""
        task = Task(process, label)

        def run() -> None:
            try:
                work()
            except Crash:
                return
            finally:
                task.done = True
                process.tasks.remove(task)

        task.greenlet = greenlet(run, self._hub)
        process.tasks.append(task)
        self.after(delay, lambda: self._resume(task, 0))
        return task

    def sleep(self, delay: float) -> None:
        """Suspend the running task; returns at once outside of tasks."""
        task = self._current
        if task is None:
            return
        token = task.parked
        self.after(delay, lambda: self._resume(task, token))
        self._suspend(task)

    def park(self) -> None:
        """Suspend the running task until it is woken."""
        task = self._current
        assert task is not None  # noqa: S101 - only tasks wait
        task.idle = True
        self._suspend(task)

    def wake(self, task: Task, delay: float = 0.0) -> None:
        """Let a parked task go on; one that is busy or sleeps is left alone."""
        if not task.idle:
            return
        task.idle = False
        token = task.parked
        self.after(delay, lambda: self._resume(task, token))

    def kill(self, process: Process) -> None:
        """End a process: its other tasks die where they wait; the running one must raise ``Crash`` itself."""
        process.alive = False
        doomed = [task for task in process.tasks if task is not self._current]

        def bury() -> None:
            for task in doomed:
                if not task.done:
                    self._enter(task, crash=True)

        self.after(0.0, bury)

    def _suspend(self, task: Task) -> None:
        self._hub.switch()
        task.parked += 1

    def _resume(self, task: Task, token: int) -> None:
        if not task.done and task.parked == token:
            self._enter(task, crash=not task.process.alive)

    def _enter(self, task: Task, *, crash: bool = False) -> None:
        assert task.greenlet is not None  # noqa: S101 - set in spawn
        before, self._current = self._current, task
        try:
            if crash and not task.greenlet:
                task.done = True  # it had not begun
            elif crash:
                task.greenlet.throw(Crash)
            else:
                task.greenlet.switch()
        finally:
            self._current = before


class Lock:
    """A lock between tasks: whoever comes while it is held waits in virtual time, the first to come goes first."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held = False
        self._waiting: deque[Task] = deque()

    def acquire(self) -> None:
        """Wait until nobody holds it."""
        while self._held:
            task = self._scheduler.current
            assert task is not None  # noqa: S101 - who is no task finds it free
            self._waiting.append(task)
            self._scheduler.park()
        self._held = True

    def release(self) -> None:
        """Give it to the next."""
        self._held = False
        if self._waiting:
            self._scheduler.wake(self._waiting.popleft())
