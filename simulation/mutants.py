"""Does the oracle see? Bugs planted in the real shop, each to be caught within ten seeds.

A mutant patches the shop's own objects in this process for as long as it runs. ``python -m
simulation --mutants`` prints a table and fails if one survives. Only what an invariant sees counts as
caught: a mutant that no longer fits what it replaces, that stumbles over its own code or is never
called is *broken*, one that takes too long has *no result*, and both fail like a survivor.
"""

# ruff: noqa: ARG001 - a mutant takes what the real one takes
from __future__ import annotations

import functools
import inspect
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, literal, select, update
from sqlalchemy.orm import Session

from bot import committing, copies, shell, statuses
from bot import webhook as message_webhook
from bot.committing import Committer
from bot.performing import Performer
from bot.shell import ConversationShell
from catalog import stock_waits
from db import clock, inbox, outbox
from db.models import (
    Conversation,
    InboxEvent,
    MoneyEvent,
    Order,
    OutboxMessage,
    Payment,
    Product,
    StockReservation,
    StockWait,
)
from db.statements import insert
from db.types import word
from errors import GatewayUnavailable, OutcomeUnknown
from ghala.signatures import Freshness, Verifier
from jobs import sender as sender_module
from jobs.sender import Sender
from jobs.sweeper import Sweeper
from keeping import retention
from orders import placing, totals
from orders import service as order_service
from payments import desk as desk_module
from payments import service as payment_service
from payments.desk import PaymentDesk
from payments.gateways.ghala import GhalaGateway
from payments.service import News
from simulation.shop import Simulation

SEEDS: Final = 10
CUSTOMERS: Final = 30
MOST_SECONDS: Final = 240.0
"""Seconds of work after which a mutant has no result."""
MISTAKES: Final = (TypeError, AttributeError, NameError, LookupError)
"""What raises inside a mutant says that the mutant is wrong, not the shop."""


class BrokenMutant(Exception):
    """The planted bug does not fit the shop as it is now: nothing can be said about it."""


class TooLong(BaseException):
    """The seed would not end. Not an ``Exception``: nothing in the shop may survive it."""


class Planting(ExitStack):
    """What is patched until this is closed, how often it was called, and how often it stumbled."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.mistakes: list[str] = []

    def watched(self, name: str, new: Callable[..., Any]) -> Callable[..., Any]:
        """The same, counted; a mistake of the mutant's own code is noted on its way up."""

        @functools.wraps(new)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            try:
                return new(*args, **kwargs)
            except MISTAKES as error:
                self._note(name, new, error)
                raise

        @functools.wraps(new)
        async def wait(*args: Any, **kwargs: Any) -> Any:
            self.calls[name] += 1
            try:
                return await new(*args, **kwargs)
            except MISTAKES as error:
                self._note(name, new, error)
                raise

        return wait if inspect.iscoroutinefunction(new) else call

    def _note(self, name: str, new: Callable[..., Any], error: Exception) -> None:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None and trace.tb_frame.f_code.co_filename in {__file__, inspect.getfile(new)}:
            self.mistakes.append(f"{name}: {type(error).__name__}: {error}")


Patch = Callable[[Planting], None]


def fits(old: Callable[..., Any], new: Callable[..., Any]) -> bool:
    """Whether whoever calls the one may call the other with the same arguments, meaning the same."""
    theirs = inspect.signature(old).parameters
    ours = inspect.signature(new).parameters
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    asked = [known for known in theirs.values() if known.kind in places]
    taken = [known for known in ours.values() if known.kind in places]
    rest = any(known.kind is inspect.Parameter.VAR_POSITIONAL for known in ours.values())
    named = any(known.kind is inspect.Parameter.VAR_KEYWORD for known in ours.values())
    only_named = {name for name, known in ours.items() if known.kind is inspect.Parameter.KEYWORD_ONLY}
    must_name = {name for name, known in theirs.items() if known.kind is inspect.Parameter.KEYWORD_ONLY}
    both = list(zip(asked, taken, strict=False))
    return (
        len(taken) <= len(asked)
        and (rest or len(taken) == len(asked))
        and all(one.name == other.name for one, other in both)
        and all(
            one.default is inspect.Parameter.empty or other.default is not inspect.Parameter.empty
            for one, other in both
        )
        and only_named <= set(theirs)
        and (named or must_name <= only_named)
    )


