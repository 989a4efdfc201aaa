"""Requests that come at the same moment share a commit and a ring, and each hears of its own events only."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from db import Database, inbox
from db.bell import SilentBell
from db.inbox import NewEvent
from db.intake import Intake
from db.models import InboxEvent
from tests.factories import Seed
from tests.waiting import until

SOURCE = "messages:main"
PATIENCE = 10.0

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("engine", ["postgres"], indirect=True)


class Tower(SilentBell):
    """Remembers each ring, and what was to be seen then."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.rings: list[set[int]] = []
        self.too_early: set[int] = set()

    def events(self, recorded: Sequence[tuple[int, str]]) -> None:
        new = {event_id for event_id, _ in recorded}
        self.too_early |= new - set(stored(self._database).values())
        self.rings.append(new)


def message(name: str, raw: bytes = b"{}", kind: str = "message") -> NewEvent:
    return NewEvent(kind, name, raw, customer_key="254712345678")


@pytest.fixture
def intake(database: Database) -> Intake:
    with database.writing() as session:
        Seed(session, database.now()).shop()
    return Intake(database, Tower(database))


@pytest.fixture
def rings(intake: Intake) -> Iterator[list[set[int]]]:
    """Every ring, all of them after the commit."""
    tower = intake._bell
    assert isinstance(tower, Tower)
    yield tower.rings
    assert tower.too_early == set()


def stored(database: Database) -> dict[str, int]:
    with database.reading() as session:
        rows = session.execute(select(InboxEvent.external_id, InboxEvent.id))
        return {row.external_id: row.id for row in rows}


def together(intake: Intake, deliveries: list[list[NewEvent]]) -> list[Future[list[tuple[int, str]]]]:
    """Hand over everything while somebody else has the turn, so that all of it lies on one pile."""
    with ThreadPoolExecutor(len(deliveries)) as threads:
        intake._pile._working = True
        futures = []
        for count, events in enumerate(deliveries, 1):
            futures.append(threads.submit(intake.take, 1, SOURCE, events))
            until(lambda count=count: len(intake._pile._waiting) == count)
        intake._pile._hand_on()
        return futures


def test_what_comes_at_once_is_stored_and_each_hears_of_its_own(intake: Intake, database: Database) -> None:
    futures = together(intake, [[message("a")], [message("b"), message("c")], []])
    known = stored(database)
    assert [future.result() for future in futures] == [
        [(known["a"], "message")],
        [(known["b"], "message"), (known["c"], "message")],
        [],
    ]


def test_what_comes_at_once_shares_one_commit(intake: Intake, database: Database) -> None:
    intake._bell = SilentBell()  # one that reads nothing
    commits: list[object] = []
    event.listen(database.engine, "commit", commits.append)
    together(intake, [[message(str(number))] for number in range(8)])
    assert len(commits) == 1
    assert len(stored(database)) == 8


def test_the_bell_is_rung_once_for_all_that_shared_a_commit(
    intake: Intake, database: Database, rings: list[set[int]]
) -> None:
    together(intake, [[message(str(number))] for number in range(8)])
    assert rings == [set(stored(database).values())]


def test_a_pile_is_no_larger_than_one_commit_may_be(
    intake: Intake, database: Database, rings: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake._pile, "_most", 3)
    futures = together(intake, [[message(str(number))] for number in range(8)])
    assert sorted(map(len, rings)) == [2, 3, 3]
    assert {event_id for future in futures for event_id, _ in future.result()} == set.union(*rings)


def test_whoever_comes_when_nobody_stores_stores_alone(intake: Intake, rings: list[set[int]]) -> None:
    for name in "abc":
        together(intake, [[message(name)]])
        assert len(intake.take(1, SOURCE, [message(name + name)])) == 1
    assert list(map(len, rings)) == [1] * 6


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


def test_only_who_brought_what_the_database_refuses_hears_of_it(
    intake: Intake, database: Database, rings: list[set[int]]
) -> None:
    futures = together(intake, [[message("a")], [message("b", kind="nonsense")], [message("c")]])
    assert isinstance(futures[1].exception(), IntegrityError)
    assert [len(futures[number].result()) for number in (0, 2)] == [1, 1]
    assert sorted(stored(database)) == ["a", "c"]
    assert set.union(*rings) == set(stored(database).values())


@on_postgres
def test_piles_of_two_processes_that_wait_for_each_other_are_both_stored(
    intake: Intake, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    for engine in (database.engine, other.engine):
        event.listen(engine, "begin", lambda one: one.exec_driver_sql("SET LOCAL deadlock_timeout = '10ms'"))
    real, both = inbox.record, threading.Barrier(2)
    first_statements = iter(range(2))

    def held_up(*arguments: Any) -> Any:
        new = real(*arguments)
        if next(first_statements, None) is not None:
            both.wait(PATIENCE)  # each has one of the two now, and wants the other
        return new

    monkeypatch.setattr(inbox, "record", held_up)
    places = ["messages:a", "messages:b"]
    with ThreadPoolExecutor(4) as threads:
        futures = []
        for one, sources in ((intake, places), (Intake(other, SilentBell()), places[::-1])):
            one._pile._working = True
            for source in sources:
                waiting = len(one._pile._waiting)
                futures.append(threads.submit(one.take, 1, source, [message("same")]))
                until(lambda one=one, waiting=waiting: len(one._pile._waiting) > waiting)
            one._pile._hand_on()
    assert sum(len(future.result()) for future in futures) == 2
    other.close()


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
