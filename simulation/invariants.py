"""What must be true, whatever happened. Each finding begins with the invariant's name.

What concerns single changes is watched by triggers (``simulation.machinery``); here are the
books of the shop compared with the books of the world outside.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import select, text

from bot import conversation as conversations
from bot.conversation import Conversation
from bot.effects import PlaceOrder, RequestPayment
from bot.events import MessageReceived
from bot.flow import decide
from catalog import shops
from db import Database
from db.models import Shop
from ghala.inbound import InboundMessage, Tap, TextContent
from payments import gateways
from simulation.people import template, words
from simulation.world import START

if TYPE_CHECKING:
    from simulation.machinery import SimDatabase
    from simulation.shop import Simulation

MOST_SHOWN: Final = 3
PATIENCE: Final = 120.0
CHANGED_OUTSIDE: Final = frozenset({"phone", "stopped", "handed_off", "state", "misses"})
"""What of a conversation is read from its customer or changes when a person takes over or gives back."""
RANK: Final = {"none": 0, "sent": 1, "failed": 1, "delivered": 2, "read": 3}
PAID: Final = "('paid', 'preparing', 'dispatched', 'delivered')"
"""Paid and not cancelled since; that it was ever paid is what ``paid_at`` says."""


def rows(database: Database, query: str) -> list[Any]:
    """All rows of a query."""
    with database.reading() as session:
        return list(session.execute(text(query)))


@dataclass(frozen=True, slots=True)
class Due:
    """Seconds until the tables say that something is to be done, below zero when it is late; ``None`` for never."""

    inbox: float | None
    outbox: float | None
    payments: float | None
    orders: float | None
    news: float | None
    """Of a product that somebody waits for and that is there again."""

    @property
    def soonest(self) -> float | None:
        """The least of them."""
        known = [
            due for due in (self.inbox, self.outbox, self.payments, self.orders, self.news) if due is not None
        ]
        return min(known) if known else None


_DUE: Final = """
  SELECT (julianday((SELECT min(next_at) FROM inbox_events WHERE status = 'waiting')) - julianday(duka_clock(0))) * 86400,
  (julianday((SELECT min(next_at) FROM outbox_messages AS o WHERE status = 'waiting' AND error <> 'window closed'
    AND NOT EXISTS (SELECT 1 FROM outbox_messages AS e
                    WHERE e.customer_id = o.customer_id AND e.status = 'waiting' AND e.id < o.id)))
   - julianday(duka_clock(0))) * 86400,
  (julianday((SELECT min(next_ask_at) FROM payments WHERE next_ask_at IS NOT NULL)) - julianday(duka_clock(0))) * 86400,
  (julianday(min(coalesce((SELECT min(strftime('%Y-%m-%d %H:%M:%f', hold_until, '-10 minutes')) FROM orders
    WHERE status = 'pending_payment' AND reminded_at IS NULL AND hold_until > duka_clock(590)), '9999-01-01'),
  (SELECT min(CASE WHEN EXISTS (SELECT 1 FROM payments AS p WHERE p.order_id = orders.id
                              AND p.status IN ('created', 'pending', 'unknown', 'needs_review'))
              THEN strftime('%Y-%m-%d %H:%M:%f', placed_at, '+1 day') ELSE hold_until END)
    FROM orders WHERE status = 'pending_payment'))) - julianday(duka_clock(0))) * 86400,
  (SELECT 0.0 WHERE EXISTS (SELECT 1 FROM products WHERE waited_at <= duka_clock(0) AND active AND coalesce(available, 1) > 0))
