"""Where payments meet their gateways: calls between transactions, never inside one.

Each step may die anywhere and be done again: what was stored before the call (the payment and its
key) makes the repetition the same call.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import Float, bindparam, exists, select, update
from sqlalchemy.orm import Session

import observing
from db import Database, clock, inbox
from db.bell import Bell
from db.models import Customer, Order, Pause, Payment, Shop
from db.statements import learn, table
from db.types import word
from errors import GatewayError, GatewayRejected, GatewayUnavailable, MalformedWebhook, OutcomeUnknown
from ghala import strict_json
from payments import gateways as registry
from payments import service
from payments.gateways.base import Charge, HearsWebhooks, Notice, PaymentGateway, PaymentUpdate
from payments.reasons import UNAVAILABLE
from payments.reasons import reason as reason_for
from payments.refund_desk import RefundDesk
from payments.service import CALL_LEASE, GIVE_UP_AFTER
from records import replace

log = logging.getLogger("duka.payments")

PARKED_FOR: Final = 600.0
"""Seconds an event about an order we do not know may wait for us to learn it."""
START_TRIES: Final = 5
NOT_CALLED: Final = UNAVAILABLE
"""The reason of a payment whose last call certainly had no effect over there."""
UNCONFIRMED_TRIES: Final = 8
"""How often the gateway may contradict a signed success before its money is kept for the owner."""
NOT_ABOUT_THE_CHARGE: Final = frozenset({None, 401, 403, 404, 409})
NO_ANSWER: Final = frozenset({None, 401, 403})
"""Refusals that are about us, not about the payment."""

_PAYMENTS, _PAUSES = table(Payment).c, table(Pause).c
_TAKE_TURN = (
    update(table(Payment))
    .where(_PAYMENTS.id == bindparam("payment"), _PAYMENTS.next_ask_at <= clock())
    .values(next_ask_at=clock(CALL_LEASE))
    .returning(_PAYMENTS.id)
)


_TAKE = (
    update(table(Payment))
    .where(
        _PAYMENTS.id == bindparam("payment"),
        _PAYMENTS.status == word("created"),
        _PAYMENTS.next_ask_at <= clock(),
        ~exists().where(_PAUSES.shop_id == _PAYMENTS.shop_id),
    )
    .values(next_ask_at=clock(CALL_LEASE), asks=_PAYMENTS.asks + 1, reason="")
    .returning(_PAYMENTS.asks)
)
_NAME = update(table(Payment)).where(_PAYMENTS.id == bindparam("payment"), _PAYMENTS.gateway_ref.is_(None))
_CURRENCY = select(table(Shop).c.currency).where(table(Shop).c.id == bindparam("shop"))


class PaymentDesk:
    """Takes stored payments to their gateways and applies what comes back.

    Args:
        database: where payments live.
        gateways: by name, for all shops or found by shop.
        bell: rung for the conversation after each commit.
    """

    def __init__(self, database: Database, gateways: registry.Gateways, bell: Bell) -> None:
        self._database = database
        self._gateways = gateways
        self._bell = bell
        self.refunds = RefundDesk(database, gateways, bell)

    def start(self, payment_id: int) -> None:
        """Take a created payment to its gateway, once; repeating is harmless.

        A paused shop starts none, and nobody is prompted for an order that is closed or paid by now.
        """
        claimed = self._claim(payment_id)
        if claimed is None:
            return
        charge, gateway, tries = claimed
        try:
            answer = gateway.start(charge)
        except GatewayUnavailable as error:
            self._not_started(payment_id, tries, error)
        except GatewayRejected as error:
            log.warning("payment_rejected", extra={"payment_ref": charge.ref, "reason": error.reason})
            said = error.reason
            if said == "unauthorized":  # our key is refused, not the customer
                log.error("ghala_unauthorised", extra={"status": error.status})  # noqa: TRY400
                said = "unavailable"
            self._apply(payment_id, PaymentUpdate("failed", reason=reason_for(said or "unavailable")))
        except OutcomeUnknown:
            log.warning("payment_outcome_unknown", extra={"payment_ref": charge.ref})
            with self._database.writing() as session:
                news = service.outcome_unknown(session, payment_id)
            self._ring(news)
        else:
            with self._database.writing() as session:
                news = service.started(session, payment_id, answer)
                link = (
                    service.tell_link(session, payment_id)
                    if answer.link and charge.method == "card"
                    else None
                )
            self._ring(news)
            if link is not None:
                self._bell.inbox("internal", link)

    def _not_started(self, payment_id: int, tries: int, error: GatewayUnavailable) -> None:
        """Nothing happened over there: try again soon, and in the end say that it did not work."""
        if tries >= START_TRIES:
            self._apply(payment_id, PaymentUpdate("failed", reason=NOT_CALLED))
            return
        delay = error.retry_after if error.retry_after is not None else 2.0**tries
        with self._database.writing() as session:
            session.execute(
                update(Payment)
                .where(Payment.id == payment_id, Payment.status == word("created"))
                .values(next_ask_at=clock(min(delay, 60.0)), reason=NOT_CALLED)
            )

    def ask(self, payment_id: int) -> bool:
        """Ask the gateway what became of a payment that is due, and apply the answer.

        Says whether there was an answer, or none is needed.
        """
        with self._database.writing() as session:
            payment = session.get(Payment, payment_id)
            if payment is None or payment.status == "succeeded":
                return True
            if payment.gateway_ref is None and session.get(Pause, payment.shop_id) is not None:
                return False  # asking without the gateway's own name for it could start it
            created = payment.status == "created"
            if not created and not self._take_turn(session, payment_id):
                return False
            charge = _charge(session, session.get_one(Order, payment.order_id), payment)
            gateway = registry.of_shop(self._gateways, payment.shop_id)[payment.gateway]
            # A payment that is over and whose order we never learnt is not asked about: asking would charge anew.
            known = charge.gateway_ref is not None or payment.status == "unknown"
        if created:
            self.start(payment_id)
            return True
        update_, answered = self._question(gateway, charge) if known else (None, False)
        with self._database.writing() as session:
            news = (
                service.unanswered(session, payment_id, known=known)
                if update_ is None
                else service.apply(session, payment_id, update_, by_query=True)
            )
            service.asked(session, payment_id)
        self._ring(news)
        return answered

    @staticmethod
    def _take_turn(session: Session, payment_id: int) -> bool:
        taken = session.execute(_TAKE_TURN, {"payment": payment_id}).first()
        return taken is not None

    @staticmethod
    def _question(gateway: PaymentGateway, charge: Charge) -> tuple[PaymentUpdate | None, bool]:
        """What the gateway says about the money, if anything, and whether it answered at all."""
        try:
            return gateway.ask(charge), True
        except GatewayRejected as error:
            log.warning("payment_ask_rejected", extra={"payment_ref": charge.ref, "reason": error.reason})
            # A refused repetition of the first call is final; a refused question says nothing of the money.
            final = charge.gateway_ref is None and error.status not in NOT_ABOUT_THE_CHARGE
            answered = error.status not in NO_ANSWER
            return (PaymentUpdate("failed", reason=reason_for(error.reason)) if final else None), answered
        except GatewayError:
            return None, False

    def process(self, event_id: int) -> None:
        """Apply one payment webhook: match, confirm where the signature cannot be enough, book."""
        with self._database.writing() as session:
            event = inbox.claim(session, event_id)
            if event is None:
                return
            gateway = registry.of_shop(self._gateways, event.shop_id)[registry.heard_from(event.source)]
            currency = session.execute(_CURRENCY, {"shop": event.shop_id}).scalar_one()
            notice = _read(gateway, event, currency)
            if notice.news is None:
                inbox.finish(session, [event.id], "ignored", notice.event[:64])
                return
            news_of, status = notice.news, notice.news.status
            payment_id, trusted = _find(session, event, gateway.name, news_of)
            if payment_id is None:
                self._park(session, event, gateway.name, notice, news_of)
                return
            order, payment = service.lock(session, payment_id)
            charge = _charge(session, order, payment)
            broken = _unfit(payment, news_of) if status == "succeeded" else ""
            if broken:
                self._keep(session, event, gateway.name, payment, news_of, broken, notice.amount_text)
                return
            if status == "pending" and not trusted:
                inbox.finish(session, [event.id], "ignored", "pending, by hint only")
                return
            unsure = not trusted or event.lane == "late"
            ask = (unsure and status != "pending") or (status == "succeeded" and gateway.confirms_webhooks)
            if not ask:
                inbox.finish(session, [event.id])
                news = self._book(session, event.id, order, payment, news_of)
        if ask:
            confirmed = self._confirm(gateway, charge, news_of, trusted=trusted)
            if confirmed is None or (status, confirmed.status) == ("succeeded", "failed"):
                patience = event.attempts < UNCONFIRMED_TRIES if confirmed else event.age < GIVE_UP_AFTER
                self._wait(event, news_of, payment_id, notice.amount_text, patience=patience)
                return
            news_of = replace(
                confirmed,
                transaction_ref=news_of.transaction_ref or confirmed.transaction_ref,
                amount=confirmed.amount if confirmed.amount is not None else news_of.amount,
                currency=confirmed.currency or news_of.currency,
                reason=confirmed.reason if confirmed.status == "failed" else "",
            )
            with self._database.writing() as session:
                if inbox.finish(session, [event.id]) == 0:
                    return
                order, payment = service.lock(session, payment_id)
                news = self._book(session, event.id, order, payment, news_of, by_query=True)
        log.info("payment_event_applied", extra={"payment_ref": charge.ref, "outcome": news.outcome})
        self._ring(news)

    @staticmethod
    def _book(
        session: Session,
        event_id: int,
        order: Order,
        payment: Payment,
        news_of: PaymentUpdate,
        *,
        by_query: bool = False,
    ) -> service.News:
        """Apply the news of an event that is closed in the same transaction."""
        if news_of.gateway_ref and payment.gateway_ref is None:
            learnt = {"gateway_ref": news_of.gateway_ref}
            session.execute(_NAME, {"payment": payment.id, **learnt})
            learn(session, payment, learnt)
        return service.apply_locked(session, order, payment, news_of, event_id, by_query=by_query)

    def _confirm(
        self, gateway: PaymentGateway, charge: Charge, news_of: PaymentUpdate, *, trusted: bool
    ) -> PaymentUpdate | None:
        """Ask the gateway about the order the event names; ``None`` while it does not confirm anything final."""
        named = replace(charge, gateway_ref=news_of.gateway_ref or charge.gateway_ref)
        if named.gateway_ref is None:
            return None  # asking without a name would be charging
        try:
            answer = gateway.ask(named)
        except GatewayError:
            return None
        if not trusted and answer.payment_ref != charge.ref:
            return None
        return None if answer.status == "pending" else answer

    def _wait(
        self,
        event: inbox.WaitingEvent,
        news_of: PaymentUpdate,
        payment_id: int,
        amount_text: str,
        *,
        patience: bool,
    ) -> None:
        """The gateway does not say so (yet): leave the event for the next question, while there is patience."""
        with self._database.writing() as session:
            if patience:
                inbox.postpone(session, [event.id], min(2.0 ** (event.attempts - 1), 300.0), "not confirmed")
                return
            payment = session.get_one(Payment, payment_id)
            if news_of.status == "succeeded" and payment.status != "succeeded":
                self._keep(session, event, payment.gateway, payment, news_of, "not_confirmed", amount_text)
            else:
                inbox.finish(session, [event.id], error="not confirmed")

    def _keep(
        self,
        session: Session,
        event: inbox.WaitingEvent,
        gateway: str,
        payment: Payment | None,
        news_of: PaymentUpdate,
        reason: str,
        amount_text: str,
    ) -> None:
        """Close an event whose money fits nothing of ours, and keep the money for the owner."""
        service.unmatched(
            session,
            event.shop_id,
            gateway,
            news_of,
            reason,
            event.id,
            payment=payment,
            amount_text=amount_text,
        )
        inbox.finish(session, [event.id], error=reason)
        log.warning(
            "money_unmatched", extra={"payment_ref": payment.ref if payment else "", "reason": reason}
        )

    def _park(
        self,
        session: Session,
        event: inbox.WaitingEvent,
        gateway: str,
        notice: Notice,
        news_of: PaymentUpdate,
    ) -> None:
        """Nobody we know: wait for us to learn the order's id, then keep the money for the owner."""
        if event.age < PARKED_FOR:
            inbox.postpone(session, [event.id], min(15.0 * event.attempts, 120.0), "unknown order")
            return
        if news_of.status == "succeeded":
            self._keep(session, event, gateway, None, news_of, "unknown_order", notice.amount_text)
        else:
            inbox.finish(session, [event.id], error="unknown order")

    def _claim(self, payment_id: int) -> tuple[Charge, PaymentGateway, int] | None:
        with self._database.writing() as session:
            order, payment = service.lock(session, payment_id)
            maybe_called = payment.asks > 0 and payment.reason != NOT_CALLED
            taken = session.execute(_TAKE, {"payment": payment_id}).first()
            if taken is None:
                return None
            if order.status == "pending_payment" or maybe_called:
                # What may have been called before is found out about by the same call, whatever became of the order.
                gateway = registry.of_shop(self._gateways, payment.shop_id)[payment.gateway]
                return _charge(session, order, payment), gateway, taken.asks
            wanted = service.no_longer_wanted(session, order, payment)
        log.info("payment_no_longer_wanted", extra={"payment_ref": payment.ref, "outcome": order.status})
        self._ring(wanted)
        return None

    def _apply(self, payment_id: int, update_: PaymentUpdate) -> None:
        with self._database.writing() as session:
            news = service.apply(session, payment_id, update_)
        self._ring(news)

    def _ring(self, news: service.News) -> None:
        if news.outcome == "needs_review":
            log.error("payment_needs_review")
        for event_id in news.matched:
            self._bell.inbox("payment", event_id)
        for event_id in news.event_ids:
            self._bell.inbox("internal", event_id)


