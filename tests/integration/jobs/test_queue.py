"""The queue carries ids and nothing else, and the sweeper refills it from the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
import redis
from sqlalchemy import select, update

from db import Database, clock, inbox
from db.models import InboxEvent, Order, Payment, ReconciliationRun, WorkerHeartbeat
from db.redis_link import RedisLink
from jobs.queue import NAME, TASK_NAMES, TASKS, QueueBell, consumer_client, make_huey, register
from jobs.sweeper import PATIENCE, Sweeper
from keeping import chores, retention
from orders import service as order_service
from payments import reconciliation
from payments import service as payment_service
from tests.integration.jobs.conftest import CLOSED_REDIS
from tests.shop import PHONE, WA_ID, open_shop, place, refs


class Queue:
    """The Redis behind the queue, looked at from outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Any = redis.Redis.from_url(url)

    def tasks(self) -> list[tuple[str, int]]:
        """Every task that waits, in order, as its name and id."""
        found = []
        for key in self.client.scan_iter():
            raw = self.client.lrange(key, 0, -1)
            found += [orjson.loads(task) for task in reversed(raw)]
        return [(_name(task), _only_id(task)) for task in found]

    def run(self, work: dict[str, Callable[[int], None]]) -> int:
        """What a worker does with the queue, until it is empty; how many tasks it ran."""
        client = consumer_client(self.url)
        huey = make_huey(client)
        register(huey, work)
        ran = 0
        while (task := huey.dequeue()) is not None:
            huey.execute(task)
            ran += 1
        client.close()
        return ran


def _name(task: list[Any]) -> str:
    return next(
        str(part) for part in task if isinstance(part, str) and part.split(".")[-1] in TASK_NAMES
    ).split(".")[-1]


def _only_id(task: list[Any]) -> int:
    (row_id,) = next(part for part in task if isinstance(part, list))
    assert isinstance(row_id, int)
    assert {} in task
    return row_id


@pytest.fixture
def queue(redis_url: str) -> Iterator[Queue]:
    queue = Queue(redis_url)
    yield queue
    queue.client.close()


@pytest.fixture
def bell(redis_url: str) -> QueueBell:
    return QueueBell(RedisLink(redis_url))


@pytest.fixture
def shop(database: Database) -> Database:
    with database.writing() as session:
        open_shop(session)
    return database


@pytest.fixture
def sweeper(shop: Database, bell: QueueBell, redis_url: str) -> Sweeper:
    """One whose chores of the day are done."""
    reconciliation.queue_daily(shop)
    with shop.writing() as session:
        session.execute(update(ReconciliationRun).values(status="done"))
        chores.begin(session, retention.NAME)
    return Sweeper(shop, bell, RedisLink(redis_url), "worker-1")


def record(database: Database, kind: str = "message", name: str = "d1", key: str | None = WA_ID) -> int:
    new = inbox.NewEvent(kind, name, b'{"text": "secret words"}', customer_key=key)
    with database.writing() as session:
        ((event_id, _),) = inbox.record(session, 1, "messages:main", [new])
    return event_id


def test_tasks_are_json_that_carries_an_id_and_nothing_else(queue: Queue, bell: QueueBell) -> None:
    for kind in TASKS:
        bell.inbox(kind, 7)
    bell.payment(8)
    bell.ask(9)
    assert queue.tasks() == [
        ("advance", 7),
        ("advance", 7),
        ("apply_payment", 7),
        ("apply_status", 7),
        ("start_payment", 8),
        ("ask_payment", 9),
    ]
    (key,) = queue.client.keys()
    assert NAME.encode() in key
    assert queue.client.ttl(key) == -1


def test_events_that_were_stored_together_are_queued_by_one_command_in_their_order(
    queue: Queue, bell: QueueBell
) -> None:
    queue.client.config_resetstat()
    bell.events([(7, "message"), (9, "payment"), (8, "status")])
    assert queue.client.info("commandstats")["cmdstat_lpush"]["calls"] == 1
    assert queue.tasks() == [("advance", 7), ("apply_payment", 9), ("apply_status", 8)]


