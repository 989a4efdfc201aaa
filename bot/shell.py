"""The thin shell around the flow: claims a customer, decides, and does what was decided, in one commit.

The lease on the conversation row keeps two workers off one customer; ``version`` and ``fence`` make
sure that one who lost it cannot write. Everything else (Redis copy, bell) happens after the commit
and may fail.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

import measuring
import observing
from bot import claims, flood, funnel, owner
from bot import conversation as conversations
from bot.apology import apology
from bot.bursts import Burst, Thought
from bot.claims import RELEASE, Claim, phone_of
from bot.conversation import Conversation
from bot.copies import ConversationCopies
from bot.effects import (
    AddToDelivery,
    AskGateway,
    CancelOrder,
    CancelPaid,
    CommentOrder,
    Effect,
    FindOrders,
    Forget,
    PlaceOrder,
    RateOrder,
    RequestPayment,
    Say,
    SetStopped,
    WaitForStock,
)
from bot.events import (
    BackInStock,
    CancelRefused,
    DeliveryNoted,
    Event,
    ForgetAnswered,
    MessageReceived,
    MoneyWithoutOrder,
    OrderCancelled,
    OrderCreated,
    OrderMoved,
    OrderPlaced,
    OrderRated,
    OrderRefused,
    OrderReminder,
    OrdersFound,
    PaymentFailed,
    PaymentLinkReady,
    PaymentRefused,
    PaymentRequested,
    PaymentStillPending,
    PaymentSucceeded,
    PaymentUnknown,
    RefundSent,
)
from bot.flow import decide
from bot.recording import Recorder, Turn
from bot.understanding.secrets import mask_secrets
from bot.wording import PROMPTED
from catalog import shops, stock_waits
from catalog.snapshot import ShopSnapshot
from db import Database, clock, inbox, outbox
from db.bell import Bell
from db.models import Conversation as ConversationRow
from db.models import Customer, Payment
from db.refs import Refs
from db.statements import table
from errors import FlowError, OutOfStock, RuleBroken
from ghala.inbound import InboundMessage, NumberChanged, TextContent, read_item
from ghala.messages import dump
from keeping import privacy
from orders import customers, placing, ratings, reading, totals
from orders import service as order_service
from orders.order import OrderView
from orders.promotions import PromotionUsedUp
from orders.status import CANCELLABLE
from payments import cancelling, gateways
from payments import service as payment_service
from payments.service import PaymentRefusal

log = logging.getLogger("duka.bot")

SILENCE: Final = 12 * 3600.0
"""Seconds without a word from the customer or the shop after which a handoff is over."""
MOST_ROUNDS: Final = 12
RETRY_CAP: Final = 4.0
"""Seconds between attempts at most: the customer's other messages wait behind what breaks us."""

_CONVERSATIONS = table(ConversationRow).c
_WRITE = RELEASE.where(_CONVERSATIONS.version == bindparam("before")).values(updated_at=clock())
_WRITE_AFTER_WORD = _WRITE.values(inbound_at=clock())
_WRITE_FOR_A_PERSON = _WRITE_AFTER_WORD.values(
    handed_off_until=clock(SILENCE),
    wants_person_since=func.coalesce(_CONVERSATIONS.wants_person_since, clock()),
)
_GIVE_BACK = {"handed_off_until": None, "wants_person_since": None}
_WRITE_GIVEN_BACK = {True: _WRITE_AFTER_WORD.values(_GIVE_BACK), False: _WRITE.values(_GIVE_BACK)}
_DATA = select(_CONVERSATIONS.data).where(_CONVERSATIONS.customer_id == bindparam("customer"))
_SEEN = update(table(Customer)).where(table(Customer).c.id == bindparam("customer")).values(seen_at=clock())


@dataclass(slots=True)
class Work:
    """What one claim produced, to be written and rung for."""

    turn: Turn
    said: list[tuple[Say, bool]] = field(default_factory=list)
    payments: list[int] = field(default_factory=list)
    questions: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    held: list[int] = field(default_factory=list)
    news: list[int] = field(default_factory=list)
    patience: float = 0.0
    after: dict[str, Any] = field(default_factory=dict)


class Fenced(Exception):
    """Somebody else holds the customer now: leave everything to them."""


