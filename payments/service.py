"""The rules of payments, each inside the caller's transaction. No gateway is called here.

One open payment per order; a move is an UPDATE that names where it may come from; money is
booked once, and what does not fit is kept for the owner instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from sqlalchemy import ColumnElement, Executable, bindparam, exists, select, update
from sqlalchemy.orm import Session

from db import inbox
from db.models import OPEN_PAYMENT_STATUSES, Customer, InboxEvent, MoneyEvent, Order, Payment
from db.refs import Refs
from db.statements import dialect_of, insert, insert_on, learn, move, table
from db.types import clock, word
from errors import RuleBroken
from orders import service as order_service
from orders import totals
from orders.service import UnknownOrder
from orders.status import UNPAID
from payments import gateways
from payments.gateways.base import PaymentUpdate, Started
from payments.reasons import ALREADY_PAID, ORDER_CLOSED
from payments.status import Step, sources, step
from records import replace

PROMPT_LIFE: Final = 120.0
"""Seconds after which a phone prompt nobody answered may be replaced: M-Pesa's own ends before (code 1037)."""
MOST_PROMPTS_AN_HOUR: Final = 3
MOST_PROMPTS_A_DAY: Final = 5
"""To a number other than the customer's own, against prompt bombing."""
FIRST_ASK: Final = 70.0
LONGEST_WAIT: Final = 6 * 3600.0
GIVE_UP_AFTER: Final = 3 * 24 * 3600.0
CALL_LEASE: Final = 30.0
"""Seconds a worker has for one call to a gateway before another may take the payment."""


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
    matched: list[int] = field(default_factory=list)
    """Payment events that waited for us to know their order."""

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
) -> Payment:
    """Store a payment to be taken after the commit to the gateway that takes its method.

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
    taken = gateways.methods().get(method)
    if taken is None:
        raise PaymentRefusal("unknown_method")
    prompts = taken[0].prompts
    if prompts:
        if not phone:
            raise PaymentRefusal("no_phone")
        _check_prompts(session, order, phone)
    _replace_stale(session, order)
    payment_id = session.execute(
        _requesting(dialect_of(session)),
        {
            "shop_id": shop_id,
            "order_id": order.id,
            "ref": refs.payment(),
            "key": refs.key("pay"),
            "gateway": taken[1],
            "method": method,
            "phone": phone if prompts else None,
            "amount": order.total,
            "currency": order.currency,
        },
    ).scalar()
    if payment_id is None:
        raise PaymentRefusal("already_open")
    session.execute(_EXPECT_MONEY, {"order": order.id})
    session.expire(order, ["payment_status"])
    return _lock(session, payment_id)


@cache
def _requesting(dialect: str) -> Executable:
    return (
        insert_on(dialect, Payment)
        .values(
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
        .returning(table(Payment).c.id)
    )


_EXPECT_MONEY = (
    update(table(Order)).where(table(Order).c.id == bindparam("order")).values(payment_status="pending")
)


_PHONE = select(table(Customer).c.phone).where(table(Customer).c.id == bindparam("customer"))


def _check_prompts(session: Session, order: Order, phone: str) -> None:
    own = session.execute(_PHONE, {"customer": order.customer_id}).scalar()
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
    session.execute(_LET_GO, {"order": order.id})


_PAYMENTS = table(Payment).c
_LET_GO = (
    update(table(Payment))
    .where(
        _PAYMENTS.order_id == bindparam("order"),
        _PAYMENTS.status == word("pending"),
        # Counted from when the prompt went out, which may be long after it was asked for.
        _PAYMENTS.phone.is_(None) | (_PAYMENTS.updated_at < clock(-PROMPT_LIFE)),
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


def unsettled(session: Session, shop_id: int, customer_id: int, most: int = 5) -> list[int]:
    """The customer's newest payments that the gateway knows and nobody has paid so far, whatever their order is."""
    return list(
        session.scalars(
            select(Payment.id)
            .join(Order, Order.id == Payment.order_id)
            .where(
                Order.customer_id == customer_id,
                Order.shop_id == shop_id,
                Payment.status != "succeeded",
                Payment.gateway_ref.is_not(None),
                Payment.created_at > clock(-GIVE_UP_AFTER),
            )
            .order_by(Payment.id.desc())
            .limit(most)
        )
    )


