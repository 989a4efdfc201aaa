"""Nothing that runs per message, per payment or per sweep reads a whole table.

Each piece of work is run once while its statements are recorded; every one of them is then
explained by the database itself, with sequential scans forbidden where it would prefer them on a
table as small as a test's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from admin import conversations, cursors, finding, queries
from bot import claims, committing, staff
from bot.flood import Patience
from catalog import stock_waits
from db import Database, inbox, outbox
from db.models import Promotion
from keeping import privacy
from orders import customers, promotions, ratings, reading, totals
from orders import service as orders
from payments import desk, service
from payments.gateways.base import PaymentUpdate, Started
from tests.shop import PHONE, WA_ID, customer, place, refs

SMALL = {"shops", "daily_totals", "worker_heartbeats", "categories", "promotions", "delivery_zones", "pauses"}
"""Tables that do not grow with customers, orders or messages."""


@contextmanager
def recorded(database: Database) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def remember(
        _c: object, _cur: object, statement: str, parameters: Any, _ctx: object, _many: bool
    ) -> None:
        if re.match(r"\s*(SELECT|UPDATE|INSERT|DELETE|WITH)", statement):
            seen.append((statement, parameters))

    engines = {database.engine, database._readers}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", remember)
    try:
        yield seen
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", remember)


def scans(database: Database, statement: str, parameters: Any) -> list[str]:
    """Tables that the statement reads from end to end; of many rows' parameters the first stand for all."""
    parameters = parameters[0] if isinstance(parameters, list) else parameters
    with database.engine.connect() as connection:
        if database.on_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            found = [
                match[1]
                for row in rows
                if (match := re.match(r"SCAN (?!CONSTANT|\d+ CONSTANT)(\w+)(?! USING)", row[3]))
            ]
        else:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
            found = [match[1] for row in rows if (match := re.search(r"Seq Scan on (\w+)", row[0]))]
        connection.rollback()
    return [table for table in found if table not in SMALL and not table.startswith("anon_")]


@pytest.fixture
def busy(database: Database, now: Any) -> Database:
    """A shop with an order being paid, events that wait and a message that was promised."""
    order = place(database, now(), [("BASKET", 1)])
    with database.writing() as session:
        limits = {"max_uses": 2, "max_per_customer": 1}
        session.add(Promotion(shop_id=1, titles={}, terms={}, kind="percent", value=10, **limits))
        payment = service.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(9))
        service.started(session, payment.id, Started("gh_1"))
        inbox.record(session, 1, "payments:main", [inbox.NewEvent("payment", "d1", b"{}", match_key="gh_1")])
        inbox.record_internal(session, 1, WA_ID, "OrderCreated", {"order_ref": order.ref}, unique="x")
        outbox.promise(session, 1, 1, [outbox.Promise("out:1", {"type": "text", "body": "Hi"})])
    return database


LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def order_ref(session: Session) -> str:
    return str(session.execute(text("SELECT ref FROM orders")).scalar_one())