class ShopPictures:
    """The shops' snapshots, kept per process and taken anew when the catalogue's version says so."""

    def __init__(self, database: Database, public_url: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._public_url = public_url
        self._now = now
        self._kept: dict[int, tuple[int, ShopSnapshot]] = {}

    def of(self, shop_id: int, version: int) -> ShopSnapshot:
        """The shop now with the catalogue of this version; its stock is as it was when the catalogue changed."""
        known = self._kept.get(shop_id)
        if known is not None and known[0] == version:
            return replace(known[1], now=self._now())
        with self._database.reading() as session:
            return self.take(session, shop_id)

    def stocked(self, session: Session, picture: ShopSnapshot) -> ShopSnapshot:
        """The same with the stock as it is in this transaction."""
        if all(product.available is None for product in picture.products):
            return picture
        stock = shops.stock(session, picture.id)
        return replace(
            picture,
            products=tuple(
                product if product.available is None else replace(product, available=stock.get(product.id, 0))
                for product in picture.products
            ),
        )

    def take(self, session: Session, shop_id: int) -> ShopSnapshot:
        """A fresh picture through this transaction."""
        version = shops.catalog_version(session, shop_id)
        picture = shops.snapshot(session, shop_id, self._now(), self._public_url, gateways.offered)
        self._kept[shop_id] = (version, picture)
        return picture


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
        self._refs = refs
        self._copies = copies
        self._pictures = pictures
        self._patience = patience
        self._recorder = Recorder(database)

    def claim(self, event_id: int) -> Claim | None:
        """Take the customer an event belongs to, with all that waits; ``None`` when there is nothing to do."""
        with self._database.writing() as session:
            claim = claims.take(session, event_id, self._patience)
        if claim is not None:
            observing.add(customer_id=claim.customer_id)
        return claim

    def work(self, claim: Claim) -> int | None:
        """Decide and do everything claimed; returns an event that came meanwhile, to go on with.

        Raises:
            FlowError: the flow is wrong, or the event has killed its worker too often. Whatever is raised, nothing
                of this claim has been done.
        """
        if claim.events[0].attempts >= inbox.MOST_ATTEMPTS:
            raise FlowError(f"inbox event {claim.events[0].id} never let its worker finish")
        picture = self._pictures.of(claim.shop_id, claim.catalog_version)
        conversation = self._load(claim)
        events = [(waiting, waiting.kind == "message") for waiting in claim.events]
        work = Work(Turn.begin(conversation))
        self._recorder.prepare(picture)
        try:
            with self._database.writing() as session:
                shop = self._pictures.stocked(session, picture)
                burst = Burst(decide)
                for waiting, from_customer in events:
                    if claim.blocked and from_customer:
                        continue  # kept, and not answered
                    event = self._event(session, claim, waiting, conversation)
                    self._tell_seen(claim, conversation, event)
                    if isinstance(event, PaymentSucceeded):
                        owner.tell_paid(session, claim.shop_id, event.receipt.order)
                    if claim.owner and self._is_owners_word(session, claim, conversation, event, work):
                        continue
                    if claim.flooded and from_customer and not conversation.handed_off:
                        work.unread.append(waiting.id)
                        continue
                    spoken = conversation.language or shop.languages[0]
                    conversation = replace(conversation, language=spoken)
                    if event is None:
                        continue
                    with measuring.timed(measuring.DECIDE_SECONDS):
                        thought = burst.hear(event, waiting.id, waiting.age, conversation, shop)
                    if thought is not None:
                        conversation, shop = self._turn(
                            session, claim, conversation, shop, thought, work, from_customer=from_customer
                        )
                work.patience = burst.wait()
                work.held = [line.row_id for line in burst.lines] if work.patience else []
                unanswered = None if work.held else burst.given_up()
                if unanswered is not None:
                    conversation, shop = self._turn(
                        session, claim, conversation, shop, unanswered, work, from_customer=True
                    )
                if work.unread:
                    language = conversation.language or shop.languages[0]
                    work.said.append((flood.notice(claim.customer_id, language, shop.now), True))
                moved = self._commit(session, claim, conversation, work, shop)
                # Asked once the conversation's row is ours to the end: who comes later finds it free after the commit.
                more = inbox.of_customer(session, claim.shop_id, claim.customer_key, most=1, held=False)
        except Fenced:
            log.warning("conversation_fenced", extra={"customer_id": claim.customer_id})
            return None
        if work.unread:
            extra = {"customer_id": claim.customer_id, "messages": len(work.unread)}
            log.warning("customer_flooding", extra=extra)
        if moved:
            self._copies.put(claim.customer_id, claim.version + 1, work.after)
        self._ring(work)
        return more[0].id if more else None

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
            sorry = apology(self._load(claim).language)
            self._promise(session, claim, [sorry])
        log.error("inbox_event_dead", extra={"inbox_event_id": ids[0], "error": error})
        self._bell.outbox()

    def _load(self, claim: Claim) -> Conversation:
        data = self._copies.get(claim.customer_id, claim.version)
        if data is None:
            with self._database.reading() as session:
                data = session.execute(_DATA, {"customer": claim.customer_id}).scalar_one()
        known = conversations.load(data) if data else Conversation(language="")
        known = replace(known, phone=known.phone or claim.phone or "", stopped=claim.stopped)
        if known.handed_off == claim.with_person:
            return known
        # Somebody of the shop took the conversation over or gave it back, or all were silent for too long.
        state = "handed_off" if claim.with_person else "greeting"
        return replace(known, handed_off=claim.with_person, state=state, misses=0)

    def _tell_seen(self, claim: Claim, conversation: Conversation, event: Event | None) -> None:
        """Say that a message is being read, unless a person is to read and answer it."""
        if self._seen is None or conversation.handed_off or not isinstance(event, MessageReceived):
            return
        if event.message.external_id:
            self._seen(claim.customer_id, event.message.external_id)

    @staticmethod
    def _is_owners_word(
        session: Session, claim: Claim, conversation: Conversation, event: Event | None, work: Work
    ) -> bool:
        """Deal with what the shop's owner wrote; ``False`` when it is shopping, or no word of theirs."""
        if not isinstance(event, MessageReceived) or conversation.handed_off:
            return False
        shopping = bool(conversation.cart) or conversation.state != Conversation().state
        heard = owner.heard(session, claim.shop_id, claim.customer_id, event.message, shopping=shopping)
        if heard is None:
            return False
        work.said.append((heard[0], True))
        work.news += heard[1]
        return True

    def _event(
        self, session: Session, claim: Claim, waiting: inbox.WaitingEvent, conversation: Conversation
    ) -> Event | None:
        if waiting.kind == "message":
            item = read_item(orjson.loads(waiting.raw))
            if not isinstance(item, InboundMessage):
                return None
            if isinstance(item.content, NumberChanged):
                self._change_identity(session, claim, item.content.new_identity)
            kept = self._mask(session, waiting, item, conversation)
            return MessageReceived(kept, late=waiting.lane == "late", masked=kept is not item)
        return hydrate(session, claim.shop_id, waiting.data())

    def _mask(
        self,
        session: Session,
        waiting: inbox.WaitingEvent,
        message: InboundMessage,
        conversation: Conversation,
    ) -> InboundMessage:
        """Keep no card number and no PIN: the stored message loses them in the commit that answers it."""
        if not isinstance(message.content, TextContent):
            return message
        prompted = conversation.state == "payment_processing" and conversation.method in {"", *PROMPTED}
        body = message.content.body
        masked = mask_secrets(body, pin_expected=prompted)
        if masked == body:
            return message
        kept = waiting.raw.replace(orjson.dumps(body)[1:-1], orjson.dumps(masked)[1:-1])
        inbox.overwrite(session, waiting.id, b"{}" if kept == waiting.raw else kept)
        return replace(message, content=TextContent(masked))

    def _turn(
        self,
        session: Session,
        claim: Claim,
        conversation: Conversation,
        shop: ShopSnapshot,
        thought: Thought,
        work: Work,
        *,
        from_customer: bool,
    ) -> tuple[Conversation, ShopSnapshot]:
        """One thought, of ``conversation`` as it is, and all that follows from it."""
        waiting: list[Event] = [thought.event]
        decided = thought.decided
        for _ in range(MOST_ROUNDS):
            if not waiting:
                return conversation, shop
            happened = waiting.pop(0)
            if decided is None:
                with measuring.timed(measuring.DECIDE_SECONDS):
                    decided = decide(conversation, happened, shop)
            seen = self._recorder.seen(session, shop)
            work.turn.note(happened, seen, decided, from_customer=from_customer)
            conversation = decided.conversation
            for effect in decided.effects:
                if isinstance(effect, Say):
                    work.said.append((effect, from_customer))
                    continue
                result = self._do(session, claim, conversation, shop, effect, work)
                if isinstance(result, OrderRefused):
                    shop = self._pictures.take(session, claim.shop_id)
                if result is not None:
                    waiting.append(result)
            decided = None
        raise FlowError(f"a turn did not end after {MOST_ROUNDS} rounds in state {conversation.state}")

    def _do(
        self,
        session: Session,
        claim: Claim,
        conversation: Conversation,
        shop: ShopSnapshot,
        effect: Effect,
        work: Work,
    ) -> Event | None:
        match effect:
            case PlaceOrder():
                return self._place(session, claim, conversation, shop, effect)
            case CancelOrder(order_ref=ref):
                try:
                    order_service.cancel(session, claim.shop_id, ref, claim.customer_id)
                except RuleBroken:
                    return self._not_cancelled(session, claim, ref)
                return OrderCancelled(self._order(session, claim, ref))
            case CancelPaid(order_ref=ref):
                try:
                    cancelling.cancel_paid(session, claim.shop_id, ref, claim.customer_id)
                except RuleBroken:
                    return self._not_cancelled(session, claim, ref, again=False)
                return OrderCancelled(self._order(session, claim, ref))
            case RequestPayment():
                return self._request(session, claim, effect, work)
            case AskGateway(order_ref=ref):
                return self._ask(session, claim, ref, work)
            case WaitForStock(product_id=product_id):
                stock_waits.wait(session, claim.shop_id, product_id, claim.customer_id)
                return None
            case FindOrders(purpose=purpose, order_ref=ref):
                return self._find(session, claim, purpose, ref)
            case AddToDelivery(order_ref=ref, line=line):
                return self._add_to_delivery(session, claim, ref, line)
            case RateOrder(order_ref=ref, stars=stars):
                return self._rate(session, claim, ref, stars)
            case CommentOrder(order_ref=ref, line=line):
                ratings.comment(session, claim.shop_id, ref, claim.customer_id, line)
                return None
            case SetStopped(stopped=stopped):
                session.execute(
                    update(Customer)
                    .where(Customer.id == claim.customer_id)
                    .values(stopped_at=clock() if stopped else None)
                )
                return None
            case Forget(confirmed=confirmed):
                return self._forget(session, claim, confirmed=confirmed)
            case _:
                raise FlowError(f"nobody does {type(effect).__name__}")

    def _mine(self, session: Session, claim: Claim, ref: str) -> OrderView | None:
        """The order, if it is this customer's: a reference can be guessed."""
        if reading.owner(session, claim.shop_id, ref) != claim.customer_id:
            return None
        return reading.order(session, claim.shop_id, ref)

    def _not_cancelled(self, session: Session, claim: Claim, ref: str, *, again: bool = True) -> Event:
        """Why not; what is paid meanwhile can still be cancelled, after asking."""
        order = self._mine(session, claim, ref)
        if order is None or order.status in {"cancelled", "expired"}:
            return CancelRefused(ref, "closed")
        if order.status in CANCELLABLE and again:
            return OrdersFound("cancel", (order,))
        return CancelRefused(ref, "on_its_way")

    def _find(self, session: Session, claim: Claim, purpose: str, ref: str) -> OrdersFound:
        if ref:
            one = self._mine(session, claim, ref)
            orders = [] if one is None else [one]
        else:
            orders = reading.of_customer(session, claim.shop_id, claim.customer_id)
        paid = next((order for order in orders if order.paid_at is not None), None)
        receipt = None
        if purpose == "receipt" and paid is not None:
            receipt = reading.receipt(session, claim.shop_id, paid.ref)
        return OrdersFound(purpose, tuple(orders), receipt)

    def _add_to_delivery(self, session: Session, claim: Claim, ref: str, line: str) -> Event:
        try:
            order_service.add_to_delivery(session, claim.shop_id, ref, claim.customer_id, line)
        except RuleBroken:
            return DeliveryNoted(self._order(session, claim, ref), line, kept=False)
        return DeliveryNoted(self._order(session, claim, ref), line)

    def _rate(self, session: Session, claim: Claim, ref: str, stars: int) -> Event:
        try:
            kept = ratings.rate(session, claim.shop_id, ref, claim.customer_id, stars)
        except RuleBroken:
            kept = False
        return OrderRated(ref, stars, kept)

    def _forget(self, session: Session, claim: Claim, *, confirmed: bool) -> Event:
        """Whether the customer can be forgotten; once confirmed it is done after these words have gone out."""
        customer = session.get_one(Customer, claim.customer_id)
        obstacle = next(iter(privacy.obstacles(session, customer)), None)
        if obstacle is not None:
            return ForgetAnswered(obstacle.kind, obstacle.ref)
        if not confirmed:
            return ForgetAnswered("")
        session.execute(update(Customer).where(Customer.id == claim.customer_id).values(erase_at=clock()))
        return ForgetAnswered("done")

    def forget(self, customer_id: int) -> None:
        """Forget a customer who asked for it; not while an order of theirs was placed since."""
        try:
            privacy.erase(self._database, customer_id, actor="customer", drop_copy=self._copies.drop)
        except privacy.UnknownCustomer:
            return
        except privacy.StillNeeded:
            privacy.keep(self._database, customer_id)

    def _place(
        self,
        session: Session,
        claim: Claim,
        conversation: Conversation,
        shop: ShopSnapshot,
        effect: PlaceOrder,
    ) -> Event:
        wanted = [placing.Wanted(line.product_id, line.quantity, line.seen_price) for line in effect.lines]
        try:
            with session.begin_nested():
                order = placing.place(
                    session,
                    shop,
                    claim.customer_id,
                    wanted,
                    effect.delivery,
                    refs=self._refs,
                    code=effect.promo_code,
                    cart_version=effect.cart_version,
                    language=effect.language,
                    customer_name=conversation.name,
                    without=effect.without,
                )
        except OutOfStock as refusal:
            return OrderRefused("out_of_stock", refusal.product_id, refusal.available)
        except (placing.PriceChanged, placing.ProductUnavailable) as refusal:
            return OrderRefused(refusal.code, refusal.product_id)
        except PromotionUsedUp as refusal:
            return OrderRefused(refusal.code, promotion_id=refusal.promotion_id, personal=refusal.personal)
        except placing.NothingToOrder as refusal:
            return OrderRefused(refusal.code)
        if effect.referral:
            order_service.remember_referral(session, claim.shop_id, order.ref, dict(effect.referral))
        return OrderPlaced(order)

    def _request(self, session: Session, claim: Claim, effect: RequestPayment, work: Work) -> Event:
        try:
            with session.begin_nested():
                payment = payment_service.request(
                    session,
                    claim.shop_id,
                    effect.order_ref,
                    effect.method,
                    effect.phone or None,
                    refs=self._refs,
                )
        except PaymentRefusal as refusal:
            return PaymentRefused(effect.order_ref, refusal.code, effect.method)
        except order_service.UnknownOrder:
            return PaymentRefused(effect.order_ref, "order_closed", effect.method)
        work.payments.append(payment.id)
        return PaymentRequested(
            self._order(session, claim, effect.order_ref), payment.method, payment.phone or ""
        )

    def _ask(self, session: Session, claim: Claim, ref: str, work: Work) -> Event | None:
        """Ask about the order's payment and, since money may have come another way, the customer's other ones."""
        asked = payment_service.unsettled(session, claim.shop_id, claim.customer_id)
        payment = payment_service.latest(session, claim.shop_id, ref) if ref else None
        if payment is not None and payment.status != "succeeded":
            asked = [payment.id, *(other for other in asked if other != payment.id)]
            work.questions += payment_service.ask_soon(session, asked, tell=payment.id)
            return None
        work.questions += payment_service.ask_soon(session, asked)
        if not ref:
            return None
        if payment is None:
            return PaymentRefused(ref, "nothing_to_ask")
        return PaymentRefused(ref, "already_paid", payment.method)

    def _order(self, session: Session, claim: Claim, ref: str) -> OrderView:
        order = reading.order(session, claim.shop_id, ref)
        if order is None:
            raise FlowError(f"order {ref} is gone")
        return order

    def _commit(
        self, session: Session, claim: Claim, conversation: Conversation, work: Work, shop: ShopSnapshot
    ) -> bool:
        """Write what was decided; ``False`` when everything waits for more words and nothing was."""
        if len(work.held) == len(claim.events):
            held = inbox.hold(session, work.held, work.patience)
            if held != len(claim.events) or not claims.release(session, claim):
                raise Fenced
            return False
        came = sum(event.kind == "message" and event.id not in work.held for event in claim.events)
        wrote = came > 0
        write = _WRITE_AFTER_WORD if wrote else _WRITE
        if conversation.handed_off and wrote:
            write = _WRITE_FOR_A_PERSON
        elif claim.handed_off and not conversation.handed_off:
            write = _WRITE_GIVEN_BACK[wrote]
        counts: dict[str, int] = {}
        come: dict[str, Any] = {}
        local = shop.now.astimezone(ZoneInfo(shop.timezone))
        if wrote:
            before = claim.funnel_stage if claim.funnel_day == local.date() else 0
            counts = funnel.newly(before, funnel.stage(conversation))
            come = {"funnel_day": local.date(), "funnel_stage": before + len(counts)}
        work.after = conversations.dump(conversation)
        mine = session.execute(
            write,
            {
                "customer": claim.customer_id,
                "claimed": claim.fence,
                "before": claim.version,
                "version": claim.version + 1,
                "data": work.after,
                **come,
            },
        ).first()
        read = [event.id for event in claim.events if event.id not in (*work.unread, *work.held)]
        closed = inbox.finish(session, read) + inbox.finish(session, work.unread, "ignored", "flood")
        closed += inbox.hold(session, work.held, work.patience)
        if mine is None or closed != len(claim.events):
            raise Fenced
        if wrote:
            session.execute(
                _SEEN,
                {
                    "customer": claim.customer_id,
                    "name": conversation.name,
                    "language": conversation.language,
                },
            )
            if conversation.name != claim.name:
                customers.make_findable(session, claim.customer_id)
            if not claim.window_was_open:
                outbox.wake(session, claim.customer_id)
        said = together(work.said)
        self._promise(session, claim, said)
        totals.add(
            session,
            claim.shop_id,
            claim.customer_id,
            local,
            messages_in=came,
            messages_out=len(said),
            **counts,
        )
        self._recorder.keep(session, claim.shop_id, claim.customer_id, claim.version + 1, work.turn)
        return True

    def _promise(self, session: Session, claim: Claim, said: Sequence[Say]) -> None:
        outbox.promise(
            session,
            claim.shop_id,
            claim.customer_id,
            [
                outbox.Promise(
                    # What may exist once keeps its name even when a backup makes us say it again.
                    key=f"out:{say.key}" if say.key else self._refs.key("out"),
                    message=dump(say.message),
                    kind=say.kind,
                    unique_key=say.key or None,
                    fallback=None if say.fallback is None else dump(say.fallback),
                )
                for say in said
            ],
        )

    def _ring(self, work: Work) -> None:
        if work.said:
            self._bell.outbox()
        for event_id in work.news:
            self._bell.inbox("internal", event_id)
        for payment_id in work.payments:
            self._bell.payment(payment_id)
        for payment_id in work.questions:
            self._bell.ask(payment_id)

    def _change_identity(self, session: Session, claim: Claim, identity: str) -> None:
        """The customer has a new number; unless somebody has it already, the history goes along."""
        if customers.find(session, claim.shop_id, identity) is None:
            session.execute(
                update(Customer)
                .where(Customer.id == claim.customer_id)
                .values(identity=identity, phone=phone_of(identity))
            )
            customers.make_findable(session, claim.customer_id)


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


def hydrate(session: Session, shop_id: int, data: dict[str, Any]) -> Event | None:
    """An internal event with the order it is about, as it is now; ``None`` when there is nothing to say."""
    name = data["event"]
    if name == "BackInStock":
        return BackInStock(int(data["product_id"]))
    ref = data["order_ref"]
    if name == "PaymentSucceeded":
        receipt = reading.receipt(session, shop_id, ref)
        return None if receipt is None else PaymentSucceeded(receipt)
    order = reading.order(session, shop_id, ref)
    if order is None:
        return None
    payment = (
        session.scalars(select(Payment).where(Payment.ref == data["payment_ref"])).first()
        if "payment_ref" in data
        else None
    )
    method = payment.method if payment is not None else ""
    match name:
        case "OrderCreated":
            return OrderCreated(order)
        case "OrderMoved":
            return OrderMoved(replace(order, status=data.get("status", order.status)))
        case "OrderReminder":
            return OrderReminder(order)
        case "PaymentLinkReady":
            return PaymentLinkReady(order, payment.link if payment is not None else "")
        case "PaymentFailed":
            return PaymentFailed(order, method, payment.reason if payment is not None else "unknown")
        case "PaymentUnknown":
            return PaymentUnknown(order, method)
        case "PaymentStillPending":
            return PaymentStillPending(order, method)
        case "RefundSent":
            return RefundSent(order, int(data["amount"]), str(data["reference"]))
        case "MoneyWithoutOrder":
            return MoneyWithoutOrder(order, int(data["amount"]))
        case _:
            raise FlowError(f"nobody knows the event {name}")
