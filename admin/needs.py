"""What needs a person, in the order in which it is shown: one registry of kinds.

A kind finds its items by an index over open rows only, and names what can be done about one. What an action
does is said before it is done; see ``admin/pages/needs.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from admin.console import Input, InvalidInput
from admin.wording import METHOD_WORDS, ORDER_WORDS, REASON_WORDS, plain, say_money, sentence
from catalog.snapshot import in_language
from db import inbox
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
from db.refs import Refs
from db.types import clock, word
from errors import RuleBroken
from keeping import waiting as waits
from payments import gateways, refunds, settling
from payments import service as payment_service

MOST: Final = 8
"""Items shown of each kind; the others come up when these are done."""
PAID_LOOKED_AT: Final = 300
"""How many of the newest paid orders are looked at for a receipt; the daily reconciliation looks at all."""
PATIENCE: Final = 120.0
"""Seconds a receipt may take."""
ORDERS_LOOKED_AT: Final = 300
"""How many of the newest orders of a status are looked at for one that money fits."""
_WOULD_TAKE_MONEY: Final = ("pending_payment", "expired", "cancelled")
_BIGGEST_ID: Final = 2**63


class NotThere(RuleBroken):
    """Somebody else dealt with it, or it went away by itself."""

    code = "not_there"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that needs a person; ``amount`` in minor units.

    ``without`` names the actions of its kind that make no sense for this one.
    """

    kind: str
    id: int
    title: str
    about: str
    at: datetime | None = None
    order_ref: str = ""
    amount: int | None = None
    amount_text: str = ""
    currency: str = ""
    without: frozenset[str] = frozenset()


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
    refs: Refs


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done about an item; ``says`` is what will happen, ``done`` what is said afterwards.

    Attributes:
        inputs: what the owner has to say with it.
        offer: further inputs, made for this item.
        sure: asked a second time with these sentences, when what was said decides what will happen.
        password: whether money leaves the shop or counts as paid on the owner's word, which takes the password once more.
    """

    name: str
    label: str
    says: Sequence[str]
    done: str
    do: Callable[[Doing], Rings]
    inputs: Sequence[Input] = ()
    offer: Callable[[Session, Shop, Item], Sequence[Input]] = lambda _session, _shop, _item: ()
    sure: Callable[[Doing], Sequence[str]] | None = None
    danger: bool = False
    password: bool = False


class Finder(Protocol):
    """How the items of a kind are found, newest first: those shown, or ``only`` the one of this id."""

    def __call__(self, session: Session, shop: Shop, only: int | None = None) -> list[Item]:
        """Find them by an index."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of trouble: how its items are found, and what can be done."""

    name: str
    title: str
    find: Finder
    actions: Sequence[Action] = ()
    icon: str = "alert"

    def action(self, name: str) -> Action | None:
        """The action of this name."""
        return next((action for action in self.actions if action.name == name), None)

    def able(self, item: Item) -> list[Action]:
        """What can be done about this item."""
        return [action for action in self.actions if action.name not in item.without]


def waiting(session: Session, shop: Shop) -> list[tuple[Kind, list[Item]]]:
    """Everything that needs a person, kinds without any left out."""
    found = [(kind, kind.find(session, shop)) for kind in KINDS]
    return [(kind, items) for kind, items in found if items]


def item_of(session: Session, shop: Shop, kind: Kind, item_id: int) -> Item | None:
    """One item that still waits."""
    if not 0 < item_id < _BIGGEST_ID:
        return None
    return next((item for item in kind.find(session, shop, item_id) if item.id == item_id), None)


def _one(column: InstrumentedAttribute[int], only: int | None) -> ColumnElement[bool]:
    return true() if only is None else column == only


