"""Read marks: what a customer wrote shows blue ticks, and "typing" when the answer takes more than a moment.

Best effort and not a message: nothing is stored, nothing waits for it, and it may be lost. That is why it leaves past
the outbox. "Typing" stays for 25 seconds or until the next message, so it must never follow the answer: an answer
about to leave turns the mark into a plain one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from errors import GatewayError
from ghala.client import Answer
from ghala.dialects.base import MessageDialect, Request

MOMENT: Final = 1.0
"""Seconds within which an answer needs no "typing"."""
MOST: Final = 64
"""Marks that wait or are under way at once; more are left out."""


class Caller(Protocol):
    """Whoever carries requests to Ghala without blocking."""

    async def call(self, request: Request) -> Answer:
        """Carry one request."""


class ReadMarks:
    """The marks of one sender; all but :meth:`seen` belong to its event loop.

    Args:
        dialect: builds the marks, or has none.
        answered: whether a customer was promised a message in the last so many seconds, by whichever worker.
        moment: seconds without an answer before "typing" is shown.
    """

    def __init__(
        self, dialect: MessageDialect, answered: Callable[[int, float], bool], moment: float = MOMENT
    ) -> None:
        self._dialect = dialect
        self._answered = answered
        self._moment = moment
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Caller | None = None
        self._waiting: dict[int, tuple[str, asyncio.TimerHandle]] = {}
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, client: Caller) -> None:
        """Marks may go from now on, by this client and from the running loop."""
        self._loop, self._client = asyncio.get_running_loop(), client

    def end(self) -> None:
        """No more marks; those under way are forgotten."""
        self._loop = None
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        for task in self._under_way:
            task.cancel()

    def seen(self, customer_id: int, message_id: str) -> None:
        """A worker has begun to think about this message; callable from any thread, and never waits."""
        loop = self._loop
        if loop is None or self._dialect.read_mark(message_id, typing=False) is None:
            return
        try:
            loop.call_soon_threadsafe(self._note, customer_id, message_id)
        except RuntimeError:  # the loop has just ended
            return

    def answering(self, customer_id: int) -> None:
        """An answer to this customer leaves now."""
        message_id, timer = self._waiting.pop(customer_id, ("", None))
        if timer is not None:
            timer.cancel()
            self._go(self._mark(message_id, typing=False))

    def _note(self, customer_id: int, message_id: str) -> None:
        if self._loop is None:
            return
        _, earlier = self._waiting.pop(customer_id, ("", None))
        if earlier is not None:  # a mark covers what was written before it
            earlier.cancel()
        if len(self._waiting) + len(self._under_way) < MOST:
            timer = self._loop.call_later(self._moment, self._late, customer_id)
            self._waiting[customer_id] = message_id, timer

    def _late(self, customer_id: int) -> None:
        message_id, _ = self._waiting.pop(customer_id)
        self._go(self._mark_typing(customer_id, message_id))

    def _go(self, mark: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(mark)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _mark_typing(self, customer_id: int, message_id: str) -> None:
        answered = await asyncio.to_thread(self._answered, customer_id, self._moment + 1)
        await self._mark(message_id, typing=not answered)

    async def _mark(self, message_id: str, *, typing: bool) -> None:
        request = self._dialect.read_mark(message_id, typing=typing)
        if request is None or self._client is None:
            return
        try:
            await self._client.call(request)
        except GatewayError:
            return
