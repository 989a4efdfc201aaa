"""The outbox: every message promised to a customer, sent once and in order.

A row is written in the transaction that decided it. The sender claims the head of many
customers' queues at once; ``fence`` makes a slow sender's late result harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, aliased

from db.models import Conversation, Customer, OutboxMessage, Pause, Shop
from db.statements import insert
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
                ~select(Shop.id)
                .where(Shop.id == OutboxMessage.shop_id, Shop.silenced_until > clock())
                .exists(),
                ~select(_EARLIER.id)
                .where(
                    _EARLIER.customer_id == OutboxMessage.customer_id,
                    _EARLIER.status == word("waiting"),
                    _EARLIER.id < OutboxMessage.id,
                    (_EARLIER.error != WINDOW_CLOSED) | (_EARLIER.next_at <= clock()),
                )
                .exists(),
            )
            .order_by(OutboxMessage.next_at, OutboxMessage.id)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(next_at=clock(SEND_LEASE), fence=OutboxMessage.fence + 1, error="")
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
        (OutboxMessage.created_at <= clock(-LONGEST_WAIT)).label("outlived"),
    )
    .execution_options(synchronize_session=False)
)


def claim_heads(session: Session, most: int) -> list[Claimed]:
    """Take up to ``most`` messages that are due, each the first of its customer, for ``SEND_LEASE`` seconds.

    A paused or silenced shop sends nothing.
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
                (
                    Conversation.unreachable_at.is_not(None)
                    & (
                        Conversation.inbound_at.is_(None)
                        | (Conversation.inbound_at <= Conversation.unreachable_at)
                    )
                ).label("unreachable"),
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
            reachable=not reach[row.customer_id].unreachable,
            outlived=bool(row.outlived),
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
            values |= {"message": OutboxMessage.fallback, "fallback": None}
        if outcome.message is not None:
            values["message"] = outcome.message
        if ending := TEMPLATE_KEY if outcome.use_fallback else outcome.key_ending:
            values["key"] = OutboxMessage.key + ending
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


def undelivered(session: Session, shop_id: int, most: int = 50) -> list[OutboxMessage]:
    """Receipts and news that never arrived, the newest first: what a person in the shop should look at."""
    dead = select(OutboxMessage).where(OutboxMessage.status == word("dead"))
    lost = select(OutboxMessage).where(OutboxMessage.delivery == word("failed"))
    found: dict[int, OutboxMessage] = {}
    for these in (dead, lost):
        newest = (
            these.where(OutboxMessage.shop_id == shop_id, OutboxMessage.kind != "reply")
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
