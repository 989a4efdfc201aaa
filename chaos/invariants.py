"""What must hold once the dust has settled, asked of the tables and of the stand-in Ghala."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Engine, text

from chaos.load import Load

STOCK: Final = {"BEANS": 1_000_000, "BASKET": 60}
FEW: Final = 3


def unfinished(engine: Engine) -> int:
    """How much still waits in inbox and outbox."""
    with engine.connect() as connection:
        return sum(
            int(connection.scalar(text(f"SELECT count(*) FROM {table} WHERE status = 'waiting'")) or 0)  # noqa: S608
            for table in ("inbox_events", "outbox_messages")
        )


def violations(engine: Engine, load: Load) -> list[str]:
    """One sentence per broken promise."""
    with engine.connect() as connection:

        def rows(statement: str) -> list[Any]:
            return list(connection.execute(text(statement)))

        return [
            *_inbox(rows, load),
            *_order(rows, load),
            *_silent(rows, load),
            *_money(rows, load),
            *_stock(rows),
        ]


def _few(what: str, found: list[Any]) -> Iterator[str]:
    if found:
        yield f"{what}: {len(found)}, as {', '.join(str(item) for item in found[:FEW])}"


def _inbox(rows: Any, load: Load) -> Iterator[str]:
    acked = {exchange.id for exchange in load.ledger.exchanges if exchange.acked}
    stored = {
        row.own_id: row.status
        for row in rows("SELECT own_id, status FROM inbox_events WHERE kind = 'message'")
    }
    yield from _few("acknowledged but not stored", sorted(acked - stored.keys()))
    yield from _few("acknowledged but not done", [i for i in acked if stored.get(i, "done") != "done"])
    yield from _few(
        "events not done",
        [
            f"{row.kind} {row.status} {row.error}"
            for row in rows(
                "SELECT kind, status, error FROM inbox_events WHERE status NOT IN ('done', 'ignored')"
            )
        ],
    )
    yield from _few(
        "messages not sent",
        [
            f"{r.status} {r.error}"
            for r in rows("SELECT status, error FROM outbox_messages WHERE status <> 'sent'")
        ],
    )


def _order(rows: Any, load: Load) -> Iterator[str]:
    """Each customer was read in the order in which they wrote, and shown what was said in the order of saying it."""
    overtaken = rows(
        "SELECT customer_key FROM (SELECT customer_key, done_at,"
        " lag(done_at) OVER (PARTITION BY customer_key ORDER BY id) AS before"
        " FROM inbox_events WHERE kind = 'message') AS message WHERE done_at < before"
    )
    yield from _few("messages of a customer done out of order", [row.customer_key for row in overtaken])
    said: dict[str, list[str]] = defaultdict(list)
    for row in rows(
        "SELECT c.identity, m.provider_id FROM outbox_messages m JOIN customers c ON c.id = m.customer_id"
        " WHERE m.status = 'sent' ORDER BY m.id"
    ):
        said[row.identity].append(row.provider_id)
    yield from _few(
        "customers shown messages out of order",
        [
            number
            for number, ids in said.items()
            if ids != [shown.id for shown in load.ghala.phones[number].shown]
        ],
    )


def _silent(rows: Any, load: Load) -> Iterator[str]:
    yield from _few("stuck", load.ledger.stuck)
    yield from _few("gave up paying", ["customers"] * load.ledger.ends["could not pay"])
    unanswered = [e.id for e in load.ledger.exchanges if e.acked and not e.answered]
    yield from _few("acknowledged but not answered", unanswered)
    yield from _few("one key, two bodies", load.ghala.conflicts)
    apologies = [
        number
        for number, phone in load.ghala.phones.items()
        for shown in phone.shown
        if "went wrong on our side" in shown.text
    ]
    yield from _few("customers who got an apology", apologies)
    sent = rows("SELECT count(*) AS n FROM outbox_messages WHERE status = 'sent'")[0].n
    if sent != load.ghala.sends:
        yield f"the shop sent {sent} messages, phones show {load.ghala.sends}"


def _money(rows: Any, load: Load) -> Iterator[str]:
    paid_there = {c.reference: c for c in load.ghala.charges.values() if c.status == "success"}
    booked = rows("SELECT transaction_ref, amount FROM money_events WHERE kind = 'payment'")
    counted = Counter(row.transaction_ref for row in booked)
    yield from _few("money counted twice", [ref for ref, times in counted.items() if times > 1])
    yield from _few("paid at Ghala but not booked", sorted(paid_there.keys() - counted.keys()))
    yield from _few("booked but never paid", sorted(counted.keys() - paid_there.keys()))
    wrong = [r.transaction_ref for r in booked if paid_there.get(r.transaction_ref) and
             paid_there[r.transaction_ref].amount * 100 != r.amount]  # fmt: skip
    yield from _few("booked with another amount", wrong)
    yield from _few(
        "money for a person to look at",
        [
            f"{row.kind} {row.reason}"
            for row in rows("SELECT kind, reason FROM money_events WHERE kind IN ('unmatched', 'refund_due')")
        ],
    )
    paid_orders = {row.ref for row in rows("SELECT ref FROM orders WHERE payment_status = 'paid'")}
    if len(paid_orders) != len(booked):
        yield f"{len(paid_orders)} orders are paid by {len(booked)} payments"
    receipts: Counter[str] = Counter()
    for phone in load.ghala.phones.values():
        for shown in phone.shown:
            if "RECEIPT" in shown.text:
                receipts.update(word for word in shown.text.split() if word.startswith("ORD-"))
    yield from _few("paid without a receipt", sorted(paid_orders - receipts.keys()))
    yield from _few("receipts of unpaid orders", sorted(receipts.keys() - paid_orders))
    yield from _few("more than one receipt", [ref for ref, times in receipts.items() if times > 1])
    prompts = Counter(charge.external_id for charge in load.ghala.charges.values())
    yield from _few("prompted twice for one payment", [ref for ref, times in prompts.items() if times > 1])
    payments = rows("SELECT count(*) AS n FROM payments WHERE status = 'succeeded'")[0].n
    if payments != len(booked):
        yield f"{payments} payments succeeded, {len(booked)} are booked"


def _stock(rows: Any) -> Iterator[str]:
    held = Counter[str]()
    sold = Counter[str]()
    for row in rows(
        "SELECT p.sku, r.status, sum(r.quantity) AS n FROM stock_reservations r"
        " JOIN products p ON p.id = r.product_id GROUP BY p.sku, r.status"
    ):
        (held if row.status == "held" else sold if row.status == "sold" else Counter[str]())[row.sku] += int(
            row.n
        )
    for row in rows("SELECT sku, available, reserved, sold FROM products"):
        if row.available < 0 or row.available + row.reserved + row.sold != STOCK[row.sku]:
            yield f"stock of {row.sku}: {row.available} + {row.reserved} + {row.sold} is not {STOCK[row.sku]}"
        if row.reserved != held[row.sku] or row.sold != sold[row.sku]:
            yield f"stock of {row.sku}: {row.reserved} held and {row.sold} sold, orders say {held[row.sku]}, {sold[row.sku]}"
    paid = {
        row.sku: int(row.n)
        for row in rows(
            "SELECT l.sku, sum(l.quantity) AS n FROM order_lines l JOIN orders o ON o.id = l.order_id"
            " WHERE o.payment_status = 'paid' GROUP BY l.sku"
        )
    }
    for sku in STOCK:
        if sold[sku] != paid.get(sku, 0):
            yield f"stock of {sku}: {sold[sku]} sold, paid orders have {paid.get(sku, 0)}"
