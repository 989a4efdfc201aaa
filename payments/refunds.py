"""The rules of money going back, each inside the caller's transaction. No gateway is called here.

A refund never takes more than came in: what it gives back is first set aside on its payment by an
UPDATE that names the limit. The order is locked before its payments, as everywhere.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, exists, func, select, update
from sqlalchemy.orm import Session

from db.models import MoneyEvent, Order, Payment, Refund
from db.statements import insert
from db.types import clock, word

MOST_WORDS: Final = 500
"""Characters kept of a reason."""


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
