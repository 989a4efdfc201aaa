"""The inbox: whatever happened, from outside or from ourselves, recorded once and worked on until done.

Every unit of work the queue carries is the id of a row here. The row says what to do, the
queue only that something is to be done: it may lose or double anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final

import orjson
from sqlalchemy import and_, case, func, or_, select, tuple_, update
from sqlalchemy.orm import Session, aliased

from db.models import InboxEvent
from db.statements import insert
from db.types import clock, word

MOST_ATTEMPTS: Final = 8
WORK_LEASE: Final = 30.0
"""Seconds a worker has before another may take the same payment or status event."""
URGENT, ORDINARY = 0, 1
RAISED: Final = "raised"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something received: see ``db.models.InboxEvent`` for the fields' meaning."""

    kind: str
    external_id: str
    raw: bytes
    own_id: str | None = None
    customer_key: str | None = None
    match_key: str | None = None
    hint: str | None = None
    lane: str = "normal"
    status: str = "waiting"


@dataclass(frozen=True, slots=True)
class WaitingEvent:
    """An event somebody must work on."""

    id: int
    shop_id: int
    kind: str
    customer_key: str | None
    match_key: str | None
    hint: str | None
    lane: str
    raw: bytes
    attempts: int
    age: float

    def data(self) -> Any:
        """The stored JSON of an internal event."""
        return orjson.loads(self.raw)


_COLUMNS = (
    InboxEvent.id,
    InboxEvent.shop_id,
    InboxEvent.kind,
    InboxEvent.customer_key,
    InboxEvent.match_key,
    InboxEvent.hint,
    InboxEvent.lane,
    InboxEvent.raw,
    InboxEvent.attempts,
    InboxEvent.received_at,
    clock().label("now"),
)


def _event(row: Any) -> WaitingEvent:
    return WaitingEvent(
        id=row.id,
        shop_id=row.shop_id,
        kind=row.kind,
        customer_key=row.customer_key,
        match_key=row.match_key,
        hint=row.hint,
        lane=row.lane,
        raw=bytes(row.raw),
        attempts=row.attempts,
        age=(row.now - row.received_at).total_seconds(),
    )


def record(session: Session, shop_id: int, source: str, events: Sequence[NewEvent]) -> list[tuple[int, str]]:
    """Store each event once; repeats are left alone. Returns ids and kinds of new rows that wait."""
    if not events:
        return []
    statement = (
        insert(session, InboxEvent)
        .values(
            [
                {
                    "shop_id": shop_id,
                    "source": source,
                    "external_id": event.external_id,
                    "own_id": event.own_id,
                    "kind": event.kind,
                    "customer_key": event.customer_key,
                    "match_key": event.match_key,
                    "hint": event.hint,
                    "lane": event.lane,
                    "priority": ORDINARY,
                    "raw": event.raw,
                    "status": event.status,
                    "attempts": 0,
                    "error": "",
                    "received_at": clock(),
                    "next_at": clock(),
                }
                for event in events
            ]
        )
        .on_conflict_do_nothing()
        .returning(InboxEvent.id, InboxEvent.kind, InboxEvent.status)
    )
    return [(row.id, row.kind) for row in session.execute(statement) if row.status == "waiting"]


def record_internal(
    session: Session, shop_id: int, customer_key: str, name: str, data: dict[str, Any], *, unique: str
) -> int | None:
    """Tell a conversation that ``name`` happened; ``unique`` makes it happen once for ever.

    Returns the new row's id, or ``None`` when it was told already.
    """
    statement = (
        insert(session, InboxEvent)
        .values(
            shop_id=shop_id,
            source="duka",
            external_id=f"{name}:{unique}",
            kind="internal",
            customer_key=customer_key,
            lane="normal",
            priority=URGENT,
            raw=orjson.dumps({"event": name, **data}),
            status="waiting",
            attempts=0,
            error="",
            received_at=clock(),
            next_at=clock(),
        )
        .on_conflict_do_nothing()
        .returning(InboxEvent.id)
    )
    return session.scalar(statement)


def find(session: Session, event_id: int) -> WaitingEvent | None:
    """The event with this id if it still waits."""
    row = session.execute(
        select(*_COLUMNS).where(InboxEvent.id == event_id, InboxEvent.status == word("waiting"))
    ).first()
    return None if row is None else _event(row)


def of_customer(session: Session, shop_id: int, customer_key: str, most: int = 50) -> list[WaitingEvent]:
    """What may be worked on now for this customer's conversation: payment results first, then as it arrived.

    One that waits for its next attempt holds back whatever comes after it, until it is done or dead.
    """
    rows = session.execute(
        select(*_COLUMNS, (InboxEvent.next_at <= clock()).label("is_due"))
        .where(
            InboxEvent.shop_id == shop_id,
            InboxEvent.customer_key == customer_key,
            InboxEvent.status == word("waiting"),
        )
        .order_by(InboxEvent.priority, InboxEvent.id)
        .limit(most)
    )
    return [_event(row) for row in takewhile(lambda row: row.is_due, rows)]


def claim(session: Session, event_id: int) -> WaitingEvent | None:
    """Take one payment or status event for ``WORK_LEASE`` seconds; ``None`` when done or taken."""
    row = session.execute(
        update(InboxEvent)
        .where(
            InboxEvent.id == event_id,
            InboxEvent.kind.in_(["payment", "status"]),
            InboxEvent.status == word("waiting"),
            InboxEvent.next_at <= clock(),
        )
        .values(next_at=clock(WORK_LEASE), attempts=InboxEvent.attempts + 1)
        .returning(*_COLUMNS)
    ).first()
    return None if row is None else _event(row)


