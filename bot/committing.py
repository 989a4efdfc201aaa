"""Writing what was decided, for one customer or for several in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Update, bindparam, func, select, update
from sqlalchemy.orm import Session

from bot import claims, funnel
from bot import conversation as conversations
from bot.answer import Answer
from bot.claims import RELEASE, Claim
from bot.effects import Say
from bot.recording import Recorder
from db import clock, inbox, outbox
from db.models import Conversation, Customer
from db.refs import Refs
from db.statements import table, times
from ghala.messages import dump
from orders import customers, totals

SILENCE: Final = 12 * 3600.0
"""Seconds without a word from the customer or the shop after which a handoff is over."""

_CONVERSATIONS = table(Conversation).c
_OURS = (
    select(_CONVERSATIONS.customer_id, _CONVERSATIONS.fence, _CONVERSATIONS.version)
    .where(_CONVERSATIONS.customer_id.in_(bindparam("customers", expanding=True)))
    .order_by(_CONVERSATIONS.customer_id)
    .with_for_update()
)
_WRITE = RELEASE.where(_CONVERSATIONS.version == bindparam("before")).values(updated_at=clock())
_WRITE_AFTER_WORD = _WRITE.values(inbound_at=clock())
_WRITE_FOR_A_PERSON = _WRITE_AFTER_WORD.values(
    handed_off_until=clock(SILENCE),
    wants_person_since=func.coalesce(_CONVERSATIONS.wants_person_since, clock()),
)
_GIVE_BACK = {"handed_off_until": None, "wants_person_since": None}
_WRITE_GIVEN_BACK = {True: _WRITE_AFTER_WORD.values(_GIVE_BACK), False: _WRITE.values(_GIVE_BACK)}
_SEEN = update(table(Customer)).where(table(Customer).c.id == bindparam("customer")).values(seen_at=clock())


class Fenced(Exception):
    """Somebody else holds the customer now: leave everything to them."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a conversation became."""

    customer_id: int
    version: int
    data: dict[str, Any]


def still_ours(session: Session, claims: Sequence[Claim]) -> list[Claim]:
    """Those nobody else has taken meanwhile; they stay ours to the end of the transaction.

    Conversations of several customers are locked in one order, and before anything else.
    """
    rows = session.execute(_OURS, {"customers": [claim.customer_id for claim in claims]})
    known = {row.customer_id: (row.fence, row.version) for row in rows}
    return [claim for claim in claims if known.get(claim.customer_id) == (claim.fence, claim.version)]


