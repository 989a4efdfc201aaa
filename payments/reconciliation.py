"""Two-way reconciliation: every shilling has its order, every paid order its shilling and its receipt.

A report looks at what is open, however old, and at everything paid in a period; it reads by index
only. Before it looks, the gateways are asked about recent payments nobody has paid as far as we know,
so that money whose news was lost is booked rather than reported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, case, exists, func, select, update
from sqlalchemy.orm import Session

from db import Database, clock, inbox
from db.models import (
    InboxEvent,
    MoneyEvent,
    Order,
    OutboxMessage,
    Payment,
    ReconciliationRun,
    Refund,
    Shop,
)
from db.statements import insert
from db.types import word
from payments import service
from payments.desk import PaymentDesk

log = logging.getLogger("duka.payments")

DAYS: Final = 3
"""Days a report looks back: as long as a payment is asked about."""
MOST_DAYS: Final = 92
MOST_OF_A_KIND: Final = 200
MOST_QUESTIONS: Final = 50
LONGEST_ASKING: Final = 20.0
"""Seconds after which no further question is begun: a worker that is told to stop has 25."""
RUN_LEASE: Final = 300.0
DAILY_AT: Final = 4
"""Hour of the shop's day from which its daily run is queued."""
RECEIPT_WITHIN: Final = 120.0
CLEAR_WITHIN: Final = 600.0
PERSON_AFTER: Final = 24 * 3600.0
"""Seconds after which a payment nobody can tell about is for a person and no longer for the schedule."""

REMEDIES: Final[dict[str, str]] = {
    "money_without_order": "Find whose money it is by its reference, then give the goods or send it back, and settle it.",
    "refund_due": "Send this amount back to the customer, then settle it.",
    "doubled_payment": "The order was paid more than once: send the second amount back, then settle it.",
    "order_without_money": "Do not deliver yet: look the payment up at the gateway and book or cancel the order.",
    "different_amount": "Compare the order's total with the amount at the gateway and ask for or return the difference.",
    "payment_without_money": "The payment succeeded but its money was not booked: compare it with the gateway's statement.",
    "refunded_twice": "More went back than had come in: ask the customer for the difference.",
    "refund_owed": "Pay this amount back to the customer by hand and settle it as refunded with the transfer's reference, or send it through the gateway.",
    "refund_failed": "The gateway refused to pay back: try again, or pay back by hand and settle it as refunded with the transfer's reference.",
    "refund_waiting": "The gateway is paying back and is asked about it by itself.",
    "refund_unclear": "The gateway has not said for three days whether it paid back: look the refund up there, then settle it.",
    "refund_without_money": "A refund is done but its money is not in the books: compare it with the gateway's statement.",
    "no_receipt": "Nothing confirms this payment to the customer: send them the order's number by hand.",
    "receipt_waiting": "The receipt waits to be sent and will go by itself; if many wait, check the connection to Ghala.",
    "receipt_not_sent": "WhatsApp did not take the receipt: reach the customer another way.",
    "needs_review": "Compare the payment with the gateway's own record, then settle it; no second payment can start meanwhile.",
    "payment_unknown": "The gateway is asked again by itself; do not ask the customer to pay again.",
    "payment_unclear": "The gateway could not tell for a day: look the payment up there before the order expires or is paid again.",
    "unreadable_event": "A payment notice could not be processed; it is tried again now, and the log says why it failed.",
    "found_by_asking": "Nothing to do: the news was lost, the gateway was asked and the money is booked.",
}
"""What a person does about each kind of finding, in one sentence."""

