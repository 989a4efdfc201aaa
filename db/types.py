"""Column types and the database's clock, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    DateTime,
    Dialect,
    Float,
    Integer,
    Text,
    literal,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

Key = BigInteger().with_variant(Integer(), "sqlite")
"""Primary keys: 64 bits, and on SQLite the rowid itself."""

Bytewise = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared and sorted by its bytes, as SQLite does anyway."""


class UtcTime(TypeDecorator[datetime]):
    """A moment: time-zone-aware in Python, UTC in the database. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; SQLite has no zone, so it stores the plain UTC reading."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Always give back an aware moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON document kept as text: written by orjson, the same bytes on both databases."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Serialise, or NULL."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Parse what we wrote ourselves."""
        return None if value is None else orjson.loads(value)


class clock(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function it is
    """The database's own time, ``seconds`` from now: all time in SQL comes from here.

    ``seconds`` may be a ``bindparam``, for statements that are built once.

    ``clock_timestamp()`` on PostgreSQL; on SQLite a function registered by ``Database``, which
    tests replace by a clock of their own.
    """

    type = UtcTime()
    inherit_cache = True
    name = "duka_clock"

    def __init__(self, seconds: float | BindParameter[float] = 0.0) -> None:
        self.seconds = seconds
        if isinstance(seconds, BindParameter):
            super().__init__(seconds)
        else:
            # Most often it is now, which needs no parameter.
            super().__init__(literal(float(seconds), Float()) if seconds else literal_column("0.0", Float()))


@compiles(clock, "sqlite")
def _clock_on_sqlite(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    return f"duka_clock({compiler.process(element.clauses, **kw)})"


@compiles(clock, "postgresql")
def _clock_on_postgresql(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


def word(value: str) -> ColumnElement[str]:
    """A constant of ours written into the SQL itself, not bound.

    SQLite uses a partial index only when the query's text proves its WHERE; a bound value proves nothing.
    """
    if value and not value.replace("_", "").isalpha():
        raise ValueError(f"{value!r} is not a plain word")
    return literal_column(f"'{value}'", Text())