def swap(stack: Planting, owner: Any, name: str, new: Any) -> Any:
    """Replace an attribute until the stack is closed; returns what it was.

    Raises:
        BrokenMutant: it is not there any more, or takes other arguments.
    """
    where = f"{owner.__name__}.{name}"
    if not hasattr(owner, name):
        raise BrokenMutant(f"{where} is not there")
    old = getattr(owner, name)
    kept = owner.__dict__.get(name, old) if isinstance(owner, type) else old
    if callable(old):
        if not fits(old, new):
            raise BrokenMutant(f"{where} takes {inspect.signature(old)}, not {inspect.signature(new)}")
        new = stack.watched(where, new)
    setattr(owner, name, staticmethod(new) if isinstance(kept, staticmethod) else new)
    stack.callback(setattr, owner, name, kept)
    return old


# --- messages in ----------------------------------------------------------------------------------------


def no_dedupe(stack: Planting) -> None:
    """Every delivery is a new one."""
    count = iter(range(10**9))
    old = inbox.record

    def record(session: Session, shop_id: int, source: str, events: Sequence[inbox.NewEvent]) -> Any:
        fresh = [replace(event, own_id=None, external_id=f"n{next(count)}") for event in events]
        return old(session, shop_id, source, fresh)

    swap(stack, inbox, "record", record)


def dedupe_by_delivery_only(stack: Planting) -> None:
    """A message that comes in another delivery counts as new."""
    old = inbox.record

    def record(session: Session, shop_id: int, source: str, events: Sequence[inbox.NewEvent]) -> Any:
        return old(session, shop_id, source, [replace(event, own_id=None) for event in events])

    swap(stack, inbox, "record", record)


def ack_before_commit(stack: Planting) -> None:
    """The request is answered whatever became of the transaction."""
    from flask import Response
    from sqlalchemy.exc import SQLAlchemyError

    old = message_webhook.blueprint

    def blueprint(*args: Any, **kwargs: Any) -> Any:
        made = old(*args, **kwargs)
        made.register_error_handler(SQLAlchemyError, lambda _: Response(b"{}", 200))
        return made

    swap(stack, message_webhook, "blueprint", blueprint)


def unsigned_is_fine(stack: Planting) -> None:
    """Signatures are not checked."""
    swap(stack, Verifier, "verify", lambda *_: Freshness.FRESH)


def no_sweeper(stack: Planting) -> None:
    """Nobody looks for what the queue lost."""
    swap(stack, Sweeper, "sweep", lambda *_: 0)


# --- conversations --------------------------------------------------------------------------------------


def no_fence(stack: Planting) -> None:
    """Whoever is late writes all the same."""
    old = Committer.write

    def write(self: Any, session: Session, answers: Any) -> Any:
        for answer in answers:
            now = session.execute(
                select(Conversation.fence, Conversation.version).where(
                    Conversation.customer_id == answer.claim.customer_id
                )
            ).one()
            session.execute(
                update(InboxEvent)
                .where(InboxEvent.id.in_([event.id for event in answer.claim.events]))
                .values(status="waiting")
            )
            answer.claim = replace(answer.claim, fence=now.fence, version=now.version)
        return old(self, session, answers)

    def still_ours(session: Session, claims: Any) -> Any:
        return list(claims)

    swap(stack, Committer, "write", write)
    swap(stack, committing, "still_ours", still_ours)


def no_lease(stack: Planting) -> None:
    """Nobody holds a customer, and nobody notices."""
    no_fence(stack)
    old = ConversationShell.claim

    def claim(self: Any, event_ids: Any) -> Any:
        with self._database.writing() as session:
            session.execute(update(Conversation).values(lease_until=None))
        return old(self, event_ids)

    swap(stack, ConversationShell, "claim", claim)


def no_order(stack: Planting) -> None:
    """The newest message is worked on first, alone."""
    old = inbox.of_customer

    def of_customer(session: Session, shop_id: int, customer_key: str, most: int = 50, **more: Any) -> Any:
        return old(session, shop_id, customer_key, most, **more)[::-1][:1]

    swap(stack, inbox, "of_customer", of_customer)


def stale_copies(stack: Planting) -> None:
    """The copy in Redis is believed whatever version it has."""

    def read(raw: object, version: int) -> Any:
        import orjson

        try:
            return orjson.loads(raw)["data"] if isinstance(raw, bytes) and raw else None
        except (ValueError, KeyError, TypeError):
            return None

    swap(stack, copies, "_read", read)


