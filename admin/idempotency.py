"""The same request sent twice by a program is done once: ``Idempotency-Key`` on our own POST routes.

The key is claimed by inserting a row of the inbox, whose ``(source, external_id)`` is unique, in the
transaction that does the work; the row keeps what was answered. A refused request leaves no row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db import inbox
from db.models import InboxEvent
from db.statements import insert
from db.types import clock
from errors import RuleBroken

SOURCE: Final = "api"


class KeyReused(RuleBroken):
    """The key was used before for another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Turn:
    """A claimed key: either what was answered the first time, or the row to keep the answer in."""

    row_id: int | None = None
    answer: dict[str, Any] | None = None
    request: str = ""


def claim(session: Session, shop_id: int, key: str, route: str, body: bytes) -> Turn:
    """Take ``key`` for this request; another process with the same key waits or is told the answer.

    Raises:
        KeyReused: the key belongs to a request with another body or route.
    """
    if not key:
        return Turn()
    name = hashlib.sha256(f"{shop_id}\x00{key}".encode()).hexdigest()
    request = hashlib.sha256(route.encode() + b"\x00" + body).hexdigest()
    made = session.scalar(
        insert(session, InboxEvent)
        .values(
            shop_id=shop_id,
            source=SOURCE,
            external_id=name,
            kind="internal",
            lane="normal",
            priority=inbox.ORDINARY,
            raw=b"",
            status="ignored",
            attempts=0,
            error="",
            received_at=clock(),
            next_at=clock(),
        )
        .on_conflict_do_nothing()
        .returning(InboxEvent.id)
    )
    if made is not None:
        return Turn(row_id=made, request=request)
    raw = session.execute(
        select(InboxEvent.raw).where(InboxEvent.source == SOURCE, InboxEvent.external_id == name)
    ).scalar_one()
    kept = orjson.loads(bytes(raw))
    if kept["request"] != request:
        raise KeyReused("this Idempotency-Key was used for another request")
    return Turn(answer=kept["answer"])


def keep(session: Session, turn: Turn, answer: dict[str, Any]) -> None:
    """Remember what is answered, in the same transaction as the work."""
    if turn.row_id is not None:
        raw = orjson.dumps({"request": turn.request, "answer": answer})
        session.execute(update(InboxEvent).where(InboxEvent.id == turn.row_id).values(raw=raw))
