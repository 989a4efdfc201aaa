"""Internal events as the flow hears them: with the order they are about, as it is now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.events import (
    BackInStock,
    Event,
    MoneyWithoutOrder,
    OrderCreated,
    OrderMoved,
    OrderReminder,
    PaymentFailed,
    PaymentLinkReady,
    PaymentStillPending,
    PaymentSucceeded,
    PaymentUnknown,
    RefundSent,
)
from db.models import Payment
from errors import FlowError
from orders import reading
from records import replace


def hydrate(session: Session, shop_id: int, data: dict[str, Any]) -> Event | None:
    """An internal event with the order it is about, as it is now; ``None`` when there is nothing to say."""
    name = data["event"]
    if name == "BackInStock":
        return BackInStock(int(data["product_id"]))
    ref = data["order_ref"]
    if name == "PaymentSucceeded":
        receipt = reading.receipt(session, shop_id, ref)
        return None if receipt is None else PaymentSucceeded(receipt)
    order = reading.order(session, shop_id, ref)
    if order is None:
        return None
    payment = (
        session.scalars(select(Payment).where(Payment.ref == data["payment_ref"])).first()
        if "payment_ref" in data
        else None
    )
    method = payment.method if payment is not None else ""
    match name:
        case "OrderCreated":
            return OrderCreated(order)
        case "OrderMoved":
            return OrderMoved(replace(order, status=data.get("status", order.status)))
        case "OrderReminder":
            return OrderReminder(order)
        case "PaymentLinkReady":
            return PaymentLinkReady(order, payment.link if payment is not None else "")
        case "PaymentFailed":
            return PaymentFailed(order, method, payment.reason if payment is not None else "unknown")
        case "PaymentUnknown":
            return PaymentUnknown(order, method)
        case "PaymentStillPending":
            return PaymentStillPending(order, method)
        case "RefundSent":
            return RefundSent(order, int(data["amount"]), str(data["reference"]))
        case "MoneyWithoutOrder":
            return MoneyWithoutOrder(order, int(data["amount"]))
        case _:
            raise FlowError(f"nobody knows the event {name}")
