"""HTTP/1.1 as small as it gets, both ways, so that the load costs the machine little beside what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


def body_length(head: bytes) -> int:
    """What the headers say about the length of the body; nothing is 0."""
    at = head.lower().find(LENGTH)
    return 0 if at < 0 else int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])


def request(port: int, path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A whole POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + END + body


class Caller(asyncio.Protocol):
    """One kept connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    @classmethod
    async def to(cls, port: int) -> Caller:
        """Connect to a server on loopback."""
        _, caller = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return caller

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect an answer until it is whole."""
        self._received = received = self._received + data if self._received else data
        at = received.find(END)
        if at < 0 or len(received) < at + len(END) + body_length(received[:at]):
            return
        self._received = b""
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(int(received[9:12]))

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        """Whoever waits gets status 0."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    async def send(self, raw: bytes) -> int:
        """The status of the answer; 0 when the connection is gone."""
        if self._transport is None:
            return 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Callers:
    """As many connections as needed at once, used again."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Caller] = []

    async def send(self, raw: bytes) -> int:
        """The status of the answer, over whichever connection is free."""
        caller = self._idle.pop() if self._idle else await Caller.to(self._port)
        status = await caller.send(raw)
        if status:
            self._idle.append(caller)
        return status

    def close(self) -> None:
        """Hang up everywhere."""
        for caller in self._idle:
            caller.close()


Answerer = Callable[[str, bytes], bytes]
"""Given ``METHOD /path`` and the body, the body of the answer, which is JSON with status 200."""


class Server(asyncio.Protocol):
    """Answers every request with JSON, each ``delay`` seconds later."""

    def __init__(self, answer: Answerer, delay: float) -> None:
        self._answer = answer
        self._delay = delay
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio gives it
        """Nobody listens any more."""
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Collect a request until it is whole, then answer it."""
        self._received = received = self._received + data if self._received else data
        at = received.find(END)
        if at < 0:
            return
        begins = at + len(END)
        ends = begins + body_length(received[:at])
        if len(received) < ends:
            return
        self._received = received[ends:]
        line = received[: received.index(b"\r\n")].decode().rpartition(" ")[0]
        said = self._answer(line, received[begins:ends])
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(said)}".encode()
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, head + END + said)
        else:
            self._write(head + END + said)

    def _write(self, raw: bytes) -> None:
        if self._transport is not None:
            self._transport.write(raw)


async def serve(port: int, answer: Answerer, delay: float) -> asyncio.Server:
    """Listen on loopback."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Server(answer, delay), "127.0.0.1", port, backlog=1024)
