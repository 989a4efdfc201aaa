"""Delivery statuses: noted on the message they are about, never backwards."""

from __future__ import annotations

import logging
from typing import Final

import orjson
from sqlalchemy.orm import Session

from db import Database, inbox, outbox
from ghala.error_codes import Policy, pair_wait, policy_of
from ghala.inbound import StatusUpdate, read_item
from ghala.messages import as_text, dump, load

log = logging.getLogger("duka.bot")

TRIES: Final = 6
"""A status may overtake our own note of the message's id; after these tries it is not ours."""
MOST_REPEATS: Final = 8
"""Attempts after which a message that was taken and then failed is not put back any more."""
SILENCE: Final = 600.0
"""Seconds a shop sends nothing after WhatsApp says later that it may not: each try costs its customers a message."""


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
                gone = outbox.failed(session, event.shop_id, update.provider_id)
                if gone is not None:
                    self._mend(session, gone, error)
            inbox.finish(session, [event.id], "done" if known else "ignored")

    def _mend(self, session: Session, gone: outbox.Failed, code: str) -> None:
        """Do about a failure told afterwards what its code asks for; what cannot be mended stays marked as failed."""
        policy = policy_of(code)
        if policy in {Policy.STOP, Policy.ALERT}:
            log.error("shop_silenced", extra={"error": code, "seconds": SILENCE})
            outbox.silence(session, gone.shop_id, code, SILENCE)
        if policy is Policy.LEAVE:
            outbox.leave_alone(session, gone)
        if not self._again(session, gone, policy) and gone.kind == "receipt":
            log.error("receipt_dead", extra={"outbox_id": gone.id, "kind": gone.kind, "error": code})

    def _again(self, session: Session, gone: outbox.Failed, policy: Policy | None) -> bool:
        if policy is Policy.TEMPLATE and gone.fallback is not None:
            outbox.send_again(session, gone, use_fallback=True)
            return True
        # An answer that others have followed would only puzzle its reader.
        if gone.attempts >= MOST_REPEATS or (gone.kind == "reply" and gone.overtaken):
            return False
        plain = as_text(load(gone.message)) if policy is Policy.TEXT else None
        if plain is not None:
            outbox.send_again(session, gone, message=dump(plain))
        elif policy is Policy.PAIR_RATE:
            outbox.send_again(session, gone, delay=pair_wait(gone.attempts))
        elif policy is Policy.RETRY:
            outbox.send_again(session, gone, delay=2.0**gone.attempts)
        elif policy in {Policy.STOP, Policy.ALERT}:
            outbox.send_again(session, gone, delay=SILENCE)
        else:
            return False
        return True
