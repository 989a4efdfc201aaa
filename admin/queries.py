"""What the owner sees, read from the tables: each query is served by an index that a test names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session

from admin import cursors
from db.models import ERASED, Customer, MoneyEvent, Order, OrderLine, OutboxMessage, Payment, Refund
from db.types import UtcTime

PAGE: Final = 25
MOST: Final = 100
MOST_MESSAGES: Final = 60
_REFERENCE: Final = re.compile(r"[A-Z0-9-]{1,40}", re.ASCII)

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Part of a list; ``next_cursor`` is ``None`` on its last page."""

    rows: tuple[Row, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LineRow:
    """One product of an order."""

    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order in a list; ``total`` in minor units."""

    id: int
    ref: str
    placed_at: datetime
    customer_id: int
    customer_name: str
    phone: str | None
    lines: tuple[LineRow, ...]
    total: int
    currency: str
    status: str
    payment_status: str
    delivery: dict[str, Any]

    @property
    def pieces(self) -> int:
        """How many pieces in all."""
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """A customer in a list; ``spent`` in minor units."""

    id: int
    name: str
    phone: str | None
    orders_placed: int
    orders_paid: int
    spent: int
    created_at: datetime
    seen_at: datetime
    blocked: bool = False
    forgotten: bool = False
    owner: bool = False


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """One order with all that belongs to it."""

    order: Order
    customer: Customer
    lines: tuple[OrderLine, ...]
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]
    money: tuple[MoneyEvent, ...]
    messages: tuple[OutboxMessage, ...]


def orders_statement(shop_id: int, after: str | None, limit: int) -> Select[Order, str, str | None]:
    """The newest orders after a cursor and one more (``ix_orders_newest``)."""
    statement = (
        select(Order, Customer.name, Customer.phone)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.shop_id == shop_id)
        .order_by(Order.id.desc())
        .limit(limit + 1)
    )
    return statement if after is None else statement.where(Order.id < cursors.to_id(after))


def orders_page(
    session: Session, shop_id: int, after: str | None = None, limit: int = PAGE
) -> Page[OrderRow]:
    """Orders, newest first.

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    found = session.execute(orders_statement(shop_id, after, limit)).all()
    shown = found[:limit]
    lines = _lines(session, [row.Order.id for row in shown])
    rows = tuple(_order_row(row.Order, row.name, row.phone, lines[row.Order.id]) for row in shown)
    return Page(rows, cursors.of_id(rows[-1].id) if len(found) > limit else None)


def order_rows(session: Session, ids: Sequence[int]) -> tuple[OrderRow, ...]:
    """These orders as lists show them, in this order."""
    if not ids:
        return ()
    found = session.execute(
        select(Order, Customer.name, Customer.phone)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.id.in_(list(ids)))
    ).all()
    lines = _lines(session, ids)
    rows = {row.Order.id: _order_row(row.Order, row.name, row.phone, lines[row.Order.id]) for row in found}
    return tuple(rows[row_id] for row_id in ids if row_id in rows)


def order_row(session: Session, shop_id: int, ref: str) -> OrderRow | None:
    """One order as lists show it."""
    if not looks_like_reference(ref):
        return None
    found = session.execute(
        select(Order, Customer.name, Customer.phone)
        .join(Customer, Customer.id == Order.customer_id)
        .where(Order.ref == ref, Order.shop_id == shop_id)
    ).first()
    if found is None:
        return None
    return _order_row(found.Order, found.name, found.phone, _lines(session, [found.Order.id])[found.Order.id])


def looks_like_reference(text: str) -> bool:
    """Whether it is worth asking for: part of an address may hold what PostgreSQL refuses, NUL among it."""
    return _REFERENCE.fullmatch(text) is not None


def _order_row(order: Order, name: str, phone: str | None, lines: Sequence[LineRow]) -> OrderRow:
    return OrderRow(
        id=order.id,
        ref=order.ref,
        placed_at=order.placed_at,
        customer_id=order.customer_id,
        customer_name=order.customer_name or name,
        phone=phone,
        lines=tuple(lines),
        total=order.total,
        currency=order.currency,
        status=order.status,
        payment_status=order.payment_status,
        delivery=order.delivery,
    )


def lines_statement(order_ids: Iterable[int]) -> Select[int, str, int]:
    """The lines of some orders (``uq_order_lines_order_id_position``)."""
    return (
        select(OrderLine.order_id, OrderLine.name, OrderLine.quantity)
        .where(OrderLine.order_id.in_(list(order_ids)))
        .order_by(OrderLine.order_id, OrderLine.position)
    )


