"""Customers: finding the person behind a chat identity, or making them known."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy import insert as core_insert
from sqlalchemy.orm import Session

from db.models import Conversation, Customer, CustomerWord
from db.statements import insert, table
from db.types import clock
from db.words import words_of_customer
from orders import totals

_FIND = select(Customer).where(
    Customer.shop_id == bindparam("shop"), Customer.identity == bindparam("identity")
)

_WORDS = table(CustomerWord)
_FORGET_WORDS = delete(_WORDS).where(_WORDS.c.customer_id == bindparam("customer"))
_WORD = core_insert(_WORDS)
_KNOWN_BY = select(Customer.shop_id, Customer.name, Customer.phone).where(
    Customer.id == bindparam("customer")
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
        make_findable(session, made)
        totals.add(session, shop_id, made, customers=1)
    return session.scalars(_FIND, {"shop": shop_id, "identity": identity}).one()


def count_as_owner(session: Session, person: Customer, *, owner: bool) -> None:
    """Mark somebody as an owner, or not any more: the shop's own people are not counted among its customers."""
    changed = session.execute(
        update(Customer)
        .where(
            Customer.id == person.id,
            Customer.owner_since.is_(None) if owner else Customer.owner_since.is_not(None),
        )
        .values(owner_since=clock() if owner else None)
        .returning(Customer.id)
    ).first()
    if changed is not None:
        totals.add(session, person.shop_id, person.id, customers=-1 if owner else 1)


def make_findable(session: Session, customer_id: int) -> None:
    """Let a customer be found by the name and number they have now, and by nothing else."""
    session.execute(_FORGET_WORDS, {"customer": customer_id})
    known = session.execute(_KNOWN_BY, {"customer": customer_id}).one()
    words = words_of_customer(known.name, known.phone or "")
    if words:
        session.execute(
            _WORD, [{"shop_id": known.shop_id, "word": word, "customer_id": customer_id} for word in words]
        )