"""


def due(database: SimDatabase) -> Due:
    """When what is to be done. What waits for a customer to write does not count."""
    row = database.ask(_DUE)
    assert row is not None  # noqa: S101 - it asks for values, not for rows
    return Due(*row)


def unrest(sim: Simulation) -> str:
    """What still waits, for whoever must find out why."""
    found = []
    for what, query in (
        (
            "inbox",
            "SELECT kind, status, attempts, error, next_at FROM inbox_events WHERE status = 'waiting' LIMIT 3",
        ),
        (
            "outbox",
            "SELECT kind, status, attempts, error, next_at FROM outbox_messages WHERE status = 'waiting' LIMIT 3",
        ),
        (
            "payments",
            "SELECT ref, status, asks, reason, next_ask_at FROM payments WHERE next_ask_at IS NOT NULL LIMIT 3",
        ),
        ("orders", "SELECT ref, status, hold_until FROM orders WHERE status = 'pending_payment' LIMIT 3"),
    ):
        found += [f"{what}: {tuple(row)}" for row in rows(sim.database, query)]
    return "; ".join(found)


def parked(database: Database) -> set[str]:
    """Customers to whom something will be said when they write."""
    query = (
        "SELECT DISTINCT c.identity FROM outbox_messages AS o JOIN customers AS c ON c.id = o.customer_id"
        " WHERE o.status = 'waiting'"
    )
    return {row[0] for row in rows(database, query)}


def after_the_drain(sim: Simulation) -> list[str]:
    """Every invariant, with the faults over and nothing left to do."""
    return [*_limited(sim, _all(sim)), *_limited(sim, _can_buy(sim))]


def after_the_probe(sim: Simulation) -> list[str]:
    """The same again, and nothing waits any more at all."""
    return [
        *_limited(sim, _all(sim)),
        *_limited(sim, _outbox_empty(sim)),
        *_limited(sim, _answers_in_time(sim)),
        *_limited(sim, _bought(sim)),
    ]


def _limited(sim: Simulation, found: Iterator[str]) -> Iterator[str]:
    """The first few of each invariant."""
    counts: Counter[str] = Counter()
    for line in found:
        name = line.split()[0]
        counts[name] += 1
        if counts[name] <= MOST_SHOWN:
            sim.world.log("violation", line)
            yield line


def _all(sim: Simulation) -> Iterator[str]:
    seen = sim.database.wrong()
    if seen is not None:
        yield ": ".join(seen)
    yield from sim.outside.violations
    yield from _stored(sim)
    yield from _inbox_done(sim)
    yield from _money(sim)
    yield from _given_back(sim)
    yield from _receipts(sim)
    yield from _stock(sim)
    yield from _answered(sim)
    yield from _back_in_stock(sim)
    _count_forgotten(sim)
    yield from _prompts(sim)
    yield from _in_order(sim)
    yield from _effects_once(sim)
    yield from _goes_on(sim)
    yield from _totals(sim)
    yield from _statuses(sim)
    yield from (f"I15 a log line says too much: {line}" for line in sim.logs.told)


def _list_of_message_ids(sim: Simulation) -> list[str]:
    """WhatsApp's ids of all stored messages, from the messages as they came."""
    query = """SELECT c.raw FROM sim_came AS c JOIN inbox_events AS i ON i.id = c.event_id
               WHERE c.kind = 'message' AND i.status <> 'ignored'"""
    return [orjson.loads(raw)["message"].get("id", "") for (raw,) in rows(sim.database, query)]


def _message_ids(sim: Simulation) -> set[str]:
    return set(_list_of_message_ids(sim))


def _stored(sim: Simulation) -> Iterator[str]:
    stored = _message_ids(sim) | {
        row[0] for row in rows(sim.database, "SELECT own_id FROM inbox_events WHERE own_id IS NOT NULL")
    }
    for name in sim.outside.accepted:
        if name not in stored:
            yield f"I1 a message was taken and is not stored: {name}"


def _inbox_done(sim: Simulation) -> Iterator[str]:
    query = "SELECT id, kind, attempts, error FROM inbox_events WHERE status = 'waiting'"
    for row in rows(sim.database, query):
        yield f"I2 an inbox event still waits: {tuple(row)}"
    query = "SELECT id, kind, attempts, error FROM inbox_events WHERE status = 'dead' AND kind <> 'message'"
    for row in rows(sim.database, query):
        yield f"I2 an event about money or orders was given up: {tuple(row)}"
    query = "SELECT id, kind, status, attempts, error FROM outbox_messages WHERE status = 'waiting' AND error <> 'window closed' AND NOT EXISTS (SELECT 1 FROM outbox_messages AS e WHERE e.customer_id = outbox_messages.customer_id AND e.id < outbox_messages.id AND e.status = 'waiting')"
    for row in rows(sim.database, query):
        yield f"I3 an outbox message still waits: {tuple(row)}"
    query = "SELECT id, kind, error FROM outbox_messages WHERE status = 'dead' AND kind <> 'reply'"
    for row in rows(sim.database, query):
        yield f"I3 a receipt or news was given up: {tuple(row)}"


