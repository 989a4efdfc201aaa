"""Where webhooks hand over what they brought: several requests at once share one commit and one ring of the bell.

What comes while a commit runs lies on a pile (``db.pile``) and is stored by one of those who brought it, who rings for
all of it. Nobody is answered before the commit that holds its events.

On PostgreSQL the piles of two processes may hold repeats of the same events in different orders, and then wait for each
other. Their ids give conversations their order, so they are stored as they came, not sorted: PostgreSQL notices within a
second and ends one of the two, whose deliveries are then stored one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoTurn

from db import inbox
from db.bell import Bell
from db.database import Database
from db.inbox import NewEvent
from db.pile import Pile, RoundFailed

MOST: Final = 64
"""Deliveries stored in one commit."""
_WAITED_FOR_EACH_OTHER: Final = frozenset({"40P01", "40001"})
"""How PostgreSQL ends one of two transactions: deadlock_detected and serialization_failure."""


Recorded = list[tuple[int, str]]
"""Ids and kinds of events that are new and wait."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """What one request brought, and for which shop and source."""

    place: tuple[int, str]
    events: Sequence[NewEvent]


class Intake:
    """Records events, each once, and rings for them; thread-safe."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._pile: Pile[_Delivery, Recorded | SQLAlchemyError] = Pile(
            self._store, MOST, database.lock, self._ring
        )

    def take(self, shop_id: int, source: str, events: Sequence[NewEvent]) -> Recorded:
        """Ids and kinds of those events that are new and wait, after they were committed; who did it rings for them.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of them was stored.
        """
        try:
            recorded = self._pile.bring(_Delivery((shop_id, source), events))
        except RoundFailed as stopped:
            raise NoTurn("the thread this was to be stored by was stopped") from stopped
        if not isinstance(recorded, SQLAlchemyError):
            return recorded
        if _is_away(recorded):
            # The database is away or busy: trying again would make everybody wait as long once more.
            raise NoTurn("the transaction this was to be stored in failed") from recorded
        # Something in the pile was refused: whoever brought it shall be the only one to hear of it.
        with self._database.writing() as session:
            alone = inbox.record(session, shop_id, source, events)
        self._bell.events(alone)
        return alone

    def _store(self, pile: Sequence[_Delivery]) -> list[Recorded | SQLAlchemyError]:
        """Store everything in one commit; what is new of each, or for all of them why nothing is stored."""
        places: dict[tuple[int, str], list[int]] = {}
        for number, delivery in enumerate(pile):
            places.setdefault(delivery.place, []).append(number)
        recorded: dict[int, Recorded | SQLAlchemyError] = {}
        try:
            with self._database.writing() as session:
                for (shop_id, source), here in places.items():
                    if len(here) == 1:
                        new = [inbox.record(session, shop_id, source, pile[here[0]].events)]
                    else:
                        new = inbox.record_each(session, shop_id, source, [pile[one].events for one in here])
                    recorded |= zip(here, new, strict=True)
        except SQLAlchemyError as error:
            return [error] * len(pile)
        return [recorded[number] for number in range(len(pile))]

    def _ring(self, stored: Sequence[Recorded | SQLAlchemyError]) -> None:
        """Once for all that shared a commit."""
        self._bell.events([event for new in stored if not isinstance(new, SQLAlchemyError) for event in new])


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database is away or busy, so that nobody's events can be stored now."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlstate", None) not in _WAITED_FOR_EACH_OTHER
    return isinstance(error, NoTurn)
