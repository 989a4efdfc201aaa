"""Pausing a shop, and opening it again after a restore without saying or charging anything twice.

A backup is a picture of the past. What was waiting in it may have been sent or started since: nobody
here can know, since the answers are in the part that is lost. Ghala knows what was paid, so it is
asked before anything leaves; and what may have been said already is held for a person, unless Ghala is
known to ignore a repeated ``Idempotency-Key``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, delete, exists, literal, or_, select, update
from sqlalchemy.orm import Session

from db import Database, clock
from db.models import (
    OPEN_PAYMENT_STATUSES,
    AuditEntry,
    Chore,
    Conversation,
    InboxEvent,
    MoneyEvent,
    Order,
    OutboxMessage,
    Pause,
    Payment,
    Shop,
    WorkerHeartbeat,
)
from db.statements import insert
from db.types import word
from keeping import chores
from payments.service import GIVE_UP_AFTER, ask_soon

log = logging.getLogger("duka.keeping")

BACKUP: Final = "backup"
"""The chore that is begun just before a backup, and so travels inside it: its moment."""
SET_ASIDE: Final = "set_aside"
"""The chore that says that ``set_aside`` was done after the last restore."""
HELD: Final = "held after a restore: may have been sent before"
JUMP: Final = 1_000_000
"""Versions and fences leap this far, so that nothing remembered of the lost time fits any more."""
HOLD: Final = 30 * 60.0
LONG_HOLD: Final = 7 * 24 * 3600.0
"""Seconds for which no unpaid order expires while the shop is paused after a restore."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a restore set aside: messages that may have been sent, payments that may have been started."""

    messages: int
    payments: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What reconciliation found; ``opened`` says whether the shop works again.

    ``unanswered`` payments are those Ghala said nothing about, ``waiting`` are events that are not decided,
    ``booked`` is how many payments turned out to be paid, ``held`` how many receipts a person must look at.
    """

    opened: bool
    asked: int = 0
    unanswered: int = 0
    waiting: int = 0
    booked: int = 0
    held: int = 0


def pause(session: Session, reason: str = "by_hand", *, keys_honoured: bool = False) -> int:
    """Pause every shop that is not paused; returns how many."""
    paused = session.scalars(
        insert(session, Pause)
        .from_select(
            ["shop_id", "reason", "keys_honoured", "since"],
            select(Shop.id, literal(reason), literal(keys_honoured), clock()).where(
                ~exists().where(Pause.shop_id == Shop.id)
            ),
        )
        .returning(Pause.shop_id)
    ).all()
    for shop_id in paused:
        _note(session, shop_id, "shop_paused", {"reason": reason})
    return len(paused)


def set_aside(session: Session, *, keys_honoured: bool) -> Held:
    """Prepare a restored database: paused, nothing of the lost time believed, nothing sent or started twice."""
    chores.begin(session, SET_ASIDE)
    session.execute(delete(Pause))
    pause(session, "restored", keys_honoured=keys_honoured)
    session.execute(delete(WorkerHeartbeat))
    session.execute(
        update(Conversation).values(
            version=Conversation.version + JUMP, fence=Conversation.fence + JUMP, lease_until=None
        )
    )
    # What waited may have been answered: answer it again, but let it buy nothing.
    session.execute(
        update(InboxEvent)
        .where(InboxEvent.status == word("waiting"), InboxEvent.kind == "message")
        .values(lane="late")
    )
    session.execute(
        update(Order).where(Order.status == word("pending_payment")).values(hold_until=clock(LONG_HOLD))
    )
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.status == word("waiting"))
        .values(fence=OutboxMessage.fence + JUMP, next_at=clock())
    )
    if keys_honoured:
        return Held(0, 0)
    messages = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.status == word("waiting"))
        .values(status="dead", error=HELD)
        .returning(OutboxMessage.id)
    ).all()
    # Only asking by the same call could tell what became of these, and that call may prompt again.
    orders = session.scalars(
        update(Payment)
        .where(Payment.status.in_([word("created"), word("unknown")]), Payment.gateway_ref.is_(None))
        .values(status="expired", reason="restored", next_ask_at=None, closed_at=clock(), updated_at=clock())
        .returning(Payment.order_id)
    ).all()
    if orders:
        session.execute(
            update(Order)
            .where(Order.id.in_(orders), Order.payment_status == "pending")
            .values(payment_status="failed")
        )
    return Held(len(messages), len(orders))


def is_paused(session: Session) -> bool:
    """Whether any shop is paused."""
    return session.scalar(select(Pause.shop_id).limit(1)) is not None


def to_ask(session: Session) -> list[int]:
    """Payments of restored shops that Ghala may know more about: open ones, and those that ended lately."""
    taken_at = session.scalar(select(Chore.begun_at).where(Chore.name == BACKUP))
    lately: ColumnElement[bool] = Payment.created_at > clock(-GIVE_UP_AFTER)
    if taken_at is not None:
        age = session.scalar(select(clock()))
        seconds = (age - taken_at).total_seconds() if age is not None else 0.0
        lately = Payment.created_at > clock(-GIVE_UP_AFTER - seconds)
    return list(
        session.scalars(
            select(Payment.id)
            .join(Pause, Pause.shop_id == Payment.shop_id)
            .where(
                Pause.reason == "restored",
                Payment.gateway_ref.is_not(None),
                or_(
                    Payment.status.in_(OPEN_PAYMENT_STATUSES),
                    Payment.status.in_(("failed", "expired")) & lately,
                ),
            )
            .order_by(Payment.id)
        )
    )


def resume(
    database: Database,
    *,
    ask: Callable[[int], bool],
    apply: Callable[[int], None],
    advance: Callable[[int], None],
    anyway: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Opened:
    """Open paused shops; after a restore, only when Ghala has been asked about every payment.

    Args:
        database: the restored one.
        ask: asks the gateway about one payment and applies the answer; says whether there was one.
        apply: applies one payment event.
        advance: lets one conversation go on.
        anyway: open although some questions had no answer.
        tell: hears how it goes.
    """
    with database.writing() as session:
        if not is_paused(session):
            return Opened(opened=True)
        if _was_interrupted(session):
            set_aside(session, keys_honoured=False)
        payments = to_ask(session)
    unanswered = 0
    for number, payment_id in enumerate(payments, 1):
        with database.writing() as session:
            ask_soon(session, [payment_id])
        if not ask(payment_id):
            unanswered += 1
        if number % 100 == 0:
            tell(f"{number} of {len(payments)} payments asked about")
    for kind, work in (("payment", apply), ("internal", advance)):
        with database.reading() as session:
            events = session.scalars(_due(kind)).all()
        for event_id in events:
            work(event_id)
    with database.writing() as session:
        waiting = len(session.scalars(_due("internal")).all())
        booked = session.scalars(
            select(MoneyEvent.id)
            .join(Pause, Pause.shop_id == MoneyEvent.shop_id)
            .where(
                Pause.reason == "restored", MoneyEvent.kind == "payment", MoneyEvent.created_at >= Pause.since
            )
        ).all()
        if waiting or (unanswered and not anyway):
            return Opened(False, len(payments), unanswered, waiting, len(booked))
        held = _hold_receipts(session)
        session.execute(
            update(Order)
            .where(
                Order.status == word("pending_payment"),
                Order.shop_id.in_(select(Pause.shop_id).where(Pause.reason == "restored")),
            )
            .values(hold_until=clock(HOLD))
        )
        for shop_id in session.scalars(delete(Pause).returning(Pause.shop_id)).all():
            _note(session, shop_id, "shop_resumed", {"unanswered": unanswered, "held": held})
    log.info("shop_resumed", extra={"asked": len(payments), "unanswered": unanswered, "held": held})
    return Opened(True, len(payments), unanswered, 0, len(booked), held)


def _was_interrupted(session: Session) -> bool:
    """Whether a restore ended between putting the rows in and setting aside what may have been sent."""
    restored = session.scalar(select(Pause.shop_id).where(Pause.reason == "restored").limit(1))
    done = session.scalar(select(Chore.name).where(Chore.name == SET_ASIDE))
    return restored is not None and done is None


def _due(kind: str) -> Select[int]:
    return (
        select(InboxEvent.id)
        .where(InboxEvent.status == word("waiting"), InboxEvent.next_at <= clock(), InboxEvent.kind == kind)
        .order_by(InboxEvent.id)
    )


def _hold_receipts(session: Session) -> int:
    """Receipts for money found only by asking: it may have been booked, and the receipt sent, in the lost time.

    Money that a webhook brought since the restore was booked now for the first time: its receipt may go.
    """
    found = (
        select(literal("receipt:") + Order.ref)
        .join(MoneyEvent, MoneyEvent.order_id == Order.id)
        .join(Pause, Pause.shop_id == Order.shop_id)
        .where(
            Pause.reason == "restored",
            ~Pause.keys_honoured,
            MoneyEvent.kind == "payment",
            MoneyEvent.inbox_event_id.is_(None),
            MoneyEvent.created_at >= Pause.since,
        )
    )
    held = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.status == word("waiting"), OutboxMessage.unique_key.in_(found))
        .values(status="dead", error=HELD)
        .returning(OutboxMessage.id)
    ).all()
    return len(held)


def held(session: Session) -> list[tuple[int, str]]:
    """Messages set aside: id and what they are (a receipt's key, or its kind)."""
    rows = session.execute(
        select(OutboxMessage.id, OutboxMessage.unique_key, OutboxMessage.kind)
        .where(OutboxMessage.status == word("dead"), OutboxMessage.error == HELD)
        .order_by(OutboxMessage.id)
    )
    return [(row.id, row.unique_key or row.kind) for row in rows]


def send_held(session: Session) -> int:
    """A person looked: let what was set aside be sent after all, under its first key."""
    sent = session.scalars(
        update(OutboxMessage)
        .where(OutboxMessage.status == word("dead"), OutboxMessage.error == HELD)
        .values(status="waiting", error="", next_at=clock())
        .returning(OutboxMessage.id)
    ).all()
    return len(sent)


def _note(session: Session, shop_id: int, action: str, after: dict[str, object]) -> None:
    session.add(
        AuditEntry(shop_id=shop_id, actor="command line", action=action, after=after, created_at=clock())
    )
