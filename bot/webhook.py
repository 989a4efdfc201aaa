"""``/api/messages/incoming``: Meta's handshake, and messages and delivery statuses to record."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Response, abort, request

import measuring
from db import Database, inbox
from db.bell import Bell
from db.intake import Intake
from ghala import receiving, strict_json
from ghala.inbound import read_messages
from ghala.signatures import Verifier


def blueprint(
    database: Database,
    bell: Bell,
    verifiers: Callable[[str], tuple[int, Verifier] | None],
    *,
    verify_token: Callable[[str], str] = lambda _: "",
    body_limit: Callable[[str], int] = lambda _: receiving.BODY_LIMIT,
    now: Callable[[], float] = time.time,
) -> Blueprint:
    """The routes for messages; a shop's id and secrets, its token and what it may be sent are found by slug."""
    intake = Intake(database, bell)
    webhooks = Blueprint("message_webhook", __name__)

    @webhooks.get("/api/messages/incoming", defaults={"slug": "main"})
    @webhooks.get("/api/shops/<slug>/messages/incoming")
    def handshake(slug: str) -> Response:
        challenge = receiving.shake_hands(request.args, verify_token(slug))
        if verifiers(slug) is None or challenge is None:
            abort(403)
        return Response(challenge, content_type="text/plain; charset=utf-8")

    @webhooks.post("/api/messages/incoming", defaults={"slug": "main"})
    @webhooks.post("/api/shops/<slug>/messages/incoming")
    def receive(slug: str) -> Response:
        found = verifiers(slug)
        if found is None:
            abort(404)
        shop_id, verifier = found
        limit = body_limit(slug)
        request.max_content_length = limit + 1
        delivery = receiving.receive(request.get_data(), request.headers, verifier, now(), limit)
        batch = read_messages(delivery.payload, delivery.event_header)
        events = [
            inbox.NewEvent(
                kind="status" if item.kind == "status" else "message",
                external_id=delivery.external_id(index, item.own_id),
                own_id=item.own_id,
                raw=strict_json.dumps(item.raw),
                customer_key=item.sender if item.kind == "message" else None,
                lane=delivery.lane,
                status="ignored" if item.kind == "ignored" else "waiting",
            )
            for index, item in enumerate(batch.items)
        ]
        recorded = intake.take(shop_id, f"messages:{slug}", events)
        measuring.accepted(len(recorded), of=sum(event.status == "waiting" for event in events))
        return Response(receiving.RECEIVED, content_type="application/json")

    return webhooks
