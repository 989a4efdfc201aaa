"""What customers thought of what they got: once per order, and perhaps a line about it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.models import Rating
from db.statements import insert
from db.types import clock
from errors import IllegalMove
from orders import service

BEST: Final = 5
LONGEST: Final = 500


def rate(session: Session, shop_id: int, ref: str, customer_id: int, stars: int) -> bool:
    """Keep the customer's rating of a delivered order; ``False`` when it was rated before, which stays.

    Raises:
        UnknownOrder: no such order, or another customer's.
        IllegalMove: it is not delivered.
        ValueError: not 1 to 5 stars.
    """
    if not 1 <= stars <= BEST:
        raise ValueError(f"{stars} stars")
    order = service.lock_of(session, shop_id, ref, customer_id)
    if order.status != "delivered":
        raise IllegalMove(f"order {ref} is {order.status}")
    made = session.scalar(
        insert(session, Rating)
        .values(
            shop_id=shop_id,
            order_id=order.id,
            customer_id=customer_id,
            stars=stars,
            comment="",
            created_at=clock(),
        )
        .on_conflict_do_nothing(index_elements=["order_id"])
        .returning(Rating.id)
    )
    return made is not None


def comment(session: Session, shop_id: int, ref: str, customer_id: int, line: str) -> bool:
    """Add the customer's line to a rating that has none; ``False`` when there is no such rating.

    Raises:
        UnknownOrder: no such order, or another customer's.
    """
    order = service.lock_of(session, shop_id, ref, customer_id)
    changed = session.execute(
        update(Rating)
        .where(Rating.order_id == order.id, Rating.comment == "")
        .values(comment=line[:LONGEST])
        .returning(Rating.id)
    ).first()
    return changed is not None
