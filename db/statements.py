"""Statements both databases speak but SQLAlchemy spells per dialect, and the parts of statements built once.

A statement that runs for every message is built once, of a table's columns (``table(Model).c``) and with
``bindparam`` for what changes: building it anew, or of the model's attributes, takes ten times longer than running it.
Such a statement does not touch the objects a session holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ClauseElement, CursorResult, Executable, Float, Table, Update, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.attributes import set_committed_value

from db.types import clock, word


def table(model: type[DeclarativeBase]) -> Table:
    """The table behind a model."""
    found: Any = model.__table__
    assert isinstance(found, Table)  # noqa: S101 - narrows the type
    return found


def dialect_of(session: Session) -> str:
    """The name of the session's database, for statements built once for each."""
    return session.get_bind().dialect.name


def insert_on(dialect: str, model: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT for this database that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return sqlite.insert(table(model)) if dialect == "sqlite" else postgresql.insert(table(model))


def insert(session: Session, model: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """The same for this session's database."""
    return insert_on(dialect_of(session), model)


def times(session: Session, change: Update, rows: Sequence[Mapping[str, object]]) -> int:
    """Run an UPDATE once for each of ``rows`` (its parameters); how many rows of the table that changed in all."""
    done = session.execute(change, rows)
    assert isinstance(done, CursorResult)  # noqa: S101 - narrows the type
    return done.rowcount


def move(
    session: Session,
    model: type[DeclarativeBase],
    row_id: int,
    target: str,
    sources: tuple[str, ...],
    values: Mapping[str, object],
) -> bool:
    """Give one row the status ``target`` if it has one of ``sources``; whether it had.

    ``values`` go along; of SQL they may hold ``clock(seconds)``. What the session holds of the row stays as it was.
    """
    moments = {name: value.seconds for name, value in values.items() if isinstance(value, clock)}
    plain = {name: value for name, value in values.items() if name not in moments}
    moving = _moving(model, target, sources, tuple(moments))
    told = {"which": row_id, **plain, **{f"in_{name}": seconds for name, seconds in moments.items()}}
    return session.execute(moving, told).first() is not None


def learn(session: Session, row: DeclarativeBase, values: Mapping[str, object]) -> None:
    """Let the object of a locked row hold what a statement has just written there.

    What only the database knows (``clock()``) is read when somebody asks for it, in this transaction.
    """
    unknown = [name for name, value in values.items() if isinstance(value, ClauseElement)]
    for name in values.keys() - unknown:
        set_committed_value(row, name, values[name])
    if unknown:
        session.expire(row, unknown)


@cache
def _moving(
    model: type[DeclarativeBase],
    target: str,
    sources: tuple[str, ...],
    moments: tuple[str, ...],
) -> Executable:
    rows = table(model)
    changed = {name: clock(bindparam(f"in_{name}", type_=Float())) for name in moments}
    return (
        update(rows)
        .where(rows.c.id == bindparam("which"), rows.c.status.in_([word(name) for name in sources]))
        .values(status=target, **changed)
        .returning(rows.c.id)
    )
