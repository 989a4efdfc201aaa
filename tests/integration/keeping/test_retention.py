"""What is over its time loses its words, and nothing else is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from db import Database, clock, inbox
from db.models import InboxEvent, MoneyEvent, OutboxMessage
from jobs.queue import QueueBell
from jobs.sweeper import DAILY_EVERY, Sweeper
from keeping import chores, retention
from keeping.retention import Emptied, Retention
from tests.integration.keeping.conftest import DAY, Shop, promise
from tests.shop import WA_ID


def keeper(database: Database) -> Retention:
    return Retention(database, chat_days=90, webhook_days=30)


def arrives(database: Database, kind: str, number: int, body: bytes = b'{"words":1}', **more: Any) -> int:
    event = inbox.NewEvent(kind, f"e{kind}{number}", body, **more)
    with database.writing() as session:
        ((event_id, _),) = inbox.record(session, 1, "test:main", [event])
        return event_id


def finish(database: Database, *event_ids: int) -> None:
    with database.writing() as session:
        inbox.finish(session, list(event_ids))


def body(database: Database, event_id: int) -> bytes:
    with database.reading() as session:
        return bytes(session.execute(select(InboxEvent.raw).where(InboxEvent.id == event_id)).scalar_one())


def test_chats_are_emptied_after_ninety_days_and_the_rows_stay(shop: Shop, now: Any) -> None:
    event = shop.hears("2 coffee")
    shop.worker.advance(event)
    shop.send()
    now.advance(89 * DAY)
    assert keeper(shop.database).run() == Emptied()
    now.advance(2 * DAY)
    assert keeper(shop.database).run() == Emptied(received=1, sent=1)
    (said,) = shop.promised()
    assert said.message == retention.NO_MESSAGE
    kept = shop.event(event)
    assert (bytes(kept.raw), kept.own_id, kept.status) == (retention.EMPTY, "wamid.1", "done")


def test_a_repeat_of_an_emptied_message_is_still_a_repeat(shop: Shop, now: Any) -> None:
    shop.worker.advance(shop.hears("2 coffee"))
    now.advance(91 * DAY)
    keeper(shop.database).run()
    with shop.database.writing() as session:
        again = inbox.NewEvent("message", "d1", b"{}", own_id="wamid.1", customer_key=WA_ID)
        assert inbox.record(session, 1, "messages:main", [again]) == []


def test_payment_and_delivery_webhooks_are_emptied_after_thirty_days(shop: Shop, now: Any) -> None:
    news = [arrives(shop.database, "payment", 1), arrives(shop.database, "status", 1)]
    said = arrives(shop.database, "message", 1, customer_key=WA_ID)
    finish(shop.database, *news, said)
    now.advance(31 * DAY)
    assert keeper(shop.database).run() == Emptied(webhooks=2)
    assert [body(shop.database, event) for event in (*news, said)] == [b"{}", b"{}", b'{"words":1}']


def test_nothing_unfinished_is_touched_and_it_is_emptied_when_it_is_done(shop: Shop, now: Any) -> None:
    done, open_one, later = (arrives(shop.database, "payment", number) for number in (1, 2, 3))
    finish(shop.database, done, later)
    waiting = promise(shop.database, seen(shop), "Hello", 1)
    now.advance(100 * DAY)
    assert keeper(shop.database).run() == Emptied(webhooks=2)
    assert body(shop.database, open_one) == b'{"words":1}'
    finish(shop.database, open_one)
    with shop.database.writing() as session:
        session.execute(update(OutboxMessage).where(OutboxMessage.id == waiting).values(status="sent"))
    assert keeper(shop.database).run() == Emptied(webhooks=1, sent=1)
    assert body(shop.database, open_one) == b"{}"


def seen(shop: Shop) -> int:
    """A customer without any messages; their id."""
    from tests.shop import customer

    return shop.write(lambda session: customer(session, 1).id)


def test_the_webhook_behind_money_that_waits_for_the_owner_is_kept_until_it_is_settled(
    shop: Shop, now: Any
) -> None:
    event = arrives(shop.database, "payment", 1)
    finish(shop.database, event)
    with shop.database.writing() as session:
        session.add(
            MoneyEvent(shop_id=1, kind="unmatched", gateway="ghala", inbox_event_id=event, created_at=clock())
        )
    now.advance(40 * DAY)
    assert keeper(shop.database).run() == Emptied()
    with shop.database.writing() as session:
        session.execute(update(MoneyEvent).values(settled_at=clock()))
    assert keeper(shop.database).run() == Emptied(webhooks=1)


def test_the_facts_of_a_payment_outlive_its_webhook(shop: Shop, now: Any) -> None:
    shop.buys()
    shop.pays()
    now.advance(400 * DAY)
    keeper(shop.database).run()
    payment = shop.payment()
    (money,) = shop.rows(MoneyEvent)
    assert (payment.status, payment.amount, money.amount) == ("succeeded", 300_000, 300_000)
    assert payment.transaction_ref == money.transaction_ref


def test_answers_kept_for_programs_go_altogether(shop: Shop, now: Any) -> None:
    event = arrives(shop.database, "internal", 1)
    finish(shop.database, event)
    with shop.database.writing() as session:
        session.execute(update(InboxEvent).values(source="api", status="ignored"))
    now.advance(91 * DAY)
    keeper(shop.database).run()
    assert shop.rows(InboxEvent) == []


def test_many_rows_are_walked_in_small_batches(shop: Shop, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    events = [arrives(shop.database, "status", number) for number in range(10)]
    finish(shop.database, *events)
    now.advance(31 * DAY)
    fresh = arrives(shop.database, "status", 99)
    finish(shop.database, fresh)
    assert keeper(shop.database).run() == Emptied(webhooks=10)
    assert body(shop.database, fresh) == b'{"words":1}'
    with shop.database.reading() as session:
        assert chores.progress(session, retention.NAME)["webhooks"] == events[-1]


def test_it_happens_once_a_day_whoever_looks(shop: Shop, now: Any) -> None:
    one, other = keeper(shop.database), keeper(shop.database)
    assert one.is_due()
    assert one.daily() is not None
    assert other.daily() is None
    assert not other.is_due()
    now.advance(DAY + 1)
    assert other.daily() is not None


def test_the_sweeper_queues_it_when_it_is_due(shop: Shop, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    queued: list[str] = []
    monkeypatch.setattr(QueueBell, "queue", lambda self, task, row_id: queued.append(task))
    sweeper = Sweeper(shop.database, QueueBell(shop.worker.link), shop.worker.link, "one")
    sweeper.daily()
    keeper(shop.database).daily()
    for _ in range(DAILY_EVERY):
        sweeper.daily()
    assert queued.count("retention") == 1
