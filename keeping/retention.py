"""Retention: what people wrote and what webhooks brought is emptied when its time is over.

Rows stay, so that a repeat is still known as one; their bodies go. What is unfinished is never
touched, nor the webhook behind money that still waits for the owner. The tables are walked by
primary key in small batches, from where the last walk ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from db import Database, clock
from db.models import ERASED, ConversationTurn, InboxEvent, MoneyEvent, OutboxMessage, ShopPicture
from db.types import word
from keeping import chores

log = logging.getLogger("duka.retention")

NAME: Final = "retention"
EVERY: Final = 24 * 3600.0
BATCH: Final = 500
DAY: Final = 24 * 3600.0
EMPTY: Final = b"{}"
"""A webhook without its body."""
NO_MESSAGE: Final[dict[str, Any]] = {"type": "no longer kept"}
"""A message without its words; the owner's page shows the type of what it cannot read."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """How many rows lost their body: what customers wrote, what we wrote, other webhooks."""

    received: int = 0
    sent: int = 0
    webhooks: int = 0

    def __add__(self, other: Emptied) -> Emptied:
        """Both together."""
        return Emptied(self.received + other.received, self.sent + other.sent, self.webhooks + other.webhooks)


class Retention:
    """Empties what is over its time.

    Args:
        database: where everything is.
        chat_days: how long the words of chats are kept.
        webhook_days: how long payment and delivery webhooks are kept as they came.
    """

    def __init__(self, database: Database, chat_days: int, webhook_days: int) -> None:
        self._database = database
        self._chat_days = chat_days
        self._webhook_days = webhook_days

    def is_due(self) -> bool:
        """Whether nobody began in the last day."""
        with self._database.reading() as session:
            return chores.is_due(session, NAME, EVERY)

    def daily(self) -> Emptied | None:
        """Once a day: ``None`` when somebody else did it or does it."""
        return self.run(EVERY)

    def run(self, every: float = 0.0) -> Emptied | None:
        """Empty everything that is over its time, unless that was begun in the last ``every`` seconds."""
        with self._database.writing() as session:
            if not chores.begin(session, NAME, every):
                return None
        total = (
            self._walk("chat", InboxEvent, self._chat_days, _empty_chat)
            + self._walk("webhooks", InboxEvent, self._webhook_days, _empty_webhooks)
            + self._walk("outbox", OutboxMessage, self._chat_days, _empty_sent)
        )
        self._forget_turns()
        log.info(
            "retention_done",
            extra={"received": total.received, "sent": total.sent, "webhooks": total.webhooks},
        )
        return total

    def _forget_turns(self) -> None:
        """Delete turns of chats that are over their time, and pictures of the shop that no turn kept can name."""
        old = clock(-self._chat_days * DAY)
        while True:
            with self._database.writing() as session:
                oldest = select(ConversationTurn.id).order_by(ConversationTurn.id).limit(BATCH).subquery()
                gone = session.scalars(
                    delete(ConversationTurn)
                    .where(ConversationTurn.id.in_(select(oldest.c.id)), ConversationTurn.created_at < old)
                    .returning(ConversationTurn.id)
                ).all()
            if len(gone) < BATCH:
                break
        with self._database.writing() as session:
            session.execute(
                # A picture in use says so once a day.
                delete(ShopPicture).where(ShopPicture.used_at < clock(-(self._chat_days + 2) * DAY))
            )

    def _walk(
        self,
        name: str,
        table: type[InboxEvent | OutboxMessage],
        days: int,
        empty: Callable[[Session, Sequence[Any]], Emptied],
    ) -> Emptied:
        """Go through the rows older than ``days``.

        The next walk starts after those, or before the first that is not finished yet.
        """
        with self._database.reading() as session:
            at = done = int(chores.progress(session, NAME).get(name, 0))
        total = Emptied()
        unfinished = False
        while True:
            with self._database.writing() as session:
                rows = session.execute(_window(table, at, days)).all()
                old = [row for row in rows if row.old]
                total += empty(session, [row for row in old if row.finished])
                for row in old:
                    unfinished = unfinished or not row.finished
                    at = row.id
                    done = done if unfinished else row.id
                if old:
                    chores.keep_progress(session, NAME, **{name: done})
            if len(old) < BATCH:
                return total


def _empty_chat(session: Session, rows: Sequence[Any]) -> Emptied:
    """What customers wrote, and what programs were answered."""
    _delete(session, [row.id for row in rows if row.source == "api"])
    return Emptied(received=empty_events(session, [row.id for row in rows if row.kind == "message"]))


def _empty_webhooks(session: Session, rows: Sequence[Any]) -> Emptied:
    """Payment and delivery news; what is left of people who were erased goes altogether."""
    _delete(
        session,
        [row.id for row in rows if row.kind == "message" and (row.customer_key or "").startswith(ERASED)],
    )
    news = [row.id for row in rows if row.kind in {"payment", "status"}]
    return Emptied(webhooks=empty_events(session, news))


def _empty_sent(session: Session, rows: Sequence[Any]) -> Emptied:
    """What we wrote."""
    emptied = session.scalars(
        update(OutboxMessage)
        .where(
            OutboxMessage.id.in_([row.id for row in rows]),
            OutboxMessage.status != word("waiting"),
            OutboxMessage.message != NO_MESSAGE,
        )
        .values(message=NO_MESSAGE, fallback=None)
        .returning(OutboxMessage.id)
    ).all()
    return Emptied(sent=len(emptied))


def _window(table: type[InboxEvent | OutboxMessage], at: int, days: int) -> Any:
    """The next ``BATCH`` rows after ``at``, old or not."""
    if table is InboxEvent:
        open_money = (
            select(MoneyEvent.id)
            .where(
                MoneyEvent.inbox_event_id == InboxEvent.id,
                MoneyEvent.settled_at.is_(None),
                MoneyEvent.kind.in_([word("unmatched"), word("refund_due")]),
            )
            .exists()
        )
        finished = case((InboxEvent.status == word("waiting"), 0), (open_money, 0), else_=1)
        columns: tuple[Any, ...] = (
            InboxEvent.id,
            InboxEvent.kind,
            InboxEvent.source,
            InboxEvent.customer_key,
            (InboxEvent.received_at < clock(-days * DAY)).label("old"),
        )
    else:
        finished = case((OutboxMessage.status == word("waiting"), 0), else_=1)
        columns = (OutboxMessage.id, (OutboxMessage.created_at < clock(-days * DAY)).label("old"))
    return select(*columns, finished.label("finished")).where(table.id > at).order_by(table.id).limit(BATCH)


def empty_events(session: Session, ids: Sequence[int]) -> int:
    """Take the bodies of finished events; returns of how many."""
    if not ids:
        return 0
    emptied = session.scalars(
        update(InboxEvent)
        .where(InboxEvent.id.in_(ids), InboxEvent.status != word("waiting"), InboxEvent.raw != EMPTY)
        .values(raw=EMPTY)
        .returning(InboxEvent.id)
    ).all()
    return len(emptied)


def _delete(session: Session, ids: Sequence[int]) -> None:
    if ids:
        session.execute(
            delete(InboxEvent).where(InboxEvent.id.in_(ids), InboxEvent.status != word("waiting"))
        )
