"""``/api/orders/<ref>/refunds``: giving money back, and what went back."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from admin.orders_input import InvalidFields, RefundBody
from catalog.money import NotWhole, to_major, to_minor
from db.models import Order, Refund
from orders.service import UnknownOrder
from payments import refunds
from payments.refunds import Given

ACTOR = "api"


def give_back(session: Session, shop_id: int, ref: str, body: RefundBody) -> tuple[dict[str, Any], Given]:
    """Do what the body asks for; the answer and whom to ring.

    Raises:
        InvalidFields: the amount is none in this order's currency.
        RuleBroken: this cannot be given back.
    """
    order = _order(session, shop_id, ref)
    amount = None
    if body.amount is not None:
        try:
            amount = to_minor(Decimal(body.amount), order.currency)
        except NotWhole as error:
            raise InvalidFields(("amount", f"is no amount of {order.currency}")) from error
    given = refunds.request(
        session, shop_id, ref, amount, body.reason, actor=ACTOR, reference=body.reference or ""
    )
    return shown(session.get_one(Refund, given.refund_id), ref), given


def listed(session: Session, shop_id: int, ref: str) -> list[dict[str, Any]]:
    """The order's refunds, oldest first.

    Raises:
        UnknownOrder: no such order.
    """
    order = _order(session, shop_id, ref)
    return [shown(refund, ref) for refund in refunds.of_order(session, order.id)]


def shown(refund: Refund, ref: str) -> dict[str, Any]:
    """A refund as JSON; ``byHand`` says that somebody must pay back and note the reference."""
    amount = to_major(refund.amount, refund.currency)
    return {
        "id": f"R{refund.id}",
        "orderId": ref,
        "status": refund.status,
        "amount": int(amount) if amount == amount.to_integral_value() else float(amount),
        "currency": refund.currency,
        "reason": refund.reason,
        "reference": refund.transaction_ref,
        "byHand": refunds.waits(refund),
        "createdAt": refund.created_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _order(session: Session, shop_id: int, ref: str) -> Order:
    order = session.scalars(select(Order).where(Order.ref == ref, Order.shop_id == shop_id)).first()
    if order is None:
        raise UnknownOrder(f"no order {ref}")
    return order
