"""What the owner does about money that does not add up: once, under the rules, and written down."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from db import Database
from db.models import AuditEntry, InboxEvent, MoneyEvent, Payment, Refund
from errors import RuleBroken
from orders import service as orders
from payments import reconciliation, refunds, settling
from payments.gateways.base import PaymentUpdate
from payments.service import News
from payments.settling import CannotSettle, NothingToSettle
from tests.shop import place, refs
from tests.till import OPEN, PAID, Till


@pytest.fixture
def till(database: Database, now) -> Till:
    return Till(database, now)


@pytest.fixture
def stray(till: Till, now) -> Till:
    """KES 3,000 that named an order nobody knows, and an order for just that."""
    till.started()
    event_id = till.hear(order_id="gh_stranger", transaction_reference="STRAY1")
    now.advance(601)
    till.desk.process(event_id)
    assert till.money() == [("unmatched", 300_000, "unknown_order")]
    return till


@pytest.fixture
def late(database: Database, now) -> Till:
    """KES 14,000 that came for a cancelled order whose goods had gone to somebody else."""
    till = Till(database, now)
    till.order = place(database, now(), [("BASKET", 5)], seed=3)
    till.started()
    with database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
    other = place(database, now(), [("BASKET", 5)], wa_id="254700000001", seed=4)
    till.hear(amount=14000)
    assert till.money() == [("refund_due", 1_400_000, "order_closed")]
    till.other = other  # type: ignore[attr-defined]
    return till


def test_a_payment_is_booked_on_the_word_of_somebody_who_saw_the_money_and_only_once(
    till: Till,
) -> None:
    till.started()
    payment = till.payment(1)
    with till.database.writing() as session:
        session.get_one(Payment, payment.id).status = "unknown"
    with pytest.raises(CannotSettle):
        settle(till, "paid", what=payment.ref)
    assert settle(till, "paid:skj77", what=payment.ref).outcome == "booked"
    assert till.money()[-1] == ("payment", 300_000, "")
    assert till.payment(1).transaction_ref == "SKJ77"
    with pytest.raises(NothingToSettle):
        settle(till, "paid:skj78", what=payment.ref)


def settle(till: Till, how: str, *, what: str = "M1", key: str = "", seed: int = 77) -> News:
    with till.database.writing() as session:
        return settling.settle(
            session, what, "looked it up", actor="owner", how=how, shop_id=1, key=key, refs=refs(seed)
        )


def kinds(till: Till) -> list[str]:
    with till.database.reading() as session:
        return [finding.kind for finding in reconciliation.check(session, 1).findings]


def rows(till: Till, model: Any) -> list[Any]:
    with till.database.reading() as session:
        return list(session.scalars(select(model).order_by(model.id)))


def test_money_assigned_to_an_order_pays_it_and_its_receipt_follows(stray: Till) -> None:
    news = settle(stray, f"assigned:{stray.order.ref}")
    assert (news.outcome, len(news.event_ids)) == ("booked", 1)
    assert stray.state() == PAID
    assert stray.money() == [("payment", 300_000, "unknown_order")]
    assert stray.told() == ["PaymentSucceeded"]
    (entry,) = rows(stray, AuditEntry)
    assert entry.before["kind"] == "unmatched"
    assert entry.after["kind"] == "payment"
    assert "money_without_order" not in kinds(stray)


def test_ten_clicks_assign_once_and_ten_people_too(stray: Till) -> None:
    def click(number: int) -> str:
        try:
            return settle(stray, f"assigned:{stray.order.ref}", key=f"k{number // 5}", seed=number).outcome
        except RuleBroken:
            return "refused"

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(click, range(10)))
    assert outcomes.count("booked") == 1
    assert stray.money() == [("payment", 300_000, "unknown_order")]
    assert len([row for row in rows(stray, Payment) if row.status == "succeeded"]) == 1


def test_only_the_exact_amount_is_assigned(stray: Till, database, now) -> None:
    dear = place(database, now(), [("COFFEE", 3)], wa_id="254700000001", seed=5)
    with pytest.raises(CannotSettle, match="only the exact amount"):
        settle(stray, f"assigned:{dear.ref}")
    assert stray.money() == [("unmatched", 300_000, "unknown_order")]
    assert "money_without_order" in kinds(stray), "a refusal leaves it open"


def test_money_is_not_assigned_to_an_order_that_is_paid(stray: Till) -> None:
    stray.hear(transaction_reference="SKJ4X2ABCD")
    assert stray.state() == PAID
    with pytest.raises(CannotSettle, match="paid before"):
        settle(stray, f"assigned:{stray.order.ref}")


@pytest.mark.parametrize("ref", ["", "ORD-222222"])
def test_money_is_not_assigned_to_an_order_that_is_not_there(stray: Till, ref) -> None:
    with pytest.raises(CannotSettle, match="no order"):
        settle(stray, f"assigned:{ref}")


def test_stray_money_sent_back_is_in_the_books(stray: Till) -> None:
    settle(stray, "refunded:BACK1")
    assert stray.money()[-1] == ("refund", 300_000, "was_unmatched")
    with stray.database.reading() as session:
        (day,) = [d for d in reconciliation.check(session, 1).days if d.total]
    assert (day.unmatched, day.refunded) == (300_000, 300_000)
    with pytest.raises(NothingToSettle):
        settle(stray, "refunded:BACK1")


def test_money_due_back_that_was_sent_back_is_told_and_is_no_lost_revenue(late: Till) -> None:
    settle(late, "refunded:BACK1")
    assert late.told()[-1] == "RefundSent"
    (refund,) = rows(late, Refund)
    assert (refund.status, refund.transaction_ref, refund.money_event_id) == ("manual", "BACK1", 1)
    assert late.money()[-1] == ("refund", 1_400_000, "was_due")
    assert kinds(late) == []


def test_money_due_back_honours_its_order_only_when_the_goods_are_there(late: Till) -> None:
    with pytest.raises(CannotSettle, match="goods are gone"):
        settle(late, "honoured")
    with late.database.writing() as session:
        orders.cancel(session, 1, late.other.ref)  # type: ignore[attr-defined]
    assert settle(late, "honoured").outcome == "booked"
    assert late.state() == PAID
    assert late.money() == [("payment", 1_400_000, "order_closed")]


def test_sending_back_and_honouring_have_one_winner(late: Till) -> None:
    with late.database.writing() as session:
        orders.cancel(session, 1, late.other.ref)  # type: ignore[attr-defined]

    def click(how: str) -> str:
        try:
            return settle(late, how).outcome
        except RuleBroken:
            return "refused"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(click, ["honoured", "refunded:BACK1"] * 4))
    assert outcomes.count("refused") == 7
    assert len([kind for kind, _, _ in late.money() if kind == "refund"]) == outcomes.count("manual")


def test_what_a_cancelled_order_is_owed_is_a_finding_until_it_went_back(till: Till) -> None:
    till.started()
    till.hear()
    with till.database.writing() as session:
        refunds.owe(session, orders.lock_by_ref(session, 1, till.order.ref), "cancelled", actor="customer")
    with till.database.reading() as session:
        (found,) = [f for f in reconciliation.check(session, 1).findings if f.kind == "refund_owed"]
    assert (found.settle, found.amount) == ("R1", 300_000)
    settle(till, "refunded:BACK1", what="R1")
    assert "refund_owed" not in kinds(till)
    assert till.state() == ("paid", "refunded")


def test_an_unknown_payment_can_be_settled_as_not_paid_and_late_money_still_counts(till: Till) -> None:
    payment_id = till.started()
    with till.database.writing() as session:
        session.get_one(Payment, payment_id).status = "unknown"
    assert settle(till, "not-paid", what=till.payment(payment_id).ref).outcome == "failed"
    assert till.state() == ("pending_payment", "failed")
    till.hear()
    assert till.state() == PAID


def test_asking_again_books_only_what_the_gateway_confirms(till: Till) -> None:
    payment_id = till.started()
    ref = till.payment(payment_id).ref
    assert "does not confirm" in settling.ask_again(till.database, till.desk, 1, ref)
    assert till.state() == OPEN
    till.gateway.answers = [PaymentUpdate("succeeded", "gh_1", ref, 300_000, "KES", "SKJ4X2ABCD")]
    assert "is paid" in settling.ask_again(till.database, till.desk, 1, ref)
    assert till.state() == PAID


def test_a_receipt_nobody_promised_is_promised_again(till: Till) -> None:
    till.started()
    till.hear()
    assert settle(till, "receipt", what=till.order.ref).outcome == "promised"
    again = [row for row in rows(till, InboxEvent) if row.external_id.startswith("PaymentSucceeded:")]
    assert len(again) == 2


def test_an_unpaid_order_gets_no_receipt(till: Till) -> None:
    with pytest.raises(CannotSettle, match="not paid"):
        settle(till, "receipt", what=till.order.ref)


def test_one_is_told_beforehand_what_will_happen(stray: Till) -> None:
    with stray.database.reading() as session:
        said = settling.what_will_happen(session, 1, "M1", f"assigned:{stray.order.ref}")
        assert said == (
            f"KES 3,000 is booked for order {stray.order.ref}, which is then paid; its customer gets the receipt."
        )
        with pytest.raises(CannotSettle):
            settling.what_will_happen(session, 1, "M1", "sold")
        with pytest.raises(NothingToSettle):
            settling.what_will_happen(session, 2, "M1", "kept")
    assert rows(stray, MoneyEvent)[0].settled_at is None


def test_each_open_refund_is_a_finding_of_its_own_kind_and_a_done_one_needs_its_money(
    till: Till, now
) -> None:
    till.started()
    till.hear()
    with till.database.writing() as session:
        refunds.request(session, 1, till.order.ref, 100_000, "damaged", actor="owner")
    assert "refund_owed" in kinds(till)
    for status, kind in (("failed", "refund_failed"), ("pending", "refund_unclear")):
        with till.database.writing() as session:
            session.get_one(Refund, 1).status = status
        assert kind in kinds(till)
    with till.database.writing() as session:
        session.get_one(Refund, 1).next_at = now()
    assert "refund_waiting" in kinds(till)
    with till.database.writing() as session:
        refund = session.get_one(Refund, 1)
        refund.status, refund.next_at, refund.closed_at = "succeeded", None, now()
        refund.transaction_ref = "NOWHERE"
    assert "refund_without_money" in kinds(till)
