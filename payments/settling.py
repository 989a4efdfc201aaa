"""What a person does about money and payments that do not add up; each thing once, with a reason, in the audit log.

``what`` names a finding: money (``M12``), a refund (``R3``), a payment (``PAY-…``) or a paid order (``ORD-…``).
``how`` is what is done about it: a word of ``HOW``, some with more behind a colon.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.money import to_major
from db import Database, audit, inbox
from db.models import Customer, MoneyEvent, Order, OutboxMessage, Payment, Refund
from db.refs import Refs
from db.statements import insert
from db.types import clock, word
from errors import RuleBroken
from orders import service as order_service
from orders.service import UnknownOrder
from payments import refunds, service
from payments.desk import PaymentDesk
from payments.gateways.base import PaymentUpdate
from payments.refunds import RefundRefused
from payments.service import News

_NAME: Final = re.compile(r"([MR])([0-9]{1,18})", re.ASCII)
HOW: Final = ("kept", "assigned", "refunded", "honoured", "paid", "not-paid", "receipt")
"""``assigned:ORD-…``, ``refunded:<reference>`` and ``paid:<reference>`` carry more; the others stand alone."""
_LONGEST: Final = 500
LONGEST_REFERENCE: Final = 100
"""Characters of the reference of a transaction."""


class NothingToSettle(RuleBroken):
    """There is nothing open by this name."""

    code = "nothing_to_settle"


class CannotSettle(RuleBroken):
    """It is open, but not this way; the message says why in words."""

    code = "cannot_settle"


@dataclass(frozen=True, slots=True)
class _Case:
    """One thing to be settled one way."""

    session: Session
    shop_id: int
    what: str
    more: str
    because: str
    actor: str
    refs: Refs
    act_id: int


def settle(
    session: Session,
    what: str,
    because: str,
    *,
    actor: str,
    how: str = "",
    shop_id: int | None = None,
    key: str = "",
    refs: Refs | None = None,
) -> News:
    """Do ``how`` about ``what``; without ``how``, money is kept, a payment is not paid, a refund is given up.

    Args:
        session: a writing transaction.
        what: the finding's name.
        because: why; kept in the audit log.
        actor: who says so.
        how: see ``HOW``.
        shop_id: whose it must be; any shop's when left out.
        key: makes one click one action.
        refs: names a payment that must be made.

    Returns:
        What the customer is to be told, if anything.

    Raises:
        NothingToSettle: it is not there, or settled before.
        CannotSettle: this cannot be done about it; the message says why.
        RefundRefused: the refund cannot move so.
    """
    owner = _owner(session, what)
    if owner is None or (shop_id is not None and owner != shop_id):
        raise NothingToSettle(f"nothing open is called {what}")
    way, _, more = (how or _default(what)).partition(":")
    do = _WAYS.get((_kind(what), way))
    if do is None:
        raise CannotSettle(f"{what} cannot be settled as {way}")
    act = audit.begin(session, owner, actor, "settle", what, key)
    if act.repeated:
        return News(outcome="repeated")
    before = _state(session, what)
    news = do(
        _Case(session, owner, what, more.strip(), because[:_LONGEST], actor, refs or Refs(), act.entry_id)
    )
    after = {"because": because[:_LONGEST]}
    if how:
        after |= {"as": how, **_state(session, what)}
    audit.finish(session, act, before=before if how else None, after=after)
    return news


def what_will_happen(session: Session, shop_id: int, what: str, how: str) -> str:
    """The sentence to confirm before ``settle`` does it.

    Raises:
        NothingToSettle: it is not there.
        CannotSettle: there is no such way.
    """
    if _owner(session, what) != shop_id:
        raise NothingToSettle(f"nothing open is called {what}")
    way, _, more = (how or _default(what)).partition(":")
    sentence = _SENTENCES.get((_kind(what), way))
    if sentence is None:
        raise CannotSettle(f"{what} cannot be settled as {way}")
    state = _state(session, what)
    amount = "The money"
    if state.get("amount") is not None and state.get("currency"):
        major = to_major(state["amount"], state["currency"])
        amount = (
            f"{state['currency']} {major:,.0f}" if major == int(major) else f"{state['currency']} {major:,}"
        )
    return sentence.format(what=what, more=more.strip() or "…", amount=amount)


def ask_again(database: Database, desk: PaymentDesk, shop_id: int, payment_ref: str) -> str:
    """Ask the gateway about a payment nobody can tell about; only its own answer books money. Says how it stands now.

    Raises:
        NothingToSettle: the shop has no such payment.
    """
    with database.writing() as session:
        payment_id = session.scalar(
            select(Payment.id).where(Payment.ref == payment_ref, Payment.shop_id == shop_id)
        )
        if payment_id is None:
            raise NothingToSettle(f"there is no payment {payment_ref}")
        service.ask_soon(session, [payment_id])
    desk.ask(payment_id)
    with database.reading() as session:
        payment = session.get_one(Payment, payment_id)
        if payment.status == "succeeded":
            return f"The gateway confirms it: {payment_ref} is paid."
        why = f" ({payment.reason.replace('_', ' ')})" if payment.reason else ""
    return f"The gateway does not confirm it: {payment_ref} is {payment.status.replace('_', ' ')}{why}."


_SENTENCES: Final = {
    ("M", "kept"): "{amount} stays in the shop's hands and {what} is closed; nobody is told.",
    (
        "M",
        "assigned",
    ): "{amount} is booked for order {more}, which is then paid; its customer gets the receipt.",
    ("M", "refunded"): "{amount} counts as sent back under {more}; a customer we know is told.",
    (
        "M",
        "honoured",
    ): "The order is opened again and paid with {amount}, if its goods are there; its customer gets the receipt.",
    ("R", "kept"): "The refund {what} of {amount} is given up; nobody is told.",
    ("R", "refunded"): "{amount} counts as paid back by hand under {more}; its customer is told.",
    (
        "PAY",
        "paid",
    ): "{amount} is booked for payment {what} as transaction {more}; its customer gets the receipt.",
    (
        "PAY",
        "not-paid",
    ): "Payment {what} of {amount} counts as not paid; its customer is told and may pay again.",
    ("ORD", "receipt"): "The receipt of order {what} is promised to its customer again; it goes out once.",
}


def _kind(what: str) -> str:
    named = _NAME.fullmatch(what)
    return named[1] if named else what.partition("-")[0]


def _default(what: str) -> str:
    return {"PAY": "not-paid", "ORD": "receipt"}.get(_kind(what), "kept")


def _number(what: str) -> int:
    named = _NAME.fullmatch(what)
    return int(named[2]) if named else 0


def _owner(session: Session, what: str) -> int | None:
    """The shop a finding belongs to."""
    owner: dict[str, Any] = {
        "M": select(MoneyEvent.shop_id).where(MoneyEvent.id == _number(what)),
        "R": select(Refund.shop_id).where(Refund.id == _number(what)),
        "PAY": select(Payment.shop_id).where(Payment.ref == what),
        "ORD": select(Order.shop_id).where(Order.ref == what),
    }
    statement = owner.get(_kind(what))
    return None if statement is None else session.scalar(statement)


def _state(session: Session, what: str) -> dict[str, Any]:
    """How something stands, for the log."""
    kind = _kind(what)
    if kind == "M":
        columns = (MoneyEvent.kind, MoneyEvent.order_id, MoneyEvent.amount, MoneyEvent.currency)
        row = session.execute(select(*columns).where(MoneyEvent.id == _number(what))).one()
        return {"kind": row.kind, "order": row.order_id, "amount": row.amount, "currency": row.currency}
    model: Any = {"R": Refund, "PAY": Payment, "ORD": Order}[kind]
    amount = Order.total if kind == "ORD" else model.amount
    named = model.id == _number(what) if kind == "R" else model.ref == what
    row = session.execute(select(model.status, amount.label("amount"), model.currency).where(named)).one()
    return {"status": row.status, "amount": row.amount, "currency": row.currency}


def _claim(case: _Case, *kinds: str) -> MoneyEvent:
    """Close open money; whoever comes second finds none.

    Raises:
        NothingToSettle: it is not open, or not such money.
    """
    money_id = case.session.scalar(
        update(MoneyEvent)
        .where(
            MoneyEvent.id == _number(case.what),
            MoneyEvent.kind.in_([word(kind) for kind in kinds]),
            MoneyEvent.settled_at.is_(None),
        )
        .values(settled_at=clock())
        .returning(MoneyEvent.id)
    )
    if money_id is None:
        raise NothingToSettle(f"nothing open is called {case.what}")
    return case.session.scalars(
        select(MoneyEvent).where(MoneyEvent.id == money_id).execution_options(populate_existing=True)
    ).one()


def _keep(case: _Case) -> News:
    _claim(case, "unmatched", "refund_due")
    return News(outcome="kept")


def _assign(case: _Case) -> News:
    """Money that fits nothing pays the order it was meant for, under the rules of every payment."""
    try:
        order = order_service.lock_by_ref(case.session, case.shop_id, case.more)
    except UnknownOrder as error:
        raise CannotSettle(f"there is no order {case.more}") from error
    money = _claim(case, "unmatched")
    if (money.amount, money.currency) != (order.total, order.currency):
        got = money.amount_text or money.amount
        raise CannotSettle(
            f"{case.what} is {got} {money.currency} and order {order.ref} costs {order.total} {order.currency}"
            " in minor units: only the exact amount pays an order"
        )
    return _honoured(service.adopt(case.session, order, money, refs=case.refs), order)


def _honour(case: _Case) -> News:
    """Money due back for a closed order pays it after all, if its goods are there."""
    order = _order_of_money(case)
    money = _claim(case, "refund_due")
    if (money.amount, money.currency) != (order.total, order.currency):
        raise CannotSettle(f"{case.what} is not what order {order.ref} costs")
    return _honoured(service.adopt(case.session, order, money, refs=case.refs), order)


def _honoured(news: News, order: Order) -> News:
    if news.outcome == "booked_before":
        raise CannotSettle("money with this reference is booked already: it cannot pay twice")
    if news.outcome != "booked":
        raise CannotSettle(f"order {order.ref} is {order.status}: it was paid before, or its goods are gone")
    return news


def _refunded(case: _Case) -> News:
    """Money that is nobody's order went back by hand, or goes back through its gateway."""
    kind = case.session.scalar(select(MoneyEvent.kind).where(MoneyEvent.id == _number(case.what)))
    if kind == "refund_due":
        order = _order_of_money(case)
        money = _claim(case, "refund_due")
        _, news = refunds.give_back_due(
            case.session, order, money, actor=case.actor, reference=case.more, reason=case.because
        )
        return news
    money = _claim(case, "unmatched")
    if not case.more:
        raise RefundRefused("reference_needed", "say under which reference it was sent back")
    case.session.execute(
        insert(case.session, MoneyEvent).values(
            shop_id=case.shop_id,
            kind="refund",
            gateway=money.gateway,
            transaction_ref=case.more,
            order_id=money.order_id,
            payment_id=money.payment_id,
            amount=money.amount,
            amount_text=money.amount_text,
            currency=money.currency,
            reason="was_unmatched",
            created_at=clock(),
        )
    )
    return News(outcome="refunded")


