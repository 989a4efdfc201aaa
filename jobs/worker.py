"""``flask worker``: a huey consumer with threads, and beside it one sender and one sweeper."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Final

from huey.consumer import Consumer

from jobs.hands import Hands
from jobs.queue import DukaHuey
from jobs.sender import Sender
from jobs.sweeper import Sweeper

log = logging.getLogger("duka.worker")

SHUTDOWN: Final = 25.0
"""Seconds from the signal to the end: running tasks and sends in flight share them."""


class WorkerConsumer(Consumer):  # type: ignore[misc]
    """A consumer that tells the sender of the end as soon as it hears of it itself."""

    sender: Sender
    stopped_at = 0.0

    def stop(self, graceful: bool = False) -> None:
        """Finish running tasks, while the sender finishes what is in flight."""
        self.stopped_at = time.monotonic()
        self.sender.finish()
        super().stop(graceful)


def worker_name() -> str:
    """This process among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(huey: DukaHuey, threads: int, sender: Sender, sweeper: Sweeper, hands: Hands) -> None:
    """Work until SIGTERM or SIGINT; running tasks and sends in flight are finished first.

    The registry of ``huey`` must hold the tasks. A lost Redis is tried again every second.
    """
    consumer = WorkerConsumer(
        huey,
        workers=threads,
        periodic=False,
        worker_type="thread",
        max_delay=1.0,
        check_worker_health=True,
        shutdown_timeout=SHUTDOWN,
        graceful_signal="TERM",
    )
    consumer.sender = sender
    sender.start()
    sweeper.start()
    log.info("worker_started", extra={"worker": worker_name(), "threads": threads})
    try:
        consumer.run()
    finally:
        spent = time.monotonic() - consumer.stopped_at if consumer.stopped_at else 0.0
        sweeper.stop()
        hands.close()
        sender.stop(max(1.0, SHUTDOWN - spent))
        log.info("worker_stopped", extra={"worker": worker_name()})
