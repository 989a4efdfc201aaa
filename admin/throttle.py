"""How often somebody may knock: wrong passwords, and requests as such.

Counts live on Redis, so that all web processes share them; while Redis is away each process
counts for itself.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar, cast

from flask import Blueprint, Flask, Response
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from db.redis_link import TROUBLE, connect

if TYPE_CHECKING:
    from admin.house import AdminHouse

Answer = TypeVar("Answer")

MOST_FAILURES: Final = 10
FAILURE_MINUTES: Final = 15
REQUESTS: Final = "600 per minute"
"""Per address: a page refreshing itself makes two, so this is far from any person."""
LIMITED: Final = ("admin", "admin_api")
"""The blueprints to which that applies."""
REDIS_TIMEOUT: Final = 0.1
SILENCE: Final = 1.0
"""Seconds without asking Redis again after it failed, so that a frozen one slows one request, not all."""


class SharedStorage(RedisStorage):
    """The counters on a Redis of any kind, by our own client, so that an owner never waits for a counter."""

    STORAGE_SCHEME = ["duka"]  # noqa: RUF012 - as its base has it

    def __init__(self, uri: str, redis_url: str = "", *, wrap_exceptions: bool = False) -> None:
        Storage.__init__(self, uri, wrap_exceptions=wrap_exceptions)
        self.key_prefix = self.PREFIX
        self.storage = connect(redis_url, patience=REDIS_TIMEOUT, reach=REDIS_TIMEOUT)
        self.initialize_storage(uri)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What counts as a Redis that is away."""
        return TROUBLE


class _Counters:
    """The two windows over one storage."""

    def __init__(self, storage: Storage) -> None:
        self.failures = MovingWindowRateLimiter(storage)
        self.alarms = FixedWindowRateLimiter(storage)


class FailedLogins:
    """Counts failed logins per address and user name; thread-safe.

    Args:
        redis_url: where all processes count together; empty counts in this process only.
    """

    _limit: Final[RateLimitItem] = RateLimitItemPerMinute(MOST_FAILURES, FAILURE_MINUTES, namespace="login")
    _alarm: Final[RateLimitItem] = RateLimitItemPerMinute(1, FAILURE_MINUTES, namespace="login-alarm")

    def __init__(self, redis_url: str) -> None:
        self._local = _Counters(MemoryStorage())
        self._shared: _Counters | None = None
        if redis_url:
            self._shared = _Counters(SharedStorage("duka://", redis_url, wrap_exceptions=True))
        self._silent_until = 0.0
        self._lock = threading.Lock()

    def retry_after(self, address: str, name: str) -> int | None:
        """Seconds until this name may be tried again from this address; ``None`` when it may now."""
        key = _key(address, name)

        def ask(counters: _Counters) -> int | None:
            window = counters.failures.get_window_stats(self._limit, key)
            return None if window.remaining > 0 else max(1, int(window.reset_time - time.time()) + 1)

        return self._first_that_answers(ask)

    def record(self, address: str, name: str) -> bool:
        """Count a failure; whether it is the one that locks, which is said once per window."""
        key = _key(address, name)

        def count(counters: _Counters) -> bool:
            counters.failures.hit(self._limit, key)
            if counters.failures.test(self._limit, key):
                return False
            return counters.alarms.hit(self._alarm, key)

        return self._first_that_answers(count)

    def _first_that_answers(self, act: Callable[[_Counters], Answer]) -> Answer:
        if self._shared is not None and time.monotonic() >= self._silent_until:
            try:
                return act(self._shared)
            except StorageError:
                with self._lock:
                    self._silent_until = time.monotonic() + SILENCE
        return act(self._local)


def _key(address: str, name: str) -> str:
    """Of one length whatever was sent as a name, and telling nothing to who reads Redis."""
    return hashlib.sha256(f"{address}\x00{name}".encode("utf-8", "replace")).hexdigest()


class _Doors:
    """The app as the limiter knows it: its hooks run at the blueprints it limits and nowhere else.

    Looking whether a limit applies costs a tenth of the time it takes to accept a webhook, where none does. They stand
    before the blueprint's own, where hooks of the whole app would, too: who asks too often is not asked for a password.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.config = app.config
        self.extensions = app.extensions

    def before_request(self, hook: Callable[[], None]) -> None:
        for name in LIMITED:
            self._app.before_request_funcs.setdefault(name, []).insert(0, hook)

    def after_request(self, hook: Callable[[Response], Response]) -> None:
        for name in LIMITED:
            self._app.after_request_funcs.setdefault(name, []).insert(0, hook)

    def teardown_request(self, hook: Callable[[BaseException | None], None]) -> None:
        for name in LIMITED:
            self._app.teardown_request_funcs.setdefault(name, []).insert(0, hook)


def init(app: Flask, house: AdminHouse) -> Limiter:
    """Limit how often one address may ask for the owner's pages and the machines' routes.

    Call it after the blueprints are registered. Webhooks are not touched.
    """
    limiter = Limiter(
        get_remote_address,
        app=cast("Flask", _Doors(app)),
        storage_uri="duka://" if house.config.redis_url else "memory://",
        storage_options={"redis_url": house.config.redis_url} if house.config.redis_url else {},
        strategy="fixed-window",
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        key_prefix="duka",
    )
    for name in LIMITED:
        blueprint = app.blueprints.get(name)
        if isinstance(blueprint, Blueprint):
            limiter.limit(REQUESTS)(blueprint)
    return limiter
