"""The outbox: every message promised to a customer, sent once and in order.

A row is written in the transaction that decided it. The sender claims the head of many
customers' queues at once; ``fence`` makes a slow sender's late result harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Float,
    Integer,
    ScalarSelect,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from db.models import Conversation, Customer, OutboxMessage, Pause, Shop
from db.statements import dialect_of, insert_on, table
from db.types import clock, word

SEND_LEASE: Final = 30.0
"""Seconds a claimed row is ours: more than connect and read timeouts together."""
WINDOW: Final = 24 * 3600.0
"""WhatsApp's customer service window after the last inbound message (WIRE 2c)."""
LONGEST_WAIT: Final = 3 * 24 * 3600.0
"""Seconds a message waits for the customer to write again; later it would only puzzle them."""
TEMPLATE_KEY: Final = ":template"
"""What a message's key ends in when its template goes instead."""
TEXT_KEY: Final = ":text"
"""The same when it goes as plain text."""
AGAIN_KEY: Final = ":again"
"""The same when the old key can prove nothing any more."""
WINDOW_CLOSED: Final = "window closed"
"""The ``error`` of a message that waits for its customer to write; it holds nothing back meanwhile."""

_OUTBOX = table(OutboxMessage).c
_CUSTOMERS = table(Customer).c
_CONVERSATIONS = table(Conversation).c
_PAUSES = table(Pause).c
_SHOPS = table(Shop).c


@dataclass(frozen=True, slots=True)
class Promise:
    """One message to promise; ``message`` and ``fallback`` as ``ghala.messages.dump`` gives them."""

    key: str
    message: dict[str, Any]
    kind: str = "reply"
    unique_key: str | None = None
    fallback: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message to send now.

    ``window_open`` says whether a free-form message may go, ``reachable`` whether one reached this person since
    they last wrote or nothing is known, ``outlived`` that it waited longer than ``LONGEST_WAIT``.
    """

    id: int
    shop_id: int
    customer_id: int
    fence: int
    key: str
    kind: str
    to: str
    message: dict[str, Any]
    fallback: dict[str, Any] | None
    attempts: int
    window_open: bool
    reachable: bool = True
    outlived: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed message.

    ``status`` is ``sent``, ``dead`` or ``waiting`` (again after ``delay`` seconds). ``use_fallback`` puts its template
    in its place, ``message`` these words; whatever differs from what was tried goes under a key of its own, which is
    the old one with ``key_ending``. ``silence`` is why the whole shop may not send for ``delay`` seconds.
    """

    id: int
    fence: int
    status: str
    provider_id: str | None = None
    delay: float = 0.0
    error: str = ""
    use_fallback: bool = False
    count_attempt: bool = True
    message: dict[str, Any] | None = None
    key_ending: str = ""
    silence: str = ""
    unreachable: bool = False


def promise(session: Session, shop_id: int, customer_id: int, promises: Sequence[Promise]) -> list[int]:
    """Store messages in order; one whose ``unique_key`` was promised before is left out."""
    return promise_all(session, [(shop_id, customer_id, promise) for promise in promises])


def promise_all(session: Session, promises: Sequence[tuple[int, int, Promise]]) -> list[int]:
    """The same for several customers, by shop and id."""
    if not promises:
        return []
    rows = session.scalars(
        _promising(dialect_of(session)),
        [
            {
                "shop_id": shop_id,
                "customer_id": customer_id,
                "key": p.key,
                "unique_key": p.unique_key,
                "kind": p.kind,
                "message": p.message,
                "fallback": p.fallback,
                "status": "waiting",
                "attempts": 0,
                "fence": 0,
                "error": "",
                "delivery": "none",
            }
            for shop_id, customer_id, p in promises
        ],
    )
    return list(rows)


@cache
def _promising(dialect: str) -> Executable:
    return (
        insert_on(dialect, OutboxMessage)
        .values(created_at=clock(), next_at=clock())
        .on_conflict_do_nothing()
        .returning(_OUTBOX.id)
    )


def promised_within(session: Session, customer_id: int, seconds: float) -> bool:
    """Whether the customer was promised a message in the last ``seconds``, sent or not."""
    newest = (
        select(OutboxMessage.created_at >= clock(-seconds))
        .where(OutboxMessage.customer_id == customer_id)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    )
    return bool(session.scalar(newest))


