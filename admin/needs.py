"""What needs a person, in the order in which it is shown: one registry of kinds.

A kind finds its items by an index over open rows only, and names what can be done about one. What an action
does is said before it is done; see ``admin/pages/needs.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin.console import Input
from admin.wording import METHOD_WORDS, REASON_WORDS, plain, say_money, sentence
from catalog.snapshot import in_language
from db import inbox, outbox
from db.models import (
    Conversation,
    Customer,
    MoneyEvent,
    Order,
    OutboxMessage,
    Payment,
    Product,
    Refund,
    Shop,
)
from db.types import clock, word
from errors import RuleBroken
from payments import service as payment_service
from payments import settling

MOST: Final = 8
"""Items shown of each kind; the others come up when these are done."""
PAID_LOOKED_AT: Final = 300
"""How many of the newest paid orders are looked at for a receipt; the daily reconciliation looks at all."""
PATIENCE: Final = 120.0
"""Seconds a receipt may take."""
DEAD_DAYS: Final = 7.0
FEW: Final = 3
"""Pieces at which a product is nearly sold out, unless the shop's setting ``low_stock`` says otherwise."""


class NotThere(RuleBroken):
    """Somebody else dealt with it, or it went away by itself."""

    code = "not_there"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person; ``amount`` in minor units."""

    kind: str
    id: int
    title: str
    about: str
    at: datetime | None = None
    order_ref: str = ""
    amount: int | None = None
    amount_text: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Rings:
    """Whom to wake after the commit, by the bell's names."""

    inbox: Sequence[int] = ()
    ask: Sequence[int] = ()
    outbox: bool = False


@dataclass(frozen=True, slots=True)
class Doing:
    """What an action is given: the open transaction, the item it is about, and what the owner wrote."""

    session: Session
    shop: Shop
    item: Item
    actor: str
    said: dict[str, str]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done about an item; ``says`` is what will happen, ``done`` what is said afterwards."""

    name: str
    label: str
    says: Sequence[str]
    done: str
    do: Callable[[Doing], Rings]
    inputs: Sequence[Input] = ()
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: how its items are found, newest first, and what can be done."""

    name: str
    title: str
    find: Callable[[Session, Shop], list[Item]]
    actions: Sequence[Action] = ()
    icon: str = "alert"

    def action(self, name: str) -> Action | None:
        """The action of this name."""
        return next((action for action in self.actions if action.name == name), None)


def waiting(session: Session, shop: Shop) -> list[tuple[Kind, list[Item]]]:
    """Everything that needs a person, kinds without any left out."""
    found = [(kind, kind.find(session, shop)) for kind in KINDS]
    return [(kind, items) for kind, items in found if items]


def item_of(session: Session, shop: Shop, kind: Kind, item_id: int) -> Item | None:
    """One item that still waits among those shown."""
    return next((item for item in kind.find(session, shop) if item.id == item_id), None)


def _money(kind: str) -> Callable[[Session, Shop], list[Item]]:
    def find(session: Session, shop: Shop) -> list[Item]:
        rows = session.execute(
            select(MoneyEvent, Order.ref)
            .outerjoin(Order, Order.id == MoneyEvent.order_id)
            .where(
                MoneyEvent.shop_id == shop.id,
                MoneyEvent.settled_at.is_(None),
                MoneyEvent.kind.in_([word("unmatched"), word("refund_due")]),
                MoneyEvent.kind == kind,
            )
            .order_by(MoneyEvent.id.desc())
            .limit(MOST)
        )
        return [
            Item(
                kind,
                row.MoneyEvent.id,
                REASON_WORDS.get(row.MoneyEvent.reason)
                or sentence(row.MoneyEvent.reason)
                or "No reason given",
                plain(row.MoneyEvent.transaction_ref or row.MoneyEvent.gateway, 60),
                row.MoneyEvent.created_at,
                row.ref or "",
                row.MoneyEvent.amount,
                plain(row.MoneyEvent.amount_text, 40) or "no amount",
                row.MoneyEvent.currency,
            )
            for row in rows
        ]

    return find


def _settle(doing: Doing) -> Rings:
    news = settling.settle(doing.session, f"M{doing.item.id}", doing.said["because"], actor=doing.actor)
    return Rings(inbox=news.event_ids)


def _refunds(session: Session, shop: Shop) -> list[Item]:
    rows = session.execute(
        select(Refund, Order.ref)
        .join(Order, Order.id == Refund.order_id)
        .where(Refund.shop_id == shop.id, Refund.closed_at.is_(None), Refund.next_at.is_(None))
        .order_by(Refund.id.desc())
        .limit(MOST)
    )
    return [
        Item(
            "refund",
            row.Refund.id,
            plain(row.Refund.reason, 120) or "Refund",
            sentence(row.Refund.status),
            row.Refund.created_at,
            row.ref,
            row.Refund.amount,
            "",
            row.Refund.currency,
        )
        for row in rows
    ]


