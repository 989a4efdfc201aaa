"""The audit log: who did what, with before and after; and one click that arrives ten times is one action.

An action is claimed by writing its entry first: its key is unique, so whoever comes second waits for the
first to commit and is then told what it did. An action that is refused leaves no entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.models import AuditEntry
from db.statements import insert
from db.types import clock
from errors import RuleBroken


class KeyReused(RuleBroken):
    """The action key was used before, for something else."""

    code = "action_key_reused"


@dataclass(frozen=True, slots=True)
class Act:
    """A claimed action; where it was done before, ``after`` is what it did."""

    entry_id: int
    repeated: bool = False
    after: Any = None


def begin(session: Session, shop_id: int, actor: str, action: str, subject: str, key: str = "") -> Act:
    """Claim an action before doing it; without a ``key`` it is a new one each time.

    Raises:
        KeyReused: the key belongs to another action.
    """
    entry_id = session.scalar(
        insert(session, AuditEntry)
        .values(
            shop_id=shop_id,
            actor=actor,
            action=action,
            subject=subject,
            action_key=key or None,
            created_at=clock(),
        )
        .on_conflict_do_nothing()
        .returning(AuditEntry.id)
    )
    if entry_id is not None:
        return Act(entry_id)
    done = session.execute(
        select(AuditEntry.id, AuditEntry.action, AuditEntry.subject, AuditEntry.after).where(
            AuditEntry.shop_id == shop_id, AuditEntry.action_key == key
        )
    ).one()
    if (done.action, done.subject) != (action, subject):
        raise KeyReused("this action key was used for something else")
    return Act(done.id, repeated=True, after=done.after)


def was_done(session: Session, shop_id: int, key: str) -> bool:
    """Whether a click with this key arrived before and did what it was for."""
    done = select(AuditEntry.id).where(AuditEntry.shop_id == shop_id, AuditEntry.action_key == key)
    return bool(key) and session.execute(done).first() is not None


def finish(session: Session, act: Act, *, before: Any = None, after: Any = None) -> None:
    """Write what the action changed, in its own transaction."""
    session.execute(
        update(AuditEntry).where(AuditEntry.id == act.entry_id).values(before=before, after=after)
    )
