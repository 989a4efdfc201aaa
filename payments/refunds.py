"""The rules of money going back, each inside the caller's transaction. No gateway is called here.

A refund never takes more than came in: what it gives back is first set aside on its payment by an
UPDATE that names the limit. The order is locked before its payments, as everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from db import audit
from db.models import Customer, MoneyEvent, Order, Pause, Payment, Refund
from db.statements import insert
from db.types import clock, word
from errors import RuleBroken
from orders import service as order_service
from orders import totals
from payments import gateways, service
from payments.service import News
from payments.status import refund_sources

MOST_WORDS: Final = 500
"""Characters kept of a reason."""
_REFERENCE: Final = 100
"""The longest reference of a transfer."""


class RefundRefused(RuleBroken):
    """This refund cannot be; ``code`` says why and the message in words.

    ``refund_exceeds_paid``, ``nothing_to_refund``, ``unknown_refund``, ``refund_closed``, ``reference_needed``,
    ``reason_needed`` or ``cannot_refund``.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Given:
    """What an action did: the refund, what became of it, and whom to ring.

    ``by_hand`` says that somebody must now pay back and note the reference.
    """

    refund_id: int
    status: str
    amount: int
    currency: str
    by_hand: bool
    news: News


def request(
    session: Session,
    shop_id: int,
    order_ref: str,
    amount: int | None,
    reason: str,
    *,
    actor: str,
    key: str = "",
    reference: str = "",
) -> Given:
    """Give back some or all of what was paid for an order.

    Through the gateway where it can; else a person pays back by hand and notes the reference, now or later.

    Args:
        session: a writing transaction.
        shop_id: the shop.
        order_ref: the order.
        amount: minor units; ``None`` for all that is left.
        reason: why; kept, and not told to the customer.
        actor: who says so.
        key: makes one click one refund.
        reference: of a transfer that was made by hand already.

    Raises:
        UnknownOrder: no such order.
        RefundRefused: see there.
    """
    if not reason.strip():
        raise RefundRefused("reason_needed", "say why the money goes back")
    act = audit.begin(session, shop_id, actor, "refund_requested", order_ref, key)
    if act.repeated:
        return _given(session, act.after["refund"], News())
    order = order_service.lock_by_ref(session, shop_id, order_ref)
    left = refundable(session, order.id)
    if left == 0:
        raise RefundRefused("nothing_to_refund", f"nothing paid for order {order_ref} is left to give back")
    wanted = left if amount is None else amount
    payment_id = _holding(session, order.id, wanted)
    if payment_id is None:
        raise RefundRefused(
            "refund_exceeds_paid", f"{wanted} is more than the {left} minor units left of order {order_ref}"
        )
    refund_id = add(session, order, payment_id, wanted, reason.strip(), actor=actor)
    before = {"paymentStatus": order.payment_status}
    news = _go(session, order, refund_id, reference)
    after = {"refund": refund_id, "amount": wanted, "reason": reason[:MOST_WORDS], "reference": reference}
    audit.finish(session, act, before=before, after=after)
    return _given(session, refund_id, news)


def send(session: Session, shop_id: int, refund_id: int, *, actor: str, key: str = "") -> Given:
    """Take a refund that waits for a person, or that the gateway refused, to the gateway.

    Raises:
        RefundRefused: it does not wait, or its gateway cannot pay back.
    """
    act = audit.begin(session, shop_id, actor, "refund_sent", f"R{refund_id}", key)
    if act.repeated:
        return _given(session, refund_id, News())
    _, refund = _lock(session, shop_id, refund_id)
    if not can_refund(session, refund):
        raise RefundRefused(
            "cannot_refund", "this gateway cannot pay back: do it by hand and note the reference"
        )
    before = {"status": refund.status}
    if refund.status not in {"requested", "failed"} or refund.next_at is not None:
        raise RefundRefused("refund_closed", f"refund R{refund_id} is {refund.status} and on its way")
    _set(
        session,
        refund,
        refund.status if refund.status == "requested" else "requested",
        next_at=clock(),
        error="",
    )
    audit.finish(session, act, before=before, after={"status": "requested"})
    return _given(session, refund_id, News())


