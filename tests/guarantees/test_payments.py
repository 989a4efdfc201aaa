"""Guarantees about money: asked for once, booked once, by evidence only, and never out of sight."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, update

from db.models import InboxEvent, MoneyEvent, Order, OutboxMessage, Payment, Product, StockReservation
from orders import service as orders
from payments import desk, reconciliation
from tests.guarantees.world import AMINA, BRIAN, World

PAYMENTS = "/api/webhooks/ghala"


def test_guarantee_10_expiry_and_payment_have_one_winner(each_world: World) -> None:
    world = each_world
    for number in range(5):
        wa_id = f"2547330000{number:02}"
        world.orders(wa_id, product="BASKET", quantity=1)
        world.taps("pay:mpesa", wa_id)
        order_id, gateway_ref = world.order().id, f"gh_{number + 1}"
        world.pays("payment.failed", order_id=gateway_ref, failure_reason="1037")
        world.work()
        world.now.advance(1801)
        world.pays(order_id=gateway_ref, amount=2800, transaction_reference=f"TX{number}")
        event_id = world.rows(InboxEvent)[-1].id
        expire, apply = world.new_tasks().expire_order, world.new_tasks()._desk.process

        def race(which: int, order_id: int = order_id, event_id: int = event_id) -> None:
            expire(order_id) if which else apply(event_id)  # noqa: B023

        world.at_once(2, race)
        with world.database.writing() as session:  # the next one finds the shelf full again
            session.execute(
                update(Product).where(Product.sku == "BASKET").values(available=5, reserved=0, sold=0)
            )
    world.work()
    assert {order.status for order in world.rows(Order)} == {"paid"}, "the money was there in time"
    assert world.money() == [("payment", 280_000)] * 5
    with world.database.reading() as session:
        assert set(session.scalars(select(StockReservation.status))) == {"sold"}


def test_guarantee_10_no_order_expires_while_news_of_its_payment_waits(world: World) -> None:
    world.prompted()
    world.pays("payment.failed", failure_reason="1037")
    world.work()
    world.now.advance(1801)
    world.pays()
    with world.database.writing() as session:
        assert orders.expire(session, world.order().id) is None
    world.work()
    assert world.order().status == "paid"


def test_guarantee_10_nothing_holds_stock_for_more_than_a_day(world: World) -> None:
    world.orders(product="BASKET", quantity=2)
    world.taps("pay:mpesa")
    world.passes(1801)
    assert world.order().status == "pending_payment", "a payment is open"
    assert world.basket() == (3, 2, 0)
    world.passes(23 * 3600)
    world.passes(3600)
    assert world.order().status == "expired"
    assert world.basket() == (5, 0, 0)


def test_guarantee_11_no_lock_is_held_while_ghala_is_called(each_world: World) -> None:
    world = each_world
    for number in range(5):
        world.says("hi", f"25473400000{number}")
    world.orders()
    hanging, done = Event(), Event()

    def hangs(_order: str) -> None:
        hanging.set()
        done.wait(30)

    world.ghala.on_charge = hangs
    world.hears(world.button(world.shown("pay:mpesa")))
    advance = world.tasks.by_name()["advance"]
    for name, row_id in world.due():
        assert name == "advance"
        advance(row_id)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(world.new_tasks().by_name()["start_payment"], world.payment().id)
        assert hanging.wait(10)
        waits = []
        for number in range(5):
            begun = time.monotonic()
            wa_id = f"25473400000{number}"
            world.hears({"type": "text", "text": {"body": "products"}}, wa_id)
            advance(world.rows(InboxEvent)[-1].id)
            waits.append(time.monotonic() - begun)
        world.send()
        assert not call.done()
        done.set()
        call.result(10)
    assert max(waits) < 2
    assert all(len(world.seen(f"25473400000{number}")) == 2 for number in range(5))
    assert world.payment().status == "pending"


def test_guarantee_12_one_open_prompt_per_order(each_world: World) -> None:
    world = each_world
    world.orders()
    button = world.button(world.shown("pay:mpesa"))
    taps = [world.message(button) for _ in range(2)]
    world.at_once(50, lambda n: world.post("/api/messages/incoming", taps[n % 2], delivery=f"tap{n % 2}"))
    advance = world.tasks.by_name()["advance"]
    ids = [row_id for _, row_id in world.due()]
    world.at_once(8, lambda n: advance(ids[n % len(ids)]))
    world.work()
    world.at_once(8, lambda _: world.new_tasks().by_name()["start_payment"](world.payment().id))
    assert world.ghala.prompts == 1
    assert world.count(Payment) == 1


def test_guarantee_12_nobody_is_prompted_for_an_order_closed_meanwhile(each_world: World) -> None:
    world = each_world
    world.orders()
    world.hears(world.button(world.shown("pay:mpesa")))
    advance = world.tasks.by_name()["advance"]
    for name, row_id in world.due():
        assert name == "advance"
        advance(row_id)  # the payment is stored, and nobody has taken it anywhere yet
    world.says("cancel")
    assert world.order().status == "cancelled"
    world.work()
    assert world.ghala.prompts == 0
    assert (world.payment().status, world.payment().reason) == ("failed", "order_closed")
    world.assert_sound()


@pytest.mark.parametrize(("honours_keys", "prompts"), [(True, 1), (False, 2)])
def test_guarantee_13_a_retry_is_not_a_second_prompt(world: World, honours_keys, prompts) -> None:
    world.ghala.honours_keys = honours_keys
    world.ghala.charge_failures = ["after"]
    world.prompted()
    assert world.payment().status == "unknown"
    assert "don't pay again" in world.seen()[-1]
    world.taps("pay:mpesa")
    assert world.count(Payment) == 1, "nobody pays twice while we do not know"
    world.passes(11)
    # Ghala has no find-by-reference: the same call with the same key finds the order, where keys are honoured.
    assert world.ghala.prompts == prompts
    assert len(world.ghala.by_key) == 1
    assert world.payment().status == "pending"
    world.pays(order_id=world.payment().gateway_ref)
    world.work()
    assert len(world.receipts()) == 1


def test_guarantee_14_an_early_callback_works(world: World) -> None:
    world.orders()

    def overtakes(order_id: str) -> None:
        assert world.pays(order_id=order_id).status_code == 200

    world.ghala.on_charge = overtakes
    world.taps("pay:mpesa")
    world.work()
    assert len(world.receipts()) == 1
    world.assert_sound()


def test_guarantee_15_a_payment_whose_callback_was_lost_is_booked_within_three_minutes(world: World) -> None:
    world.prompted()
    world.ghala.pays()
    world.passes(69)
    assert world.money() == []
    world.passes(6)
    assert world.money() == [("payment", 300_000)]
    assert len(world.receipts()) == 1
    world.assert_sound()


def test_guarantee_15_silence_is_asked_about_for_three_days(world: World) -> None:
    world.prompted()
    asked = []
    while True:
        due = world.payment().next_ask_at
        if due is None:
            break
        world.now.advance((due - world.now()).total_seconds())
        asked.append((world.now() - world.payment().created_at).total_seconds())
        world.tasks._desk.ask(world.payment().id)
    assert [round(gap) for gap in asked[:5]] == [70, 190, 430, 910, 1870]
    assert asked[-2] <= desk.GIVE_UP_AFTER < asked[-1]
    assert max(later - sooner for sooner, later in pairwise(asked)) <= 6 * 3600
    assert world.payment().status == "expired"


@pytest.mark.parametrize(
    "words",
    [
        "I paid",
        "nimelipa",
        "SKJ4X2ABCD",
        "SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA on 20/11/26 at 12:07 PM.",
    ],
)
def test_guarantee_15_a_customer_who_says_they_paid_makes_us_ask(world: World, words) -> None:
    world.prompted()
    world.ghala.pays()
    world.passes(5)
    said = world.says(words)
    assert any("Total paid" in text for text in said)
    world.assert_sound()


def test_guarantee_16_late_success_books(world: World) -> None:
    world.prompted()
    world.pays("payment.failed", failure_reason="1037")
    world.work()
    assert world.payment().status == "failed"
    world.ghala.pays()  # the customer found the prompt after all, and the news of it is lost
    world.passes(71)
    assert len(world.receipts()) == 1
    world.assert_sound()


def test_guarantee_16_late_success_for_a_closed_order_is_honoured_when_the_goods_are_there(
    world: World,
) -> None:
    world.orders(product="BASKET", quantity=2)
    world.taps("pay:mpesa")
    world.pays("payment.failed", failure_reason="1037")
    world.work()
    world.passes(1801)
    assert world.order().status == "expired"
    world.ghala.pays()
    said = world.says("I paid")
    assert any("Total paid" in text for text in said), "asked although no order is open"
    assert (world.order().status, world.basket()) == ("paid", (3, 0, 2))
    world.assert_sound()


def test_guarantee_17_a_payment_is_never_confirmed_twice(each_world: World) -> None:
    world = each_world
    world.prompted()
    world.ghala.pays()
    for number in range(25):
        world.pays(delivery=f"copy{number}")
    ids = [row.id for row in world.rows(InboxEvent) if row.kind == "payment"]
    world.now.advance(71)
    payment_id = world.payment().id

    def news(number: int) -> None:
        work = world.tasks.by_name()
        if number % 2:
            work["ask_payment"](payment_id)
        else:
            work["apply_payment"](ids[number // 2])

    world.at_once(50, news)
    world.work()
    assert world.money() == [("payment", 300_000)]
    assert len(world.receipts()) == 1
    world.assert_sound()


WRONG: list[dict[str, Any]] = [
    {"amount": 3001},
    {"amount": 2999},
    {"amount": 0},
    {"amount": -3000},
    {"amount": "3,000"},
    {"amount": " 3000"},
    {"amount": True},
    {"amount": 3000.5},
    {"amount": 2**63},
    {"amount": None},
    {"currency": "TZS"},
    {"currency": "USD"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_guarantee_18_a_wrong_amount_never_pays(world: World, wrong) -> None:
    world.prompted()
    assert world.pays(**wrong).status_code == 200
    world.work()
    assert (world.order().status, world.payment().status) == ("pending_payment", "pending")
    assert [kind for kind, _ in world.money()] == ["unmatched"]
    assert world.receipts() == []


@pytest.mark.parametrize(
    ("said", "reason"), [({"amount": 2999}, "wrong_amount"), ({"currency": "TZS"}, "wrong_currency")]
)
def test_guarantee_18_what_ghala_itself_says_and_does_not_fit_needs_a_person(
    world: World, said, reason
) -> None:
    world.prompted()
    world.ghala.pays(**said)
    world.passes(71)
    assert (world.payment().status, world.payment().reason) == ("needs_review", reason)
    assert world.receipts() == []
    world.taps("pay:mpesa")
    assert world.ghala.prompts == 1, "no second payment meanwhile"
    world.passes(601)
    with world.database.reading() as session:
        found = reconciliation.check(session, 1)
    assert [finding.kind for finding in found.findings] == ["money_without_order", "needs_review"]


def twice(world: World) -> None:
    """Two prompts of one order, both paid."""
    world.prompted()
    world.pays("payment.failed", failure_reason="1037")
    world.work()
    world.taps("pay:airtel")
    assert world.ghala.prompts == 2
    world.pays(order_id="gh_2", transaction_reference="TX2")
    world.pays(order_id="gh_1", transaction_reference="TX1")
    world.work()


def test_guarantee_19_a_second_payment_is_surfaced(world: World) -> None:
    twice(world)
    assert world.money() == [("payment", 300_000), ("refund_due", 300_000)]
    assert len(world.receipts()) == 1
    assert world.order().ref in world.seen()[-1]
    with world.database.reading() as session:
        (finding,) = reconciliation.check(session, 1).findings
    assert (finding.kind, finding.amount) == ("doubled_payment", 300_000)


def test_guarantee_20_money_is_conserved(each_world: World) -> None:
    world = each_world
    twice(world)
    world.prompted(BRIAN)
    world.pays(order_id="gh_3", amount=2500, transaction_reference="TX3")  # too little
    world.pays(order_id="gh_99", transaction_reference="TX4")  # for nobody
    world.pays(order_id="gh_2", transaction_reference="TX2", delivery="again")
    world.work()
    world.passes(601)
    with world.database.reading() as session:
        report = reconciliation.check(session, 1)
    (day,) = report.days
    assert (day.booked, day.refund_due, day.unmatched) == (300_000, 300_000, 250_000 + 300_000)
    assert day.total == 100 * (3000 + 3000 + 2500 + 3000), "all that Ghala took, each shilling once"
    assert report.for_a_person == 3


@pytest.mark.parametrize("wrong", ["unsigned", "other secret"])
def test_guarantee_21_an_unproven_success_pays_nothing(world: World, wrong) -> None:
    world.prompted()
    if wrong == "unsigned":
        body = {"event": "payment.success", "data": {"order_id": "gh_1", "amount": 3000}}
        with world.web.test_client() as client:
            assert client.post(PAYMENTS, json=body).status_code == 401
    else:
        answer = world.post(PAYMENTS, {"event": "payment.success"}, secret="somebody else's secret")
        assert answer.status_code == 401
    assert world.count(InboxEvent, InboxEvent.kind == "payment") == 0


def test_guarantee_21_words_and_unknown_references_pay_nothing(world: World) -> None:
    world.prompted()
    world.says("SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA SHOP on 20/11/26 at 12:07 PM")
    assert world.order().status == "pending_payment"
    world.pays(order_id="gh_77")
    world.work()
    for _ in range(8):
        world.passes(100)
    assert world.money() == [("unmatched", 300_000)]
    assert world.receipts() == []


def test_guarantee_21_where_a_signature_carries_no_time_ghala_is_asked(
    database_of_one: World,
) -> None:
    world = database_of_one
    world.prompted()
    world.pays()
    world.work()
    assert world.money() == [], "a replayed webhook would say the same"
    world.ghala.pays()
    world.passes(5)
    assert world.money() == [("payment", 300_000)]


@pytest.fixture
def database_of_one(world: World, redis_url: str, now: Any, tmp_path: Any) -> Any:
    """A shop whose webhooks are signed over the body only."""
    from db import Database
    from db.models import Base

    database = Database(f"sqlite:///{tmp_path / 'other.db'}", now=now)
    Base.metadata.create_all(database.engine)
    yield World(database, redis_url, now, world.ghala, scheme="body-hex")
    database.close()


def test_every_move_of_a_payment_names_where_it_may_come_from(world: World) -> None:
    """The table is the only way: no statement sets a payment's status without its sources."""
    from sqlalchemy import event

    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, *_more: object) -> None:
        if statement.startswith("UPDATE payments SET status"):
            seen.append(statement)

    event.listen(world.database.engine, "before_cursor_execute", note)
    twice(world)
    world.passes(71)
    world.prompted(AMINA)
    world.pays("payment.failed", order_id="gh_3", failure_reason="1032")
    for _ in range(5):
        world.passes(86_400)
    assert len(seen) >= 6
    for statement in seen:
        where = statement.split(" WHERE ", 1)[1]
        assert "payments.status IN" in where or "payments.status =" in where, statement


def test_unmatched_money_is_seen_in_the_owners_api(world: World) -> None:
    import base64

    from tests.guarantees.world import PASSWORD

    world.prompted()
    world.pays(amount=1)
    world.work()
    login = {"Authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
    with world.web.test_client() as client:
        asked = client.post("/api/admin/reconciliation", headers=login)
        assert asked.status_code == 202, asked.text
        world.work()
        answer = client.get("/api/admin/reconciliation", headers=login)
        assert client.get("/api/admin/reconciliation").status_code == 401
    data = answer.get_json()["data"]
    assert [finding["kind"] for finding in data["now"]["findings"]] == ["money_without_order"]
    assert data["lastRun"]["forAPerson"] == 1
    assert data["now"]["findings"][0]["remedy"].endswith(".")
    assert world.count(MoneyEvent) == 1
    assert world.count(OutboxMessage, OutboxMessage.kind == "receipt") == 0
