"""What the processes count and time, for Prometheus: every metric's name and meaning in one table.

Several processes of one machine share a folder of memory-mapped files, so that whichever of them is asked for
``/metrics`` answers for all. Without a folder each process counts for itself. What the database knows (queues, states,
the day's funnel) is not counted here but read when asked, by ``admin.metrics``.

Measuring never fails the work it measures.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from errors import ShopError

log = logging.getLogger("duka.measuring")

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Where the library looks for the shared folder; set by ``share``, not by people."""

QUICK: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One thing that is measured; with ``buckets`` (seconds) it is a histogram, else a counter."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


HTTP_REQUESTS: Final = Metric(
    "duka_http_requests_total", "Requests answered, by route and status.", ("route", "status")
)
HTTP_SECONDS: Final = Metric(
    "duka_http_request_seconds", "Time to answer a request, by route.", ("route",), QUICK
)
ACCEPTED: Final = Metric(
    "duka_webhook_events_total",
    "Events taken from webhooks: new ones, and ones that had come before.",
    ("which",),
)
REFUSED: Final = Metric(
    "duka_webhook_refused_total",
    "Webhooks refused, by reason; bad_signature is somebody guessing.",
    ("reason",),
)
DECIDE_SECONDS: Final = Metric(
    "duka_decide_seconds", "Time to decide on one event of a conversation.", (), QUICK
)
TURN_SECONDS: Final = Metric(
    "duka_turn_seconds", "Time from claiming a customer to the commit that answers.", (), QUICK
)
SENDS: Final = Metric(
    "duka_sends_total", "Tries to send a message: sent, waiting (to be tried again) or dead.", ("result",)
)
GHALA_CALLS: Final = Metric(
    "duka_ghala_calls_total",
    "Calls to Ghala for messages and for payments, by the status of the answer or what went wrong.",
    ("about", "method", "result"),
)
GHALA_SECONDS: Final = Metric("duka_ghala_seconds", "Time of one call to Ghala.", ("about",), SLOW)
TASKS_FAILED: Final = Metric("duka_tasks_failed_total", "Tasks of a worker that raised.", ("task",))

ALL: Final = (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    ACCEPTED,
    REFUSED,
    DECIDE_SECONDS,
    TURN_SECONDS,
    SENDS,
    GHALA_CALLS,
    GHALA_SECONDS,
    TASKS_FAILED,
)
"""Everything measured by processes."""

_registry = CollectorRegistry()
_made: dict[str, Counter | Histogram] = {}
_of_labels: dict[tuple[str, ...], Counter | Histogram] = {}
"""The same with labels; the library's own look-up takes longer than counting."""
_lock = threading.Lock()
_folder: Path | None = None


def share(folder: Path) -> None:
    """Count together with the other processes of this machine; call it before anything is measured.

    Files of processes that are gone are removed: their counts start anew, as Prometheus expects of a restart. Where
    the folder cannot be used each process counts for itself, and says so.
    """
    global _folder  # noqa: PLW0603 - one process, one place to count
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        for file in folder.glob("*.db"):
            owner = file.stem.rpartition("_")[2]
            if owner.isdigit() and not _alive(int(owner)):
                file.unlink(missing_ok=True)
    except OSError as error:
        log.warning("metrics_not_shared", extra={"kind": type(error).__name__})
        return
    os.environ[FOLDER_VARIABLE] = str(folder)  # noqa: TID251 - the library reads nothing else
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    _folder = folder


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def count(metric: Metric, *labels: str, times: int = 1) -> None:
    """One more of ``metric``."""
    made = _labelled(metric, labels)
    assert isinstance(made, Counter)  # noqa: S101 - narrows the type
    made.inc(times)


def observe(metric: Metric, seconds: float, *labels: str) -> None:
    """It took so long."""
    made = _labelled(metric, labels)
    assert isinstance(made, Histogram)  # noqa: S101 - narrows the type
    made.observe(seconds)


def accepted(new: int, *, of: int) -> None:
    """A webhook brought ``of`` events, ``new`` of them for the first time."""
    if new:
        count(ACCEPTED, "new", times=new)
    if of > new:
        count(ACCEPTED, "repeated", times=of - new)


@contextmanager
def timed(metric: Metric, *labels: str) -> Iterator[None]:
    """Observe how long the block takes, also when it raises."""
    started = time.perf_counter()
    try:
        yield
    finally:
        observe(metric, time.perf_counter() - started, *labels)


class Call:
    """What came of one call to Ghala: give it the answer's status; an error is its own result."""

    result = "no_answer"

    def answered(self, status: int) -> None:
        """There was an answer."""
        self.result = str(status)


@contextmanager
def calling(about: str, method: str) -> Iterator[Call]:
    """Time and count one call to Ghala about ``messages`` or ``payments``."""
    call = Call()
    try:
        with timed(GHALA_SECONDS, about):
            yield call
    except ShopError as error:
        call.result = error.code
        raise
    finally:
        count(GHALA_CALLS, about, method, call.result)


def exposed() -> bytes:
    """Everything measured so far as Prometheus reads it, of all processes that share the folder."""
    if _folder is None:
        return generate_latest(_registry)
    return generate_latest(_together())


def total(metric: Metric, *labels: str) -> float:
    """How often a counter was counted with these labels, by all processes that share the folder."""
    wanted = dict(zip(metric.labels, labels, strict=True))
    families = (_registry if _folder is None else _together()).collect()
    return sum(
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == metric.name and sample.labels == wanted
    )


def _together() -> CollectorRegistry:
    together = CollectorRegistry()
    MultiProcessCollector(together, str(_folder))  # type: ignore[no-untyped-call]
    return together


def _labelled(metric: Metric, labels: tuple[str, ...]) -> Counter | Histogram:
    key = (metric.name, *labels)
    found = _of_labels.get(key)
    if found is None:
        made = _metric(metric)
        found = _of_labels[key] = made.labels(*labels) if metric.labels else made
    return found


def _metric(metric: Metric) -> Counter | Histogram:
    made = _made.get(metric.name)
    if made is None:
        with _lock:
            made = _made.get(metric.name)
            if made is None:
                if metric.buckets:
                    made = Histogram(
                        metric.name, metric.meaning, metric.labels, registry=_registry, buckets=metric.buckets
                    )
                else:
                    made = Counter(metric.name, metric.meaning, metric.labels, registry=_registry)
                _made[metric.name] = made
    return made