def by_hand(
    session: Session, shop_id: int, refund_id: int, reference: str, *, actor: str, key: str = ""
) -> Given:
    """Note that somebody has paid a refund back by hand, under this reference of the transfer.

    Raises:
        RefundRefused: it is closed, or there is no reference.
    """
    act = audit.begin(session, shop_id, actor, "refund_by_hand", f"R{refund_id}", key)
    if act.repeated:
        return _given(session, refund_id, News())
    order, refund = _lock(session, shop_id, refund_id)
    before = {"status": refund.status}
    news = _returned(session, order, refund, "manual", reference.strip())
    audit.finish(session, act, before=before, after={"status": "manual", "reference": reference})
    return _given(session, refund_id, news)


def drop(session: Session, shop_id: int, refund_id: int, because: str, *, actor: str, key: str = "") -> Given:
    """Give a refund up that has not gone anywhere: its money is the shop's again, or due back as before.

    Raises:
        RefundRefused: it is closed, or it is on its way.
    """
    if not because.strip():
        raise RefundRefused("reason_needed", "say why the refund is given up")
    act = audit.begin(session, shop_id, actor, "refund_dropped", f"R{refund_id}", key)
    if act.repeated:
        return _given(session, refund_id, News())
    _, refund = _lock(session, shop_id, refund_id)
    before = {"status": refund.status}
    if refund.status == "pending" or refund.next_at is not None:
        raise RefundRefused("refund_closed", f"refund R{refund_id} is on its way")
    _set(session, refund, "failed", closed_at=clock(), next_at=None, error=because[:MOST_WORDS])
    if refund.money_event_id is None:
        session.execute(
            update(Payment)
            .where(Payment.id == refund.payment_id)
            .values(refunded=Payment.refunded - refund.amount)
        )
    else:
        session.execute(
            update(MoneyEvent).where(MoneyEvent.id == refund.money_event_id).values(settled_at=None)
        )
    audit.finish(session, act, before=before, after={"status": "failed", "because": because[:MOST_WORDS]})
    return _given(session, refund_id, News())


def give_back_due(
    session: Session, order: Order, money: MoneyEvent, *, actor: str, reference: str, reason: str
) -> tuple[int, News]:
    """Return exactly the money of a ``refund_due`` that the caller has just claimed; of a locked order."""
    assert money.payment_id is not None  # noqa: S101 - money due back belongs to a payment
    refund_id = add(
        session, order, money.payment_id, money.amount or 0, reason, actor=actor, money_event_id=money.id
    )
    return refund_id, _go(session, order, refund_id, reference)


def of_order(session: Session, order_id: int) -> list[Refund]:
    """The order's refunds, oldest first."""
    return list(session.scalars(select(Refund).where(Refund.order_id == order_id).order_by(Refund.id)))


def by_gateway(session: Session, order_id: int) -> bool:
    """Whether what can still be given back of an order goes back through its gateway; else people do it."""
    holding = session.scalars(
        select(Payment.gateway).where(
            Payment.order_id == order_id, Payment.refunded < Payment.amount, is_booked()
        )
    ).all()
    return bool(holding) and all(gateways.can_refund(name) for name in holding)


def waits(refund: Refund) -> bool:
    """Whether a person must do something about it: pay back by hand, try again, or give it up."""
    return refund.closed_at is None and refund.next_at is None and refund.status != "pending"


def can_refund(session: Session, refund: Refund) -> bool:
    """Whether the gateway that took the money can pay it back."""
    name = session.execute(select(Payment.gateway).where(Payment.id == refund.payment_id)).scalar_one()
    return gateways.can_refund(name)


def due(session: Session, most: int = 100) -> list[int]:
    """Refunds to be taken to their gateway, or asked about, now."""
    paused = exists().where(Pause.shop_id == Refund.shop_id)
    return list(
        session.scalars(
            select(Refund.id)
            .where(Refund.next_at.is_not(None), Refund.next_at <= clock(), ~paused)
            .order_by(Refund.next_at)
            .limit(most)
        )
    )


def succeeded(session: Session, refund_id: int, reference: str, gateway_ref: str | None) -> News:
    """The gateway says that the money went back."""
    order, refund = _lock_any(session, refund_id)
    if refund.closed_at is not None:
        return News(outcome="repeated")
    return _returned(session, order, refund, "succeeded", reference, gateway_ref)


