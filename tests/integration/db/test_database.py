"""Transactions, types and the clock behave the same on both engines."""

import sqlite3
from contextlib import closing, nullcontext
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, StatementError

from db import Database, clock
from db import database as database_module
from db.models import Shop


def a_shop(**changes: object) -> Shop:
    values = {
        "slug": "main",
        "name": "Duka",
        "currency": "KES",
        "country": "KE",
        "timezone": "Africa/Nairobi",
        "language": "en",
        "settings": {"a": 1},
        "created_at": clock(),
    }
    return Shop(**(values | changes))


def test_the_database_clock_is_the_injected_one(database: Database, now) -> None:
    with database.reading() as session:
        assert session.scalar(select(clock())) == now()
        assert session.scalar(select(clock(-90))) == now() - timedelta(seconds=90)
    now.advance(3600)
    with database.reading() as session:
        assert session.scalar(select(clock())) == now()


def test_moments_come_back_aware_and_in_utc(database: Database, now) -> None:
    with database.writing() as session:
        session.add(a_shop())
    with database.reading() as session:
        shop = session.scalars(select(Shop)).one()
        assert shop.created_at == now()
        assert shop.created_at.utcoffset() == timedelta(0)
        assert shop.settings == {"a": 1}


def test_a_naive_moment_is_refused(database: Database) -> None:
    with pytest.raises(StatementError), database.writing() as session:
        session.add(a_shop(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_an_error_inside_the_block_leaves_nothing_behind(database: Database) -> None:
    def fail_halfway() -> None:
        with database.writing() as session:
            session.add(a_shop())
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    with database.reading() as session:
        assert session.scalars(select(Shop)).all() == []


def test_a_reading_transaction_cannot_write(database: Database) -> None:
    with pytest.raises(DBAPIError), database.reading() as session:
        session.execute(text("INSERT INTO worker_heartbeats VALUES ('w', '2026-01-01', '2026-01-01')"))


def test_sqlite_is_durable_and_checks_foreign_keys(database: Database) -> None:
    if not database.on_sqlite:
        return
    with database.writing() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert session.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_turn_to_write_that_does_not_come_is_an_error_like_any_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not database.on_sqlite:
        return
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 10)
    database.close()  # the next connections wait so long
    with closing(sqlite3.connect(str(database.file), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"), database.writing() as session:
            session.connection()
    with database.writing() as session:
        session.add(a_shop())


@pytest.mark.parametrize("trusted", [0.0, 3600.0], ids=["asked", "trusted"])
def test_a_connection_that_died_is_replaced_before_its_use_unless_it_was_just_used(
    database: Database, monkeypatch: pytest.MonkeyPatch, trusted: float
) -> None:
    if database.on_sqlite:
        return
    monkeypatch.setattr(database_module, "TRUSTED", trusted)
    with database.writing() as session:
        name = session.scalar(text("SELECT pg_backend_pid()"))
    other = create_engine(database.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:name, 5000)"), {"name": name})
    other.dispose()
    outcome = nullcontext() if trusted == 0 else pytest.raises(OperationalError)
    with outcome, database.writing() as session:
        session.add(a_shop())
    with database.writing() as session:
        session.add(a_shop(slug="second"))