def _lines(session: Session, order_ids: Sequence[int]) -> defaultdict[int, list[LineRow]]:
    lines: defaultdict[int, list[LineRow]] = defaultdict(list)
    if order_ids:
        for row in session.execute(lines_statement(order_ids)):
            lines[row.order_id].append(LineRow(row.name, row.quantity))
    return lines


def customers_statement(shop_id: int, after: str | None, limit: int) -> Select[Customer]:
    """The customers seen last, after a cursor, and one more (``ix_customers_seen``); owners are not among them."""
    statement = (
        select(Customer)
        .where(Customer.shop_id == shop_id, Customer.owner_since.is_(None))
        .order_by(Customer.seen_at.desc(), Customer.id.desc())
        .limit(limit + 1)
    )
    if after is None:
        return statement
    moment, row_id = cursors.to_moment(after)
    edge = tuple_(literal(moment, UtcTime()), literal(row_id))
    return statement.where(tuple_(Customer.seen_at, Customer.id) < edge)


def customers_page(
    session: Session, shop_id: int, after: str | None = None, limit: int = PAGE
) -> Page[CustomerRow]:
    """Customers, seen last first.

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    found = session.scalars(customers_statement(shop_id, after, limit)).all()
    rows = tuple(_customer_row(customer) for customer in found[:limit])
    more = len(found) > limit
    return Page(rows, cursors.of_moment(rows[-1].seen_at, rows[-1].id) if more else None)


def customer_rows(session: Session, ids: Sequence[int]) -> tuple[CustomerRow, ...]:
    """These customers as lists show them, in this order."""
    if not ids:
        return ()
    found = session.scalars(select(Customer).where(Customer.id.in_(list(ids))))
    rows = {customer.id: _customer_row(customer) for customer in found}
    return tuple(rows[row_id] for row_id in ids if row_id in rows)


def _customer_row(customer: Customer) -> CustomerRow:
    return CustomerRow(
        id=customer.id,
        name=customer.name,
        phone=customer.phone,
        orders_placed=customer.orders_placed,
        orders_paid=customer.orders_paid,
        spent=customer.spent,
        created_at=customer.created_at,
        seen_at=customer.seen_at,
        blocked=customer.blocked_at is not None,
        forgotten=customer.identity.startswith(ERASED),
        owner=customer.owner_since is not None,
    )


def orders_of(
    session: Session, customer_id: int, after: str | None = None, limit: int = PAGE
) -> Page[OrderRow]:
    """One customer's orders, newest first (``ix_orders_customer``).

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    statement = (
        select(Order.id).where(Order.customer_id == customer_id).order_by(Order.id.desc()).limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(Order.id < cursors.to_id(after))
    found = list(session.scalars(statement))
    more = len(found) > limit
    return Page(order_rows(session, found[:limit]), cursors.of_id(found[limit - 1]) if more else None)


def order_detail(session: Session, shop_id: int, ref: str) -> OrderDetail | None:
    """One order with its customer, payments and messages."""
    if not looks_like_reference(ref):
        return None
    order = session.scalars(select(Order).where(Order.ref == ref, Order.shop_id == shop_id)).first()
    if order is None:
        return None
    return OrderDetail(
        order=order,
        customer=session.scalars(select(Customer).where(Customer.id == order.customer_id)).one(),
        lines=tuple(
            session.scalars(
                select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.position)
            )
        ),
        payments=tuple(
            session.scalars(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id))
        ),
        refunds=tuple(session.scalars(select(Refund).where(Refund.order_id == order.id).order_by(Refund.id))),
        money=tuple(
            session.scalars(select(MoneyEvent).where(MoneyEvent.order_id == order.id).order_by(MoneyEvent.id))
        ),
        messages=_messages(session, order),
    )


def _messages(session: Session, order: Order) -> tuple[OutboxMessage, ...]:
    """What the customer was sent from this order until the next one (``ix_outbox_history``)."""
    following = session.scalar(
        select(Order.placed_at)
        .where(Order.customer_id == order.customer_id, Order.id > order.id)
        .order_by(Order.id)
        .limit(1)
    )
    statement = (
        select(OutboxMessage)
        .where(OutboxMessage.customer_id == order.customer_id, OutboxMessage.created_at >= order.placed_at)
        .order_by(OutboxMessage.id)
        .limit(MOST_MESSAGES)
    )
    if following is not None:
        statement = statement.where(OutboxMessage.created_at < following)
    return tuple(session.scalars(statement))
