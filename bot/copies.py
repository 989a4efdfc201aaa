"""The conversation's fast copy in Redis. The database is the truth behind it.

A copy is used only when it has the version that the claim just read from the database, so a stale,
lost or foreign copy costs one read and nothing else.
"""

from __future__ import annotations

from typing import Any, Final, cast

import orjson
import redis

from db.redis_link import RedisLink

KEPT_FOR: Final = 24 * 3600


class ConversationCopies:
    """Copies by customer id, each with its version."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link

    def get(self, customer_id: int, version: int) -> dict[str, Any] | None:
        """The copy of exactly this version, if there is one."""
        raw = cast("bytes | None", self._link.attempt(lambda r: r.get(_key(customer_id)), None))
        if not raw:
            return None
        try:
            stored = orjson.loads(raw)
            return cast("dict[str, Any]", stored["data"]) if stored["version"] == version else None
        except (ValueError, KeyError, TypeError):
            return None

    def put(self, customer_id: int, version: int, data: dict[str, Any]) -> None:
        """Remember this version."""
        raw = orjson.dumps({"version": version, "data": data})
        self._link.attempt(lambda r: r.set(_key(customer_id), raw, ex=KEPT_FOR), None)

    def drop(self, customer_id: int) -> None:
        """Forget the copy."""
        self._link.attempt(lambda r: r.delete(_key(customer_id)), 0)

    def drop_all(self) -> bool:
        """Forget every copy; ``False`` when Redis did not answer to the end."""

        def drop(client: redis.Redis) -> bool:
            for key in client.scan_iter("duka:{c*}:conversation", count=1000):
                client.delete(key)
            return True

        return self._link.attempt(drop, False)


def _key(customer_id: int) -> str:
    # The braces keep one customer's keys on one node of a Redis Cluster.
    return f"duka:{{c{customer_id}}}:conversation"