def forgets_the_answer(stack: Planting) -> None:
    """One answer in ten is not promised."""
    old = Committer.promise
    count = iter(range(10**9))

    def promise(self: Any, session: Session, said: Any) -> None:
        old(self, session, [one for one in said if next(count) % 10])

    swap(stack, Committer, "promise", promise)


def finishes_in_another_transaction(stack: Planting) -> None:
    """The answers are promised in a commit of their own, after the events are finished."""
    old = Committer.promise

    def promise(self: Any, session: Session, said: Any) -> None:
        self.late = list(said)

    before = ConversationShell._work

    def work(self: Any, several: Any, *, alone: bool) -> Any:
        self._committer.late = []
        done = before(self, several, alone=alone)
        late = self._committer.late
        if late:
            with self._database.writing() as session:
                old(self._committer, session, late)
            self._bell.outbox()
        return done

    swap(stack, Committer, "promise", promise)
    swap(stack, ConversationShell, "_work", work)


# --- messages out ---------------------------------------------------------------------------------------


def sent_before_sending(stack: Planting) -> None:
    """A claimed message counts as sent at once."""
    old = outbox.claim_heads

    def claim_heads(session: Session, most: int) -> Any:
        claimed = old(session, most)
        for one in claimed:
            session.execute(
                update(OutboxMessage).where(OutboxMessage.id == one.id).values(status="sent", sent_at=clock())
            )
        return claimed

    swap(stack, outbox, "claim_heads", claim_heads)


def unknown_is_sent(stack: Planting) -> None:
    """A send that timed out counts as sent."""

    def again(self: Any, claimed: Any, error: str, retry_after: Any, reason: str = "") -> outbox.Outcome:
        if error == "outcome unknown":
            return outbox.Outcome(claimed.id, claimed.fence, "sent")
        done: outbox.Outcome = old(self, claimed, error, retry_after, reason)
        return done

    old = swap(stack, Sender, "_again", again)


def new_key_per_send(stack: Planting) -> None:
    """Every attempt to send has a key of its own."""
    count = iter(range(10**9))

    async def send(self: Any, client: Any, claimed: Any) -> Any:
        return await old(self, client, replace(claimed, key=f"{claimed.key}:{next(count)}"))

    old = swap(stack, Sender, "send", send)


def receipt_without_unique_key(stack: Planting) -> None:
    """A receipt is written as often as somebody thinks of it."""
    old = committing.together

    def together(said: Any) -> Any:
        return [replace(say, key="") for say in old(said)]

    swap(stack, committing, "together", together)
    told = inbox.record_internal
    count = iter(range(10**9))

    def record_internal(*args: Any, unique: str, **kwargs: Any) -> Any:
        return told(*args, unique=f"{unique}:{next(count)}", **kwargs)

    swap(stack, inbox, "record_internal", record_internal)
    repeated = payment_service._repeated

    def again(session: Session, payment: Payment, *args: Any) -> News:
        news = repeated(session, payment, *args)
        ref = session.execute(select(Order.ref).where(Order.id == payment.order_id)).scalar_one()
        news.add(payment_service._tell(session, payment, "PaymentSucceeded", unique=ref))
        return news

    swap(stack, payment_service, "_repeated", again)


def receipt_dies(stack: Planting) -> None:
    """What could not be sent at the first attempt is given up."""
    swap(stack, sender_module, "MOST_ATTEMPTS", 1)
    old = Sender._again

    def again(self: Any, claimed: Any, error: str, retry_after: Any, reason: str = "") -> Any:
        return old(self, replace(claimed, kind="reply"), error, retry_after, reason)

    swap(stack, Sender, "_again", again)


def template_under_the_same_key(stack: Planting) -> None:
    """A message that failed because the window was closed goes again as it was, and a template too."""

    def refused(self: Any, claimed: Any, message: Any, error: Any) -> Any:
        if claimed.fallback is not None:
            return outbox.Outcome(claimed.id, claimed.fence, "dead", error="window closed")
        return old(self, claimed, message, error)

    old = swap(stack, Sender, "_refused", refused)


