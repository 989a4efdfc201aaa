"""Where refunds meet their gateways: calls between transactions, never inside one.

A refund is ``pending`` before its first call goes out. Whoever finds it so afterwards asks first, and repeats the
call under the same key only when the gateway has never heard of it.
"""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from db import Database, clock
from db.bell import Bell
from db.models import Pause, Payment, Refund
from db.types import word
from errors import GatewayError, GatewayRejected
from payments import gateways as registry
from payments import refunds, service
from payments.gateways.base import Refunds, RefundUpdate, Repayment
from payments.service import CALL_LEASE, GIVE_UP_AFTER

log = logging.getLogger("duka.payments")

ABOUT_US: Final = frozenset({None, 401, 403, 429})
"""Refusals that say nothing of the refund."""


class RefundDesk:
    """Takes requested refunds to their gateways and asks what became of them.

    Args:
        database: where refunds live.
        gateways: by name, for all shops or found by shop.
        bell: rung for the conversation after each commit.
    """

    def __init__(self, database: Database, gateways: registry.Gateways, bell: Bell) -> None:
        self._database = database
        self._gateways = gateways
        self._bell = bell

    def send(self, refund_id: int) -> None:
        """Take a due refund one step further; repeating is harmless."""
        with self._database.writing() as session:
            claimed = self._claim(session, refund_id)
        if claimed is None:
            return
        repayment, gateway, fresh = claimed
        try:
            answer = None if fresh else gateway.ask_refund(repayment)
            answer = answer or gateway.refund(repayment)
        except GatewayRejected as error:
            log.warning("refund_rejected", extra={"refund_id": refund_id, "reason": error.reason})
            said = (
                None
                if error.status in ABOUT_US
                else RefundUpdate("failed", reason=error.reason or str(error))
            )
            self._write(refund_id, said)
        except GatewayError:
            self._write(refund_id, None)
        else:
            self._write(refund_id, answer)

    def _claim(self, session: Session, refund_id: int) -> tuple[Repayment, Refunds, bool] | None:
        taken = session.execute(
            update(Refund)
            .where(
                Refund.id == refund_id,
                Refund.status.in_([word("requested"), word("pending")]),
                Refund.next_at <= clock(),
                ~exists().where(Pause.shop_id == Refund.shop_id),
            )
            .values(next_at=clock(CALL_LEASE), asks=Refund.asks + 1)
            .returning(Refund.status)
        ).first()
        if taken is None:
            return None
        refund = session.get_one(Refund, refund_id)
        payment = session.get_one(Payment, refund.payment_id)
        gateway = registry.of_shop(self._gateways, payment.shop_id)[payment.gateway]
        if not isinstance(gateway, Refunds):  # it could when this was asked for: now a person does
            session.execute(update(Refund).where(Refund.id == refund_id).values(next_at=None))
            return None
        fresh = refund.status == "requested"
        if fresh:
            session.execute(
                update(Refund)
                .where(Refund.id == refund_id, Refund.status == word("requested"))
                .values(status="pending", updated_at=clock())
            )
        repayment = Repayment(
            key=refund.key,
            amount=refund.amount,
            currency=refund.currency,
            payment_ref=payment.ref,
            payment_gateway_ref=payment.gateway_ref,
            transaction_ref=payment.transaction_ref,
            reason=refund.reason,
            gateway_ref=refund.gateway_ref,
        )
        return repayment, gateway, fresh

    def _write(self, refund_id: int, answer: RefundUpdate | None) -> None:
        """Write down what came back; no answer is no answer, and is asked about later."""
        with self._database.writing() as session:
            if answer is not None and answer.status == "succeeded":
                refund = session.get_one(Refund, refund_id)
                reference = answer.transaction_ref or answer.gateway_ref or refund.key
                news = refunds.succeeded(session, refund_id, reference, answer.gateway_ref)
            elif answer is not None and answer.status == "failed":
                refunds.failed(session, refund_id, answer.reason)
                news = service.News()
            else:
                self._later(session, refund_id, None if answer is None else answer.gateway_ref)
                news = service.News()
        for event_id in news.event_ids:
            self._bell.inbox("internal", event_id)

    @staticmethod
    def _later(session: Session, refund_id: int, gateway_ref: str | None) -> None:
        row = session.execute(
            select(Refund.updated_at, clock().label("now"), Refund.gateway_ref).where(
                Refund.id == refund_id, Refund.status == word("pending")
            )
        ).first()
        if row is None:
            return
        age = (row.now - row.updated_at).total_seconds()
        again = clock(service.wait_before_asking(age)) if age < GIVE_UP_AFTER else None
        session.execute(
            update(Refund)
            .where(Refund.id == refund_id, Refund.status == word("pending"))
            .values(next_at=again, gateway_ref=gateway_ref or row.gateway_ref)
        )
