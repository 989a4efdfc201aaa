"""``flask worker``: a huey consumer with threads, and beside it one sender and one sweeper."""

from __future__ import annotations

import logging
import os
import socket
from typing import Final

from huey.consumer import Consumer

from jobs.queue import DukaHuey
from jobs.sender import Sender
from jobs.sweeper import Sweeper

log = logging.getLogger("duka.worker")

SHUTDOWN: Final = 25
SENDER_PATIENCE: Final = 14.0
"""Seconds for what is in flight: a little more than the read timeout."""


def worker_name() -> str:
    """This process among all workers."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(huey: DukaHuey, threads: int, sender: Sender, sweeper: Sweeper) -> None:
    """Work until SIGTERM or SIGINT; running tasks and sends in flight are finished first.

    The registry of ``huey`` must hold the tasks. A lost Redis is tried again every second.
    """
    consumer = Consumer(
        huey,
        workers=threads,
        periodic=False,
        worker_type="thread",
        max_delay=1.0,
        check_worker_health=True,
        shutdown_timeout=SHUTDOWN,
        graceful_signal="TERM",
    )
    sender.start()
    sweeper.start()
    log.info("worker_started", extra={"worker": worker_name(), "threads": threads})
    try:
        consumer.run()
    finally:
        sweeper.stop()
        sender.stop(SENDER_PATIENCE)
        log.info("worker_stopped", extra={"worker": worker_name()})
