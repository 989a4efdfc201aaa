"""What happens to an order after it is placed: paid, moved along, cancelled, expired.

Every move is an UPDATE that names the statuses it may come from and must hit one row; stock and
totals change in the same transaction.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Integer, Update, bindparam, exists, insert, select, update
from sqlalchemy.orm import Session

from db import inbox, statements
from db.models import (
    OPEN_PAYMENT_STATUSES,
    Conversation,
    Customer,
    Order,
    OrderMove,
    OrderNote,
    Payment,
    Product,
    StockReservation,
)
from db.statements import table
from db.types import clock, word
from errors import IllegalMove, RuleBroken
from orders import promotions, totals
from orders.order import Delivery, Rider
from orders.status import CANCELLABLE, OWNER_MOVES, UNPAID, sources

HARD_CAP: Final = 24 * 3600.0
"""Seconds after which an unpaid order expires whatever its payments say."""
REMIND_BEFORE: Final = 600.0
"""Seconds before the end of its hold at which an unpaid order is spoken of once more."""
REMIND_AFTER: Final = 300.0
"""Seconds an order is left alone before anybody is reminded of it."""
WINDOW_LEFT: Final = 23.5 * 3600.0
"""Seconds after their last word within which a customer may surely be written to freely."""


class UnknownOrder(RuleBroken):
    """There is no such order in this shop."""

    code = "unknown_order"


_MOVED = insert(table(OrderMove)).values(at=clock())
_LOCK = (
    select(Order)
    .where(Order.id == bindparam("order"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


_LOCK_BY_REF = (
    select(Order)
    .where(Order.ref == bindparam("ref"), Order.shop_id == bindparam("shop"))
    .with_for_update()
    .execution_options(populate_existing=True)
)


def lock(session: Session, order_id: int) -> Order:
    """The order, locked until the transaction ends, as it is now."""
    return session.scalars(_LOCK, {"order": order_id}).one()


def lock_by_ref(session: Session, shop_id: int, ref: str) -> Order:
    """The order with this reference, locked.

    Raises:
        UnknownOrder: no such order.
    """
    order = session.scalars(_LOCK_BY_REF, {"ref": ref, "shop": shop_id}).first()
    if order is None:
        raise UnknownOrder(f"no order {ref}")
    return order


def _move(session: Session, order: Order, target: str, actor: str, **values: object) -> None:
    if not statements.move(session, Order, order.id, target, sources(target), values):
        raise IllegalMove(f"order {order.ref} is {order.status}, it cannot become {target}")
    session.execute(
        _MOVED, {"shop_id": order.shop_id, "order_id": order.id, "status": target, "actor": actor}
    )
    statements.learn(session, order, {"status": target, **values})


def mark_paid(session: Session, order: Order, amount: int) -> bool:
    """Turn a locked order into a paid one; held stock becomes sold.

    A closed order is honoured when its goods are still there, but never one that was paid before and cancelled.
    Returns whether it was: ``False`` leaves the order as it is, and the money is due back.
    """
    if order.status not in UNPAID or order.paid_at is not None:
        return False
    reopened = order.status != "pending_payment"
    if reopened and not _hold_again(session, order):
        return False
    _move(session, order, "paid", "money", payment_status="paid", paid_at=clock(), closed_at=None)
    _settle_stock(session, order, "held", "sold")
    if reopened:
        promotions.use_again(session, order)
    session.execute(_SPENT, {"customer": order.customer_id, "amount": amount})
    now = totals.local_now(session, order.shop_id)
    totals.add_sold(session, order.shop_id, order.id, now.date())
    totals.add(
        session,
        order.shop_id,
        order.customer_id,
        now,
        orders_paid=1,
        revenue=amount,
        orders_closed=-1 if reopened else 0,
    )
    return True


def lock_of(session: Session, shop_id: int, ref: str, customer_id: int | None) -> Order:
    """The order with this reference, locked, if it is this customer's; ``None`` stands for the shop itself.

    Raises:
        UnknownOrder: no such order, or another customer's.
    """
    order = lock_by_ref(session, shop_id, ref)
    if customer_id is not None and order.customer_id != customer_id:
        raise UnknownOrder(f"no order {ref}")
    return order


def cancel(
    session: Session, shop_id: int, ref: str, customer_id: int | None = None, *, actor: str = "customer"
) -> Order:
    """Cancel an unpaid order and release its stock; a payment under way stays open and is still believed.

    Raises:
        UnknownOrder: no such order, or another customer's.
        IllegalMove: it is paid or closed already.
    """
    order = lock_of(session, shop_id, ref, customer_id)
    if order.status != "pending_payment":
        raise IllegalMove(f"order {ref} is {order.status}")
    _close(session, order, "cancelled", actor)
    return order


def take_back(session: Session, order: Order, *, actor: str) -> None:
    """Cancel a locked order that is paid and not on its way; what was sold is on the shelf again.

    The money is the caller's to give back: see ``payments.cancelling``. Counts of orders and money keep it,
    since it was paid; what goes back is counted when it goes.

    Raises:
        IllegalMove: it is not paid, or on its way.
    """
    if order.status not in CANCELLABLE:
        raise IllegalMove(f"order {order.ref} is {order.status}")
    _move(session, order, "cancelled", actor, closed_at=clock())
    _settle_stock(session, order, "sold", "released")
    promotions.give_back(session, order)


def move(
    session: Session, shop_id: int, ref: str, status: str, *, actor: str = "shop", rider: Rider | None = None
) -> Order:
    """The shop moves a paid order along (preparing, dispatched, delivered), perhaps with a ``rider``.

    The caller tells the customer by ``tell_moved``.

    Raises:
        UnknownOrder: no such order.
        IllegalMove: not from where it is now.
    """
    order = lock_by_ref(session, shop_id, ref)
    if status not in OWNER_MOVES or status == "cancelled" or order.status in UNPAID:
        raise IllegalMove(f"order {ref} is {order.status}, it cannot become {status}")
    values = {} if rider is None else {"rider_name": rider.name, "rider_phone": rider.phone}
    _move(session, order, status, actor, **values)
    return order


def note(session: Session, shop_id: int, ref: str, body: str, *, author: str) -> None:
    """Keep a note about an order that only the shop's people read.

    Raises:
        UnknownOrder: no such order.
    """
    order = lock_by_ref(session, shop_id, ref)
    session.add(
        OrderNote(
            shop_id=shop_id, order_id=order.id, author=author, body=body[:LONGEST_NOTE], created_at=clock()
        )
    )


LONGEST_NOTE: Final = 2000


def add_to_delivery(session: Session, shop_id: int, ref: str, customer_id: int, line: str) -> Order:
    """A further line of the customer's about where to; only while the order is unpaid.

    Raises:
        UnknownOrder: no such order, or another customer's.
        IllegalMove: it is paid or closed, or nobody goes there.
    """
    order = lock_of(session, shop_id, ref, customer_id)
    place = Delivery.of(order.delivery)
    if order.status != "pending_payment" or place.kind not in {"address", "location"}:
        raise IllegalMove(f"order {ref} is {order.status}")
    order.delivery = order.delivery | {"landmark": place.with_line(line).landmark}
    session.flush()
    return order


def remember_referral(session: Session, shop_id: int, ref: str, referral: dict[str, str]) -> None:
    """The advert that brought the customer, kept with the order."""
    session.execute(update(Order).where(Order.ref == ref, Order.shop_id == shop_id).values(referral=referral))


def due_to_remind(session: Session, most: int = 100) -> list[int]:
    """Unpaid orders whose hold ends soon, of customers who may still be written to and have not said stop."""
    rows = session.scalars(
        select(Order.id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Conversation, Conversation.customer_id == Order.customer_id)
        .where(
            Order.status == word("pending_payment"),
            Order.hold_until < clock(REMIND_BEFORE),
            Order.hold_until > clock(),
            Order.placed_at < clock(-REMIND_AFTER),
            Order.reminded_at.is_(None),
            Order.payment_status != "pending",
            Customer.stopped_at.is_(None),
            Customer.blocked_at.is_(None),
            Conversation.inbound_at > clock(-WINDOW_LEFT),
            Conversation.handed_off_until.is_(None),
        )
        .order_by(Order.hold_until)
        .limit(most)
    )
    return list(rows)


def remind(session: Session, order_id: int) -> int | None:
    """Have the customer reminded of an unpaid order, once for ever.

    Returns the event that does it, ``None`` when it was done before or is no longer wanted.
    """
    row = session.execute(
        update(Order)
        .where(
            Order.id == order_id,
            Order.status == word("pending_payment"),
            Order.payment_status != "pending",
            Order.hold_until > clock(),
            Order.reminded_at.is_(None),
        )
        .values(reminded_at=clock())
        .returning(Order.id, Order.shop_id, Order.ref, Order.customer_id)
    ).first()
    if row is None:
        return None
    identity = session.execute(select(Customer.identity).where(Customer.id == row.customer_id)).scalar_one()
    data = {"order_ref": row.ref}
    return inbox.record_internal(session, row.shop_id, identity, "OrderReminder", data, unique=row.ref)


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
    _close(session, order, "expired", "time")
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


def _close(session: Session, order: Order, status: str, actor: str) -> None:
    _move(session, order, status, actor, closed_at=clock())
    _settle_stock(session, order, "held", "released")
    promotions.give_back(session, order)
    totals.add(session, order.shop_id, order.customer_id, orders_closed=1)


def _settle_stock(session: Session, order: Order, before: str, outcome: str) -> None:
    """Held pieces become sold or go back on the shelf, and sold ones go back."""
    told = {"order": order.id, "before": before, "status": outcome}
    settled = session.execute(_SETTLE, told).all()
    for product_id, quantity in sorted(tuple(row) for row in settled):
        session.execute(_SHELVE[before, outcome], {"product": product_id, "pieces": quantity})


_RESERVATIONS = table(StockReservation).c
_SETTLE = (
    update(table(StockReservation))
    .where(_RESERVATIONS.order_id == bindparam("order"), _RESERVATIONS.status == bindparam("before"))
    .returning(_RESERVATIONS.product_id, _RESERVATIONS.quantity)
)


def _shelve(gone: str, come: str) -> Update:
    """Pieces of a product leave one count for another."""
    pieces, counts = bindparam("pieces", type_=Integer()), table(Product).c
    changed = {gone: counts[gone] - pieces, come: counts[come] + pieces}
    return update(table(Product)).where(counts.id == bindparam("product")).values(changed)


_SHELVE = {
    ("held", "sold"): _shelve("reserved", "sold"),
    ("held", "released"): _shelve("reserved", "available"),
    ("sold", "released"): _shelve("sold", "available"),
}
_CUSTOMERS = table(Customer).c
_SPENT = (
    update(table(Customer))
    .where(_CUSTOMERS.id == bindparam("customer"))
    .values(
        orders_paid=_CUSTOMERS.orders_paid + 1,
        spent=_CUSTOMERS.spent + bindparam("amount", type_=BigInteger()),
    )
)


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
