"""Today: what needs a person, what came in, how far customers came, and what sold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin import needs, queries
from admin.console import Console, Page
from catalog.money import to_major
from catalog.snapshot import in_language
from db.models import Product, Shop
from orders import totals
from orders.totals import Totals

PAGE: Final = Page("today", "Today", icon="today", bar=True)
RANGES: Final = (7, 30, 90)
TOP: Final = 6
RECENT: Final = 8


@dataclass(frozen=True, slots=True)
class Days:
    """Three days side by side."""

    today: Totals
    yesterday: Totals
    week_ago: Totals
    weekday: str

    @property
    def steps(self) -> list[tuple[str, int, int, int]]:
        """How many came how far: the step, and its number today, yesterday and a week ago."""
        names = (
            ("Greeted", "greeted"),
            ("Browsed", "browsed"),
            ("Filled a cart", "carted"),
            ("Ordered", "orders_placed"),
            ("Paid", "orders_paid"),
        )
        return [(words, *(getattr(day, name) for day in self._days)) for words, name in names]

    @property
    def _days(self) -> tuple[Totals, Totals, Totals]:
        return self.today, self.yesterday, self.week_ago


@dataclass(frozen=True, slots=True)
class Point:
    """One bar of a chart: ``at`` for machines, words for people, and an amount in minor units."""

    at: str
    words: str
    amount: int
    major: str


@dataclass(frozen=True, slots=True)
class Seller:
    """A product that sold."""

    name: str
    pieces: int
    revenue: int


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/`` and the part of it that refreshes itself."""

    def part(session: Session, shop: Shop, template: str, **more: object) -> str:
        return console.show(
            template,
            shop,
            days=days(session, shop.id, console.today(shop)),
            needs=needs.waiting(session, shop),
            orders=queries.orders_page(session, shop.id, limit=RECENT),
            **more,
        )

    @pages.get("/")
    def today() -> str:
        wanted = request.args.get("days", "")
        length = int(wanted) if wanted in {str(number) for number in RANGES} else RANGES[0]
        with console.house.database.reading() as session:
            shop = console.shop(session)
            last = console.today(shop)
            first = last - timedelta(days=length - 1)
            return part(
                session,
                shop,
                "today.html",
                length=length,
                ranges=RANGES,
                per_day=per_day(session, shop, first, last),
                per_hour=per_hour(session, shop, first, last),
                sellers=sellers(session, shop, first, last),
            )

    @pages.get("/live")
    def today_live() -> Response:
        with console.house.database.reading() as session:
            shop = console.shop(session)
            return console.live(part(session, shop, "_live.html"))


def days(session: Session, shop_id: int, today: date) -> Days:
    """Today, yesterday and the same day of last week."""
    week_ago = today - timedelta(days=7)
    known = totals.by_day(session, shop_id, week_ago, today)
    return Days(
        known.get(today, Totals()),
        known.get(today - timedelta(days=1), Totals()),
        known.get(week_ago, Totals()),
        week_ago.strftime("%a"),
    )


def per_day(session: Session, shop: Shop, first: date, last: date) -> list[Point]:
    """What each day took, those without any too."""
    known = totals.by_day(session, shop.id, first, last)
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        _point(shop, day.isoformat(), f"{day:%a} {day.day} {day:%b}", known.get(day, Totals()).takings)
        for day in every
    ]


def per_hour(session: Session, shop: Shop, first: date, last: date) -> list[Point]:
    """What was paid at which hour of the shop's clock, all days together."""
    zone = ZoneInfo(shop.timezone)
    since = datetime.combine(first, time(), zone)
    until = datetime.combine(last + timedelta(days=1), time(), zone)
    sums = dict.fromkeys(range(24), 0)
    for hour, revenue in totals.by_hour(session, shop.id, since, until).items():
        sums[hour.astimezone(zone).hour] += revenue
    return [_point(shop, str(hour), f"{hour:02d}:00", amount) for hour, amount in sums.items()]


def sellers(session: Session, shop: Shop, first: date, last: date) -> list[Seller]:
    """What sold best, in the shop's own language."""
    top = totals.top_products(session, shop.id, first, last, TOP)
    names = session.execute(
        select(Product.id, Product.names).where(Product.id.in_([sold.product_id for sold in top]))
    )
    known = {row.id: in_language(row.names, shop.language) for row in names}
    return [Seller(known.get(sold.product_id, ""), sold.pieces, sold.revenue) for sold in top]


def _point(shop: Shop, at: str, words: str, amount: int) -> Point:
    return Point(at, words, amount, str(to_major(amount, shop.currency)))