def failed(session: Session, refund_id: int, said: str) -> None:
    """The gateway says no: a person decides what now; what the refund holds of its payment stays held."""
    _, refund = _lock_any(session, refund_id)
    if refund.closed_at is None and refund.status == "pending":
        _set(session, refund, "failed", next_at=None, error=said[:MOST_WORDS])


def _go(session: Session, order: Order, refund_id: int, reference: str) -> News:
    """Back by hand if it was, to the gateway where it can, else it waits for a person."""
    refund = session.get_one(Refund, refund_id)
    if reference.strip():
        return _returned(session, order, refund, "manual", reference.strip())
    if can_refund(session, refund):
        session.execute(update(Refund).where(Refund.id == refund_id).values(next_at=clock()))
    return News(outcome="requested")


def _returned(
    session: Session,
    order: Order,
    refund: Refund,
    status: str,
    reference: str,
    gateway_ref: str | None = None,
) -> News:
    """The money is with the customer: books, figures, the order and the news change together."""
    if not 0 < len(reference) <= _REFERENCE:
        raise RefundRefused("reference_needed", f"a transfer has a reference of 1 to {_REFERENCE} characters")
    values = {"transaction_ref": reference, "gateway_ref": gateway_ref or refund.gateway_ref}
    _set(session, refund, status, closed_at=clock(), next_at=None, **values)
    payment = session.execute(
        select(Payment.ref, Payment.gateway).where(Payment.id == refund.payment_id)
    ).one()
    session.execute(
        insert(session, MoneyEvent).values(
            shop_id=order.shop_id,
            kind="refund",
            gateway=payment.gateway,
            transaction_ref=reference,
            order_id=order.id,
            payment_id=refund.payment_id,
            amount=refund.amount,
            amount_text="",
            currency=refund.currency,
            reason="" if refund.money_event_id is None else "was_due",
            created_at=clock(),
        )
    )
    news = News(outcome=status)
    news.add(
        service.tell_refund(
            session, order, payment.ref, refund.key, amount=refund.amount, reference=reference
        )
    )
    if refund.money_event_id is None:
        _less(session, order, refund)
    return news


def _less(session: Session, order: Order, refund: Refund) -> None:
    """Revenue goes back: the order, its customer and the day's figures say so."""
    back = session.execute(
        select(func.coalesce(func.sum(Refund.amount), 0)).where(
            Refund.order_id == order.id,
            Refund.money_event_id.is_(None),
            Refund.status.in_(["succeeded", "manual"]),
        )
    ).scalar_one()
    session.execute(
        update(Order)
        .where(Order.id == order.id, Order.payment_status.in_(["paid", "part_refunded"]))
        .values(payment_status="refunded" if int(back) >= order.total else "part_refunded")
    )
    session.execute(
        update(Customer).where(Customer.id == order.customer_id).values(spent=Customer.spent - refund.amount)
    )
    totals.add(session, order.shop_id, order.customer_id, refunded=refund.amount)
    method = session.execute(select(Payment.method).where(Payment.id == refund.payment_id)).scalar_one()
    totals.add_taken(session, order.shop_id, order.customer_id, method, refunded=refund.amount)


def _set(session: Session, refund: Refund, status: str, **values: object) -> None:
    """Move a refund; must hit exactly one row."""
    known = (status,) if status == refund.status else refund_sources(status)
    moved = session.execute(
        update(Refund)
        .where(Refund.id == refund.id, Refund.status.in_(known), Refund.closed_at.is_(None))
        .values(status=status, updated_at=clock(), **values)
        .returning(Refund.id)
    ).first()
    if moved is None:
        raise RefundRefused(
            "refund_closed", f"refund R{refund.id} is {refund.status} and cannot become {status}"
        )
    session.refresh(refund)


def _lock(session: Session, shop_id: int, refund_id: int) -> tuple[Order, Refund]:
    known = session.execute(
        select(Refund.id).where(Refund.id == refund_id, Refund.shop_id == shop_id)
    ).first()
    if known is None:
        raise RefundRefused("unknown_refund", f"there is no refund R{refund_id}")
    return _lock_any(session, refund_id)


