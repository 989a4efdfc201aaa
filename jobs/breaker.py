"""When the other side is dead or refuses our key: stop, and let one message at a time find out.

Without it a thousand waiting messages would spend their attempts on an outage that is none of theirs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger("duka.sender")

FAILURES: Final = 10
"""So many in a row, and nobody else is sent to meet the same fate."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 60.0


class Breaker:
    """Closed: everything goes. Open: nothing, and after a pause one message, which decides.

    Args:
        monotonic: seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._open_until: float | None = None
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether the other side is taken to be away: failures are its own and not the message's."""
        return self._open_until is not None

    @property
    def pause(self) -> float:
        """Seconds to the next try, from now."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._monotonic())

    def room(self, wanted: int, in_flight: int) -> int:
        """How many of ``wanted`` messages may go now, with ``in_flight`` under way."""
        if self._open_until is None:
            return wanted
        if in_flight or wanted < 1 or self._monotonic() < self._open_until:
            return 0
        self._probing = True
        return 1

    def succeeded(self) -> None:
        """Something arrived: all may go again."""
        if self._open_until is not None:
            log.info("ghala_back")
        self._failures, self._pause, self._open_until, self._probing = 0, FIRST_PAUSE, None, False

    def failed(self) -> None:
        """Something did not get through."""
        if self._open_until is None:
            self._failures += 1
            if self._failures >= FAILURES:
                self._open(self._pause)
        elif self._probing:
            self._pause = min(2.0 * self._pause, LONGEST_PAUSE)
            self._open(self._pause)

    def refused(self) -> None:
        """Our key is not accepted: no message can help that, only a person."""
        if self._open_until is None or self._probing:
            self._pause = LONGEST_PAUSE
            self._open(self._pause)

    def _open(self, pause: float) -> None:
        self._open_until = self._monotonic() + pause
        self._probing = False
        log.error("ghala_paused", extra={"seconds": pause})
