"""Nobody waits for a database without end: who gets no turn, no lock or no server is told so."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoTurn

from db import Database, database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    base = Database(f"sqlite:///{tmp_path / 'duka.db'}")
    yield base
    base.close()


def test_a_thread_that_gets_no_turn_to_write_is_told_so(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TURN_TIMEOUT", 0.01)
    with sqlite.writing(), pytest.raises(NoTurn), sqlite.writing():
        pass  # never reached


def test_the_turn_is_given_on_whatever_happened_in_it(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "TURN_TIMEOUT", 0.01)
    with pytest.raises(OperationalError), sqlite.writing() as session:
        session.execute(text("SELECT nothing FROM nowhere"))
    with sqlite.writing() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_a_postgresql_that_takes_connections_and_says_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "CONNECT_TIMEOUT", 2)  # libpq's least
    with socket.create_server(("127.0.0.1", 0)) as door:
        silent = Database(f"postgresql+psycopg://nobody@127.0.0.1:{door.getsockname()[1]}/nothing")
        try:
            with pytest.raises(OperationalError, match="timeout"), silent.writing() as session:
                session.execute(text("SELECT 1"))
        finally:
            silent.close()
