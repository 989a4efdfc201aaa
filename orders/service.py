"""What happens to an order after it is placed: paid, moved along, cancelled, expired.

Every move is an UPDATE that names the statuses it may come from and must hit one row; stock and
totals change in the same transaction.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.orm import Session

from db import inbox
from db.models import OPEN_PAYMENT_STATUSES, Customer, Order, Payment, Product, StockReservation
from db.types import clock, word
from errors import IllegalMove, RuleBroken
from orders import promotions, totals
from orders.status import OWNER_MOVES, UNPAID, sources

HARD_CAP: Final = 24 * 3600.0
"""Seconds after which an unpaid order expires whatever its payments say."""


class UnknownOrder(RuleBroken):
    """There is no such order in this shop."""

    code = "unknown_order"


def lock(session: Session, order_id: int) -> Order:
    """The order, locked until the transaction ends, as it is now."""
    return session.scalars(
        select(Order).where(Order.id == order_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def lock_by_ref(session: Session, shop_id: int, ref: str) -> Order:
    """The order with this reference, locked.

    Raises:
        UnknownOrder: no such order.
    """
    order = session.scalars(
        select(Order)
        .where(Order.ref == ref, Order.shop_id == shop_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if order is None:
        raise UnknownOrder(f"no order {ref}")
    return order


def _move(session: Session, order: Order, target: str, **values: object) -> None:
    moved = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.status.in_(sources(target)))
        .values(status=target, **values)
        .returning(Order.id)
    ).first()
    if moved is None:
        raise IllegalMove(f"order {order.ref} is {order.status}, it cannot become {target}")
    session.refresh(order)


def mark_paid(session: Session, order: Order, amount: int) -> bool:
    """Turn a locked order into a paid one; held stock becomes sold.

    A closed order is honoured when its goods are still there. Returns whether it was: ``False``
    leaves the order as it is, and the money is due back.
    """
    if order.status not in UNPAID or order.paid_at is not None:  # paid once, and cancelled after
        return False
    reopened = order.status != "pending_payment"
    if reopened and not _hold_again(session, order):
        return False
    _move(session, order, "paid", payment_status="paid", paid_at=clock(), closed_at=None)
    _settle_stock(session, order, "sold")
    if reopened:
        promotions.use_again(session, order)
    session.execute(
        update(Customer)
        .where(Customer.id == order.customer_id)
        .values(orders_paid=Customer.orders_paid + 1, spent=Customer.spent + amount)
    )
    totals.add(
        session,
        order.shop_id,
        order.customer_id,
        orders_paid=1,
        revenue=amount,
        orders_closed=-1 if reopened else 0,
    )
    return True


def cancel(session: Session, shop_id: int, ref: str, customer_id: int | None = None) -> Order:
    """Cancel an unpaid order and release its stock; a payment under way stays open and is still believed.

    Raises:
        UnknownOrder: no such order, or another customer's.
        IllegalMove: it is paid or closed already.
    """
    order = lock_by_ref(session, shop_id, ref)
    if customer_id is not None and order.customer_id != customer_id:
        raise UnknownOrder(f"no order {ref}")
    if order.status != "pending_payment":
        raise IllegalMove(f"order {ref} is {order.status}")
    _close(session, order, "cancelled")
    return order


def move(session: Session, shop_id: int, ref: str, status: str) -> Order:
    """The shop moves a paid order along (preparing, dispatched, delivered).

    The caller tells the customer by ``tell_moved``.

    Raises:
        UnknownOrder: no such order.
        IllegalMove: not from where it is now.
    """
    order = lock_by_ref(session, shop_id, ref)
    if status not in OWNER_MOVES or status == "cancelled" or order.status in UNPAID:
        raise IllegalMove(f"order {ref} is {order.status}, it cannot become {status}")
    _move(session, order, status)
    return order


def due_to_expire(session: Session, most: int = 100) -> list[int]:
    """Unpaid orders whose hold is over and that no open payment keeps alive, and any past the hard cap."""
    open_payment = exists().where(Payment.order_id == Order.id, _open_payment())
    rows = session.scalars(
        select(Order.id)
        .where(
            Order.status == word("pending_payment"),
            Order.hold_until < clock(),
            ~open_payment | (Order.placed_at < clock(-HARD_CAP)),
        )
        .order_by(Order.hold_until)
        .limit(most)
    )
    return list(rows)


def expire(session: Session, order_id: int) -> int | None:
    """Expire one order unless a payment is open or news of one waits.

    Returns the event that tells the customer, ``None`` when the order did not expire.
    """
    order = lock(session, order_id)
    now = session.scalar(select(clock()))
    if now is None or order.status != "pending_payment" or order.hold_until >= now:
        return None
    if (now - order.placed_at).total_seconds() < HARD_CAP:
        payments = session.execute(
            select(Payment.gateway_ref, _open_payment().label("open")).where(Payment.order_id == order_id)
        ).all()
        if any(row.open for row in payments):
            return None
        if inbox.waits_for(session, order.shop_id, [row.gateway_ref for row in payments if row.gateway_ref]):
            return None
    _close(session, order, "expired")
    return tell_moved(session, order)


def tell_moved(session: Session, order: Order) -> int | None:
    """Record that the order is now what it is, for its customer to be told once."""
    identity = session.execute(select(Customer.identity).where(Customer.id == order.customer_id)).scalar_one()
    return inbox.record_internal(
        session,
        order.shop_id,
        identity,
        "OrderMoved",
        {"order_ref": order.ref, "status": order.status},
        unique=f"{order.ref}:{order.status}",
    )


def _open_payment() -> ColumnElement[bool]:
    return Payment.status.in_([word(status) for status in OPEN_PAYMENT_STATUSES])


def _close(session: Session, order: Order, status: str) -> None:
    _move(session, order, status, closed_at=clock())
    _settle_stock(session, order, "released")
    promotions.give_back(session, order)
    totals.add(session, order.shop_id, order.customer_id, orders_closed=1)


def _settle_stock(session: Session, order: Order, outcome: str) -> None:
    """Held pieces become sold or go back on the shelf."""
    settled = session.execute(
        update(StockReservation)
        .where(StockReservation.order_id == order.id, StockReservation.status == "held")
        .values(status=outcome)
        .returning(StockReservation.product_id, StockReservation.quantity)
    ).all()
    for product_id, quantity in sorted(settled):
        values: dict[str, ColumnElement[Any]] = {"reserved": Product.reserved - quantity}
        if outcome == "sold":
            values["sold"] = Product.sold + quantity
        else:
            values["available"] = Product.available + quantity
        session.execute(update(Product).where(Product.id == product_id).values(**values))


def _hold_again(session: Session, order: Order) -> bool:
    """Take the stock of a closed order once more; all of it or none."""
    with session.begin_nested() as attempt:
        reservations = session.execute(
            select(StockReservation.product_id, StockReservation.quantity).where(
                StockReservation.order_id == order.id, StockReservation.status == "released"
            )
        ).all()
        for product_id, quantity in sorted(reservations):
            taken = session.execute(
                update(Product)
                # A product whose stock is no longer counted has enough.
                .where(
                    Product.id == product_id,
                    (Product.available >= quantity) | Product.available.is_(None),
                )
                .values(available=Product.available - quantity, reserved=Product.reserved + quantity)
                .returning(Product.id)
            ).first()
            if taken is None:
                attempt.rollback()
                return False
        session.execute(
            update(StockReservation)
            .where(StockReservation.order_id == order.id, StockReservation.status == "released")
            .values(status="held")
        )
    return True
