"""Customers: finding the person behind a chat identity, or making them known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, bindparam, delete, select, update
from sqlalchemy import insert as core_insert
from sqlalchemy.orm import Session

from db.models import Conversation, Customer, CustomerWord
from db.statements import dialect_of, insert_on, table
from db.types import clock
from db.words import words_of_customer
from orders import totals

_FIND = select(Customer).where(
    Customer.shop_id == bindparam("shop"), Customer.identity == bindparam("identity")
)

_CUSTOMERS = table(Customer).c
_NOTHING_YET: Final[dict[str, Any]] = {"language": "", "orders_placed": 0, "orders_paid": 0, "spent": 0}
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
    count(session, make(session, [(shop_id, identity, phone)], name))
    return session.scalars(_FIND, {"shop": shop_id, "identity": identity}).one()


def make(
    session: Session, people: Sequence[tuple[int, str, str | None]], name: str = ""
) -> list[tuple[int, int]]:
    """Make customers of shop, chat identity and phone, each with an empty conversation; who is known stays as they are.

    Returns the shop and id of those made, which the caller has ``count`` count when it needs nothing else any more.
    """
    made = session.execute(
        _making(dialect_of(session)),
        [
            {"shop_id": shop_id, "identity": identity, "phone": phone, "name": name, **_NOTHING_YET}
            # In one order, so that two who make the same customers never wait for each other in a circle.
            for shop_id, identity, phone in sorted(people)
        ],
    ).all()
    if made:
        session.execute(
            _conversing(dialect_of(session)),
            [
                {"customer_id": row.id, "shop_id": row.shop_id, "version": 0, "fence": 0, "data": {}}
                for row in made
            ],
        )
        _write_words(session, [(row.shop_id, row.id, row.name, row.phone) for row in made])
    return [(row.shop_id, row.id) for row in made]


def count(session: Session, made: Sequence[tuple[int, int]]) -> None:
    """Count customers just made, by shop and id."""
    for shop_id in sorted({shop_id for shop_id, _ in made}):
        ids = [customer_id for shop, customer_id in made if shop == shop_id]
        totals.add(session, shop_id, ids[0], customers=len(ids))


@cache
def _making(dialect: str) -> Executable:
    return (
        insert_on(dialect, Customer)
        .values(created_at=clock(), seen_at=clock())
        .on_conflict_do_nothing()
        .returning(_CUSTOMERS.id, _CUSTOMERS.shop_id, _CUSTOMERS.name, _CUSTOMERS.phone)
    )


@cache
def _conversing(dialect: str) -> Executable:
    return insert_on(dialect, Conversation).values(updated_at=clock()).on_conflict_do_nothing()


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
    _write_words(session, [(known.shop_id, customer_id, known.name, known.phone)])


def _write_words(session: Session, people: Sequence[tuple[int, int, str, str | None]]) -> None:
    """Let these be found, by shop, id, name and phone."""
    rows = [
        {"shop_id": shop_id, "word": word, "customer_id": customer_id}
        for shop_id, customer_id, name, phone in people
        for word in words_of_customer(name, phone or "")
    ]
    if rows:
        session.execute(_WORD, rows)
