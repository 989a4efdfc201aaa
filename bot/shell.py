"""The thin shell around the flow: claims customers, decides, and does what was decided, in one commit.

The lease on the conversation row keeps two workers off one customer; ``version`` and ``fence`` make
sure that one who lost it cannot write. Everything else (Redis copy, bell) happens after the commit
and may fail.

Customers who wrote at the same time share their transactions. Where several may write at once, on PostgreSQL, that
holds as long as nothing is done but to say something or to change what is the customer's own: who orders locks stock
that others want too, in an order of their own, and gets a transaction of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

import measuring
import observing
from bot import claims, committing, flood, owner
from bot import conversation as conversations
from bot.answer import Answer, Apart
from bot.apology import apology
from bot.bursts import Burst, Thought
from bot.claims import Claim, phone_of
from bot.committing import Committer, Fenced, Written
from bot.conversation import Conversation
from bot.copies import ConversationCopies
from bot.effects import Say
from bot.events import Event, MessageReceived, OrderRefused, PaymentSucceeded
from bot.flow import decide
from bot.hydrating import hydrate
from bot.performing import Performer
from bot.pictures import ShopPictures
from bot.recording import Recorder, Turn
from bot.understanding.secrets import mask_secrets
from bot.wording import PROMPTED
from db import Database, inbox
from db.bell import Bell
from db.models import Conversation as ConversationRow
from db.models import Customer
from db.refs import Refs
from db.statements import table
from errors import FlowError
from ghala.inbound import InboundMessage, NumberChanged, TextContent, read_item
from keeping import privacy
from orders import customers
from records import replace

log = logging.getLogger("duka.bot")

MOST_ROUNDS: Final = 12
RETRY_CAP: Final = 4.0
"""Seconds between attempts at most: the customer's other messages wait behind what breaks us."""

