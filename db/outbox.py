"""The outbox: every message promised to a customer, sent once and in order.

A row is written in the transaction that decided it. The sender claims the head of many
customers' queues at once; ``fence`` makes a slow sender's late result harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Executable, Float, Integer, bindparam, case, func, null, select, update
from sqlalchemy.orm import Session

from db.models import Conversation, Customer, OutboxMessage, Pause
from db.statements import dialect_of, insert_on, table
from db.types import clock, word

SEND_LEASE: Final = 30.0
"""Seconds a claimed row is ours: more than connect and read timeouts together."""
WINDOW: Final = 24 * 3600.0
"""WhatsApp's customer service window after the last inbound message (WIRE 2c)."""
TEMPLATE_KEY: Final = ":template"
"""What a message's key ends in when its template goes instead."""

_OUTBOX = table(OutboxMessage).c
_CUSTOMERS = table(Customer).c
_CONVERSATIONS = table(Conversation).c
_PAUSES = table(Pause).c


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
    """A message to send now. ``window_open`` says whether a free-form message may go."""

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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed message.

    ``status`` is ``sent``, ``dead`` or ``waiting`` (again after ``delay`` seconds).
    """

    id: int
    fence: int
    status: str
    provider_id: str | None = None
    delay: float = 0.0
    error: str = ""
    use_fallback: bool = False
    count_attempt: bool = True


def promise(session: Session, shop_id: int, customer_id: int, promises: Sequence[Promise]) -> list[int]:
    """Store messages in order; one whose ``unique_key`` was promised before is left out."""
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
            for p in promises
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


_UNSENT = select(func.count()).where(
    _OUTBOX.customer_id == bindparam("customer"), _OUTBOX.status == word("waiting")
)


def unsent(session: Session, customer_id: int) -> int:
    """How many messages to this customer wait to be sent."""
    waiting: int = session.execute(_UNSENT, {"customer": customer_id}).scalar_one()
    return waiting


_EARLIER = table(OutboxMessage).alias()
_CLAIM = (
    update(table(OutboxMessage))
    .where(
        _OUTBOX.id.in_(
            select(_OUTBOX.id)
            .where(
                _OUTBOX.status == word("waiting"),
                _OUTBOX.next_at <= clock(),
                ~select(_PAUSES.shop_id).where(_PAUSES.shop_id == _OUTBOX.shop_id).exists(),
                ~select(_EARLIER.c.id)
                .where(
                    _EARLIER.c.customer_id == _OUTBOX.customer_id,
                    _EARLIER.c.status == word("waiting"),
                    _EARLIER.c.id < _OUTBOX.id,
                )
                .exists(),
            )
            .order_by(_OUTBOX.next_at, _OUTBOX.id)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(next_at=clock(SEND_LEASE), fence=_OUTBOX.fence + 1)
    .returning(
        _OUTBOX.id,
        _OUTBOX.shop_id,
        _OUTBOX.customer_id,
        _OUTBOX.fence,
        _OUTBOX.key,
        _OUTBOX.kind,
        _OUTBOX.message,
        _OUTBOX.fallback,
        _OUTBOX.attempts,
    )
)
_REACH = (
    select(
        _CUSTOMERS.id,
        _CUSTOMERS.identity,
        (_CONVERSATIONS.inbound_at > clock(-WINDOW)).label("window_open"),
    )
    .select_from(table(Customer).outerjoin(table(Conversation), _CONVERSATIONS.customer_id == _CUSTOMERS.id))
    .where(_CUSTOMERS.id.in_(bindparam("customers", expanding=True)))
)


def claim_heads(session: Session, most: int) -> list[Claimed]:
    """Take up to ``most`` messages that are due, each the first of its customer, for ``SEND_LEASE`` seconds.

    A paused shop sends nothing.
    """
    rows = session.execute(_CLAIM, {"most": most}).all()
    if not rows:
        return []
    customers = list({row.customer_id for row in rows})
    reach = {row.id: row for row in session.execute(_REACH, {"customers": customers})}
    return [
        Claimed(
            id=row.id,
            shop_id=row.shop_id,
            customer_id=row.customer_id,
            fence=row.fence,
            key=row.key,
            kind=row.kind,
            to=reach[row.customer_id].identity,
            message=row.message,
            fallback=row.fallback,
            attempts=row.attempts,
            window_open=bool(reach[row.customer_id].window_open),
        )
        for row in sorted(rows, key=lambda row: row.id)
    ]


def wake(session: Session, customer_id: int) -> None:
    """The customer wrote: what waited for the window to open may go now."""
    session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.customer_id == customer_id,
            OutboxMessage.status == word("waiting"),
            OutboxMessage.next_at > clock(SEND_LEASE),
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
_TEMPLATE_INSTEAD = _AGAIN.values(message=_OUTBOX.fallback, fallback=null(), key=_OUTBOX.key + TEMPLATE_KEY)


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Write results back; a row claimed by someone else meanwhile keeps that claim."""
    for outcome in outcomes:
        what: dict[str, Any] = {
            "message_id": outcome.id,
            "claimed": outcome.fence,
            "counted": int(outcome.count_attempt),
            "error": outcome.error,
        }
        if outcome.status == "sent":
            session.execute(_SENT, what | {"provider_id": outcome.provider_id})
        elif outcome.status == "dead":
            session.execute(_DEAD, what)
        else:
            again = _TEMPLATE_INSTEAD if outcome.use_fallback else _AGAIN
            session.execute(again, what | {"wait": outcome.delay})


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


def retry_with_fallback(session: Session, shop_id: int, provider_id: str) -> None:
    """WhatsApp refused a message afterwards because the window was closed: send its template, once."""
    session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.shop_id == shop_id,
            OutboxMessage.provider_id == provider_id,
            OutboxMessage.fallback.is_not(None),
            OutboxMessage.delivery == "failed",
        )
        .values(
            message=OutboxMessage.fallback,
            fallback=None,
            key=OutboxMessage.key + TEMPLATE_KEY,
            provider_id=None,
            delivery="none",
            status="waiting",
            next_at=clock(),
        )
    )


def oldest_waiting(session: Session) -> float | None:
    """Seconds since the oldest message that is due was due; ``None`` when nothing is."""
    row = session.execute(
        select(func.min(OutboxMessage.next_at).label("at"), clock().label("now")).where(
            OutboxMessage.status == word("waiting"), OutboxMessage.next_at <= clock()
        )
    ).one()
    return None if row.at is None else float((row.now - row.at).total_seconds())
