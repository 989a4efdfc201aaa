"""Closing what reconciliation found, once a person has dealt with it."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import AuditEntry, MoneyEvent, Payment
from db.types import clock, word
from errors import RuleBroken
from payments import service
from payments.service import News

_MONEY: Final = re.compile(r"M([0-9]{1,18})", re.ASCII)


class NothingToSettle(RuleBroken):
    """There is nothing open by this name."""

    code = "nothing_to_settle"


def settle(session: Session, what: str, because: str, *, actor: str) -> News:
    """Close money that was kept for the owner (``M12``) or a payment under review (``PAY-…``), with a reason.

    Returns what the customer is to be told, if anything.

    Raises:
        NothingToSettle: it is not there, or settled before.
    """
    named = _MONEY.fullmatch(what)
    if named:
        shop_id = session.scalar(
            update(MoneyEvent)
            .where(
                MoneyEvent.id == int(named[1]),
                MoneyEvent.kind.in_([word("unmatched"), word("refund_due")]),
                MoneyEvent.settled_at.is_(None),
            )
            .values(settled_at=clock())
            .returning(MoneyEvent.shop_id)
        )
        news = News()
    else:
        payment = session.scalars(select(Payment).where(Payment.ref == what)).first()
        news = News() if payment is None else service.settle_review(session, payment)
        shop_id = payment.shop_id if payment is not None and news.outcome == "failed" else None
    if shop_id is None:
        raise NothingToSettle(f"nothing open is called {what}")
    session.add(
        AuditEntry(
            shop_id=shop_id,
            actor=actor,
            action="settle",
            subject=what,
            before=None,
            after={"because": because[:500]},
            created_at=clock(),
        )
    )
    return news
