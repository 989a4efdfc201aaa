"""Pacing over a real Valkey: bursts as WhatsApp allows them, then everybody waits their turn."""

from __future__ import annotations

import pytest
import redis

import jobs.pacing
from db.redis_link import RedisLink
from jobs.pacing import PERSON_BURST, Pacing
from tests.integration.jobs.conftest import CLOSED_REDIS

HOUR = 3600.0


@pytest.fixture
def link(redis_url: str) -> RedisLink:
    return RedisLink(redis_url)


def test_a_person_may_get_a_burst_and_then_one_message_at_a_time(link: RedisLink) -> None:
    pacing = Pacing(link, 0, HOUR)
    assert pacing.delays([(1, 7)] * PERSON_BURST) == [0.0] * PERSON_BURST
    (wait,) = pacing.delays([(1, 7)])
    assert HOUR - 60 < wait <= HOUR


def test_whoever_has_to_wait_takes_no_turn(link: RedisLink) -> None:
    pacing = Pacing(link, 0, HOUR)
    pacing.delays([(1, 7)] * PERSON_BURST)
    first, second = pacing.delays([(1, 7)]), pacing.delays([(1, 7)])
    assert second <= first


def test_one_persons_burst_leaves_others_alone(link: RedisLink) -> None:
    pacing = Pacing(link, 0, HOUR)
    pacing.delays([(1, 7)] * PERSON_BURST)
    assert pacing.delays([(1, 8), (2, 7)]) == [0.0, 0.0]


def test_a_shop_may_send_a_seconds_worth_at_once(link: RedisLink) -> None:
    pacing = Pacing(link, 1 / HOUR, 0)
    first, second = pacing.delays([(1, 7), (1, 8)])
    assert first == 0.0
    assert HOUR - 60 < second <= HOUR
    assert pacing.delays([(2, 7)]) == [0.0]


def test_a_shops_burst_is_as_large_as_its_rate(link: RedisLink) -> None:
    waits = Pacing(link, 20, 0).delays([(1, person) for person in range(400)])
    assert waits[:20] == [0.0] * 20
    assert waits[-1] > 0


def test_all_workers_share_one_pace(redis_url: str) -> None:
    for _ in range(PERSON_BURST):
        assert Pacing(RedisLink(redis_url), 0, HOUR).delays([(1, 7)]) == [0.0]
    assert Pacing(RedisLink(redis_url), 0, HOUR).delays([(1, 7)])[0] > 0


def test_zero_switches_it_off(link: RedisLink, redis_url: str) -> None:
    assert Pacing(link, 0, 0).delays([(1, 7)] * 500) == [0.0] * 500
    client = redis.Redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.close()


class Seconds:
    """A clock set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_without_redis_a_worker_keeps_a_persons_pace_by_itself() -> None:
    clock = Seconds()
    pacing = Pacing(RedisLink(CLOSED_REDIS), 0, 6, clock)
    assert pacing.delays([(1, 7)] * PERSON_BURST) == [0.0] * PERSON_BURST
    assert pacing.delays([(1, 7), (1, 7), (1, 8)]) == pytest.approx([6.0, 6.0, 0.0])
    clock.now += 6
    assert pacing.delays([(1, 7), (1, 7)]) == pytest.approx([0.0, 6.0])


def test_without_redis_a_worker_keeps_the_shops_pace_by_itself() -> None:
    clock = Seconds()
    pacing = Pacing(RedisLink(CLOSED_REDIS), 80, 0, clock)
    waits = pacing.delays([(1, person) for person in range(100)])
    assert waits[:80] == [0.0] * 80
    assert 0 < waits[80] <= 1 / 80
    assert pacing.delays([(2, 1)]) == [0.0]
    clock.now += 1
    assert pacing.delays([(1, person) for person in range(100)]).count(0.0) == 80


def test_without_redis_a_worker_remembers_only_who_must_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs.pacing, "MOST_KEPT", 10)
    clock = Seconds()
    pacing = Pacing(RedisLink(CLOSED_REDIS), 0, 6, clock)
    for person in range(100):
        pacing.delays([(1, person)])
        clock.now += 6
    assert len(pacing._due) < 20


def test_without_redis_zero_switches_it_off_too() -> None:
    assert Pacing(RedisLink(CLOSED_REDIS), 0, 0).delays([(1, 7)] * 200) == [0.0] * 200


def test_a_redis_that_comes_back_decides_again(link: RedisLink, monkeypatch: pytest.MonkeyPatch) -> None:
    pacing = Pacing(link, 0, HOUR)
    with monkeypatch.context() as away:
        away.setattr(link, "attempt", lambda _call, default: default)
        assert pacing.delays([(1, 7)] * PERSON_BURST) == [0.0] * PERSON_BURST
        assert pacing.delays([(1, 7)])[0] > 0
    assert pacing.delays([(1, 7)]) == [0.0]


@pytest.mark.parametrize("answers", [10, PERSON_BURST])
def test_the_first_answers_of_a_conversation_are_never_delayed(link: RedisLink, answers: int) -> None:
    pacing = Pacing(link, 80, 6)
    assert [pacing.delays([(1, 7)])[0] for _ in range(answers)] == [0.0] * answers


def test_a_redis_that_forgot_the_script_is_told_again(link: RedisLink) -> None:
    pacing = Pacing(link, 80, 6)
    assert pacing.delays([(1, 7)]) == [0.0]
    link.client.script_flush()
    assert pacing.delays([(1, 7)]) == [0.0]
    assert not link.silent