def _bought(sim: Simulation) -> Iterator[str]:
    """I10: who went through a whole purchase after all was quiet has paid an order."""
    query = """SELECT c.identity FROM orders AS o JOIN customers AS c ON c.id = o.customer_id
               WHERE o.paid_at >= :since"""
    with sim.database.reading() as session:
        paid = set(session.scalars(text(query).bindparams(since=f"{sim.probed_at:%Y-%m-%d %H:%M:%S.%f}")))
    for number in sim.buyers:
        if number not in paid:
            yield f"I10 customer {sim.people_by_number[number].last} tried to buy after all was quiet and could not"
        else:
            sim.world.faults.reached("bought after all was quiet")


def _given_back(sim: Simulation) -> Iterator[str]:
    """I34: what a person says once is done once; what was acknowledged is in the books."""
    booked = Counter(
        row[0] for row in rows(sim.database, "SELECT transaction_ref FROM money_events WHERE kind = 'refund'")
    )
    for reference, count in booked.items():
        if count > 1:
            yield f"I34 money went back {count} times: {reference}"
    for reference in sim.staff.given_back:
        sim.world.faults.reached("money given back by hand")
        if reference not in booked:
            yield f"I34 money went back and is in no book: {reference}"
    query = """SELECT p.ref FROM payments AS p JOIN money_events AS m ON m.payment_id = p.id AND m.kind = 'refund'
               GROUP BY p.id HAVING sum(m.amount) > (SELECT sum(g.amount) FROM money_events AS g
                 WHERE g.payment_id = p.id AND g.kind IN ('payment', 'refund_due'))"""
    for row in rows(sim.database, query):
        yield f"I34 more went back than was paid: {row[0]}"
    for what, query in (
        ("a paid order was cancelled", "status = 'cancelled' AND paid_at IS NOT NULL"),
        ("an order was delivered", "status = 'delivered'"),
    ):
        found = rows(sim.database, f"SELECT count(*) FROM orders WHERE {query}")
        sim.world.faults.states[what] += found[0][0]
    sim.world.faults.states["a rating"] += rows(sim.database, "SELECT count(*) FROM ratings")[0][0]


def _outbox_empty(sim: Simulation) -> Iterator[str]:
    query = "SELECT id, kind, attempts, error FROM outbox_messages WHERE status = 'waiting'"
    for row in rows(sim.database, query):
        yield f"I3 an outbox message waits though its customer wrote: {tuple(row)}"