def ask_soon(session: Session, payment_ids: Sequence[int], *, tell: int | None = None) -> list[int]:
    """Make these payments due to be asked about now; the customer waits for the answer about ``tell``.

    A payment whose gateway may not know it is asked about by repeating its first call, and never
    while somebody may be doing just that. Returns those that can be asked about at once.
    """
    if tell is not None:
        session.execute(update(Payment).where(Payment.id == tell).values(tell=True))
    session.execute(
        update(Payment)
        .where(
            Payment.id.in_(payment_ids),
            Payment.gateway_ref.is_not(None)
            | Payment.next_ask_at.is_(None)
            | (Payment.next_ask_at > clock(CALL_LEASE)),
        )
        .values(next_ask_at=clock())
    )
    return list(
        session.scalars(
            select(Payment.id)
            .where(Payment.id.in_(payment_ids), Payment.next_ask_at <= clock())
            .order_by(Payment.id.desc())
        )
    )


def wait_before_asking(age: float) -> float:
    """Seconds until a payment this old is asked about: at 70 s, then after 2, 4, 8 … minutes, at most six hours.

    It depends on the payment's age and not on how often it was asked about, so that a customer who
    asks again and again does not put off the next question.
    """
    due, gap = FIRST_ASK, 120.0
    while due <= age:
        due += gap
        gap = min(2.0 * gap, LONGEST_WAIT)
    return due - age


def _age(session: Session, payment: Payment) -> float:
    now = session.execute(_NOW).scalar_one()
    return float((now - payment.created_at).total_seconds())


_NOW = select(clock())


def started(session: Session, payment_id: int, answer: Started) -> News:
    """The gateway took the charge: remember its name for it and expect news.

    News of the charge may have come before. Where the same call made a second charge over there, the first stays the
    payment's: it is what was heard of and is asked about, and money for the other one is kept as unmatched. But one
    whose page nobody ever saw cannot be paid: then it is the second.
    """
    before = session.execute(_BEFORE, {"payment": payment_id, "gateway_ref": answer.gateway_ref}).one()
    if before.owner not in {
        None,
        payment_id,
    }:  # the gateway gave us an order id that it had given to another payment
        return _review(session, _lock(session, payment_id), "order_reused")
    # Events come before payments, as where an event is applied: nobody waits for each other in a circle.
    news = News(matched=inbox.wake_matching(session, before.shop_id, answer.gateway_ref))
    payment = _lock(session, payment_id)
    learnt = {}
    if payment.gateway_ref in {None, answer.gateway_ref} or (answer.link and not payment.link):
        learnt = {"gateway_ref": answer.gateway_ref, "link": answer.link or payment.link}
    due = clock(wait_before_asking((before.now - before.created_at).total_seconds()))
    if not _set(session, payment, "pending", next_ask_at=due, **learnt) and learnt:
        session.execute(_LEARN, {"which": payment_id, **learnt})
        learn(session, payment, learnt)
    return news


_OTHERS = table(Payment).alias()
_BEFORE = select(
    _PAYMENTS.shop_id,
    _PAYMENTS.created_at,
    clock().label("now"),
    select(_OTHERS.c.id)
    .where(_OTHERS.c.gateway == _PAYMENTS.gateway, _OTHERS.c.gateway_ref == bindparam("gateway_ref"))
    .scalar_subquery()
    .label("owner"),
).where(_PAYMENTS.id == bindparam("payment"))
_LEARN = update(table(Payment)).where(_PAYMENTS.id == bindparam("which"))


def no_longer_wanted(session: Session, order: Order, payment: Payment) -> News:
    """The order was closed or paid before anybody was prompted for this payment: it ends, and asks for nothing.

    Both are locked.
    """
    reason = ORDER_CLOSED if order.status in UNPAID else ALREADY_PAID
    return _failed(session, order, payment, PaymentUpdate("failed", reason=reason))


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
    session: Session,
    payment_id: int,
    news_of: PaymentUpdate,
    inbox_event_id: int | None = None,
    *,
    by_query: bool = False,
) -> News:
    """Apply verified news to a payment: the one place where money is booked.

    The caller has established that the news is authentic; ``by_query`` says that it is the gateway's
    own answer to our question, so that what does not fit is no forgery but needs a person.
    ``News.outcome`` is ``booked``, ``repeated``, ``refund_due``, ``unmatched``, ``needs_review``,
    ``failed``, ``pending`` or ``ignored``.
    """
    order, payment = lock(session, payment_id)
    return apply_locked(session, order, payment, news_of, inbox_event_id, by_query=by_query)


