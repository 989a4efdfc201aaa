"""From a stored payment to booked money: verified news only, each shilling once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select

from db import Database, inbox
from db.models import InboxEvent, MoneyEvent, Order
from errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown
from orders import reading, totals
from orders import service as orders
from payments import desk, service
from payments.gateways.base import Charge, PaymentUpdate, Started
from payments.service import PaymentRefusal
from tests.shop import PHONE, place, product
from tests.till import OPEN, PAID, Till


@pytest.fixture
def till(database: Database, now) -> Till:
    return Till(database, now)


def test_a_payment_goes_to_the_gateway_with_its_own_reference_and_key(till: Till) -> None:
    payment_id = till.started()
    (charge,) = till.gateway.started
    assert charge.ref.startswith("PAY-")
    assert (charge.amount, charge.currency, charge.phone, charge.method) == (300_000, "KES", PHONE, "mpesa")
    assert charge.key.startswith("pay:")
    payment = till.payment(payment_id)
    assert (payment.status, payment.gateway_ref) == ("pending", "gh_1")


def test_news_of_a_charge_whose_answer_was_lost_makes_another_call_needless(till: Till, now) -> None:
    payment_id = till.request()
    till.gateway.starts = [GatewayUnavailable("the answer was lost")]
    till.desk.start(payment_id)
    till.hear("payment.pending", external_id=till.payment(payment_id).ref)
    assert (till.payment(payment_id).status, till.payment(payment_id).gateway_ref) == ("pending", "gh_1")
    now.advance(60)
    till.desk.start(payment_id)
    assert len(till.gateway.started) == 1


def test_a_payment_stays_with_the_charge_that_was_heard_of_when_another_call_made_a_second(
    till: Till,
) -> None:
    payment_id = till.request()
    till.hear("payment.pending", external_id=till.payment(payment_id).ref)
    with till.database.writing() as session:
        service.started(session, payment_id, Started("gh_2"))
    assert till.payment(payment_id).gateway_ref == "gh_1"


@pytest.mark.parametrize("charge", ["gh_1", "gh_2"])
def test_a_page_to_pay_on_is_learnt_though_news_of_the_charge_came_first(till: Till, charge: str) -> None:
    payment_id = till.request("card", None)
    till.hear("payment.pending", external_id=till.payment(payment_id).ref)
    till.gateway.starts = [Started(charge, "https://pay.example/1")]
    till.desk.start(payment_id)
    payment = till.payment(payment_id)
    assert (payment.status, payment.gateway_ref, payment.link) == ("pending", charge, "https://pay.example/1")


def test_starting_a_payment_twice_calls_the_gateway_once(till: Till) -> None:
    payment_id = till.started()
    till.desk.start(payment_id)
    assert len(till.gateway.started) == 1


def dies_calling(till: Till, payment_id: int) -> None:
    """The worker is gone before it wrote down what the gateway answered."""

    def dies(_: object) -> Started:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(till.gateway, "start", dies)
        with pytest.raises(KeyboardInterrupt):
            till.desk.start(payment_id)


def cancelled(till: Till) -> None:
    with till.database.writing() as session:
        orders.cancel(session, 1, till.order.ref)


def expired(till: Till) -> None:
    till.now.advance(25 * 3600)
    with till.database.writing() as session:
        orders.expire(session, orders.lock_by_ref(session, 1, till.order.ref).id)


def paid_otherwise(till: Till) -> None:
    with till.database.writing() as session:
        order = orders.lock_by_ref(session, 1, till.order.ref)
        assert orders.mark_paid(session, order, order.total)


@pytest.mark.parametrize(
    ("close", "reason"),
    [(cancelled, "order_closed"), (expired, "order_closed"), (paid_otherwise, "already_paid")],
)
def test_nobody_is_prompted_for_an_order_that_no_longer_wants_money(till: Till, close, reason) -> None:
    payment_id = till.request()
    close(till)
    till.desk.start(payment_id)
    till.desk.ask(payment_id)
    assert till.gateway.started == till.gateway.asked == []
    payment = till.payment(payment_id)
    assert (payment.status, payment.reason, payment.next_ask_at) == ("failed", reason, None)
    assert till.state()[1] != "pending"
    assert till.told()[-1] == "PaymentFailed"


def test_a_cancellation_under_way_is_waited_for_before_anybody_is_prompted(till: Till) -> None:
    payment_id = till.request()
    going = threading.Event()

    def looks(*_: object) -> None:
        going.set()

    def start() -> None:
        if till.database.on_sqlite:
            going.set()  # its turn to write comes after ours, before any statement
        till.desk.start(payment_id)

    worker = threading.Thread(target=start)
    with till.database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
        event.listen(till.database.engine, "before_cursor_execute", looks)
        worker.start()
        assert going.wait(10)
    event.remove(till.database.engine, "before_cursor_execute", looks)
    worker.join(10)
    assert till.gateway.started == []
    assert till.payment(payment_id).status == "failed"


def test_of_a_cancellation_and_a_prompt_at_once_each_order_sees_one_story(till: Till) -> None:
    seen = []
    began = till.gateway.start

    def start(charge: Charge) -> Started:
        seen.append(charge.ref)
        return began(charge)

    till.gateway.start = start  # type: ignore[method-assign]
    payment_id = till.request()
    with ThreadPoolExecutor(2) as pool:
        for work in [pool.submit(cancelled, till), pool.submit(till.desk.start, payment_id)]:
            work.result(10)
    payment = till.payment(payment_id)
    assert till.state()[0] == "cancelled"
    assert (payment.status, payment.reason) == (("pending", "") if seen else ("failed", "order_closed"))


def test_what_may_have_been_prompted_already_is_found_out_about_even_when_cancelled(till: Till) -> None:
    payment_id = till.request()

    dies_calling(till, payment_id)
    cancelled(till)
    till.now.advance(30)
    till.desk.start(payment_id)
    assert till.payment(payment_id).status == "pending", "the same call, to learn what it was called there"


def test_what_certainly_did_not_start_is_not_tried_again_for_a_closed_order(till: Till) -> None:
    till.gateway.starts = [GatewayUnavailable("away")]
    payment_id = till.started()
    cancelled(till)
    till.now.advance(2)
    till.desk.start(payment_id)
    assert len(till.gateway.started) == 1
    assert till.payment(payment_id).status == "failed"


def test_what_a_killed_worker_left_is_due_when_its_lease_ends_and_not_later(till: Till) -> None:
    payment_id = till.request()
    patience = 5.0

    def due() -> list[tuple[int, str]]:
        with till.database.reading() as session:
            return desk.due(session, patience)

    assert due() == [], "somebody is on the way to a fresh one"
    dies_calling(till, payment_id)
    till.now.advance(29)
    assert due() == []
    till.now.advance(1)
    assert due() == [(payment_id, "created")]


def test_a_prompt_that_went_out_late_is_not_replaced_before_its_time(till: Till, now) -> None:
    payment_id = till.request()
    now.advance(110)  # the gateway was away
    till.desk.start(payment_id)
    now.advance(15)
    with pytest.raises(PaymentRefusal):
        till.request()
    now.advance(121)
    till.request()
    assert till.payment(payment_id).status == "expired"


def test_one_open_payment_per_order_whatever_is_tapped(till: Till) -> None:
    till.started()
    for method in ("mpesa", "airtel", "card"):
        with pytest.raises(PaymentRefusal) as refusal:
            till.request(method)
        assert refusal.value.code == "already_open"


def test_a_verified_success_books_payment_order_money_and_news_together(till: Till) -> None:
    payment_id = till.started()
    till.hear()
    assert till.state() == PAID
    assert till.payment(payment_id).status == "succeeded"
    assert till.money() == [("payment", 300_000, "")]
    assert till.told() == ["PaymentSucceeded"]
    with till.database.reading() as session:
        counted = totals.between(session, 1)
        assert (counted.orders_paid, counted.revenue, counted.orders_pending) == (1, 300_000, 0)
        receipt = reading.receipt(session, 1, till.order.ref)
        assert receipt is not None
        assert (receipt.reference, receipt.method, receipt.amount) == ("SKJ4X2ABCD", "mpesa", 300_000)


def test_a_second_webhook_does_not_pay_twice(till: Till) -> None:
    till.started()
    till.hear()
    till.hear()
    assert till.money() == [("payment", 300_000, "")]
    assert till.told() == ["PaymentSucceeded"]


@pytest.mark.parametrize("name", ["payment.success", "payment.successful", "payment.completed"])
def test_every_alias_of_success_pays(till: Till, name: str) -> None:
    till.started()
    till.hear(name, transaction_reference="TX")
    assert till.state() == PAID


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"amount": 3001}, "wrong_amount"),
        ({"amount": 2999}, "wrong_amount"),
        ({"amount": 0}, "wrong_amount"),
        ({"amount": "1,500"}, "no_amount"),
        ({"amount": True}, "no_amount"),
        ({"amount": -3000}, "no_amount"),
        ({"amount": 3000.5}, "wrong_amount"),
        ({"amount": 2**63}, "no_amount"),
        ({"amount": 10**14}, "wrong_amount"),
        ({"currency": "TZS"}, "wrong_currency"),
        ({"currency": "USD"}, "wrong_currency"),
        ({"external_id": "PAY-OTHER"}, "other_payment"),
    ],
)
def test_evidence_that_does_not_fit_pays_nothing_and_is_kept(till: Till, data, reason) -> None:
    payment_id = till.started()
    till.hear(**data)
    assert till.state() == OPEN
    assert till.payment(payment_id).status == "pending"
    ((kind, _, said),) = till.money()
    assert (kind, said) == ("unmatched", reason)
    assert till.told() == []


@pytest.mark.parametrize("amount", ["3000.00", "3000.0", 3000, 3000.0])
def test_the_same_amount_written_differently_pays(till: Till, amount) -> None:
    till.started()
    till.hear(amount=amount)
    assert till.state() == PAID


def test_an_unknown_order_is_parked_and_becomes_unmatched_after_ten_minutes(till: Till, now) -> None:
    till.started()
    event_id = till.hear(order_id="gh_999")
    assert till.waiting(event_id)
    assert till.money() == []
    now.advance(601)
    till.desk.process(event_id)
    assert not till.waiting(event_id)
    assert till.money() == [("unmatched", 300_000, "unknown_order")]


def test_a_webhook_that_overtakes_the_answer_is_matched_when_the_order_is_known(till: Till) -> None:
    payment_id = till.request()
    event_id = till.hear()
    assert till.waiting(event_id)
    till.desk.start(payment_id)
    assert ("payment", event_id) in till.bells.rung
    till.desk.process(event_id)
    assert till.state() == PAID


def test_a_failure_is_told_with_its_reason_and_the_order_may_be_paid_again(till: Till) -> None:
    payment_id = till.started()
    till.hear("payment.failed", failure_reason="1032: Request cancelled by user")
    payment = till.payment(payment_id)
    assert (payment.status, payment.reason) == ("failed", "cancelled")
    assert till.state() == ("pending_payment", "failed")
    assert till.told() == ["PaymentFailed"]
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2")
    assert till.state() == PAID


def test_money_that_is_booked_is_not_kept_again_when_it_is_told_under_another_order(till: Till) -> None:
    payment_id = till.started()
    till.hear()
    till.hear(order_id="gh_2", external_id=till.payment(payment_id).ref)
    assert till.money() == [("payment", 300_000, "")]


def kept(till: Till) -> list[tuple[str | None, str]]:
    with till.database.reading() as session:
        rows = session.scalars(
            select(MoneyEvent).where(MoneyEvent.kind == "unmatched").order_by(MoneyEvent.id)
        )
        return [(row.transaction_ref, row.reason) for row in rows]


def test_unmatched_money_without_a_reference_is_named_after_the_order_it_was_told_about(till: Till) -> None:
    ref = till.payment(till.started()).ref
    for order_id in ("gh_2", "gh_3", "gh_2"):
        till.hear(order_id=order_id, external_id=ref, transaction_reference=None)
    assert kept(till) == [("order:gh_2", "other_order"), ("order:gh_3", "other_order")]
    till.hear(order_id="gh_3", external_id=ref, transaction_reference="TX3")
    assert kept(till) == [("order:gh_2", "other_order"), ("TX3", "other_order")]


def test_unmatched_money_told_with_its_reference_first_is_not_kept_again_without(till: Till) -> None:
    ref = till.payment(till.started()).ref
    till.hear(order_id="gh_2", external_id=ref, transaction_reference="TX2")
    till.hear(order_id="gh_2", external_id=ref, transaction_reference=None)
    assert kept(till) == [("TX2", "other_order")]
    till.hear(order_id="gh_3", external_id=ref, transaction_reference=None)
    assert kept(till) == [("TX2", "other_order"), ("order:gh_3", "other_order")], (
        "another order's is other money"
    )


def test_unmatched_money_of_an_order_we_know_by_no_other_name_bears_the_payments(till: Till) -> None:
    payment_id = till.started()
    till.hear(amount=1, transaction_reference=None)
    till.hear(amount=1, transaction_reference=None)
    assert kept(till) == [(f"order:{till.payment(payment_id).gateway_ref}", "wrong_amount")]


def test_a_booking_gets_its_reference_although_money_was_kept_under_it(till: Till) -> None:
    payment_id = till.started()
    till.hear(amount=2, transaction_reference="TX1")
    till.hear(currency="TZS", transaction_reference=None)
    till.hear(transaction_reference=None)
    till.hear(transaction_reference="TX1")
    assert kept(till) == [("TX1", "wrong_amount"), ("order:gh_1", "wrong_currency")]
    assert till.payment(payment_id).transaction_ref == "TX1"
    with till.database.reading() as session:
        (booked,) = session.scalars(select(MoneyEvent).where(MoneyEvent.kind == "payment"))
        waiting = session.scalars(select(MoneyEvent).where(MoneyEvent.settled_at.is_(None)))
        assert booked.transaction_ref == "TX1"
        assert [row.kind for row in waiting] == ["payment"], "what was kept turned out to be this money"


def test_a_failure_after_success_changes_nothing(till: Till) -> None:
    till.started()
    till.hear()
    till.hear("payment.failed", failure_reason="1037")
    assert till.state() == PAID
    assert till.told() == ["PaymentSucceeded"]


def test_late_success_after_a_failure_is_booked(till: Till) -> None:
    till.started()
    till.hear("payment.failed", failure_reason="1037")
    till.hear()
    assert till.state() == PAID
    assert till.told() == ["PaymentFailed", "PaymentSucceeded"]


def test_success_for_an_expired_order_is_honoured_when_the_goods_are_there(database: Database, now) -> None:
    till = Till(database, now)
    till.started()
    with database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
    till.hear()
    assert till.state() == PAID


def test_success_for_a_closed_order_whose_goods_are_gone_is_due_back(database: Database, now) -> None:
    till = Till(database, now)
    till.order = place(database, now(), [("BASKET", 5)], seed=3)
    payment_id = till.started()
    with database.writing() as session:
        orders.cancel(session, 1, till.order.ref)
    place(database, now(), [("BASKET", 5)], wa_id="254700000001", seed=4)
    till.hear(amount=14000)
    assert till.state()[0] == "cancelled"
    assert till.payment(payment_id).status == "succeeded"
    assert till.money() == [("refund_due", 1_400_000, "order_closed")]
    assert till.told() == ["MoneyWithoutOrder"]
    with database.reading() as session:
        basket = product(session, "BASKET")
        assert (basket.available, basket.reserved, basket.sold) == (0, 5, 0)


def test_the_same_transaction_cannot_pay_two_orders(database: Database, now) -> None:
    till = Till(database, now)
    till.started()
    till.hear()
    till.order = place(database, now(), seed=5)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2")
    assert till.state() == OPEN
    assert till.money()[1] == ("unmatched", 300_000, "reference_reused")


def test_a_second_payment_of_the_same_order_is_due_back(till: Till, now) -> None:
    till.started()
    now.advance(121)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.hear(order_id="gh_2", transaction_reference="TX2")
    till.hear(order_id="gh_1", transaction_reference="TX1")
    assert till.money() == [("payment", 300_000, ""), ("refund_due", 300_000, "already_paid")]
    assert till.told() == ["PaymentSucceeded", "MoneyWithoutOrder"]


def test_a_signature_without_time_is_believed_only_after_asking(till: Till) -> None:
    till.gateway.confirms_webhooks = True
    till.started()
    event_id = till.hear()
    assert till.state() == OPEN
    assert till.waiting(event_id)
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1")]
    till.now.advance(3)
    till.desk.process(event_id)
    assert till.state() == PAID
    assert [charge.gateway_ref for charge in till.gateway.asked] == ["gh_1", "gh_1"]


def test_a_success_that_is_never_confirmed_becomes_unmatched_money(till: Till, now) -> None:
    till.gateway.confirms_webhooks = True
    till.started()
    till.gateway.answers = [PaymentUpdate("failed", reason="cancelled")] * 20
    event_id = till.hear()
    for _ in range(10):
        now.advance(300)
        till.desk.process(event_id)
    assert till.state()[0] == "pending_payment"
    assert till.money() == [("unmatched", 300_000, "not_confirmed")]


def test_a_stale_webhook_is_confirmed_even_where_signatures_carry_time(till: Till) -> None:
    till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1", amount=300_000, currency="KES")]
    till.hear(lane="late")
    assert len(till.gateway.asked) == 1
    assert till.state() == PAID


def test_a_hint_alone_proves_nothing_but_points_to_what_to_ask(till: Till) -> None:
    payment_id = till.request()
    ref = till.payment(payment_id).ref
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_7", payment_ref="PAY-SOMEBODY")]
    event_id = till.hear(order_id="gh_7", hint=ref)
    assert till.state() == OPEN
    till.gateway.answers = [
        PaymentUpdate("succeeded", gateway_ref="gh_7", payment_ref=ref, amount=300_000, currency="KES")
    ]
    till.now.advance(5)
    till.desk.process(event_id)
    assert till.state() == PAID
    assert till.payment(payment_id).gateway_ref == "gh_7"


def test_an_unclear_outcome_is_unknown_and_asked_about_never_failed(till: Till, now) -> None:
    till.gateway.starts = [OutcomeUnknown("timed out")]
    payment_id = till.started()
    assert till.payment(payment_id).status == "unknown"
    assert till.told() == ["PaymentUnknown"]
    till.gateway.answers = [PaymentUpdate("pending", gateway_ref="gh_1")]
    now.advance(11)
    till.desk.ask(payment_id)
    assert (till.payment(payment_id).status, till.payment(payment_id).gateway_ref) == ("pending", "gh_1")
    with pytest.raises(PaymentRefusal):
        till.request()


def test_an_unreachable_gateway_is_tried_again_with_the_same_key_and_then_given_up(till: Till, now) -> None:
    till.gateway.starts = [GatewayUnavailable("refused")] * 5
    payment_id = till.started()
    for _ in range(4):
        now.advance(61)
        till.desk.start(payment_id)
    assert {charge.key for charge in till.gateway.started} == {till.payment(payment_id).key}
    assert (till.payment(payment_id).status, till.payment(payment_id).reason) == ("failed", "unavailable")
    assert till.told() == ["PaymentFailed"]


def test_a_refused_charge_has_failed(till: Till) -> None:
    till.gateway.starts = [GatewayRejected("no", reason="invalid_phone", status=422)]
    payment_id = till.started()
    assert till.payment(payment_id).status == "failed"


def test_a_card_payment_sends_its_link(till: Till) -> None:
    till.gateway.starts = [Started("gh_1", "https://pay.example/1")]
    payment_id = till.request("card", None)
    till.desk.start(payment_id)
    assert till.payment(payment_id).link == "https://pay.example/1"
    assert till.payment(payment_id).phone is None
    assert till.gateway.started[0].phone == PHONE
    assert till.told() == ["PaymentLinkReady"]


def test_silence_is_asked_about_at_70_seconds_then_2_4_8_minutes(till: Till, now) -> None:
    payment_id = till.started()
    waits = []
    for _ in range(5):
        due = till.payment(payment_id).next_ask_at
        assert due is not None
        waits.append((due - now()).total_seconds())
        now.advance(waits[-1])
        till.desk.ask(payment_id)
    assert waits == [70, 120, 240, 480, 960]


def test_a_lost_webhook_still_pays_when_the_gateway_is_asked(till: Till, now) -> None:
    payment_id = till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1", transaction_ref="TX9")]
    now.advance(71)
    till.desk.ask(payment_id)
    assert till.state() == PAID
    till.hear(transaction_reference="TX9")
    assert till.money() == [("payment", 300_000, "")]


def test_the_webhook_after_an_answer_without_reference_gives_the_money_its_name(till: Till, now) -> None:
    payment_id = till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1")]
    now.advance(71)
    till.desk.ask(payment_id)
    till.hear(transaction_reference="TX9")
    assert till.payment(payment_id).transaction_ref == "TX9"
    assert till.money() == [("payment", 300_000, "")]


def test_after_three_days_of_silence_a_payment_expires_but_late_money_is_still_money(till: Till, now) -> None:
    payment_id = till.started()
    now.advance(3 * 24 * 3600 + 1)
    till.desk.ask(payment_id)
    assert till.payment(payment_id).status == "expired"
    till.hear()
    assert till.payment(payment_id).status == "succeeded"


def test_who_asks_is_told_even_that_there_is_no_answer_yet(till: Till) -> None:
    payment_id = till.started()
    till.wonders(payment_id)
    assert till.told() == ["PaymentStillPending"]


def test_prompts_to_somebody_elses_phone_are_limited(till: Till, now) -> None:
    for attempt in range(3):
        till.gateway.starts = [GatewayRejected("no", reason="2001", status=422)]
        payment_id = till.request(phone="+254722000111")
        till.desk.start(payment_id)
        assert till.payment(payment_id).status == "failed", attempt
    with pytest.raises(PaymentRefusal) as refusal:
        till.request(phone="+254722000111")
    assert refusal.value.code == "too_many_prompts"
    till.request(phone=PHONE)


def test_fifty_copies_at_the_same_instant_book_once(till: Till) -> None:
    from concurrent.futures import ThreadPoolExecutor

    till.started()
    raw = b'{"event":"payment.success","data":{"order_id":"gh_1","amount":3000,"currency":"KES","transaction_reference":"T"}}'
    with till.database.writing() as session:
        events = [inbox.NewEvent("payment", f"copy{i}", raw, match_key="gh_1") for i in range(20)]
        ids = [event_id for event_id, _ in inbox.record(session, 1, "payments:main", events)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(till.desk.process, ids))
    assert till.money() == [("payment", 300_000, "")]
    with till.database.reading() as session:
        assert session.scalar(select(func.sum(Order.total)).where(Order.status == "paid")) == 300_000


def waits(till: Till, payment_id: int) -> float | None:
    due = till.payment(payment_id).next_ask_at
    return None if due is None else (due - till.now()).total_seconds()


def test_a_customer_who_asks_again_and_again_does_not_put_off_the_next_question(till: Till, now) -> None:
    payment_id = till.started()
    for _ in range(10):
        now.advance(5)
        till.wonders(payment_id)
    assert len(till.gateway.asked) == 10
    assert waits(till, payment_id) == 20
    assert till.told() == ["PaymentStillPending"] * 10


@pytest.mark.parametrize("failure", [GatewayUnavailable("refused"), OutcomeUnknown("garbage")])
def test_a_gateway_that_does_not_answer_leaves_an_unknown_payment_unknown(till: Till, now, failure) -> None:
    till.gateway.starts = [OutcomeUnknown("timed out")]
    payment_id = till.started()
    till.gateway.answers = [failure] * 3
    for _ in range(3):
        now.advance(130)
        till.desk.ask(payment_id)
    assert till.payment(payment_id).status == "unknown"
    with pytest.raises(PaymentRefusal) as refusal:
        till.request()
    assert refusal.value.code == "already_open"


def test_who_asks_about_an_unknown_payment_is_told_when_the_gateway_knows_it(till: Till, now) -> None:
    till.gateway.starts = [OutcomeUnknown("timed out")]
    payment_id = till.started()
    till.gateway.answers = [PaymentUpdate("pending", gateway_ref="gh_1")]
    now.advance(11)
    till.wonders(payment_id)
    assert till.payment(payment_id).status == "pending"
    assert till.told() == ["PaymentUnknown", "PaymentStillPending"]
    assert till.bells.rung[-1][0] == "internal"


def test_a_failed_payment_is_asked_about_until_three_days_have_passed(till: Till, now) -> None:
    payment_id = till.started()
    now.advance(30)
    till.hear("payment.failed", failure_reason="1037")
    assert waits(till, payment_id) == 40
    asked = 0
    while (wait := waits(till, payment_id)) is not None:
        till.gateway.answers = [PaymentUpdate("failed", gateway_ref="gh_1", reason="timeout")]
        now.advance(wait)
        till.desk.ask(payment_id)
        asked += 1
    assert asked == len(till.gateway.asked) == 20
    assert till.told() == ["PaymentFailed"]


def test_late_success_whose_news_was_lost_is_found_by_asking(till: Till, now) -> None:
    payment_id = till.started()
    till.hear("payment.failed", failure_reason="1037")
    till.gateway.answers = [
        PaymentUpdate("succeeded", gateway_ref="gh_1", amount=300_000, transaction_ref="T")
    ]
    now.advance(71)
    till.desk.ask(payment_id)
    assert till.state() == PAID


def test_a_replaced_payment_is_asked_about_on_schedule_and_not_for_ever(till: Till, now) -> None:
    first = till.started()
    now.advance(121)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    assert till.payment(first).status == "expired"
    till.desk.ask(first)
    assert waits(till, first) == 190 - 121
    now.advance(4 * 24 * 3600)
    till.desk.ask(first)
    assert waits(till, first) is None


def test_a_payment_that_never_reached_the_gateway_is_not_charged_by_asking(till: Till, now) -> None:
    till.gateway.starts = [GatewayRejected("no", reason="2001", status=422)]
    payment_id = till.started()
    till.wonders(payment_id)
    assert till.gateway.asked == []
    assert till.told() == ["PaymentFailed", "PaymentFailed"]
    assert waits(till, payment_id) is None


def test_a_webhook_without_an_order_id_does_not_make_us_charge_by_asking(till: Till) -> None:
    till.gateway.confirms_webhooks = True
    payment_id = till.request()
    till.hear(order_id=None, external_id=till.payment(payment_id).ref)
    assert till.gateway.asked == []
    assert till.state() == OPEN


WRONG = [
    ({"amount": 299_900, "currency": "KES"}, "wrong_amount"),
    ({"amount": 300_000, "currency": "TZS"}, "wrong_currency"),
    ({"payment_ref": "PAY-OTHER"}, "other_payment"),
    ({"gateway_ref": "gh_9"}, "other_order"),
]


@pytest.mark.parametrize(("said", "reason"), WRONG)
def test_what_the_gateway_itself_says_and_does_not_fit_needs_a_person(till: Till, now, said, reason) -> None:
    payment_id = till.started()
    answer = PaymentUpdate("succeeded", **({"gateway_ref": "gh_1"} | said))
    for _ in range(3):
        till.gateway.answers = [answer]
        now.advance(130)
        till.wonders(payment_id)
    payment = till.payment(payment_id)
    assert (payment.status, payment.reason) == ("needs_review", reason)
    assert till.state() == OPEN
    ((kind, _, said_of_it),) = till.money()
    assert (kind, said_of_it) == ("unmatched", reason)
    assert till.told() == ["PaymentUnknown", "PaymentStillPending", "PaymentStillPending"]
    with pytest.raises(PaymentRefusal) as refusal:
        till.request()
    assert refusal.value.code == "already_open"


def test_a_payment_under_review_does_not_expire_but_the_gateway_may_mend_it(till: Till, now) -> None:
    payment_id = till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1", amount=1, transaction_ref="T1")]
    till.wonders(payment_id)
    now.advance(4 * 24 * 3600)
    till.desk.ask(payment_id)
    assert till.payment(payment_id).status == "needs_review"
    till.gateway.answers = [
        PaymentUpdate("succeeded", gateway_ref="gh_1", amount=300_000, currency="KES", transaction_ref="T1")
    ]
    till.wonders(payment_id)
    assert till.state() == PAID
    with till.database.reading() as session:
        rows = session.scalars(select(MoneyEvent).order_by(MoneyEvent.id)).all()
        assert [(row.kind, row.settled_at is not None) for row in rows] == [
            ("unmatched", True),
            ("payment", False),
        ]


def test_a_webhook_that_does_not_fit_is_kept_but_stops_nobody(till: Till) -> None:
    payment_id = till.started()
    till.hear(amount=1)
    assert till.payment(payment_id).status == "pending"


def test_a_review_never_makes_a_second_open_payment(till: Till, now) -> None:
    first = till.started()
    now.advance(121)
    till.gateway.starts = [Started("gh_2")]
    till.started()
    till.gateway.answers = [PaymentUpdate("succeeded", gateway_ref="gh_1", amount=1)]
    till.desk.ask(first)
    assert till.payment(first).status == "expired"
    assert [row[0] for row in till.money()] == ["unmatched"]


def test_an_order_id_that_is_another_payments_needs_a_person(database: Database, now) -> None:
    till = Till(database, now)
    till.started()
    till.order = place(database, now(), seed=5)
    payment_id = till.started()
    assert (till.payment(payment_id).status, till.payment(payment_id).reason) == (
        "needs_review",
        "order_reused",
    )


def test_a_failure_of_another_order_does_not_fail_this_payment(till: Till) -> None:
    payment_id = till.started()
    ref = till.payment(payment_id).ref
    till.hear("payment.failed", order_id="gh_8", external_id=ref, failure_reason="1032")
    assert till.payment(payment_id).status == "pending"


def test_tries_to_reach_the_gateway_do_not_count_as_questions(till: Till, now) -> None:
    till.gateway.starts = [GatewayUnavailable("refused")] * 3
    payment_id = till.started()
    for _ in range(3):
        now.advance(20)
        till.desk.start(payment_id)
    assert till.payment(payment_id).status == "pending"
    assert waits(till, payment_id) == 10


def test_news_of_a_payment_is_never_taken_for_a_customers_event(till: Till) -> None:
    till.started()
    till.hear()
    with till.database.reading() as session:
        told = session.scalars(select(InboxEvent.id).where(InboxEvent.kind == "internal")).one()
    till.desk.process(told)
    assert till.waiting(told)
