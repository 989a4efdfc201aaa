"""Chores: what is done now and then, by whichever process looks first, at most once in its time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import Chore
from db.statements import insert
from db.types import clock


def is_due(session: Session, name: str, every: float) -> bool:
    """Whether the chore was not begun in the last ``every`` seconds."""
    recent = session.scalar(select(Chore.name).where(Chore.name == name, Chore.begun_at > clock(-every)))
    return recent is None


def begin(session: Session, name: str, every: float = 0.0) -> bool:
    """Take the chore; ``False`` when somebody began it in the last ``every`` seconds."""
    begun = session.scalar(
        insert(session, Chore)
        .values(name=name, begun_at=clock(), progress={})
        .on_conflict_do_update(
            index_elements=["name"], set_={"begun_at": clock()}, where=Chore.begun_at <= clock(-every)
        )
        .returning(Chore.name)
    )
    return begun is not None


def progress(session: Session, name: str) -> dict[str, Any]:
    """How far the chore got."""
    return session.scalar(select(Chore.progress).where(Chore.name == name)) or {}


def keep_progress(session: Session, name: str, **values: Any) -> None:
    """Remember how far the chore got."""
    kept = progress(session, name) | values
    session.execute(update(Chore).where(Chore.name == name).values(progress=kept))