def _lock_any(session: Session, refund_id: int) -> tuple[Order, Refund]:
    """The refund and its order, the order first."""
    order_id = session.execute(select(Refund.order_id).where(Refund.id == refund_id)).scalar_one()
    order = order_service.lock(session, order_id)
    refund = session.scalars(
        select(Refund)
        .where(Refund.id == refund_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return order, refund


def _holding(session: Session, order_id: int, amount: int) -> int | None:
    """Set the amount aside on the first payment of the order that has so much left; its id."""
    if amount < 1:
        return None
    candidates = session.scalars(
        select(Payment.id)
        .where(Payment.order_id == order_id, Payment.amount - Payment.refunded >= amount, is_booked())
        .order_by(Payment.id)
    ).all()
    return next((payment for payment in candidates if set_aside(session, payment, amount)), None)


def _given(session: Session, refund_id: int, news: News) -> Given:
    refund = session.scalars(
        select(Refund).where(Refund.id == refund_id).execution_options(populate_existing=True)
    ).one()
    return Given(refund.id, refund.status, refund.amount, refund.currency, waits(refund), news)


def owe(session: Session, order: Order, reason: str, *, actor: str) -> int:
    """What was paid for a locked order and has not gone back is owed to its customer from now on.

    For an order that was paid and is given up. A refund waits for somebody of the shop to send it; repeating
    owes nothing more.

    Args:
        session: the transaction in which the order is given up.
        order: locked by ``orders.service.lock``.
        reason: why, for the owner's eyes.
        actor: who gave the order up (``customer``, a member of staff).

    Returns:
        The amount owed anew, in minor units of the order's currency; 0 when nothing was paid.
    """
    owed = 0
    for payment in session.execute(
        select(Payment.id, Payment.amount, Payment.refunded)
        .where(Payment.order_id == order.id, Payment.refunded < Payment.amount, is_booked())
        .order_by(Payment.id)
        .with_for_update(of=Payment)
    ).all():
        amount = payment.amount - payment.refunded
        if set_aside(session, payment.id, amount):
            add(session, order, payment.id, amount, reason, actor=actor)
            owed += amount
    return owed


def refundable(session: Session, order_id: int) -> int:
    """What was booked for the order and no refund holds yet, in minor units."""
    left = session.scalar(
        select(func.coalesce(func.sum(Payment.amount - Payment.refunded), 0)).where(
            Payment.order_id == order_id, is_booked()
        )
    )
    return int(left or 0)


def is_booked() -> ColumnElement[bool]:
    """SQL: the payment's money was booked for its order, and is not merely due back."""
    return exists().where(
        MoneyEvent.order_id == Payment.order_id,
        MoneyEvent.payment_id == Payment.id,
        MoneyEvent.kind == word("payment"),
    )


def set_aside(session: Session, payment_id: int, amount: int) -> bool:
    """Keep ``amount`` of a payment's booked money for a refund, unless so much is not left."""
    kept = session.execute(
        update(Payment)
        .where(
            Payment.id == payment_id,
            Payment.status == word("succeeded"),
            Payment.refunded + amount <= Payment.amount,
        )
        .values(refunded=Payment.refunded + amount)
        .returning(Payment.id)
    ).first()
    return kept is not None


def add(
    session: Session,
    order: Order,
    payment_id: int,
    amount: int,
    reason: str,
    *,
    actor: str,
    money_event_id: int | None = None,
) -> int:
    """Store a refund of a locked order that waits for a person; returns its id.

    Its key is made of the order and a number, not of chance: after a restore the same refund asks for the
    same thing under the same key, and a gateway that honours keys pays it once.
    """
    number = session.execute(select(func.count()).where(Refund.order_id == order.id)).scalar_one() + 1
    return session.execute(
        insert(session, Refund)
        .values(
            shop_id=order.shop_id,
            order_id=order.id,
            payment_id=payment_id,
            money_event_id=money_event_id,
            key=f"refund:{order.ref}:{number}",
            amount=amount,
            currency=order.currency,
            status="requested",
            reason=reason[:MOST_WORDS],
            error="",
            actor=actor,
            asks=0,
            next_at=None,
            created_at=clock(),
            updated_at=clock(),
        )
        .returning(Refund.id)
    ).scalar_one()
