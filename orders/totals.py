"""Counts that pages need, kept in the transaction in which things happen.

Each day has a few rows ("shards"), so that customers ordering at the same moment rarely wait
for the same row; reading adds them up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Executable, bindparam, func, select
from sqlalchemy.orm import Session

from db.models import Base, DailyTotal, HourlyTotal, MethodTotal, OrderLine, ProductTotal, Shop
from db.statements import dialect_of, insert_on, table
from db.types import clock

SHARDS: Final = 8
COUNTS: Final = (
    "customers",
    "orders_placed",
    "orders_paid",
    "orders_closed",
    "revenue",
    "refunded",
    "greeted",
    "browsed",
    "carted",
    "messages_in",
    "messages_out",
)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a period; amounts in minor units. ``revenue`` is everything paid, before refunds."""

    customers: int = 0
    orders_placed: int = 0
    orders_paid: int = 0
    orders_closed: int = 0
    revenue: int = 0
    refunded: int = 0
    greeted: int = 0
    browsed: int = 0
    carted: int = 0
    messages_in: int = 0
    messages_out: int = 0

    @property
    def orders_pending(self) -> int:
        """Orders that are unpaid and still open."""
        return self.orders_placed - self.orders_paid - self.orders_closed

    @property
    def takings(self) -> int:
        """What came in and did not go back."""
        return self.revenue - self.refunded

    @property
    def average(self) -> int | None:
        """What one paid order brought, before refunds."""
        return self.revenue // self.orders_paid if self.orders_paid else None

    @property
    def messages_per_order(self) -> float | None:
        """How many messages went to and fro for each paid order."""
        return (self.messages_in + self.messages_out) / self.orders_paid if self.orders_paid else None


@dataclass(frozen=True, slots=True)
class Sold:
    """One product over a period; ``revenue`` in minor units, before discounts of whole orders."""

    product_id: int
    pieces: int
    revenue: int


@dataclass(frozen=True, slots=True)
class Taken:
    """One way to pay over a period; amounts in minor units."""

    method: str
    payments: int
    revenue: int
    refunded: int


def together(every: Iterable[Totals]) -> Totals:
    """The sums of several."""
    found = list(every)
    return Totals(*(sum(getattr(one, name) for one in found) for name in COUNTS))


def add(session: Session, shop_id: int, spread: int, at: datetime | None = None, /, **counts: int) -> None:
    """Add ``counts`` (``orders_placed=1, revenue=150_000`` …) to today; ``spread`` picks the shard.

    ``at`` is the time where the shop is, for who knows it. Call it last in a transaction: the rows it touches are
    such that others want too.
    """
    if not any(counts.values()):
        return
    local = at or local_now(session, shop_id)
    values = {name: counts.get(name, 0) for name in COUNTS}
    _raise(session, DailyTotal, {"shop_id": shop_id, "day": local.date(), "shard": spread % SHARDS}, values)
    paid = {"orders_paid": values["orders_paid"], "revenue": values["revenue"]}
    if any(paid.values()):
        hour = local.replace(minute=0, second=0, microsecond=0)
        _raise(session, HourlyTotal, {"shop_id": shop_id, "hour": hour, "shard": spread % SHARDS}, paid)


def add_taken(session: Session, shop_id: int, spread: int, method: str, **counts: int) -> None:
    """Count money by its way to pay (``payments=1, revenue=150_000``, or ``refunded=…``); call it after :func:`add`."""
    today = local_now(session, shop_id).date()
    place = {"shop_id": shop_id, "day": today, "method": method, "shard": spread % SHARDS}
    values = {name: counts.get(name, 0) for name in ("payments", "revenue", "refunded")}
    _raise(session, MethodTotal, place, values)


def add_sold(session: Session, shop_id: int, order_id: int, today: date) -> None:
    """Count the lines of an order that was just paid; call it before :func:`add`."""
    rows = session.execute(_SOLD, {"order": order_id}).all()
    # In the order of ids, so that two orders never wait for each other in a circle.
    for product_id, pieces, revenue in sorted(tuple(row) for row in rows):
        place = {"shop_id": shop_id, "day": today, "product_id": product_id}
        _raise(session, ProductTotal, place, {"pieces": int(pieces), "revenue": int(revenue)})