def _unfit(payment: Payment, news_of: PaymentUpdate) -> str:
    """Why an event saying "paid" cannot be about this payment: it must name amount and currency itself."""
    if news_of.amount is None or news_of.currency is None:
        return "no_amount" if news_of.amount is None else "no_currency"
    return service.mismatch_of(payment, news_of)


_DUE = (
    select(_PAYMENTS.id, _PAYMENTS.status)
    .where(
        _PAYMENTS.next_ask_at.is_not(None),
        _PAYMENTS.next_ask_at <= clock(),
        _PAYMENTS.gateway_ref.is_not(None) | ~exists().where(_PAUSES.shop_id == _PAYMENTS.shop_id),
        # One that was tried before waits for its time only; somebody is on the way to a fresh one.
        (_PAYMENTS.status != "created")
        | (_PAYMENTS.asks > 0)
        | (_PAYMENTS.next_ask_at <= clock(bindparam("older", type_=Float()))),
    )
    .order_by(_PAYMENTS.next_ask_at)
    .limit(bindparam("most"))
)


def due(session: Session, overdue: float = 0.0, most: int = 200) -> list[tuple[int, str]]:
    """Payments to be asked about or tried again now, or for ``overdue`` seconds not taken to their gateway."""
    rows = session.execute(_DUE, {"older": -overdue, "most": most})
    return [(row.id, row.status) for row in rows]