def status_downgrades(stack: Planting) -> None:
    """The latest status is the truth."""

    def record_delivery(
        session: Session, shop_id: int, provider_id: str, status: str, error: str = ""
    ) -> bool:
        return (
            session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.provider_id == provider_id)
                .values(delivery=status)
                .returning(OutboxMessage.id)
            ).first()
            is not None
        )

    swap(stack, outbox, "record_delivery", record_delivery)


def early_status_is_dropped(stack: Planting) -> None:
    """A status about a message whose name we do not know yet is done with."""
    swap(stack, statuses, "TRIES", 0)
    old = inbox.finish

    def finish(session: Session, event_ids: Any, status: str = "done", error: str = "") -> int:
        return old(session, event_ids, "done" if status == "ignored" else status, error)

    swap(stack, inbox, "finish", finish)


# --- stock and orders -----------------------------------------------------------------------------------


def oversell(stack: Planting) -> None:
    """Stock is read, then written."""

    def hold(session: Session, shop_id: int, pieces: dict[int, int]) -> dict[int, int]:
        held = {}
        for product_id, quantity in sorted(pieces.items()):
            left = session.execute(select(Product.available).where(Product.id == product_id)).scalar_one()
            if left is None:
                continue
            session.execute(
                update(Product)
                .where(Product.id == product_id)
                .values(available=max(left - quantity, 0), reserved=Product.reserved + quantity)
            )
            held[product_id] = quantity
        return held

    swap(stack, placing, "_hold", hold)


def expiry_forgets_stock(stack: Planting) -> None:
    """An order that closes keeps what it held."""

    def settle(session: Session, order: Order, before: str, outcome: str) -> None:
        if outcome == "sold":
            old(session, order, before, outcome)
        else:
            session.execute(
                update(StockReservation)
                .where(StockReservation.order_id == order.id)
                .values(status="released")
            )

    old = swap(stack, order_service, "_settle_stock", settle)


def paid_orders_expire(stack: Planting) -> None:
    """Expiry closes whatever it finds, paid or not."""

    def due(session: Session, most: int = 100) -> list[int]:
        return list(
            session.scalars(
                select(Order.id).where(Order.hold_until < clock(), Order.status != word("expired"))
            )
        )

    def expire(session: Session, order_id: int) -> None:
        session.execute(update(Order).where(Order.id == order_id).values(status="expired", closed_at=clock()))

    swap(stack, order_service, "due_to_expire", due)
    swap(stack, order_service, "expire", expire)


def two_orders_of_one_cart(stack: Planting) -> None:
    """The version of the cart is forgotten, and stale workers may write."""
    no_fence(stack)
    old = placing.place

    def place(*args: Any, cart_version: int | None = None, **kwargs: Any) -> Any:
        return old(*args, cart_version=None, **kwargs)

    swap(stack, placing, "place", place)


def totals_drift(stack: Planting) -> None:
    """A closed order that is honoured after all stays counted as closed."""
    old = totals.add

    def add(
        session: Session, shop_id: int, spread: int, at: datetime | None = None, /, **counts: int
    ) -> None:
        if counts.get("orders_closed", 0) <= 0 and "orders_paid" in counts:
            counts.pop("orders_closed", None)
            counts["revenue"] = counts.get("revenue", 0) + 1
        old(session, shop_id, spread, at, **counts)

    swap(stack, totals, "add", add)


def forgets_who_waits(stack: Planting) -> None:
    """When a product is back, those who wait for it are crossed off the list, and that is all."""

    def tell(session: Session, product_id: int, most: int = 100) -> list[int]:
        session.execute(delete(StockWait).where(StockWait.product_id == product_id))
        session.execute(update(Product).where(Product.id == product_id).values(waited_at=None))
        return []

    swap(stack, stock_waits, "tell", tell)


def tells_twice(stack: Planting) -> None:
    """Who waits for a product hears of it, and hears of it."""

    def record_internal(
        session: Session, shop_id: int, customer_key: str, name: str, data: dict[str, Any], *, unique: str
    ) -> int | None:
        if name == "BackInStock":
            old(session, shop_id, customer_key, name, data, unique=f"{unique}:again")
        told: int | None = old(session, shop_id, customer_key, name, data, unique=unique)
        return told

    old = swap(stack, inbox, "record_internal", record_internal)


# --- keeping --------------------------------------------------------------------------------------------


