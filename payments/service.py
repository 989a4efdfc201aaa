"""The rules of payments, each inside the caller's transaction. No gateway is called here.

One open payment per order; a move is an UPDATE that names where it may come from; money is
booked once, and what does not fit is kept for the owner instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from db import inbox
from db.models import OPEN_PAYMENT_STATUSES, Customer, MoneyEvent, Order, Payment
from db.refs import Refs
from db.statements import insert
from db.types import clock, word
from errors import RuleBroken
from orders import service as order_service
from orders.service import UnknownOrder
from orders.status import UNPAID
from payments.gateways.base import PaymentUpdate, Started
from payments.status import Step, sources, step

PHONE_METHODS: Final = frozenset({"mpesa", "airtel"})
METHODS: Final = ("mpesa", "airtel", "card")
PROMPT_LIFE: Final = 120.0
"""Seconds after which a phone prompt nobody answered may be replaced: M-Pesa's own ends before (code 1037)."""
MOST_PROMPTS_AN_HOUR: Final = 3
MOST_PROMPTS_A_DAY: Final = 5
"""To a number other than the customer's own, against prompt bombing."""
FIRST_ASK: Final = 70.0
LONGEST_WAIT: Final = 6 * 3600.0
GIVE_UP_AFTER: Final = 3 * 24 * 3600.0


class PaymentRefusal(RuleBroken):
    """No payment may be started now; ``code`` says why."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code.replace("_", " "))


@dataclass(slots=True)
class News:
    """Internal events recorded by a change, to be rung for after the commit."""

    event_ids: list[int] = field(default_factory=list)
    outcome: str = ""

    def add(self, event_id: int | None) -> None:
        """Remember an event unless it had been recorded before."""
        if event_id is not None:
            self.event_ids.append(event_id)


def is_open() -> ColumnElement[bool]:
    """SQL: the payment is open."""
    return Payment.status.in_([word(status) for status in OPEN_PAYMENT_STATUSES])


def request(
    session: Session,
    shop_id: int,
    order_ref: str,
    method: str,
    phone: str | None,
    *,
    refs: Refs,
    gateway: str = "ghala",
) -> Payment:
    """Store a payment to be taken to its gateway after the commit.

    Raises:
        UnknownOrder: no such order.
        PaymentRefusal: ``already_open``, ``already_paid``, ``order_closed``, ``no_phone``,
            ``unknown_method`` or ``too_many_prompts``.
    """
    order = order_service.lock_by_ref(session, shop_id, order_ref)
    if order.status in {"cancelled", "expired"}:
        raise PaymentRefusal("order_closed")
    if order.status != "pending_payment":
        raise PaymentRefusal("already_paid")
    if method not in METHODS:
        raise PaymentRefusal("unknown_method")
    if method in PHONE_METHODS:
        if not phone:
            raise PaymentRefusal("no_phone")
        _check_prompts(session, order, phone)
    _replace_stale(session, order)
    payment_id = session.scalar(
        insert(session, Payment)
        .values(
            shop_id=shop_id,
            order_id=order.id,
            ref=refs.payment(),
            key=refs.key("pay"),
            gateway=gateway,
            method=method,
            phone=phone if method in PHONE_METHODS else None,
            amount=order.total,
            currency=order.currency,
            status="created",
            reason="",
            link="",
            tell=False,
            asks=0,
            next_ask_at=clock(),
            created_at=clock(),
            updated_at=clock(),
        )
        .on_conflict_do_nothing(index_elements=["order_id"], index_where=is_open())
        .returning(Payment.id)
    )
    if payment_id is None:
        raise PaymentRefusal("already_open")
    session.execute(update(Order).where(Order.id == order.id).values(payment_status="pending"))
    return session.scalars(select(Payment).where(Payment.id == payment_id)).one()


def _check_prompts(session: Session, order: Order, phone: str) -> None:
    own = session.scalar(select(Customer.phone).where(Customer.id == order.customer_id))
    if own == phone:
        return
    recent = session.execute(
        select(Payment.created_at, clock(-3600).label("hour_ago"))
        .where(Payment.phone == phone, Payment.created_at > clock(-24 * 3600))
        .order_by(Payment.created_at.desc())
        .limit(MOST_PROMPTS_A_DAY)
    ).all()
    in_hour = sum(row.created_at > row.hour_ago for row in recent)
    if len(recent) >= MOST_PROMPTS_A_DAY or in_hour >= MOST_PROMPTS_AN_HOUR:
        raise PaymentRefusal("too_many_prompts")


def _replace_stale(session: Session, order: Order) -> None:
    """Let go of an open payment that can no longer prompt anyone: an old prompt, or a link not used.

    Letting go is not forgetting: if it is paid after all, the money is booked.
    """
    session.execute(
        update(Payment)
        .where(
            Payment.order_id == order.id,
            Payment.status == "pending",
            (Payment.method == "card") | (Payment.created_at < clock(-PROMPT_LIFE)),
        )
        .values(status="expired", reason="replaced", updated_at=clock(), closed_at=clock())
    )


def latest(session: Session, shop_id: int, order_ref: str) -> Payment | None:
    """The order's newest payment."""
    return session.scalars(
        select(Payment)
        .join(Order, Order.id == Payment.order_id)
        .where(Order.ref == order_ref, Order.shop_id == shop_id)
        .order_by(Payment.id.desc())
        .limit(1)
    ).first()


