"""A stand-in Ghala small enough to measure beside: keeps what phones show and what was charged.

It speaks dialect ``v1``: messages, orders, idempotency keys. The sandbox is the one for people; this one lives in
the same event loop as the load, so that it knows to the millisecond who was answered when.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

API_KEY: Final = "ghl_chaos_key"
MODES: Final = ("well", "error500", "error429", "hang", "garbage", "refused")
HANG: Final = 30.0


@dataclass(slots=True)
class Shown:
    """A message on a phone."""

    id: str
    text: str
    at: float


@dataclass(slots=True)
class Charge:
    """An order at Ghala: one prompt on one phone."""

    id: str
    external_id: str
    amount: int
    phone: str
    callback: str
    status: str = "pending"
    reference: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As ``GET /orders/<id>`` says it."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "status": "completed" if self.status == "success" else "pending",
            "payment_status": self.status,
            "amount": self.amount,
            "currency": "KES",
            "transaction_reference": self.reference,
        }


@dataclass(slots=True)
class Phone:
    """What one number sees; ``changed`` is set with every news."""

    shown: list[Shown] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def touch(self) -> None:
        """Wake who looks at it."""
        self.changed.set()


class Ghala:
    """The other side of the shop.

    Args:
        port: where it listens on loopback.
        on_shown: called with number and message, once per message a phone shows.
    """

    def __init__(self, port: int, on_shown: Callable[[str, Shown], None]) -> None:
        self.port = port
        self.mode = "well"
        self.phones: defaultdict[str, Phone] = defaultdict(Phone)
        self.charges: dict[str, Charge] = {}
        self.sends = 0
        self.repeats = 0
        self.conflicts: list[str] = []
        self._on_shown = on_shown
        self._answers: dict[tuple[str, str], tuple[bytes, dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._mended = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Its API's address."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def open(self) -> None:
        """Listen."""
        app = web.Application(middlewares=[self._moods])
        app.router.add_post("/v1/whatsapp/messages", self._send)
        app.router.add_post("/v1/orders", self._order)
        app.router.add_get("/v1/orders/{id}", self._query)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def close(self) -> None:
        """Hang up on everybody and listen no more."""
        self._mended.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def behave(self, mode: str) -> None:
        """Answer this way from now on; ``well`` is as documented."""
        before, self.mode = self.mode, mode
        if mode == "refused":
            await self.close()
        elif before == "refused":
            await self.open()
        if mode == "well":
            self._mended.set()
        else:
            self._mended.clear()

    @web.middleware
    async def _moods(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        if request.headers.get("Authorization") != f"Bearer {API_KEY}":
            return web.json_response({"error": {"code": 401}}, status=401)
        if self.mode == "error500":
            return web.json_response({"error": {"code": 131000}}, status=500)
        if self.mode == "error429":
            return web.json_response({"error": {"code": 80007}}, status=429, headers={"Retry-After": "2"})
        if self.mode == "hang" and len(body) % 2:  # half of them happen and say nothing, half never happen
            return await self._silence()
        answer = await handler(request)
        if self.mode == "hang":
            return await self._silence()
        if self.mode == "garbage":
            return web.Response(text="<html>502 Bad Gateway</html>", content_type="text/html")
        return answer

    async def _silence(self) -> web.StreamResponse:
        try:
            async with asyncio.timeout(HANG):
                await self._mended.wait()
        except TimeoutError:
            pass
        return web.json_response({"error": "timeout"}, status=504)

    async def _keyed(
        self, request: web.Request, do: Callable[[Mapping[str, Any]], dict[str, Any]]
    ) -> web.Response:
        body, key = await request.read(), request.headers.get("Idempotency-Key", "")
        known = self._answers.get((request.path, key))
        if known is None:
            known = (body, do(json.loads(body)))
            self._answers[request.path, key] = known
        else:
            self.repeats += 1
            if known[0] != body:
                self.conflicts.append(key)
        return web.json_response(known[1])

    async def _send(self, request: web.Request) -> web.Response:
        return await self._keyed(request, self._show)

    def _show(self, body: Mapping[str, Any]) -> dict[str, Any]:
        number = str(body["to"]).removeprefix("+")
        shown = Shown(f"wamid.S{next(self._numbers)}", text_of(body), time.monotonic())
        self.sends += 1
        phone = self.phones[number]
        phone.shown.append(shown)
        phone.touch()
        self._on_shown(number, shown)
        return {"messages": [{"id": shown.id}]}

    async def _order(self, request: web.Request) -> web.Response:
        return await self._keyed(request, self._ring)

    def _ring(self, body: Mapping[str, Any]) -> dict[str, Any]:
        charge = Charge(
            id=f"gh_{next(self._numbers)}",
            external_id=str(body["external_id"]),
            amount=int(body["amount"]),
            phone=str(body["customer"]["phone"]).removeprefix("+"),
            callback=str(body["callback_url"]),
        )
        self.charges[charge.id] = charge
        phone = self.phones[charge.phone]
        phone.charges.append(charge)
        phone.touch()
        return {"id": charge.id, "status": "pending"}

    async def _query(self, request: web.Request) -> web.Response:
        charge = self.charges.get(request.match_info["id"])
        if charge is None:
            return web.json_response({"error": {"code": 404}}, status=404)
        return web.json_response(charge.as_json())

    def pay(self, charge: Charge) -> dict[str, Any]:
        """The customer enters the PIN: money moves. Returns the event to be posted."""
        charge.status = "success"
        charge.reference = f"R{charge.id.removeprefix('gh_'):0>9}"
        data = {
            "order_id": charge.id,
            "transaction_reference": charge.reference,
            "amount": charge.amount,
            "currency": "KES",
            "status": "completed",
        }
        return {"event": "payment.success", "data": data}


def text_of(body: Mapping[str, Any]) -> str:
    """The words of a message of any kind."""
    found = body.get(str(body.get("type")), {})
    inner = found.get("body", "")
    return str(inner.get("text", "") if isinstance(inner, Mapping) else inner)
