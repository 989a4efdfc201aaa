"""Work that several threads bring at the same time and one of them does for all.

Where a transaction costs more than what it does, those who come while one runs share the next. There is no thread for
it and nobody waits for company: whoever finds nobody at work begins at once, with what has gathered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from db.database import Lock

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(eq=False, slots=True)
class _Brought(Generic[Item, Result]):
    """One thing on the pile; ``results`` holds what came of it, ``failed`` that its round ended without.

    ``turn`` is kept until one of these, or until this is the first of the pile and nobody works: its thread waits for it.
    """

    item: Item
    turn: Lock
    results: list[Result]
    failed: bool = False


class RoundFailed(Exception):
    """Whoever worked on this pile was stopped in the middle."""


class Pile(Generic[Item, Result]):
    """Gathers what threads bring; thread-safe.

    Args:
        work: does several items at once and says what came of each, in order. It must not raise for what one of
            them alone is to blame for.
        most: how many it is given at once.
        lock: makes what threads wait for; see ``Database.lock``.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Result]], most: int, lock: Callable[[], Lock]
    ) -> None:
        self._work = work
        self._most = most
        self._lock = lock
        self._guard = threading.Lock()
        self._waiting: list[_Brought[Item, Result]] = []
        self._working = False

    def bring(self, item: Item) -> Result:
        """Have ``item`` done, alone or with others, here or by whoever is at it; what came of it.

        Raises:
            RoundFailed: the thread that worked on it was stopped, and nothing is known of it.
            Exception: what ``work`` raised, for whoever called it; the others get ``RoundFailed``.
        """
        mine = _Brought[Item, Result](item, self._lock(), [])
        mine.turn.acquire()
        with self._guard:
            self._waiting.append(mine)
            wait, self._working = self._working, True
        if wait:
            mine.turn.acquire()
        if not mine.results and not mine.failed:
            self._round()
        if not mine.results:
            raise RoundFailed
        return mine.results[0]

    def _round(self) -> None:
        """Do what has gathered, and call whoever goes on with what gathered meanwhile."""
        with self._guard:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._work([brought.item for brought in taken])
            for brought, result in zip(taken, results, strict=True):
                brought.results.append(result)
        finally:
            with self._guard:
                heir = self._waiting[:1]
                self._working = bool(heir)
            for brought in taken:
                brought.failed = not brought.results
            for brought in taken + heir:
                brought.turn.release()
