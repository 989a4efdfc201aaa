"""Statements both databases speak but SQLAlchemy spells per dialect, and the parts of statements built once.

A statement that runs for every message is built once, of a table's columns (``table(Model).c``) and with
``bindparam`` for what changes: building it anew, or of the model's attributes, takes ten times longer than running it.
Such a statement does not touch the objects a session holds.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session


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