def apply_locked(
    session: Session,
    order: Order,
    payment: Payment,
    news_of: PaymentUpdate,
    inbox_event_id: int | None = None,
    *,
    by_query: bool = False,
) -> News:
    """The same for who has locked both."""
    if news_of.status == "succeeded":
        return _succeeded(session, order, payment, news_of, inbox_event_id, by_query=by_query)
    if news_of.status == "failed":
        return _failed(session, order, payment, news_of)
    return _pending(session, payment, news_of)


def _succeeded(
    session: Session,
    order: Order,
    payment: Payment,
    news_of: PaymentUpdate,
    inbox_event_id: int | None,
    *,
    by_query: bool,
) -> News:
    placeholder = f"order:{payment.gateway_ref or payment.ref}"
    reference = news_of.transaction_ref or placeholder
    mismatch = mismatch_of(payment, news_of)
    paid_before = step(payment.status, "succeeded") is Step.REPEAT
    if not mismatch and not paid_before and _booked_elsewhere(session, payment, reference):
        mismatch = "reference_reused"
    if mismatch:
        unmatched(
            session, payment.shop_id, payment.gateway, news_of, mismatch, inbox_event_id, payment=payment
        )
        return _review(session, payment, mismatch) if by_query else News(outcome="unmatched")
    if paid_before:
        return _repeated(session, payment, reference, placeholder, inbox_event_id)
    if not _set(
        session, payment, "succeeded", transaction_ref=reference, closed_at=clock(), next_ask_at=None
    ):
        return News(outcome="ignored")
    _found_its_payment(session, payment, {reference, placeholder})
    news = News()
    if order_service.mark_paid(session, order, payment.amount):
        _count(session, payment, order)
        _book(session, "payment", payment, reference, inbox_event_id)
        news.outcome = "booked"
        news.add(_tell(session, payment, "PaymentSucceeded", unique=order.ref))
    else:
        reason = "order_closed" if order.status in UNPAID else "already_paid"
        _book(session, "refund_due", payment, reference, inbox_event_id, reason)
        news.outcome = "refund_due"
        news.add(_tell(session, payment, "MoneyWithoutOrder", unique=payment.ref, amount=payment.amount))
    return news


def _review(session: Session, payment: Payment, reason: str) -> News:
    """The gateway itself says what cannot be: a person must look, and nobody pays this order meanwhile.

    A payment let go of while another one of its order is open stays what it is: its money is kept as unmatched.
    """
    news = News(outcome="unmatched")
    other = session.scalar(
        select(Payment.id).where(Payment.order_id == payment.order_id, Payment.id != payment.id, is_open())
    )
    if other is None and _set(session, payment, "needs_review", reason=reason, closed_at=None):
        news.outcome = "needs_review"
        news.add(_tell(session, payment, "PaymentUnknown", unique=f"{payment.ref}:review"))
    _answer_whoever_asked(session, payment, news)
    return news


def _found_its_payment(session: Session, payment: Payment, references: set[str]) -> None:
    """Money kept as unmatched turns out to be what is being booked: it is not there twice."""
    session.execute(_FOUND, {"whose": payment.gateway, "references": sorted(references)})


_MONEY = table(MoneyEvent).c
_FOUND = (
    update(table(MoneyEvent))
    .where(
        _MONEY.gateway == bindparam("whose"),
        _MONEY.transaction_ref.in_(bindparam("references", expanding=True)),
        _MONEY.kind == word("unmatched"),
        _MONEY.settled_at.is_(None),
    )
    .values(settled_at=clock())
)


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
        session.execute(
            update(Payment)
            .where(Payment.id == payment.id, Payment.transaction_ref == placeholder)
            .values(transaction_ref=reference)
        )
        session.execute(
            update(MoneyEvent)
            .where(
                MoneyEvent.payment_id == payment.id,
                MoneyEvent.transaction_ref == placeholder,
                # What was kept under this name beside it stays what it is.
                MoneyEvent.kind.in_([word("payment"), word("refund_due")]),
            )
            .values(transaction_ref=reference)
        )
        _found_its_payment(session, payment, {reference})
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
    if mismatch_of(payment, news_of) in {"other_order", "other_payment"}:
        return News(outcome="ignored")
    if step(payment.status, "failed") is not Step.MOVE:
        news = News(outcome="ignored")
        if payment.tell and payment.status in {"failed", "expired"}:
            news.add(_tell(session, payment, "PaymentFailed", unique=f"{payment.ref}:{payment.asks}"))
        return news
    # Failed is not final for money: whoever knows the payment may yet say that it was paid.
    again = clock(wait_before_asking(_age(session, payment))) if payment.gateway_ref else None
    if not _set(session, payment, "failed", reason=news_of.reason, closed_at=clock(), next_ask_at=again):
        return News(outcome="ignored")
    _unpaid(session, order.id)
    news = News(outcome="failed")
    news.add(_tell(session, payment, "PaymentFailed", unique=payment.ref))
    return news


