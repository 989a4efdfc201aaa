"""``/metrics`` for Prometheus: what the processes measured, and what the database knows at this moment.

For holders of ``METRICS_TOKEN`` and for this machine itself. Every figure is read by an index over live rows, or
from counters that are kept; a backlog is counted up to ``MOST_COUNTED`` only.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, Response, abort, g, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlalchemy import ColumnElement, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

import measuring
from admin.headers import secure
from admin.health import is_local
from admin.house import AdminHouse
from db import inbox, outbox
from db.models import (
    OPEN_PAYMENT_STATUSES,
    DailyTotal,
    InboxEvent,
    MoneyEvent,
    OutboxMessage,
    Pause,
    Payment,
    ReconciliationRun,
    Shop,
    WorkerHeartbeat,
)
from db.types import clock, word
from keeping import files
from payments import service as payment_service

MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing read from the database when asked; ``read`` yields its value for each combination of labels."""

    name: str
    meaning: str
    read: Callable[[Session], Iterator[tuple[tuple[str, ...], float]]]
    labels: tuple[str, ...] = ()


def _age(oldest: float | None) -> Iterator[tuple[tuple[str, ...], float]]:
    yield (), oldest or 0.0


def _count(session: Session, column: Any, *where: ColumnElement[bool]) -> float:
    some = select(column).where(*where).limit(MOST_COUNTED).subquery()
    return float(session.execute(select(func.count()).select_from(some)).scalar_one())


def _waiting(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, table in (("inbox", InboxEvent), ("outbox", OutboxMessage)):
        yield (name,), _count(session, table.id, table.status == word("waiting"))


def _dead(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    for name, table in (("inbox", InboxEvent), ("outbox", OutboxMessage)):
        yield (name,), _count(session, table.id, table.status == word("dead"))


def _payments(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    some = select(Payment.status).where(payment_service.is_open()).limit(MOST_COUNTED).subquery()
    found = {
        row[0]: row[1] for row in session.execute(select(some.c.status, func.count()).group_by(some.c.status))
    }
    for status in OPEN_PAYMENT_STATUSES:
        yield (status,), float(found.get(status, 0))


def _money(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    kinds = ("unmatched", "refund_due")
    some = (
        select(MoneyEvent.kind)
        .where(MoneyEvent.settled_at.is_(None), MoneyEvent.kind.in_([word(kind) for kind in kinds]))
        .limit(MOST_COUNTED)
        .subquery()
    )
    found = {
        row[0]: row[1] for row in session.execute(select(some.c.kind, func.count()).group_by(some.c.kind))
    }
    for kind in kinds:
        yield (kind,), float(found.get(kind, 0))


def _today(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    counted = [
        column.key for column in inspect(DailyTotal).columns if column.key not in {"shop_id", "day", "shard"}
    ]
    now = session.scalar(select(clock()))
    for shop in session.execute(select(Shop.id, Shop.slug, Shop.timezone)):
        day = now.astimezone(ZoneInfo(shop.timezone)).date() if now is not None else None
        sums = [func.coalesce(func.sum(getattr(DailyTotal, key)), 0).label(key) for key in counted]
        row = session.execute(select(*sums).where(DailyTotal.shop_id == shop.id, DailyTotal.day == day)).one()
        for key in counted:
            yield (shop.slug, key), float(getattr(row, key))


def _findings(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    for shop in session.execute(select(Shop.id, Shop.slug)):
        last = session.execute(
            select(ReconciliationRun.findings, ReconciliationRun.for_a_person)
            .where(ReconciliationRun.shop_id == shop.id, ReconciliationRun.status == word("done"))
            .order_by(ReconciliationRun.id.desc())
            .limit(1)
        ).first()
        yield (shop.slug, "all"), float(last.findings) if last else 0.0
        yield (shop.slug, "for_a_person"), float(last.for_a_person) if last else 0.0


def _silence(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    row = session.execute(select(func.max(WorkerHeartbeat.seen_at).label("seen"), clock().label("now"))).one()
    if row.seen is not None:
        yield (), (row.now - row.seen).total_seconds()


def _paused(session: Session) -> Iterator[tuple[tuple[str, ...], float]]:
    yield (), _count(session, Pause.shop_id)


FIGURES: Final = (
    Figure(
        "duka_inbox_oldest_seconds",
        "Age of the oldest event that is due and unfinished.",
        lambda session: _age(inbox.oldest_waiting(session)),
    ),
    Figure(
        "duka_outbox_oldest_seconds",
        "Age of the oldest message that is due and not sent.",
        lambda session: _age(outbox.oldest_waiting(session)),
    ),
    Figure("duka_waiting", "Rows that wait, up to ten thousand.", _waiting, ("table",)),
    Figure("duka_dead", "Rows that were given up and wait for a person.", _dead, ("table",)),
    Figure("duka_payments_open", "Payments that are not over, by status.", _payments, ("status",)),
    Figure("duka_money_open", "Money that waits for the owner, by kind.", _money, ("kind",)),
    Figure("duka_today", "The shop's day so far, as its counters have it.", _today, ("shop", "figure")),
    Figure(
        "duka_reconciliation_findings",
        "Findings of the last reconciliation.",
        _findings,
        ("shop", "which"),
    ),
    Figure("duka_worker_silence_seconds", "Since any worker last said it was alive.", _silence),
    Figure("duka_paused_shops", "Shops that receive but do not send.", _paused),
)
"""Everything read from the database."""

UP: Final = "duka_database_up"
DISK: Final = "duka_disk_free_ratio"


class _Collector:
    """Reads every figure in one transaction; without a database there is only ``duka_database_up 0`` and the disk."""

    def __init__(self, house: AdminHouse) -> None:
        self._house = house

    def collect(self) -> Iterator[Metric]:
        """The figures now."""
        families = []
        up = 1.0
        try:
            with self._house.database.reading() as session:
                for figure in FIGURES:
                    family = GaugeMetricFamily(figure.name, figure.meaning, labels=figure.labels)
                    for labels, value in figure.read(session):
                        family.add_metric(labels, value)
                    families.append(family)
        except SQLAlchemyError:
            families, up = [], 0.0
        free = GaugeMetricFamily(
            DISK, "Free part of the disk where SQLite's file lies, else where the processes work."
        )
        with suppress(OSError):
            free.add_metric((), files.free(self._house.database.file))
        yield free
        yield GaugeMetricFamily(UP, "Whether the database could be read just now.", value=up)
        yield from families


def init(app: Flask, house: AdminHouse) -> None:
    """Measure every request of the app, and answer ``/metrics``."""
    routes = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    registry.register(_Collector(house))

    @routes.get("/metrics")
    def metrics() -> Response:
        if not (_has_token(house.config.metrics_token) or is_local(request)):
            abort(403)
        return secure(
            Response(measuring.exposed() + generate_latest(registry), content_type=measuring.CONTENT_TYPE)
        )

    @app.before_request
    def begin() -> None:
        g.measured_since = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule is not None else "none"
        measuring.count(measuring.HTTP_REQUESTS, route, str(response.status_code))
        since = g.pop("measured_since", None)
        if since is not None:
            measuring.observe(measuring.HTTP_SECONDS, time.perf_counter() - since, route)
        return response

    app.register_blueprint(routes)


def _has_token(token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
