"""Is the shop well? Said honestly, part by part, to those who may know; in a word to everyone else."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from flask import Blueprint, Request, Response, request
from sqlalchemy import func, select, text
from sqlalchemy.exc import SQLAlchemyError

from admin.headers import secure
from admin.house import VERSION, AdminHouse
from db import inbox, outbox, schema
from db.models import Chore, Pause, Shop, WorkerHeartbeat
from db.types import clock
from keeping import files
from keeping.backup import MADE

OK: Final = "ok"
DEGRADED: Final = "degraded"
DOWN: Final = "down"
LEAST_FREE: Final = 0.05
"""Part of the disk that must be free."""
LATE_EVENT: Final = 60.0
LATE_MESSAGE: Final = 300.0
SILENT_WORKER: Final = 30.0
OLD_BACKUP: Final = 26 * 3600.0
"""Seconds after which a daily backup is overdue."""
SHOWN_FOR: Final = 24 * 3600.0
"""Seconds for which a webhook id used twice is told."""
KEPT: Final = timedelta(seconds=1)
"""A report is good for so long: asking in a loop must not take turns from those who write."""
_FORWARDED: Final = (
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "Forwarded",
    "Via",
    "X-Real-Ip",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part's condition; ``detail`` is a sentence for the person who mends it."""

    status: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All parts at one moment."""

    parts: dict[str, Part]

    @property
    def status(self) -> str:
        """The worst of the parts."""
        found = {part.status for part in self.parts.values()}
        return DOWN if DOWN in found else DEGRADED if DEGRADED in found else OK

    @property
    def http_status(self) -> int:
        """503 when the shop cannot do its work; a degraded one still can."""
        return 503 if self.status == DOWN else 200


class Examination:
    """Looks at every part, at most once in ``KEPT``."""

    def __init__(self, house: AdminHouse) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._last: tuple[datetime, Report] | None = None
        self._head = schema.head()

    def report(self) -> Report:
        """The condition now, or a moment ago."""
        now = self._house.now()
        with self._lock:
            if self._last is not None and timedelta(0) <= now - self._last[0] < KEPT:
                return self._last[1]
            report = Report(self._look())
            self._last = (now, report)
            return report

    def _look(self) -> dict[str, Part]:
        redis = (
            Part(OK) if self._house.redis_ping() else Part(DEGRADED, "Redis does not answer; work is slower.")
        )
        parts = {"database": _guarded(self._database)}
        if parts["database"].status == OK:
            parts["migrations"] = _guarded(self._migrations)
            readable = parts["migrations"].status == OK
            unknown = Part(DEGRADED, "Not known while migrations are missing.")
            looks = {
                "shop": self._shop,
                "events": self._events,
                "messages": self._messages,
                "webhooks": self._webhooks,
                "worker": self._worker,
                "backup": self._backup,
            }
            parts |= {name: _guarded(look) if readable else unknown for name, look in looks.items()}
        return parts | {"disk": self._disk(), "redis": redis}

    def _database(self) -> Part:
        with self._house.database.writing() as session:
            session.execute(text("SELECT 1"))
        return Part(OK)

    def _migrations(self) -> Part:
        at = schema.current(self._house.database)
        if at == self._head:
            return Part(OK)
        return Part(DOWN, f"The database is at {at or 'no revision'}, the code wants {self._head}.")

    def _events(self) -> Part:
        with self._house.database.reading() as session:
            age = inbox.oldest_waiting(session)
        if age is None or age <= LATE_EVENT:
            return Part(OK)
        return Part(DEGRADED, f"The oldest event has waited {age:.0f} s.")

    def _messages(self) -> Part:
        with self._house.database.reading() as session:
            age = outbox.oldest_waiting(session)
        if age is None or age <= LATE_MESSAGE:
            return Part(OK)
        return Part(DEGRADED, f"The oldest message to a customer has waited {age:.0f} s.")

    def _shop(self) -> Part:
        with self._house.database.reading() as session:
            pause = session.execute(
                select(Pause.reason, Pause.since, func.count().over().label("shops"))
                .order_by(Pause.since)
                .limit(1)
            ).first()
        if pause is None:
            return Part(OK)
        why = "after a restore" if pause.reason == "restored" else "by hand"
        since = pause.since.isoformat(timespec="seconds")
        more = f" {pause.shops} shops are paused." if pause.shops > 1 else ""
        return Part(
            DEGRADED, f"Paused {why} since {since}: nothing is sent and no payment starts. Then resume.{more}"
        )

    def _webhooks(self) -> Part:
        with self._house.database.reading() as session:
            reused = inbox.reused_ids(session, SHOWN_FOR)
        if reused == 0:
            return Part(OK)
        came = "One delivery came" if reused == 1 else f"{reused} deliveries came"
        return Part(DEGRADED, f"{came} in a day under the id of another one; the first counts.")

    def _backup(self) -> Part:
        """A backup that is overdue. Who lets PostgreSQL be backed up otherwise need not make one here."""
        with self._house.database.reading() as session:
            row = session.execute(
                select(
                    select(Chore.begun_at).where(Chore.name == MADE).scalar_subquery().label("made"),
                    select(func.min(Shop.created_at)).scalar_subquery().label("opened"),
                    clock().label("now"),
                )
            ).one()
        if row.made is not None:
            age = (row.now - row.made).total_seconds()
            return Part(DEGRADED if age > OLD_BACKUP else OK, f"The last backup is {age / 3600:.0f} h old.")
        must = self._house.config.production and self._house.database.on_sqlite and row.opened is not None
        if must and (row.now - row.opened).total_seconds() > OLD_BACKUP:
            return Part(DEGRADED, "No backup was ever made.")
        return Part(OK, "No backup was made by flask backup yet.")

    def _worker(self) -> Part:
        with self._house.database.reading() as session:
            row = session.execute(
                select(func.max(WorkerHeartbeat.seen_at).label("seen"), clock().label("now"))
            ).one()
        if row.seen is None:
            return Part(DEGRADED, "No worker has ever reported.")
        silence = (row.now - row.seen).total_seconds()
        return Part(OK) if silence <= SILENT_WORKER else Part(DEGRADED, f"No worker for {silence:.0f} s.")

    def _disk(self) -> Part:
        try:
            free = files.free(self._house.database.file)
        except OSError as error:
            return Part(DOWN, f"The disk cannot be read: {type(error).__name__}.")
        return Part(OK) if free > LEAST_FREE else Part(DOWN, f"Only {free:.1%} of the disk is free.")


def _guarded(look: Callable[[], Part]) -> Part:
    try:
        return look()
    except SQLAlchemyError as error:
        return Part(DOWN, f"The database refuses: {type(error).__name__}.")


def blueprint(house: AdminHouse) -> Blueprint:
    """``/``, ``/health``, ``/livez``, ``/readyz`` and ``/api/webhooks/health``."""
    routes = Blueprint("health", __name__)
    examination = Examination(house)

    @routes.get("/")
    def info() -> Response:
        links = {"health": "/health", "ready": "/readyz", "admin": "/admin/", "orders": "/api/orders"}
        return _json(
            {
                "success": True,
                "name": "Duka",
                "version": VERSION,
                "message": "A shop inside WhatsApp.",
                "links": links,
            }
        )

    @routes.get("/livez")
    def alive() -> Response:
        return _json({"success": True, "status": OK})

    @routes.get("/health")
    def health() -> Response:
        report = examination.report()
        return _json({"success": report.http_status == 200, "status": report.status}, report.http_status)  # noqa: PLR2004

    @routes.get("/readyz")
    def ready() -> Response:
        report = examination.report()
        body: dict[str, Any] = {"success": report.status != DOWN, "status": report.status}
        if not house.config.production or is_local(request) or house.guard.recognises(request):
            body["parts"] = {
                name: {"status": part.status} | ({"detail": part.detail} if part.detail else {})
                for name, part in report.parts.items()
            }
        return _json(body, report.http_status)

    @routes.get("/api/webhooks/health")
    def webhooks() -> Response:
        return _json({"success": True, "message": "Webhooks are received here."})

    return routes


def is_local(asked: Request) -> bool:
    """Whether this machine itself asks; a proxy on it asks for somebody else and says so."""
    if any(name in asked.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(asked.remote_addr or "").is_loopback
    except ValueError:
        return False


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return secure(Response(orjson.dumps(body), status, content_type="application/json"))
