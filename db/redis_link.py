"""A connection to Redis that may fail without anyone waiting for it.

Redis holds nothing that is not also in the database, so a failure here is slower, never wrong:
calls give up after 100 ms and then stay silent for a second.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger("duka.redis")

PATIENCE: Final = 0.1
SILENCE: Final = 1.0
MARK: Final = "duka:mark"
Result = TypeVar("Result")


class RedisLink:
    """Short-tempered calls to one Redis.

    Args:
        url: redis, rediss or unix URL.
        monotonic: the clock behind the silence after a failure.
    """

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.client = redis.Redis.from_url(
            url,
            socket_timeout=PATIENCE,
            socket_connect_timeout=PATIENCE,
            retry=Retry(NoBackoff(), 0),
        )
        self._monotonic = monotonic
        self._silent_until = 0.0

    @property
    def silent(self) -> bool:
        """Whether a failure was so recent that nothing is tried."""
        return self._monotonic() < self._silent_until

    def attempt(self, call: Callable[[redis.Redis], Result], default: Result) -> Result:
        """The call's result, or ``default`` when Redis does not answer in time."""
        if self.silent:
            return default
        try:
            return call(self.client)
        except (redis.RedisError, OSError) as error:
            self.failed(error)
            return default

    def failed(self, error: Exception) -> None:
        """Fall silent for a moment."""
        self._silent_until = self._monotonic() + SILENCE
        log.warning("redis_unreachable", extra={"error": type(error).__name__})

    def remembers(self) -> bool:
        """Whether Redis takes writes now and still has what it was told: false once after it forgot everything.

        A mark left at the last call tells; the first call ever is false, too.
        """
        try:
            return self.client.set(MARK, b"1", get=True) is not None
        except (redis.RedisError, OSError):
            return False

    def ping(self) -> bool:
        """Whether Redis answers now, silence or not."""
        try:
            return bool(self.client.ping())
        except (redis.RedisError, OSError):
            return False
