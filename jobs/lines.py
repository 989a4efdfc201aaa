"""The ways to Ghala of shops that have credentials of their own: one client, dialect and breaker each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from config import Config
from ghala.async_client import AsyncGhalaClient
from ghala.client import Answer
from ghala.dialects import message_dialect
from ghala.dialects.base import MessageDialect, Request
from jobs.breaker import Breaker


class AsyncCaller(Protocol):
    """Whoever carries requests to Ghala without blocking."""

    async def call(self, request: Request) -> Answer:
        """Carry one request."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Line:
    """What carries a shop's messages; without a ``client`` the shop is not connected."""

    client: AsyncCaller | None
    dialect: MessageDialect
    breaker: Breaker


def connect(config: Config) -> AsyncCaller:
    """A client with this configuration's address and key."""
    return AsyncGhalaClient(config.ghala_api_url, config.ghala_api_key)


class Lines:
    """Finds the line of a shop.

    Args:
        config: the installation's; a shop that speaks by it has no line of its own.
        config_of: a shop's own configuration, ``None`` while it is not connected; it may read the database.
        make_client: makes a client inside the event loop.
    """

    def __init__(
        self,
        config: Config,
        config_of: Callable[[int], Config | None],
        make_client: Callable[[Config], AsyncCaller] = connect,
    ) -> None:
        self._config = config
        self._config_of = config_of
        self._make_client = make_client
        self._found: dict[int, Config | None] = {}
        self._lines: dict[int, tuple[Config, Line]] = {}
        self._old: list[AsyncCaller] = []
        self._none = Line(None, message_dialect("v1", ""), Breaker())

    def look_up(self, shop_ids: Iterable[int]) -> None:
        """Learn how these shops speak; outside the event loop, where the database may be waited for."""
        for shop_id in shop_ids:
            self._found[shop_id] = self._config_of(shop_id)

    def of(self, shop_id: int) -> Line | None:
        """The shop's own line, one without a client, or ``None`` where it speaks by the installation's."""
        config = self._found.get(shop_id)
        if config is None:
            return self._none
        if config is self._config:
            return None
        known = self._lines.get(shop_id)
        if known is not None and known[0] is config:
            return known[1]
        if known is not None and known[1].client is not None:
            self._old.append(known[1].client)  # what it carries just now may end
        dialect = message_dialect(config.ghala_dialect, config.ghala_phone_number_id)
        line = Line(self._make_client(config), dialect, Breaker())
        self._lines[shop_id] = (config, line)
        return line

    async def close(self) -> None:
        """Let go of every connection."""
        for _, line in self._lines.values():
            if line.client is not None:
                await line.client.close()
        for client in self._old:
            await client.close()