def wait_before_asking(asks: int) -> float:
    """Seconds until the next question: 70 s, then 2, 4, 8 … minutes, at most six hours."""
    return FIRST_ASK if asks == 0 else min(60.0 * 2.0**asks, LONGEST_WAIT)


def started(session: Session, payment_id: int, answer: Started) -> News:
    """The gateway took the charge: remember its name for it and expect news."""
    news = News()
    payment = _lock(session, payment_id)
    moved = session.execute(
        update(Payment)
        .where(Payment.id == payment_id, Payment.status.in_(sources("pending")))
        .values(
            status="pending",
            gateway_ref=answer.gateway_ref,
            link=answer.link,
            updated_at=clock(),
            next_ask_at=clock(wait_before_asking(0)),
        )
        .returning(Payment.id)
    ).first()
    if moved is None and payment.gateway_ref is None:
        session.execute(
            update(Payment).where(Payment.id == payment_id).values(gateway_ref=answer.gateway_ref)
        )
    for event_id in inbox.wake_matching(session, payment.shop_id, answer.gateway_ref):
        news.outcome = "matched"
        news.add(event_id)
    return news


def tell_link(session: Session, payment_id: int) -> int | None:
    """Record that the customer can pay on the gateway's page."""
    payment = _lock(session, payment_id)
    return _tell(session, payment, "PaymentLinkReady", unique=payment.ref)


def outcome_unknown(session: Session, payment_id: int) -> News:
    """The call may or may not have reached the gateway: say so, and ask soon."""
    news = News(outcome="unknown")
    payment = _lock(session, payment_id)
    if _set(session, payment, "unknown", next_ask_at=clock(10)):
        news.add(_tell(session, payment, "PaymentUnknown", unique=payment.ref))
    return news


def apply(
    session: Session, payment_id: int, news_of: PaymentUpdate, inbox_event_id: int | None = None
) -> News:
    """Apply verified news to a payment: the one place where money is booked.

    The caller has established that the news is authentic. ``News.outcome`` is ``booked``,
    ``repeated``, ``refund_due``, ``unmatched``, ``failed``, ``pending`` or ``ignored``.
    """
    order_id = session.execute(select(Payment.order_id).where(Payment.id == payment_id)).scalar_one()
    order = order_service.lock(session, order_id)
    payment = _lock(session, payment_id)
    if news_of.status == "succeeded":
        return _succeeded(session, order, payment, news_of, inbox_event_id)
    if news_of.status == "failed":
        return _failed(session, order, payment, news_of)
    return _pending(session, payment, news_of)