def _order_of_money(case: _Case) -> Order:
    order_id = case.session.scalar(select(MoneyEvent.order_id).where(MoneyEvent.id == _number(case.what)))
    if order_id is None:
        raise CannotSettle(f"{case.what} belongs to no order")
    return order_service.lock(case.session, order_id)


def _refund_by_hand(case: _Case) -> News:
    return refunds.by_hand(case.session, case.shop_id, _number(case.what), case.more, actor=case.actor).news


def _drop_refund(case: _Case) -> News:
    return refunds.drop(case.session, case.shop_id, _number(case.what), case.because, actor=case.actor).news


def _paid(case: _Case) -> News:
    """A person has seen the money of a payment nobody could tell about; its reference keeps it from being booked twice."""
    reference = case.more.upper()
    if not 0 < len(reference) <= LONGEST_REFERENCE:
        raise CannotSettle(
            f"say under which reference it came in, in 1 to {LONGEST_REFERENCE} characters: only seen money is booked"
        )
    payment = case.session.scalars(select(Payment).where(Payment.ref == case.what)).one()
    if payment.status not in {"unknown", "needs_review"}:
        raise NothingToSettle(f"nothing open is called {case.what}")
    seen = PaymentUpdate(
        "succeeded",
        payment_ref=payment.ref,
        amount=payment.amount,
        currency=payment.currency,
        transaction_ref=reference,
    )
    news = service.apply(case.session, payment.id, seen)
    if news.outcome not in {"booked", "refund_due"}:
        raise CannotSettle(f"{reference} is the reference of another payment: it cannot pay twice")
    return news


