"""Orders as they are shown: read, never changed, here."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models import Order, OrderLine, Payment
from orders.order import Delivery, OrderLineView, OrderView, Receipt, Rider

_LINES = select(OrderLine).where(OrderLine.order_id == bindparam("order")).order_by(OrderLine.position)
_ORDER = select(Order).where(Order.ref == bindparam("ref"), Order.shop_id == bindparam("shop"))


def view(session: Session, row: Order) -> OrderView:
    """The order with its lines."""
    lines = session.scalars(_LINES, {"order": row.id})
    return OrderView(
        ref=row.ref,
        status=row.status,
        payment_status=row.payment_status,
        currency=row.currency,
        lines=tuple(
            OrderLineView(line.product_id, line.sku, line.name, line.quantity, line.unit_price)
            for line in lines
        ),
        subtotal=row.subtotal,
        discount=row.discount,
        delivery_fee=row.delivery_fee,
        total=row.total,
        delivery=Delivery.of(row.delivery),
        placed_at=row.placed_at,
        hold_until=row.hold_until,
        discount_label=row.discount_label,
        rider=Rider(row.rider_name, row.rider_phone) if row.rider_name or row.rider_phone else None,
        paid_at=row.paid_at,
    )


def order(session: Session, shop_id: int, ref: str) -> OrderView | None:
    """The order with this reference."""
    row = session.scalars(_ORDER, {"ref": ref, "shop": shop_id}).first()
    return None if row is None else view(session, row)


def of_customer(session: Session, shop_id: int, customer_id: int, most: int = 5) -> list[OrderView]:
    """The customer's newest orders, newest first."""
    rows = session.scalars(
        select(Order)
        .where(Order.customer_id == customer_id, Order.shop_id == shop_id)
        .order_by(Order.id.desc())
        .limit(most)
    )
    return [view(session, row) for row in rows.all()]


def owner(session: Session, shop_id: int, ref: str) -> int | None:
    """The customer whose order this is."""
    return session.scalar(select(Order.customer_id).where(Order.ref == ref, Order.shop_id == shop_id))


def receipt(session: Session, shop_id: int, ref: str) -> Receipt | None:
    """How the order was paid; ``None`` while it is not."""
    found = session.execute(
        select(Order, Payment)
        .join(Payment, Payment.order_id == Order.id)
        .where(Order.ref == ref, Order.shop_id == shop_id, Payment.status == "succeeded")
        .order_by(Payment.closed_at, Payment.id)
        .limit(1)
    ).first()
    if found is None:
        return None
    paid, payment = found
    return Receipt(
        order=view(session, paid),
        method=payment.method,
        reference=payment.transaction_ref or "",
        amount=payment.amount,
        paid_at=paid.paid_at or payment.updated_at,
    )