def retention_takes_all(stack: Planting) -> None:
    """Retention does not ask how old or how finished something is."""

    def window(table: Any, at: int, days: int) -> Any:
        found = old(table, at, days).subquery()
        kept = [column for column in found.c if column.name not in {"old", "finished"}]
        return select(*kept, literal(1).label("old"), literal(1).label("finished"))

    old = swap(stack, retention, "_window", window)


def retention_forgets_open_money(stack: Planting) -> None:
    """The webhook behind money that waits for the owner goes like any other."""

    def window(table: Any, at: int, days: int) -> Any:
        found = old(table, at, days).subquery()
        kept = [column for column in found.c if column.name != "finished"]
        return select(*kept, literal(1).label("finished"))

    old = swap(stack, retention, "_window", window)


# --- money ----------------------------------------------------------------------------------------------


def no_amount_check(stack: Planting) -> None:
    """Any amount pays."""
    swap(stack, payment_service, "mismatch_of", lambda *_: "")
    swap(stack, desk_module, "_unfit", lambda *_: "")


def new_key_per_start(stack: Planting) -> None:
    """Every call to the gateway has a key of its own."""
    count = iter(range(10**9))

    def create(self: Any, charge: Any) -> Any:
        return old(self, replace(charge, key=f"{charge.key}:{next(count)}"))

    old = swap(stack, GhalaGateway, "_create", create)


def unknown_is_failed(stack: Planting) -> None:
    """A start that timed out counts as failed, and failures are final."""

    def start(self: Any, charge: Any) -> Any:
        try:
            return old(self, charge)
        except OutcomeUnknown as error:
            from errors import GatewayRejected

            raise GatewayRejected("timed out", "timeout", 400) from error

    old = swap(stack, GhalaGateway, "start", start)
    failure_is_final(stack)


def failure_is_final(stack: Planting) -> None:
    """After a failure no success is believed."""

    def succeeded(session: Session, order: Order, payment: Payment, *rest: Any, **more: Any) -> News:
        if payment.status in {"failed", "expired"}:
            return News(outcome="ignored")
        news: News = old(session, order, payment, *rest, **more)
        return news

    old = swap(stack, payment_service, "_succeeded", succeeded)


def no_reconcile(stack: Planting) -> None:
    """The gateway is never asked."""

    def ask(self: Any, payment_id: int) -> None:
        with self._database.writing() as session:
            session.execute(update(Payment).where(Payment.id == payment_id).values(next_ask_at=None))

    swap(stack, PaymentDesk, "ask", ask)


def unmatched_is_dropped(stack: Planting) -> None:
    """Money that fits nothing is forgotten."""
    swap(stack, payment_service, "unmatched", lambda *_, **__: False)


def unparked(stack: Planting) -> None:
    """News of an order nobody knows yet is thrown away."""

    def park(self: Any, session: Session, event: Any, gateway: str, notice: Any, news_of: Any) -> None:
        inbox.finish(session, [event.id], "ignored")

    swap(stack, PaymentDesk, "_park", park)


def refund_due_forgotten(stack: Planting) -> None:
    """Money for a closed or paid order is not written down."""

    def book(session: Session, kind: str, *rest: Any) -> bool:
        return bool(old(session, kind, *rest)) if kind != "refund_due" else True

    old = swap(stack, payment_service, "_book", book)


def double_refund_due(stack: Planting) -> None:
    """Money due back is written down twice."""

    def book(session: Session, kind: str, payment: Payment, reference: str, *rest: Any) -> bool:
        if kind == "refund_due":
            old(session, kind, payment, reference, *rest)
            session.execute(
                insert(session, MoneyEvent).values(
                    shop_id=payment.shop_id,
                    kind="unmatched",
                    gateway=payment.gateway,
                    transaction_ref=reference,
                    payment_id=payment.id,
                    amount=payment.amount,
                    amount_text="",
                    currency=payment.currency,
                    reason="again",
                    created_at=clock(),
                )
            )
            return True
        return bool(old(session, kind, payment, reference, *rest))

    old = swap(stack, payment_service, "_book", book)


def every_success_is_new(stack: Planting) -> None:
    """A success told twice is money that came twice."""
    count = iter(range(10**9))

    def repeated(session: Session, payment: Payment, reference: str, placeholder: str, *rest: Any) -> News:
        news: News = old(session, payment, f"{reference}:{next(count)}", f"{placeholder}:no", *rest)
        return news

    old = swap(stack, payment_service, "_repeated", repeated)


