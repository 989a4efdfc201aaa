"""Every line says what was being worked on when it was written, and names nobody."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger as GunicornLogger
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

import bot.shell
from db import Database, inbox
from errors import GatewayRejected
from jobs.sender import Sender
from observing import JsonFormatter, bound_fields, for_gunicorn
from tests import log_watch
from tests.integration.keeping.conftest import Shop


class Lines(logging.Handler):
    """Keeps what production would write."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.written: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(json.loads(self.format(record)))

    def of(self, event: str) -> dict[str, Any]:
        return next(line for line in self.written if line["event"] == event)


@pytest.fixture
def lines() -> Iterator[Lines]:
    ours, handler = logging.getLogger("duka"), Lines()
    level = ours.level
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    yield handler
    ours.removeHandler(handler)
    ours.setLevel(level)


@pytest.fixture
def engine() -> str:
    return "sqlite"


def test_news_of_a_payment_names_its_event_payment_and_order(shop: Shop, lines: Lines) -> None:
    ref = shop.buys()
    shop.worker.desk.start(shop.worker.bell.last("start"))
    body = {
        "event": "payment.success",
        "data": {
            "order_id": shop.payment().gateway_ref,
            "amount": 3000,
            "currency": "KES",
            "transaction_reference": "SKJ4X2ABCD",
        },
    }
    event = inbox.NewEvent("payment", "d", json.dumps(body).encode(), match_key=shop.payment().gateway_ref)
    ((event_id, _),) = shop.write(lambda session: inbox.record(session, 1, "payments:main", [event]))
    shop.worker.tasks.by_name()["apply_payment"](event_id)
    line = lines.of("payment_event_applied")
    assert (line["inbox_event_id"], line["order_ref"], line["outcome"]) == (event_id, ref, "booked")
    assert line["payment_ref"] == shop.payment().ref
    assert bound_fields() == {}


def test_an_answer_that_failed_names_its_event_and_customer_but_not_what_was_said(
    shop: Shop, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(conversation: Any, event: Any, picture: Any) -> Any:
        raise ValueError(f"cannot read {event.message}")

    shop.says("2 coffee")
    monkeypatch.setattr(bot.shell, "decide", stumble)
    event_id = shop.hears("I am Amina at 123 Main St, call 0711222333")
    shop.worker.advance(event_id)
    line = lines.of("task_failed")
    assert (line["task"], line["inbox_event_id"], line["customer_id"]) == ("advance", event_id, 1)
    assert "ValueError" in line["trace"]
    assert "stumble" in line["trace"]
    assert log_watch.found_in(json.dumps(line)) == []


def test_a_refused_message_names_itself_and_its_customer(shop: Shop, lines: Lines) -> None:
    shop.says("Hi")

    async def refuse(_: Any) -> Any:
        raise GatewayRejected("no", reason="131026")

    shop.post.call = refuse
    sender = shop.sender
    (claimed,), _ = sender.exchange([], 1)

    async def once(sender: Sender) -> None:
        sender._bell = asyncio.Event()
        await sender._send(shop.post, claimed)

    asyncio.run(once(sender))
    line = lines.of("message_dead")
    assert (line["outbox_id"], line["customer_id"]) == (1, 1)


def test_what_the_database_says_about_a_row_is_not_written(database: Database, lines: Lines) -> None:
    wrong = text("INSERT INTO customers (name) VALUES ('Amina')")
    try:
        with database.writing() as session:
            session.execute(wrong)
    except SQLAlchemyError:
        logging.getLogger("duka.test").exception("database_failed")
    line = lines.of("database_failed")
    assert "Error" in line["trace"]
    assert log_watch.found_in(json.dumps(line)) == []


def test_gunicorns_own_words_are_lines_of_json_too(capfd: pytest.CaptureFixture[str]) -> None:
    root, own = logging.getLogger(), logging.getLogger("gunicorn.error")
    handlers, level = root.handlers[:], root.level
    config = GunicornConfig()
    config.set("logconfig_dict", for_gunicorn(production=True))
    try:
        log = GunicornLogger(config)
        log.error("Error handling request %s", "/api/messages/incoming?hub.verify_token=word")
    finally:
        root.handlers[:], root.level = handlers, level
        own.propagate = True
    (written,) = capfd.readouterr().err.splitlines()
    line = json.loads(written)
    assert (line["event"], line["logger"]) == ("library_said", "gunicorn.error")
    assert line["said"] == "Error handling request /api/messages/incoming?…"
