"""Every turn of a conversation, kept with what it was decided from, so that it can be shown and run again.

A turn is stored in the commit that answers it: the conversation before, each event with the shop as it was seen, and
what was decided. The shop's picture is stored once and shared; a turn names it and the stock that differed.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, Final

import orjson
from sqlalchemy import Executable
from sqlalchemy.orm import Session

from bot import conversation as conversations
from bot import recorded
from bot.conversation import Conversation
from bot.effects import Say
from bot.events import Event
from bot.state import Next
from catalog.snapshot import ProductView, ShopSnapshot
from db import Database, clock
from db.models import ConversationTurn, ShopPicture
from db.statements import dialect_of, insert, insert_on
from ghala.messages import dump
from records import replace

log = logging.getLogger("duka.bot")

FRESH_FOR: Final = timedelta(days=1)
"""How long a picture is used without saying so: retention takes those that were not used for long."""
MOST_DIFFERENCES: Final = 500
"""From how many differing stocks on a picture of its own is cheaper."""


@dataclass(slots=True)
class Turn:
    """What is being decided for one claim; ``steps`` are JSON-ready."""

    before: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    broken: str = ""

    @classmethod
    def begin(cls, conversation: Conversation) -> Turn:
        """A turn that starts from here."""
        return cls(conversations.dump(conversation))

    def note(self, event: Event, seen: dict[str, Any], decided: Next, *, from_customer: bool) -> None:
        """Remember one decision: what happened, the shop as it was seen, what was said and done."""
        says = [effect for effect in decided.effects if isinstance(effect, Say)]
        does = [effect for effect in decided.effects if not isinstance(effect, Say)]
        try:
            data = recorded.dump(event)
        except TypeError as error:
            self.broken = str(error)
            return
        self.steps.append(
            {
                "event": data,
                "shop": seen,
                "from_customer": from_customer,
                "state": decided.conversation.state,
                "says": [said(say) for say in says],
                "does": [type(effect).__name__ for effect in does],
            }
        )


def said(say: Say) -> dict[str, Any]:
    """What a ``Say`` says, as it is kept and compared."""
    return {"kind": say.kind, "key": say.key, "message": dump(say.message)}


class Recorder:
    """Keeps turns; one per process, shared by its threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[int, tuple[int, ShopSnapshot]] = {}
        self._lock = threading.Lock()

    def prepare(self, shop: ShopSnapshot) -> None:
        """See that a picture this one differs little from is stored, before the turn's own transaction begins."""
        if self._seen(shop) is not None:
            return
        with self._database.writing() as session:
            picture_id = _store(session, shop)
        with self._lock:
            self._known[shop.id] = (picture_id, shop)

    def seen(self, session: Session, shop: ShopSnapshot) -> dict[str, Any]:
        """How a step names the shop it was decided from; stores the picture where none is near."""
        known = self._seen(shop)
        if known is None:
            # Not remembered beyond this transaction: it may be rolled back.
            known = _store(session, shop), {}
        picture_id, stock = known
        return {"picture": picture_id, "at": shop.now.isoformat(), "stock": stock}

    def keep(self, session: Session, turns: Sequence[tuple[int, int, int, Turn]]) -> None:
        """Store turns, each with the shop and customer it is of and the version of the conversation it made."""
        rows: list[dict[str, Any]] = []
        for shop_id, customer_id, version, turn in turns:
            if turn.broken:
                log.error("turn_not_recorded", extra={"customer_id": customer_id, "error": turn.broken})
            elif turn.steps:
                rows.append(
                    {
                        "shop_id": shop_id,
                        "customer_id": customer_id,
                        "version": version,
                        "before": turn.before,
                        "steps": turn.steps,
                    }
                )
        if rows:
            session.execute(_keeping(dialect_of(session)), rows)

    def _seen(self, shop: ShopSnapshot) -> tuple[int, dict[str, int | None]] | None:
        with self._lock:
            known = self._known.get(shop.id)
        if known is None:
            return None
        picture_id, base = known
        if shop.now - base.now > FRESH_FOR:
            return None
        stock = differing_stock(base, shop)
        return None if stock is None else (picture_id, stock)


@cache
def _keeping(dialect: str) -> Executable:
    return insert_on(dialect, ConversationTurn).values(created_at=clock())


def differing_stock(base: ShopSnapshot, shop: ShopSnapshot) -> dict[str, int | None] | None:
    """The stocks by which ``shop`` differs from ``base``; ``None`` when it differs in more, or in too many."""
    if len(base.products) != len(shop.products):
        return None
    if replace(shop, now=base.now, products=base.products) != base:
        return None
    stock: dict[str, int | None] = {}
    for there, here in zip(base.products, shop.products, strict=True):
        if here is there:
            continue
        if replace(here, available=there.available) != there:
            return None
        if here.available != there.available:
            stock[str(here.id)] = here.available
    return stock if len(stock) <= MOST_DIFFERENCES else None


def as_seen(base: ShopSnapshot, seen: dict[str, Any]) -> ShopSnapshot:
    """The shop a step was decided from."""
    stock: dict[str, int | None] = seen["stock"]

    def then(product: ProductView) -> ProductView:
        key = str(product.id)
        return replace(product, available=stock[key]) if key in stock else product

    now = recorded.load({recorded.TAG: "datetime", "text": seen["at"]})
    return replace(base, now=now, products=tuple(then(product) for product in base.products))


def _store(session: Session, shop: ShopSnapshot) -> int:
    """The picture's id; the same picture is stored once, and its use is noted."""
    data = recorded.dump(shop)
    lasting = {key: value for key, value in data.items() if key != "now"}
    digest = hashlib.sha256(orjson.dumps(lasting, option=orjson.OPT_SORT_KEYS)).hexdigest()
    values = {"shop_id": shop.id, "digest": digest, "data": data, "used_at": clock()}
    statement = insert(session, ShopPicture).values(**values)
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=["shop_id", "digest"], set_={"used_at": clock()}
        ).returning(ShopPicture.id)
    ).scalar_one()
