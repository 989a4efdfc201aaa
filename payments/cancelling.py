"""Cancelling an order that is paid: the goods go back on the shelf, and the money is due back, once."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from db.models import Order
from orders import service as order_service
from payments import refunds

CANCELLED: Final = "The order was cancelled after it was paid"
"""Why, for the owner."""


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
    refunds.owe(session, order, CANCELLED, actor=actor)
    return order
