"""A message whose window closed becomes its template before it is sent, so that one key never says two things."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from db import Database, outbox
from db.models import Conversation
from errors import OutcomeUnknown
from ghala.client import Answer
from ghala.dialects import V1
from ghala.dialects.base import Request
from ghala.messages import Template, Text, dump
from jobs.sender import Sender
from tests.shop import customer, open_shop


class Unhurried:
    """Nobody waits."""

    def delays(self, messages: Sequence[tuple[int, int]]) -> list[float]:
        return [0.0] * len(messages)


class Deaf:
    """Takes every message and answers none."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def call(self, request: Request) -> Answer:
        self.requests.append(request)
        raise OutcomeUnknown("timed out")

    async def close(self) -> None:
        pass


def test_a_key_carries_the_same_words_also_when_the_window_opens_between_two_attempts(
    database: Database, now: Any
) -> None:
    with database.writing() as session:
        shop = open_shop(session)
        buyer = customer(session, shop.id)
        receipt = outbox.Promise(
            "out:1", dump(Text("RECEIPT")), "receipt", fallback=dump(Template("order_receipt", "en"))
        )
        outbox.promise(session, shop.id, buyer.id, [receipt])
    client = Deaf()
    sender = Sender(database, lambda: client, V1(), Unhurried(), random.Random(1))  # type: ignore[arg-type]
    done: list[outbox.Outcome] = []
    for attempt in range(4):
        if attempt == 2:
            with database.writing() as session:
                session.scalars(select(Conversation)).one().inbound_at = now()
        claimed, _ = sender.exchange(done, 10)
        done = [asyncio.run(sender.send(client, one)) for one in claimed]
        now.advance(60)
    said = {(request.headers["Idempotency-Key"], str(request.json)) for request in client.requests}
    assert len(client.requests) >= 2
    assert len(said) == 1
    assert "order_receipt" in said.pop()[1]