_LINES = table(OrderLine).c
_SOLD = (
    select(_LINES.product_id, func.sum(_LINES.quantity), func.sum(_LINES.total))
    .where(_LINES.order_id == bindparam("order"))
    .group_by(_LINES.product_id)
)
_LOCAL = select(table(Shop).c.timezone, clock().label("now")).where(table(Shop).c.id == bindparam("shop"))


def local_now(session: Session, shop_id: int) -> datetime:
    """The database's time, where the shop is; one moment for all that a transaction counts."""
    known: datetime | None = session.info.get((_LOCAL, shop_id))
    if known is None:
        row = session.execute(_LOCAL, {"shop": shop_id}).one()
        known = session.info[_LOCAL, shop_id] = row.now.astimezone(ZoneInfo(row.timezone))
    return known


def _raise(session: Session, model: type[Base], place: dict[str, Any], values: dict[str, int]) -> None:
    """Add to one row, which is made when it is not there."""
    raising = _raising(dialect_of(session), model, tuple(place), tuple(values))
    session.execute(raising, place | values)


@cache
def _raising(dialect: str, model: type[Base], place: tuple[str, ...], names: tuple[str, ...]) -> Executable:
    statement = insert_on(dialect, model)
    return statement.on_conflict_do_update(
        index_elements=list(place),
        set_={name: table(model).c[name] + statement.excluded[name] for name in names},
    )


def _sums() -> list[Any]:
    return [func.coalesce(func.sum(getattr(DailyTotal, name)), 0).label(name) for name in COUNTS]


def between(session: Session, shop_id: int, first: date | None = None, last: date | None = None) -> Totals:
    """The sums from ``first`` to ``last``, both included, or over all time."""
    statement = select(*_sums()).where(DailyTotal.shop_id == shop_id)
    if first is not None:
        statement = statement.where(DailyTotal.day >= first)
    if last is not None:
        statement = statement.where(DailyTotal.day <= last)
    return Totals(*(int(value) for value in session.execute(statement).one()))


def by_day(session: Session, shop_id: int, first: date, last: date) -> dict[date, Totals]:
    """The sums of each day that has any, from ``first`` to ``last``, both included."""
    rows = session.execute(
        select(DailyTotal.day, *_sums())
        .where(DailyTotal.shop_id == shop_id, DailyTotal.day >= first, DailyTotal.day <= last)
        .group_by(DailyTotal.day)
    )
    return {row[0]: Totals(*(int(value) for value in row[1:])) for row in rows}


def by_hour(session: Session, shop_id: int, since: datetime, until: datetime) -> dict[datetime, int]:
    """Revenue of each hour that has any, from ``since`` up to but without ``until``."""
    rows = session.execute(
        select(HourlyTotal.hour, func.sum(HourlyTotal.revenue))
        .where(HourlyTotal.shop_id == shop_id, HourlyTotal.hour >= since, HourlyTotal.hour < until)
        .group_by(HourlyTotal.hour)
    )
    return {hour: int(revenue) for hour, revenue in rows}


def top_products(session: Session, shop_id: int, first: date, last: date, most: int | None = 5) -> list[Sold]:
    """What brought most from ``first`` to ``last``, both included."""
    rows = session.execute(
        select(ProductTotal.product_id, func.sum(ProductTotal.pieces), func.sum(ProductTotal.revenue))
        .where(ProductTotal.shop_id == shop_id, ProductTotal.day >= first, ProductTotal.day <= last)
        .group_by(ProductTotal.product_id)
    )
    sold = [Sold(product_id, int(pieces), int(money)) for product_id, pieces, money in rows]
    return sorted(sold, key=lambda one: (-one.revenue, one.product_id))[:most]


def by_method(session: Session, shop_id: int, first: date, last: date) -> list[Taken]:
    """What each way to pay brought from ``first`` to ``last``, both included, most first."""
    rows = session.execute(
        select(
            MethodTotal.method,
            func.sum(MethodTotal.payments),
            func.sum(MethodTotal.revenue),
            func.sum(MethodTotal.refunded),
        )
        .where(MethodTotal.shop_id == shop_id, MethodTotal.day >= first, MethodTotal.day <= last)
        .group_by(MethodTotal.method)
    )
    found = [Taken(method, int(payments), int(taken), int(back)) for method, payments, taken, back in rows]
    return sorted(found, key=lambda one: (-one.revenue, one.method))
