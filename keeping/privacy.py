"""One person's data: everything we hold about them as JSON, and forgetting them while the books stay true.

Erasing takes the person out and leaves the ledger: orders, lines, amounts, payments with their
transaction references, money events, totals. What was promised once (a receipt) stays as a row without words,
so that it is not promised again. The identity becomes chance, so that nobody can compute it from the number,
and a person who writes again is new.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import orjson
from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import DeclarativeBase, Session

from db import Database, clock
from db.models import (
    ERASED,
    OPEN_PAYMENT_STATUSES,
    AuditEntry,
    Conversation,
    ConversationTurn,
    Customer,
    CustomerWord,
    InboxEvent,
    MoneyEvent,
    Order,
    OrderLine,
    OrderMove,
    OrderNote,
    OrderWord,
    OutboxMessage,
    Payment,
    PromotionUse,
    Rating,
    Refund,
    StockWait,
)
from db.types import word
from db.words import words_of_order
from errors import RuleBroken
from keeping import chores, files, retention
from orders import customers
from orders.order import Delivery

log = logging.getLogger("duka.privacy")

REPEATS_KEPT: Final = 7 * 24 * 3600.0
"""Seconds for which a repeated message must still be known as one: Meta's longest retry."""
BATCH: Final = 500
UNDELIVERED: Final = frozenset({"paid", "preparing", "dispatched"})


class UnknownCustomer(RuleBroken):
    """Nobody here has this number or id."""

    code = "unknown_customer"


