"""Where webhooks hand over what they brought: several requests at once share one commit and one ring of the bell.

Whoever comes while a commit runs puts its events on the pile; who put the first one there stores the whole pile when that
commit has ended, and rings for it. Nobody waits for company, and nobody is answered before the commit that holds its
events.

On PostgreSQL the piles of two processes may hold repeats of the same events in different orders, and then wait for each
other. Their ids give conversations their order, so they are stored as they came, not sorted: PostgreSQL notices within a
second and ends one of the two, whose deliveries are then stored one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoTurn

from db import inbox
from db.bell import Bell
from db.database import Database, Lock
from db.inbox import NewEvent

MOST: Final = 64
"""Deliveries stored in one commit."""
_WAITED_FOR_EACH_OTHER: Final = frozenset({"40P01", "40001"})
"""How PostgreSQL ends one of two transactions: deadlock_detected and serialization_failure."""


@dataclass(slots=True)
class _Delivery:
    """What one request brought; ``settled`` once a transaction that held it has ended, well or not.

    ``turn`` is kept until then, or until this is the first of the pile and nobody stores: its request waits for it.
    """

    place: tuple[int, str]
    events: Sequence[NewEvent]
    turn: Lock
    settled: bool = False
    recorded: list[tuple[int, str]] | None = None
    error: SQLAlchemyError | None = field(default=None, repr=False)


class Intake:
    """Records events, each once, and rings for them; thread-safe."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database = database
        self._bell = bell
        self._pile: list[_Delivery] = []
        self._guard = threading.Lock()
        self._busy = False

    def take(self, shop_id: int, source: str, events: Sequence[NewEvent]) -> list[tuple[int, str]]:
        """Ids and kinds of those events that are new and wait, after they were committed; who did it rings for them.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of them was stored.
        """
        mine = _Delivery((shop_id, source), events, self._database.lock())
        mine.turn.acquire()
        with self._guard:
            self._pile.append(mine)
            somebody_stores, self._busy = self._busy, True
        if somebody_stores:
            mine.turn.acquire()
        if not mine.settled:
            self._bell.events(self._store())
        if mine.recorded is not None:
            return mine.recorded
        if mine.error is None or _is_away(mine.error):
            # The database is away or busy: trying again would make everybody wait as long once more.
            raise NoTurn("the transaction this was to be stored in failed") from mine.error
        # Something in the pile was refused: whoever brought it shall be the only one to hear of it.
        with self._database.writing() as session:
            recorded = inbox.record(session, shop_id, source, events)
        self._bell.events(recorded)
        return recorded

    def _store(self) -> list[tuple[int, str]]:
        """Store what lies on the pile, whose first is ours; returns what somebody must be told of."""
        with self._guard:
            pile, self._pile = self._pile[:MOST], self._pile[MOST:]
        places: dict[tuple[int, str], list[_Delivery]] = {}
        for delivery in pile:
            places.setdefault(delivery.place, []).append(delivery)
        recorded: list[tuple[_Delivery, list[tuple[int, str]]]] = []
        try:
            with self._database.writing() as session:
                for (shop_id, source), here in places.items():
                    if len(here) == 1:
                        new = [inbox.record(session, shop_id, source, here[0].events)]
                    else:
                        new = inbox.record_each(session, shop_id, source, [one.events for one in here])
                    recorded += zip(here, new, strict=True)
        except SQLAlchemyError as error:
            for delivery in pile:
                delivery.error = error
            return []
        else:
            for delivery, new_events in recorded:
                delivery.recorded = new_events
            return [event for _, new_events in recorded for event in new_events]
        finally:
            for delivery in pile:
                delivery.settled = True
            self._hand_on()
            for delivery in pile[1:]:
                delivery.turn.release()

    def _hand_on(self) -> None:
        """Let the first of the next pile store it."""
        with self._guard:
            self._busy = bool(self._pile)
            if self._pile:
                self._pile[0].turn.release()


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database is away or busy, so that nobody's events can be stored now."""
    if isinstance(error, OperationalError):
        return getattr(error.orig, "sqlstate", None) not in _WAITED_FOR_EACH_OTHER
    return isinstance(error, NoTurn)