def finish(session: Session, event_ids: Sequence[int], status: str = "done", error: str = "") -> int:
    """Close events; returns how many were still waiting, which the caller may insist on."""
    result = session.execute(
        update(InboxEvent)
        .where(InboxEvent.id.in_(event_ids), InboxEvent.status == word("waiting"))
        .values(status=status, done_at=clock(), error=error)
        .returning(InboxEvent.id)
    )
    return len(result.all())


def postpone(session: Session, event_ids: Sequence[int], seconds: float, error: str = "") -> None:
    """Let events wait ``seconds`` before the next attempt."""
    session.execute(
        update(InboxEvent)
        .where(InboxEvent.id.in_(event_ids), InboxEvent.status == word("waiting"))
        .values(next_at=clock(seconds), error=error)
    )


def set_aside(session: Session, event_id: int) -> bool:
    """Work on a payment or status event raised: wait longer each time, after eight times in a row for a person.

    Returns whether it is dead now. Reconciliation shows dead payment events and tries them again.
    """
    event = session.execute(
        select(InboxEvent.error).where(InboxEvent.id == event_id, InboxEvent.status == word("waiting"))
    ).first()
    if event is None:
        return False
    said, _, count = event.error.partition(" ")
    times = int(count) + 1 if said == RAISED else 1
    if times >= MOST_ATTEMPTS:
        return finish(session, [event_id], "dead", f"{RAISED} {times}") == 1
    postpone(session, [event_id], 2.0**times, f"{RAISED} {times}")
    return False


def revive(session: Session, shop_id: int, kind: str, most: int = 100) -> list[int]:
    """Let dead events of this kind be worked on once more; returns the newest of them."""
    ids = list(
        session.scalars(
            select(InboxEvent.id)
            .where(InboxEvent.shop_id == shop_id, InboxEvent.status == word("dead"), InboxEvent.kind == kind)
            .order_by(InboxEvent.id.desc())
            .limit(most)
        )
    )
    session.execute(
        update(InboxEvent)
        .where(InboxEvent.id.in_(ids), InboxEvent.status == word("dead"))
        .values(status="waiting", next_at=clock(), done_at=None, error="")
    )
    return ids


def overwrite(session: Session, event_id: int, raw: bytes) -> None:
    """Replace what was received by a version without what must not be kept."""
    session.execute(update(InboxEvent).where(InboxEvent.id == event_id).values(raw=raw))


def count_attempt(session: Session, event_ids: Sequence[int]) -> None:
    """Note that work on these events began: what kills its worker again and again ends up dead."""
    session.execute(
        update(InboxEvent)
        .where(InboxEvent.id.in_(event_ids), InboxEvent.status == word("waiting"))
        .values(attempts=InboxEvent.attempts + 1)
    )


def wake_matching(session: Session, shop_id: int, match_key: str) -> list[int]:
    """Make parked events about ``match_key`` due now; returns their ids."""
    return list(
        session.scalars(
            update(InboxEvent)
            .where(
                InboxEvent.shop_id == shop_id,
                InboxEvent.match_key == match_key,
                InboxEvent.status == word("waiting"),
            )
            .values(next_at=clock())
            .returning(InboxEvent.id)
        )
    )


def waits_for(session: Session, shop_id: int, match_keys: Sequence[str]) -> bool:
    """Whether an unprocessed payment event names one of these keys."""
    if not match_keys:
        return False
    found = session.scalar(
        select(InboxEvent.id)
        .where(
            InboxEvent.shop_id == shop_id,
            InboxEvent.match_key.in_(match_keys),
            InboxEvent.status == word("waiting"),
        )
        .limit(1)
    )
    return found is not None


def overdue(session: Session, older_than: float, most: int = 500) -> list[tuple[int, str]]:
    """Ids and kinds of events whose bell nobody heard; of each conversation's the first, which holds back the others.

    One that was worked on before is due when its time comes; a fresh one after ``older_than`` seconds,
    since somebody is probably on the way.
    """
    due = InboxEvent.next_at <= case((InboxEvent.attempts > 0, clock()), else_=clock(-older_than))
    earlier = aliased(InboxEvent)
    first_of_customer = ~(
        select(earlier.id)
        .where(
            earlier.shop_id == InboxEvent.shop_id,
            earlier.customer_key == InboxEvent.customer_key,
            earlier.status == word("waiting"),
            tuple_(earlier.priority, earlier.id) < tuple_(InboxEvent.priority, InboxEvent.id),
        )
        .exists()
    )
    rows = session.execute(
        select(InboxEvent.id, InboxEvent.kind)
        .where(
            InboxEvent.status == word("waiting"),
            InboxEvent.next_at <= clock(),
            due,
            or_(
                InboxEvent.customer_key.is_(None),
                and_(InboxEvent.customer_key.is_not(None), first_of_customer),
            ),
        )
        .order_by(InboxEvent.next_at, InboxEvent.id)
        .limit(most)
    )
    return [(row.id, row.kind) for row in rows]


def oldest_waiting(session: Session) -> float | None:
    """Seconds since the oldest due event could have been worked on; ``None`` when nothing is due."""
    row = session.execute(
        select(func.min(InboxEvent.next_at).label("at"), clock().label("now")).where(
            InboxEvent.status == word("waiting"), InboxEvent.next_at <= clock()
        )
    ).one()
    return None if row.at is None else float((row.now - row.at).total_seconds())
