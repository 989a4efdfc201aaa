"""Several processes as one: their lines under their names, and an end that all of them share.

Honcho starts them and reads and prints their lines. The loop is ours, because honcho's own kills after
five seconds what may still be finishing a payment, and stumbles over a Ctrl-C before all are started.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from honcho.colour import get_colours
from honcho.printer import Message, Printer
from honcho.process import Process

GRACE_SECONDS = 25.5
"""From the request to stop until the kill: web and worker give running work 25 s, everybody together has 30 s."""


class Processes:
    """Runs named shell commands until one of them ends or someone asks to stop."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.printer = Printer(sys.stdout)
        self.colours = get_colours()
        self.threads: list[threading.Thread] = []
        self.running: dict[str, int] = {}
        """Who runs now, and its process group."""
        self.told: set[str] = set()
        self.stop_asked_at: float | None = None
        self.culprit: tuple[str, int] | None = None
        """Who ended first without being asked, and its exit code."""
        self.killed: list[str] = []
        """Who did not stop in time."""

    def add(self, name: str, command: str, environment: Mapping[str, str], folder: Path) -> None:
        """Name one more command; ``run`` starts it."""
        process = Process(
            f"exec {command}", name=name, colour=next(self.colours), env=dict(environment), cwd=str(folder)
        )
        self.printer.width = max(self.printer.width, len(name))
        self.threads.append(threading.Thread(target=process.run, args=(self.events,), name=name, daemon=True))

    def run(self) -> None:
        """Start everything, print lines, return when everything has ended."""
        for thread in self.threads:
            thread.start()
        while any(thread.is_alive() for thread in self.threads) or not self.events.empty():
            with suppress(queue.Empty):
                self._take(self.events.get(timeout=0.1))
            if self.stop_asked_at is not None:
                self._pass_on(time.monotonic() - self.stop_asked_at)

    def stop(self) -> None:
        """Ask everybody to end, also those who are still starting; may be called from a signal or a thread."""
        if self.stop_asked_at is None:
            self.stop_asked_at = time.monotonic()

    def say(self, text: str) -> None:
        """Print words of our own between the processes' lines."""
        self.events.put(Message("say", text, None, None, None))

    def ended(self, name: str, exit_code: int) -> None:
        """Report the end of a process that runs beside these."""
        self.events.put(Message("stop", {"returncode": exit_code}, None, name, None))

    def _take(self, message: Any) -> None:
        if message.type == "start":
            self.running[message.name] = message.data["pid"]
        elif message.type == "stop":
            self.running.pop(message.name, None)
            if self.stop_asked_at is None:
                self.culprit = (message.name, message.data["returncode"])
                self.stop()
        else:
            self._print(message)

    def _print(self, message: Any) -> None:
        try:
            if message.type == "say":
                print(message.data, file=self.printer.output, flush=True)
            else:
                self.printer.write(message._replace(time=datetime.now().astimezone()))
        except OSError:
            # The terminal is closed, or the reader of a pipe has left: nobody is there to stop us later.
            # What is still to be said goes nowhere, instead of failing again at our own end.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.printer.output.fileno())
            os.close(nowhere)
            self.stop()

    def _pass_on(self, waited: float) -> None:
        for name, group in self.running.items():
            if name not in self.told:
                self.told.add(name)
                tell(group, signal.SIGTERM)
            elif waited > GRACE_SECONDS and name not in self.killed:
                self.killed.append(name)
                tell(group, signal.SIGKILL)


def tell(group: int, number: signal.Signals) -> None:
    """Send a signal to everybody of a process group, if there still is anybody."""
    # macOS says EPERM, not ESRCH, where all of a group have ended.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
