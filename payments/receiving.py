"""Money that no machine tells of: somebody of the shop has it in hand and says so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import audit
from db.models import Payment
from db.refs import Refs
from errors import RuleBroken
from orders import service as order_service
from payments import gateways, service
from payments.gateways.base import PaymentUpdate
from payments.service import News


class NotReceivable(RuleBroken):
    """This money cannot be recorded; ``code`` says why: ``not_by_hand`` or ``wrong_amount``."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Received:
    """What recording did: the payment's reference, what it came to (``service.apply``), and whom to ring."""

    payment_ref: str
    outcome: str
    news: News


def record(
    session: Session,
    shop_id: int,
    order_ref: str,
    amount: int,
    *,
    actor: str,
    refs: Refs,
    key: str = "",
    method: str = "cash",
    reference: str = "",
) -> Received:
    """Book money for an order on the word of ``actor``, under the rules of every payment.

    Args:
        session: a writing transaction.
        shop_id: the shop.
        order_ref: the order it pays.
        amount: what was received, in minor units; it must be the order's total.
        actor: who says so.
        refs: names the payment.
        key: makes one click one payment.
        method: a way to pay that is recorded by hand.
        reference: a receipt's number, if there is one.

    Raises:
        UnknownOrder: no such order.
        NotReceivable: machines tell of this method, or the amount is another.
        PaymentRefusal: the order is paid or closed, or another payment of it is open.
    """
    known = gateways.methods().get(method)
    if known is None or not known[0].by_hand:
        raise NotReceivable("not_by_hand", f"{method} is not recorded by hand")
    act = audit.begin(session, shop_id, actor, "payment_recorded", order_ref, key)
    if act.repeated:
        return Received(act.after["payment"], act.after["outcome"], News())
    order = order_service.lock_by_ref(session, shop_id, order_ref)
    if amount != order.total:
        raise NotReceivable("wrong_amount", f"order {order_ref} costs {order.total}, not {amount}")
    payment = session.scalars(
        select(Payment)
        .where(Payment.order_id == order.id, Payment.method == method, Payment.status != "succeeded")
        .order_by(Payment.id.desc())
        .limit(1)
    ).first()
    if payment is None or order.status not in {"pending_payment", "cancelled", "expired"}:
        payment = service.request(session, shop_id, order_ref, method, None, refs=refs)
    before = {"status": order.status, "paymentStatus": order.payment_status}
    news = service.apply(
        session,
        payment.id,
        PaymentUpdate(
            "succeeded",
            payment_ref=payment.ref,
            amount=amount,
            currency=order.currency,
            transaction_ref=reference or payment.ref,
        ),
    )
    after = {"payment": payment.ref, "outcome": news.outcome, "amount": amount, "reference": reference}
    audit.finish(session, act, before=before, after=after)
    return Received(payment.ref, news.outcome, news)
