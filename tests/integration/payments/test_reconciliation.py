"""Two-way reconciliation: each thing that can go wrong is found, named, and gone once it is settled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from db import Database, clock, inbox, outbox
from db.models import (
    AuditEntry,
    InboxEvent,
    MoneyEvent,
    Order,
    OutboxMessage,
    Payment,
    ReconciliationRun,
    Refund,
)
from errors import GatewayUnavailable
from orders import service as orders
from payments import reconciliation, reconciliation_table, settling
from payments.gateways.base import PaymentUpdate, Started
from payments.reconciliation import BY_ITSELF, REMEDIES, Reconciler, Report
from tests.integration.db.test_indexes import recorded, scans
from tests.shop import place
from tests.till import PAID, Till


@pytest.fixture
def till(database: Database, now) -> Till:
    return Till(database, now)


def check(till: Till, days: int = 3) -> Report:
    with till.database.reading() as session:
        return reconciliation.check(session, 1, days)


def kinds(report: Report) -> list[str]:
    return [finding.kind for finding in report.findings]


def receipt(till: Till, **changes: Any) -> None:
    """The receipt of the order, sent unless ``changes`` say otherwise."""
    with till.database.writing() as session:
        key = f"receipt:{till.order.ref}"
        outbox.promise(session, 1, 1, [outbox.Promise(key, {"type": "text", "body": "Paid"}, "receipt", key)])
        session.execute(update(OutboxMessage).values({"status": "sent", "delivery": "delivered"} | changes))


def paid(till: Till) -> int:
    payment_id = till.started()
    till.hear()
    return payment_id


def test_a_shop_where_all_is_well_has_nothing_to_report(till: Till, now) -> None:
    paid(till)
    receipt(till)
    now.advance(3600)
    report = check(till)
    assert report.findings == ()
    (day,) = report.days
    assert (day.gateway, day.currency, day.booked, day.refund_due, day.unmatched) == (
        "ghala",
        "KES",
        300_000,
        0,
        0,
    )


def test_money_without_an_order_is_found_and_gone_when_settled(till: Till, now) -> None:
    till.started()
    till.hear(amount=2500)
    report = check(till, days=1)
    (found,) = report.findings
    assert (found.kind, found.amount, found.currency) == ("money_without_order", 250_000, "KES")
    assert found.subject == f"{till.order.ref} SKJ4X2ABCD"
    assert report.days[-1].unmatched == 250_000
    now.advance(40 * 86_400)
    assert kinds(check(till)) == ["money_without_order"], "what is open stays, however old"
    with till.database.writing() as session:
        settling.settle(session, found.settle, "sent back by M-Pesa", actor="test")
    assert kinds(check(till)) == []
    with till.database.reading() as session:
        audit = session.scalars(select(AuditEntry)).one()
        assert (audit.action, audit.subject, audit.after) == (
            "settle",
            found.settle,
            {"because": "sent back by M-Pesa"},
        )


@pytest.mark.parametrize("what", ["M999", "M0", "PAY-NOBODY", "12", "", "M1e3"])
def test_what_is_not_open_cannot_be_settled(till: Till, what) -> None:
    paid(till)
    with pytest.raises(settling.NothingToSettle), till.database.writing() as session:
        settling.settle(session, what, "x", actor="test")


def test_booked_money_cannot_be_settled_away(till: Till) -> None:
    paid(till)
    with till.database.reading() as session:
        booked = session.scalars(select(MoneyEvent.id)).one()
    with pytest.raises(settling.NothingToSettle), till.database.writing() as session:
        settling.settle(session, f"M{booked}", "x", actor="test")


def test_money_for_a_closed_order_is_due_back(database: Database, now) -> None:
    till = Till(database, now)
    till.order = place(database, now(), [("BASKET", 5)], seed=3)
    till.started()
    with database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
    place(database, now(), [("BASKET", 5)], wa_id="254700000001", seed=4)
    till.hear(amount=14000)
    report = check(till)
    assert kinds(report) == ["refund_due"]
    assert report.days[-1].refund_due == report.days[-1].total == 1_400_000


def test_an_order_paid_twice_is_found(till: Till, now) -> None:
    till.started()
    now.advance(121)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2", transaction_reference="TX2")
    till.hear(order_id="gh_1", transaction_reference="TX1")
    receipt(till)
    (found,) = check(till).findings
    assert (found.kind, found.amount) == ("doubled_payment", 300_000)


def test_a_paid_order_without_money_is_found(till: Till, now) -> None:
    paid(till)
    receipt(till)
    with till.database.writing() as session:
        session.execute(delete(MoneyEvent))
    assert kinds(check(till)) == ["order_without_money", "payment_without_money"]


@pytest.mark.parametrize(
    "change",
    [{"amount": 299_999}, {"amount": 300_001}, {"currency": "TZS"}],
    ids=["less", "more", "currency"],
)
def test_a_booked_amount_that_is_not_the_orders_is_found(till: Till, change) -> None:
    paid(till)
    receipt(till)
    with till.database.writing() as session:
        session.execute(update(MoneyEvent).values(change))
    assert kinds(check(till)) == ["different_amount"]


def test_money_booked_twice_for_one_order_is_found(till: Till) -> None:
    paid(till)
    receipt(till)
    with till.database.writing() as session:
        first = session.scalars(select(MoneyEvent)).one()
        copied = {
            name: getattr(first, name)
            for name in (
                "shop_id",
                "kind",
                "gateway",
                "order_id",
                "payment_id",
                "amount",
                "currency",
                "created_at",
            )
        }
        session.add(MoneyEvent(transaction_ref="TX-AGAIN", **copied))
    assert kinds(check(till)) == ["doubled_payment"]


def test_more_refunded_than_paid_is_found(till: Till) -> None:
    payment_id = paid(till)
    receipt(till)
    its = {"shop_id": 1, "order_id": 1, "payment_id": payment_id, "amount": 200_000, "currency": "KES"}
    with till.database.writing() as session:
        for key in ("a", "b"):
            now = {"created_at": clock(), "transaction_ref": key}
            done = {"status": "succeeded", "updated_at": clock(), "closed_at": clock()}
            session.add(Refund(key=key, **its, **now, **done))
            session.add(MoneyEvent(kind="refund", gateway="ghala", **its, **now))
    (found,) = check(till).findings
    assert (found.kind, found.amount) == ("refunded_twice", 100_000)


def test_a_paid_order_has_two_minutes_to_get_its_receipt(till: Till, now) -> None:
    paid(till)
    now.advance(119)
    assert kinds(check(till)) == []
    now.advance(2)
    assert kinds(check(till)) == ["no_receipt"]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"status": "waiting", "delivery": "none"}, "receipt_waiting"),
        ({"status": "dead", "delivery": "none"}, "receipt_not_sent"),
        ({"status": "sent", "delivery": "failed"}, "receipt_not_sent"),
    ],
)
def test_a_receipt_that_did_not_arrive_is_found(till: Till, now, state, kind) -> None:
    paid(till)
    receipt(till, **state)
    now.advance(121)
    assert kinds(check(till)) == [kind]


def test_a_payment_nobody_can_tell_about_is_found_after_ten_minutes(till: Till, now) -> None:
    payment_id = till.started()
    with till.database.writing() as session:
        session.execute(update(Payment).values(status="unknown"))
    now.advance(599)
    assert kinds(check(till)) == []
    now.advance(2)
    report = check(till)
    assert (kinds(report), report.for_a_person) == (["payment_unknown"], 0)
    now.advance(86_400)
    report = check(till)
    assert (kinds(report), report.for_a_person) == (["payment_unclear"], 1)
    assert till.payment(payment_id).ref in report.findings[0].subject


def test_a_payment_under_review_is_found_and_settled_with_its_money(till: Till, now) -> None:
    payment_id = till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1", amount=1, transaction_ref="T1")]
    till.wonders(payment_id)
    now.advance(601)
    report = check(till)
    assert kinds(report) == ["money_without_order", "needs_review"]
    with till.database.writing() as session:
        news = settling.settle(session, report.findings[1].settle, "it was a test of theirs", actor="test")
    assert len(news.event_ids) == 1
    assert till.payment(payment_id).status == "failed"
    assert kinds(check(till)) == []
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2")
    assert till.state() == PAID


def test_a_payment_notice_that_could_not_be_processed_is_found_and_tried_again(till: Till, now) -> None:
    till.started()
    with till.database.writing() as session:
        raw = json.dumps({"event": "payment.success", "data": {"order_id": "gh_1"}}).encode()
        new = inbox.NewEvent("payment", "dead", raw, match_key="gh_1")
        ((event_id, _),) = inbox.record(session, 1, "payments:main", [new])
        for _ in range(inbox.MOST_ATTEMPTS):
            inbox.set_aside(session, event_id)
    assert not till.waiting(event_id)
    report = Reconciler(till.database, till.desk).reconcile(1)
    assert kinds(report) == ["unreadable_event"]
    assert till.waiting(event_id)


def test_money_whose_news_was_lost_is_booked_by_asking(till: Till, now) -> None:
    till.started()
    till.hear("payment.failed", failure_reason="1037")
    till.gateway.answers = [
        PaymentUpdate("succeeded", gateway_ref="gh_1", amount=300_000, currency="KES", transaction_ref="LATE")
    ]
    report = Reconciler(till.database, till.desk).reconcile(1)
    assert till.state() == PAID
    (found,) = report.findings
    assert (found.kind, found.subject, found.for_a_person) == (
        "found_by_asking",
        f"{till.order.ref} LATE",
        False,
    )
    assert (report.asked, report.not_asked, report.days[-1].booked) == (1, 0, 300_000)


def test_questions_are_bounded_in_number_and_in_time(database: Database, now) -> None:
    till = Till(database, now)
    for number in range(6):
        till.order = place(database, now(), seed=20 + number)
        till.gateway.starts = [Started(f"gh_{number}")]
        till.started()
    report = Reconciler(database, till.desk).reconcile(1, questions=4)
    assert (report.asked, report.not_asked, len(till.gateway.asked)) == (4, 2, 4)
    till.gateway.answers = [GatewayUnavailable("hangs")] * 6
    seconds = iter(range(0, 1000, 13))
    slow = Reconciler(database, till.desk, lambda: float(next(seconds))).reconcile(1)
    assert (slow.asked, slow.not_asked) == (1, 5)


def test_a_payment_outside_the_period_is_not_asked_about(till: Till, now) -> None:
    till.started()
    now.advance(5 * 86_400)
    report = Reconciler(till.database, till.desk).reconcile(1, days=3)
    assert (report.asked, till.gateway.asked) == (0, [])


def test_the_same_money_claimed_twice_is_counted_once(database: Database, now) -> None:
    till = Till(database, now)
    paid(till)
    till.order = place(database, now(), seed=5)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2")
    report = check(till)
    assert kinds(report) == ["money_without_order"]
    assert report.findings[0].detail == "reference reused"
    assert report.days[-1].total == 300_000


def test_days_are_the_shops_days(till: Till, now) -> None:
    now.advance(12 * 3600)  # 21:07 in London is the next day in Nairobi
    paid(till)
    assert [day.day.isoformat() for day in check(till).days] == ["2026-11-21"]


def test_a_long_list_says_that_there_is_more(till: Till, monkeypatch) -> None:
    monkeypatch.setattr(reconciliation, "MOST_OF_A_KIND", 2)
    with till.database.writing() as session:
        session.add_all(
            MoneyEvent(
                shop_id=1, kind="unmatched", gateway="ghala", transaction_ref=f"T{n}", created_at=clock()
            )
            for n in range(3)
        )
    report = check(till)
    assert (len(report.findings), report.more) == (2, ("money_without_order",))


def runs(till: Till) -> list[ReconciliationRun]:
    with till.database.reading() as session:
        return list(session.scalars(select(ReconciliationRun).order_by(ReconciliationRun.id)))


def test_a_days_run_is_queued_once_however_many_try(till: Till, now) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: reconciliation.queue_daily(till.database), range(8)))
    (run,) = runs(till)
    assert run.day is not None
    assert run.day.isoformat() == "2026-11-20"
    now.advance(15 * 3600)  # 03:07 in Nairobi
    reconciliation.queue_daily(till.database)
    assert len(runs(till)) == 1
    now.advance(3600)
    reconciliation.queue_daily(till.database)
    assert [str(run.day) for run in runs(till)] == ["2026-11-20", "2026-11-21"]


def test_a_queued_run_is_done_once_and_kept(till: Till, now) -> None:
    till.started()
    till.hear(amount=1)
    reconciliation.queue_daily(till.database)
    with till.database.reading() as session:
        (run_id,) = reconciliation.due(session)
    worker = Reconciler(till.database, till.desk)
    assert worker.run(run_id) is not None
    assert worker.run(run_id) is None
    with till.database.reading() as session:
        assert reconciliation.due(session) == []
        last = reconciliation.last_run(session, 1)
        assert last is not None
        assert (last.findings, last.for_a_person, last.report["findings"][0]["kind"]) == (
            1,
            1,
            "money_without_order",
        )


def test_a_run_whose_worker_died_is_taken_by_another(till: Till, now) -> None:
    with till.database.writing() as session:
        run_id = reconciliation.ask_for_run(session, 1, leased=True)
    worker = Reconciler(till.database, till.desk)
    assert worker.run(run_id) is None
    now.advance(reconciliation.RUN_LEASE + 1)
    assert worker.run(run_id) is not None


def test_every_kind_has_one_sentence_that_says_what_to_do() -> None:
    assert set(REMEDIES) > BY_ITSELF
    for remedy in REMEDIES.values():
        assert remedy.endswith(".")
        assert remedy.count(".") == 1


def test_the_report_for_a_terminal_shows_amounts_and_remedies_and_nothing_that_moves_the_cursor(
    till: Till, now
) -> None:
    till.started()
    till.hear(amount="1,5\x1b[2J00", currency="XQ\n")
    shown = "\n".join(reconciliation_table.lines(check(till), "KES"))
    assert "MONEY WITHOUT ORDER (1)" in shown
    assert REMEDIES["money_without_order"] in shown
    assert "1 of 1 findings wait for a person." in shown
    assert "\x1b" not in shown


def test_the_report_for_a_terminal_of_a_quiet_shop(till: Till, now) -> None:
    paid(till)
    receipt(till)
    shown = list(reconciliation_table.lines(check(till), "KES"))
    assert any("KES 3,000" in line for line in shown)
    assert shown[-1] == "Everything adds up; nothing waits for a person."


def test_reconciling_reads_no_table_from_end_to_end(till: Till) -> None:
    paid(till)
    with recorded(till.database) as statements:
        Reconciler(till.database, till.desk).reconcile(1)
        reconciliation.queue_daily(till.database)
        with till.database.reading() as session:
            reconciliation.due(session)
            reconciliation.last_run(session, 1)
    assert len(statements) > 10
    found = {
        f"{table}: {statement}"
        for statement, parameters in statements
        for table in scans(till.database, statement, parameters)
    }
    assert found == set()


def test_looking_changes_nothing(till: Till) -> None:
    paid(till)
    with till.database.reading() as session:
        before = session.execute(select(func.count()).select_from(InboxEvent)).scalar_one()
    check(till)
    with till.database.reading() as session:
        assert session.execute(select(func.count()).select_from(InboxEvent)).scalar_one() == before
        assert session.execute(select(func.count()).select_from(Order)).scalar_one() == 1
