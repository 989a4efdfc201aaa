"""Ghala's API as a shop meets it: messages, orders, the account. Dialect ``v1``, with and without ``/v1``."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import Fault, FaultPanel
from sandbox.limits import check_message
from sandbox.refusal import Refused
from sandbox.world import World

Answer = tuple[int, dict[str, Any]]
Pause = Callable[[float], object]


def blueprint(world: World, faults: FaultPanel, api_key: str, shop_name: str, pause: Pause) -> Blueprint:
    """Build the API. ``pause(seconds)`` is how it stays silent when told to time out."""
    api = Blueprint("api", __name__)
    expected = f"Bearer {api_key}".encode()

    def authorised() -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, expected):
            raise Refused("the API key is missing or wrong", reason="unauthorized", status=401)

    def answer(direction: str, effect: Callable[[Mapping[str, Fault]], Answer]) -> Response:
        authorised()
        spoiled = faults.take(direction)
        if "delay" in spoiled:
            pause(spoiled["delay"].value)
        if "error429" in spoiled:
            busy = _json(429, {"error": {"code": 80007, "message": "Rate limit hit"}})
            busy.headers["Retry-After"] = str(int(spoiled["error429"].value))
            return busy
        if "error500" in spoiled:
            return _json(500, {"error": {"code": 131000, "message": "Something went wrong"}})
        if "timeout_before" in spoiled:
            return _silence(spoiled["timeout_before"].value)
        status, body = effect(spoiled)
        if "timeout_after" in spoiled:
            return _silence(spoiled["timeout_after"].value)
        if "garbage" in spoiled:
            return Response("<html><body>502 Bad Gateway</body></html>", 200, content_type="text/html")
        return _json(status, body)

    def _silence(seconds: float) -> Response:
        pause(seconds)
        return _json(504, {"error": {"code": "timeout", "message": "Gateway timeout"}})

    def keyed(scope: str, spoiled: Mapping[str, Fault], effect: Callable[[], Answer]) -> Answer:
        key = "" if "ignore_idempotency" in spoiled else request.headers.get("Idempotency-Key", "")
        return world.once(scope, key, request.get_data(), effect)

    @api.post("/whatsapp/messages")
    def send_message() -> Response:
        def effect(spoiled: Mapping[str, Fault]) -> Answer:
            body = _body()
            if body.get("status") == "read":
                world.mark_seen(str(body.get("message_id")), typing="typing_indicator" in body)
                return 200, {"success": True}
            check_message(body)
            return keyed("send", spoiled, lambda: receive(body, spoiled))

        def receive(body: Mapping[str, Any], spoiled: Mapping[str, Fault]) -> Answer:
            copies = int(spoiled["duplicate"].value) if "duplicate" in spoiled else 1
            late = spoiled["reorder"].value if "reorder" in spoiled else 0.0
            wamid = world.receive(body, copies=0 if "drop" in spoiled else copies, late=late)
            number = str(body["to"]).removeprefix("+")
            return 200, {
                "messaging_product": "whatsapp",
                "contacts": [{"input": body["to"], "wa_id": number}],
                "messages": [{"id": wamid}],
            }

        return answer("send", effect)

    @api.post("/orders")
    def place_order() -> Response:
        def effect(spoiled: Mapping[str, Fault]) -> Answer:
            body = _body(exact=True)
            return keyed("orders", spoiled, lambda: place(body, spoiled))

        def place(body: Mapping[str, Any], spoiled: Mapping[str, Fault]) -> Answer:
            forget = "ignore_idempotency" in spoiled
            order = world.place_order(body, rings="drop" not in spoiled, forget=forget)
            if "duplicate" in spoiled:
                for _ in range(int(spoiled["duplicate"].value) - 1):
                    world.place_order(body, forget=True)
            return 201, order.as_json()

        return answer("order", effect)

    @api.get("/orders/<order_id>")
    def get_order(order_id: str) -> Response:
        return answer("query", lambda _: (200, world.order(order_id).as_json()))

    @api.get("/account")
    def account() -> Response:
        facts = {"id": "acc_sandbox", "name": shop_name, "status": "active", "mode": "sandbox"}
        return answer("query", lambda _: (200, facts))

    return api


def _json(status: int, body: Mapping[str, Any]) -> Response:
    response = jsonify(body)
    response.status_code = status
    return response


def _body(*, exact: bool = False) -> dict[str, Any]:
    try:
        body = json.loads(request.get_data(), parse_float=Decimal if exact else float)
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    return body
