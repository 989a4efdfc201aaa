"""Redis may be away, empty or read-only: workers notice, and do with their own hands what no queue carries."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import redis

from db import Database
from db.redis_link import RedisLink
from jobs.hands import MOST_WAITING, Hands
from jobs.queue import NAME, QueueBell
from jobs.sweeper import PATIENCE, UNEASY, Sweeper
from tests.waiting import until

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def link_to() -> Iterator[Callable[[str], RedisLink]]:
    links: list[RedisLink] = []

    def make(url: str) -> RedisLink:
        links.append(RedisLink(url))
        return links[-1]

    yield make
    for link in links:
        link.client.close()


def test_an_emptied_redis_is_noticed_once(
    redis_url: str, client: redis.Redis, link_to: Callable[[str], RedisLink]
) -> None:
    link = link_to(redis_url)
    assert [link.remembers(), link.remembers()] == [False, True]
    client.flushall()
    assert [link.remembers(), link.remembers()] == [False, True]


def test_a_redis_that_takes_no_writes_counts_as_away(
    redis_url: str, client: redis.Redis, link_to: Callable[[str], RedisLink]
) -> None:
    link = link_to(redis_url)
    link.remembers()
    client.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        assert not link.remembers()
    finally:
        client.execute_command("REPLICAOF", "NO", "ONE")
    assert link.remembers()


def test_a_redis_nobody_runs_remembers_nothing(link_to: Callable[[str], RedisLink]) -> None:
    assert not link_to(NOBODY).remembers()


class Noted:
    """Work that notes whom it was done for, and may be held up."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.begun = threading.Event()

    def __call__(self, row_id: int) -> None:
        self.begun.set()
        assert self.may_go_on.wait(20)
        self.done.append(row_id)


def test_without_redis_a_worker_does_the_task_itself(link_to: Callable[[str], RedisLink]) -> None:
    work = Noted()
    hands = Hands({"advance": work}, 1)
    bell = QueueBell(link_to(NOBODY), hands=hands)
    bell.inbox("message", 7)
    bell.inbox("internal", 8)
    assert work.begun.wait(20)
    hands.close()
    assert work.done[:1] == [7]


def test_without_redis_a_worker_does_every_one_of_several_tasks(link_to: Callable[[str], RedisLink]) -> None:
    work = Noted()
    hands = Hands({"advance": work}, 1)
    QueueBell(link_to(NOBODY), hands=hands).events([(7, "message"), (8, "internal")])
    until(lambda: work.done == [7, 8])
    hands.close()


def test_with_redis_the_queue_carries_the_task(
    redis_url: str, client: redis.Redis, link_to: Callable[[str], RedisLink]
) -> None:
    work = Noted()
    hands = Hands({"advance": work}, 1)
    QueueBell(link_to(redis_url), hands=hands).inbox("message", 7)
    hands.close()
    assert work.done == []
    assert client.llen(f"huey.redis.{NAME}") == 1


def test_a_task_waits_for_a_hand_once() -> None:
    work = Noted()
    work.may_go_on.clear()
    hands = Hands({"advance": work}, 1)
    assert hands.take("advance", 1)
    assert work.begun.wait(20)
    assert [hands.take("advance", 2), hands.take("advance", 2)] == [True, False]
    # What is being done already may be wanted again: something may have come in since.
    assert hands.take("advance", 1)
    work.may_go_on.set()
    hands.close()
    assert work.done[0] == 1


def test_no_more_tasks_wait_than_memory_should_hold() -> None:
    work = Noted()
    work.may_go_on.clear()
    hands = Hands({"advance": work}, 1)
    taken = [hands.take("advance", number) for number in range(MOST_WAITING + 2)]
    assert MOST_WAITING <= sum(taken) <= MOST_WAITING + 1
    work.may_go_on.set()
    hands.close()


def test_at_the_end_of_the_day_hands_take_nothing_and_finish_what_they_do() -> None:
    work = Noted()
    hands = Hands({"advance": work}, 1)
    hands.take("advance", 1)
    assert work.begun.wait(20)
    hands.close()
    assert not hands.take("advance", 2)
    assert work.done == [1]


def test_after_trouble_the_sweeper_has_no_patience(
    database: Database, link_to: Callable[[str], RedisLink]
) -> None:
    link = link_to(NOBODY)
    sweeper = Sweeper(database, QueueBell(link), link, "test:1")
    assert [sweeper.patience(), sweeper.patience()] == [0.0, PATIENCE]
    sweeper.had_trouble()
    assert [sweeper.patience() for _ in range(UNEASY + 1)] == [0.0] * UNEASY + [PATIENCE]
