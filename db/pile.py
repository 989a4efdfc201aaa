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
        after: told what came of a round by the thread that worked, when all others have been let go.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        most: int,
        lock: Callable[[], Lock],
        after: Callable[[Sequence[Result]], object] = lambda _: None,
    ) -> None:
        self._work = work
        self._most = most
        self._lock = lock
        self._after = after
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
            self._after(self._round())
        if not mine.results:
            raise RoundFailed
        return mine.results[0]

    def _round(self) -> Sequence[Result]:
        """Do what has gathered, and let those go whose it was."""
        with self._guard:
            taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._work([brought.item for brought in taken])
            for brought, result in zip(taken, results, strict=True):
                brought.results.append(result)
            return results
        finally:
            # The turn goes on first: what comes while the others wake up lies on the pile after the next already.
            self._hand_on()
            for brought in taken:
                brought.failed = not brought.results
                brought.turn.release()

    def _hand_on(self) -> None:
        """Let the first of what gathered meanwhile go on with all of it."""
        with self._guard:
            self._working = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.release()