def _money(sim: Simulation) -> Iterator[str]:
    """I4 and I5: what M-Pesa took is booked, due back or shown to the owner, each once."""
    booked: dict[str, list[Any]] = defaultdict(list)
    query = """SELECT m.kind, m.transaction_ref, m.amount, m.currency, m.reason, p.gateway_ref, p.ref, m.order_id, i.match_key
               FROM money_events AS m LEFT JOIN payments AS p ON p.id = m.payment_id
               LEFT JOIN inbox_events AS i ON i.id = m.inbox_event_id WHERE m.kind <> 'refund' ORDER BY m.id"""
    events = rows(sim.database, query)
    for event in events:
        booked[event[1] or f"order:{event[8] or event[5] or event[6]}"].append(event)
    expected: Counter[str] = Counter()
    named = {
        (receipt.order_id, receipt.amount, receipt.currency)
        for receipt in sim.outside.receipts
        if receipt.reference in booked
    }
    settled = {order_id for order_id, _, _ in named}
    for receipt in sim.outside.receipts:
        names = {receipt.reference} if receipt.reference else set()
        if receipt.first or not receipt.reference:
            names |= {f"order:{receipt.order_id}"}
        if receipt.first:
            names |= {f"order:{receipt.external_id}"}
        found = [event for name in sorted(names) for event in booked.get(name, ())]
        expected.update(names)
        alone = len(sim.outside.orders_by_ref.get(receipt.external_id, ())) <= 1
        if not found:
            if not receipt.reference and (receipt.order_id, receipt.amount, receipt.currency) in named:
                # Told of a payment without its reference and later of the same amount with one, nobody can know
                # that it was another payment: news without a reference are mostly completed like that.
                sim.world.faults.reached("a payment without a reference, taken for a later one")
            elif not receipt.told and receipt.order_id in settled:
                # Nobody told of this payment, and by another of the same order the shop knew it as paid: who is
                # paid asks no more, so nobody can know that there were two.
                sim.world.faults.reached("paid twice, and told of one of them only")
            elif receipt.told or (receipt.first and alone and not receipt.foreign):
                yield f"I4 money came and is in no book: {receipt}"
            else:
                sim.world.faults.reached("money nobody told us about")
        elif sum(event[0] in {"payment", "refund_due"} for event in found) > 1:
            yield f"I4 money was booked twice: {receipt} as {[tuple(event) for event in found]}"
        elif len(found) > 1:
            yield f"I4 money is shown twice: {receipt} as {[tuple(event) for event in found]}"
        elif found[0][0] in {"payment", "refund_due"} and (found[0][2], found[0][3]) != (
            receipt.amount,
            receipt.currency,
        ):
            yield f"I18 booked as another amount: {receipt} as {tuple(found[0])}"
    for name, entries in booked.items():
        if name not in expected:
            yield f"I4 money is in the books that never came: {[tuple(entry) for entry in entries]}"
    kinds = Counter((event[0], event[4]) for event in events)
    for (kind, reason), count in kinds.items():
        sim.world.faults.states[f"money: {kind} {reason}".strip()] += count
    query = """SELECT o.ref, o.status, o.total, sum(m.amount), count(m.id) FROM orders AS o
                LEFT JOIN money_events AS m ON m.order_id = o.id AND m.kind = 'payment' GROUP BY o.id
                HAVING (o.paid_at IS NOT NULL) <> (count(m.id) = 1) OR count(m.id) = 1 AND o.total <> sum(m.amount)"""
    for row in rows(sim.database, query):
        yield f"I5 paid money and paid orders differ: {tuple(row)}"
    query = f"""SELECT o.ref, o.status, o.total, sum(r.amount) FROM orders AS o
                LEFT JOIN refunds AS r ON r.order_id = o.id AND r.money_event_id IS NULL AND r.status <> 'failed'
                WHERE o.paid_at IS NOT NULL AND o.status NOT IN {PAID} GROUP BY o.id
                HAVING o.total <> coalesce(sum(r.amount), 0)"""
    for row in rows(sim.database, query):
        yield f"I5 a paid order was cancelled, and its money is not what is due back: {tuple(row)}"
    query = "SELECT order_id, count(*) FROM payments WHERE status = 'succeeded' GROUP BY order_id HAVING count(*) > 1"
    for row in rows(sim.database, query):
        sim.world.faults.reached("an order paid by two payments")
        due = rows(
            sim.database,
            f"SELECT count(*) FROM money_events WHERE kind = 'refund_due' AND order_id = {row[0]}",
        )
        if due[0][0] < row[1] - 1:
            yield f"I11 an order has {row[1]} paid payments and no refund due: {row[0]}"