def _unclear(session: Session, shop: Shop) -> list[Item]:
    rows = session.execute(
        select(Payment, Order.ref)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.shop_id == shop.id, Payment.status.in_([word("unknown"), word("needs_review")]))
        .order_by(Payment.updated_at.desc())
        .limit(MOST)
    )
    return [
        Item(
            "payment",
            row.Payment.id,
            "The gateway has not said whether it was paid"
            if row.Payment.status == "unknown"
            else "What the gateway says does not fit the order",
            METHOD_WORDS.get(row.Payment.method) or sentence(row.Payment.method),
            row.Payment.updated_at,
            row.ref,
            row.Payment.amount,
            "",
            row.Payment.currency,
        )
        for row in rows
    ]


def _ask(doing: Doing) -> Rings:
    return Rings(ask=payment_service.ask_soon(doing.session, [doing.item.id]))


def _without_receipt(session: Session, shop: Shop) -> list[Item]:
    newest = session.execute(
        select(Order.id, Order.ref, Order.paid_at, Order.total, Order.currency, Order.customer_name)
        .where(Order.shop_id == shop.id, Order.paid_at.is_not(None), Order.paid_at < clock(-PATIENCE))
        .order_by(Order.paid_at.desc())
        .limit(PAID_LOOKED_AT)
    ).all()
    receipts = set(
        session.scalars(
            select(OutboxMessage.unique_key).where(
                OutboxMessage.unique_key.in_([f"receipt:{row.ref}" for row in newest])
            )
        )
    )
    rows = [row for row in newest if f"receipt:{row.ref}" not in receipts][:MOST]
    return [
        Item(
            "receipt",
            row.id,
            plain(row.customer_name) or "No name",
            "No receipt went out",
            row.paid_at,
            row.ref,
            row.total,
            "",
            row.currency,
        )
        for row in rows
    ]


def _send_receipt(doing: Doing) -> Rings:
    identity = doing.session.scalar(
        select(Customer.identity)
        .join(Order, Order.customer_id == Customer.id)
        .where(Order.id == doing.item.id)
    )
    event_id = inbox.record_internal(
        doing.session,
        doing.shop.id,
        str(identity),
        "PaymentSucceeded",
        {"order_ref": doing.item.order_ref},
        unique=f"{doing.item.order_ref}:again",
    )
    return Rings(inbox=() if event_id is None else (event_id,))


def _dead(*, templates: bool) -> Callable[[Session, Shop], list[Item]]:
    def find(session: Session, shop: Shop) -> list[Item]:
        since = session.scalar(select(clock(-DEAD_DAYS * 24 * 3600)))
        assert since is not None  # noqa: S101 - a clock has a time
        found = [
            row
            for row in outbox.undelivered(session, shop.id)
            if row.created_at > since and (row.message.get("type") == "template") is templates
        ][:MOST]
        names = session.execute(
            select(Customer.id, Customer.name).where(Customer.id.in_({row.customer_id for row in found}))
        )
        known = {row.id: row.name for row in names}
        return [
            Item(
                "template" if templates else "message",
                row.id,
                plain(known.get(row.customer_id, "")) or "No name",
                _why(row),
                row.created_at,
            )
            for row in found
        ]

    return find


def _why(row: OutboxMessage) -> str:
    what = "A receipt" if row.kind == "receipt" else "A message"
    if row.message.get("type") == "template":
        what = f"The template {plain(str(row.message.get('name', '')), 40)}"
    return f"{what} did not arrive: {plain(row.error, 120) or 'nobody said why'}"


def _resend(doing: Doing) -> Rings:
    sent = doing.session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == doing.item.id,
            (OutboxMessage.status == word("dead")) | (OutboxMessage.delivery == word("failed")),
        )
        # Under a new key: the old one stands for what was refused.
        .values(
            key=OutboxMessage.key + ":again",
            status="waiting",
            delivery="none",
            provider_id=None,
            attempts=0,
            next_at=clock(),
        )
        .returning(OutboxMessage.id)
    ).first()
    if sent is None:
        raise NotThere("it was sent meanwhile")
    return Rings(outbox=True)


def few(shop: Shop) -> int:
    """Pieces at which a product of this shop is nearly sold out."""
    setting = (shop.settings or {}).get("low_stock", FEW)
    return setting if isinstance(setting, int) else FEW


