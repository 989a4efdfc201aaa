"""Counts that pages need, kept in the transaction in which things happen.

Each day has a few rows ("shards"), so that customers ordering at the same moment rarely wait
for the same row; reading adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import DailyTotal, Shop
from db.statements import insert
from db.types import clock

SHARDS: Final = 8


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a period; amounts in minor units. ``revenue`` is everything paid, before refunds."""

    customers: int = 0
    orders_placed: int = 0
    orders_paid: int = 0
    orders_closed: int = 0
    revenue: int = 0
    refunded: int = 0

    @property
    def orders_pending(self) -> int:
        """Orders that are unpaid and still open."""
        return self.orders_placed - self.orders_paid - self.orders_closed


def add(session: Session, shop_id: int, spread: int, **counts: int) -> None:
    """Add ``counts`` (``orders_placed=1, revenue=150_000`` …) to today; ``spread`` picks the shard.

    Call it last in a transaction: the row it touches is one that others want too.
    """
    row = session.execute(select(Shop.timezone, clock().label("now")).where(Shop.id == shop_id)).one()
    today = row.now.astimezone(ZoneInfo(row.timezone)).date()
    names = ("customers", "orders_placed", "orders_paid", "orders_closed", "revenue", "refunded")
    values = {name: counts.get(name, 0) for name in names}
    statement = insert(session, DailyTotal).values(
        shop_id=shop_id, day=today, shard=spread % SHARDS, **values
    )
    table = DailyTotal.__table__.c
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["shop_id", "day", "shard"],
            set_={name: table[name] + amount for name, amount in values.items() if amount},
        )
        if any(values.values())
        else statement.on_conflict_do_nothing()
    )


def between(session: Session, shop_id: int, first: date | None = None, last: date | None = None) -> Totals:
    """The sums from ``first`` to ``last``, both included, or over all time."""
    table = DailyTotal
    columns = (
        table.customers,
        table.orders_placed,
        table.orders_paid,
        table.orders_closed,
        table.revenue,
        table.refunded,
    )
    statement = select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(
        table.shop_id == shop_id
    )
    if first is not None:
        statement = statement.where(table.day >= first)
    if last is not None:
        statement = statement.where(table.day <= last)
    return Totals(*(int(value) for value in session.execute(statement).one()))