def _receipts(sim: Simulation) -> Iterator[str]:
    """I6 and I7: one receipt for every paid order and for no other, and it reached the phone."""
    shown: Counter[str] = Counter(item.key.removesuffix(":template") for item in sim.outside.shown)
    paid = {row[0] for row in rows(sim.database, "SELECT ref FROM orders WHERE paid_at IS NOT NULL")}
    promised: dict[str, list[Any]] = defaultdict(list)
    query = """SELECT o.unique_key, o.key, o.status, o.id, o.message, c.identity, o.delivery FROM outbox_messages AS o
               JOIN customers AS c ON c.id = o.customer_id WHERE o.kind = 'receipt'"""
    for row in rows(sim.database, query):
        ref = (row[0] or "").removeprefix("receipt:")
        promised[ref].append(row)
        if ref not in paid:
            yield f"I7 a receipt without payment: {row[0]}"
    keys = {row[0].removesuffix(":template") for row in rows(sim.database, "SELECT key FROM outbox_messages")}
    for item in sim.outside.shown:
        if item.key.removesuffix(":template") not in keys:
            yield f"I6 a message reached a phone under a key that was never promised: {item.key}"
            break
    for ref in sorted(paid):
        receipts = promised.get(ref, [])
        if len(receipts) != 1:
            yield f"I6 a paid order has {len(receipts)} receipts: {ref}"
            continue
        times = shown[receipts[0][1].removesuffix(":template")]
        templates = receipts[0][1].endswith(":template")
        if times == 0 or receipts[0][2] != "sent":
            yield f"I6 a receipt never reached its customer: {ref} {tuple(receipts[0][:4])}"
        elif times > 1 + templates and sim.outside.sends_once:
            yield f"I6 a receipt came {times} times: {ref}"
        elif times > 1:
            sim.world.faults.reached("receipt repeated where Ghala ignores keys")
    duplicates = Counter(
        item.key
        for item in sim.outside.shown
        if "RECEIPT" in words(item.message) or template(item) == "order_receipt"
    )
    if sim.outside.sends_once:
        for key, count in duplicates.items():
            if count > 1:
                yield f"I6 one message was shown {count} times: {key}"


def _stock(sim: Simulation) -> Iterator[str]:
    """I8: what is sold and reserved is what orders hold."""
    query = f"""
    SELECT p.sku, p.available, p.reserved, p.sold,
      (SELECT coalesce(sum(l.quantity), 0) FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id
       WHERE l.product_id = p.id AND o.status IN {PAID}),
      (SELECT coalesce(sum(l.quantity), 0) FROM order_lines AS l JOIN orders AS o ON o.id = l.order_id
       WHERE l.product_id = p.id AND o.status = 'pending_payment')
    FROM products AS p WHERE p.available IS NOT NULL"""
    for sku, available, reserved, sold, lines_sold, lines_held in rows(sim.database, query):
        if available < 0 or sold != lines_sold or reserved != lines_held:
            yield f"I8 stock of {sku}: {available=} {reserved=} {sold=} orders: {lines_sold=} {lines_held=}"
        if available == 0:
            sim.world.faults.reached("sold out")


def _answered(sim: Simulation) -> Iterator[str]:
    """I9: every message was followed by something said, unless a person has taken over."""
    query = """
    SELECT d.event_id, c.id, v.data FROM sim_done AS d
    JOIN customers AS c ON c.identity = d.customer_key JOIN conversations AS v ON v.customer_id = c.id
    WHERE d.kind = 'message' AND NOT EXISTS
      (SELECT 1 FROM sim_said AS s WHERE s.customer_id = c.id AND s.txn >= d.txn)"""
    for event_id, customer_id, _ in rows(sim.database, query):
        conversation = _conversation(sim, customer_id)
        if conversation.handed_off:
            sim.world.faults.reached("a person answers")
        else:
            yield f"I9 a message was never answered: inbox event {event_id} in {conversation.state}"
    # Replies that were given up are no answers.
    dead = rows(sim.database, "SELECT id, error FROM outbox_messages WHERE status = 'dead'")
    for row in dead:
        if "refused" not in row[1]:
            sim.world.faults.reached("reply given up after twelve tries")