def unsent_of(customer_id: ColumnElement[int]) -> ScalarSelect[int]:
    """SQL: how many messages to this customer wait to be sent."""
    return (
        select(func.count())
        .where(_OUTBOX.customer_id == customer_id, _OUTBOX.status == word("waiting"))
        .scalar_subquery()
    )


_EARLIER = table(OutboxMessage).alias()
# Written out, since on SQLite columns in RETURNING are rendered without their table.
_RECIPIENT: ColumnElement[int] = literal_column(f"{OutboxMessage.__tablename__}.customer_id")
_IDENTITY = select(_CUSTOMERS.identity).where(_CUSTOMERS.id == _RECIPIENT).scalar_subquery()


def _in_conversation(said: ColumnElement[bool]) -> ScalarSelect[bool]:
    """SQL: what the recipient's conversation says; NULL where there is none."""
    return select(said).where(_CONVERSATIONS.customer_id == _RECIPIENT).scalar_subquery()


# How its customer can be reached is told with the claim: one statement for each round, and none besides.
_CLAIM = (
    update(table(OutboxMessage))
    .where(
        _OUTBOX.id.in_(
            select(_OUTBOX.id)
            .where(
                _OUTBOX.status == word("waiting"),
                _OUTBOX.next_at <= clock(),
                ~select(_PAUSES.shop_id).where(_PAUSES.shop_id == _OUTBOX.shop_id).exists(),
                ~select(_SHOPS.id)
                .where(_SHOPS.id == _OUTBOX.shop_id, _SHOPS.silenced_until > clock())
                .exists(),
                ~select(_EARLIER.c.id)
                .where(
                    _EARLIER.c.customer_id == _OUTBOX.customer_id,
                    _EARLIER.c.status == word("waiting"),
                    _EARLIER.c.id < _OUTBOX.id,
                    (_EARLIER.c.error != WINDOW_CLOSED) | (_EARLIER.c.next_at <= clock()),
                )
                .exists(),
            )
            .order_by(_OUTBOX.next_at, _OUTBOX.id)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(next_at=clock(SEND_LEASE), fence=_OUTBOX.fence + 1, error="")
    .returning(
        _OUTBOX.id,
        _OUTBOX.shop_id,
        _OUTBOX.customer_id,
        _OUTBOX.fence,
        _OUTBOX.key,
        _OUTBOX.kind,
        _IDENTITY.label("identity"),
        _OUTBOX.message,
        _OUTBOX.fallback,
        _OUTBOX.attempts,
        _in_conversation(_CONVERSATIONS.inbound_at > clock(-WINDOW)).label("window_open"),
        _in_conversation(
            _CONVERSATIONS.unreachable_at.is_not(None)
            & (
                _CONVERSATIONS.inbound_at.is_(None)
                | (_CONVERSATIONS.inbound_at <= _CONVERSATIONS.unreachable_at)
            )
        ).label("unreachable"),
        (_OUTBOX.created_at <= clock(-LONGEST_WAIT)).label("outlived"),
    )
)


def claim_heads(session: Session, most: int) -> list[Claimed]:
    """Take up to ``most`` messages that are due, each the first of its customer, for ``SEND_LEASE`` seconds.

    A paused or silenced shop sends nothing.
    """
    claimed = [
        Claimed(
            id=row.id,
            shop_id=row.shop_id,
            customer_id=row.customer_id,
            fence=row.fence,
            key=row.key,
            kind=row.kind,
            to=row.identity,
            message=row.message,
            fallback=row.fallback,
            attempts=row.attempts,
            window_open=bool(row.window_open),
            reachable=not row.unreachable,
            outlived=bool(row.outlived),
        )
        for row in session.execute(_CLAIM, {"most": most})
    ]
    return sorted(claimed, key=attrgetter("id"))


def wake(session: Session, customer_ids: Sequence[int]) -> None:
    """The customers wrote: what waited for the window to open may go now."""
    if customer_ids:
        session.execute(_WAKE, {"customers": customer_ids})


_WAKE = (
    update(table(OutboxMessage))
    .where(
        _OUTBOX.customer_id.in_(bindparam("customers", expanding=True)),
        _OUTBOX.status == word("waiting"),
        _OUTBOX.error == WINDOW_CLOSED,
        _OUTBOX.next_at > clock(),
    )
    .values(next_at=clock())
)


_MINE = (
    update(table(OutboxMessage))
    .where(
        _OUTBOX.id == bindparam("message_id"),
        _OUTBOX.fence == bindparam("claimed"),
        _OUTBOX.status == word("waiting"),
    )
    .values(attempts=_OUTBOX.attempts + bindparam("counted", type_=Integer()))
)
_SENT = _MINE.values(
    status="sent",
    sent_at=clock(),
    delivery=case((_OUTBOX.delivery == "none", "sent"), else_=_OUTBOX.delivery),
)
_DEAD = _MINE.values(status="dead")
_AGAIN = _MINE.values(next_at=clock(bindparam("wait", type_=Float())))


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Write results back; a row claimed by someone else meanwhile keeps that claim.

    What was sent, which is nearly everything, goes as one statement; in the order of ids, so that no two senders wait
    for each other in a circle.
    """
    sent = [
        {
            "message_id": outcome.id,
            "claimed": outcome.fence,
            "counted": int(outcome.count_attempt),
            "error": outcome.error,
            "provider_id": outcome.provider_id,
        }
        for outcome in sorted(outcomes, key=attrgetter("id"))
        if outcome.status == "sent"
    ]
    if sent:
        session.execute(_SENT, sent)
    for outcome in outcomes:
        if outcome.status != "sent":
            _record_otherwise(session, outcome)


def _record_otherwise(session: Session, outcome: Outcome) -> None:
    """Write back that a message is dead, or goes again."""
    what: dict[str, Any] = {
        "message_id": outcome.id,
        "claimed": outcome.fence,
        "counted": int(outcome.count_attempt),
        "error": outcome.error,
    }
    if outcome.status == "dead":
        statement = _DEAD
    else:
        statement, what["wait"] = _AGAIN, outcome.delay
    if outcome.use_fallback:
        statement = statement.values(message=_OUTBOX.fallback, fallback=None)
    if outcome.message is not None:
        statement = statement.values(message=outcome.message)
    if ending := TEMPLATE_KEY if outcome.use_fallback else outcome.key_ending:
        statement = statement.values(key=_OUTBOX.key + ending)
    session.execute(statement, what)
    if outcome.unreachable:
        whose = select(OutboxMessage.customer_id).where(OutboxMessage.id == outcome.id)
        _mark_unreachable(session, whose.scalar_subquery(), clock())
    if outcome.silence:
        whose = select(OutboxMessage.shop_id).where(OutboxMessage.id == outcome.id)
        silence(session, whose.scalar_subquery(), outcome.silence, outcome.delay)


def _mark_unreachable(session: Session, customer_id: Any, since: Any) -> None:
    session.execute(
        update(Conversation).where(Conversation.customer_id == customer_id).values(unreachable_at=since)
    )


def silence(session: Session, shop_id: Any, reason: str, seconds: float) -> None:
    """Ghala or WhatsApp lets this shop send nothing, for ``reason`` (a code): try again after ``seconds``."""
    session.execute(
        update(Shop)
        .where(Shop.id == shop_id)
        .values(silenced_until=clock(seconds), silenced_because=reason)
        .execution_options(synchronize_session=False)
    )


_NAMED = (_OUTBOX.shop_id == bindparam("shop"), _OUTBOX.provider_id == bindparam("provider"))
_OF_PROVIDER = select(_OUTBOX.id).where(*_NAMED)


def _note(*before: str) -> Executable:
    """Write a delivery where it was one of these before."""
    was = _OUTBOX.delivery.in_(before)
    return update(table(OutboxMessage)).where(*_NAMED, was).returning(_OUTBOX.id)


_DELIVERY: Final = {
    "sent": _note("none"),
    "delivered": _note("none", "sent", "failed"),
    "read": _note("none", "sent", "failed", "delivered"),
    "failed": _note("none", "sent", "failed"),
}
"""How to note a delivery: only where it is news. ``failed`` is kept unless the message came through after all."""


def record_delivery(session: Session, shop_id: int, provider_id: str, status: str, error: str = "") -> bool:
    """Note a delivery status; it never goes backwards. Returns whether we know the message.

    ``failed`` is kept unless the message was delivered or read after all.
    """
    what = {"shop": shop_id, "provider": provider_id}
    noted = _DELIVERY[status]
    said = {"delivery": status, "error": error} if error else {"delivery": status}
    if session.execute(noted, what | said).first() is not None:
        return True
    return session.execute(_OF_PROVIDER, what).first() is not None


@dataclass(frozen=True, slots=True)
class Failed:
    """A message that was taken and then did not arrive.

    ``overtaken`` says that the customer has been told something else since.
    """

    id: int
    shop_id: int
    customer_id: int
    kind: str
    message: dict[str, Any]
    fallback: dict[str, Any] | None
    attempts: int
    sent_at: datetime | None
    overtaken: bool


_LATER = aliased(OutboxMessage)


def failed(session: Session, shop_id: int, provider_id: str) -> Failed | None:
    """The message of this provider's id, if its delivery failed; ``None`` when it arrived after all."""
    overtaken = (
        select(_LATER.id)
        .where(_LATER.customer_id == OutboxMessage.customer_id, _LATER.id > OutboxMessage.id)
        .exists()
    )
    row = session.execute(
        select(
            OutboxMessage.id,
            OutboxMessage.shop_id,
            OutboxMessage.customer_id,
            OutboxMessage.kind,
            OutboxMessage.message,
            OutboxMessage.fallback,
            OutboxMessage.attempts,
            OutboxMessage.sent_at,
            overtaken.label("overtaken"),
        ).where(
            OutboxMessage.shop_id == shop_id,
            OutboxMessage.provider_id == provider_id,
            OutboxMessage.delivery == "failed",
        )
    ).first()
    return None if row is None else Failed(*row)


def send_again(
    session: Session,
    gone: Failed,
    *,
    delay: float = 0.0,
    use_fallback: bool = False,
    message: dict[str, Any] | None = None,
) -> None:
    """Put a message that did not arrive back to be sent after ``delay`` seconds, or another in its place.

    Under a new key: the old one stands for a message that was taken.
    """
    ending = TEMPLATE_KEY if use_fallback else AGAIN_KEY if message is None else TEXT_KEY
    values: dict[str, Any] = {
        "key": OutboxMessage.key + ending,
        "provider_id": None,
        "delivery": "none",
        "status": "waiting",
        "next_at": clock(delay),
    }
    if use_fallback:
        values |= {"message": OutboxMessage.fallback, "fallback": None}
    if message is not None:
        values["message"] = message
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == gone.id, OutboxMessage.delivery == "failed")
        .values(values)
    )


