"""Money going back: never more than came in, once, and the customer is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from db import Database
from db.models import Order, Payment, Refund
from orders import service as orders
from payments import refunds
from tests.shop import place
from tests.till import Till


@pytest.fixture
def till(database: Database, now) -> Till:
    return Till(database, now)


def paid(till: Till) -> int:
    payment_id = till.started()
    till.hear()
    return payment_id


def owe(till: Till, reason: str = "cancelled") -> int:
    with till.database.writing() as session:
        order = orders.lock_by_ref(session, 1, till.order.ref)
        return refunds.owe(session, order, reason, actor="customer")


def all_refunds(till: Till) -> list[Refund]:
    with till.database.reading() as session:
        return list(session.scalars(select(Refund).order_by(Refund.id)))


def test_what_was_paid_is_owed_once_the_order_is_given_up(till: Till) -> None:
    payment_id = paid(till)
    assert owe(till, "changed their mind") == 300_000
    (owed,) = all_refunds(till)
    assert (owed.status, owed.amount, owed.currency) == ("requested", 300_000, "KES")
    assert (owed.reason, owed.actor, owed.payment_id) == ("changed their mind", "customer", payment_id)
    assert owed.next_at is None, "it waits for a person"
    assert till.payment(payment_id).refunded == 300_000


def test_owing_again_owes_nothing_more(till: Till) -> None:
    paid(till)
    assert [owe(till) for _ in range(3)] == [300_000, 0, 0]
    assert len(all_refunds(till)) == 1


def test_nothing_is_owed_for_an_order_nobody_paid(till: Till) -> None:
    till.started()
    assert owe(till) == 0
    assert all_refunds(till) == []


def test_ten_people_giving_an_order_up_at_once_owe_its_money_once(till: Till) -> None:
    paid(till)
    with ThreadPoolExecutor(10) as pool:
        owed = list(pool.map(lambda _: owe(till), range(10)))
    assert sorted(owed) == [0] * 9 + [300_000]
    assert [refund.amount for refund in all_refunds(till)] == [300_000]


def test_money_due_back_for_another_reason_is_not_owed_a_second_time(database: Database, now) -> None:
    till = Till(database, now)
    till.order = place(database, now(), [("BASKET", 5)], seed=3)
    till.started()
    with database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
    place(database, now(), [("BASKET", 5)], wa_id="254700000001", seed=4)
    till.hear(amount=14000)
    assert till.money() == [("refund_due", 1_400_000, "order_closed")]
    assert owe(till) == 0


def test_the_database_itself_lets_no_refund_hold_more_than_was_paid(till: Till) -> None:
    payment_id = paid(till)
    with till.database.writing() as session:
        assert not refunds.set_aside(session, payment_id, 300_001)
        assert refunds.set_aside(session, payment_id, 299_999)
        assert not refunds.set_aside(session, payment_id, 2)
    with pytest.raises(Exception, match="refunded_most"), till.database.writing() as session:
        session.execute(update(Payment).values(refunded=300_001))


def test_money_for_a_paid_order_that_was_cancelled_does_not_bring_it_back(till: Till) -> None:
    payment_id = paid(till)
    with till.database.writing() as session:
        session.execute(update(Order).values(status="cancelled", closed_at=Order.paid_at))
        order = orders.lock_by_ref(session, 1, till.order.ref)
        assert not orders.mark_paid(session, order, 300_000)
    assert till.payment(payment_id).status == "succeeded"
    assert till.state()[0] == "cancelled"
