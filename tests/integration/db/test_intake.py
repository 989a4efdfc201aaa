"""Requests that come at the same moment share a commit, and each hears of its own events only."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from db import Database
from db.bell import SilentBell
from db.inbox import NewEvent
from db.intake import Intake
from db.models import InboxEvent
from tests.factories import Seed

SOURCE = "messages:main"
PATIENCE = 10.0

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""PostgreSQL gathers commits by itself: there each request meets the database alone."""


def message(name: str, raw: bytes = b"{}", kind: str = "message") -> NewEvent:
    return NewEvent(kind, name, raw, customer_key="254712345678")


@pytest.fixture
def intake(database: Database) -> Intake:
    with database.writing() as session:
        Seed(session, database.now()).shop()
    return Intake(database, SilentBell())


def stored(database: Database) -> dict[str, int]:
    with database.reading() as session:
        rows = session.execute(select(InboxEvent.external_id, InboxEvent.id))
        return {row.external_id: row.id for row in rows}


def together(intake: Intake, deliveries: list[list[NewEvent]]) -> list[Future[list[tuple[int, str]]]]:
    """Hand over everything while somebody else has the turn, so that all of it lies on one pile."""
    with ThreadPoolExecutor(len(deliveries)) as threads:
        with intake._turn:
            futures = []
            for count, events in enumerate(deliveries, 1):
                futures.append(threads.submit(intake.take, 1, SOURCE, events))
                end = time.monotonic() + PATIENCE
                while len(intake._pile) < count:
                    assert time.monotonic() < end
                    threading.Event().wait(0.001)
        return futures


def test_what_comes_at_once_is_stored_and_each_hears_of_its_own(intake: Intake, database: Database) -> None:
    futures = together(intake, [[message("a")], [message("b"), message("c")], []])
    known = stored(database)
    assert [future.result() for future in futures] == [
        [(known["a"], "message")],
        [(known["b"], "message"), (known["c"], "message")],
        [],
    ]


@on_sqlite
def test_what_comes_at_once_shares_one_commit(intake: Intake, database: Database) -> None:
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    together(intake, [[message(str(number))] for number in range(8)])
    assert len(commits) == 1
    assert len(stored(database)) == 8


def test_a_repeat_that_comes_at_the_same_moment_is_new_once(intake: Intake, database: Database) -> None:
    futures = together(intake, [[message("a")], [message("a")]])
    assert sorted(len(future.result()) for future in futures) == [0, 1]
    assert list(stored(database)) == ["a"]


def test_another_body_under_the_same_id_at_the_same_moment_is_kept_aside(
    intake: Intake, database: Database
) -> None:
    together(intake, [[message("a", b"1")], [message("a", b"2")]])
    with database.reading() as session:
        aside = session.scalar(select(func.count()).where(InboxEvent.error == "id_reused"))
    assert aside == 1


def test_only_who_brought_what_the_database_refuses_hears_of_it(intake: Intake, database: Database) -> None:
    futures = together(intake, [[message("a")], [message("b", kind="nonsense")], [message("c")]])
    assert isinstance(futures[1].exception(), IntegrityError)
    assert [len(futures[number].result()) for number in (0, 2)] == [1, 1]
    assert sorted(stored(database)) == ["a", "c"]


@on_sqlite
def test_when_the_database_does_not_answer_nobody_is_told_that_it_was_taken(
    intake: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.database.TURN_TIMEOUT", 0.01)
    assert database._turn is not None
    with database._turn:
        futures = together(intake, [[message("a")], [message("b")]])
        assert all(isinstance(future.exception(PATIENCE), SQLAlchemyError) for future in futures)
    assert stored(database) == {}
    assert len(intake.take(1, SOURCE, [message("a")])) == 1
