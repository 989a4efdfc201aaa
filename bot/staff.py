"""What the shop's people do in conversations: answer, take over, give back, block. Each leaves an audit entry.

A conversation is with a person while ``handed_off_until`` lies ahead; the column is the truth, and the conversation's
own words follow it when the customer is heard next. Whoever works on the customer at this moment loses the fence and
begins again.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bot import templates
from bot.committing import SILENCE
from bot.understanding.names import visible
from db import audit, clock, outbox
from db.models import AuditEntry, Conversation, Customer
from db.refs import Refs
from errors import RuleBroken
from ghala.messages import LIMITS, Template, Text, dump


class NothingToSay(RuleBroken):
    """An answer without words."""

    code = "nothing_to_say"


class UnknownConversation(RuleBroken):
    """There is no such customer in this shop."""

    code = "unknown_conversation"


def answer(
    session: Session, shop_id: int, customer_id: int, words: str, *, actor: str, refs: Refs, key: str = ""
) -> int:
    """Write to a customer as a person of the shop; the bot is silent from then on. Ring for the outbox afterwards.

    Inside the customer's 24 hours the words go as they are, afterwards as the template. However often an answer
    arrives under one ``key``, it is sent once. Returns the message's id.

    Raises:
        UnknownConversation: no such customer here.
        NothingToSay: no words, or more than a message holds.
        KeyReused: the key was used for something else.
    """
    customer = _customer(session, shop_id, customer_id)
    body = "\n".join(line.rstrip() for line in words.strip().splitlines())
    if not visible(body) or len(body) > LIMITS.text:
        raise NothingToSay(f"an answer has 1 to {LIMITS.text} characters")
    act = audit.begin(session, shop_id, actor, "conversation_answered", f"customer {customer_id}", key)
    if act.repeated:
        return int(act.after["message"])
    template = as_template(customer.language, body)
    promise = outbox.Promise(refs.key("out"), dump(Text(body)), kind="person", fallback=dump(template))
    (message_id,) = outbox.promise(session, shop_id, customer_id, [promise])
    _with_person(session, customer_id, wants_person_since=None)
    audit.finish(session, act, after={"message": message_id})
    return message_id


def as_template(language: str, words: str) -> Template:
    """What an answer becomes after the customer's 24 hours."""
    return templates.fill("person_answer", language, words=visible(words))


def take_over(session: Session, shop_id: int, customer_id: int, *, actor: str) -> None:
    """From now on a person answers this customer, and the bot is silent.

    Raises:
        UnknownConversation: no such customer here.
    """
    _customer(session, shop_id, customer_id)
    _with_person(session, customer_id)
    _audit(session, shop_id, actor, "conversation_taken", customer_id)


def look_at(session: Session, customer_id: int) -> None:
    """A person of the shop has seen all that this customer wrote."""
    session.execute(
        update(Conversation).where(Conversation.customer_id == customer_id).values(read_at=clock())
    )


def release(session: Session, shop_id: int, customer_id: int, *, actor: str) -> None:
    """Give the customer back to the bot, which answers what they write next.

    Raises:
        UnknownConversation: no such customer here.
    """
    _customer(session, shop_id, customer_id)
    _fenced(session, customer_id, handed_off_until=None, wants_person_since=None)
    _audit(session, shop_id, actor, "conversation_released", customer_id)


def block(session: Session, shop_id: int, customer_id: int, *, actor: str) -> None:
    """Keep what this customer writes and answer nothing; receipts and news of their orders still go out.

    Raises:
        UnknownConversation: no such customer here.
    """
    _set_blocked(session, shop_id, customer_id, actor=actor, blocked=True)


def unblock(session: Session, shop_id: int, customer_id: int, *, actor: str) -> None:
    """Answer this customer again.

    Raises:
        UnknownConversation: no such customer here.
    """
    _set_blocked(session, shop_id, customer_id, actor=actor, blocked=False)


def is_anyone_silent(session: Session) -> bool:
    """Whether a handoff is over because nobody has said a word for long."""
    over = select(Conversation.customer_id).where(Conversation.handed_off_until < clock()).limit(1)
    return session.scalar(over) is not None


def end_silent(session: Session) -> int:
    """Give such conversations back to the bot; how many there were."""
    ended = session.scalars(
        update(Conversation)
        .where(Conversation.handed_off_until < clock())
        .values(handed_off_until=None, wants_person_since=None)
        .returning(Conversation.customer_id)
    )
    return len(ended.all())


def _customer(session: Session, shop_id: int, customer_id: int) -> Customer:
    found = session.get(Customer, customer_id)
    if found is None or found.shop_id != shop_id:
        raise UnknownConversation(f"no customer {customer_id}")
    return found


def _with_person(session: Session, customer_id: int, **more: Any) -> None:
    _fenced(session, customer_id, handed_off_until=clock(SILENCE), **more)


def _fenced(session: Session, customer_id: int, **values: Any) -> None:
    session.execute(
        update(Conversation)
        .where(Conversation.customer_id == customer_id)
        .values(fence=Conversation.fence + 1, lease_until=None, **values)
    )


def _set_blocked(session: Session, shop_id: int, customer_id: int, *, actor: str, blocked: bool) -> None:
    customer = _customer(session, shop_id, customer_id)
    if (customer.blocked_at is not None) == blocked:
        return
    session.execute(
        update(Customer).where(Customer.id == customer_id).values(blocked_at=clock() if blocked else None)
    )
    _audit(session, shop_id, actor, "customer_blocked" if blocked else "customer_unblocked", customer_id)


def _audit(
    session: Session, shop_id: int, actor: str, action: str, customer_id: int, after: Any = None
) -> None:
    session.add(
        AuditEntry(
            shop_id=shop_id,
            actor=actor,
            action=action,
            subject=f"customer {customer_id}",
            before=None,
            after=after,
            created_at=clock(),
        )
    )