def _low(session: Session, shop: Shop) -> list[Item]:
    rows = session.scalars(
        select(Product)
        .where(Product.shop_id == shop.id, Product.active, Product.available <= few(shop))
        .order_by(Product.available, Product.id)
        .limit(MOST)
    )
    return [
        Item(
            "stock",
            row.id,
            plain(in_language(row.names, shop.language)),
            "Sold out" if not row.available else f"{row.available} left",
        )
        for row in rows
    ]


def _restock(doing: Doing) -> Rings:
    more = int(doing.said["pieces"])
    stocked = doing.session.execute(
        update(Product)
        .where(Product.id == doing.item.id, Product.available.is_not(None))
        .values(available=Product.available + more)
        .returning(Product.id)
    ).first()
    if stocked is None:
        raise NotThere("its stock is not counted any more")
    return Rings()


def _wanting(session: Session, shop: Shop) -> list[Item]:
    rows = session.execute(
        select(Customer.id, Customer.name, Conversation.wants_person_since)
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Conversation.shop_id == shop.id, Conversation.wants_person_since.is_not(None))
        .order_by(Conversation.wants_person_since)
        .limit(MOST)
    )
    return [
        Item(
            "person",
            row.id,
            plain(row.name) or "No name",
            "Waits for a person's word",
            row.wants_person_since,
        )
        for row in rows
    ]


def _answered(doing: Doing) -> Rings:
    doing.session.execute(
        update(Conversation)
        .where(Conversation.customer_id == doing.item.id, Conversation.shop_id == doing.shop.id)
        .values(wants_person_since=None)
    )
    return Rings()


_BECAUSE: Final = Input("because", "What was done about it", longest=500)
_RESEND: Final = Action(
    "resend",
    "Send again",
    ["The same message goes out once more, now.", "If WhatsApp refuses it again, it comes back here."],
    "The message is on its way again.",
    _resend,
)

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "person",
        "Customers waiting for you",
        _wanting,
        [
            Action(
                "answered",
                "Answered",
                ["The customer is taken off this list.", "They are not told anything."],
                "Taken off the list.",
                _answered,
            )
        ],
        icon="inbox",
    ),
    Kind(
        "unmatched",
        "Money that fits nothing",
        _money("unmatched"),
        [
            Action(
                "settle",
                "Settle",
                [
                    "It is marked as dealt with, for the reason you give.",
                    "No money moves, and nobody is told.",
                ],
                "The money is marked as dealt with.",
                _settle,
                [_BECAUSE],
            )
        ],
    ),
    Kind(
        "refund_due",
        "Money to give back",
        _money("refund_due"),
        [
            Action(
                "settle",
                "Paid back",
                [
                    "It is marked as paid back, for the reason you give.",
                    "No money moves: send it yourself first.",
                ],
                "The money is marked as paid back.",
                _settle,
                [_BECAUSE],
            )
        ],
    ),
    Kind("refund", "Refunds that wait", _refunds),
    Kind(
        "payment",
        "Payments nobody is sure about",
        _unclear,
        [
            Action(
                "ask",
                "Ask the gateway",
                [
                    "The gateway is asked now whether this was paid.",
                    "If it was, the order is paid and the customer hears so.",
                ],
                "The gateway is being asked.",
                _ask,
            )
        ],
    ),
    Kind(
        "receipt",
        "Paid without a receipt",
        _without_receipt,
        [
            Action(
                "send",
                "Send the receipt",
                ["The customer gets the receipt of this order, once."],
                "The receipt is on its way.",
                _send_receipt,
            )
        ],
    ),
    Kind("message", "Messages that did not arrive", _dead(templates=False), [_RESEND]),
    Kind("template", "Templates that failed", _dead(templates=True), [_RESEND]),
    Kind(
        "stock",
        "Nearly sold out",
        _low,
        [
            Action(
                "restock",
                "Restock",
                ["So many pieces are added to what is there, and can be ordered at once."],
                "The stock is counted up.",
                _restock,
                [Input("pieces", "Pieces to add", kind="number", least=1, most=100_000)],
            )
        ],
        icon="catalogue",
    ),
)
"""Every kind, what is most urgent first."""


def kind_of(name: str) -> Kind | None:
    """The kind of this name."""
    return next((kind for kind in KINDS if kind.name == name), None)


def describe(item: Item) -> dict[str, Any]:
    """An item for the audit log: what it was, and nothing personal."""
    amount = {} if item.amount is None else {"amount": say_money(item.amount, item.currency)}
    return {"kind": item.kind, "id": item.id, "order": item.order_ref, **amount}
