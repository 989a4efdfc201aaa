"""Where webhooks hand over what they brought: several requests at once share one commit on SQLite.

There a commit costs more than everything else a request does, and only one can run at a time. Whoever comes while one
runs puts its events on the pile; the first to get its turn stores the whole pile. Nobody waits for company, and nobody
is answered before the commit that holds its events. PostgreSQL gathers commits by itself, and a pile there could lock
rows in another order than a pile of another process.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoTurn

from db import inbox
from db.database import Database
from db.inbox import NewEvent

MOST: Final = 64
"""Deliveries stored in one commit."""


@dataclass(slots=True)
class _Delivery:
    """What one request brought; ``settled`` once a transaction that held it has ended, well or not."""

    place: tuple[int, str]
    events: Sequence[NewEvent]
    settled: bool = False
    recorded: list[tuple[int, str]] | None = None
    error: SQLAlchemyError | None = field(default=None, repr=False)


class Intake:
    """Records events, each once; thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pile: list[_Delivery] = []
        self._guard = threading.Lock()
        self._turn = database.lock()

    def take(self, shop_id: int, source: str, events: Sequence[NewEvent]) -> list[tuple[int, str]]:
        """Ids and kinds of those events that are new and wait, after they were committed.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: nothing of them was stored.
        """
        if not self._database.on_sqlite:
            return self._alone(shop_id, source, events)
        mine = _Delivery((shop_id, source), events)
        with self._guard:
            self._pile.append(mine)
        with self._turn:
            while not mine.settled:
                self._store()
        if mine.recorded is not None:
            return mine.recorded
        if mine.error is None or isinstance(mine.error, (OperationalError, NoTurn)):
            # The database is away or busy: trying again would make everybody wait as long once more.
            raise NoTurn("the transaction this was to be stored in failed") from mine.error
        # Something in the pile was refused: whoever brought it shall be the only one to hear of it.
        return self._alone(shop_id, source, events)

    def _alone(self, shop_id: int, source: str, events: Sequence[NewEvent]) -> list[tuple[int, str]]:
        with self._database.writing() as session:
            return inbox.record(session, shop_id, source, events)

    def _store(self) -> None:
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
        else:
            for delivery, new_events in recorded:
                delivery.recorded = new_events
        finally:
            for delivery in pile:
                delivery.settled = True
