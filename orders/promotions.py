"""How often promotions were used: counted as orders are placed, given back when one is closed.

The promotion's row is taken by a conditional UPDATE, which also lets the orders of one customer count one after
the other. Promotions without limits only note their use, so that nobody waits for their row.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from db.models import Order, Promotion, PromotionUse, Shop
from db.statements import insert
from db.types import clock, word
from errors import RuleBroken

_USED: Final = PromotionUse.status == word("used")


class PromotionUsedUp(RuleBroken):
    """A promotion the order counted on is used up, for this customer (``personal``) or for everybody, or withdrawn."""

    code = "promotion_used"

    def __init__(self, promotion_id: int, *, personal: bool) -> None:
        self.promotion_id = promotion_id
        self.personal = personal
        super().__init__(f"promotion {promotion_id} cannot be used again")


def use(session: Session, order: Order, promotion_id: int) -> None:
    """Count one use for a fresh order.

    Raises:
        PromotionUsedUp: its limit, or this customer's, is reached.
    """
    limits = session.execute(
        select(Promotion.max_uses, Promotion.max_per_customer, Promotion.active).where(
            Promotion.id == promotion_id, Promotion.shop_id == order.shop_id
        )
    ).one()
    if not limits.active:
        raise PromotionUsedUp(promotion_id, personal=False)
    if limits.max_uses is not None or limits.max_per_customer is not None:
        _count(session, order, promotion_id)
    session.execute(
        insert(session, PromotionUse).values(
            shop_id=order.shop_id,
            promotion_id=promotion_id,
            customer_id=order.customer_id,
            order_id=order.id,
            status="used",
            used_at=clock(),
        )
    )


def _count(session: Session, order: Order, promotion_id: int) -> None:
    counted = session.execute(
        update(Promotion)
        .where(
            Promotion.id == promotion_id,
            Promotion.max_uses.is_(None) | (Promotion.uses < Promotion.max_uses),
        )
        .values(uses=Promotion.uses + 1)
        .returning(Promotion.uses, Promotion.max_uses, Promotion.max_per_customer)
    ).first()
    if counted is None:
        raise PromotionUsedUp(promotion_id, personal=False)
    if counted.max_per_customer is not None:
        # The row is ours until the end of the transaction: nobody counts for this customer meanwhile.
        mine = session.scalar(
            select(func.count())
            .select_from(PromotionUse)
            .where(
                PromotionUse.promotion_id == promotion_id,
                PromotionUse.customer_id == order.customer_id,
                _USED,
            )
        )
        if (mine or 0) >= counted.max_per_customer:
            raise PromotionUsedUp(promotion_id, personal=True)
    if counted.uses == counted.max_uses:
        _show_again(session, order.shop_id)


def give_back(session: Session, order: Order) -> None:
    """The order was closed, and nothing was bought: its use does not count any more."""
    returned = _move(session, order, "used", "returned")
    if returned is None:
        return
    full = session.execute(
        update(Promotion)
        .where(Promotion.id == returned, _limited(), Promotion.uses > 0)
        .values(uses=Promotion.uses - 1)
        .returning((Promotion.uses + 1 == Promotion.max_uses).label("was_full"))
    ).first()
    if full is not None and full.was_full:
        _show_again(session, order.shop_id)


def use_again(session: Session, order: Order) -> None:
    """A closed order is paid after all, at the price it had: the use counts again, whatever the limit."""
    used = _move(session, order, "returned", "used")
    if used is None:
        return
    session.execute(update(Promotion).where(Promotion.id == used, _limited()).values(uses=Promotion.uses + 1))
    _show_again(session, order.shop_id)


def _limited() -> ColumnElement[bool]:
    return Promotion.max_uses.is_not(None) | Promotion.max_per_customer.is_not(None)


def _move(session: Session, order: Order, before: str, after: str) -> int | None:
    return session.scalar(
        update(PromotionUse)
        .where(PromotionUse.order_id == order.id, PromotionUse.status == before)
        .values(status=after)
        .returning(PromotionUse.promotion_id)
    )


def _show_again(session: Session, shop_id: int) -> None:
    """What shops are shown as has changed: nobody goes on with an older picture."""
    session.execute(update(Shop).where(Shop.id == shop_id).values(catalog_version=Shop.catalog_version + 1))
