"""A mounted room over each database in turn, and somebody who knows the password."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import admin
from admin.house import AdminHouse
from catalog.credentials import Connections
from config import Config
from db import Database
from db.bell import Bell
from db.models import Shop
from db.refs import Refs
from tests.factories import Seed

PASSWORD = "correct horse battery"


def basic(name: str = "admin", password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@dataclass
class RecordingBell(Bell):
    """Remembers who rang."""

    rung: list[tuple[str, int]] = field(default_factory=list)

    def inbox(self, kind: str, event_id: int) -> None:
        self.rung.append((kind, event_id))

    def payment(self, payment_id: int) -> None:
        self.rung.append(("payment_due", payment_id))

    def ask(self, payment_id: int) -> None:
        self.rung.append(("ask", payment_id))

    def outbox(self) -> None:
        self.rung.append(("outbox", 0))


@dataclass
class Room:
    """The room, what it was given, and a browser at its door."""

    app: Flask
    house: AdminHouse
    bell: RecordingBell
    client: FlaskClient
    redis_answers: bool = True

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers=basic() | headers)

    def post(self, path: str, **options: Any) -> Any:
        headers = basic() | options.pop("headers", {})
        return self.client.post(path, headers=headers, **options)


def open_room(database: Database, now: Any, **changes: Any) -> Room:
    settings: dict[str, Any] = {"admin_password": PASSWORD, "redis_url": "", "secret_key": "k" * 20}
    app = Flask("duka", static_folder=None)
    bell = RecordingBell()
    answers: list[Room] = []
    config = Config(**(settings | changes))
    house = AdminHouse(
        database=database,
        config=config,
        connections=Connections(database, config),
        bell=bell,
        refs=Refs(),
        now=now,
        redis_ping=lambda: answers[0].redis_answers,
    )
    admin.init(app, house)
    room = Room(app, house, bell, app.test_client())
    answers.append(room)
    return room


@pytest.fixture
def shop(database: Database, now: Any) -> Shop:
    with database.writing() as session:
        return Seed(session, now()).shop()


@pytest.fixture
def room(database: Database, now: Any, shop: Shop) -> Room:
    return open_room(database, now)
