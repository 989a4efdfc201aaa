"""The shell around the flow: every event is answered once and completely, whoever dies or stumbles."""

# ruff: noqa: RUF001 - the shop writes a multiplication sign
from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis
from sqlalchemy import update

import bot.claims
import bot.shell
from bot.events import MessageReceived
from bot.flow import decide
from catalog.snapshot import ShopSnapshot
from db import inbox, outbox
from db.models import Conversation, Customer, Order, OutboxMessage, Payment, Product
from ghala.inbound import TextContent
from tests.integration.bot.conftest import Chat
from tests.shop import PHONE, WA_ID

CLOSED_REDIS = "redis://127.0.0.1:1/0"
SORRY = "something went wrong on our side"


def test_a_message_gets_exactly_one_answer(chat: Chat) -> None:
    event = chat.hears("Hi")
    chat.worker.advance(event)
    (said,) = chat.promised()
    assert "Hello Amina" in said.message["body"]
    assert (said.status, said.kind, said.customer_id) == ("waiting", "reply", chat.customer().id)
    assert chat.event(event).status == "done"
    assert chat.worker.bell.rung == [("outbox", 0)]


def test_an_event_advanced_twice_is_answered_once(chat: Chat) -> None:
    event = chat.hears("Hi")
    chat.worker.advance(event)
    chat.worker.advance(event)
    assert len(chat.promised()) == 1


def test_messages_that_wait_together_are_answered_together(chat: Chat) -> None:
    first, second = chat.hears("Hi"), chat.hears("products")
    chat.worker.advance(first)
    (said,) = chat.promised()
    assert "What would you like?" in said.message["body"]
    assert {chat.event(first).status, chat.event(second).status} == {"done"}


def test_a_thought_in_two_messages_is_one_order(chat: Chat) -> None:
    chat.hears("2 coffee")
    chat.worker.advance(chat.hears("123 Main St, Nairobi"))
    (said,) = chat.promised()
    assert chat.order().ref in said.message["body"]


def test_two_workers_at_the_same_instant_answer_once(chat: Chat) -> None:
    event = chat.hears("2 coffee")
    workers = [chat.another_worker() for _ in range(4)]
    together = threading.Barrier(len(workers))

    def advance(number: int) -> None:
        together.wait(10)
        workers[number].advance(event)

    with ThreadPoolExecutor(len(workers)) as crowd:
        list(crowd.map(advance, range(len(workers))))
    assert len(chat.promised()) == 1
    assert chat.conversation().version == 1


def test_while_one_worker_has_the_customer_nobody_else_does(chat: Chat) -> None:
    event = chat.hears("Hi")
    assert chat.worker.shell.claim([event])
    assert not chat.another_worker().shell.claim([event])


def test_a_worker_who_lost_the_customer_writes_nothing(chat: Chat, now) -> None:
    event = chat.hears("2 coffee")
    slow, quick = chat.worker, chat.another_worker()
    (lost,) = slow.shell.claim([event])
    now.advance(bot.claims.LEASE + 1)
    (held,) = quick.shell.claim([event])
    assert slow.shell.work(lost) is None
    assert chat.promised() == []
    assert chat.event(event).status == "waiting"
    assert slow.bell.rung == []
    quick.shell.work(held)
    assert len(chat.promised()) == 1


def test_a_worker_who_comes_back_after_the_work_is_done_changes_nothing(chat: Chat, now) -> None:
    chat.answer("2 coffee")
    event = chat.hears("123 Main St, Nairobi")
    (lost,) = chat.worker.shell.claim([event])
    now.advance(bot.claims.LEASE + 1)
    chat.another_worker().advance(event)
    before = (chat.conversation().version, len(chat.promised()))
    chat.worker.shell.work(lost)
    chat.worker.shell.failed(lost, "too late")
    assert (chat.conversation().version, len(chat.promised())) == before
    assert chat.order().status == "pending_payment"


