"""Claiming a customer: the lease and the fence on the conversation row, and what waits for it.

The lease keeps two workers off one customer; whoever lost it writes nothing, since the fence has moved on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session

from bot.flood import Patience
from db import clock, inbox, outbox
from db.models import Conversation, Customer, InboxEvent, Shop
from db.statements import table
from db.types import word
from orders import customers

LEASE: Final = 30.0
"""Seconds a worker has with a customer before another may take them."""
MOST_OF_A_FLOOD: Final = 500
"""Messages of one flood that are closed in one commit."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A customer whose conversation is ours for ``LEASE`` seconds, and what waits for it."""

    shop_id: int
    customer_id: int
    customer_key: str
    phone: str | None
    name: str
    version: int
    fence: int
    window_was_open: bool
    catalog_version: int
    events: tuple[inbox.WaitingEvent, ...]
    flooded: bool = False
    handed_off: bool = False
    with_person: bool = False
    stopped: bool = False
    blocked: bool = False
    owner: bool = False
    funnel_day: date | None = None
    funnel_stage: int = 0


_INBOX, _CUSTOMERS, _SHOPS = table(InboxEvent).c, table(Customer).c, table(Shop).c
_CONVERSATIONS = table(Conversation).c
_WHOSE = (
    select(
        _INBOX.shop_id,
        _INBOX.customer_key,
        _SHOPS.catalog_version,
        _CUSTOMERS.id,
        _CUSTOMERS.phone,
        _CUSTOMERS.name,
        _CUSTOMERS.stopped_at,
        _CUSTOMERS.blocked_at,
        _CUSTOMERS.owner_since,
        outbox.unsent_of(_CUSTOMERS.id).label("unsent"),
    )
    .select_from(
        table(InboxEvent)
        .join(table(Shop), _SHOPS.id == _INBOX.shop_id)
        .outerjoin(
            table(Customer),
            and_(_CUSTOMERS.shop_id == _INBOX.shop_id, _CUSTOMERS.identity == _INBOX.customer_key),
        )
    )
    .where(
        _INBOX.id == bindparam("event"), _INBOX.status == word("waiting"), _INBOX.customer_key.is_not(None)
    )
)
_TAKE = (
    update(table(Conversation))
    .where(
        _CONVERSATIONS.customer_id == bindparam("customer"),
        _CONVERSATIONS.lease_until.is_(None) | (_CONVERSATIONS.lease_until <= clock()),
    )
    .values(fence=_CONVERSATIONS.fence + 1, lease_until=clock(LEASE))
    .returning(
        _CONVERSATIONS.version,
        _CONVERSATIONS.fence,
        (_CONVERSATIONS.inbound_at > clock(-outbox.WINDOW)).label("open"),
        (_CONVERSATIONS.handed_off_until > clock()).label("with_person"),
        _CONVERSATIONS.handed_off_until.is_not(None).label("handed_off"),
        _CONVERSATIONS.funnel_day,
        _CONVERSATIONS.funnel_stage,
    )
)
RELEASE = (
    update(table(Conversation))
    .where(
        _CONVERSATIONS.customer_id == bindparam("customer"),
        _CONVERSATIONS.fence == bindparam("claimed"),
    )
    .values(lease_until=None)
    .returning(_CONVERSATIONS.customer_id)
)


def take(session: Session, event_id: int, patience: Patience) -> Claim | None:
    """Take the customer an event belongs to, with all that waits; ``None`` when there is nothing to do."""
    whose = session.execute(_WHOSE, {"event": event_id}).first()
    if whose is not None and whose.id is None:
        customers.reach(session, whose.shop_id, whose.customer_key, phone=phone_of(whose.customer_key))
        whose = session.execute(_WHOSE, {"event": event_id}).first()
    if whose is None:
        return None
    row = session.execute(_TAKE, {"customer": whose.id}).first()
    if row is None:
        return None
    shop_id, key = whose.shop_id, whose.customer_key
    events = inbox.of_customer(session, shop_id, key)
    if any(waiting.attempts for waiting in events):
        events = events[:1]  # one of them breaks us: find out which
    written = 0 if events and events[0].attempts else sum(e.kind == "message" for e in events)
    flooded = patience.lost(written, whose.unsent)
    if flooded:
        events = inbox.of_customer(session, shop_id, key, most=MOST_OF_A_FLOOD)
    inbox.count_attempt(session, [waiting.id for waiting in events])
    if not events:
        session.execute(RELEASE, {"customer": whose.id, "claimed": row.fence})
        return None
    return Claim(
        shop_id=shop_id,
        customer_id=whose.id,
        customer_key=key,
        phone=whose.phone,
        name=whose.name,
        version=row.version,
        fence=row.fence,
        window_was_open=bool(row.open),
        funnel_day=row.funnel_day,
        funnel_stage=row.funnel_stage,
        catalog_version=whose.catalog_version,
        events=tuple(events),
        flooded=flooded,
        handed_off=bool(row.handed_off),
        with_person=bool(row.with_person),
        stopped=whose.stopped_at is not None,
        blocked=whose.blocked_at is not None,
        owner=whose.owner_since is not None,
    )


def release(session: Session, claim: Claim) -> bool:
    """Let go of the customer; whether they were still ours."""
    released = session.execute(RELEASE, {"customer": claim.customer_id, "claimed": claim.fence}).first()
    return released is not None


def phone_of(identity: str) -> str | None:
    """The number behind a chat identity, or ``None`` for a business-scoped id."""
    return f"+{identity}" if identity.isascii() and identity.isdigit() else None
