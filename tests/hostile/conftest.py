"""A shop, its door and its worker, for those who mean harm: the real app and the real tasks over SQLite."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from db import Database
from db.models import Conversation, Customer, InboxEvent, OutboxMessage
from tests.conftest import Templates
from tests.hostile.worker import NoGateway, Worker
from tests.integration.admin.conftest import PASSWORD, basic
from tests.integration.web.conftest import Door
from tests.shop import WA_ID, open_shop

PRODUCTION: dict[str, Any] = {
    "env": "production",
    "public_url": "https://shop.example",
    "secret_key": "c0ffee-and-h0ney-and-soap",
    "redis_url": "",
}


@dataclass
class Villain:
    """Somebody at every door of one shop: signs as Ghala, knows the owner's password, and steps the worker."""

    database: Database
    door: Door
    worker: Worker
    _ids: Iterator[int]

    def writes(self, words: str, *, sender: str = WA_ID, name: str = "Amina") -> Any:
        """A message through the webhook, not yet worked on."""
        message = {
            "id": f"wamid.v{next(self._ids)}",
            "from": sender,
            "type": "text",
            "text": {"body": words},
        }
        contact = {"wa_id": sender, "profile": {"name": name}}
        return self.door.deliver({"messages": [message], "contacts": [contact]})

    def says(self, words: str, *, sender: str = WA_ID, name: str = "Amina") -> list[str]:
        """A message through the webhook and the worker; what the shop answered, as it reads on any phone."""
        before = self.count(OutboxMessage)
        answer = self.writes(words, sender=sender, name=name)
        assert answer.status_code == 200
        self.worker.work()
        return [str(row.message) for row in self.rows(OutboxMessage)[before:]]

    def get(self, path: str, **headers: str) -> Any:
        """A page or a JSON route, asked by the owner."""
        return self.door.app.test_client().get(path, headers=basic() | headers)

    def post(self, path: str, **options: Any) -> Any:
        """Sent by the owner, or in the owner's name."""
        headers = basic() | options.pop("headers", {})
        return self.door.app.test_client().post(path, headers=headers, **options)

    def rows(self, table: Any) -> list[Any]:
        with self.database.reading() as session:
            return list(session.scalars(select(table).order_by(*table.__table__.primary_key)))

    def count(self, table: Any) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0

    def events(self) -> list[InboxEvent]:
        return self.rows(InboxEvent)

    def conversation(self, sender: str = WA_ID) -> dict[str, Any]:
        with self.database.reading() as session:
            return (
                session.scalar(select(Conversation.data).join(Customer).where(Customer.identity == sender))
                or {}
            )


def open_door(database: Database, **settings: Any) -> Door:
    """The real app; production where the settings say so."""
    return Door(
        database, **({"admin_password": PASSWORD, "redis_url": "", "secret_key": "k" * 20} | settings)
    )


@pytest.fixture
def shop_database(templates: Templates, tmp_path: Path, now) -> Iterator[Database]:
    with templates.opened("sqlite", "tables", tmp_path, now) as database:
        with database.writing() as session:
            open_shop(session)
        yield database


@pytest.fixture
def villain(shop_database: Database, now) -> Villain:
    return Villain(
        shop_database,
        open_door(shop_database),
        Worker(shop_database, now, NoGateway()),
        itertools.count(1),
    )
