"""Doing what was decided: effects are carried out by the rooms below, and what comes of each is a new event."""

from __future__ import annotations

from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from bot.answer import Answer
from bot.claims import Claim
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
    SetStopped,
    WaitForStock,
)
from bot.events import (
    CancelRefused,
    DeliveryNoted,
    Event,
    ForgetAnswered,
    OrderCancelled,
    OrderPlaced,
    OrderRated,
    OrderRefused,
    OrdersFound,
    PaymentRefused,
    PaymentRequested,
)
from catalog import stock_waits
from db import clock
from db.models import Customer
from db.refs import Refs
from errors import FlowError, OutOfStock, RuleBroken
from keeping import privacy
from orders import placing, ratings, reading
from orders import service as order_service
from orders.order import OrderView
from orders.promotions import PromotionUsedUp
from orders.status import CANCELLABLE
from payments import cancelling
from payments import service as payment_service
from payments.service import PaymentRefusal

OWN: Final[frozenset[type]] = frozenset(
    {AddToDelivery, AskGateway, CommentOrder, FindOrders, RateOrder, RequestPayment, SetStopped}
)
"""Effects that lock rows of this customer only: whoever else wants them waits, and never in a circle."""


class Performer:
    """Carries out effects.

    Args:
        refs: names for orders and payments.
    """

    def __init__(self, refs: Refs) -> None:
        self._refs = refs

    def perform(self, session: Session, answer: Answer, effect: Effect) -> Event | None:
        """Do what was decided for the customer of ``answer``; what came of it.

        Raises:
            Apart: not in this transaction, since it locks rows that others want too.
            FlowError: nobody knows such an effect, or an order is gone.
        """
        if type(effect) in OWN:
            answer.begin(session)
        else:
            answer.touch()
        claim = answer.claim
        match effect:
            case PlaceOrder():
                return self._place(session, answer, effect)
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
                return self._request(session, answer, effect)
            case AskGateway(order_ref=ref):
                return self._ask(session, answer, ref)
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

    def _place(self, session: Session, answer: Answer, effect: PlaceOrder) -> Event:
        claim = answer.claim
        wanted = [placing.Wanted(line.product_id, line.quantity, line.seen_price) for line in effect.lines]
        try:
            with session.begin_nested():
                order = placing.place(
                    session,
                    answer.shop,
                    claim.customer_id,
                    wanted,
                    effect.delivery,
                    refs=self._refs,
                    code=effect.promo_code,
                    cart_version=effect.cart_version,
                    language=effect.language,
                    customer_name=answer.conversation.name,
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

    def _request(self, session: Session, answer: Answer, effect: RequestPayment) -> Event:
        claim = answer.claim
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
        answer.payments.append(payment.id)
        return PaymentRequested(
            self._order(session, claim, effect.order_ref), payment.method, payment.phone or ""
        )

    def _ask(self, session: Session, answer: Answer, ref: str) -> Event | None:
        """Ask about the order's payment and, since money may have come another way, the customer's other ones."""
        claim = answer.claim
        asked = payment_service.unsettled(session, claim.shop_id, claim.customer_id)
        payment = payment_service.latest(session, claim.shop_id, ref) if ref else None
        if payment is not None and payment.status != "succeeded":
            asked = [payment.id, *(other for other in asked if other != payment.id)]
            answer.questions += payment_service.ask_soon(session, asked, tell=payment.id)
            return None
        answer.questions += payment_service.ask_soon(session, asked)
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