def test_a_worker_killed_at_work_delays_the_customer_by_its_lease(chat: Chat, now) -> None:
    event = chat.hears("Hi")
    chat.worker.shell.claim([event])
    other = chat.another_worker()
    other.advance(event)
    assert chat.promised() == []
    now.advance(bot.claims.LEASE)
    other.advance(event)
    assert len(chat.promised()) == 1


def test_the_conversation_goes_on_when_redis_forgot_it(chat: Chat, redis_url: str) -> None:
    chat.answer("2 coffee")
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 1
    client.flushall()
    client.close()
    assert "Total" in chat.answer("123 Main St, Nairobi")


def test_a_foreign_copy_in_redis_is_not_believed(chat: Chat, redis_url: str) -> None:
    chat.answer("2 coffee")
    client = redis.Redis.from_url(redis_url)
    (key,) = client.keys()
    for copy in (b"not json", b"[]", b"{}", b'{"version": 99, "data": {}}', b'{"version": null}'):
        client.set(key, copy)
        assert "coffee" in chat.answer("cart").casefold()
    client.close()


def test_the_conversation_goes_on_without_redis(chat: Chat) -> None:
    chat.worker = chat.another_worker(CLOSED_REDIS)
    chat.answer("2 coffee")
    assert "Total" in chat.answer("123 Main St, Nairobi")
    assert "Check your phone" in chat.answer("mpesa")
    assert chat.payment().status == "created"


def test_another_worker_goes_on_where_the_first_left_off(chat: Chat) -> None:
    chat.answer("2 coffee")
    chat.worker = chat.another_worker()
    assert chat.orders("1 honey")
    assert chat.order().total == 380_000


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> str:
    """A text that breaks the flow."""

    def broken(conversation: Any, event: Any, shop: ShopSnapshot) -> Any:
        if (
            isinstance(event, MessageReceived)
            and isinstance(event.message.content, TextContent)
            and event.message.content.body == "poison"
        ):
            raise ValueError("poisoned")
        return decide(conversation, event, shop)

    monkeypatch.setattr(bot.shell, "decide", broken)
    return "poison"


def test_what_breaks_us_is_tried_again_ever_later(chat: Chat, now, poison: str) -> None:
    event = chat.hears(poison)
    waits = []
    for _ in range(inbox.MOST_ATTEMPTS - 1):
        chat.worker.advance(event)
        waits.append((chat.event(event).next_at - now()).total_seconds())
        chat.worker.advance(event)  # too early: nothing happens
        now.advance(waits[-1])
    assert waits == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0]
    assert chat.event(event).attempts == inbox.MOST_ATTEMPTS - 1
    assert chat.promised() == []


def die_of(chat: Chat, now: Any, event: int) -> None:
    for _ in range(inbox.MOST_ATTEMPTS):
        chat.worker.advance(event)
        now.advance(8.0)


def test_what_breaks_us_for_good_is_given_up_with_an_apology(chat: Chat, now, poison: str) -> None:
    event = chat.hears(poison)
    die_of(chat, now, event)
    assert chat.event(event).status == "dead"
    (sorry,) = chat.answers()
    assert SORRY in sorry
    assert "Hello" in chat.answer("Hi")


def test_a_later_message_does_not_pass_one_that_is_tried_again(chat: Chat, now, poison: str) -> None:
    bad = chat.hears(poison)
    chat.worker.advance(bad)
    good = chat.hears("Hi")
    chat.worker.advance(good)
    assert chat.event(good).attempts == 0
    assert chat.promised() == []
    die_of(chat, now, bad)
    chat.worker.advance(good)
    sorry, hello = chat.answers()
    assert SORRY in sorry
    assert "Hello Amina" in hello


def test_news_of_a_payment_pass_a_message_that_is_tried_again(chat: Chat, poison: str) -> None:
    chat.orders()
    chat.answer("mpesa")
    chat.worker.advance(chat.hears(poison))
    chat.worker.advance(chat.worker.take_money())
    (receipt,) = chat.answers()
    assert "RECEIPT ·" in receipt


