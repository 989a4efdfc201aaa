"""``POST /api/webhooks/ghala``: verify, record, answer. Nothing else happens in the request."""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from db import Database, inbox
from db.bell import Bell
from ghala import receiving, strict_json
from ghala.inbound import read_payment
from ghala.signatures import Verifier


def blueprint(
    database: Database,
    bell: Bell,
    verifiers: Callable[[str], tuple[int, Verifier] | None],
    now: Callable[[], float] = time.time,
) -> Blueprint:
    """The route for order and payment events; ``verifiers`` finds a shop's id and secrets by slug."""
    webhooks = Blueprint("payment_webhook", __name__)

    @webhooks.post("/api/webhooks/ghala", defaults={"slug": "main"})
    @webhooks.post("/api/shops/<slug>/webhooks/ghala")
    def receive(slug: str) -> Response:
        found = verifiers(slug)
        if found is None:
            abort(404)
        shop_id, verifier = found
        request.max_content_length = receiving.BODY_LIMIT + 1
        headers = {name.lower(): value for name, value in request.headers}
        delivery = receiving.receive(request.get_data(), headers, verifier, now())
        notice = read_payment(delivery.payload)
        event = inbox.NewEvent(
            kind="payment",
            external_id=delivery.external_id(0, None),
            raw=delivery.raw,
            match_key=notice.order_ref,
            hint=request.args.get("payment", "")[:64] or None,
            lane=delivery.lane,
        )
        with database.writing() as session:
            recorded = inbox.record(session, shop_id, f"payments:{slug}", [event])
        for event_id, kind in recorded:
            bell.inbox(kind, event_id)
        return Response(
            strict_json.dumps({"success": True, "message": "received"}), content_type="application/json"
        )

    return webhooks