def paying_twice_books_twice(stack: Planting) -> None:
    """A paid order may be paid again."""

    def mark_paid(session: Session, order: Order, amount: int) -> bool:
        return order.status == "paid" or bool(old(session, order, amount))

    old = swap(stack, order_service, "mark_paid", mark_paid)


def two_prompts(stack: Planting) -> None:
    """An open payment does not keep a second one away."""
    old = payment_service.request

    def request(session: Session, shop_id: int, order_ref: str, *args: Any, **kwargs: Any) -> Payment:
        order = order_service.lock_by_ref(session, shop_id, order_ref)
        session.execute(
            update(Payment)
            .where(Payment.order_id == order.id, Payment.status.in_(["created", "pending", "unknown"]))
            .values(status="expired", reason="replaced")
        )
        return old(session, shop_id, order_ref, *args, **kwargs)

    swap(stack, payment_service, "request", request)


def starts_in_two_hands(stack: Planting) -> None:
    """The key is made anew by whoever starts the payment."""
    count = iter(range(10**9))

    def claim(self: Any, payment_id: int) -> Any:
        taken = old(self, payment_id)
        if taken is None:
            return None
        charge, *rest = taken
        return (replace(charge, key=f"{charge.key}:{next(count)}"), *rest)

    old = swap(stack, PaymentDesk, "_claim", claim)


def refused_is_started(stack: Planting) -> None:
    """A gateway that could not be reached counts as one that took the charge and failed."""

    def start(self: Any, charge: Any) -> Any:
        try:
            return old(self, charge)
        except (GatewayUnavailable, OutcomeUnknown):
            from payments.gateways.base import Started

            return Started(f"guess_{charge.ref}")

    old = swap(stack, GhalaGateway, "start", start)


def words_are_money(stack: Planting) -> None:
    """Saying that one has paid pays."""

    def ask(self: Any, session: Session, answer: Any, ref: str) -> Any:
        payment = payment_service.latest(session, answer.claim.shop_id, ref)
        if payment is not None and payment.status == "pending":
            from payments.gateways.base import PaymentUpdate

            payment_service.apply(session, payment.id, PaymentUpdate("succeeded"))
        return old(self, session, answer, ref)

    old = swap(stack, Performer, "_ask", ask)


def logs_say_all(stack: Planting) -> None:
    """Whoever answers writes down whom."""

    def claim(self: Any, event_ids: Any) -> Any:
        made = old(self, event_ids)
        for one in made:
            shell.log.info("claimed %s %s", one.name, one.customer_key[:6])
            shell.log.info("claimed 4111 1111")
        return made

    old = swap(stack, ConversationShell, "claim", claim)


@dataclass(frozen=True)
class Mutant:
    """A planted bug; ``kinds`` are fault kinds switched on besides what the seed chose."""

    patch: Patch
    kinds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return self.patch.__name__