def _back_in_stock(sim: Simulation) -> Iterator[str]:
    """I17: who asked to hear that a product is there again hears it once, or waits on; nobody waits for what is there."""
    reached = sim.world.faults.reached
    query = """SELECT w.customer_id, w.product_id FROM stock_waits AS w JOIN products AS p ON p.id = w.product_id
               JOIN customers AS c ON c.id = w.customer_id
               WHERE p.active AND coalesce(p.available, 1) > 0 AND c.stopped_at IS NULL AND c.blocked_at IS NULL"""
    for row in rows(sim.database, query):
        yield f"I17 a customer waits for a product that is there: {tuple(row)}"
    query = """SELECT w.customer_id, w.product_id FROM sim_waits AS w WHERE w.gone AND w.listens AND 1 <>
               (SELECT count(*) FROM sim_back AS b
                WHERE b.customer_id = w.customer_id AND b.product_id = w.product_id AND b.txn = w.txn)"""
    for row in rows(sim.database, query):
        yield f"I17 a customer waits no longer and is not told once: {tuple(row)}"
    query = """
    SELECT b.customer_id, d.txn, count(*),
      (SELECT count(*) FROM sim_said AS s WHERE s.customer_id = b.customer_id AND s.txn = d.txn AND s.back),
      (SELECT sum(1 - 2 * w.gone) FROM sim_waits AS w
       WHERE w.customer_id = b.customer_id AND w.product_id = b.product_id AND w.txn <= d.txn),
      (SELECT m.data FROM sim_moved AS m WHERE m.customer_id = b.customer_id AND m.txn <= d.txn ORDER BY m.seq DESC LIMIT 1)
    FROM sim_back AS b JOIN sim_done AS d ON d.event_id = b.event_id AND d.status = 'done'
    GROUP BY b.customer_id, d.txn"""
    for customer_id, _, events, said, waits_on, data in rows(sim.database, query):
        silent = bool(orjson.loads(data).get("stopped"))
        if said + (waits_on or 0) != events and not silent:
            yield f"I17 customer {customer_id} was told {said} times of {events}, and waits on: {waits_on}"
        reached("back, and sold out again" if waits_on else "told that it is back")
    shown = Counter(item.key.removesuffix(":template") for item in sim.outside.shown)
    query = """SELECT o.id, o.key, o.status FROM outbox_messages AS o JOIN sim_said AS s ON s.outbox_id = o.id
               WHERE s.back AND o.status = 'sent'"""
    for row_id, key, _ in rows(sim.database, query):
        times = shown[key.removesuffix(":template")]
        if times == 0 or (times > 1 and sim.outside.sends_once and not key.endswith(":template")):
            yield f"I17 news of a product reached its customer {times} times: {row_id}"


def _count_forgotten(sim: Simulation) -> None:
    for what, query in (
        ("words of a customer taken by retention", "inbox_events WHERE kind = 'message' AND raw = x'7b7d'"),
        ("a payment webhook taken by retention", "inbox_events WHERE kind = 'payment' AND raw = x'7b7d'"),
        ("our words taken by retention", "outbox_messages WHERE message LIKE '%no longer kept%'"),
        (
            "spared by retention: unmatched money",
            """inbox_events AS i JOIN money_events AS m ON m.inbox_event_id = i.id
            WHERE m.settled_at IS NULL AND m.kind IN ('unmatched', 'refund_due') AND i.raw <> x'7b7d'""",
        ),
    ):
        if found := rows(sim.database, f"SELECT count(*) FROM {query}")[0][0]:
            sim.world.faults.states[what] += found


def _conversation(sim: Simulation, customer_id: int) -> Conversation:
    found = rows(sim.database, f"SELECT data FROM conversations WHERE customer_id = {customer_id}")
    data = orjson.loads(found[0][0])
    return conversations.load(data) if data else Conversation()


def _can_buy(sim: Simulation) -> Iterator[str]:
    """I10: every conversation, as it was left, leads to an order within a few words."""
    with sim.database.reading() as session:
        shop = shops.snapshot(session, 1, sim.world.now(), offered=gateways.offered)
    for customer_id, raw in rows(sim.database, "SELECT customer_id, data FROM conversations"):
        data = orjson.loads(raw)
        conversation = conversations.load(data) if data else Conversation(language="en")
        placed = False
        order = ("checkout", f"pickup:{conversation.cart_version}")
        # Twice, since a cart that is no longer what it was is shown again first.
        for said in ("menu", "2 coffee", *order, *order):
            content = Tap(said, "") if ":" in said else TextContent(said)
            message = InboundMessage("probe", "254700000000", "+254700000000", None, None, content)
            step = decide(conversation, MessageReceived(message), shop)
            conversation = step.conversation
            if any(isinstance(effect, PlaceOrder) for effect in step.effects):
                placed = True
                break
            if any(isinstance(effect, RequestPayment) for effect in step.effects):
                break
        if not placed:
            yield f"I10 customer {customer_id} cannot buy any more, stands in {conversation.state}: {raw[:300]}"


