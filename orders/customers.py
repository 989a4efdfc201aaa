"""Customers: finding the person behind a chat identity, or making them known."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models import Conversation, Customer
from db.statements import insert
from db.types import clock
from orders import totals

_FIND = select(Customer).where(
    Customer.shop_id == bindparam("shop"), Customer.identity == bindparam("identity")
)


def find(session: Session, shop_id: int, identity: str) -> Customer | None:
    """The customer with this chat identity."""
    return session.scalars(_FIND, {"shop": shop_id, "identity": identity}).first()


def reach(session: Session, shop_id: int, identity: str, *, phone: str | None, name: str = "") -> Customer:
    """The customer with this chat identity, made on first sight together with an empty conversation."""
    known = find(session, shop_id, identity)
    if known is not None:
        return known
    made = session.scalar(
        insert(session, Customer)
        .values(
            shop_id=shop_id,
            identity=identity,
            phone=phone,
            name=name,
            language="",
            orders_placed=0,
            orders_paid=0,
            spent=0,
            created_at=clock(),
            seen_at=clock(),
        )
        .on_conflict_do_nothing()
        .returning(Customer.id)
    )
    if made is not None:
        session.execute(
            insert(session, Conversation)
            .values(customer_id=made, shop_id=shop_id, version=0, fence=0, data={}, updated_at=clock())
            .on_conflict_do_nothing()
        )
        totals.add(session, shop_id, made, customers=1)
    return session.scalars(_FIND, {"shop": shop_id, "identity": identity}).one()
