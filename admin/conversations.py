"""Conversations as the console shows them: who wants a person, who wrote last, and one of them as a thread.

A thread is what the customer wrote (inbox) and what they were sent (outbox), merged by time; both are read by index,
the newest first, and a cursor names where in both of them the next page begins.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import orjson
from markupsafe import Markup
from sqlalchemy import Row, literal, select, tuple_
from sqlalchemy.orm import Session

from admin import chat_text, cursors
from admin.queries import PAGE, Page
from admin.wording import plain, sentence
from bot import templates
from db import clock, inbox, outbox
from db.models import ERASED, Conversation, Customer, InboxEvent, OutboxMessage
from db.types import UtcTime, word
from ghala import inbound, messages
from keeping import retention

WAITING: Final = 50
THREAD: Final = 40
MOST_LIVE: Final = 300
PREVIEW: Final = 120
GONE: Final = "Not kept any longer"
MEDIA_WORDS: Final = {
    "image": "Picture",
    "video": "Video",
    "document": "Document",
    "audio": "Voice message",
    "voice": "Voice message",
    "sticker": "Sticker",
}
MAP: Final = "https://www.google.com/maps/search/?api=1&query="


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation in a list.

    Attributes:
        at: when the customer last wrote.
        waits_since: since when they wait for a person's word.
        with_person: whether the bot is silent.
        unread: whether they wrote to a person who has not looked yet.
        preview: the last words, one line.
        ours: whether those were said by the shop.
    """

    customer_id: int
    name: str
    phone: str | None
    at: datetime | None
    waits_since: datetime | None
    with_person: bool
    unread: bool
    blocked: bool
    preview: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of a thread; ``body`` is HTML that is safe, ``chips`` what could be tapped."""

    at: datetime
    ours: bool
    id: int
    body: Markup = Markup()  # noqa: RUF009 - immutable
    heading: str = ""
    small: str = ""
    chips: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    note: str = ""
    by_person: bool = False
    tick: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        """The same message is the same element whenever the page refreshes."""
        return f"{'out' if self.ours else 'in'}-{self.id}"

    @property
    def words(self) -> str:
        """What it says in one line."""
        said = chat_text.bare(str(self.body.striptags()), PREVIEW) if self.body else ""
        return said or self.note or (self.links[0][0] if self.links else "") or self.heading


@dataclass(frozen=True, slots=True)
class Thread:
    """Part of a conversation, oldest first; ``begins`` is its lower edge, ``older`` says that there is more before."""

    bubbles: tuple[Bubble, ...]
    begins: str
    older: bool


@dataclass(frozen=True, slots=True)
class Talk:
    """How a conversation stands."""

    customer: Customer
    heard_at: datetime | None
    waits_since: datetime | None
    with_person: bool
    window_open: bool
    unread: bool = False


# --- Lists ----------------------------------------------------------------------------------------------------------


def _statement(shop_id: int) -> Any:
    return (
        select(
            Customer.id,
            Customer.name,
            Customer.phone,
            Customer.blocked_at,
            Conversation.inbound_at,
            Conversation.read_at,
            Conversation.wants_person_since,
            (Conversation.handed_off_until > clock()).label("with_person"),
        )
        .join(Customer, Customer.id == Conversation.customer_id)
        .where(Conversation.shop_id == shop_id)
    )


def waiting(session: Session, shop_id: int, limit: int = WAITING) -> tuple[ConversationRow, ...]:
    """Who waits for a person, the longest first (``ix_conversations_wanting``)."""
    rows = session.execute(
        _statement(shop_id)
        .where(Conversation.wants_person_since.is_not(None))
        .order_by(Conversation.wants_person_since)
        .limit(limit)
    ).all()
    return _with_previews(session, shop_id, rows)


def others(
    session: Session, shop_id: int, after: str | None = None, limit: int = PAGE
) -> Page[ConversationRow]:
    """All others, who wrote last first (``ix_conversations_heard``).

    Raises:
        InvalidCursor: ``after`` is not one of ours.
    """
    statement = (
        _statement(shop_id)
        .where(Conversation.inbound_at.is_not(None), Conversation.wants_person_since.is_(None))
        .order_by(Conversation.inbound_at.desc(), Conversation.customer_id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        moment, row_id = cursors.to_moment(after)
        edge = tuple_(literal(moment, UtcTime()), literal(row_id))
        statement = statement.where(tuple_(Conversation.inbound_at, Conversation.customer_id) < edge)
    found = session.execute(statement).all()
    rows = _with_previews(session, shop_id, found[:limit])
    last = found[limit - 1] if len(found) > limit else None
    return Page(rows, None if last is None else cursors.of_moment(last.inbound_at, last.id))


def _with_previews(session: Session, shop_id: int, rows: Sequence[Row[Any]]) -> tuple[ConversationRow, ...]:
    last = _last_words(session, shop_id, [row.id for row in rows])
    return tuple(
        ConversationRow(
            customer_id=row.id,
            name=row.name,
            phone=row.phone,
            at=row.inbound_at,
            waits_since=row.wants_person_since,
            with_person=bool(row.with_person),
            unread=_unread(row),
            blocked=row.blocked_at is not None,
            preview=last[row.id].words if row.id in last else "",
            ours=row.id in last and last[row.id].ours,
        )
        for row in rows
    )


def _unread(row: Any) -> bool:
    """What the bot answers by itself is not for a person to read."""
    for_a_person = row.wants_person_since is not None or bool(row.with_person)
    heard: datetime | None = row.inbound_at
    return for_a_person and heard is not None and (row.read_at is None or row.read_at < heard)


def _last_words(session: Session, shop_id: int, ids: Sequence[int]) -> dict[int, Bubble]:
    """The newest message of some customers, by one step through each history."""
    if not ids:
        return {}
    heard = (
        select(InboxEvent.id)
        .where(
            InboxEvent.customer_key == Customer.identity,
            InboxEvent.shop_id == shop_id,
            InboxEvent.kind == "message",
        )
        .order_by(InboxEvent.id.desc())
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )
    said = (
        select(OutboxMessage.id)
        .where(OutboxMessage.customer_id == Customer.id)
        .order_by(OutboxMessage.id.desc())
        .limit(1)
        .correlate(Customer)
        .scalar_subquery()
    )
    found = session.execute(
        select(Customer.id, heard.label("heard"), said.label("said")).where(Customer.id.in_(list(ids)))
    ).all()
    events = session.scalars(
        select(InboxEvent).where(InboxEvent.id.in_([row.heard for row in found if row.heard]))
    )
    told = session.scalars(
        select(OutboxMessage).where(OutboxMessage.id.in_([row.said for row in found if row.said]))
    )
    inbound_by_id = {event.id: heard_bubble(event) for event in events}
    outbound_by_id = {message.id: said_bubble(message) for message in told}
    newest = {}
    for row in found:
        both = [
            bubble
            for bubble in (inbound_by_id.get(row.heard), outbound_by_id.get(row.said))
            if bubble is not None
        ]
        if both:
            newest[row.id] = max(both, key=lambda bubble: bubble.at)
    return newest


# --- One conversation -----------------------------------------------------------------------------------------------


def talk(session: Session, shop_id: int, customer_id: int) -> Talk | None:
    """How one conversation stands; ``None`` for nobody, and for somebody who is forgotten."""
    found = session.execute(
        select(
            Customer,
            Conversation.inbound_at,
            Conversation.read_at,
            Conversation.wants_person_since,
            (Conversation.handed_off_until > clock()).label("with_person"),
            (Conversation.inbound_at > clock(-outbox.WINDOW)).label("window_open"),
        )
        .outerjoin(Conversation, Conversation.customer_id == Customer.id)
        .where(Customer.id == customer_id, Customer.shop_id == shop_id)
    ).first()
    if found is None or found.Customer.identity.startswith(ERASED):
        return None
    return Talk(
        customer=found.Customer,
        heard_at=found.inbound_at,
        waits_since=found.wants_person_since,
        with_person=bool(found.with_person),
        window_open=bool(found.window_open),
        unread=found.inbound_at is not None and (found.read_at is None or found.read_at < found.inbound_at),
    )


@dataclass(frozen=True, slots=True)
class _Edge:
    """Ids in the inbox and the outbox between which a page lies."""

    heard: int = 0
    said: int = 0

    @classmethod
    def of(cls, cursor: str | None) -> _Edge | None:
        return None if cursor is None else cls(*cursors.to_pair(cursor))


def thread(
    session: Session,
    customer: Customer,
    *,
    before: str | None = None,
    since: str | None = None,
    limit: int = THREAD,
) -> Thread:
    """The newest messages of a customer, before a cursor or since one.

    Raises:
        InvalidCursor: a cursor is not one of ours.
    """
    upper, lower = _Edge.of(before), _Edge.of(since)
    limit = limit if lower is None else MOST_LIVE
    heard = (
        select(InboxEvent)
        .where(
            InboxEvent.customer_key == customer.identity,
            InboxEvent.shop_id == customer.shop_id,
            InboxEvent.kind == "message",
            InboxEvent.error != word(inbox.REUSED),
        )
        .order_by(InboxEvent.id.desc())
        .limit(limit + 1)
    )
    said = (
        select(OutboxMessage)
        .where(OutboxMessage.customer_id == customer.id)
        .order_by(OutboxMessage.id.desc())
        .limit(limit + 1)
    )
    if upper is not None:
        heard, said = heard.where(InboxEvent.id < upper.heard), said.where(OutboxMessage.id < upper.said)
    if lower is not None:
        heard, said = heard.where(InboxEvent.id >= lower.heard), said.where(OutboxMessage.id >= lower.said)
    events, told = session.scalars(heard).all(), session.scalars(said).all()
    # Each side in the order of its ids, so that a cursor cuts both cleanly, whatever their clocks say.
    merged = list(_newest_first([heard_bubble(e) for e in events], [said_bubble(m) for m in told]))
    shown = merged[:limit]
    begins = cursors.of_pair(
        _begin(
            [b.id for b in shown if not b.ours], [e.id for e in events], 0 if upper is None else upper.heard
        ),
        _begin([b.id for b in shown if b.ours], [m.id for m in told], 0 if upper is None else upper.said),
    )
    return Thread(tuple(reversed(shown)), begins, older=len(merged) > limit)


def _newest_first(*sides: Iterable[Bubble]) -> Iterator[Bubble]:
    """Two lists, newest first, become one; neither is reordered in itself."""
    return heapq.merge(*sides, key=lambda bubble: bubble.at, reverse=True)


def _begin(shown: Sequence[int], fetched: Sequence[int], upper: int) -> int:
    if shown:
        return min(shown)
    return fetched[0] + 1 if fetched else upper


def heard_bubble(event: InboxEvent) -> Bubble:
    """Something a customer wrote."""
    at, row_id = event.received_at, event.id
    if bytes(event.raw) == retention.EMPTY:
        return Bubble(at, ours=False, id=row_id, note=GONE)
    try:
        item = inbound.read_item(orjson.loads(event.raw))
    except orjson.JSONDecodeError:
        item = None
    if not isinstance(item, inbound.InboundMessage):
        return Bubble(at, ours=False, id=row_id, note="Something that cannot be read")
    return Bubble(at, ours=False, id=row_id, **_heard(item.content))


def _heard(content: inbound.Content) -> dict[str, Any]:
    match content:
        case inbound.TextContent(body=body):
            return {"body": chat_text.formatted(body)}
        case inbound.Tap(title=title):
            return {"chips": (plain(title, 80) or "A button",), "note": "Tapped" if not title else ""}
        case inbound.Location():
            return _place(content)
        case inbound.Media(kind=kind, caption=caption, filename=filename):
            name = MEDIA_WORDS.get(kind, sentence(kind))
            return {"note": f"{name} {plain(filename, 80)}".strip(), "body": chat_text.formatted(caption)}
        case inbound.NativeCart(items=items, text=text):
            lines = "\n".join(f"{item.quantity} \u00d7 {plain(item.retailer_id, 60)}" for item in items[:20])
            return {"heading": "Cart", "body": chat_text.formatted(f"{text}\n{lines}".strip())}
        case inbound.ContactCards(names=names):
            return {"heading": "Contact", "body": chat_text.formatted("\n".join(names[:10]))}
        case inbound.Reaction(emoji=emoji):
            return {"note": f"Reacted {plain(emoji, 12)}" if emoji else "Took a reaction back"}
        case inbound.FlowReply(name=name):
            return {"note": f"Filled in {plain(name, 60) or 'a form'}"}
        case inbound.NumberChanged():
            return {"note": "Has a new number"}
        case _:
            return {"note": f"{sentence(content.type) or 'Something'}, which the shop cannot show"}


def _place(place: inbound.Location) -> dict[str, Any]:
    pin = quote(f"{place.latitude:.6f},{place.longitude:.6f}")
    words = "\n".join(filter(None, (plain(place.name, 80), plain(place.address, 160))))
    return {"body": chat_text.formatted(words), "links": (("Location on the map", MAP + pin),)}


def said_bubble(message: OutboxMessage) -> Bubble:
    """Something a customer was sent, or will be."""
    try:
        said = _said(messages.load(message.message))
    except messages.InvalidMessage:
        said = {"note": GONE}
    return Bubble(
        message.created_at,
        ours=True,
        id=message.id,
        by_person=message.kind == "person",
        tick=tick(message),
        **said,
    )


def _said(message: messages.Message) -> dict[str, Any]:
    match message:
        case messages.Buttons():
            chips = tuple(button.title for button in message.buttons)
            return _words(message, chips=chips, links=_picture(message.image))
        case messages.ListMessage():
            rows = [row.title for section in message.sections for row in section.rows]
            return _words(message, chips=tuple(rows))
        case messages.LinkButton():
            return _words(message, links=((message.title, message.url),))
        case messages.Image():
            return {"body": chat_text.formatted(message.caption), "links": _picture(message.link)}
        case messages.LocationRequest():
            return {"body": chat_text.formatted(message.body), "chips": ("Send location",)}
        case messages.Template():
            words = templates.words(message) or message.numbered()
            return {"body": chat_text.formatted(words), "small": "As a template"}
        case _:
            return {"body": chat_text.formatted(message.body)}


def _words(message: Any, **more: Any) -> dict[str, Any]:
    return {
        "heading": plain(message.header, 80),
        "body": chat_text.formatted(message.body),
        "small": plain(message.footer, 80),
        **more,
    }


def _picture(address: str) -> tuple[tuple[str, str], ...]:
    return (("Picture", address),) if address else ()


def tick(message: OutboxMessage) -> tuple[str, str]:
    """How far a message got: a name for its sign, and words."""
    if message.status == "dead" or message.delivery == "failed":
        return "failed", "Not delivered"
    if message.status == "waiting":
        return "waiting", "Waiting to be sent"
    words = {"delivered": "Delivered", "read": "Read"}
    return (message.delivery, words[message.delivery]) if message.delivery in words else ("sent", "Sent")