def _pending(session: Session, payment: Payment, news_of: PaymentUpdate) -> News:
    news = News(outcome="pending")
    if payment.gateway_ref is None and news_of.gateway_ref is not None:
        mismatch = mismatch_of(payment, news_of)
        if mismatch:
            return _review(session, payment, mismatch)
        news = started(session, payment.id, Started(news_of.gateway_ref, news_of.link))
        news.outcome = news.outcome or "pending"
    elif payment.status == "unknown" or (payment.status == "created" and payment.phone is not None):
        # Prompted by a call whose answer we never had: another one is needless. A page is still to be learnt.
        due = clock(wait_before_asking(_age(session, payment)))
        _set(session, payment, "pending", next_ask_at=due)
    _answer_whoever_asked(session, payment, news)
    return news


def _answer_whoever_asked(session: Session, payment: Payment, news: News) -> None:
    """The customer waits for the answer to a question of theirs: there is none yet."""
    if payment.tell and not news.event_ids:
        news.add(_tell(session, payment, "PaymentStillPending", unique=f"{payment.ref}:{payment.asks}"))


def _unpaid(session: Session, order_id: int) -> None:
    """No payment of this order is under way any more."""
    session.execute(
        update(Order)
        .where(Order.id == order_id, Order.payment_status == "pending")
        .values(payment_status="failed")
    )


def unanswered(session: Session, payment_id: int, *, known: bool = True) -> News:
    """The gateway could not be asked, or (not ``known``) never heard of the payment; nothing moves by that."""
    news = News(outcome="unanswered")
    _, payment = lock(session, payment_id)
    if payment.tell and not known and payment.status in {"failed", "expired"}:
        news.add(_tell(session, payment, "PaymentFailed", unique=f"{payment.ref}:{payment.asks}"))
    _answer_whoever_asked(session, payment, news)
    return news


def asked(session: Session, payment_id: int) -> None:
    """Count a question and plan the next; after three days of silence there is none, and the payment expires."""
    order, payment = lock(session, payment_id)
    age = _age(session, payment)
    askable = payment.gateway_ref is not None or payment.status == "unknown"
    over = age > GIVE_UP_AFTER
    if over and payment.status != "needs_review" and payment.status in OPEN_PAYMENT_STATUSES:
        _set(session, payment, "expired", reason="expired", closed_at=clock())
        _unpaid(session, order.id)
    plan = askable and not over and payment.status != "succeeded"
    session.execute(
        update(Payment)
        .where(Payment.id == payment_id)
        .values(
            asks=payment.asks + 1, tell=False, next_ask_at=clock(wait_before_asking(age)) if plan else None
        )
    )


def adopt(session: Session, order: Order, money: MoneyEvent, *, refs: Refs) -> News:
    """Book money that was kept, and that the caller has just claimed, as the payment of a locked order.

    Its amount is the order's total. ``News.outcome`` is ``booked``, ``booked_before`` when money with its
    reference is, or ``refused`` when the order takes no money any more.
    """
    reference = money.transaction_ref or f"money:{money.id}"
    if money.kind != "refund_due":
        booked = select(MoneyEvent.id).where(
            MoneyEvent.gateway == money.gateway,
            MoneyEvent.transaction_ref == reference,
            MoneyEvent.kind.in_([word("payment"), word("refund_due")]),
        )
        if session.execute(booked).first() is not None:
            return News(outcome="booked_before")
    payment = _payment_of(session, order, money, reference, refs)
    if not order_service.mark_paid(session, order, payment.amount):
        return News(outcome="refused")
    _count(session, payment, order)
    session.execute(
        update(MoneyEvent)
        .where(MoneyEvent.id == money.id)
        .values(kind="payment", transaction_ref=reference, order_id=order.id, payment_id=payment.id)
    )
    news = News(outcome="booked")
    news.add(_tell(session, payment, "PaymentSucceeded", unique=order.ref))
    return news


