"""Delivery statuses: noted on the message they are about, never backwards."""

from __future__ import annotations

import logging
from typing import Final

import orjson

from db import Database, inbox, outbox
from ghala.error_codes import Policy, policy_of
from ghala.inbound import StatusUpdate, read_item

log = logging.getLogger("duka.bot")

TRIES: Final = 6
"""A status may overtake our own note of the message's id; after these tries it is not ours."""


class StatusDesk:
    """Applies delivery statuses from the inbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def process(self, event_id: int) -> None:
        """Apply one status event."""
        with self._database.writing() as session:
            event = inbox.claim(session, event_id)
            if event is None:
                return
            update = read_item(orjson.loads(event.raw))
            if not isinstance(update, StatusUpdate):
                inbox.finish(session, [event.id], "ignored")
                return
            error = "" if update.error_code is None else str(update.error_code)
            known = outbox.record_delivery(session, event.shop_id, update.provider_id, update.status, error)
            if not known and event.attempts < TRIES:
                inbox.postpone(session, [event.id], 2.0**event.attempts, "message not known yet")
                return
            if update.status == "failed":
                log.warning("message_failed", extra={"error": error})
                if update.error_code is not None and policy_of(update.error_code) is Policy.TEMPLATE:
                    outbox.retry_with_fallback(session, event.shop_id, update.provider_id)
            inbox.finish(session, [event.id], "done" if known else "ignored")
