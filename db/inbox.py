"""The inbox: whatever happened, from outside or from ourselves, recorded once and worked on until done.

Every unit of work the queue carries is the id of a row here. The row says what to do, the
queue only that something is to be done: it may lose or double anything.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any, Final

import orjson
from sqlalchemy import (
    Executable,
    Float,
    Integer,
    SmallInteger,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from db.models import InboxEvent
from db.statements import dialect_of, insert_on, table
from db.types import clock, word
from records import replace

log = logging.getLogger("duka.inbox")

MOST_ATTEMPTS: Final = 8
WORK_LEASE: Final = 30.0
"""Seconds a worker has before another may take the same payment or status event."""
URGENT, ORDINARY = 0, 1
MOST_TOGETHER: Final = 1_000
"""Waiting events of several customers that are read in one statement."""
RAISED: Final = "raised"
HELD: Final = "held"
"""What stands in ``error`` while a message waits for more of the same thought."""
REUSED: Final = "id_reused"
"""The error of what came under an id that had been used for something else."""
_MASKED: Final = "••••".encode()
_EMPTIED: Final = b"{}"


Place = tuple[int, str]
"""A conversation: the shop's id and the customer's key."""


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
    source: str = ""

    def data(self) -> Any:
        """The stored JSON of an internal event."""
        return orjson.loads(self.raw)


_INBOX = table(InboxEvent).c
_COLUMNS = (
    _INBOX.id,
    _INBOX.shop_id,
    _INBOX.source,
    _INBOX.kind,
    _INBOX.customer_key,
    _INBOX.match_key,
    _INBOX.hint,
    _INBOX.lane,
    _INBOX.raw,
    _INBOX.attempts,
    _INBOX.received_at,
    clock().label("now"),
)
_THESE = (_INBOX.id.in_(bindparam("ids", expanding=True)), _INBOX.status == word("waiting"))


def _event(row: Any) -> WaitingEvent:
    return WaitingEvent(
        id=row.id,
        shop_id=row.shop_id,
        source=row.source,
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
    """Store each event once; repeats are left alone. Returns ids and kinds of new rows that wait.

    What comes under a known id and is something else is kept aside, for a person to see, and has no effect.
    """
    return record_each(session, shop_id, source, [events])[0]


def record_each(
    session: Session, shop_id: int, source: str, deliveries: Sequence[Sequence[NewEvent]]
) -> list[list[tuple[int, str]]]:
    """The same for several deliveries in one statement; of a repeat among them the first counts as new."""
    events = [event for delivery in deliveries for event in delivery]
    if not events:
        return [[] for _ in deliveries]
    rows = _store(session, shop_id, source, events)
    if len(rows) < len(events):
        _keep_impostors(session, shop_id, source, events)
    new = {row.external_id: (row.id, row.kind) for row in rows if row.status == "waiting"}
    return [
        [new.pop(event.external_id) for event in delivery if event.external_id in new]
        for delivery in deliveries
    ]


def _store(
    session: Session, shop_id: int, source: str, events: Sequence[NewEvent], error: str = ""
) -> list[Any]:
    rows = session.execute(
        _recording(dialect_of(session), ORDINARY, error),
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
                "raw": event.raw,
                "status": event.status,
            }
            for event in events
        ],
    )
    return list(rows)


def _keep_impostors(session: Session, shop_id: int, source: str, events: Sequence[NewEvent]) -> None:
    """Of events just stored or known before: keep apart what is not what is known under its id."""
    names = [event.external_id for event in events]
    own_names = [event.own_id for event in events if event.own_id is not None]
    known = session.execute(
        select(InboxEvent.external_id, InboxEvent.own_id, InboxEvent.raw).where(
            InboxEvent.source == source,
            or_(InboxEvent.external_id.in_(names), InboxEvent.own_id.in_(own_names)),
        )
    ).all()
    by_name = {row.external_id: bytes(row.raw) for row in known}
    by_own_name = {row.own_id: bytes(row.raw) for row in known if row.own_id is not None}
    impostors = [
        event
        for event in events
        if not _same(by_name.get(event.external_id), event.raw)
        or not _same(by_own_name.get(event.own_id), event.raw)
    ]
    if not impostors:
        return
    kept = _store(
        session,
        shop_id,
        source,
        [
            replace(
                event,
                external_id=f"reused:{hashlib.sha256(event.external_id.encode() + event.raw).hexdigest()}",
                own_id=None,
                match_key=None,
                status="ignored",
            )
            for event in impostors
        ],
        REUSED,
    )
    for row in kept:
        log.error("webhook_id_reused", extra={"inbox_event_id": row.id})


def _same(known: bytes | None, raw: bytes) -> bool:
    """Whether this may be what is known; what was masked or emptied since cannot be compared."""
    return known is None or known in {raw, _EMPTIED} or _MASKED in known


def reused_ids(session: Session, seconds: float) -> int:
    """How many events of the last ``seconds`` came under an id that had been used for something else."""
    return (
        session.scalar(
            select(func.count()).where(
                InboxEvent.error == word(REUSED), InboxEvent.received_at > clock(-seconds)
            )
        )
        or 0
    )


@cache
def _recording(dialect: str, priority: int, error: str = "") -> Executable:
    # What is the same in every row stands in the SQL itself: each parameter of each row costs.
    return (
        insert_on(dialect, InboxEvent)
        .values(
            received_at=clock(),
            next_at=clock(),
            priority=literal_column(str(priority), SmallInteger()),
            attempts=literal_column("0", Integer()),
            error=word(error),
        )
        .on_conflict_do_nothing()
        .returning(_INBOX.id, _INBOX.kind, _INBOX.status, _INBOX.external_id)
    )


def record_internal(
    session: Session, shop_id: int, customer_key: str, name: str, data: dict[str, Any], *, unique: str
) -> int | None:
    """Tell a conversation that ``name`` happened; ``unique`` makes it happen once for ever.

    Returns the new row's id, or ``None`` when it was told already.
    """
    told = {
        "shop_id": shop_id,
        "source": "duka",
        "external_id": f"{name}:{unique}",
        "kind": "internal",
        "customer_key": customer_key,
        "lane": "normal",
        "raw": orjson.dumps({"event": name, **data}),
        "status": "waiting",
    }
    row = session.execute(_recording(dialect_of(session), URGENT), told).first()
    return None if row is None else int(row.id)


_OF_CUSTOMER = (
    select(*_COLUMNS, (_INBOX.next_at <= clock()).label("is_due"), _INBOX.error)
    .where(
        _INBOX.shop_id == bindparam("shop"),
        _INBOX.customer_key == bindparam("customer"),
        _INBOX.status == word("waiting"),
    )
    .order_by(_INBOX.priority, _INBOX.id)
    .limit(bindparam("most"))
)


def of_customer(
    session: Session, shop_id: int, customer_key: str, most: int = 50, *, held: bool = True
) -> list[WaitingEvent]:
    """What may be worked on now for this customer's conversation: payment results first, then as it arrived.

    One that waits for its next attempt holds back whatever comes after it, until it is done or dead. One that is
    ``held`` for the rest of its thought holds back nothing, and is read with whatever comes.
    """
    rows = session.execute(_OF_CUSTOMER, {"shop": shop_id, "customer": customer_key, "most": most})
    return _workable(rows, held=held)


def _workable(rows: Iterable[Any], *, held: bool) -> list[WaitingEvent]:
    passing = takewhile(lambda row: row.is_due or row.error == HELD, rows)
    return [_event(row) for row in passing if row.is_due or held]


_OF_CUSTOMERS = (
    select(*_COLUMNS, (_INBOX.next_at <= clock()).label("is_due"), _INBOX.error, _INBOX.priority)
    .where(
        _INBOX.shop_id.in_(bindparam("shops", expanding=True)),
        _INBOX.customer_key.in_(bindparam("customers", expanding=True)),
        _INBOX.status == word("waiting"),
    )
    .limit(bindparam("most"))
)


def of_customers(
    session: Session, places: Sequence[Place], most: int = 50, *, held: bool = True
) -> dict[Place, list[WaitingEvent]]:
    """The same for several customers in one statement, by their shop and key; who has nothing is left out."""
    if len(places) == 1:
        (place,) = places
        found = of_customer(session, *place, most, held=held)
        return {place: found} if found else {}
    told = {
        "shops": sorted({shop_id for shop_id, _ in places}),
        "customers": sorted({key for _, key in places}),
        "most": MOST_TOGETHER,
    }
    rows = session.execute(_OF_CUSTOMERS, told).all()
    if len(rows) == MOST_TOGETHER:  # somebody writes without end: nobody's may be missed for it
        each = {place: of_customer(session, *place, most, held=held) for place in places}
        return {place: found for place, found in each.items() if found}
    waiting: dict[Place, list[Any]] = {place: [] for place in places}
    for row in sorted(rows, key=lambda row: (row.priority, row.id)):
        waiting.get((row.shop_id, row.customer_key), []).append(row)
    each = {place: _workable(of_one[:most], held=held) for place, of_one in waiting.items()}
    return {place: found for place, found in each.items() if found}


_CLAIM = (
    update(table(InboxEvent))
    .where(
        _INBOX.id == bindparam("event"),
        _INBOX.kind.in_(["payment", "status"]),
        _INBOX.status == word("waiting"),
        _INBOX.next_at <= clock(),
    )
    .values(next_at=clock(WORK_LEASE), attempts=_INBOX.attempts + 1)
    .returning(*_COLUMNS)
)


def claim(session: Session, event_id: int) -> WaitingEvent | None:
    """Take one payment or status event for ``WORK_LEASE`` seconds; ``None`` when done or taken."""
    row = session.execute(_CLAIM, {"event": event_id}).first()
    return None if row is None else _event(row)


_FINISH = update(table(InboxEvent)).where(*_THESE).values(done_at=clock()).returning(_INBOX.id)
_POSTPONE = update(table(InboxEvent)).where(*_THESE).values(next_at=clock(bindparam("wait", type_=Float())))
_COUNT_ATTEMPT = update(table(InboxEvent)).where(*_THESE).values(attempts=_INBOX.attempts + 1)


def finish(session: Session, event_ids: Sequence[int], status: str = "done", error: str = "") -> int:
    """Close events; returns how many were still waiting, which the caller may insist on."""
    if not event_ids:
        return 0
    result = session.execute(_FINISH, {"ids": event_ids, "status": status, "error": error})
    return len(result.all())


def postpone(session: Session, event_ids: Sequence[int], seconds: float, error: str = "") -> None:
    """Let events wait ``seconds`` before the next attempt."""
    session.execute(_POSTPONE, {"ids": event_ids, "wait": seconds, "error": error})


_HOLD = (
    update(table(InboxEvent))
    .where(*_THESE)
    .values(next_at=clock(bindparam("wait", type_=Float())), attempts=0, error=HELD)
    .returning(_INBOX.id)
)


def hold(session: Session, event_ids: Sequence[int], seconds: float) -> int:
    """Keep messages for ``seconds``, to be read together with what comes; returns how many still waited.

    Nothing was tried in vain: the attempt is not counted.
    """
    if not event_ids:
        return 0
    result = session.execute(_HOLD, {"ids": event_ids, "wait": seconds})
    return len(result.all())


def ripe(session: Session, most: int = 500) -> list[int]:
    """Messages that were held and have waited long enough."""
    return list(
        session.scalars(
            select(InboxEvent.id)
            .where(
                InboxEvent.status == word("waiting"),
                InboxEvent.next_at <= clock(),
                InboxEvent.error == HELD,
            )
            .order_by(InboxEvent.next_at, InboxEvent.id)
            .limit(most)
        )
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
    if event_ids:
        session.execute(_COUNT_ATTEMPT, {"ids": event_ids})


def wake_matching(session: Session, shop_id: int, match_key: str) -> list[int]:
    """Make parked events about ``match_key`` due now; returns their ids."""
    return list(session.execute(_WAKE_MATCHING, {"shop": shop_id, "match": match_key}).scalars())


_WAKE_MATCHING = (
    update(table(InboxEvent))
    .where(
        _INBOX.shop_id == bindparam("shop"),
        _INBOX.match_key == bindparam("match"),
        _INBOX.status == word("waiting"),
    )
    .values(next_at=clock())
    .returning(_INBOX.id)
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


_EARLIER = table(InboxEvent).alias()
_LATE_BELL = clock(bindparam("older", type_=Float()))
_OVERDUE = (
    select(_INBOX.id, _INBOX.kind)
    .where(
        _INBOX.status == word("waiting"),
        _INBOX.next_at <= clock(),
        _INBOX.next_at <= case((or_(_INBOX.attempts > 0, _INBOX.error == HELD), clock()), else_=_LATE_BELL),
        or_(
            _INBOX.customer_key.is_(None),
            and_(
                _INBOX.customer_key.is_not(None),
                ~(
                    select(_EARLIER.c.id)
                    .where(
                        _EARLIER.c.shop_id == _INBOX.shop_id,
                        _EARLIER.c.customer_key == _INBOX.customer_key,
                        _EARLIER.c.status == word("waiting"),
                        tuple_(_EARLIER.c.priority, _EARLIER.c.id) < tuple_(_INBOX.priority, _INBOX.id),
                    )
                    .exists()
                ),
            ),
        ),
    )
    .order_by(_INBOX.next_at, _INBOX.id)
    .limit(bindparam("most"))
)


def overdue(session: Session, older_than: float, most: int = 500) -> list[tuple[int, str]]:
    """Ids and kinds of events whose bell nobody heard; of each conversation's the first, which holds back the others.

    One that was worked on before, or held, is due when its time comes; a fresh one after ``older_than`` seconds,
    since somebody is probably on the way.
    """
    rows = session.execute(_OVERDUE, {"older": -older_than, "most": most})
    return [(row.id, row.kind) for row in rows]


def oldest_waiting(session: Session) -> float | None:
    """Seconds since the oldest due event could have been worked on; ``None`` when nothing is due."""
    row = session.execute(
        select(func.min(InboxEvent.next_at).label("at"), clock().label("now")).where(
            InboxEvent.status == word("waiting"), InboxEvent.next_at <= clock()
        )
    ).one()
    return None if row.at is None else float((row.now - row.at).total_seconds())
