"""Transactions, types and the clock behave the same on both engines."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, StatementError

from db import Database, clock
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
