"""The web process over each database in turn, a bell that remembers, and somebody who signs as Ghala does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from app import House, create_app
from config import Config
from db import Database
from db.bell import Bell
from db.models import Base, InboxEvent
from db.redis_link import RedisLink
from db.refs import Refs
from ghala.signatures import sign
from tests.conftest import new_postgres
from tests.shop import WA_ID, open_shop

SECRET = "a-secret-of-the-tests"
MESSAGES = "/api/messages/incoming"
PAYMENTS = "/api/webhooks/ghala"
CLOSED_REDIS = "redis://127.0.0.1:1/0"


@dataclass
class RecordingBell(Bell):
    """Remembers who rang."""

    rung: list[tuple[str, int]] = field(default_factory=list)

    def inbox(self, kind: str, event_id: int) -> None:
        self.rung.append((kind, event_id))

    def payment(self, payment_id: int) -> None:
        self.rung.append(("start", payment_id))

    def ask(self, payment_id: int) -> None:
        self.rung.append(("ask", payment_id))

    def outbox(self) -> None:
        self.rung.append(("outbox", 0))


class Door:
    """The web process, and Ghala knocking."""

    def __init__(self, database: Database, bell: Any = None, **settings: Any) -> None:
        self.database = database
        self.bell = RecordingBell() if bell is None else bell
        config = Config(**({"ghala_webhook_secrets": (SECRET,), "admin_password": "x" * 20} | settings))
        self.scheme = config.ghala_signature_scheme
        self.app: Flask = create_app(
            config, House(config, database, RedisLink(CLOSED_REDIS), self.bell, Refs())
        )

    def signed(
        self, raw: bytes, *, secret: str = SECRET, at: float | str | None = None, scheme: str | None = None
    ) -> dict[str, str]:
        """The headers of a genuine delivery."""
        moment = int(time.time()) if at is None else at
        return {"Content-Type": "application/json"} | sign(
            scheme or self.scheme, secret.encode(), raw, moment
        )

    def knock(self, raw: bytes, path: str = MESSAGES, headers: Any = None, **more: str) -> Any:
        """One delivery: signed, unless ``headers`` say otherwise; ``more`` with _ for -."""
        given = self.signed(raw) if headers is None else headers
        extra = {name.replace("_", "-"): value for name, value in more.items()}
        if isinstance(given, Mapping):
            given = {**given, **extra}
        return self.app.test_client().post(path, data=raw, headers=given)

    def deliver(self, payload: Any, path: str = MESSAGES, **more: str) -> Any:
        """One genuine delivery of this JSON."""
        return self.knock(json.dumps(payload).encode(), path, **more)

    def rows(self) -> list[InboxEvent]:
        """Everything recorded."""
        with self.database.reading() as session:
            return list(session.scalars(select(InboxEvent).order_by(InboxEvent.id)))


def text(words: str = "Hi", message_id: str = "wamid.1", sender: str = WA_ID) -> dict[str, Any]:
    """A message of the original shape."""
    return {"id": message_id, "from": sender, "type": "text", "text": {"body": words}}


def envelope(*messages: Any) -> dict[str, Any]:
    """Several messages of the original shape."""
    return {"messages": list(messages)}


def refused(answer: Any, status: int, code: str) -> None:
    """A refusal for a machine: the status, a stable code, and no success."""
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.get_json()["success"] is False
    assert answer.get_json()["message"]


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def furnished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A shop on each engine; one for all tests here, since nothing but the inbox ever changes."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('web') / 'duka.db'}"
    else:
        url = new_postgres(request.getfixturevalue("postgres_server"))
    database = Database(url)
    Base.metadata.create_all(database.engine)
    with database.writing() as session:
        open_shop(session)
    yield database
    database.close()


@pytest.fixture
def shop(furnished: Database) -> Database:
    with furnished.writing() as session:
        session.execute(delete(InboxEvent))
    return furnished


@pytest.fixture
def door(shop: Database) -> Door:
    return Door(shop)


@pytest.fixture
def timed(shop: Database) -> Door:
    """A door whose signatures carry the time."""
    return Door(shop, ghala_signature_scheme="timestamp-hex")
