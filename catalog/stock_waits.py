"""Customers who want to hear that a product is there again.

A product that somebody waits for carries a mark, so that finding what can be told reads those few products only.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db import inbox
from db.models import Customer, Product, StockWait
from db.statements import insert
from db.types import clock

AT_ONCE: Final = 100
"""Customers told in one transaction; the next sweep tells more."""


def wait(session: Session, shop_id: int, product_id: int, customer_id: int) -> bool:
    """Remember who waits for what; asking twice is asking once. ``False`` when the shop has no such product."""
    marked = session.execute(
        update(Product)
        .where(Product.id == product_id, Product.shop_id == shop_id)
        .values(waited_at=clock())
        .returning(Product.id)
    ).first()
    if marked is None:
        return False
    session.execute(
        insert(session, StockWait)
        .values(shop_id=shop_id, product_id=product_id, customer_id=customer_id, created_at=clock())
        .on_conflict_do_nothing(index_elements=["product_id", "customer_id"])
    )
    return True


def due(session: Session, most: int = AT_ONCE) -> list[int]:
    """Products that are there again and that somebody waits for."""
    return list(
        session.scalars(
            select(Product.id)
            .where(
                Product.waited_at <= clock(),
                Product.active,
                Product.available.is_(None) | (Product.available > 0),
            )
            .order_by(Product.waited_at)
            .limit(most)
        )
    )


def tell(session: Session, product_id: int, most: int = AT_ONCE) -> list[int]:
    """Turn waiting into news, once for each customer; returns the events of the conversations.

    Who asked to hear nothing any more is not told, and waits no longer.
    """
    product = session.scalars(
        select(Product)
        .where(Product.id == product_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if product is None or not product.active or (product.available is not None and product.available <= 0):
        return []
    waiting = session.execute(
        select(
            StockWait.id,
            StockWait.created_at,
            Customer.id.label("customer_id"),
            Customer.identity,
            (Customer.stopped_at.is_(None) & Customer.blocked_at.is_(None)).label("listens"),
        )
        .join(Customer, Customer.id == StockWait.customer_id)
        .where(StockWait.product_id == product_id)
        .order_by(StockWait.id)
        .limit(most)
    ).all()
    events = [
        inbox.record_internal(
            session,
            product.shop_id,
            row.identity,
            "BackInStock",
            {"product_id": product_id},
            unique=f"stock:{product_id}:{row.customer_id}:{row.created_at.timestamp()}",
        )
        for row in waiting
        if row.listens
    ]
    session.execute(delete(StockWait).where(StockWait.id.in_([row.id for row in waiting])))
    if len(waiting) < most:
        # The product's row is ours: who asks meanwhile marks it again after us.
        product.waited_at = None
    return [event_id for event_id in events if event_id is not None]
