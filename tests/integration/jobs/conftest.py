"""A post office stepped by hand: the real outbox and sender over each database in turn, and a Ghala that obeys."""

from __future__ import annotations

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, update

from db import Database, clock, outbox
from db.models import Conversation, OutboxMessage
from db.redis_link import RedisLink
from errors import GatewayError
from ghala.client import Answer
from ghala.dialects import V1
from ghala.dialects.base import Request
from jobs.pacing import Pacing
from jobs.sender import Sender
from tests.shop import customer, open_shop

CLOSED_REDIS = "redis://127.0.0.1:1/0"
ROOM = 256


def refusal(status: int, code: int | str = 0) -> Answer:
    """Ghala says no."""
    error = f'{{"error": {{"code": {code!r}}}}}'.replace("'", '"') if code else "{}"
    return Answer(status, {}, error.encode())


@dataclass
class Ghala:
    """Takes every message, unless told otherwise; remembers what it was asked."""

    requests: list[Request] = field(default_factory=list)
    answers: list[Answer | GatewayError] = field(default_factory=list)
    closed: bool = False

    async def call(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else self.taken()
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True

    def taken(self) -> Answer:
        return Answer(200, {}, f'{{"messages": [{{"id": "wamid.{len(self.requests)}"}}]}}'.encode())

    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.requests]

    def bodies(self) -> list[str]:
        return [body_of(request) for request in self.requests]


def body_of(request: Request) -> str:
    """The words of a text, the name of a template, or what else it is."""
    assert request.json is not None
    if "text" in request.json:
        return str(request.json["text"]["body"])
    kind = str(request.json["type"])
    return f"template {request.json['template']['name']}" if kind == "template" else kind


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "body": words, "preview_url": False}


TEMPLATE = {"type": "template", "name": "order_receipt", "language": "en", "parameters": ["ORD-1", "KES 1"]}


class Post:
    """The outbox, a sender, and customers to write to."""

    def __init__(self, database: Database, now: Any, pacing: Pacing | None = None) -> None:
        self.database = database
        self.now = now
        self.ghala = Ghala()
        self.sender = Sender(
            database,
            lambda: self.ghala,
            V1(),
            pacing or Pacing(RedisLink(CLOSED_REDIS), 0, 0),
            random.Random(1),
        )
        self._done: list[outbox.Outcome] = []
        self._names = itertools.count(1)
        with database.writing() as session:
            open_shop(session)

    def customer(self, *, wrote: bool = True) -> int:
        """Somebody new, who has written just now or never."""
        with self.database.writing() as session:
            row = customer(session, 1, f"2547110{next(self._names):05d}")
            if wrote:
                session.execute(
                    update(Conversation).where(Conversation.customer_id == row.id).values(inbound_at=clock())
                )
            return row.id

    def promise(self, customer_id: int, *words: str, kind: str = "reply", fallback: Any = None) -> list[int]:
        """Promise texts to a customer; their rows' ids."""
        promises = [
            outbox.Promise(f"out:{next(self._names)}", text(word), kind=kind, fallback=fallback)
            for word in words
        ]
        with self.database.writing() as session:
            return outbox.promise(session, 1, customer_id, promises)

    def step(self) -> list[str]:
        """One round: write back, claim, send; what was sent."""
        before = len(self.ghala.requests)
        claimed, kept = self.sender.exchange(self._done, ROOM)
        self._done = kept

        async def send_all() -> None:
            for message in claimed:
                self._done.append(await self.sender.send(self.ghala, message))

        asyncio.run(send_all())
        return self.ghala.bodies()[before:]

    def write_back(self) -> None:
        """Note what became of the last round."""
        claimed, self._done = self.sender.exchange(self._done, 0)
        assert claimed == []

    def steps(self, most: int = 20) -> list[str]:
        """Rounds until nothing more is due; what was sent."""
        before = len(self.ghala.requests)
        for _ in range(most):
            if not self.step():
                break
        return self.ghala.bodies()[before:]

    def rows(self) -> list[OutboxMessage]:
        with self.database.reading() as session:
            return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    def row(self, row_id: int) -> OutboxMessage:
        with self.database.reading() as session:
            return session.get_one(OutboxMessage, row_id)

    def waits(self, row_id: int) -> float:
        """Seconds until this message may go."""
        return (self.row(row_id).next_at - self.now()).total_seconds()


@pytest.fixture
def post(database: Database, now) -> Post:
    return Post(database, now)
