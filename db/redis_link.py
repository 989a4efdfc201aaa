"""A connection to Redis that may fail without anyone waiting for it.

Redis holds nothing that is not also in the database, so a failure here is slower, never wrong:
calls give up after 100 ms and then stay silent for a second.

One server, one that Sentinels know of, or a cluster: who uses it sees no difference. A cluster keeps keys with the
same ``{tag}`` in one place; commands here name keys of one tag each.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.commands.core import Script
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

import redis_address
from redis_address import RedisAddress

log = logging.getLogger("duka.redis")

PATIENCE: Final = 0.1
SILENCE: Final = 1.0
TAG: Final = "{duka}"
"""The hash tag of the queue and of what must live and die with it."""
MARK: Final = f"{TAG}:mark"
TROUBLE: Final = (redis.RedisError, RedisClusterException, OSError)
"""What a Redis that is away raises, in all its forms."""
Result = TypeVar("Result")


def connect(url: str, *, patience: float = PATIENCE, reach: float = PATIENCE) -> redis.Redis:
    """A client that opens nothing before it is used and tries nothing twice.

    Args:
        url: see ``redis_address``.
        patience: seconds to wait for an answer.
        reach: seconds to wait for a connection.

    Raises:
        BadAddress: this is no address of a Redis.
    """
    address = redis_address.parse(url)
    timeouts = {"socket_timeout": patience, "socket_connect_timeout": reach}
    if address.kind == "single":
        return redis.Redis.from_url(url, **timeouts, retry=Retry(NoBackoff(), 0))
    login = {"username": address.username, "password": address.password, "ssl": address.tls}
    if address.kind == "sentinel":
        return _by_sentinel(address, timeouts, login)
    # Not a Redis by its class, but by all that is asked of it here.
    return cast("redis.Redis", _LateCluster(address.nodes, {**timeouts, **login}))


def _by_sentinel(address: RedisAddress, timeouts: dict[str, float], login: dict[str, Any]) -> redis.Redis:
    asking = {"username": address.sentinel_username, "password": address.sentinel_password}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        list(address.nodes),
        sentinel_kwargs={**timeouts, **asking, "ssl": address.tls, "retry": Retry(NoBackoff(), 0)},
    )
    found = sentinel.master_for(  # type: ignore[no-untyped-call]
        address.service, db=address.database, retry=Retry(NoBackoff(), 0), **timeouts, **login
    )
    return cast("redis.Redis", found)


class _LateCluster:
    """A cluster whose nodes are looked for by the first command.

    The library looks when its client is made, so that no process could start while the cluster is away, and none
    could fork after.
    """

    def __init__(self, nodes: tuple[tuple[str, int], ...], options: dict[str, Any]) -> None:
        self._nodes = nodes
        self._options = options
        self._found: RedisCluster | None = None
        self._lock = threading.Lock()

    def register_script(self, script: str | bytes) -> Script:
        return Script(cast("RedisCluster", self), script.encode() if isinstance(script, str) else script)

    def close(self) -> None:
        if self._found is not None:
            self._found.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster(), name)

    def _cluster(self) -> RedisCluster:
        if self._found is None:
            with self._lock:
                if self._found is None:
                    nodes = [ClusterNode(host, port) for host, port in self._nodes]  # type: ignore[no-untyped-call]
                    self._found = RedisCluster(
                        startup_nodes=nodes, retry=Retry(NoBackoff(), 0), **self._options
                    )
        return self._found


class RedisLink:
    """Short-tempered calls to one Redis.

    Args:
        url: see ``redis_address``.
        monotonic: the clock behind the silence after a failure.
    """

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.client = connect(url)
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
        except TROUBLE as error:
            self.failed(error)
            return default

    def failed(self, error: Exception) -> None:
        """Fall silent for a moment."""
        self._silent_until = self._monotonic() + SILENCE
        log.warning("redis_unreachable", extra={"error": type(error).__name__})

    def remembers(self) -> bool:
        """Whether Redis takes writes now and still has what it was told: false once after it forgot everything.

        A mark left at the last call tells, kept where the queue is kept; the first call ever is false, too.
        """
        try:
            return self.client.set(MARK, b"1", get=True) is not None
        except TROUBLE:
            return False

    def ping(self) -> bool:
        """Whether Redis answers now, silence or not."""
        try:
            return bool(self.client.ping())
        except TROUBLE:
            return False
