"""The outbox: every message promised to a customer, sent once and in order.

A row is written in the transaction that decided it. The sender claims the head of many
customers' queues at once; ``fence`` makes a slow sender's late result harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, aliased

from db.models import Conversation, Customer, OutboxMessage, Pause
from db.statements import insert
from db.types import clock, word

SEND_LEASE: Final = 30.0
"""Seconds a claimed row is ours: more than connect and read timeouts together."""
WINDOW: Final = 24 * 3600.0
"""WhatsApp's customer service window after the last inbound message (WIRE 2c)."""
TEMPLATE_KEY: Final = ":template"
"""What a message's key ends in when its template goes instead."""
RANK: Final = {"none": 0, "sent": 1, "delivered": 2, "read": 3}


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
    statement = (
        insert(session, OutboxMessage)
        .values(
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
                    "created_at": clock(),
                    "next_at": clock(),
                }
                for p in promises
            ]
        )
        .on_conflict_do_nothing()
        .returning(OutboxMessage.id)
    )
    return list(session.scalars(statement))


def unsent(session: Session, customer_id: int) -> int:
    """How many messages to this customer wait to be sent."""
    waiting = select(func.count()).where(
        OutboxMessage.customer_id == customer_id, OutboxMessage.status == word("waiting")
    )
    return session.execute(waiting).scalar_one()


# Built once: it runs several times a second, and building it takes longer than running it.
_EARLIER = aliased(OutboxMessage)
_CLAIM = (
    update(OutboxMessage)
    .where(
        OutboxMessage.id.in_(
            select(OutboxMessage.id)
            .where(
                OutboxMessage.status == word("waiting"),
                OutboxMessage.next_at <= clock(),
                ~select(Pause.shop_id).where(Pause.shop_id == OutboxMessage.shop_id).exists(),
                ~select(_EARLIER.id)
                .where(
                    _EARLIER.customer_id == OutboxMessage.customer_id,
                    _EARLIER.status == word("waiting"),
                    _EARLIER.id < OutboxMessage.id,
                )
                .exists(),
            )
            .order_by(OutboxMessage.next_at, OutboxMessage.id)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(next_at=clock(SEND_LEASE), fence=OutboxMessage.fence + 1)
    .returning(
        OutboxMessage.id,
        OutboxMessage.shop_id,
        OutboxMessage.customer_id,
        OutboxMessage.fence,
        OutboxMessage.key,
        OutboxMessage.kind,
        OutboxMessage.message,
        OutboxMessage.fallback,
        OutboxMessage.attempts,
    )
    .execution_options(synchronize_session=False)
)


def claim_heads(session: Session, most: int) -> list[Claimed]:
    """Take up to ``most`` messages that are due, each the first of its customer, for ``SEND_LEASE`` seconds.

    A paused shop sends nothing.
    """
    rows = session.execute(_CLAIM, {"most": most}).all()
    if not rows:
        return []
    reach = {
        row.id: row
        for row in session.execute(
            select(
                Customer.id,
                Customer.identity,
                (Conversation.inbound_at > clock(-WINDOW)).label("window_open"),
            )
            .outerjoin(Conversation, Conversation.customer_id == Customer.id)
            .where(Customer.id.in_({row.customer_id for row in rows}))
        )
    }
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


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Write results back; a row claimed by someone else meanwhile keeps that claim."""
    for outcome in outcomes:
        mine = (
            OutboxMessage.id == outcome.id,
            OutboxMessage.fence == outcome.fence,
            OutboxMessage.status == word("waiting"),
        )
        values: dict[str, Any] = {"error": outcome.error}
        if outcome.count_attempt:
            values["attempts"] = OutboxMessage.attempts + 1
        if outcome.use_fallback:
            values |= {
                "message": OutboxMessage.fallback,
                "fallback": None,
                "key": OutboxMessage.key + TEMPLATE_KEY,
            }
        if outcome.status == "sent":
            values |= {
                "status": "sent",
                "provider_id": outcome.provider_id,
                "sent_at": clock(),
                "delivery": case((OutboxMessage.delivery == "none", "sent"), else_=OutboxMessage.delivery),
            }
        elif outcome.status == "dead":
            values["status"] = "dead"
        else:
            values["next_at"] = clock(outcome.delay)
        session.execute(update(OutboxMessage).where(*mine).values(values))


def record_delivery(session: Session, shop_id: int, provider_id: str, status: str, error: str = "") -> bool:
    """Note a delivery status; it never goes backwards. Returns whether we know the message.

    ``failed`` is kept unless the message was delivered or read after all.
    """
    rank = case(RANK, value=OutboxMessage.delivery, else_=1)
    allowed = rank < RANK.get(status, 2)
    if status != "failed":
        allowed |= OutboxMessage.delivery == "failed"
        if status == "sent":
            allowed = OutboxMessage.delivery == "none"
    changed = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.shop_id == shop_id, OutboxMessage.provider_id == provider_id, allowed)
        .values(delivery=status, **({"error": error} if error else {}))
        .returning(OutboxMessage.id)
    ).first()
    if changed is not None:
        return True
    known = select(OutboxMessage.id).where(
        OutboxMessage.shop_id == shop_id, OutboxMessage.provider_id == provider_id
    )
    return session.scalar(known) is not None


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