MUTANTS: Final = tuple(
    Mutant(patch, kinds)
    for patch, kinds in (
        (no_dedupe, ("message.duplicate",)),
        (dedupe_by_delivery_only, ("message.new_delivery_id",)),
        (ack_before_commit, ("db.outage", "db.busy", "db.commit_failed")),
        (unsigned_is_fine, ("message.bad_signature", "callback.forged")),
        (no_sweeper, ("bell.lost",)),
        (no_fence, ("worker.paused", "clock.forward", "bell.doubled")),
        (no_lease, ("bell.doubled", "db.slow")),
        (no_order, ("message.reordered", "bell.delayed", "message.together")),
        (stale_copies, ("copy.stale", "copy.foreign")),
        (forgets_the_answer, ()),
        (finishes_in_another_transaction, ()),
        (sent_before_sending, ("send.refused", "send.server_error")),
        (unknown_is_sent, ("send.timeout_before",)),
        (new_key_per_send, ("send.timeout_after", "send.garbage")),
        (receipt_without_unique_key, ("callback.duplicate", "callback.new_id")),
        (receipt_dies, ("send.refused", "send.server_error")),
        (template_under_the_same_key, ("send.window_refused",)),
        (status_downgrades, ("status.reordered", "status.duplicate")),
        (early_status_is_dropped, ("status.early",)),
        (oversell, ()),
        (expiry_forgets_stock, ()),
        (paid_orders_expire, ()),
        (two_orders_of_one_cart, ("worker.paused", "clock.forward")),
        (totals_drift, ()),
        (forgets_who_waits, ()),
        (tells_twice, ()),
        (retention_takes_all, ()),
        (retention_forgets_open_money, ("mpesa.wrong_amount",)),
        (no_amount_check, ("mpesa.wrong_amount",)),
        (new_key_per_start, ("order.timeout_after", "order.garbage")),
        (unknown_is_failed, ("order.timeout_after", "order.garbage")),
        (failure_is_final, ("mpesa.late_success",)),
        (no_reconcile, ("callback.lost",)),
        (unmatched_is_dropped, ("mpesa.wrong_amount", "callback.unknown_order")),
        (unparked, ("callback.unknown_order", "order.callback_first")),
        (refund_due_forgotten, ("mpesa.paid_twice", "mpesa.late_success")),
        (double_refund_due, ("mpesa.paid_twice", "mpesa.late_success")),
        (every_success_is_new, ("callback.duplicate", "callback.new_id")),
        (paying_twice_books_twice, ("mpesa.paid_twice", "mpesa.late_success", "mpesa.slow")),
        (two_prompts, ("mpesa.no_answer", "mpesa.slow", "mpesa.late_success")),
        (starts_in_two_hands, ("order.timeout_after", "order.server_error", "order.garbage")),
        (refused_is_started, ("order.refused", "order.timeout_before", "order.timeout_after")),
        (words_are_money, ("mpesa.no_answer", "mpesa.slow")),
        (logs_say_all, ()),
    )
)


@dataclass(frozen=True)
class Verdict:
    """What became of a hunt: *caught*, *survived*, *broken* or *no result*, after so many seeds, and why."""

    name: str
    outcome: str
    tried: int
    why: str
    seconds: float = 0.0


@contextmanager
def planted(mutant: Mutant) -> Iterator[Planting]:
    """The shop with this bug."""
    with Planting() as stack:
        mutant.patch(stack)
        yield stack


def hunt(mutant: Mutant, seeds: Sequence[int], customers: int = CUSTOMERS) -> Verdict:
    """Try seeds until one sees the bug."""
    calls = 0
    for tried, seed in enumerate(seeds, start=1):
        try:
            with planted(mutant) as planting:
                result = Simulation(seed, customers, also=mutant.kinds).run()
        except BrokenMutant as error:
            return Verdict(mutant.name, "broken", tried, str(error))
        calls += planting.calls.total()
        if planting.mistakes:
            return Verdict(mutant.name, "broken", tried, planting.mistakes[0])
        if result.violations:
            return Verdict(mutant.name, "caught", tried, result.violations[0])
    if not calls:
        return Verdict(mutant.name, "broken", len(seeds), "never called")
    return Verdict(mutant.name, "survived", len(seeds), "")


def _overtime(*_: object) -> None:
    raise TooLong


def told(name: str) -> Verdict:
    """Hunt one mutant in a process that does nothing else, for as long as is reasonable."""
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    began = time.process_time()
    signal.signal(signal.SIGPROF, _overtime)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        verdict = hunt(mutant, range(1, SEEDS + 1))
    except TooLong:
        verdict = Verdict(name, "no result", 0, f"{MOST_SECONDS:.0f} seconds of work were not enough")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return replace(verdict, seconds=time.process_time() - began)


def main(names: Sequence[str], processes: int = 2) -> int:
    """Hunt the named mutants, or all; prints a table. 0 when an invariant caught every one."""
    known = [mutant.name for mutant in MUTANTS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        print(f"no planted bugs are called {', '.join(unknown)}")
        return 2
    chosen = [name for name in known if not names or name in names]
    verdicts = []
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for verdict in pool.imap_unordered(told, chosen):
            print(
                f"{verdict.name:34} {verdict.outcome:9} {verdict.tried:2} seeds {verdict.seconds:5.0f} s"
                f"  {verdict.why[:110]}",
                flush=True,
            )
            verdicts.append(verdict)
    counts = Counter(verdict.outcome for verdict in verdicts)
    print(f"{len(chosen)} planted bugs: {', '.join(f'{count} {what}' for what, count in counts.items())}")
    for verdict in verdicts:
        if verdict.outcome != "caught":
            print(f"  {verdict.outcome}: {verdict.name}")
    return int(counts["caught"] < len(chosen))
