"""The same client for the sender's event loop: many calls in flight over few connections."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

import measuring
from errors import GatewayUnavailable
from ghala import strict_json
from ghala.client import MAX_RESPONSE_BYTES, Answer, Connection, broken
from ghala.dialects.base import Request

_CHUNK = 65_536


class AsyncGhalaClient:
    """An asyncio client for one event loop; use as ``async with`` or close it.

    Args:
        base_url: where the API lives.
        api_key: the bearer key.
        connect_timeout: seconds to reach the server; waiting for a free connection does not count.
        read_timeout: seconds between two parts of an answer, and for the whole of its body.
        max_response: bytes of body that are read at most.
        connections: how many may be open at once.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        connect_timeout: float = 3,
        read_timeout: float = 10,
        max_response: int = MAX_RESPONSE_BYTES,
        connections: int = 256,
    ) -> None:
        self._connection = Connection(base_url, api_key, connect_timeout, read_timeout, max_response)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"AsyncGhalaClient({self._connection.base_url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, request: Request) -> Answer:
        """Make one call; means and raises what :meth:`ghala.client.GhalaClient.call` does."""
        with measuring.calling("messages", request.method) as measured:
            answer = await self._call(request)
            measured.answered(answer.status)
        return answer

    async def _call(self, request: Request) -> Answer:
        connection = self._connection
        try:
            async with self._open().request(
                request.method,
                connection.url(request),
                data=None if request.json is None else strict_json.dumps(request.json),
                headers=connection.headers(request),
                allow_redirects=False,
            ) as response:
                if 300 <= response.status < 400:  # noqa: PLR2004 (what a redirect is)
                    broken(request, f"redirect {response.status}")
                async with asyncio.timeout(connection.read_timeout):
                    body = await self._body(request, response)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, body)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as failure:
            # Refused, unresolved, untrusted or not reached in time: nothing was sent.
            raise GatewayUnavailable(f"not reached: {type(failure).__name__}") from failure
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            broken(request, type(failure).__name__, failure)

    async def _body(self, request: Request, response: aiohttp.ClientResponse) -> bytes:
        received = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            received += chunk
            if len(received) > self._connection.max_response:
                broken(request, "the answer is too large")
        return bytes(received)

    def _open(self) -> aiohttp.ClientSession:
        """The session, made inside the loop that will use it."""
        if self._session is None:
            timeout = aiohttp.ClientTimeout(
                total=None,
                sock_connect=self._connection.connect_timeout,
                sock_read=self._connection.read_timeout,
            )
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                timeout=timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session
