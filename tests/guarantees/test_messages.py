"""Guarantees about messages: none lost, none doubled, each answered, in order."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import redis
from sqlalchemy import update

from bot import shell as shell_module
from bot import texts
from db import inbox, outbox
from db.models import Conversation, InboxEvent, Order, OutboxMessage, Payment
from errors import FlowError, OutcomeUnknown
from tests.guarantees.world import AMINA, BRIAN, DAY, WorkerDied, World

MESSAGES = "/api/messages/incoming"
HELLO = {"type": "text", "text": {"body": "hi"}}


def dies(*_args: Any, **_more: Any) -> Any:
    raise WorkerDied


@pytest.mark.parametrize("point", ["pre_commit", "post_commit"])
def test_guarantee_01_no_acknowledged_webhook_is_lost(each_world: World, monkeypatch, point) -> None:
    world = each_world
    for number in range(10):
        body = world.message(HELLO)
        with monkeypatch.context() as patch:
            if point == "pre_commit":
                patch.setattr(inbox, "record", dies)
            else:
                patch.setattr(world.house.bell, "inbox", dies)
            with pytest.raises(WorkerDied):
                world.post(MESSAGES, body, delivery=f"k{number}")
        assert world.count(InboxEvent) == number + (point == "post_commit")
        # Nobody was told 200, so the sender tries again.
        assert world.post(MESSAGES, body, delivery=f"k{number}").status_code == 200
        assert world.count(InboxEvent) == number + 1
    world.work()
    assert len(world.seen()) > 0
    world.assert_sound()


def test_guarantee_02_a_duplicate_has_no_effect(each_world: World) -> None:
    world = each_world
    body = world.message(HELLO)
    answers = world.at_once(50, lambda _: world.post(MESSAGES, body, delivery="same").status_code)
    assert answers == [200] * 50
    world.post(MESSAGES, body, delivery="another delivery of the same message")
    assert world.count(InboxEvent) == 1
    world.work()
    assert len(world.seen()) == 1


@pytest.fixture
def poisoned(monkeypatch) -> None:
    """The flow breaks on one word."""
    decide = shell_module.decide

    def breaks(conversation: Any, event: Any, shop: Any) -> Any:
        if getattr(getattr(getattr(event, "message", None), "content", None), "body", "") == "poison":
            raise FlowError("poison")
        return decide(conversation, event, shop)

    monkeypatch.setattr(shell_module, "decide", breaks)


@pytest.mark.usefixtures("poisoned")
def test_guarantee_03_nothing_stays_stuck(each_world: World) -> None:
    world = each_world
    world.says("hi")
    world.says("poison")
    world.hears({"type": "text", "text": {"body": "products"}})
    world.hears(HELLO, BRIAN)
    world.work()
    assert len(world.seen(BRIAN)) == 1, "nobody else waits"
    for _ in range(8):  # sweeps
        world.passes(5)
    assert world.count(InboxEvent, InboxEvent.status == "dead") == 1
    assert world.count(InboxEvent, InboxEvent.status == "waiting") == 0
    # After 40 seconds what broke has its apology, and what came after it is answered after it.
    _, sorry, answer = world.seen()
    assert "What would you like" in answer
    assert sorry == texts.say("en", "apology")
    assert len(world.seen(BRIAN)) == 1


@pytest.mark.usefixtures("poisoned")
def test_guarantee_04_no_message_passes_an_earlier_one_that_is_tried_again(each_world: World) -> None:
    world = each_world
    world.prompted()
    before = len(world.seen())
    world.says("poison")
    assert world.says("products") == []
    world.pays()
    world.work()
    assert len(world.receipts()) == 1, "news of a payment go first"
    assert len(world.seen()) == before + 1
    for _ in range(8):
        world.passes(5)
    sorry, answer = world.seen()[before + 1 :]
    assert sorry == texts.say("en", "apology")
    assert "Premium Coffee" in answer or "What would you like" in answer


def test_guarantee_03_an_event_that_kills_its_worker_is_let_go_of(world: World, monkeypatch) -> None:
    world.hears({"type": "text", "text": {"body": "poison"}})
    with monkeypatch.context() as patch:
        patch.setattr(shell_module, "decide", dies)
        for _ in range(8):
            ((name, row_id),) = world.due()
            with pytest.raises(WorkerDied):
                world.tasks.by_name()[name](row_id)
            world.now.advance(31)
        world.work()
    assert world.count(InboxEvent, InboxEvent.status == "dead") == 1
    assert world.says("hi")


def test_guarantee_03_a_payment_notice_that_breaks_ends_where_somebody_sees_it(
    world: World, monkeypatch
) -> None:
    world.prompted()
    with monkeypatch.context() as patch:
        patch.setattr("payments.desk._read", lambda *_: 1 / 0)
        world.pays()
        for _ in range(12):
            world.passes(300)
    (event,) = [row for row in world.rows(InboxEvent) if row.kind == "payment"]
    assert event.status == "dead"
    with world.database.writing() as session:
        assert inbox.revive(session, 1, "payment") == [event.id]
    world.work()
    assert world.money() == [("payment", 300_000)]


def test_guarantee_04_one_customers_messages_are_answered_in_order(each_world: World, monkeypatch) -> None:
    world = each_world
    decide, order = shell_module.decide, []

    def watched(conversation: Any, event: Any, shop: Any) -> Any:
        order.append(event.message.content.body)
        return decide(conversation, event, shop)

    monkeypatch.setattr(shell_module, "decide", watched)
    said = [f"{number} coffee" for number in range(1, 25)]
    for text in said:
        world.hears({"type": "text", "text": {"body": text}})
    ids = [row.id for row in world.rows(InboxEvent)]
    workers = [world.new_tasks().by_name()["advance"] for _ in range(4)]
    world.at_once(48, lambda n: workers[n % 4](ids[(n * 7) % 24]))
    world.work()
    assert order == said
    assert world.count(InboxEvent, InboxEvent.status == "done") == 24


def test_guarantee_05_a_stale_worker_writes_nothing(each_world: World) -> None:
    world = each_world
    world.says("hi")
    world.hears({"type": "text", "text": {"body": "products"}})
    event_id = world.rows(InboxEvent)[-1].id
    frozen = world.tasks._shell
    (claim,) = frozen.claim([event_id])
    assert not world.new_tasks()._shell.claim([event_id]), "the lease keeps others away"
    world.now.advance(31)
    world.work()
    before = (world.count(OutboxMessage), world.rows_of_conversation())
    assert frozen.work(claim) is None
    frozen.failed(claim, "woke up too late")
    assert (world.count(OutboxMessage), world.rows_of_conversation()) == before
    assert world.count(InboxEvent, InboxEvent.status == "done") == 2


def test_guarantee_06_losing_redis_loses_nothing(world: World) -> None:
    live = redis.Redis.from_url(world.config.redis_url)
    world.says("hi")
    live.flushall()
    world.hears(world.button("product:1"))
    world.work()
    live.flushall()
    world.says("2")
    world.link.client = redis.Redis(port=1, socket_connect_timeout=0.1)  # nobody is there
    world.says("123 Main St, Nairobi")
    assert world.order().total == 300_000
    world.link.client = live
    world.taps("pay:mpesa")
    live.flushall()
    world.pays()
    world.work()
    assert len(world.receipts()) == 1
    world.assert_sound()


def test_guarantee_22_a_receipt_is_never_lost(each_world: World, monkeypatch) -> None:
    world = each_world
    world.prompted()
    world.pays()
    # Dies after the booking, before anybody heard of it.
    with monkeypatch.context() as patch:
        patch.setattr(type(world.tasks._desk), "_ring", dies)
        (name, row_id), *_ = world.due()
        with pytest.raises(WorkerDied):
            world.tasks.by_name()[name](row_id)
    assert world.money() == [("payment", 300_000)]
    # Dies after the answer was decided, before the sender heard of it.
    with monkeypatch.context() as patch:
        patch.setattr(type(world.tasks._shell), "_tell", dies)
        (name, row_id), *_ = world.due()
        with pytest.raises(WorkerDied):
            world.tasks.by_name()[name](row_id)
    # Dies after the message left, before that was written down.
    world.ghala.send_failures = [dies]
    with pytest.raises(WorkerDied):
        world.send()
    assert len(world.receipts()) == 1
    world.passes(31)
    assert len(world.receipts()) == 1, "the same key went again"
    world.assert_sound()


def unanswered() -> None:
    raise OutcomeUnknown("timed out after it was sent")


@pytest.mark.parametrize(("honours_keys", "copies"), [(True, 1), (False, 3)])
def test_guarantee_23_a_receipt_is_not_sent_twice_where_keys_are_honoured(
    world: World, honours_keys, copies
) -> None:
    world.prompted()
    world.ghala.honours_keys = honours_keys
    world.ghala.send_failures = [unanswered, unanswered]
    world.pays()
    world.work()
    for _ in range(3):
        world.passes(120)
    # Without keys silence would be worse: the receipt comes once per unanswered try.
    assert len(world.receipts()) == copies
    assert world.count(OutboxMessage, OutboxMessage.kind == "receipt") == 1
    with world.database.reading() as session:
        (row,) = [row for row in session.query(OutboxMessage) if row.kind == "receipt"]
    assert row.unique_key == f"receipt:{world.order().ref}"
    assert row.key == f"out:receipt:{world.order().ref}"


def test_guarantee_23_saying_it_again_promises_nothing_new(world: World) -> None:
    world.prompted()
    world.pays()
    world.work()
    with world.database.writing() as session:
        key = f"receipt:{world.order().ref}"
        again = outbox.Promise(f"out:{key}", {"type": "text", "body": "again"}, "receipt", key)
        assert outbox.promise(session, 1, 1, [again]) == []


@pytest.mark.parametrize(
    "statuses",
    [*itertools.permutations(["sent", "delivered", "read"]), ("read", "failed"), ("failed", "read")],
)
def test_guarantee_24_a_status_never_goes_back(world: World, statuses) -> None:
    world.says("hi")
    for status in statuses:
        body = {
            "statuses": [
                {"id": "wamid.1", "status": status, "recipient_id": AMINA, "timestamp": "1795200060"}
            ]
        }
        assert world.post(MESSAGES, body).status_code == 200
        world.work()
    assert world.rows(OutboxMessage)[0].delivery == "read"


def test_guarantee_25_a_receipt_outside_the_window_goes_once_as_a_template(world: World) -> None:
    ref = world.prompted()
    for _ in range(26):
        world.passes(3600)
    world.pays()
    world.work()
    world.passes(3600)
    templates = [body for _, _, body in world.ghala.sent if body["type"] == "template"]
    assert [body["template"]["name"] for body in templates].count("order_receipt") == 1
    assert ref in str(templates[-1])
    assert world.order().status == "paid"


CONTENTS: list[dict[str, Any]] = [
    {"type": "text", "text": {"body": body}}
    for body in ("", "?", "asdf", "👋", "x" * 65_000, "{{7*7}} %s ${jndi}", "\u202e\u200b", "0", "-1", "١٢")
] + [
    {"type": "image", "image": {"id": "1", "mime_type": "image/jpeg"}},
    {"type": "audio", "audio": {"id": "1", "voice": True}},
    {"type": "sticker", "sticker": {"id": "1"}},
    {"type": "document", "document": {"id": "1", "filename": "a.pdf"}},
    {"type": "location", "location": {"latitude": -1.3, "longitude": 36.8}},
    {"type": "contacts", "contacts": [{"name": {"formatted_name": "X"}}]},
    {"type": "unsupported"},
    {
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": "no:such~1", "title": ""}},
    },
]


def test_guarantee_26_everything_is_answered(world: World, monkeypatch) -> None:
    monkeypatch.setattr("ghala.receiving.BODY_LIMIT", 10**6)
    for number, content in enumerate(CONTENTS):
        sender = f"2547112230{number:02}"
        assert world.post(MESSAGES, world.message(content, sender)).status_code == 200
        world.work()
        assert len(world.seen(sender)) >= 1, content
    assert world.count(InboxEvent, InboxEvent.status == "done") == len(CONTENTS)


def test_guarantee_32_an_old_button_cannot_act(world: World) -> None:
    first = world.orders(product="BASKET", quantity=1)
    old_pay, old_quantity = world.shown("pay:mpesa"), "qty:3:5~1"
    world.says("cancel")
    second = world.orders()
    assert second != first
    for old in (old_pay, f"cancel_order:{first}~1", f"resend:{first}~1", old_quantity, "take:3~1"):
        before = len(world.seen())
        world.hears(world.button(old))
        world.work()
        assert len(world.seen()) > before, f"{old} is answered"
    assert world.count(Payment) == 0
    assert world.order().status == "pending_payment"
    assert world.count(Order) == 2
    assert world.basket() == (5, 0, 0)


def test_a_message_that_waits_beyond_the_window_goes_when_the_customer_writes(world: World) -> None:
    world.says("hi")
    with world.database.writing() as session:
        session.execute(update(Conversation).values(inbound_at=None))
        outbox.promise(
            session, 1, 1, [outbox.Promise("k", {"type": "text", "body": "Later", "preview_url": False})]
        )
    world.passes(2 * DAY)
    assert "Later" not in world.seen()
    world.says("hi")
    assert "Later" in world.seen()
