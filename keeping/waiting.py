"""What waits for a person: by which rows it is told, for the console's first page and the owner's phone alike.

Each is a condition over open rows only, which an index holds (tests/integration/admin/test_query_plans.py).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from db import outbox
from db.models import Conversation, MoneyEvent, OutboxMessage, Payment, Product, Shop
from db.types import clock, word

DEAD_DAYS: Final = 7.0
"""What did not arrive longer ago is no news to anybody."""
FEW: Final = 3
"""Pieces at which a product is nearly sold out, unless the shop's setting ``low_stock`` says otherwise."""


def people(shop_id: int) -> ColumnElement[bool]:
    """Conversations whose customer waits for a person's word."""
    return and_(Conversation.shop_id == shop_id, Conversation.wants_person_since.is_not(None))


def money(shop_id: int) -> ColumnElement[bool]:
    """Money that fits no order or is due back, and that nobody has settled."""
    return and_(
        MoneyEvent.shop_id == shop_id,
        MoneyEvent.settled_at.is_(None),
        MoneyEvent.kind.in_([word("unmatched"), word("refund_due")]),
    )


def payments(shop_id: int) -> ColumnElement[bool]:
    """Payments of which nobody can tell whether they were paid."""
    return and_(Payment.shop_id == shop_id, Payment.status.in_([word("unknown"), word("needs_review")]))


def messages(session: Session, shop_id: int, only: int | None = None) -> list[OutboxMessage]:
    """Messages of the last days that did not arrive, the newest first; ``only`` is the id of one."""
    since = session.execute(select(clock(-DEAD_DAYS * 24 * 3600))).scalar_one()
    return [row for row in outbox.undelivered(session, shop_id, only=only) if row.created_at > since]


def nearly_sold_out(shop: Shop) -> ColumnElement[bool]:
    """Products on the list of which few are left."""
    return and_(Product.shop_id == shop.id, Product.active, Product.available <= few(shop))


def few(shop: Shop) -> int:
    """Pieces at which a product of this shop is nearly sold out."""
    setting = (shop.settings or {}).get("low_stock", FEW)
    return setting if isinstance(setting, int) else FEW
