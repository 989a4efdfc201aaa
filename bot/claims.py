"""Claiming a customer: the lease and the fence on the conversation row, and what waits for it.

The lease keeps two workers off one customer; whoever lost it writes nothing, since the fence has moved on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session

from bot.flood import Patience
from db import clock, inbox, outbox
from db.models import Conversation, Customer, InboxEvent, Shop
from db.statements import table, times
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
    unsent: int = 0

    @property
    def alone(self) -> bool:
        """Whether it is worked on in a transaction of its own, since it broke one before or touches much."""
        return self.flooded or self.owner or self.events[0].attempts > 0

    @property
    def place(self) -> inbox.Place:
        """The conversation's shop and customer key."""
        return self.shop_id, self.customer_key


_INBOX, _CUSTOMERS, _SHOPS = table(InboxEvent).c, table(Customer).c, table(Shop).c
_CONVERSATIONS = table(Conversation).c
_WHOSE = (
    select(
        _INBOX.id.label("event_id"),
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
        _INBOX.id.in_(bindparam("events", expanding=True)),
        _INBOX.status == word("waiting"),
        _INBOX.customer_key.is_not(None),
    )
)
_FREE = table(Conversation).alias()
_TAKE = (
    update(table(Conversation))
    .where(
        _CONVERSATIONS.customer_id.in_(
            # Locked in one order, so that two workers who want the same customers never wait in a circle.
            select(_FREE.c.customer_id)
            .where(
                _FREE.c.customer_id.in_(bindparam("customers", expanding=True)),
                _FREE.c.lease_until.is_(None) | (_FREE.c.lease_until <= clock()),
            )
            .order_by(_FREE.c.customer_id)
            .with_for_update()
        )
    )
    .values(fence=_CONVERSATIONS.fence + 1, lease_until=clock(LEASE))
    .returning(
        _CONVERSATIONS.customer_id,
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
)


def take(session: Session, event_ids: Sequence[int], patience: Patience) -> list[Claim]:
    """Take the customers these events belong to, each with all that waits.

    Left out is who is taken, and where nothing is to be done. Conversations are locked before anything that customers
    share.
    """
    whose = session.execute(_WHOSE, {"events": event_ids}).all()
    strangers = sorted({(row.shop_id, row.customer_key) for row in whose if row.id is None})
    made: list[tuple[int, int]] = []
    if strangers:
        made = customers.make(session, [(*place, phone_of(place[1])) for place in strangers])
        whose = session.execute(_WHOSE, {"events": event_ids}).all()
    wanted = {row.id: row for row in whose}
    found = session.execute(_TAKE, {"customers": sorted(wanted)}).all() if wanted else []
    rows = sorted(
        found, key=attrgetter("customer_id")
    )  # what is written for them later goes in one order, too
    places = [(wanted[row.customer_id].shop_id, wanted[row.customer_id].customer_key) for row in rows]
    waiting = inbox.of_customers(session, places) if places else {}
    taken: list[Claim] = []
    for row, place in zip(rows, places, strict=True):
        claim = _claim(session, row, wanted[row.customer_id], waiting.get(place, []), patience)
        if claim is None:
            times(session, RELEASE, [{"customer": row.customer_id, "claimed": row.fence}])
        else:
            taken.append(claim)
    inbox.count_attempt(session, [event.id for claim in taken for event in claim.events])
    customers.count(session, made)
    return taken


def _claim(
    session: Session, row: Any, whose: Any, events: list[inbox.WaitingEvent], patience: Patience
) -> Claim | None:
    """The claim on a customer who is ours; ``None`` when nothing waits."""
    if any(waiting.attempts for waiting in events):
        events = events[:1]  # one of them breaks us: find out which
    written = 0 if events and events[0].attempts else sum(e.kind == "message" for e in events)
    flooded = patience.lost(written, whose.unsent)
    if flooded:
        events = inbox.of_customer(session, whose.shop_id, whose.customer_key, most=MOST_OF_A_FLOOD)
    if not events:
        return None
    return Claim(
        shop_id=whose.shop_id,
        customer_id=whose.id,
        customer_key=whose.customer_key,
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
        unsent=whose.unsent,
    )


def release(session: Session, claim: Claim) -> bool:
    """Let go of the customer; whether they were still ours."""
    return times(session, RELEASE, [{"customer": claim.customer_id, "claimed": claim.fence}]) == 1


def phone_of(identity: str) -> str | None:
    """The number behind a chat identity, or ``None`` for a business-scoped id."""
    return f"+{identity}" if identity.isascii() and identity.isdigit() else None