class Committer:
    """Writes answers.

    Args:
        refs: names for keys.
        recorder: keeps the turns.
    """

    def __init__(self, refs: Refs, recorder: Recorder) -> None:
        self._refs = refs
        self._recorder = recorder

    def write(self, session: Session, answers: Sequence[Answer]) -> list[Written]:
        """Write all of them, and let go of the customers; what became of those conversations that moved.

        Raises:
            Fenced: of one of them somebody has taken the customer, or an event.
        """
        moved = [answer for answer in answers if not answer.waits]
        for answer in answers:
            self._hold(session, answer)
        written = self._conversations(session, moved)
        self._events(session, moved)
        self._customers(session, [answer for answer in moved if answer.came])
        said = [(answer, together(answer.said)) for answer in moved]
        self.promise(session, [(answer.claim, says) for answer, says in said])
        self._totals(session, [(answer, len(says)) for answer, says in said])
        self._recorder.keep(
            session,
            [
                (answer.claim.shop_id, answer.claim.customer_id, answer.claim.version + 1, answer.turn)
                for answer in moved
            ],
        )
        return written

    def promise(self, session: Session, said: Sequence[tuple[Claim, Sequence[Say]]]) -> None:
        """Store messages to customers, each one's in order."""
        outbox.promise_all(
            session,
            [
                (
                    claim.shop_id,
                    claim.customer_id,
                    outbox.Promise(
                        # What may exist once keeps its name even when a backup makes us say it again.
                        key=f"out:{say.key}" if say.key else self._refs.key("out"),
                        message=dump(say.message),
                        kind=say.kind,
                        unique_key=say.key or None,
                        fallback=None if say.fallback is None else dump(say.fallback),
                    ),
                )
                for claim, says in said
                for say in says
            ],
        )

    @staticmethod
    def _hold(session: Session, answer: Answer) -> None:
        if not answer.held:
            return
        held = inbox.hold(session, answer.held, answer.patience)
        if held != len(answer.held) or (answer.waits and not claims.release(session, answer.claim)):
            raise Fenced

    @staticmethod
    def _conversations(session: Session, answers: Sequence[Answer]) -> list[Written]:
        written: list[Written] = []
        ways: dict[Update, list[dict[str, Any]]] = {}
        for answer in answers:
            claim, conversation, wrote = answer.claim, answer.conversation, answer.came > 0
            way = _WRITE_AFTER_WORD if wrote else _WRITE
            if conversation.handed_off and wrote:
                way = _WRITE_FOR_A_PERSON
            elif claim.handed_off and not conversation.handed_off:
                way = _WRITE_GIVEN_BACK[wrote]
            made = Written(claim.customer_id, claim.version + 1, conversations.dump(conversation))
            told = {
                "customer": claim.customer_id,
                "claimed": claim.fence,
                "before": claim.version,
                "version": made.version,
                "data": made.data,
            }
            if wrote:
                stage = max(_stage_before(answer), funnel.stage(conversation))
                told |= {"funnel_day": _local(answer).date(), "funnel_stage": stage}
            ways.setdefault(way, []).append(told)
            written.append(made)
        if sum(times(session, way, told) for way, told in ways.items()) != len(answers):
            raise Fenced
        return written

    @staticmethod
    def _events(session: Session, answers: Sequence[Answer]) -> None:
        """Close what was read, or left unread."""
        read = [
            event.id
            for answer in answers
            for event in answer.claim.events
            if event.id not in answer.unread and event.id not in answer.held
        ]
        unread = [event_id for answer in answers for event_id in answer.unread]
        closed = inbox.finish(session, read) + inbox.finish(session, unread, "ignored", "flood")
        if closed != len(read) + len(unread):
            raise Fenced

    @staticmethod
    def _customers(session: Session, answers: Sequence[Answer]) -> None:
        """Remember those who wrote: when, and what they are called."""
        if not answers:
            return
        session.execute(
            _SEEN,
            [
                {
                    "customer": answer.claim.customer_id,
                    "name": answer.conversation.name,
                    "language": answer.conversation.language,
                }
                for answer in answers
            ],
        )
        for answer in answers:
            if answer.conversation.name != answer.claim.name:
                customers.make_findable(session, answer.claim.customer_id)
        # Also where we took the window for open: WhatsApp may have thought otherwise.
        wrote = [
            answer.claim for answer in answers if answer.claim.unsent or not answer.claim.window_was_open
        ]
        outbox.wake(session, [claim.customer_id for claim in wrote])

    @staticmethod
    def _totals(session: Session, answers: Sequence[tuple[Answer, int]]) -> None:
        """Count what came and went, by shop and day; all in the shard of the first customer."""
        counts: dict[tuple[int, date], Counter[str]] = {}
        first: dict[tuple[int, date], Answer] = {}
        for answer, said in answers:
            place = (answer.claim.shop_id, _local(answer).date())
            first.setdefault(place, answer)
            sums = counts.setdefault(place, Counter())
            sums.update({"messages_in": answer.came, "messages_out": said})
            if answer.came:
                sums.update(funnel.newly(_stage_before(answer), funnel.stage(answer.conversation)))
        for place in sorted(counts):
            one = first[place]
            totals.add(session, place[0], one.claim.customer_id, _local(one), **counts[place])


def _local(answer: Answer) -> datetime:
    """The time where the shop is."""
    return answer.shop.now.astimezone(ZoneInfo(answer.shop.timezone))


def _stage_before(answer: Answer) -> int:
    """How far the customer had come today."""
    claim = answer.claim
    return claim.funnel_stage if claim.funnel_day == _local(answer).date() else 0


def together(said: Sequence[tuple[Say, bool]]) -> list[Say]:
    """What arrived together is answered together: of several plain replies to the customer, the last.

    Receipts, news, and whatever answers an event of ours are all said.
    """
    replies = [
        index
        for index, (say, from_customer) in enumerate(said)
        if from_customer and say.kind == "reply" and not say.key
    ]
    superfluous = set(replies[:-1])
    return [say for index, (say, _) in enumerate(said) if index not in superfluous]
