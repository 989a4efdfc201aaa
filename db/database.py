"""The engine and its two kinds of transaction.

``writing()`` may change things; on SQLite it begins IMMEDIATE, since a deferred transaction
that turns to writing fails with "locked" at once, whatever the busy timeout. ``reading()``
cannot change anything. Neither may contain a network call.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as NoTurn
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 5_000
TURN_TIMEOUT: Final = 5.0
"""Seconds a thread waits for its turn to write to SQLite: as long as for another process's lock."""
CONNECT_TIMEOUT: Final = 5
TRUSTED: Final = 1.0
"""Seconds after its last use in which a connection is taken for alive; then it is asked, which is a round trip."""
VANISHED: Final = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""libpq's means against a server that is gone without a word: no statement timeout comes from there."""


def utc_now() -> datetime:
    """This machine's time, aware, in UTC."""
    return datetime.now(UTC)


class Lock(Protocol):
    """Kept by one at a time; any other may give it back."""

    def acquire(self) -> object:
        """Wait until nobody keeps it, and keep it."""

    def release(self) -> None:
        """Give it back."""


class Database:
    """One database; thread-safe.

    Args:
        url: a SQLAlchemy URL, ``sqlite:///file`` or ``postgresql+psycopg://…``.
        now: the clock behind ``db.clock()`` on SQLite; tests give their own.
        pool_size: connections kept open for writing, and as many for reading.
        pooled: whether ``url`` leads to a pooler that gives each transaction another session, as PgBouncer does in
            transaction mode; means nothing on SQLite.
    """

    def __init__(
        self,
        url: str,
        *,
        now: Callable[[], datetime] = utc_now,
        pool_size: int = 8,
        pooled: bool = False,
    ) -> None:
        self.url = make_url(url)
        self.now = now
        self.on_sqlite = self.url.get_backend_name() == "sqlite"
        self.pooled = pooled and not self.on_sqlite
        self._turn = threading.Lock() if self.on_sqlite else None
        # Parameters stay out of error messages: they hold what customers wrote.
        options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": pool_size, "hide_parameters": True}
        if self.on_sqlite:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = self._sqlite(options, reading=False)
            self._readers: Engine = self._sqlite(options, reading=True)
        else:
            self.engine = self._postgres(options)
            self._readers = self.engine.execution_options(postgresql_readonly=True)

    @property
    def file(self) -> str | None:
        """The file of a SQLite database; ``None`` where a server keeps it, or only memory."""
        return self.url.database if self.on_sqlite else None

    def _postgres(self, options: dict[str, Any]) -> Engine:
        connect: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **VANISHED}
        if self.pooled:
            # Nothing may be left to the session: the next transaction has another, and this one serves strangers.
            connect["prepare_threshold"] = None
        else:
            connect["options"] = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
        engine = create_engine(
            self.url,
            connect_args=connect,
            isolation_level="AUTOCOMMIT" if self.pooled else "READ COMMITTED",
            pool_timeout=5,
            **options,
        )

        def used(_connection: object, record: ConnectionPoolEntry) -> None:
            record.info["used"] = time.monotonic()

        def look(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
            if time.monotonic() - record.info["used"] < TRUSTED:
                return
            try:
                engine.dialect.do_ping(connection)
            except psycopg.Error as error:
                raise InvalidatePoolError from error  # the pool opens a new one instead

        event.listen(engine, "connect", used)
        event.listen(engine, "checkin", used)
        event.listen(engine, "checkout", look)

        def begin(connection: Connection) -> None:
            # In the place of the driver's own BEGIN, so that it costs no further round trip.
            reading = connection.get_execution_options().get("postgresql_readonly", False)
            connection.exec_driver_sql(
                f"BEGIN ISOLATION LEVEL READ COMMITTED {'READ ONLY' if reading else 'READ WRITE'};"
                f" SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_MS}; SET LOCAL timezone = 'UTC'"
            )

        if self.pooled:
            event.listen(engine, "begin", begin)
        return engine

    def _sqlite(self, options: dict[str, Any], *, reading: bool) -> Engine:
        engine = create_engine(
            self.url,
            connect_args={
                "isolation_level": None,
                "check_same_thread": False,
                "timeout": BUSY_TIMEOUT_MS / 1000,
            },
            pool_timeout=5,
            **options,
        )

        def prepare(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            if reading:
                connection.execute("PRAGMA query_only=ON")
            connection.create_function("duka_clock", 1, self._sqlite_clock)

        words = "BEGIN" if reading else "BEGIN IMMEDIATE"

        def begin(connection: Connection) -> None:
            # By the driver itself: the way of a statement through SQLAlchemy costs ten times as much.
            driver: Any = connection.connection.driver_connection
            try:
                driver.execute(words)
            except sqlite3.Error as error:
                raise DBAPIError.instance(words, None, error, sqlite3.Error) from error

        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", begin)
        return engine

    def _sqlite_clock(self, seconds: float) -> str:
        moment = self.now().astimezone(UTC) + timedelta(seconds=seconds)
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds")

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that commits at the end of the block and rolls back on any error.

        On SQLite the threads of this process take turns here rather than in SQLite's busy
        handler, whose growing sleeps make some of them wait a hundred times longer than needed.

        Raises:
            sqlalchemy.exc.TimeoutError: no connection was free, or on SQLite no turn to write came, in time.
        """
        with (
            self._my_turn(),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def lock(self) -> Lock:
        """For threads of this process that wait for each other's transactions; the simulation's wait in its own time."""
        return threading.Lock()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if self._turn is None:
            yield
            return
        # When another process keeps the lock, those behind must not wait for each other's patience in turn.
        if not self._turn.acquire(timeout=TURN_TIMEOUT):
            raise NoTurn(f"no turn to write within {TURN_TIMEOUT:g} s")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A read-only transaction: one consistent picture."""
        with Session(self._readers, expire_on_commit=False, autoflush=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self._readers.dispose()