def leave_alone(session: Session, gone: Failed) -> None:
    """The person could not be reached when ``gone`` was sent: trouble them no more until they write again."""
    _mark_unreachable(session, gone.customer_id, clock() if gone.sent_at is None else gone.sent_at)


def undelivered(
    session: Session, shop_id: int, most: int = 50, only: int | None = None
) -> list[OutboxMessage]:
    """Receipts and news that never arrived, the newest first: what a person in the shop should look at.

    ``only`` is the id of the one that is asked about.
    """
    dead = select(OutboxMessage).where(OutboxMessage.status == word("dead"))
    lost = select(OutboxMessage).where(OutboxMessage.delivery == word("failed"))
    found: dict[int, OutboxMessage] = {}
    for these in (dead, lost):
        newest = (
            these.where(
                OutboxMessage.shop_id == shop_id,
                OutboxMessage.kind != "reply",
                OutboxMessage.dismissed_at.is_(None),
                true() if only is None else OutboxMessage.id == only,
            )
            .order_by(OutboxMessage.id.desc())
            .limit(most)
        )
        found |= {row.id: row for row in session.scalars(newest)}
    return [found[row_id] for row_id in sorted(found, reverse=True)][:most]


def oldest_waiting(session: Session) -> float | None:
    """Seconds since the oldest message that is due was due; ``None`` when nothing is."""
    row = session.execute(
        select(func.min(OutboxMessage.next_at).label("at"), clock().label("now")).where(
            OutboxMessage.status == word("waiting"), OutboxMessage.next_at <= clock()
        )
    ).one()
    return None if row.at is None else float((row.now - row.at).total_seconds())
