"""Cancelling an order that is paid: the goods go back on the shelf, and the money is due back, once."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import MoneyEvent, Order, Refund
from db.statements import insert
from db.types import clock, word
from orders import service as order_service

CANCELLED: Final = "order_cancelled"
"""The reason of what is due back because a paid order was cancelled: money that came is told again, not new."""


def cancel_paid(
    session: Session, shop_id: int, ref: str, customer_id: int | None = None, *, actor: str = "customer"
) -> Order:
    """Cancel a paid order that is not on its way, and record what is due back to the customer.

    Whoever calls it for the shop tells the customer by ``orders.service.tell_moved``.

    Raises:
        UnknownOrder: no such order, or another customer's.
        IllegalMove: it is not paid, on its way, or closed.
    """
    order = order_service.lock_of(session, shop_id, ref, customer_id)
    order_service.take_back(session, order, actor=actor)
    _owe(session, order)
    return order


def _owe(session: Session, order: Order) -> None:
    """What was booked for the order and has not gone back yet is due back; its own name makes it be there once."""
    booked = session.scalars(
        select(MoneyEvent).where(MoneyEvent.order_id == order.id, MoneyEvent.kind == word("payment"))
    ).first()
    if booked is None:
        return
    gone = session.scalar(
        select(func.coalesce(func.sum(Refund.amount), 0)).where(
            Refund.order_id == order.id, Refund.payment_id == booked.payment_id, Refund.status != "failed"
        )
    )
    due = (booked.amount or 0) - int(gone or 0)
    if due <= 0:
        return
    session.execute(
        insert(session, MoneyEvent)
        .values(
            shop_id=order.shop_id,
            kind="refund_due",
            gateway=booked.gateway,
            transaction_ref=f"cancelled:{order.ref}",
            order_id=order.id,
            payment_id=booked.payment_id,
            inbox_event_id=None,
            amount=due,
            amount_text="",
            currency=booked.currency,
            reason=CANCELLED,
            created_at=clock(),
        )
        .on_conflict_do_nothing()
    )