def _count(session: Session, payment: Payment, order: Order) -> None:
    """The order was paid by this payment: its way to pay brought so much."""
    taken = {"payments": 1, "revenue": payment.amount}
    totals.add_taken(session, order.shop_id, order.customer_id, payment.method, **taken)


def _payment_of(session: Session, order: Order, money: MoneyEvent, reference: str, refs: Refs) -> Payment:
    """The payment that money turns out to be: the one it came for if that is this order's, else a new one."""
    if money.payment_id is not None:
        claimed = _lock(session, money.payment_id)
        if claimed.order_id == order.id and claimed.amount == order.total:
            if claimed.status == "succeeded" and money.kind == "refund_due":
                return claimed
            done: dict[str, object] = {
                "transaction_ref": reference,
                "closed_at": clock(),
                "next_ask_at": None,
            }
            if _set(session, claimed, "succeeded", **done):
                return claimed
    taken = [name for name, (_, gateway) in gateways.methods().items() if gateway == money.gateway]
    payment = Payment(
        shop_id=order.shop_id,
        order_id=order.id,
        ref=refs.payment(),
        key=refs.key("pay"),
        gateway=money.gateway,
        method=taken[0] if taken else money.gateway,
        amount=order.total,
        currency=order.currency,
        status="succeeded",
        transaction_ref=reference,
        created_at=clock(),
        updated_at=clock(),
        closed_at=clock(),
    )
    session.add(payment)
    session.flush()
    return payment


def settle_review(session: Session, payment: Payment) -> News:
    """A person looked: this payment does not pay its order. What was kept of its money is settled with it.

    A payment nobody could tell about goes on being asked about: money that comes after all is booked.
    """
    order, payment = lock(session, payment.id)
    news = News(outcome="ignored")
    reviewed = payment.status == "needs_review"
    known = not reviewed and payment.gateway_ref is not None
    again = clock(wait_before_asking(_age(session, payment))) if known else None
    if payment.status in {"needs_review", "unknown"} and _set(
        session, payment, "failed", reason="unknown", closed_at=clock(), next_ask_at=again
    ):
        news.outcome = "failed"
        _unpaid(session, order.id)
        session.execute(
            update(MoneyEvent)
            .where(
                MoneyEvent.order_id == order.id,
                MoneyEvent.payment_id == payment.id,
                MoneyEvent.kind == word("unmatched"),
                MoneyEvent.settled_at.is_(None),
            )
            .values(settled_at=clock())
        )
        news.add(_tell(session, payment, "PaymentFailed", unique=f"{payment.ref}:reviewed"))
    return news


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
    """Keep money that fits no payment for the owner; the same money is kept once, named or not."""
    if payment is not None:
        told = news_of.gateway_ref or payment.gateway_ref or payment.ref
        placeholder = f"order:{told}"
        kept: ColumnElement[bool]
        if news_of.transaction_ref is None:
            news_of = replace(news_of, transaction_ref=placeholder)
            kept = (MoneyEvent.reason == reason) & _may_be_of(told, placeholder)
        else:
            kept = MoneyEvent.transaction_ref.in_([news_of.transaction_ref, placeholder])
        known = session.scalars(
            select(MoneyEvent).where(
                MoneyEvent.order_id == payment.order_id,
                MoneyEvent.payment_id == payment.id,
                MoneyEvent.kind == word("unmatched"),
                kept,
            )
        ).first()
        if known is not None:
            if known.transaction_ref == placeholder != news_of.transaction_ref:
                _name(session, known, news_of.transaction_ref)
            return False
    if reason == "other_order" and payment is not None and _booked_here(session, payment, news_of):
        return False  # told again about money this payment has been paid with
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


def _may_be_of(told: str, placeholder: str) -> ColumnElement[bool]:
    """SQL: this money, kept before, was told about the same order of the gateway's, as far as is known."""
    about_another = exists().where(
        InboxEvent.id == MoneyEvent.inbox_event_id,
        InboxEvent.match_key.is_not(None),
        InboxEvent.match_key != told,
    )
    return (MoneyEvent.transaction_ref == placeholder) | (
        ~MoneyEvent.transaction_ref.startswith("order:", autoescape=True) & ~about_another
    )


