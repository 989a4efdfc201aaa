"""Money going back: never more than came in, once, and the customer is told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select, update

from db import Database, audit
from db.models import AuditEntry, Customer, InboxEvent, Order, Payment, Refund
from errors import GatewayError, GatewayRejected, GatewayUnavailable, OutcomeUnknown
from orders import service as orders
from orders import totals
from payments import gateways, refunds
from payments.desk import PaymentDesk
from payments.gateways.base import RefundUpdate, Repayment
from payments.refunds import Given, RefundRefused
from tests.shop import place
from tests.till import Gateway, Till


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


# Staff give money back.


def give(
    till: Till, amount: int | None = None, reason: str = "damaged", *, key: str = "", reference: str = ""
) -> Given:
    with till.database.writing() as session:
        return refunds.request(
            session, 1, till.order.ref, amount, reason, actor="owner", key=key, reference=reference
        )


def refusal(till: Till, *args: object, **kwargs: str) -> str:
    with pytest.raises(RefundRefused) as refused:
        give(till, *args, **kwargs)  # type: ignore[arg-type]
    return refused.value.code


def test_where_the_gateway_cannot_pay_back_a_person_does_and_notes_the_reference(till: Till) -> None:
    paid(till)
    given = give(till, 100_000)
    assert (given.status, given.by_hand) == ("requested", True)
    assert till.state() == ("paid", "paid"), "nothing went back yet"
    with till.database.writing() as session:
        done = refunds.by_hand(session, 1, given.refund_id, "SKJBACK1", actor="owner")
    assert (done.status, done.by_hand) == ("manual", False)
    assert till.state() == ("paid", "part_refunded")
    assert till.money()[-1] == ("refund", 100_000, "")
    with till.database.reading() as session:
        assert totals.between(session, 1).refunded == 100_000
        assert session.scalars(select(Customer.spent)).one() == 200_000
        said = session.scalars(select(InboxEvent).where(InboxEvent.external_id.like("RefundSent:%"))).one()
        assert json.loads(said.raw) | {"payment_ref": ""} == {
            "event": "RefundSent",
            "order_ref": till.order.ref,
            "payment_ref": "",
            "amount": 100_000,
            "reference": "SKJBACK1",
        }
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["refund_requested", "refund_by_hand"]
    assert entries[1].before == {"status": "requested"}


def test_what_was_paid_back_already_is_noted_in_one_step(till: Till) -> None:
    paid(till)
    given = give(till, reference="SKJBACK1")
    assert (given.status, given.amount) == ("manual", 300_000)
    assert till.state() == ("paid", "refunded")


def test_never_more_goes_back_than_came(till: Till) -> None:
    paid(till)
    assert refusal(till, 300_001) == "refund_exceeds_paid"
    give(till, 200_000, reference="A")
    assert refusal(till, 100_001) == "refund_exceeds_paid"
    give(till, 100_000, reference="B")
    assert refusal(till, 1) == "nothing_to_refund"
    assert till.state() == ("paid", "refunded")


@pytest.mark.parametrize("amount", [0, -1, -300_000])
def test_nothing_and_less_than_nothing_cannot_go_back(till: Till, amount) -> None:
    paid(till)
    assert refusal(till, amount) == "refund_exceeds_paid"


def test_what_nobody_paid_cannot_go_back(till: Till) -> None:
    till.started()
    assert refusal(till, 100) == "nothing_to_refund"


def test_a_refund_needs_a_reason(till: Till) -> None:
    paid(till)
    assert refusal(till, 100, "  ") == "reason_needed"


def test_ten_identical_clicks_are_one_refund(till: Till) -> None:
    paid(till)
    with ThreadPoolExecutor(10) as pool:
        given = list(pool.map(lambda _: give(till, 50_000, key="click-1", reference="SKJBACK"), range(10)))
    assert {row.refund_id for row in given} == {all_refunds(till)[0].id}
    assert [row.amount for row in all_refunds(till)] == [50_000]
    assert till.money()[1:] == [("refund", 50_000, "")]
    assert till.told().count("RefundSent") == 1


def test_ten_different_people_at_once_give_back_no_more_than_was_paid(till: Till) -> None:
    paid(till)

    def click(number: int) -> str:
        try:
            return give(till, 100_000, key=f"click-{number}", reference=f"R{number}").status
        except RefundRefused as refused:
            return refused.code

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(click, range(10)))
    assert outcomes.count("manual") == 3
    assert sum(row.amount for row in all_refunds(till)) == 300_000
    assert till.state() == ("paid", "refunded")


def test_an_action_key_is_good_for_one_thing_only(till: Till) -> None:
    paid(till)
    given = give(till, 50_000, key="click-1")
    with pytest.raises(audit.KeyReused), till.database.writing() as session:
        refunds.by_hand(session, 1, given.refund_id, "X", actor="owner", key="click-1")


def test_a_refund_that_is_closed_stays_as_it_is(till: Till) -> None:
    paid(till)
    given = give(till, reference="SKJBACK1")
    with till.database.writing() as session, pytest.raises(RefundRefused, match="cannot become"):
        refunds.by_hand(session, 1, given.refund_id, "AGAIN", actor="owner")
    with till.database.writing() as session, pytest.raises(RefundRefused):
        refunds.drop(session, 1, given.refund_id, "no", actor="owner")
    assert till.money()[1:] == [("refund", 300_000, "")]


def test_a_refund_given_up_frees_what_it_held(till: Till) -> None:
    payment_id = paid(till)
    given = give(till, 100_000)
    with till.database.writing() as session:
        refunds.drop(session, 1, given.refund_id, "they keep it", actor="owner")
    assert till.payment(payment_id).refunded == 0
    assert till.told() == ["PaymentSucceeded"]
    give(till, 300_000, reference="ALL")


# Through a gateway that can pay back.


@dataclass
class Returning(Gateway):
    """A gateway that can pay back, and says what the test wants."""

    returns: list[RefundUpdate | GatewayError] = field(default_factory=list)
    found: list[RefundUpdate | GatewayError | None] = field(default_factory=list)
    repaid: list[Repayment] = field(default_factory=list)
    questions: list[Repayment] = field(default_factory=list)

    def refund(self, repayment: Repayment) -> RefundUpdate:
        self.repaid.append(repayment)
        answer = self.returns.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def ask_refund(self, repayment: Repayment) -> RefundUpdate | None:
        self.questions.append(repayment)
        answer = self.found.pop(0)
        if isinstance(answer, GatewayError):
            raise answer
        return answer


BACK = RefundUpdate("succeeded", "rf_1", "SKJBACK1")


@pytest.fixture
def returning(till: Till, monkeypatch) -> Returning:
    gateway = Returning()
    monkeypatch.setattr(gateways, "REGISTRY", (Returning, *gateways.REGISTRY[1:]))
    till.gateway = gateway
    till.desk = PaymentDesk(till.database, {"ghala": gateway}, till.bells)
    return gateway


def work(till: Till) -> None:
    """What the sweeper finds."""
    with till.database.reading() as session:
        found = refunds.due(session)
    for refund_id in found:
        till.desk.refunds.send(refund_id)


def test_a_gateway_that_can_pays_back_by_itself_under_the_stored_key(till: Till, returning) -> None:
    paid(till)
    returning.returns = [BACK]
    given = give(till, 100_000)
    assert not given.by_hand
    work(till)
    (repaid,) = returning.repaid
    assert (repaid.key, repaid.amount, repaid.transaction_ref) == (
        f"refund:{till.order.ref}:1",
        100_000,
        "SKJ4X2ABCD",
    )
    (refund,) = all_refunds(till)
    assert (refund.status, refund.transaction_ref, refund.gateway_ref) == ("succeeded", "SKJBACK1", "rf_1")
    assert till.state() == ("paid", "part_refunded")
    work(till)
    assert len(returning.repaid) == 1
    assert till.told().count("RefundSent") == 1


def test_an_unknown_outcome_is_asked_about_and_never_sent_blindly(till: Till, returning, now) -> None:
    paid(till)
    returning.returns = [OutcomeUnknown("timed out")]
    returning.found = [GatewayUnavailable("away"), BACK]
    give(till)
    work(till)
    assert all_refunds(till)[0].status == "pending"
    for _ in range(2):
        now.advance(600)
        work(till)
    assert (len(returning.repaid), len(returning.questions)) == (1, 2)
    assert till.state() == ("paid", "refunded")


def test_what_the_gateway_never_heard_of_is_sent_again_under_the_same_key(till: Till, returning, now) -> None:
    paid(till)
    returning.returns = [GatewayUnavailable("no route"), BACK]
    returning.found = [None]
    give(till)
    work(till)
    now.advance(600)
    work(till)
    assert len({repaid.key for repaid in returning.repaid}) == 1
    assert till.state() == ("paid", "refunded")


def test_a_worker_that_dies_before_its_call_is_followed_by_a_question(till: Till, returning, now) -> None:
    paid(till)
    give(till)
    with till.database.writing() as session:
        assert till.desk.refunds._claim(session, all_refunds(till)[0].id) is not None
    returning.found = [BACK]
    now.advance(31)
    work(till)
    assert returning.repaid == []
    assert till.state() == ("paid", "refunded")


def test_a_no_is_for_a_person_who_pays_by_hand_after_all(till: Till, returning) -> None:
    payment_id = paid(till)
    returning.returns = [GatewayRejected("too old", reason="too_old", status=422)]
    give(till)
    work(till)
    (refund,) = all_refunds(till)
    assert (refund.status, refund.error, refund.closed_at) == ("failed", "too_old", None)
    assert till.payment(payment_id).refunded == 300_000
    with till.database.writing() as session:
        refunds.by_hand(session, 1, refund.id, "CASH-7", actor="owner")
    assert till.state() == ("paid", "refunded")


def test_a_no_may_be_tried_again(till: Till, returning) -> None:
    paid(till)
    returning.returns = [RefundUpdate("failed", reason="no float"), BACK]
    give(till)
    work(till)
    with till.database.writing() as session:
        refunds.send(session, 1, all_refunds(till)[0].id, actor="owner")
    work(till)
    assert till.state() == ("paid", "refunded")


def test_no_gateway_is_called_in_a_transaction_and_two_workers_call_once(till: Till, returning) -> None:
    paid(till)
    returning.returns = [BACK]
    given = give(till)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: till.desk.refunds.send(given.refund_id), range(4)))
    assert len(returning.repaid) == 1
    assert [row for row in till.money() if row[0] == "refund"] == [("refund", 300_000, "")]