def _not_paid(case: _Case) -> News:
    payment = case.session.scalars(select(Payment).where(Payment.ref == case.what)).one()
    news = service.settle_review(case.session, payment)
    if news.outcome != "failed":
        raise NothingToSettle(f"nothing open is called {case.what}")
    return news


def _receipt(case: _Case) -> News:
    """The receipt of a paid order once more: promised if nobody promised it, tried again if it was given up."""
    order = order_service.lock_by_ref(case.session, case.shop_id, case.what)
    if order.paid_at is None:
        raise CannotSettle(f"order {order.ref} is not paid")
    name = f"receipt:{order.ref}"
    status = case.session.scalar(select(OutboxMessage.status).where(OutboxMessage.unique_key == name))
    if status is None:
        identity = case.session.scalars(
            select(Customer.identity).where(Customer.id == order.customer_id)
        ).one()
        news = News(outcome="promised")
        news.add(
            inbox.record_internal(
                case.session,
                case.shop_id,
                identity,
                "PaymentSucceeded",
                {"order_ref": order.ref},
                unique=f"{order.ref}:again:{case.act_id}",
            )
        )
        return news
    if status != "dead":
        raise CannotSettle(f"the receipt of order {order.ref} is {status}: there is nothing to promise again")
    case.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.unique_key == name, OutboxMessage.status == word("dead"))
        .values(status="waiting", attempts=0, error="", next_at=clock())
    )
    return News(outcome="promised")


_WAYS: Final[dict[tuple[str, str], Callable[[_Case], News]]] = {
    ("M", "kept"): _keep,
    ("M", "assigned"): _assign,
    ("M", "refunded"): _refunded,
    ("M", "honoured"): _honour,
    ("R", "kept"): _drop_refund,
    ("R", "refunded"): _refund_by_hand,
    ("PAY", "paid"): _paid,
    ("PAY", "not-paid"): _not_paid,
    ("ORD", "receipt"): _receipt,
}