def _name(session: Session, money: MoneyEvent, reference: str | None) -> None:
    """Give unmatched money its proper reference, unless that is kept already."""
    taken = session.scalar(
        select(MoneyEvent.id).where(
            MoneyEvent.gateway == money.gateway,
            MoneyEvent.transaction_ref == reference,
            MoneyEvent.kind == word("unmatched"),
        )
    )
    if taken is None:
        money.transaction_ref = reference


def _booked_here(session: Session, payment: Payment, news_of: PaymentUpdate) -> bool:
    return (
        news_of.transaction_ref is not None
        and session.execute(
            select(MoneyEvent.id).where(
                MoneyEvent.gateway == payment.gateway,
                MoneyEvent.transaction_ref == news_of.transaction_ref,
                MoneyEvent.payment_id == payment.id,
                MoneyEvent.kind.in_([word("payment"), word("refund_due")]),
            )
        ).first()
        is not None
    )


def _booked_elsewhere(session: Session, payment: Payment, reference: str) -> bool:
    owner = session.execute(_BOOKED, {"gateway": payment.gateway, "reference": reference}).first()
    return owner is not None and owner.payment_id != payment.id


_BOOKED = select(_MONEY.payment_id).where(
    _MONEY.gateway == bindparam("gateway"),
    _MONEY.transaction_ref == bindparam("reference"),
    _MONEY.kind.in_([word("payment"), word("refund_due")]),
)


def _book(
    session: Session,
    kind: str,
    payment: Payment,
    reference: str,
    inbox_event_id: int | None,
    reason: str = "",
) -> bool:
    booked = session.execute(
        _booking(dialect_of(session)),
        {
            "shop_id": payment.shop_id,
            "kind": kind,
            "gateway": payment.gateway,
            "transaction_ref": reference,
            "order_id": payment.order_id,
            "payment_id": payment.id,
            "inbox_event_id": inbox_event_id,
            "amount": payment.amount,
            "amount_text": "",
            "currency": payment.currency,
            "reason": reason,
        },
    )
    return booked.first() is not None


@cache
def _booking(dialect: str) -> Executable:
    return (
        insert_on(dialect, MoneyEvent)
        .values(created_at=clock())
        .on_conflict_do_nothing()
        .returning(_MONEY.id)
    )


def _set(session: Session, payment: Payment, target: str, **values: object) -> bool:
    """Move a locked payment; must hit exactly one row."""
    written = {"updated_at": clock(), **values}
    moved = move(session, Payment, payment.id, target, sources(target), written)
    if moved:
        learn(session, payment, {"status": target, **written})
    return moved


_LOCK = (
    select(Payment)
    .where(Payment.id == bindparam("payment"))
    .with_for_update()
    .execution_options(populate_existing=True)
)
_LOCK_ORDER = (
    select(Order)
    .where(
        Order.id
        == select(table(Payment).c.order_id)
        .where(table(Payment).c.id == bindparam("payment"))
        .scalar_subquery()
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)


def _lock(session: Session, payment_id: int) -> Payment:
    return session.scalars(_LOCK, {"payment": payment_id}).one()


def lock(session: Session, payment_id: int) -> tuple[Order, Payment]:
    """The order a payment is for and the payment, locked in the order everybody locks them in: the order first."""
    order = session.scalars(_LOCK_ORDER, {"payment": payment_id}).one()
    return order, _lock(session, payment_id)


def tell_refund(
    session: Session, order: Order, payment_ref: str, key: str, *, amount: int, reference: str
) -> int | None:
    """Record that money of a locked order went back, for its customer to be told once."""
    identity = session.execute(select(Customer.identity).where(Customer.id == order.customer_id)).scalar_one()
    return inbox.record_internal(
        session,
        order.shop_id,
        identity,
        "RefundSent",
        {"order_ref": order.ref, "payment_ref": payment_ref, "amount": amount, "reference": reference},
        unique=key,
    )


_WHOSE = (
    select(table(Order).c.ref, table(Customer).c.identity)
    .select_from(table(Order).join(table(Customer), table(Customer).c.id == table(Order).c.customer_id))
    .where(table(Order).c.id == bindparam("order"))
)


def _tell(session: Session, payment: Payment, name: str, *, unique: str, **data: object) -> int | None:
    row = session.execute(_WHOSE, {"order": payment.order_id}).one()
    return inbox.record_internal(
        session,
        payment.shop_id,
        row.identity,
        name,
        {"order_ref": row.ref, "payment_ref": payment.ref, **data},
        unique=unique,
    )


__all__ = ["News", "PaymentRefusal", "UnknownOrder", "apply", "request"]