class StillNeeded(RuleBroken):
    """Something is under way with this customer; ``reasons`` holds one sentence for each."""

    code = "still_needed"

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(" ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done: how many orders stay without a person, and how many messages and events lost their words."""

    customer_id: int
    orders: int
    messages: int
    events: int


def find(session: Session, shop_id: int, who: str) -> Customer:
    """The customer with this chat identity, phone number or, written ``#12``, id.

    Raises:
        UnknownCustomer: there is none.
    """
    who = who.strip()
    mine = select(Customer).where(Customer.shop_id == shop_id)
    found: Customer | None = None
    if who.startswith("#") and who[1:].isascii() and who[1:].isdigit():
        found = session.scalars(mine.where(Customer.id == int(who[1:19]))).first()
    else:
        digits = "".join(letter for letter in who if letter.isascii() and letter.isdigit())
        number = digits if who.strip("+0123456789 -()") == "" else ""
        found = session.scalars(mine.where(Customer.identity == (number or who))).first()
        if found is None and number:
            found = session.scalars(
                mine.where(Customer.phone == f"+{number}").order_by(Customer.id.desc())
            ).first()
    if found is None or found.identity.startswith(ERASED):
        raise UnknownCustomer("no such customer")
    return found


def export(session: Session, customer: Customer) -> dict[str, Any]:
    """Everything we hold about one customer, ready for JSON; amounts in minor units."""
    orders = session.scalars(select(Order).where(Order.customer_id == customer.id).order_by(Order.id)).all()
    ids = [order.id for order in orders]

    def of_orders(table: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for some in _batches(ids):
            rows += [
                _row(row)
                for row in session.scalars(select(table).where(table.order_id.in_(some)).order_by(table.id))
            ]
        return rows

    conversation = session.get(Conversation, customer.id)
    received = session.scalars(
        select(InboxEvent)
        .where(
            InboxEvent.customer_key == customer.identity,
            InboxEvent.shop_id == customer.shop_id,
            InboxEvent.kind == "message",
        )
        .order_by(InboxEvent.id)
    )
    sent = session.scalars(
        select(OutboxMessage).where(OutboxMessage.customer_id == customer.id).order_by(OutboxMessage.id)
    )
    return {
        "customer": _row(customer),
        "conversation": None if conversation is None else _row(conversation),
        "orders": [_row(order) for order in orders],
        "order_lines": of_orders(OrderLine),
        "order_moves": of_orders(OrderMove),
        "order_notes": of_orders(OrderNote),
        "ratings": of_orders(Rating),
        "payments": of_orders(Payment),
        "refunds": of_orders(Refund),
        "promotion_uses": of_orders(PromotionUse),
        "stock_waits": [
            _row(row)
            for row in session.scalars(
                select(StockWait).where(StockWait.customer_id == customer.id).order_by(StockWait.id)
            )
        ],
        "money_events": of_orders(MoneyEvent),
        "messages_received": [
            {"received_at": row.received_at.isoformat(), "status": row.status, "message": _body(row.raw)}
            for row in received
        ],
        "messages_sent": [
            {
                "created_at": row.created_at.isoformat(),
                "sent_at": None if row.sent_at is None else row.sent_at.isoformat(),
                "delivery": row.delivery,
                "message": row.message,
            }
            for row in sent
        ],
    }


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps a customer from being forgotten: ``kind`` is a key of ``_SENTENCES``; ``ref`` names an order."""

    kind: str
    ref: str
    payment_ref: str = ""


_SENTENCES: Final = {
    "unpaid": "Order {ref} is open and unpaid.",
    "undelivered": "Order {ref} is paid and not delivered.",
    "payment": "Payment {payment} is under way.",
    "money": "Money paid for order {ref} waits to be settled.",
}


def obstacles(session: Session, customer: Customer) -> list[Obstacle]:
    """Why this customer cannot be forgotten yet."""
    found = []
    for order in session.scalars(select(Order).where(Order.customer_id == customer.id).order_by(Order.id)):
        if order.status == "pending_payment":
            found.append(Obstacle("unpaid", order.ref))
        elif order.status in UNDELIVERED:
            found.append(Obstacle("undelivered", order.ref))
    mine = Order.customer_id == customer.id
    under_way = session.execute(
        select(Payment.ref, Order.ref.label("order_ref"))
        .join(Order, Order.id == Payment.order_id)
        .where(mine, Payment.status.in_(OPEN_PAYMENT_STATUSES))
    )
    found += [Obstacle("payment", row.order_ref, row.ref) for row in under_way]
    unsettled = session.scalars(
        select(Order.ref)
        .join(MoneyEvent, MoneyEvent.order_id == Order.id)
        .where(mine, MoneyEvent.settled_at.is_(None), MoneyEvent.kind.in_(("refund_due", "unmatched")))
    ).all()
    owed = session.scalars(
        select(Order.ref)
        .join(Refund, Refund.order_id == Order.id)
        .where(mine, Refund.status.in_(("requested", "pending")))
    ).all()
    return [*found, *(Obstacle("money", ref) for ref in dict.fromkeys((*unsettled, *owed)))]


def still_needed(session: Session, customer: Customer) -> list[str]:
    """Why this customer cannot be forgotten yet, one sentence per reason."""
    return [
        _SENTENCES[found.kind].format(ref=found.ref, payment=found.payment_ref)
        for found in obstacles(session, customer)
    ]


LONGEST_GOODBYE: Final = 3600.0
"""Seconds after which nobody waits any more for the last words to go out."""


def due_to_erase(session: Session, most: int = 20) -> list[int]:
    """Customers who asked to be forgotten and have been told that they are."""
    waiting = exists().where(
        OutboxMessage.customer_id == Customer.id, OutboxMessage.status == word("waiting")
    )
    rows = session.scalars(
        select(Customer.id)
        .where(
            Customer.erase_at.is_not(None),
            Customer.erase_at < clock(),
            ~waiting | (Customer.erase_at < clock(-LONGEST_GOODBYE)),
        )
        .order_by(Customer.erase_at)
        .limit(most)
    )
    return list(rows)


def keep(database: Database, customer_id: int) -> None:
    """Something is under way again with a customer who asked to be forgotten: they stay until they ask again."""
    with database.writing() as session:
        session.execute(update(Customer).where(Customer.id == customer_id).values(erase_at=None))


def erase(
    database: Database,
    customer_id: int,
    *,
    forced: bool = False,
    actor: str = "command line",
    drop_copy: Callable[[int], None] = lambda _: None,
) -> Erased:
    """Forget a customer and keep the books; may be repeated.

    ``drop_copy`` forgets the conversation's copy in Redis.

    Raises:
        StillNeeded: something is under way, and nobody insisted.
        UnknownCustomer: no such customer, or one forgotten already.
    """
    with database.reading() as session:
        person = _person(session, customer_id)
        reasons = still_needed(session, person)
        if reasons and not forced:
            raise StillNeeded(reasons)
        signs = _signs(session, person)
    # Webhooks first: after the last step nobody can tell any more which were this person's.
    events = _forget_webhooks(database, signs)
    with database.writing() as session:
        person = _person(session, customer_id)
        reasons = still_needed(session, person)
        if reasons and not forced:
            raise StillNeeded(reasons)
        erased = _forget(session, person, events, actor=actor, forced=bool(reasons))
    drop_copy(customer_id)
    log.info("customer_erased", extra={"customer_id": customer_id, "orders": erased.orders})
    return erased


def _person(session: Session, customer_id: int) -> Customer:
    person = session.get(Customer, customer_id)
    if person is None or person.identity.startswith(ERASED):
        raise UnknownCustomer("no such customer")
    return person


@dataclass(frozen=True, slots=True)
class _Signs:
    """By what a webhook shows that it is about a person."""

    words: tuple[bytes, ...]
    match_keys: frozenset[str]

    def on(self, row: Any) -> bool:
        """Whether this inbox row carries one of them."""
        return row.match_key in self.match_keys or any(word_ in bytes(row.raw) for word_ in self.words)


def _signs(session: Session, person: Customer) -> _Signs:
    """Numbers, and names of orders and payments."""
    names = {person.identity}
    gateway_refs = set()
    if person.phone:
        names.add(person.phone.lstrip("+"))
    for row in session.execute(
        select(Order.ref, Payment.ref.label("payment"), Payment.gateway_ref, Payment.phone)
        .outerjoin(Payment, Payment.order_id == Order.id)
        .where(Order.customer_id == person.id)
    ):
        names |= {name for name in (row.ref, row.payment) if name}
        if row.gateway_ref:
            gateway_refs.add(row.gateway_ref)
        if row.phone:
            names.add(row.phone.lstrip("+"))
    # Numbers are written with and without the country's code: the last nine digits are in both.
    short = {name[-9:] for name in names if name.isascii() and name.isdigit() and len(name) > 9}  # noqa: PLR2004
    return _Signs(tuple(name.encode() for name in sorted(names | short)), frozenset(gateway_refs))


def _forget_webhooks(database: Database, signs: _Signs) -> int:
    """Empty finished payment and delivery webhooks that name the person, and answers programs got."""
    with database.reading() as session:
        at = int(chores.progress(session, retention.NAME).get("webhooks", 0))
        kept_answers = int(chores.progress(session, retention.NAME).get("chat", 0))
    at = min(at, kept_answers)
    forgotten = 0
    while True:
        with database.writing() as session:
            rows = session.execute(
                select(
                    InboxEvent.id,
                    InboxEvent.kind,
                    InboxEvent.source,
                    InboxEvent.raw,
                    InboxEvent.status,
                    InboxEvent.match_key,
                )
                .where(InboxEvent.id > at)
                .order_by(InboxEvent.id)
                .limit(BATCH)
            ).all()
            named = [
                row
                for row in rows
                if row.status != "waiting"
                and (row.kind in {"payment", "status"} or row.source == "api")
                and signs.on(row)
            ]
            forgotten += retention.empty_events(session, [row.id for row in named if row.source != "api"])
            answers = [row.id for row in named if row.source == "api"]
            if answers:
                session.execute(delete(InboxEvent).where(InboxEvent.id.in_(answers)))
        if len(rows) < BATCH:
            return forgotten
        at = rows[-1].id


def _forget(session: Session, person: Customer, events: int, *, actor: str, forced: bool) -> Erased:
    identity, nobody = person.identity, f"{ERASED}{secrets.token_hex(16)}"
    # First the conversation: whoever works on it now can no longer write.
    session.execute(
        update(Conversation)
        .where(Conversation.customer_id == person.id)
        .values(
            version=Conversation.version + 1,
            fence=Conversation.fence + 1,
            lease_until=None,
            data={},
            inbound_at=None,
            updated_at=clock(),
            wants_person_since=None,
            handed_off_until=None,
        )
    )
    session.execute(delete(ConversationTurn).where(ConversationTurn.customer_id == person.id))
    session.execute(delete(StockWait).where(StockWait.customer_id == person.id))
    customers.count_as_owner(session, person, owner=False)
    session.execute(
        update(Customer)
        .where(Customer.id == person.id)
        .values(identity=nobody, phone=None, name="", language="", erase_at=None)
    )
    session.execute(delete(CustomerWord).where(CustomerWord.customer_id == person.id))
    orders = session.execute(
        select(Order.id, Order.ref, Order.delivery).where(Order.customer_id == person.id)
    ).all()
    for order in orders:
        # From now on it is found by its reference only.
        session.execute(
            delete(OrderWord).where(
                OrderWord.order_id == order.id, OrderWord.word.not_in(words_of_order(order.ref, "", "", ()))
            )
        )
        old = order.delivery
        empty = asdict(Delivery(old["kind"], zone_id=old.get("zone_id")))
        session.execute(
            update(Order).where(Order.id == order.id).values(customer_name="", delivery=empty, referral=None)
        )
    for some in _batches([order.id for order in orders]):
        session.execute(update(Payment).where(Payment.order_id.in_(some)).values(phone=None, link=""))
        session.execute(update(Rating).where(Rating.order_id.in_(some)).values(comment=""))
        session.execute(delete(OrderNote).where(OrderNote.order_id.in_(some)))
    events += _forget_received(session, person.shop_id, identity, nobody)
    messages = _forget_sent(session, person.id)
    session.add(
        AuditEntry(
            shop_id=person.shop_id,
            actor=actor,
            action="customer_erased",
            subject=f"customer {person.id}",
            after={"orders": len(orders), "messages": messages, "events": events, "forced": forced},
            created_at=clock(),
        )
    )
    return Erased(person.id, len(orders), messages, events)


def _forget_received(session: Session, shop_id: int, identity: str, nobody: str) -> int:
    """Empty what the person wrote; what is too old to come again goes altogether."""
    mine = (InboxEvent.customer_key == identity, InboxEvent.shop_id == shop_id)
    gone = session.scalars(
        delete(InboxEvent)
        .where(
            *mine,
            InboxEvent.kind == "message",
            InboxEvent.status != word("waiting"),
            InboxEvent.received_at < clock(-REPEATS_KEPT),
        )
        .returning(InboxEvent.id)
    ).all()
    session.execute(
        update(InboxEvent)
        .where(*mine, InboxEvent.status == word("waiting"))
        .values(status="ignored", error="erased", done_at=clock())
    )
    emptied = session.scalars(
        update(InboxEvent)
        .where(*mine, InboxEvent.kind == "message")
        .values(raw=retention.EMPTY)
        .returning(InboxEvent.id)
    ).all()
    session.execute(update(InboxEvent).where(*mine).values(customer_key=nobody))
    return len(gone) + len(emptied)


def _forget_sent(session: Session, customer_id: int) -> int:
    """Delete what was written to the person; of what may be promised only once the bare row stays."""
    gone = session.scalars(
        delete(OutboxMessage)
        .where(OutboxMessage.customer_id == customer_id, OutboxMessage.unique_key.is_(None))
        .returning(OutboxMessage.id)
    ).all()
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.customer_id == customer_id, OutboxMessage.status == word("waiting"))
        .values(status="dead", error="erased", fence=OutboxMessage.fence + 1)
    )
    emptied = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.customer_id == customer_id)
        # WhatsApp's ids of messages carry the recipient's number.
        .values(message=retention.NO_MESSAGE, fallback=None, provider_id=None)
        .returning(OutboxMessage.id)
    ).all()
    return len(gone) + len(emptied)


def _batches(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]


def _row(row: DeclarativeBase) -> dict[str, Any]:
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return {
        key: value.isoformat() if isinstance(value, (date, datetime)) else value
        for key, value in values.items()
    }


def _body(raw: bytes) -> Any:
    """What was received, as JSON where it is JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode("utf-8", "replace")


def write(file: Path, content: bytes) -> None:
    """Write an export where only its owner can read it.

    Raises:
        FileExistsError: there is a file of that name already.
    """
    with files.beside(file) as part:
        part.write_bytes(content)
        files.put(part, file)