def test_one_command_carries_no_more_tasks_than_it_may(
    queue: Queue, bell: QueueBell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.queue.MOST_AT_ONCE", 2)
    queue.client.config_resetstat()
    bell.events([(number, "message") for number in range(5)])
    assert queue.client.info("commandstats")["cmdstat_lpush"]["calls"] == 3
    assert queue.tasks() == [("advance", number) for number in range(5)]


def test_a_queued_task_is_what_the_library_itself_would_queue(queue: Queue, bell: QueueBell) -> None:
    bell.events([(7, "message")])
    client = consumer_client(queue.url)
    huey = make_huey(client)
    register(huey)["advance"](7)
    ours, theirs = (orjson.loads(task) for task in queue.client.lrange(huey.storage.queue_key, 0, -1))
    client.close()
    assert len(ours.pop(0)) == len(theirs.pop(0)) == len("00000000-0000-4000-8000-000000000000")
    assert ours == theirs


def test_a_queued_task_runs_the_work_of_its_name(queue: Queue, bell: QueueBell) -> None:
    done: list[tuple[str, int]] = []
    work = {name: lambda row_id, name=name: done.append((name, row_id)) for name in TASK_NAMES}
    bell.inbox("message", 7)
    bell.payment(8)
    assert queue.run(work) == 2
    assert done == [("advance", 7), ("start_payment", 8)]
    assert queue.tasks() == []


def test_ringing_for_the_outbox_wakes_the_sender_of_this_process_only(queue: Queue, redis_url: str) -> None:
    woken: list[bool] = []
    QueueBell(RedisLink(redis_url), wake_sender=lambda: woken.append(True)).outbox()
    QueueBell(RedisLink(redis_url)).outbox()
    assert woken == [True]
    assert queue.tasks() == []


def test_a_bell_without_redis_is_silent(queue: Queue) -> None:
    QueueBell(RedisLink(CLOSED_REDIS)).inbox("message", 7)
    assert queue.tasks() == []


def test_what_is_overdue_is_queued_and_what_is_not_is_not(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    old = record(shop, name="old")
    status = record(shop, "status", "status", None)
    payment = record(shop, "payment", "payment", None)
    done = record(shop, name="done", key="254733444555")
    with shop.writing() as session:
        inbox.finish(session, [done])
    now.advance(PATIENCE)
    record(shop, name="new", key="254733444666")
    assert sweeper.sweep() == 3
    assert sorted(queue.tasks()) == [("advance", old), ("apply_payment", payment), ("apply_status", status)]


def test_a_customer_is_queued_once_however_much_they_wrote(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    first = record(shop, name="one")
    record(shop, name="two")
    other = record(shop, name="three", key="254733444555")
    now.advance(60)
    sweeper.sweep()
    assert queue.tasks() == [("advance", first), ("advance", other)]


def test_an_event_that_waits_for_its_next_try_is_left_alone(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    event = record(shop)
    with shop.writing() as session:
        inbox.postpone(session, [event], 100)
    now.advance(99)
    assert sweeper.sweep() == 0
    now.advance(1 + PATIENCE)
    assert sweeper.sweep() == 1


def test_a_payment_nobody_took_to_its_gateway_is_queued(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    order = place(shop, now())
    with shop.writing() as session:
        payment = payment_service.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(5)).id
    assert sweeper.sweep() == 0
    now.advance(PATIENCE)
    assert sweeper.sweep() == 1
    assert queue.tasks() == [("start_payment", payment)]


def test_a_payment_without_news_is_asked_about_when_it_is_time(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    order = place(shop, now())
    with shop.writing() as session:
        payment = payment_service.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(5)).id
        session.execute(update(Payment).values(status="pending", next_ask_at=clock(70)))
    now.advance(69)
    assert sweeper.sweep() == 0
    now.advance(1)
    assert sweeper.sweep() == 1
    assert queue.tasks() == [("ask_payment", payment)]


def test_an_unpaid_order_is_queued_when_its_hold_is_over(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    order = place(shop, now())
    now.advance(30 * 60)
    assert sweeper.sweep() == 0
    now.advance(1)
    assert sweeper.sweep() == 1
    with shop.reading() as session:
        row = session.scalars(select(Order).where(Order.ref == order.ref)).one()
    assert queue.tasks() == [("expire_order", row.id)]
    with shop.writing() as session:
        order_service.expire(session, row.id)
    queue.client.flushall()
    sweeper.sweep()
    assert ("expire_order", row.id) not in queue.tasks()


def test_an_order_being_paid_does_not_expire(shop: Database, sweeper: Sweeper, queue: Queue, now) -> None:
    order = place(shop, now())
    with shop.writing() as session:
        payment_service.request(session, 1, order.ref, "mpesa", PHONE, refs=refs(5))
        session.execute(update(Payment).values(status="pending", next_ask_at=clock(9_000)))
    now.advance(31 * 60)
    assert sweeper.sweep() == 0


def test_a_queue_that_was_lost_is_filled_again(
    shop: Database, sweeper: Sweeper, bell: QueueBell, queue: Queue, now
) -> None:
    event = record(shop)
    bell.inbox("message", event)
    queue.client.flushall()
    now.advance(PATIENCE)
    sweeper.sweep()
    done: list[int] = []
    assert queue.run({"advance": done.append}) == 1
    assert done == [event]


def test_a_worker_that_starts_queues_everything_that_waits(
    shop: Database, sweeper: Sweeper, queue: Queue
) -> None:
    event = record(shop)
    assert sweeper.sweep(0.0) == 1
    assert queue.tasks() == [("advance", event)]


def test_sweeping_twice_changes_nothing_but_the_queue(
    shop: Database, sweeper: Sweeper, queue: Queue, now
) -> None:
    record(shop)
    now.advance(60)
    for _ in range(3):
        sweeper.sweep()
    with shop.reading() as session:
        (row,) = session.scalars(select(InboxEvent)).all()
    assert (row.status, row.attempts) == ("waiting", 0)


def test_a_worker_says_that_it_is_alive(shop: Database, sweeper: Sweeper, now) -> None:
    sweeper.beat()
    started = now()
    now.advance(5)
    sweeper.beat()
    with shop.reading() as session:
        (row,) = session.scalars(select(WorkerHeartbeat)).all()
    assert (row.worker, row.started_at, row.seen_at) == ("worker-1", started, now())