def _succeeded(
    session: Session, order: Order, payment: Payment, news_of: PaymentUpdate, inbox_event_id: int | None
) -> News:
    mismatch = mismatch_of(payment, news_of)
    if mismatch:
        unmatched(
            session, payment.shop_id, payment.gateway, news_of, mismatch, inbox_event_id, payment=payment
        )
        return News(outcome="unmatched")
    placeholder = f"order:{payment.gateway_ref or payment.ref}"
    reference = news_of.transaction_ref or placeholder
    if step(payment.status, "succeeded") is Step.REPEAT:
        return _repeated(session, payment, reference, placeholder, inbox_event_id)
    if _booked_elsewhere(session, payment, reference):
        unmatched(
            session,
            payment.shop_id,
            payment.gateway,
            news_of,
            "reference_reused",
            inbox_event_id,
            payment=payment,
        )
        return News(outcome="unmatched")
    if not _set(
        session, payment, "succeeded", transaction_ref=reference, closed_at=clock(), next_ask_at=None
    ):
        return News(outcome="ignored")
    news = News()
    if order_service.mark_paid(session, order, payment.amount):
        _book(session, "payment", payment, reference, inbox_event_id)
        news.outcome = "booked"
        news.add(_tell(session, payment, "PaymentSucceeded", unique=order.ref))
    else:
        reason = "order_closed" if order.status in UNPAID else "already_paid"
        _book(session, "refund_due", payment, reference, inbox_event_id, reason)
        news.outcome = "refund_due"
        news.add(_tell(session, payment, "MoneyWithoutOrder", unique=payment.ref, amount=payment.amount))
    return news


def _repeated(
    session: Session,
    payment: Payment,
    reference: str,
    placeholder: str,
    inbox_event_id: int | None,
) -> News:
    """Success once more: the same money, its proper reference, or a second payment of the same order."""
    if reference in {payment.transaction_ref, placeholder}:
        return News(outcome="repeated")
    if payment.transaction_ref == placeholder and not _booked_elsewhere(session, payment, reference):
        for table in (Payment, MoneyEvent):
            owner = Payment.id if table is Payment else MoneyEvent.payment_id
            session.execute(
                update(table)
                .where(owner == payment.id, table.transaction_ref == placeholder)
                .values(transaction_ref=reference)
            )
        return News(outcome="repeated")
    news = News(outcome="repeated")
    if _book(session, "refund_due", payment, reference, inbox_event_id, "paid_twice"):
        news.outcome = "refund_due"
        news.add(
            _tell(
                session,
                payment,
                "MoneyWithoutOrder",
                unique=f"{payment.ref}:{reference}",
                amount=payment.amount,
            )
        )
    return news


def _failed(session: Session, order: Order, payment: Payment, news_of: PaymentUpdate) -> News:
    if step(payment.status, "failed") is not Step.MOVE:
        news = News(outcome="ignored")
        if payment.tell and payment.status in {"failed", "expired"}:
            news.add(_tell(session, payment, "PaymentFailed", unique=f"{payment.ref}:{payment.asks}"))
        return news
    if not _set(session, payment, "failed", reason=news_of.reason, closed_at=clock(), next_ask_at=None):
        return News(outcome="ignored")
    session.execute(
        update(Order)
        .where(Order.id == order.id, Order.payment_status == "pending")
        .values(payment_status="failed")
    )
    news = News(outcome="failed")
    news.add(_tell(session, payment, "PaymentFailed", unique=payment.ref))
    return news


def _pending(session: Session, payment: Payment, news_of: PaymentUpdate) -> News:
    news = News(outcome="pending")
    if payment.gateway_ref is None and news_of.gateway_ref is not None:
        return started(session, payment.id, Started(news_of.gateway_ref, news_of.link))
    if payment.tell:
        news.add(_tell(session, payment, "PaymentStillPending", unique=f"{payment.ref}:{payment.asks}"))
    if payment.status == "unknown":
        _set(session, payment, "pending")
    return news


def asked(session: Session, payment_id: int) -> None:
    """Count a question and plan the next; after three days of silence the payment expires."""
    payment = _lock(session, payment_id)
    now = session.execute(select(clock())).scalar_one()
    values: dict[str, object] = {"asks": payment.asks + 1, "tell": False}
    if payment.status in OPEN_PAYMENT_STATUSES:
        if (now - payment.created_at).total_seconds() > GIVE_UP_AFTER:
            values |= {"status": "expired", "closed_at": clock(), "next_ask_at": None}
        else:
            values["next_ask_at"] = clock(wait_before_asking(payment.asks + 1))
    session.execute(update(Payment).where(Payment.id == payment_id).values(**values))