def _money(kind: str) -> Finder:
    def find(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
        rows = session.execute(
            select(MoneyEvent, Order.ref, Order.status, Order.total)
            .outerjoin(Order, Order.id == MoneyEvent.order_id)
            .where(
                waits.money(shop.id),
                MoneyEvent.kind == kind,
                _one(MoneyEvent.id, only),
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
                _senseless(row.MoneyEvent, row.status, row.total),
            )
            for row in rows
        ]

    return find


def _senseless(money: MoneyEvent, status: str | None, total: int | None) -> frozenset[str]:
    without = set()
    if money.amount is None or not money.currency:
        without.add("assign")
    if status not in {"cancelled", "expired"} or money.amount != total:
        without.add("honour")
    return frozenset(without)


def _settled(letter: str, how: str, said: str = "") -> Callable[[Doing], Rings]:
    """Settle an item called ``letter`` and its id as ``how``, with more of what the owner ``said`` behind a colon."""

    def do(doing: Doing) -> Rings:
        name = f"{letter}{doing.item.id}"
        if letter == "PAY":
            name = doing.session.scalars(select(Payment.ref).where(Payment.id == doing.item.id)).one()
        more = _order_said(doing) if said == "order" else doing.said[said] if said else ""
        news = settling.settle(
            doing.session,
            name,
            doing.said.get("because", ""),
            actor=doing.actor,
            how=f"{how}:{more}" if more else how,
            shop_id=doing.shop.id,
            refs=doing.refs,
        )
        return Rings(inbox=news.event_ids)

    return do


def _order_said(doing: Doing) -> str:
    return (doing.said.get("pick") or doing.said["order"]).upper()


def _orders_that_fit(session: Session, shop: Shop, item: Item) -> Sequence[Input]:
    """The newest unpaid orders that cost just this, to pick from, and room for another reference."""
    found = []
    for status in _WOULD_TAKE_MONEY:
        newest = session.execute(
            select(Order.ref, Order.customer_name, Order.total, Order.currency, Order.status)
            .where(Order.shop_id == shop.id, Order.status == status)
            .order_by(Order.id.desc())
            .limit(ORDERS_LOOKED_AT)
        )
        found += [row for row in newest if (row.total, row.currency) == (item.amount, item.currency)]
    if not found:
        return (Input("order", "Reference of the order", longest=40, hint="For example ORD-7K3M9Q."),)
    picks = [
        (row.ref, f"{row.ref} · {plain(row.customer_name) or 'No name'} · {ORDER_WORDS[row.status]}")
        for row in found[:MOST]
    ]
    return (
        Input("pick", "Orders that cost just this", choices=picks, needed=False),
        Input("order", "Or the reference of another order", longest=40, needed=False),
    )


def _before_assigning(doing: Doing) -> Sequence[str]:
    """What will happen to which order.

    Raises:
        InvalidInput: there is no such order, or it does not cost just this.
    """
    ref = _order_said(doing)
    if not ref:
        raise InvalidInput("Choose an order, or write its reference.")
    order = doing.session.execute(
        select(Order.ref, Order.customer_name, Order.total, Order.currency, Order.status).where(
            Order.ref == ref, Order.shop_id == doing.shop.id
        )
    ).first()
    if order is None:
        raise InvalidInput("There is no order with this reference.")
    if (order.total, order.currency) != (doing.item.amount, doing.item.currency):
        cost = say_money(order.total, order.currency)
        raise InvalidInput(f"{ref} costs {cost}. Only the exact amount can pay an order.")
    if order.status not in _WOULD_TAKE_MONEY:
        raise InvalidInput(f"{ref} is paid already: pay this back instead.")
    says = [
        f"{ref} of {plain(order.customer_name) or 'somebody without a name'} is {ORDER_WORDS[order.status].lower()}.",
        settling.what_will_happen(doing.session, doing.shop.id, f"M{doing.item.id}", f"assigned:{ref}"),
    ]
    if order.status != "pending_payment":
        says.append("It is opened again, if its goods are still there.")
    return says


def _before_paying(doing: Doing) -> Sequence[str]:
    ref = doing.session.scalars(select(Payment.ref).where(Payment.id == doing.item.id)).one()
    said = doing.said["reference"].upper()
    return (
        settling.what_will_happen(doing.session, doing.shop.id, ref, f"paid:{said}"),
        "Do this only if you see the money on the statement of the account.",
    )


def _refunds(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
    rows = session.execute(
        select(Refund, Order.ref, Payment.gateway)
        .join(Order, Order.id == Refund.order_id)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Refund.shop_id == shop.id,
            Refund.closed_at.is_(None),
            Refund.next_at.is_(None),
            Refund.status != word("pending"),
            _one(Refund.id, only),
        )
        .order_by(Refund.id.desc())
        .limit(MOST)
    )
    return [
        Item(
            "refund",
            row.Refund.id,
            plain(row.Refund.reason, 120) or "Refund",
            f"The gateway said no: {plain(row.Refund.error, 120) or 'nobody said why'}"
            if row.Refund.status == "failed"
            else "Waits to be paid back",
            row.Refund.created_at,
            row.ref,
            row.Refund.amount,
            "",
            row.Refund.currency,
            frozenset() if gateways.can_refund(row.gateway) else frozenset({"send"}),
        )
        for row in rows
    ]


def _send_refund(doing: Doing) -> Rings:
    given = refunds.send(doing.session, doing.shop.id, doing.item.id, actor=doing.actor)
    return Rings(inbox=given.news.event_ids)


def _unclear(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
    rows = session.execute(
        select(Payment, Order.ref)
        .join(Order, Order.id == Payment.order_id)
        .where(
            waits.payments(shop.id),
            _one(Payment.id, only),
        )
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


def _without_receipt(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
    newest = session.execute(
        select(Order.id, Order.ref, Order.paid_at, Order.total, Order.currency, Order.customer_name)
        .where(
            Order.shop_id == shop.id,
            Order.paid_at.is_not(None),
            Order.paid_at < clock(-PATIENCE),
            _one(Order.id, only),
        )
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


def _dead(*, templates: bool) -> Finder:
    def find(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
        found = [
            row
            for row in waits.messages(session, shop.id, only)
            if (row.message.get("type") == "template") is templates
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


def _dismiss(doing: Doing) -> Rings:
    let_be = doing.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == doing.item.id, OutboxMessage.dismissed_at.is_(None))
        .values(dismissed_at=clock())
        .returning(OutboxMessage.id)
    ).first()
    if let_be is None:
        raise NotThere("somebody let it be before")
    return Rings()


def _low(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
    rows = session.scalars(
        select(Product)
        .where(waits.nearly_sold_out(shop), _one(Product.id, only))
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


def _wanting(session: Session, shop: Shop, only: int | None = None) -> list[Item]:
    rows = session.execute(
        select(Customer.id, Customer.name, Conversation.wants_person_since)
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(
            waits.people(shop.id),
            _one(Conversation.customer_id, only),
        )
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


_BECAUSE: Final = Input(
    "because", "Why", longest=500, hint="Kept in the audit log; the customer is not told."
)
_PAID_BACK: Final = Input(
    "reference", "Reference of your transfer", longest=60, hint="For example the code in M-Pesa's message."
)
_KEEP: Final = Action(
    "keep",
    "Keep",
    ["It stays in the shop's hands and leaves this list.", "No money moves, and nobody is told."],
    "The money is kept, and why is written down.",
    _settled("M", "kept"),
    [_BECAUSE],
)
_RESEND: Final = Action(
    "resend",
    "Send again",
    ["The same message goes out once more, now.", "If WhatsApp refuses it again, it comes back here."],
    "The message is on its way again.",
    _resend,
)
_DISMISS: Final = Action(
    "dismiss",
    "Let it be",
    ["It leaves this list.", "The customer does not get this message."],
    "Taken off the list.",
    _dismiss,
)

KINDS: Final[tuple[Kind, ...]] = (
    Kind(
        "person",
        "Customers waiting for you",
        _wanting,
        [
            Action(
                "answered",
                "Done",
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
                "assign",
                "Assign to an order",
                [
                    "You choose the order that this was meant for; it must cost just this.",
                    "You are asked once more before anything is done.",
                ],
                "The money pays the order. The customer gets the receipt.",
                _settled("M", "assigned", "order"),
                offer=_orders_that_fit,
                sure=_before_assigning,
            ),
            Action(
                "refunded",
                "Paid back",
                [
                    "Duka cannot send this back: send it yourself first, by M-Pesa or as you like.",
                    "It is then booked as sent back, under the reference of your transfer.",
                ],
                "The money is booked as sent back.",
                _settled("M", "refunded", "reference"),
                [_PAID_BACK, _BECAUSE],
                password=True,
            ),
            _KEEP,
        ],
    ),
    Kind(
        "refund_due",
        "Money to give back",
        _money("refund_due"),
        [
            Action(
                "refunded",
                "Paid back",
                [
                    "Send the money yourself first, by M-Pesa or as you like.",
                    "It is booked as paid back under the reference of your transfer, and the customer is told.",
                ],
                "The money is booked as paid back. The customer is told.",
                _settled("M", "refunded", "reference"),
                [_PAID_BACK, _BECAUSE],
                password=True,
            ),
            Action(
                "honour",
                "Honour the order",
                [
                    "The order is opened again and paid with this money, if its goods are still there.",
                    "The customer gets the receipt.",
                ],
                "The order is paid after all. The customer gets the receipt.",
                _settled("M", "honoured"),
                [_BECAUSE],
            ),
            _KEEP,
        ],
    ),
    Kind(
        "refund",
        "Refunds that wait",
        _refunds,
        [
            Action(
                "send",
                "Send it back",
                ["The gateway pays it back, and the customer is told when it has."],
                "The refund is on its way to the gateway.",
                _send_refund,
                password=True,
            ),
            Action(
                "paid",
                "Paid back by hand",
                [
                    "Send the money yourself first, by M-Pesa or as you like.",
                    "It is booked as paid back under the reference of your transfer, and the customer is told.",
                ],
                "The refund is booked as paid back. The customer is told.",
                _settled("R", "refunded", "reference"),
                [_PAID_BACK],
                password=True,
            ),
            Action(
                "drop",
                "Give it up",
                ["The refund is closed, and nothing goes back to the customer.", "Nobody is told."],
                "The refund is given up.",
                _settled("R", "kept"),
                [_BECAUSE],
                danger=True,
            ),
        ],
    ),
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
            ),
            Action(
                "paid",
                "Mark as paid",
                [
                    "Look at the statement of the account first: only money that is there pays an order.",
                    "You are asked once more before anything is booked.",
                ],
                "The payment is booked. The customer gets the receipt.",
                _settled("PAY", "paid", "reference"),
                [
                    Input(
                        "reference",
                        "Reference of the transaction",
                        longest=60,
                        hint="As the statement has it; money is booked once under it.",
                    ),
                    _BECAUSE,
                ],
                sure=_before_paying,
                password=True,
            ),
            Action(
                "not-paid",
                "Mark as not paid",
                [
                    "The payment counts as failed; the customer is told and may pay again.",
                    "If its money comes after all, it is booked.",
                ],
                "The payment counts as not paid. The customer is told.",
                _settled("PAY", "not-paid"),
                [_BECAUSE],
            ),
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
    Kind("message", "Messages that did not arrive", _dead(templates=False), [_RESEND, _DISMISS]),
    Kind("template", "Templates that failed", _dead(templates=True), [_RESEND, _DISMISS]),
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
