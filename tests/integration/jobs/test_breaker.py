"""The breaker before the sender: a Ghala that is away, refuses the key, or refuses a message."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from db.models import OutboxMessage
from errors import GatewayUnavailable
from ghala.client import Answer
from ghala.dialects import V1
from jobs.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker
from jobs.pacing import Pacing
from jobs.sender import Sender
from tests.guarantees.test_survival import promised
from tests.guarantees.world import Ghala, World, ghala, world

__all__ = ["ghala", "world"]


class Seconds:
    """A clock for the breaker."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_ten_failures_in_a_row_open_the_breaker_and_one_success_closes_it() -> None:
    seconds = Seconds()
    breaker = Breaker(seconds)
    for _ in range(FAILURES - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(FAILURES - 1):
        breaker.failed()
        assert breaker.room(256, 0) == 256
    breaker.failed()
    assert (breaker.room(256, 0), breaker.pause) == (0, FIRST_PAUSE)
    seconds.now += FIRST_PAUSE
    assert breaker.room(256, 5) == 0, "not while others are on their way"
    assert breaker.room(256, 0) == 1
    breaker.succeeded()
    assert breaker.room(256, 0) == 256


def test_failed_tries_make_longer_pauses_up_to_a_minute() -> None:
    seconds = Seconds()
    breaker = Breaker(seconds)
    for _ in range(300):  # all that were in flight come back at once
        breaker.failed()
    pauses = []
    for _ in range(6):
        pauses.append(breaker.pause)
        seconds.now += breaker.pause
        assert breaker.room(10, 0) == 1
        breaker.failed()
    assert pauses == [5, 10, 20, 40, 60, 60]


def test_a_refused_key_pauses_at_once() -> None:
    seconds = Seconds()
    breaker = Breaker(seconds)
    breaker.refused()
    assert (breaker.room(10, 0), breaker.pause) == (0, LONGEST_PAUSE)


def answering(status: int, code: str) -> Any:
    async def call(_request: Any) -> Answer:
        return Answer(status, {}, b'{"error":{"code":%s}}' % code.encode())

    return call


@pytest.mark.parametrize(
    ("status", "code", "paused"),
    [
        (401, "0", True),
        (403, "10", True),
        (400, "190", True),
        (400, "131031", True),
        (400, "131042", True),
        (400, "131026", False),
    ],
)
def test_what_concerns_the_account_pauses_and_what_concerns_the_message_does_not(
    world: World, monkeypatch, status, code, paused
) -> None:
    promised(world, 3)
    monkeypatch.setattr(world.ghala, "call", answering(status, code))
    world.send()
    rows = world.rows(OutboxMessage)
    assert {row.status for row in rows} == {"waiting" if paused else "dead"}
    assert {row.attempts for row in rows} == ({0} if paused else {1})
    assert world.breaker.is_open == paused


def test_somebody_who_says_when_to_come_back_is_not_away(world: World) -> None:
    promised(world, 20)
    world.ghala.send_failures = [GatewayUnavailable("slow down", retry_after=3)] * 20
    world.send()
    assert not world.breaker.is_open


class Recovering(Ghala):
    """Away for the first sends; says when everything has arrived."""

    def __init__(self, away: int, expected: int) -> None:
        super().__init__()
        self.send_failures = [GatewayUnavailable("not reached")] * away
        self.expected, self.done = expected, threading.Event()

    async def call(self, request: Any) -> Answer:
        answer = await super().call(request)
        if len(self.sent) >= self.expected:
            self.done.set()
        return answer


def test_the_running_sender_drains_a_thousand_messages(world: World) -> None:
    promised(world, 1000)
    far = Recovering(away=0, expected=1000)
    sender = Sender(world.database, lambda: far, V1(), Pacing(world.link, 0, 0), world.rng)
    sender.start()
    try:
        assert far.done.wait(60)
    finally:
        sender.stop(10)
    assert len(far.sent) == len({to for to, _, _ in far.sent}) == 1000
    assert world.count(OutboxMessage, OutboxMessage.status == "sent") == 1000