def mismatch_of(payment: Payment, news_of: PaymentUpdate) -> str:
    """Why this news cannot be about this payment; empty when amount, currency and order fit."""
    if news_of.payment_ref is not None and news_of.payment_ref != payment.ref:
        return "other_payment"
    if (
        news_of.gateway_ref is not None
        and payment.gateway_ref is not None
        and news_of.gateway_ref != payment.gateway_ref
    ):
        return "other_order"
    if news_of.currency is not None and news_of.currency != payment.currency:
        return "wrong_currency"
    if news_of.amount is not None and news_of.amount != payment.amount:
        return "wrong_amount"
    return ""


def unmatched(
    session: Session,
    shop_id: int,
    gateway: str,
    news_of: PaymentUpdate,
    reason: str,
    inbox_event_id: int | None,
    *,
    payment: Payment | None = None,
    amount_text: str = "",
) -> bool:
    """Keep money that fits no payment for the owner; the same money is kept once."""
    return (
        session.scalar(
            insert(session, MoneyEvent)
            .values(
                shop_id=shop_id,
                kind="unmatched",
                gateway=gateway,
                transaction_ref=news_of.transaction_ref,
                order_id=None if payment is None else payment.order_id,
                payment_id=None if payment is None else payment.id,
                inbox_event_id=inbox_event_id,
                amount=news_of.amount if news_of.amount is not None and news_of.amount >= 0 else None,
                amount_text=amount_text[:64],
                currency=(news_of.currency or "")[:8],
                reason=reason,
                created_at=clock(),
            )
            .on_conflict_do_nothing()
            .returning(MoneyEvent.id)
        )
        is not None
    )


def _booked_elsewhere(session: Session, payment: Payment, reference: str) -> bool:
    owner = session.execute(
        select(MoneyEvent.payment_id).where(
            MoneyEvent.gateway == payment.gateway,
            MoneyEvent.transaction_ref == reference,
            MoneyEvent.kind.in_([word("payment"), word("refund_due")]),
        )
    ).first()
    return owner is not None and owner.payment_id != payment.id


def _book(
    session: Session,
    kind: str,
    payment: Payment,
    reference: str,
    inbox_event_id: int | None,
    reason: str = "",
) -> bool:
    return (
        session.scalar(
            insert(session, MoneyEvent)
            .values(
                shop_id=payment.shop_id,
                kind=kind,
                gateway=payment.gateway,
                transaction_ref=reference,
                order_id=payment.order_id,
                payment_id=payment.id,
                inbox_event_id=inbox_event_id,
                amount=payment.amount,
                amount_text="",
                currency=payment.currency,
                reason=reason,
                created_at=clock(),
            )
            .on_conflict_do_nothing()
            .returning(MoneyEvent.id)
        )
        is not None
    )


def _set(session: Session, payment: Payment, target: str, **values: object) -> bool:
    """Move a payment; must hit exactly one row."""
    moved = session.execute(
        update(Payment)
        .where(Payment.id == payment.id, Payment.status.in_(sources(target)))
        .values(status=target, updated_at=clock(), **values)
        .returning(Payment.id)
    ).first()
    session.refresh(payment)
    return moved is not None


def _lock(session: Session, payment_id: int) -> Payment:
    return session.scalars(
        select(Payment)
        .where(Payment.id == payment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _tell(session: Session, payment: Payment, name: str, *, unique: str, **data: object) -> int | None:
    row = session.execute(
        select(Order.ref, Customer.identity)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.id == payment.order_id)
    ).one()
    return inbox.record_internal(
        session,
        payment.shop_id,
        row.identity,
        name,
        {"order_ref": row.ref, "payment_ref": payment.ref, **data},
        unique=unique,
    )


__all__ = ["News", "PaymentRefusal", "UnknownOrder", "apply", "request"]