BY_ITSELF: Final = frozenset({"receipt_waiting", "payment_unknown", "found_by_asking", "refund_waiting"})
"""Kinds that need nobody."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not add up; ``subject`` is what to look for, ``settle`` what to call it when settling.

    ``amount`` is in minor units, ``None`` where what was claimed is no amount.
    """

    kind: str
    subject: str
    since: datetime
    amount: int | None = None
    currency: str = ""
    detail: str = ""
    settle: str = ""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return REMEDIES[self.kind]

    @property
    def for_a_person(self) -> bool:
        """Whether it stays as it is until somebody does something."""
        return self.kind not in BY_ITSELF

    def as_json(self) -> dict[str, Any]:
        """Plain data; ``amountMinor`` in minor units."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "since": self.since.isoformat(),
            "amountMinor": self.amount,
            "currency": self.currency,
            "detail": self.detail,
            "settle": self.settle,
            "remedy": self.remedy,
            "forAPerson": self.for_a_person,
        }


@dataclass(frozen=True, slots=True)
class DaySum:
    """What came in on one day of the shop through one gateway, in minor units.

    Everything the gateway took is in exactly one of the three: booked for an order, due back, or unmatched.
    ``refunded`` is what went back that day, whenever it had come and whichever way it went.
    """

    day: date
    gateway: str
    currency: str
    booked: int
    refund_due: int
    unmatched: int
    refunded: int = 0

    @property
    def total(self) -> int:
        """What the gateway's own statement should say came in."""
        return self.booked + self.refund_due + self.unmatched

    def as_json(self) -> dict[str, Any]:
        """Plain data in minor units."""
        return {
            "day": self.day.isoformat(),
            "gateway": self.gateway,
            "currency": self.currency,
            "bookedMinor": self.booked,
            "refundDueMinor": self.refund_due,
            "unmatchedMinor": self.unmatched,
            "totalMinor": self.total,
            "refundedMinor": self.refunded,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconciliation found between ``since`` and ``until``, both included.

    ``more`` names kinds of which only the first ``MOST_OF_A_KIND`` are listed; ``asked`` counts the payments the
    gateways were asked about and ``not_asked`` those there was no time for.
    """

    since: datetime
    until: datetime
    findings: tuple[Finding, ...]
    days: tuple[DaySum, ...]
    more: tuple[str, ...] = ()
    asked: int = 0
    not_asked: int = 0

    @property
    def for_a_person(self) -> int:
        """How many findings stay as they are until somebody does something."""
        return sum(finding.for_a_person for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Plain data, as it is stored and served."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "forAPerson": self.for_a_person,
            "findings": [finding.as_json() for finding in self.findings],
            "more": list(self.more),
            "days": [day.as_json() for day in self.days],
            "asked": self.asked,
            "notAsked": self.not_asked,
        }


@dataclass(slots=True)
class _Search:
    """One look through one shop's period."""

    session: Session
    shop_id: int
    since: datetime
    until: datetime
    findings: list[Finding] = field(default_factory=list)
    more: set[str] = field(default_factory=set)

    def rows(self, kind: str, statement: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        found = self.session.execute(statement.limit(MOST_OF_A_KIND + 1)).all()
        if len(found) > MOST_OF_A_KIND:
            self.more.add(kind)
        return found[:MOST_OF_A_KIND]

    def open_money(self) -> None:
        """Money that fits no order, or that is due back: all of it, however old."""
        statement = (
            select(MoneyEvent, Order.ref.label("order_ref"))
            .outerjoin(Order, Order.id == MoneyEvent.order_id)
            .where(
                MoneyEvent.shop_id == self.shop_id,
                MoneyEvent.settled_at.is_(None),
                MoneyEvent.kind.in_([word("unmatched"), word("refund_due")]),
            )
            .order_by(MoneyEvent.id)
        )
        for money, order_ref in self.rows("money_without_order", statement):
            kind = "money_without_order"
            if money.kind == "refund_due":
                kind = "refund_due" if money.reason == "order_closed" else "doubled_payment"
            reference = money.transaction_ref or "no reference"
            self.findings.append(
                Finding(
                    kind,
                    f"{order_ref} {reference}" if order_ref else reference,
                    money.created_at,
                    money.amount,
                    money.currency,
                    money.reason.replace("_", " ") + (f" ({money.amount_text})" if money.amount_text else ""),
                    settle=f"M{money.id}",
                )
            )

    def _paid_orders(self, *columns: Any) -> Select[Any]:
        return (
            select(Order.ref, Order.total, Order.currency, Order.paid_at, *columns)
            .where(
                Order.shop_id == self.shop_id,
                Order.paid_at.is_not(None),
                Order.paid_at >= self.since,
                Order.paid_at <= self.until,
            )
            .order_by(Order.paid_at)
        )

    def orders_and_money(self) -> None:
        """Paid orders against what was booked for them."""
        booked = and_(MoneyEvent.order_id == Order.id, MoneyEvent.kind == word("payment"))
        without = self._paid_orders().where(~exists().where(booked))
        for row in self.rows("order_without_money", without):
            self.findings.append(
                Finding("order_without_money", row.ref, row.paid_at, row.total, row.currency)
            )
        amounts = (
            self._paid_orders(
                func.sum(MoneyEvent.amount).label("got"),
                func.count().label("times"),
                func.min(MoneyEvent.currency).label("other"),
            )
            .join(MoneyEvent, booked)
            .group_by(Order.id)
            .having(
                (func.sum(MoneyEvent.amount) != Order.total)
                | (func.min(MoneyEvent.currency) != Order.currency)
                | (func.max(MoneyEvent.currency) != Order.currency)
            )
        )
        for row in self.rows("different_amount", amounts):
            kind = "doubled_payment" if row.times > 1 else "different_amount"
            detail = f"order {row.total} {row.currency}, booked {int(row.got)} {row.other} in minor units"
            self.findings.append(
                Finding(kind, row.ref, row.paid_at, int(row.got) - row.total, row.currency, detail)
            )

    def payments_and_money(self) -> None:
        """Succeeded payments of the period against the ledger, and refunds against payments."""
        recent = (
            select(Payment.ref, Payment.amount, Payment.currency, Payment.created_at)
            .where(
                Payment.shop_id == self.shop_id,
                Payment.created_at >= self.since,
                Payment.created_at <= self.until,
                Payment.status == "succeeded",
            )
            .order_by(Payment.created_at)
        )
        in_ledger = exists().where(
            MoneyEvent.order_id == Payment.order_id,
            MoneyEvent.payment_id == Payment.id,
            MoneyEvent.kind.in_(["payment", "refund_due"]),
        )
        for row in self.rows("payment_without_money", recent.where(~in_ledger)):
            self.findings.append(
                Finding("payment_without_money", row.ref, row.created_at, row.amount, row.currency)
            )
        returned = (
            recent.add_columns(func.sum(Refund.amount).label("back"))
            .join(Refund, and_(Refund.order_id == Payment.order_id, Refund.payment_id == Payment.id))
            .where(Refund.status.in_(["succeeded", "manual"]), Refund.money_event_id.is_(None))
            .group_by(Payment.id)
            .having(func.sum(Refund.amount) > Payment.amount)
        )
        for row in self.rows("refunded_twice", returned):
            over = int(row.back) - row.amount
            self.findings.append(Finding("refunded_twice", row.ref, row.created_at, over, row.currency))

    def open_refunds(self) -> None:
        """Refunds that are not done: all of them, however old."""
        statement = (
            select(Refund, Order.ref.label("order_ref"))
            .join(Order, Order.id == Refund.order_id)
            .where(Refund.shop_id == self.shop_id, Refund.closed_at.is_(None))
            .order_by(Refund.id)
        )
        for refund, order_ref in self.rows("refund_owed", statement):
            kind = {"requested": "refund_owed", "failed": "refund_failed"}.get(
                refund.status, "refund_unclear"
            )
            if refund.next_at is not None:
                kind = "refund_waiting"
            self.findings.append(
                Finding(
                    kind,
                    order_ref,
                    refund.created_at,
                    refund.amount,
                    refund.currency,
                    refund.error or refund.reason.replace("_", " "),
                    settle="" if kind == "refund_waiting" else f"R{refund.id}",
                )
            )

    def refunds_and_money(self) -> None:
        """Refunds of the period that are done, against the ledger."""
        in_ledger = exists().where(
            MoneyEvent.order_id == Refund.order_id,
            MoneyEvent.payment_id == Refund.payment_id,
            MoneyEvent.kind == word("refund"),
            MoneyEvent.transaction_ref == Refund.transaction_ref,
            MoneyEvent.amount == Refund.amount,
        )
        statement = (
            select(Refund, Order.ref.label("order_ref"))
            .join(Order, Order.id == Refund.order_id)
            .where(
                Refund.shop_id == self.shop_id,
                Refund.created_at >= self.since,
                Refund.created_at <= self.until,
                Refund.status.in_(["succeeded", "manual"]),
                ~in_ledger,
            )
            .order_by(Refund.created_at)
        )
        for refund, order_ref in self.rows("refund_without_money", statement):
            self.findings.append(
                Finding(
                    "refund_without_money",
                    f"{order_ref} R{refund.id}",
                    refund.created_at,
                    refund.amount,
                    refund.currency,
                )
            )

    def receipts(self) -> None:
        """Paid orders whose receipt has not left after two minutes, or did not arrive."""
        statement = (
            self._paid_orders(OutboxMessage.status, OutboxMessage.delivery, OutboxMessage.error)
            .outerjoin(OutboxMessage, OutboxMessage.unique_key == "receipt:" + Order.ref)
            .where(
                Order.paid_at < clock(-RECEIPT_WITHIN),
                OutboxMessage.id.is_(None)
                | (OutboxMessage.status != "sent")
                | (OutboxMessage.delivery == "failed"),
            )
        )
        for row in self.rows("no_receipt", statement):
            kind = "no_receipt"
            if row.status is not None:
                kind = "receipt_waiting" if row.status == "waiting" else "receipt_not_sent"
            detail = row.error or ""
            self.findings.append(Finding(kind, row.ref, row.paid_at, row.total, row.currency, detail))

    def unclear_payments(self) -> None:
        """Payments nobody can tell about for more than ten minutes."""
        statement = (
            select(Payment, Order.ref.label("order_ref"), clock(-PERSON_AFTER).label("day_ago"))
            .join(Order, Order.id == Payment.order_id)
            .where(
                Payment.shop_id == self.shop_id,
                Payment.status.in_([word("unknown"), word("needs_review")]),
                Payment.updated_at < clock(-CLEAR_WITHIN),
            )
            .order_by(Payment.updated_at)
        )
        for payment, order_ref, day_ago in self.rows("payment_unknown", statement):
            kind = "needs_review"
            if payment.status == "unknown":
                kind = "payment_unclear" if payment.created_at < day_ago else "payment_unknown"
            self.findings.append(
                Finding(
                    kind,
                    f"{order_ref} {payment.ref}",
                    payment.updated_at,
                    payment.amount,
                    payment.currency,
                    payment.reason.replace("_", " "),
                    settle=payment.ref if kind == "needs_review" else "",
                )
            )

    def unreadable_events(self) -> None:
        """Payment notices that could not be processed."""
        statement = (
            select(InboxEvent.id, InboxEvent.received_at, InboxEvent.match_key, InboxEvent.error)
            .where(
                InboxEvent.shop_id == self.shop_id,
                InboxEvent.status == word("dead"),
                InboxEvent.kind == "payment",
            )
            .order_by(InboxEvent.id.desc())
        )
        for row in self.rows("unreadable_event", statement):
            subject = f"event {row.id} {row.match_key or ''}".strip()
            self.findings.append(Finding("unreadable_event", subject, row.received_at, detail=row.error))

    def day_sums(self, zone: ZoneInfo) -> list[DaySum]:
        """What came in per day, gateway and currency; money claimed twice is counted once."""
        sums: list[DaySum] = []
        first, last = self.since.astimezone(zone).date(), self.until.astimezone(zone).date()
        for offset in range((last - first).days + 1):
            day = first + timedelta(days=offset)
            begins = datetime.combine(day, datetime.min.time(), zone)
            ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
            rows = self.session.execute(self._day(begins, ends)).all()
            sums += [
                DaySum(
                    day,
                    row.gateway,
                    row.currency,
                    int(row.booked),
                    int(row.due),
                    int(row.unmatched),
                    int(row.refunded),
                )
                for row in rows
            ]
        return sums

    def _day(self, begins: datetime, ends: datetime) -> Select[Any]:
        def of(kind: str) -> Any:
            return func.coalesce(func.sum(case((MoneyEvent.kind == kind, MoneyEvent.amount), else_=0)), 0)

        booked = MoneyEvent.__table__.alias("booked")
        claimed_again = exists().where(
            booked.c.gateway == MoneyEvent.gateway,
            booked.c.transaction_ref == MoneyEvent.transaction_ref,
            booked.c.kind.in_([word("payment"), word("refund_due")]),
        )
        return (
            select(
                MoneyEvent.gateway,
                MoneyEvent.currency,
                of("payment").label("booked"),
                of("refund_due").label("due"),
                of("unmatched").label("unmatched"),
                of("refund").label("refunded"),
            )
            .where(
                MoneyEvent.shop_id == self.shop_id,
                MoneyEvent.created_at >= begins,
                MoneyEvent.created_at < ends,
                (MoneyEvent.kind != "unmatched") | ~claimed_again,
            )
            .group_by(MoneyEvent.gateway, MoneyEvent.currency)
            .order_by(MoneyEvent.gateway, MoneyEvent.currency)
        )


def check(session: Session, shop_id: int, days: int = DAYS) -> Report:
    """What does not add up, by what the database knows; nobody is asked and nothing is changed."""
    row = session.execute(
        select(Shop.timezone, clock().label("now"), clock(-days * 86_400.0).label("since")).where(
            Shop.id == shop_id
        )
    ).one()
    search = _Search(session, shop_id, row.since, row.now)
    search.open_money()
    search.orders_and_money()
    search.payments_and_money()
    search.open_refunds()
    search.refunds_and_money()
    search.receipts()
    search.unclear_payments()
    search.unreadable_events()
    sums = search.day_sums(ZoneInfo(row.timezone))
    return Report(row.since, row.now, tuple(search.findings), tuple(sums), tuple(sorted(search.more)))


class Reconciler:
    """Asks the gateways, then reports.

    Args:
        database: where money and orders are.
        desk: asks about payments.
        monotonic: measures how long asking takes.
    """

    def __init__(
        self, database: Database, desk: PaymentDesk, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._desk = desk
        self._monotonic = monotonic

    def reconcile(self, shop_id: int, days: int = DAYS, *, questions: int = MOST_QUESTIONS) -> Report:
        """Ask about at most ``questions`` recent payments, then compare everything.

        Payment notices that had been given up are tried again afterwards.
        """
        wanted, left_out = self._to_ask(shop_id, days, questions)
        asked = self._ask(wanted)
        with self._database.reading() as session:
            found = tuple(self._found(session, asked))
            report = check(session, shop_id, days)
        with self._database.writing() as session:
            inbox.revive(session, shop_id, "payment")
        return Report(
            report.since,
            report.until,
            report.findings + found,
            report.days,
            report.more,
            asked=len(asked),
            not_asked=left_out + len(wanted) - len(asked),
        )

    def run(self, run_id: int) -> Report | None:
        """Do one queued run and store what it found; ``None`` when it is done or somebody is at it."""
        with self._database.writing() as session:
            shop_id = session.scalar(
                update(ReconciliationRun)
                .where(
                    ReconciliationRun.id == run_id,
                    ReconciliationRun.status == word("waiting"),
                    ReconciliationRun.next_at <= clock(),
                )
                .values(next_at=clock(RUN_LEASE))
                .returning(ReconciliationRun.shop_id)
            )
        if shop_id is None:
            return None
        report = self.reconcile(shop_id)
        with self._database.writing() as session:
            store(session, run_id, report)
        counts = {
            "shop_id": shop_id,
            "findings": len(report.findings),
            "for_a_person": report.for_a_person,
        }
        if report.for_a_person:
            log.error("reconciled", extra=counts)
        else:
            log.info("reconciled", extra=counts)
        return report

    def _to_ask(self, shop_id: int, days: int, questions: int) -> tuple[list[int], int]:
        with self._database.reading() as session:
            ids = session.scalars(
                select(Payment.id)
                .where(
                    Payment.shop_id == shop_id,
                    Payment.created_at >= clock(-days * 86_400.0),
                    Payment.status != "succeeded",
                    Payment.gateway_ref.is_not(None),
                )
                .order_by(Payment.created_at.desc())
                .limit(questions + MOST_OF_A_KIND)
            ).all()
        return list(ids[:questions]), len(ids[questions:])

    def _ask(self, payment_ids: list[int]) -> list[int]:
        begun = self._monotonic()
        asked: list[int] = []
        for payment_id in payment_ids:
            if self._monotonic() - begun > LONGEST_ASKING:
                break
            with self._database.writing() as session:
                service.ask_soon(session, [payment_id])
            self._desk.ask(payment_id)
            asked.append(payment_id)
        return asked

    @staticmethod
    def _found(session: Session, asked: Sequence[int]) -> list[Finding]:
        rows = session.execute(
            select(Payment, Order.ref.label("order_ref"))
            .join(Order, Order.id == Payment.order_id)
            .where(Payment.id.in_(asked), Payment.status == "succeeded")
        )
        return [
            Finding(
                "found_by_asking",
                f"{order_ref} {payment.transaction_ref}",
                payment.updated_at,
                payment.amount,
                payment.currency,
            )
            for payment, order_ref in rows
        ]


def ask_for_run(session: Session, shop_id: int, *, leased: bool = False) -> int:
    """Queue a run somebody asked for; the sweeper takes it to a worker within seconds.

    ``leased`` says that the caller does it at once; should it die, a worker does.
    """
    wait = RUN_LEASE if leased else 0.0
    run = ReconciliationRun(shop_id=shop_id, day=None, queued_at=clock(), next_at=clock(wait))
    session.add(run)
    session.flush()
    return run.id


def store(session: Session, run_id: int, report: Report) -> None:
    """Keep what a run found; a run that is done stays as it was."""
    session.execute(
        update(ReconciliationRun)
        .where(ReconciliationRun.id == run_id, ReconciliationRun.status == word("waiting"))
        .values(
            status="done",
            done_at=clock(),
            findings=len(report.findings),
            for_a_person=report.for_a_person,
            report=report.as_json(),
        )
    )


def last_run(session: Session, shop_id: int) -> ReconciliationRun | None:
    """The newest run that is done."""
    return session.scalars(
        select(ReconciliationRun)
        .where(ReconciliationRun.shop_id == shop_id, ReconciliationRun.status == "done")
        .order_by(ReconciliationRun.id.desc())
        .limit(1)
    ).first()


def due(session: Session, most: int = 20) -> list[int]:
    """Runs that wait for a worker."""
    return list(
        session.scalars(
            select(ReconciliationRun.id)
            .where(ReconciliationRun.status == word("waiting"), ReconciliationRun.next_at <= clock())
            .order_by(ReconciliationRun.next_at)
            .limit(most)
        )
    )


def queue_daily(database: Database) -> None:
    """Queue today's run of every shop whose day has come and that has none; any number may try at once."""
    with database.reading() as session:
        now = session.execute(select(clock())).scalar_one()
        missing: list[tuple[int, date]] = []
        for zone in session.scalars(select(Shop.timezone).distinct()):
            local = now.astimezone(ZoneInfo(zone))
            if local.hour < DAILY_AT:
                continue
            ran = exists().where(ReconciliationRun.shop_id == Shop.id, ReconciliationRun.day == local.date())
            shops = session.scalars(select(Shop.id).where(Shop.timezone == zone, ~ran))
            missing += [(shop_id, local.date()) for shop_id in shops]
    if not missing:
        return
    with database.writing() as session:
        for shop_id, day in missing:
            session.execute(
                insert(session, ReconciliationRun)
                .values(
                    shop_id=shop_id,
                    day=day,
                    status="waiting",
                    findings=0,
                    for_a_person=0,
                    queued_at=clock(),
                    next_at=clock(),
                )
                .on_conflict_do_nothing(index_elements=["shop_id", "day"])
            )