WORK: dict[str, Callable[[Session], object]] = {
    "claim a customer": lambda s: claims.take(s, [2], Patience()),
    "claim an event": lambda s: inbox.claim(s, 1),
    "claim several customers": lambda s: claims.take(s, [2, 3], Patience()),
    "see who is still ours": lambda s: committing.still_ours(s, claims.take(s, [2], Patience()) * 2),
    "read what waits for a customer": lambda s: inbox.of_customer(s, 1, WA_ID),
    "read what waits for several": lambda s: inbox.of_customers(s, [(1, WA_ID), (1, "254733444555")]),
    "finish events": lambda s: inbox.finish(s, [1, 2]),
    "postpone events": lambda s: inbox.postpone(s, [1], 5),
    "wake parked events": lambda s: inbox.wake_matching(s, 1, "gh_1"),
    "ask whether payment news waits": lambda s: inbox.waits_for(s, 1, ["gh_1", "gh_2"]),
    "sweep the inbox": lambda s: inbox.overdue(s, 0),
    "hold messages": lambda s: inbox.hold(s, [1, 2], 1.5),
    "find held messages that are due": inbox.ripe,
    "measure the inbox": inbox.oldest_waiting,
    "count ids used twice": lambda s: inbox.reused_ids(s, 60),
    "record a repeat": lambda s: inbox.record(
        s, 1, "payments:main", [inbox.NewEvent("payment", "d1", b"{2}", own_id="o1")]
    ),
    "record events": lambda s: inbox.record(s, 1, "m", [inbox.NewEvent("message", "e9", b"{}", own_id="o9")]),
    "claim messages": lambda s: outbox.claim_heads(s, 100),
    "write outcomes": lambda s: outbox.record_outcomes(s, [outbox.Outcome(1, 0, "sent", "wamid.1")]),
    "note a delivery": lambda s: outbox.record_delivery(s, 1, "wamid.1", "read"),
    "find what did not arrive": lambda s: outbox.failed(s, 1, "wamid.1"),
    "list what did not arrive": lambda s: outbox.undelivered(s, 1),
    "send a message again": lambda s: outbox.send_again(
        s, outbox.Failed(1, 1, 1, "reply", {}, None, 1, None, overtaken=False)
    ),
    "leave somebody alone": lambda s: outbox.leave_alone(
        s, outbox.Failed(1, 1, 1, "reply", {}, None, 1, None, overtaken=False)
    ),
    "silence a shop": lambda s: outbox.silence(s, 1, "190", 60),
    "see whether somebody was answered": lambda s: outbox.promised_within(s, 1, 2),
    "wake held messages": lambda s: outbox.wake(s, [1, 2]),
    "measure the outbox": outbox.oldest_waiting,
    "reach a customer": lambda s: customers.reach(s, 1, "254700999888", phone=None),
    "know a customer": lambda s: customer(s, 1),
    "read an order": lambda s: reading.order(s, 1, order_ref(s)),
    "read a receipt": lambda s: reading.receipt(s, 1, order_ref(s)),
    "find orders to expire": orders.due_to_expire,
    "wait for a product": lambda s: stock_waits.wait(s, 1, 3, 1),
    "find what is back in stock": stock_waits.due,
    "tell who waits for a product": lambda s: stock_waits.tell(s, 1),
    "use a promotion": lambda s: promotions.use(s, orders.lock(s, 1), 1),
    "give a promotion back": lambda s: promotions.give_back(s, orders.lock(s, 1)),
    "expire an order": lambda s: orders.expire(s, 1),
    "find orders to remind of": orders.due_to_remind,
    "remind of an order": lambda s: orders.remind(s, 1),
    "read a customer's orders": lambda s: reading.of_customer(s, 1, 1),
    "add a line for the rider": lambda s: orders.add_to_delivery(s, 1, order_ref(s), 1, "gate C"),
    "look for silent handoffs": staff.is_anyone_silent,
    "end silent handoffs": staff.end_silent,
    "find customers to forget": privacy.due_to_erase,
    "look at a conversation": lambda s: staff.look_at(s, 1),
    "list who waits for a person": lambda s: conversations.waiting(s, 1),
    "list conversations": lambda s: conversations.others(s, 1),
    "list further conversations": lambda s: conversations.others(s, 1, cursors.of_moment(LONG_AGO, 1)),
    "read a conversation": lambda s: conversations.thread(s, customer(s, 1)),
    "read the rest of a conversation": lambda s: conversations.thread(
        s, customer(s, 1), before=cursors.of_pair(9, 9)
    ),
    "find customers by their beginnings": lambda s: finding.customers(s, 1, "ami 0722"),
    "let a customer be found": lambda s: customers.make_findable(s, 1),
    "list a customer's orders": lambda s: queries.orders_of(s, 1),
    "rate an order": lambda s: ratings.comment(s, 1, order_ref(s), 1, "quick"),
    "cancel an order": lambda s: orders.cancel(s, 1, order_ref(s)),
    "find payments to ask about": desk.due,
    "request a payment from another phone": lambda s: service._check_prompts(
        s, orders.lock(s, 1), "+254722000111"
    ),
    "book a payment": lambda s: service.apply(s, 1, PaymentUpdate("succeeded", "gh_1", transaction_ref="T1")),
    "read the totals": lambda s: totals.between(s, 1),
}


@pytest.mark.parametrize("work", WORK)
def test_no_table_is_read_from_end_to_end(busy: Database, work: str) -> None:
    with recorded(busy) as statements, busy.writing() as session:
        WORK[work](session)
    assert statements
    found = {
        f"{table}: {statement}"
        for statement, parameters in statements
        if statement != "SELECT ref FROM orders"
        for table in scans(busy, statement, parameters)
    }
    assert found == set()
