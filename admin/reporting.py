"""Reports as tables, and tables as CSV that no spreadsheet takes for formulas. All from counts kept with the money."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.wording import LOCALE, METHOD_WORDS, plain, sentence
from catalog.money import to_major
from catalog.snapshot import in_language
from db.models import Product, Shop
from orders import totals
from orders.totals import Totals

LONGEST: Final = 731
"""Days a period may have."""
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
BYTE_ORDER: Final = "\ufeff"
"""Tells spreadsheets that the file is UTF-8."""


@dataclass(frozen=True, slots=True)
class Column:
    """``kind`` is ``text``, ``number`` or ``money``; ``minor`` columns give way on a phone."""

    title: str
    kind: str = "number"
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A report: its columns, its rows, and their sums (``None`` where a sum says nothing)."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    sums: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """From ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def words(self) -> str:
        """In words, as ``21 Nov 2026``."""
        if self.first == self.last:
            return _day(self.first)
        same = (self.first.year, self.first.month) == (self.last.year, self.last.month)
        return f"{self.first.day if same else _day(self.first)} \u2013 {_day(self.last)}"


def period(wanted: Mapping[str, str], today: date) -> Period:
    """What was asked for, as far as it makes sense; the month so far, where nothing was."""
    first, last = _read(wanted.get("from", "")), _read(wanted.get("to", ""))
    last = min(last or today, today)
    first = first or last.replace(day=1)
    if first > last:
        first, last = last, min(first, today)
    return Period(max(first, last - timedelta(days=LONGEST - 1)), last)


def presets(today: date) -> list[tuple[str, Period]]:
    """Periods that are asked for most."""
    this_month = today.replace(day=1)
    last_month = this_month - timedelta(days=1)
    return [
        ("This month", Period(this_month, today)),
        ("Last month", Period(last_month.replace(day=1), last_month)),
        ("90 days", Period(today - timedelta(days=89), today)),
        ("This year", Period(today.replace(month=1, day=1), today)),
    ]


def _read(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_MONEY: Final = (
    Column("Ordered", minor=True),
    Column("Paid"),
    Column("Taken", "money"),
    Column("Paid back", "money", minor=True),
    Column("Kept", "money"),
    Column("Average", "money", minor=True),
)


def by_day(session: Session, shop: Shop, asked: Period) -> Table:
    """A row for each day anything happened, the newest first."""
    known = totals.by_day(session, shop.id, asked.first, asked.last)
    rows = [(_day(day), *_figures(known[day])) for day in sorted(known, reverse=True)]
    return _table(Column("Day", "text"), rows, known.values())


def by_month(session: Session, shop: Shop, asked: Period) -> Table:
    """A row for each month anything happened, the newest first."""
    months: dict[date, list[Totals]] = {}
    for day, found in totals.by_day(session, shop.id, asked.first, asked.last).items():
        months.setdefault(day.replace(day=1), []).append(found)
    summed = {month: totals.together(found) for month, found in months.items()}
    rows = [
        (str(format_date(month, "MMMM y", locale=LOCALE)), *_figures(summed[month]))
        for month in sorted(summed, reverse=True)
    ]
    return _table(Column("Month", "text"), rows, summed.values())


def by_product(session: Session, shop: Shop, asked: Period) -> Table:
    """What was sold, most first; before discounts and delivery, which belong to whole orders."""
    sold = totals.top_products(session, shop.id, asked.first, asked.last, most=None)
    names = session.execute(select(Product.id, Product.names, Product.sku).where(Product.shop_id == shop.id))
    known = {row.id: (in_language(row.names, shop.language), row.sku) for row in names}
    rows = tuple(
        (*(plain(words) for words in known.get(one.product_id, ("", ""))), one.pieces, one.revenue)
        for one in sold
    )
    columns = (
        Column("Product", "text"),
        Column("SKU", "text", minor=True),
        Column("Pieces"),
        Column("Sold for", "money"),
    )
    return Table(columns, rows, ("", "", sum(one.pieces for one in sold), sum(one.revenue for one in sold)))


def by_method(session: Session, shop: Shop, asked: Period) -> Table:
    """What came in and went back by each way to pay."""
    found = totals.by_method(session, shop.id, asked.first, asked.last)
    rows = tuple(
        (
            METHOD_WORDS.get(one.method) or sentence(one.method),
            one.payments,
            one.revenue,
            one.refunded,
            one.revenue - one.refunded,
        )
        for one in found
    )
    columns = (
        Column("Way to pay", "text"),
        Column("Payments"),
        Column("Taken", "money"),
        Column("Paid back", "money", minor=True),
        Column("Kept", "money"),
    )
    return Table(columns, rows, ("", *(sum(int(row[place]) for row in rows) for place in range(1, 5))))


REPORTS: Final[Mapping[str, tuple[str, Callable[[Session, Shop, Period], Table]]]] = {
    "day": ("Days", by_day),
    "month": ("Months", by_month),
    "product": ("Products", by_product),
    "method": ("Methods", by_method),
}
"""Every report by its name in the address: what the switch calls it, and who makes it."""


def _table(first: Column, rows: Sequence[tuple[Any, ...]], every: Iterable[Totals]) -> Table:
    return Table((first, *_MONEY), tuple(rows), ("", *_figures(totals.together(every))))


def _figures(found: Totals) -> tuple[Any, ...]:
    return (
        found.orders_placed,
        found.orders_paid,
        found.revenue,
        found.refunded,
        found.takings,
        found.average,
    )


def _day(day: date) -> str:
    return str(format_date(day, "d MMM y", locale=LOCALE))


def csv_of(columns: Sequence[Column], rows: Iterable[Sequence[Any]], currency: str) -> bytes:
    """The table for a spreadsheet: amounts in whole units, and no text that would be taken for a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([f"{one.title} ({currency})" if one.kind == "money" else one.title for one in columns])
    for row in rows:
        writer.writerow([cell(value, one.kind, currency) for value, one in zip(row, columns, strict=True)])
    return (BYTE_ORDER + out.getvalue()).encode()


def cell(value: Any, kind: str, currency: str) -> str:
    """One cell; text that begins as formulas do is marked as text."""
    if value is None:
        return ""
    if kind == "money":
        return str(to_major(int(value), currency))
    if kind == "number":
        return str(int(value))
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text