def _prompts(sim: Simulation) -> Iterator[str]:
    """I12: one charge over there for each payment here."""
    known = {row[0]: row for row in rows(sim.database, "SELECT ref, key, status, gateway_ref FROM payments")}
    for ref, orders in sim.outside.orders_by_ref.items():
        if ref not in known:
            yield f"I12 charged without a payment: {ref}"
        elif len(orders) > 1 and sim.outside.charges_once:
            yield f"I12 charged {len(orders)} times: {ref}"
        elif any(order.key != known[ref][1] for order in orders):
            yield f"I12 charged under another key: {ref}"
    for ref, _, status, gateway_ref in known.values():
        if gateway_ref is not None and gateway_ref not in sim.outside.orders:
            yield f"I12 a payment is {status} under an order that is not over there: {ref} {gateway_ref}"
    query = "SELECT order_id, count(*) FROM payments WHERE status IN ('created', 'pending', 'unknown', 'needs_review') GROUP BY order_id HAVING count(*) > 1"
    for row in rows(sim.database, query):
        yield f"I12 two open payments for one order: {tuple(row)}"


def _in_order(sim: Simulation) -> Iterator[str]:
    """I13: what a customer wrote is worked on in the order in which it was taken."""
    latest: dict[str, tuple[int, int]] = {}
    query = "SELECT customer_key, event_id, txn FROM sim_done WHERE kind = 'message' AND status = 'done' ORDER BY txn, event_id"
    for key, event_id, txn in rows(sim.database, query):
        before = latest.get(key)
        if before is not None and event_id < before[0]:
            yield f"I13 message {event_id} was worked on after {before[0]}"
        latest[key] = (max(event_id, before[0]) if before else event_id, txn)


def _effects_once(sim: Simulation) -> Iterator[str]:
    """I14: every move of a conversation and everything said comes from events finished in that transaction."""
    query = """SELECT m.customer_id, m.txn FROM sim_moved AS m WHERE NOT EXISTS
               (SELECT 1 FROM sim_done AS d WHERE d.txn = m.txn)"""
    for row in rows(sim.database, query):
        yield f"I14 a conversation moved without an event: {tuple(row)}"
    query = """SELECT s.customer_id, s.outbox_id FROM sim_said AS s WHERE NOT EXISTS
               (SELECT 1 FROM sim_done AS d WHERE d.txn = s.txn)"""
    for row in rows(sim.database, query):
        yield f"I14 something was said without an event: {tuple(row)}"
    query = "SELECT customer_id, count(*), max(version) FROM sim_moved GROUP BY customer_id HAVING count(*) <> max(version)"
    for row in rows(sim.database, query):
        yield f"I14 a conversation's version and its moves differ: {tuple(row)}"
    query = "SELECT customer_id, version, count(*) FROM sim_moved GROUP BY customer_id, version HAVING count(*) > 1"
    for row in rows(sim.database, query):
        yield f"I14 two workers made the same move: {tuple(row)}"
    query = (
        "SELECT event_id, count(*) FROM sim_done WHERE status = 'done' GROUP BY event_id HAVING count(*) > 1"
    )
    for row in rows(sim.database, query):
        yield f"I14 an event was worked on {row[1]} times: {row[0]}"
    query = """SELECT kind, count(*) FROM inbox_events WHERE own_id IS NOT NULL GROUP BY own_id HAVING count(*) > 1"""
    for row in rows(sim.database, query):
        yield f"I14 one message is stored twice: {tuple(row)}"
    for row in rows(sim.database, "SELECT id, kind FROM inbox_events WHERE external_id LIKE 'reused:%'"):
        yield f"I14 a repeat was taken for something else under its id: {tuple(row)}"
    seen = Counter(_list_of_message_ids(sim))
    for name, count in seen.items():
        if count > 1 and name:
            yield f"I14 message {name} is stored {count} times"


def _goes_on(sim: Simulation) -> Iterator[str]:
    """I6: a conversation goes on from what was written last, whatever the copy in Redis says."""
    written = {
        (row[0], row[1]): row[2]
        for row in rows(sim.database, "SELECT customer_id, version, data FROM sim_moved")
    }
    query = "SELECT customer_id, version, before FROM conversation_turns ORDER BY id"
    for customer_id, version, before in rows(sim.database, query):
        last = written.get((customer_id, version - 1))
        if last is None:
            continue
        old, new = orjson.loads(last), orjson.loads(before)
        differ = sorted(name for name in new if name not in CHANGED_OUTSIDE and new[name] != old.get(name))
        if differ:
            yield f"I6 customer {customer_id} went on from another conversation at {version}: {differ}"