_PHONE = select(table(Customer).c.phone).where(table(Customer).c.id == bindparam("customer"))


def _charge(session: Session, order: Order, payment: Payment) -> Charge:
    observing.add(payment_ref=payment.ref, order_ref=order.ref)
    phone = payment.phone or session.execute(_PHONE, {"customer": order.customer_id}).scalar_one()
    return Charge(
        ref=payment.ref,
        key=payment.key,
        method=payment.method,
        phone=phone,
        amount=payment.amount,
        currency=payment.currency,
        description=f"Order {order.ref}",
        gateway_ref=payment.gateway_ref,
    )


def _read(gateway: PaymentGateway, event: inbox.WaitingEvent, currency: str) -> Notice:
    """The event in its gateway's own words.

    Raises:
        MalformedWebhook: this gateway sends no such thing.
    """
    if not isinstance(gateway, HearsWebhooks):
        raise MalformedWebhook(f"{gateway.name} sends no webhooks")
    return gateway.read(strict_json.parse_object(event.raw), currency)


_OURS = select(_PAYMENTS.id).where(
    _PAYMENTS.shop_id == bindparam("shop"), _PAYMENTS.gateway == bindparam("whose")
)
_BY_GATEWAY_REF = _OURS.where(_PAYMENTS.gateway_ref == bindparam("name"))
_BY_REF = _OURS.where(_PAYMENTS.ref == bindparam("name"))
_BY_HINT = _BY_REF.where(_PAYMENTS.gateway_ref.is_(None))


def _find(
    session: Session, event: inbox.WaitingEvent, gateway: str, news_of: PaymentUpdate
) -> tuple[int | None, bool]:
    """The id of the payment an event is about, and whether the signed body itself says so."""
    for by, name, trusted in (
        (_BY_GATEWAY_REF, news_of.gateway_ref, True),
        (_BY_REF, news_of.payment_ref, True),
        (_BY_HINT, event.hint, False),
    ):
        if name is not None:
            what = {"shop": event.shop_id, "whose": gateway, "name": name}
            known = session.execute(by, what).scalar()
            if known is not None:
                return known, trusted
    return None, False