def test_only_the_first_of_a_conversation_is_queued_again_and_only_when_it_is_due(
    chat: Chat, now, poison: str
) -> None:
    bad, good = chat.hears(poison), chat.hears("Hi")
    assert [row for row, _ in chat.write(lambda session: inbox.overdue(session, 0))] == [bad]
    chat.worker.advance(bad)
    chat.worker.advance(good)
    now.advance(1)
    chat.worker.advance(bad)  # alone, again, and put off for longer
    assert chat.write(lambda session: inbox.overdue(session, 0)) == []
    now.advance(1)
    assert [row for row, _ in chat.write(lambda session: inbox.overdue(session, 0))] == [bad]


def test_what_arrived_with_a_poisoned_message_is_answered(chat: Chat, now, poison: str) -> None:
    bad, good = chat.hears(poison), chat.hears("Hi")
    chat.worker.advance(bad)
    assert chat.promised() == []
    for _ in range(inbox.MOST_ATTEMPTS):
        now.advance(8.0)
        chat.worker.advance(bad)
        chat.worker.advance(good)
    assert chat.event(bad).status == "dead"
    assert chat.event(good).status == "done"
    assert sum("Hello Amina" in said for said in chat.answers()) == 1


def test_what_came_after_a_message_that_failed_once_is_answered_after_it(
    chat: Chat, now, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = chat.hears("2 coffee")
    with monkeypatch.context() as patch:
        patch.setattr(bot.shell, "decide", lambda *_: 1 / 0)
        chat.worker.advance(first)
    second = chat.hears("1 honey")
    chat.worker.advance(second)
    assert chat.event(second).status == "waiting"
    now.advance(0.5)
    chat.worker.advance(second)
    assert (chat.event(first).status, chat.event(second).status) == ("done", "done")
    assert "3 items" in chat.answers()[-1]


def test_other_customers_do_not_notice_a_poisoned_message(chat: Chat, poison: str) -> None:
    chat.worker.advance(chat.hears(poison))
    assert "Hello" in chat.answer_of("254733444555", "Hi")


def test_what_kills_its_worker_again_and_again_is_given_up(chat: Chat, now) -> None:
    event = chat.hears("Hi")
    for _ in range(inbox.MOST_ATTEMPTS):
        assert chat.worker.shell.claim([event])  # and there the process dies
        now.advance(bot.claims.LEASE)
    chat.worker.advance(event)
    assert chat.event(event).status == "dead"
    (sorry,) = chat.answers()
    assert SORRY in sorry
    assert "Hello" in chat.answer("Hi")


class OldPicture:
    """A worker's picture of the shop from before the last change."""

    def __init__(self, pictures: Any, old: ShopSnapshot) -> None:
        self._pictures = pictures
        self._old = old

    def of(self, _shop_id: int, _version: int) -> ShopSnapshot:
        return self._old

    def stocked(self, _session: Any, picture: ShopSnapshot) -> ShopSnapshot:
        return picture

    def take(self, session: Any, shop_id: int) -> ShopSnapshot:
        return self._pictures.take(session, shop_id)


def keep_picture(chat: Chat) -> None:
    """From now on the worker sees what is on the shelves only when it looks again."""
    old = chat.worker.pictures.of(1, 1)
    chat.worker.shell._pictures = OldPicture(chat.worker.pictures, old)  # type: ignore[assignment]


def test_an_order_of_more_than_is_left_shows_the_cart_as_it_can_be_ordered(chat: Chat) -> None:
    chat.answer("3 basket")
    keep_picture(chat)
    chat.change("BASKET", available=1)
    said = chat.answer("123 Main St, Nairobi")
    assert "Only 1 × Woven Kiondo Basket left" in said
    assert "Your cart" in said
    assert "KES 2,800" in said
    assert chat.promised()[-1].kind == "reply"
    assert chat.rows(Payment) == []


def test_an_order_of_what_is_sold_out_places_nothing(chat: Chat) -> None:
    chat.answer("1 basket")
    keep_picture(chat)
    chat.change("BASKET", available=0)
    assert "sold out" in chat.answer("123 Main St, Nairobi")
    chat.worker = chat.another_worker()
    assert "empty" in chat.answer("cart")


def test_a_price_that_changed_meanwhile_is_shown_before_anything_is_ordered(chat: Chat) -> None:
    chat.answer("2 coffee")
    keep_picture(chat)
    chat.change("COFFEE", price=160_000)
    said = chat.answer("123 Main St, Nairobi")
    assert "KES 1,600" in said
    assert "KES 3,200" in said
    chat.worker = chat.another_worker()
    chat.answer("checkout")
    chat.answer("123 Main St, Nairobi")
    assert chat.order().total == 320_000


def test_an_unpaid_order_is_cancelled_and_its_stock_goes_back(chat: Chat) -> None:
    ref = chat.orders("2 basket")
    assert ref in chat.answer("cancel")
    assert chat.order().status == "cancelled"
    (basket,) = [row for row in chat.rows(Product) if row.sku == "BASKET"]
    assert (basket.available, basket.reserved) == (5, 0)


def test_choosing_mpesa_stores_one_payment_and_rings_for_it(chat: Chat) -> None:
    chat.orders()
    assert "Check your phone" in chat.answer("mpesa")
    payment = chat.payment()
    assert (payment.status, payment.method, payment.phone) == ("created", "mpesa", PHONE)
    assert chat.worker.bell.rung[-1] == ("start", payment.id)


def test_asking_about_a_payment_asks_the_gateway_and_starts_no_second_one(chat: Chat) -> None:
    chat.orders()
    chat.answer("mpesa")
    chat.worker.desk.start(chat.payment().id)
    assert not chat.payment().tell
    assert "check payments" in chat.answer("resend")
    payment = chat.payment()
    assert payment.tell
    assert chat.worker.bell.rung[-1] == ("ask", payment.id)


def test_news_of_a_payment_come_before_what_the_customer_wrote(chat: Chat) -> None:
    chat.orders()
    chat.answer("mpesa")
    written = chat.hears("Hi")
    chat.worker.take_money()
    chat.worker.advance(written)
    receipt, greeting = chat.answers()
    assert "RECEIPT ·" in receipt
    assert "Hello" in greeting


def test_an_order_has_one_receipt_however_often_its_payment_is_told(chat: Chat) -> None:
    ref = chat.orders()
    chat.answer("mpesa")
    chat.worker.advance(chat.worker.take_money())
    (receipt,) = chat.answers()
    assert ref in receipt
    told = {"order_ref": ref, "payment_ref": chat.payment().ref}
    for unique in (ref, "again"):
        event = chat.write(
            lambda session, unique=unique: inbox.record_internal(
                session, 1, WA_ID, "PaymentSucceeded", told, unique=unique
            )
        )
        assert (event is None) == (unique == ref)
        if event is not None:
            chat.worker.advance(event)
    assert chat.answers() == []
    (row,) = [row for row in chat.promised() if row.kind == "receipt"]
    assert row.unique_key == f"receipt:{ref}"


@pytest.mark.parametrize("words", ["123 Main St, Nairobi", "skip", "pickup"])
def test_a_message_that_came_late_never_orders(chat: Chat, words: str) -> None:
    chat.answer("2 coffee")
    chat.worker.advance(chat.hears(words, lane="late"))
    (said,) = chat.answers()
    assert "reached me late" in said
    assert chat.rows(Order) == []
    assert "Total" in chat.answer("123 Main St, Nairobi")


@pytest.mark.parametrize("words", ["mpesa", "cancel"])
def test_a_message_that_came_late_neither_pays_nor_cancels(chat: Chat, words: str) -> None:
    chat.orders()
    chat.worker.advance(chat.hears(words, lane="late"))
    assert chat.order().status == "pending_payment"
    assert chat.rows(Payment) == []


def test_a_customer_with_a_new_number_keeps_everything(chat: Chat) -> None:
    chat.answer("2 coffee")
    before = chat.customer()
    moved = {"type": "system", "system": {"type": "user_changed_number", "wa_id": "254733444555"}}
    chat.worker.advance(chat.hears(raw=moved))
    chat.answers()
    assert "Total" in chat.says("123 Main St, Nairobi", sender="254733444555")[0]
    after = chat.customer()
    assert (after.id, after.identity, after.phone) == (before.id, "254733444555", "+254733444555")


def test_a_new_number_that_somebody_has_already_takes_nobody_over(chat: Chat) -> None:
    chat.says("2 coffee")
    chat.says("Hi", sender="254733444555")
    moved = {"type": "system", "system": {"type": "user_changed_number", "wa_id": "254733444555"}}
    chat.worker.advance(chat.hears(raw=moved))
    assert {row.identity for row in chat.rows(Customer)} == {WA_ID, "254733444555"}


def test_messages_held_back_by_a_closed_window_go_when_the_customer_writes(chat: Chat, now) -> None:
    chat.answer("Hi")
    held = outbox.Promise(key="out:held", message={"type": "text", "body": "held", "preview_url": False})
    chat.write(lambda session: outbox.promise(session, 1, chat.customer().id, [held]))
    now.advance(25 * 3600)
    later = now() + timedelta(hours=1)
    chat.write(
        lambda session: session.execute(
            update(OutboxMessage).values(next_at=later, error=outbox.WINDOW_CLOSED)
        )
    )
    assert chat.write(lambda session: outbox.claim_heads(session, 10)) == []
    chat.worker.advance(chat.hears("Hi"))
    assert {row.next_at for row in chat.promised()} == {now()}
    (first,) = chat.write(lambda session: outbox.claim_heads(session, 10))
    assert first.window_open


def test_what_whatsapp_held_for_closed_goes_when_the_customer_writes_again(chat: Chat, now) -> None:
    chat.answer("Hi")
    (claimed,) = chat.write(lambda session: outbox.claim_heads(session, 10))
    assert claimed.window_open
    refused = outbox.Outcome(claimed.id, claimed.fence, "waiting", delay=3600, error=outbox.WINDOW_CLOSED)
    chat.write(lambda session: outbox.record_outcomes(session, [refused]))
    now.advance(60)
    chat.worker.advance(chat.hears("Hi"))
    assert [row.next_at for row in chat.promised()] == [now(), now()]


def test_news_of_ours_do_not_open_the_window(chat: Chat, now) -> None:
    chat.orders()
    chat.answer("mpesa")
    before = chat.conversation().inbound_at
    now.advance(60)
    chat.worker.advance(chat.worker.take_money())
    assert chat.conversation().inbound_at == before


def test_what_the_customer_is_called_is_remembered(chat: Chat) -> None:
    chat.answer("Hi")
    assert (chat.customer().name, chat.customer().language) == ("Amina", "en")


def test_a_message_of_nobody_we_can_name_is_let_go(chat: Chat) -> None:
    nothing = inbox.NewEvent("message", "x", b'{"nonsense": 1}', customer_key=WA_ID)
    ((event, _),) = chat.write(lambda session: inbox.record(session, 1, "messages:main", [nothing]))
    chat.worker.advance(event)
    assert chat.event(event).status == "done"
    assert chat.promised() == []


def test_the_conversation_is_written_with_what_was_decided_or_not_at_all(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat.answer("2 basket")
    before = chat.conversation()

    def broken(*_: Any) -> None:
        raise ValueError("the disk is full")

    monkeypatch.setattr(outbox, "promise_all", broken)
    event = chat.hears("123 Main St, Nairobi")
    chat.worker.advance(event)
    assert chat.rows(Order) == []
    assert chat.conversation().version == before.version
    monkeypatch.undo()
    chat.now.advance(1)
    chat.worker.advance(event)
    (said,) = chat.answers()
    assert chat.order().ref in said


def test_every_version_is_counted_once(chat: Chat) -> None:
    for _ in range(3):
        chat.answer("Hi")
    assert [row.version for row in chat.rows(Conversation)] == [3]