def _totals(sim: Simulation) -> Iterator[str]:
    """The figures the owner sees are the figures of the rows."""
    kept = rows(
        sim.database,
        "SELECT sum(customers), sum(orders_placed), sum(orders_paid), sum(orders_closed), sum(revenue) FROM daily_totals",
    )[0]
    real = rows(
        sim.database,
        """SELECT (SELECT count(*) FROM customers), count(*), sum(paid_at IS NOT NULL),
            sum(status IN ('cancelled', 'expired') AND paid_at IS NULL),
            sum(CASE WHEN paid_at IS NOT NULL THEN total ELSE 0 END) FROM orders""",
    )[0]
    if tuple(kept) != tuple(real):
        yield f"I5 the totals say {tuple(kept)}, the rows {tuple(real)}"
    finer = rows(
        sim.database,
        """SELECT (SELECT coalesce(sum(orders_paid), 0) FROM hourly_totals), (SELECT coalesce(sum(revenue), 0) FROM hourly_totals),
            (SELECT coalesce(sum(pieces), 0) FROM product_totals), (SELECT coalesce(sum(revenue), 0) FROM product_totals)""",
    )[0]
    lines = rows(
        sim.database,
        """SELECT coalesce(sum(l.quantity), 0), coalesce(sum(l.total), 0) FROM order_lines l
            JOIN orders o ON o.id = l.order_id WHERE o.paid_at IS NOT NULL""",
    )[0]
    if tuple(finer) != (kept[2] or 0, kept[4] or 0, *lines):
        yield f"I5 hours and products say {tuple(finer)}, days and lines {(kept[2], kept[4], *lines)}"


def _statuses(sim: Simulation) -> Iterator[str]:
    """I24: a message's delivery is at least as far as the best news that was taken about it."""
    delivery = {
        row[0]: row[1]
        for row in rows(
            sim.database, "SELECT provider_id, delivery FROM outbox_messages WHERE provider_id IS NOT NULL"
        )
    }
    best: dict[str, int] = {}
    # Those that came long before we knew the message's name over there were given up as not ours.
    query = """SELECT c.raw, i.status FROM sim_came AS c JOIN inbox_events AS i ON i.id = c.event_id
               WHERE c.kind = 'status'"""
    for raw, done in rows(sim.database, query):
        if done != "done":
            sim.world.faults.reached("a status came too early and was given up")
            continue
        item = orjson.loads(raw)["status"]
        rank = RANK[item["status"]] if item["status"] != "failed" else 0
        best[item["id"]] = max(best.get(item["id"], 0), rank)
    for name, rank in best.items():
        if name in delivery and RANK[delivery[name]] < rank:
            yield f"I24 {name} is {delivery[name]}, but better was told"


def _answers_in_time(sim: Simulation) -> Iterator[str]:
    """I16: what is written after the last fault is answered within two minutes.

    The last fault may be WhatsApp telling the shop to stop: then it ends with the ten minutes of silence.
    """
    times: dict[str, list[float]] = defaultdict(list)
    for item in sim.outside.shown:
        times[item.to].append(item.at)
    query = "SELECT own_id, customer_key FROM inbox_events WHERE kind = 'message' AND status = 'done' AND own_id IS NOT NULL"
    waits = []
    with sim.database.reading() as session:
        silent = session.scalar(select(Shop.silenced_until))
    well = max(sim.faults_ended, (silent - START).total_seconds() if silent is not None else 0.0)
    for name, key in rows(sim.database, query):
        at = sim.outside.accepted.get(name)
        if at is None or at < well + PATIENCE:
            continue
        answer = next((time for time in times[key] if time >= at), None)
        if answer is None:
            continue  # I9 says whether that was right
        waits.append(answer - at)
    waits.sort()
    if waits and waits[int(len(waits) * 0.99)] > PATIENCE:
        yield f"I16 answers take too long after the last fault: {waits[-3:]}"
