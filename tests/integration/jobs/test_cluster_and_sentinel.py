"""Redis Cluster and Sentinel: real ones, and the same behaviour as with one server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from admin.throttle import MOST_FAILURES, FailedLogins
from bot.copies import ConversationCopies
from db.redis_link import RedisLink
from jobs.pacing import PERSON_BURST, Pacing
from jobs.queue import TASK_NAMES, QueueBell, consumer_client, make_huey, register
from tests.redises import Servers, client, cluster, wait_for, watched

HOUR = 3600.0


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Servers, list[int]]]:
    with cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def cluster_url(nodes: tuple[str, Servers, list[int]]) -> str:
    url, _, ports = nodes
    for port in ports:
        with client(port) as one:
            one.flushall()
    return url


def places(nodes: tuple[str, Servers, list[int]], wanted: str) -> set[int]:
    """The ports of the nodes that have such keys."""
    found = set()
    for port in nodes[2]:
        with client(port) as one:
            if one.keys(wanted):
                found.add(port)
    return found


def run_one(url: str) -> list[int]:
    """What a worker does with one task."""
    done: list[int] = []
    one = consumer_client(url)
    huey = make_huey(one)
    register(huey, dict.fromkeys(TASK_NAMES, done.append))
    assert huey.read_schedule() == []
    task = huey.dequeue()
    if task is not None:
        huey.execute(task)
    one.close()
    return done


def test_a_task_goes_through_a_clusters_queue(cluster_url: str) -> None:
    link = RedisLink(cluster_url)
    QueueBell(link).inbox("message", 7)
    assert run_one(cluster_url) == [7]
    link.client.close()


def test_a_cluster_keeps_queue_and_mark_together(
    nodes: tuple[str, Servers, list[int]], cluster_url: str
) -> None:
    link = RedisLink(cluster_url)
    assert [link.remembers(), link.remembers()] == [False, True]
    QueueBell(link).inbox("message", 7)
    assert places(nodes, "*huey*") == places(nodes, "*mark*")
    link.client.close()


def test_a_cluster_keeps_a_shops_pace_and_its_customers_in_one_place(cluster_url: str) -> None:
    link = RedisLink(cluster_url)
    pacing = Pacing(link, 80, HOUR)
    everybody = [(shop, person) for shop in range(1, 9) for person in (7, 8)]
    assert pacing.delays(everybody) == [0.0] * len(everybody)
    assert pacing.delays([(3, 7)] * PERSON_BURST)[-1] > 0
    assert not link.silent
    link.client.close()


def test_every_copy_of_a_cluster_is_found_and_dropped(
    nodes: tuple[str, Servers, list[int]], cluster_url: str
) -> None:
    link = RedisLink(cluster_url)
    copies = ConversationCopies(link)
    for customer in range(40):
        copies.put(customer, 1, {"step": customer})
    assert len(places(nodes, "*:conversation")) == 3
    assert copies.get(7, 1) == {"step": 7}
    assert copies.drop_all()
    assert places(nodes, "*:conversation") == set()
    link.client.close()


def test_wrong_passwords_are_counted_in_a_cluster(cluster_url: str) -> None:
    first, second = FailedLogins(cluster_url), FailedLogins(cluster_url)
    for number in range(MOST_FAILURES):
        (first, second)[number % 2].record("203.0.113.9", "admin")
    assert first.retry_after("203.0.113.9", "admin") is not None
    assert second.retry_after("203.0.113.9", "admin") is not None


@pytest.mark.parametrize(
    "url", ["redis+cluster://127.0.0.1:1,127.0.0.1:2", "redis+sentinel://127.0.0.1:1/mymaster"]
)
def test_while_nobody_is_there_everything_goes_on_without(url: str) -> None:
    link = RedisLink(url)
    began = time.monotonic()
    assert not link.ping()
    assert not link.remembers()
    QueueBell(link).inbox("message", 7)
    assert link.silent
    assert FailedLogins(url).retry_after("203.0.113.9", "admin") is None
    assert time.monotonic() - began < 2


def test_a_cluster_that_comes_later_is_found(tmp_path: Path, nodes: tuple[str, Servers, list[int]]) -> None:
    link = RedisLink(nodes[0])
    link.client._nodes = (("127.0.0.1", 1),)  # type: ignore[attr-defined]
    assert not link.ping()
    link.client._nodes = (("127.0.0.1", nodes[2][1]),)  # type: ignore[attr-defined]
    assert link.ping()
    link.client.close()


def test_when_a_primary_dies_its_replica_goes_on_with_the_queue(tmp_path: Path) -> None:
    with watched(tmp_path) as (url, servers, (primary, replica)):
        link = RedisLink(url)
        assert [link.remembers(), link.remembers()] == [False, True]
        QueueBell(link).inbox("message", 7)
        with client(replica) as one:
            wait_for(lambda: one.keys("huey*"))
        servers.kill(primary)
        wait_for(link.remembers)
        assert run_one(url) == [7]
        with pytest.raises(redis.ConnectionError), client(primary) as one:
            one.ping()
        link.client.close()
