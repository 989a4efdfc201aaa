"""``POST /api/webhooks/<gateway>``: verify, record, answer. Nothing else happens in the request."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, abort, request

import measuring
from db import Database, inbox
from db.bell import Bell
from db.intake import Intake
from ghala import receiving
from ghala.signatures import Verifier
from payments import gateways
from payments.gateways.base import HearsWebhooks


def blueprint(
    database: Database,
    bell: Bell,
    verifiers: Callable[[str], tuple[int, Verifier] | None],
    now: Callable[[], float] = time.time,
) -> Blueprint:
    """A route for each gateway that tells of payments; ``verifiers`` finds a shop's id and secrets by slug."""
    intake = Intake(database, bell)
    webhooks = Blueprint("payment_webhook", __name__)

    def receive(kind: type[HearsWebhooks], gateway: str, slug: str) -> Response:
        found = verifiers(slug)
        if found is None:
            abort(404)
        shop_id, verifier = found
        request.max_content_length = receiving.BODY_LIMIT + 1
        delivery = receiving.receive(request.get_data(), request.headers, verifier, now())
        news = kind.read(delivery.payload, "").news
        event = inbox.NewEvent(
            kind="payment",
            external_id=delivery.external_id(0, None),
            raw=delivery.raw,
            match_key=None if news is None else news.gateway_ref,
            hint=request.args.get("payment", "")[:64] or None,
            lane=delivery.lane,
        )
        recorded = intake.take(shop_id, gateways.source(slug, gateway), [event])
        measuring.accepted(len(recorded), of=1)
        return Response(receiving.RECEIVED, content_type="application/json")

    for name, kind in gateways.hearing().items():
        view = partial(receive, kind, name)
        webhooks.add_url_rule(
            f"/api/webhooks/{name}", f"{name}_main", view, methods=["POST"], defaults={"slug": "main"}
        )
        webhooks.add_url_rule(f"/api/shops/<slug>/webhooks/{name}", name, view, methods=["POST"])
    return webhooks
