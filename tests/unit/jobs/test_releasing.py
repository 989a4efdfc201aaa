"""A worker that lives lets go of a customer whose work failed, even if the database could not be told at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy.exc import OperationalError

from bot.claims import LEASE, Claim
from db.inbox import WaitingEvent
from jobs.tasks import Tasks


def down() -> OperationalError:
    return OperationalError("UPDATE", None, Exception("the database is down"))


def claim_of(event_id: int) -> Claim:
    event = WaitingEvent(event_id, 1, "message", "k", None, None, "normal", b"{}", 0, 0.0)
    return Claim(1, event_id, "k", None, "", 0, 1, True, 1, (event,))


class Shell:
    """A shell over a database that is up or down."""

    def __init__(self) -> None:
        self.work_fails = True
        self.release_fails = True
        self.released: list[int] = []
        self.tried = 0

    def claim(self, event_ids: Sequence[int]) -> list[Claim]:
        return [claim_of(event_id) for event_id in event_ids]

    def work(self, _claim: Claim) -> None:
        if self.work_fails:
            raise down()

    def failed(self, claim: Claim, _error: str) -> None:
        self.tried += 1
        if self.release_fails:
            raise down()
        self.released.append(claim.customer_id)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tasks_on(shell: Shell, seconds: Seconds) -> Tasks:
    nothing = cast("Any", None)
    database = cast("Any", SimpleNamespace(lock=threading.Lock))
    return Tasks(database, nothing, cast("Any", shell), nothing, nothing, monotonic=seconds)


def test_a_customer_is_let_go_as_soon_as_the_database_is_back() -> None:
    shell = Shell()
    tasks = tasks_on(shell, Seconds())
    tasks.advance(1)
    assert shell.released == []
    shell.work_fails = shell.release_fails = False
    tasks.advance(2)
    assert shell.released == [1]


def test_everybody_who_waits_is_let_go() -> None:
    shell = Shell()
    tasks = tasks_on(shell, Seconds())
    for event_id in (1, 2, 3):
        tasks.advance(event_id)
    shell.work_fails = shell.release_fails = False
    tasks.advance(4)
    assert sorted(shell.released) == [1, 2, 3]


def test_who_cannot_be_let_go_is_left_to_the_end_of_the_lease() -> None:
    shell, seconds = Shell(), Seconds()
    tasks = tasks_on(shell, seconds)
    tasks.advance(1)
    shell.work_fails = False
    seconds.now = LEASE + 1
    tasks.advance(2)
    before = shell.tried
    tasks.advance(3)
    assert shell.tried == before