_CONVERSATIONS = table(ConversationRow).c
_DATA = select(_CONVERSATIONS.customer_id, _CONVERSATIONS.data).where(
    _CONVERSATIONS.customer_id.in_(bindparam("customers", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of claims.

    Attributes:
        more: by customer, an event that came meanwhile, to go on with.
        apart: those that need a transaction of their own; they are still claimed, and nothing was done for them.
    """

    more: dict[int, int]
    apart: tuple[Claim, ...] = ()


class ConversationShell:
    """Advances conversations.

    Args:
        database: the truth.
        bell: rung after commits.
        refs: names for orders, payments and keys.
        copies: the conversations' fast copies.
        pictures: the shops' snapshots.
        patience: how much one customer may write before it is a flood.
        seen: told the customer and WhatsApp's id of each message the bot reads; must neither wait nor raise.
    """

    def __init__(
        self,
        database: Database,
        bell: Bell,
        refs: Refs,
        copies: ConversationCopies,
        pictures: ShopPictures,
        patience: flood.Patience = flood.Patience(),  # noqa: B008 - frozen
        seen: Callable[[int, str], object] | None = None,
    ) -> None:
        self._seen = seen
        self._database = database
        self._bell = bell
        self._copies = copies
        self._pictures = pictures
        self._patience = patience
        self._recorder = Recorder(database)
        self._performer = Performer(refs)
        self._committer = Committer(refs, self._recorder)

    def claim(self, event_ids: Sequence[int]) -> list[Claim]:
        """Take the customers these events belong to, each with all that waits; who is taken is left out."""
        with self._database.writing() as session:
            return claims.take(session, event_ids, self._patience)

    def work(self, claim: Claim) -> int | None:
        """Decide and do everything claimed; returns an event that came meanwhile, to go on with.

        Raises:
            FlowError: the flow is wrong, or the event has killed its worker too often. Whatever is raised, nothing
                of this claim has been done.
        """
        if claim.events[0].attempts >= inbox.MOST_ATTEMPTS:
            raise FlowError(f"inbox event {claim.events[0].id} never let its worker finish")
        try:
            return self._work([claim], alone=True).more.get(claim.customer_id)
        except Fenced:
            log.warning("conversation_fenced", extra={"customer_id": claim.customer_id})
            return None

    def work_together(self, several: Sequence[Claim]) -> Worked:
        """The same for several customers in one transaction, as far as that may be.

        Raises:
            Exception: for one of them something was wrong. Nothing of these claims has been done; each may still be
                worked on by itself.
        """
        return self._work(several, alone=False)

    def failed(self, claim: Claim, error: str) -> None:
        """Work on a claim raised: try again soon, and after eight times apologise and let go."""
        worst = max(event.attempts for event in claim.events) + 1
        ids = [event.id for event in claim.events]
        with self._database.writing() as session:
            if not claims.release(session, claim):
                return
            if worst < inbox.MOST_ATTEMPTS:
                inbox.postpone(session, ids, min(0.5 * 2.0 ** (worst - 1), RETRY_CAP), error)
                return
            inbox.finish(session, ids, "dead", error)
            sorry = apology(self._load([claim])[claim.customer_id].language)
            self._committer.promise(session, [(claim, [sorry])])
        log.error("inbox_event_dead", extra={"inbox_event_id": ids[0], "error": error})
        self._bell.outbox()

    def forget(self, customer_id: int) -> None:
        """Forget a customer who asked for it; not while an order of theirs was placed since."""
        try:
            privacy.erase(self._database, customer_id, actor="customer", drop_copy=self._copies.drop)
        except privacy.UnknownCustomer:
            return
        except privacy.StillNeeded:
            privacy.keep(self._database, customer_id)

    def _work(self, several: Sequence[Claim], *, alone: bool) -> Worked:
        loaded = self._load(several)
        pictures = {
            claim.shop_id: self._pictures.of(claim.shop_id, claim.catalog_version) for claim in several
        }
        for picture in pictures.values():
            self._recorder.prepare(picture)
        answers: list[Answer] = []
        apart: list[Claim] = []
        with self._database.writing() as session:
            anything = alone or self._database.on_sqlite  # where nobody else writes, nobody waits in a circle
            ours = several if alone else committing.still_ours(session, several)
            shops = {
                shop_id: self._pictures.stocked(session, picture) for shop_id, picture in pictures.items()
            }
            touched: set[int] = set()
            for claim in ours:
                if claim.shop_id in touched:
                    touched.remove(claim.shop_id)
                    shops[claim.shop_id] = self._pictures.stocked(session, pictures[claim.shop_id])
                conversation = loaded[claim.customer_id]
                turn = Turn.begin(conversation)
                answer = Answer(claim, conversation, shops[claim.shop_id], turn, anything)
                with observing.bound(customer_id=claim.customer_id, inbox_event_id=claim.events[0].id):
                    try:
                        self._answer(session, answer)
                    except Apart:
                        answer.end(keep=False)
                        apart.append(claim)
                        continue
                answer.end(keep=True)
                answers.append(answer)
                self._tell_seen(answer)
                if answer.touched:
                    touched.add(claim.shop_id)
            written = self._committer.write(session, answers)
            # Asked once the conversations' rows are ours to the end: who comes later finds them free after the commit.
            places = {answer.claim.place: answer.claim.customer_id for answer in answers}
            more = inbox.of_customers(session, list(places), most=1, held=False) if places else {}
        for lost in {claim.customer_id for claim in several} - {claim.customer_id for claim in ours}:
            log.warning("conversation_fenced", extra={"customer_id": lost})
        self._tell(answers, written)
        return Worked({places[place]: events[0].id for place, events in more.items()}, tuple(apart))

    def _load(self, several: Sequence[Claim]) -> dict[int, Conversation]:
        """The conversations, by customer."""
        data = self._copies.get_all({claim.customer_id: claim.version for claim in several})
        missing = [claim.customer_id for claim in several if claim.customer_id not in data]
        if missing:
            with self._database.reading() as session:
                data |= {row.customer_id: row.data for row in session.execute(_DATA, {"customers": missing})}
        return {claim.customer_id: _begun(claim, data[claim.customer_id]) for claim in several}

    def _answer(self, session: Session, answer: Answer) -> None:
        """Decide about everything claimed of one customer.

        Raises:
            Apart: it needs a transaction of its own.
        """
        claim = answer.claim
        burst = Burst(decide)
        for waiting in claim.events:
            from_customer = waiting.kind == "message"
            if claim.blocked and from_customer:
                continue  # kept, and not answered
            event = self._event(session, answer, waiting)
            if isinstance(event, MessageReceived) and not answer.conversation.handed_off:
                answer.seen.append(event.message.external_id or "")  # else a person is to read and answer it
            if isinstance(event, PaymentSucceeded):
                owner.tell_paid(session, claim.shop_id, event.receipt.order)
            if claim.owner and self._is_owners_word(session, answer, event):
                continue
            if claim.flooded and from_customer and not answer.conversation.handed_off:
                answer.unread.append(waiting.id)
                continue
            spoken = answer.conversation.language or answer.shop.languages[0]
            answer.conversation = replace(answer.conversation, language=spoken)
            if event is None:
                continue
            with measuring.timed(measuring.DECIDE_SECONDS):
                thought = burst.hear(event, waiting.id, waiting.age, answer.conversation, answer.shop)
            if thought is not None:
                self._turn(session, answer, thought, from_customer=from_customer)
        answer.patience = burst.wait()
        answer.held = [line.row_id for line in burst.lines] if answer.patience else []
        unanswered = None if answer.held else burst.given_up()
        if unanswered is not None:
            self._turn(session, answer, unanswered, from_customer=True)
        if answer.unread:
            language = answer.conversation.language or answer.shop.languages[0]
            answer.said.append((flood.notice(claim.customer_id, language, answer.shop.now), True))

    @staticmethod
    def _is_owners_word(session: Session, answer: Answer, event: Event | None) -> bool:
        """Deal with what the shop's owner wrote; ``False`` when it is shopping, or no word of theirs."""
        conversation, claim = answer.conversation, answer.claim
        if not isinstance(event, MessageReceived) or conversation.handed_off:
            return False
        shopping = bool(conversation.cart) or conversation.state != Conversation().state
        heard = owner.heard(session, claim.shop_id, claim.customer_id, event.message, shopping=shopping)
        if heard is None:
            return False
        answer.said.append((heard[0], True))
        answer.news += heard[1]
        return True

    def _event(self, session: Session, answer: Answer, waiting: inbox.WaitingEvent) -> Event | None:
        if waiting.kind == "message":
            item = read_item(orjson.loads(waiting.raw))
            if not isinstance(item, InboundMessage):
                return None
            if isinstance(item.content, NumberChanged):
                self._change_identity(session, answer, item.content.new_identity)
            kept = self._mask(session, waiting, item, answer)
            return MessageReceived(kept, late=waiting.lane == "late", masked=kept is not item)
        return hydrate(session, answer.claim.shop_id, waiting.data())

    @staticmethod
    def _mask(
        session: Session, waiting: inbox.WaitingEvent, message: InboundMessage, answer: Answer
    ) -> InboundMessage:
        """Keep no card number and no PIN: the stored message loses them in the commit that answers it."""
        if not isinstance(message.content, TextContent):
            return message
        conversation = answer.conversation
        prompted = conversation.state == "payment_processing" and conversation.method in {"", *PROMPTED}
        body = message.content.body
        masked = mask_secrets(body, pin_expected=prompted)
        if masked == body:
            return message
        answer.touch()
        kept = waiting.raw.replace(orjson.dumps(body)[1:-1], orjson.dumps(masked)[1:-1])
        inbox.overwrite(session, waiting.id, b"{}" if kept == waiting.raw else kept)
        return replace(message, content=TextContent(masked))

    def _turn(self, session: Session, answer: Answer, thought: Thought, *, from_customer: bool) -> None:
        """One thought, of the conversation as it is, and all that follows from it."""
        waiting: list[Event] = [thought.event]
        decided = thought.decided
        for _ in range(MOST_ROUNDS):
            if not waiting:
                return
            happened = waiting.pop(0)
            if decided is None:
                with measuring.timed(measuring.DECIDE_SECONDS):
                    decided = decide(answer.conversation, happened, answer.shop)
            seen = self._recorder.seen(session, answer.shop)
            answer.turn.note(happened, seen, decided, from_customer=from_customer)
            answer.conversation = decided.conversation
            for effect in decided.effects:
                if isinstance(effect, Say):
                    answer.said.append((effect, from_customer))
                    continue
                result = self._performer.perform(session, answer, effect)
                if isinstance(result, OrderRefused):
                    answer.shop = self._pictures.take(session, answer.claim.shop_id)
                if result is not None:
                    waiting.append(result)
            decided = None
        state = answer.conversation.state
        raise FlowError(f"a turn did not end after {MOST_ROUNDS} rounds in state {state}")

    def _tell_seen(self, answer: Answer) -> None:
        """Say that messages are being read."""
        if self._seen is not None:
            for message_id in filter(None, answer.seen):
                self._seen(answer.claim.customer_id, message_id)

    def _tell(self, answers: Sequence[Answer], written: Sequence[Written]) -> None:
        """After the commit: the copies, and whoever goes on with what came of it."""
        self._copies.put_all([(one.customer_id, one.version, one.data) for one in written])
        if any(answer.said for answer in answers):
            self._bell.outbox()
        for answer in answers:
            if answer.unread:
                extra = {"customer_id": answer.claim.customer_id, "messages": len(answer.unread)}
                log.warning("customer_flooding", extra=extra)
            for event_id in answer.news:
                self._bell.inbox("internal", event_id)
            for payment_id in answer.payments:
                self._bell.payment(payment_id)
            for payment_id in answer.questions:
                self._bell.ask(payment_id)

    @staticmethod
    def _change_identity(session: Session, answer: Answer, identity: str) -> None:
        """The customer has a new number; unless somebody has it already, the history goes along."""
        answer.touch()
        claim = answer.claim
        if customers.find(session, claim.shop_id, identity) is None:
            session.execute(
                update(Customer)
                .where(Customer.id == claim.customer_id)
                .values(identity=identity, phone=phone_of(identity))
            )
            customers.make_findable(session, claim.customer_id)


def _begun(claim: Claim, data: dict[str, Any]) -> Conversation:
    """The conversation as it stands before this claim."""
    known = conversations.load(data) if data else Conversation(language="")
    known = replace(known, phone=known.phone or claim.phone or "", stopped=claim.stopped)
    if known.handed_off == claim.with_person:
        return known
    # Somebody of the shop took the conversation over or gave it back, or all were silent for too long.
    state = "handed_off" if claim.with_person else "greeting"
    return replace(known, handed_off=claim.with_person, state=state, misses=0)
