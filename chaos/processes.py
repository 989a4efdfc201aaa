"""Processes under a supervisor that starts them again when they die, as a platform does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

RESTART_AFTER: Final = 0.5
"""Seconds a supervisor waits before it starts again what died."""
PATIENCE: Final = 40.0
LOOK_EVERY: Final = 0.05
GRACE: Final = 30.0
"""Seconds a process has from SIGTERM to its end before that counts as a violation."""
COUNTED: Final = ("task_failed", "database_failed", "Traceback", "message_dead")


def children(pid: int) -> list[int]:
    """The processes another one started and that still run (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            # The name may hold anything, its closing bracket is the last one.
            state, parent = stat.rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                found.append(int(entry.name))
    return found


def works_in(pid: int, folder: Path) -> bool:
    """Whether a process of this number runs and has this working directory (Linux)."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may have gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


class Process:
    """One program that is to run until told otherwise.

    Args:
        name: for people.
        command: program and arguments.
        environment: all of it.
        folder: its working directory.
        ready: words it prints when it is up; without any it is up at once.
        user: whom it runs as, where that is not us.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        ready: str = "",
        user: str | None = None,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.environment = dict(environment)
        self.lines: deque[str] = deque(maxlen=200)
        self.counts: Counter[str] = Counter()
        self.starts = 0
        self._folder = folder
        self._ready = ready
        self._user: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        self._wanted = False
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._known_children: set[int] = set()

    @property
    def pid(self) -> int:
        """Its process id now; 0 while it is down."""
        return self._process.pid if self._process is not None and self._process.returncode is None else 0

    async def start(self) -> None:
        """Start it and wait until it is up.

        Raises:
            RuntimeError: it does not come up in time.
        """
        self._wanted = True
        self._down.clear()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.name}")
        await self.until_up()

    async def until_up(self) -> None:
        """Wait until it has said that it is up.

        Raises:
            RuntimeError: it does not in time.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                await self._up.wait()
        except TimeoutError:
            raise RuntimeError(f"{self.name} is not up:\n" + "\n".join(self.lines)) from None

    async def _keep(self) -> None:
        while self._wanted:
            await self._run()
            if self._wanted:
                await asyncio.sleep(RESTART_AFTER)
        self._down.set()

    async def _run(self) -> None:
        self.starts += 1
        self._process = await asyncio.create_subprocess_exec(
            *self.command,
            env=self.environment,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=1 << 20,
            **self._user,
        )
        if not self._ready:
            self._up.set()
        reader = asyncio.create_task(self._read(self._process.stdout))
        # Not ``wait()``, which waits for the pipe as well: children that outlive their parent hold it.
        while self._process.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_EVERY)
        self._up.clear()
        await asyncio.wait([reader], timeout=0.2)
        reader.cancel()

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        assert stream is not None  # noqa: S101 - asked for
        while line := await stream.readline():
            text = line.decode("utf-8", "replace").rstrip()
            self.lines.append(text)
            self.counts.update(word for word in COUNTED if word in text)
            if self._ready and self._ready in text:
                self._up.set()

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.pid:
            send(self.pid, number)

    def family(self) -> list[int]:
        """The process and its children."""
        return [self.pid, *children(self.pid)] if self.pid else []

    def kill(self) -> None:
        """Kill it without a word; the supervisor starts it again."""
        self._known_children.update(children(self.pid))
        self.tell(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it and its children where they stand."""
        for pid in self.family():
            send(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it and its children go on."""
        for pid in self.family():
            send(pid, signal.SIGCONT)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to end and do not start it again; its exit code and the seconds it took.

        What does not end within ``GRACE`` is killed: its code is then -9.
        """
        self._wanted = False
        asked = time.monotonic()
        if self._keeper is None:
            return 0, 0.0
        self._known_children.update(children(self.pid) if self.pid else [])
        self.thaw()
        self.tell(number)
        try:
            async with asyncio.timeout(GRACE):
                await self._down.wait()
        except TimeoutError:
            self.tell(signal.SIGKILL)
            await self._down.wait()
        took = time.monotonic() - asked
        await self._keeper
        self._keeper = None
        return (self._process.returncode or 0) if self._process is not None else 0, took

    async def end(self) -> None:
        """Make sure that nothing of it is left."""
        await self.stop()
        for pid in self._known_children:
            # A number may have been given to somebody else meanwhile; orphans of ours carry our folder.
            if works_in(pid, self._folder):
                send(pid, signal.SIGKILL)


def python(*module: str) -> list[str]:
    """The command for a module of this environment."""
    return [sys.executable, "-u", "-m", *module]
