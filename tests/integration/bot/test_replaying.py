"""Every turn is kept with what it was decided from, and runs again to the same words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import House, create_app
from bot import replaying
from config import Config
from db import Database, clock
from db.models import ConversationTurn, Customer, ShopPicture
from db.redis_link import RedisLink
from db.refs import Refs
from keeping import privacy
from keeping.retention import Retention
from tests.integration.bot.conftest import Chat, RecordingBell
from tests.shop import WA_ID


def script_of(database: Database) -> replaying.Script:
    with database.reading() as session:
        return replaying.kept(session, session.scalars(select(Customer)).one())


def buys(chat: Chat) -> None:
    chat.says("hi")
    chat.orders("2 coffee")
    chat.says("mpesa")
    chat.worker.advance(chat.worker.take_money())


def test_a_whole_purchase_runs_again_to_the_same_words(chat: Chat, database: Database) -> None:
    buys(chat)
    script = script_of(database)
    events = [step["event"]["~"] for turn in script.turns for step in turn.steps]
    assert events[-1] == "PaymentSucceeded"
    assert "OrderPlaced" in events
    assert replaying.replay(script) == []


def test_a_conversation_is_shown_with_words_states_and_effects(chat: Chat, database: Database) -> None:
    buys(chat)
    shown = "\n".join(replaying.lines(script_of(database)))
    assert "▶ 2 coffee" in shown
    assert "→ address_input" in shown
    assert "· PlaceOrder" in shown
    assert "RECEIPT · Duka Test" in shown


def test_the_stock_that_was_seen_is_seen_again(chat: Chat, database: Database) -> None:
    chat.says("kiondo")
    chat.change("BASKET", available=2)
    said = chat.answer("5")
    assert "2" in said
    chat.change("BASKET", available=100)
    assert replaying.replay(script_of(database)) == []
    with database.reading() as session:
        assert len(session.scalars(select(ShopPicture)).all()) == 1


def test_a_changed_price_makes_a_picture_of_its_own(chat: Chat, database: Database) -> None:
    chat.says("2 coffee")
    chat.change("COFFEE", price=160_000)
    chat.says("123 Main St")
    assert replaying.replay(script_of(database)) == []


def test_a_flow_that_says_something_else_is_a_difference(chat: Chat, database: Database) -> None:
    chat.says("hi")
    script = script_of(database)
    script.turns[0].steps[0]["says"][0]["message"]["body"] = "Good day."
    (difference,) = replaying.replay(script)
    assert (difference.what, difference.step) == ("says", 1)
    assert difference.now[0]["message"]["body"].startswith("Hello Amina")


def test_a_card_number_is_kept_masked_and_still_warned_about(chat: Chat, database: Database) -> None:
    said = chat.answer("my card is 4242 4242 4242 4242")
    script = script_of(database)
    assert "4242 4242" not in json.dumps(script.turns[0].steps)
    assert script.turns[0].steps[0]["says"][0]["message"]["body"] == said
    assert replaying.replay(script) == []


def test_a_test_made_of_a_conversation_names_nobody(chat: Chat, database: Database) -> None:
    buys(chat)
    with database.writing() as session:
        session.execute(update(Customer).values(name="Wanjiku"))
        customer = session.scalars(select(Customer)).one()
        session.expunge_all()
    script = script_of(database)
    renamed = json.loads(json.dumps([turn.steps for turn in script.turns]).replace("Amina", "Wanjiku"))
    turns = tuple(
        replaying.KeptTurn(turn.version, turn.at, turn.before, steps)
        for turn, steps in zip(script.turns, renamed, strict=True)
    )
    fixture = replaying.as_test(replaying.Script(turns, script.pictures), customer)
    words = json.dumps(fixture)
    assert WA_ID not in words
    assert "Wanjiku" not in words
    assert replaying.replay(replaying.from_test(json.loads(words))) == []


def test_a_forgotten_customer_leaves_no_turns(chat: Chat, database: Database) -> None:
    chat.says("hi")
    privacy.erase(database, chat.customer().id, forced=True, drop_copy=lambda _: None)
    with database.reading() as session:
        assert session.scalars(select(ConversationTurn)).all() == []


def test_turns_and_pictures_go_when_their_time_is_over(chat: Chat, database: Database) -> None:
    chat.says("hi")
    with database.writing() as session:
        session.execute(update(ConversationTurn).values(created_at=clock(-91 * 86_400)))
        session.execute(update(ShopPicture).values(used_at=clock(-93 * 86_400)))
    chat.says("help")
    Retention(database, 90, 30).run()
    with database.reading() as session:
        assert len(session.scalars(select(ConversationTurn)).all()) == 1
        assert session.scalars(select(ShopPicture)).all() == []


@pytest.fixture
def app(chat: Chat, database: Database, redis_url: str) -> Flask:
    config = Config(
        redis_url=redis_url,
        ghala_api_url="https://ghala.example",
        ghala_api_key="key",
        ghala_webhook_secrets=("not-a-secret-at-all",),
        admin_password="kima-todu-fela-runi",
    )
    return create_app(config, House(config, database, RedisLink(redis_url), RecordingBell(), Refs()))


def test_the_commands_show_replay_and_save(
    app: Flask, chat: Chat, database: Database, tmp_path: Path
) -> None:
    buys(chat)
    run = app.test_cli_runner().invoke
    shown = run(args=["conversation", "show", WA_ID])
    assert "▶ hi" in shown.output
    again = run(args=["conversation", "replay", WA_ID])
    assert (again.exit_code, again.output) == (0, "5 turns, 7 events: the same words\n")
    file = tmp_path / "purchase.json"
    assert run(args=["conversation", "save-as-test", WA_ID, str(file)]).exit_code == 0
    assert replaying.replay(replaying.from_test(json.loads(file.read_bytes()))) == []
    assert run(args=["conversation", "save-as-test", WA_ID, str(file)]).exit_code == 1
    assert "no such customer" in run(args=["conversation", "show", "255700000000"]).output
