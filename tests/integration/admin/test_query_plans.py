"""No page and no route reads a big table from end to end: each statement is served by an index."""

import re

import pytest
from sqlalchemy import event, text

from admin import cursors
from tests.integration.admin.conftest import open_room
from tests.integration.admin.test_frame import send

# SQLite's planner tells what it would do without a million rows; the indexes are the same on both.
pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

SMALL = {
    "shops",
    "shop_credentials",
    "products",
    "categories",
    "promotions",
    "delivery_zones",
    "worker_heartbeats",
    "alembic_version",
}
"""Tables whose size does not grow with what is sold."""


@pytest.fixture
def database(busy_database):
    return busy_database


@pytest.fixture
def busy(database, now):
    return open_room(database, now)


def statements_of(database, act):
    seen = []

    def note(_connection, _cursor, statement, parameters, _context, _many):
        if re.match(r"\s*(SELECT|UPDATE|INSERT|DELETE)", statement):
            seen.append((statement, parameters))

    engines = (database.engine, database._readers)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    return seen


def scans(database, statement, parameters):
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    found = []
    for row in plan:
        table = re.match(r"SCAN (\w+)", row.detail)
        if table and table[1] not in SMALL and "CONSTANT ROW" not in row.detail:
            found.append(row.detail)
        if "TEMP B-TREE FOR ORDER BY" in row.detail and not re.search(
            r"FROM (shops|products|promotions|categories|delivery_zones|order_lines)", statement
        ):
            found.append(row.detail)
    return found


def next_of(room, path):
    return re.search(r'rel="next" href="([^"]+)"', room.get(path).text)[1]


ROUTES = [
    "/admin/",
    "/admin/live",
    "/admin/?days=90",
    "/admin/more",
    "/admin/orders",
    "/admin/orders?status=paid",
    "/admin/orders?q=coff",
    "/admin/orders?q=amina+premium+coff&status=paid",
    "/admin/orders?q=0722",
    "/admin/orders/board",
    "/admin/customers",
    "/admin/customers?q=ami",
    "/admin/customers?q=amina+wanj",
    "/admin/customers?q=0722",
    "/admin/customers/1",
    "/admin/customers/1/erase",
    "/admin/customers/1/block",
    "/admin/inbox",
    "/admin/inbox/live",
    "/admin/inbox/1",
    "/admin/inbox/1/live?since=MS4x",
    "/admin/reports",
    "/admin/reports?by=month&from=2025-01-01&to=2026-11-20",
    "/admin/reports?by=product",
    "/admin/reports?by=method",
    "/admin/reports.csv?by=day",
    "/admin/reports/reconciliation",
    "/admin/shops",
    "/admin/shops/new",
    "/admin/shops/main",
    "/admin/shops/main/settings",
    "/admin/shops/main/connection",
    "/admin/shops/main/owner",
    "/admin/shops/main/disconnect",
    "/admin/catalogue",
    "/admin/catalogue?q=coffee",
    "/admin/catalogue/1",
    "/admin/categories",
    "/admin/promotions",
    "/admin/delivery",
    "/admin/hours",
    "/admin/texts",
    "/admin/files",
    "/admin/files/products.csv",
    "/admin/files/catalogue.yaml",
    "/admin/orders/{ref}",
    "/admin/orders/{ref}/dispatch",
    "/admin/orders/{ref}/refund",
    "/admin/orders/{ref}/slip.pdf",
    "/admin/needs/unmatched/1/assign",
    "/admin/needs/unmatched/1/refunded",
    "/admin/needs/refund/1/paid",
    "/admin/needs/message/1/dismiss",
    "/admin/needs/receipt/1/send",
    "/admin/needs/message/1/resend",
    "/admin/needs/stock/1/restock",
    "/admin/needs/payment/1/ask",
    "/api/admin/stats",
    "/api/admin/orders/recent",
    "/api/admin/customers?limit=2",
    "/api/orders?limit=100",
    "/api/orders/{ref}",
    "/readyz",
]


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_scans_no_big_table(busy, database, path) -> None:
    with database.reading() as session:
        ref = session.scalar(text("SELECT ref FROM orders WHERE status = 'preparing'"))
    answers = []
    seen = statements_of(database, lambda: answers.append(busy.get(path.format(ref=ref))))
    assert answers[0].status_code in ({200, 503} if path == "/readyz" else {200, 303})
    assert seen
    for statement, parameters in seen:
        assert scans(database, statement, parameters) == [], statement


def test_further_pages_scan_no_big_table(busy, database, now) -> None:
    paths = [
        f"/api/orders?after={busy.get('/api/orders').json['nextCursor']}",
        f"/api/admin/customers?after={busy.get('/api/admin/customers?limit=3').json['nextCursor']}",
        next_of(busy, "/admin/orders"),
        f"/admin/inbox/1?before={cursors.of_pair(9, 9)}",
        f"/admin/inbox?after={cursors.of_moment(now(), 9)}",
        f"/admin/customers/1?after={cursors.of_id(9)}",
        f"/admin/customers?q=ami&after={cursors.of_id(9)}",
    ]
    for path in paths:
        for statement, parameters in statements_of(database, lambda path=path: busy.get(path)):
            assert scans(database, statement, parameters) == [], statement


def test_ordering_and_paying_scan_no_big_table(busy, database) -> None:
    def act():
        body = {"phoneNumber": "0722000111", "productId": "COFFEE-1KG", "quantity": 1}
        ref = busy.post("/api/orders", json=body, headers={"Idempotency-Key": "k"}).json["data"]["id"]
        assert busy.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"}).status_code == 202

    for statement, parameters in statements_of(database, act):
        if not statement.startswith("INSERT"):
            assert scans(database, statement, parameters) == [], statement


def test_the_lists_use_the_indexes_made_for_them(busy, database) -> None:
    plans = []
    for statement, parameters in statements_of(database, lambda: busy.get("/admin/")):
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [row.detail for row in rows]
    for index in ("ix_orders_newest", "ix_money_events_open", "ix_outbox_dead", "ix_payments_unclear"):
        assert any(index in plan for plan in plans), index


def test_answering_and_blocking_scan_no_big_table(busy, database) -> None:
    def act():
        assert send(busy, "/admin/inbox/1", words="Hello", key="k").status_code == 303
        assert send(busy, "/admin/inbox/1/take").status_code == 303
        assert send(busy, "/admin/customers/1/block").status_code == 303
        assert send(busy, "/admin/customers/1/unblock").status_code == 303

    for statement, parameters in statements_of(database, act):
        if not statement.startswith("INSERT"):
            assert scans(database, statement, parameters) == [], statement


def test_the_inbox_uses_the_indexes_made_for_it(busy, database) -> None:
    plans = []
    paths = ("/admin/inbox", "/admin/inbox/1", "/admin/customers?q=amina+wanj")
    for statement, parameters in statements_of(database, lambda: [busy.get(path) for path in paths]):
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans += [row.detail for row in rows]
    for index in (
        "ix_conversations_wanting",
        "ix_conversations_heard",
        "ix_inbox_history",
        "ix_outbox_history",
        "ix_customer_words_customer",
    ):
        assert any(index in plan for plan in plans), index
