"""The conversation's fast copy in Redis. The database is the truth behind it.

A copy is used only when it has the version that the claim just read from the database, so a stale,
lost or foreign copy costs one read and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        return self.get_all({customer_id: version}).get(customer_id)

    def get_all(self, versions: Mapping[int, int]) -> dict[int, dict[str, Any]]:
        """Of several customers the copies of exactly these versions, asked for together."""

        def ask(client: redis.Redis) -> list[bytes | None]:
            together = client.pipeline(transaction=False)
            for customer_id in versions:
                together.get(_key(customer_id))
            return cast("list[bytes | None]", together.execute(raise_on_error=False))

        nothing: list[bytes | None] = []
        found = zip(versions.items(), self._link.attempt(ask, nothing), strict=False)
        copies = {customer_id: _read(raw, version) for (customer_id, version), raw in found}
        return {customer_id: data for customer_id, data in copies.items() if data is not None}

    def put(self, customer_id: int, version: int, data: dict[str, Any]) -> None:
        """Remember this version."""
        self.put_all([(customer_id, version, data)])

    def put_all(self, copies: Sequence[tuple[int, int, dict[str, Any]]]) -> None:
        """Remember versions of several customers."""
        if not copies:
            return

        def tell(client: redis.Redis) -> None:
            together = client.pipeline(transaction=False)
            for customer_id, version, data in copies:
                raw = orjson.dumps({"version": version, "data": data})
                together.set(_key(customer_id), raw, ex=KEPT_FOR)
            together.execute(raise_on_error=False)

        self._link.attempt(tell, None)

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


def _read(raw: object, version: int) -> dict[str, Any] | None:
    """The conversation in a copy, if it is one and of this version; also what refused to answer arrives here."""
    if not isinstance(raw, bytes) or not raw:
        return None
    try:
        stored = orjson.loads(raw)
        return cast("dict[str, Any]", stored["data"]) if stored["version"] == version else None
    except (ValueError, KeyError, TypeError):
        return None


def _key(customer_id: int) -> str:
    # The braces keep one customer's keys on one node of a Redis Cluster.
    return f"duka:{{c{customer_id}}}:conversation"
