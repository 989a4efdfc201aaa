"""The commands as typed: what they ask, say and refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from app import House, create_app
from catalog import shops
from config import Config
from db import Database
from db.models import Customer, Pause
from db.models import Shop as ShopRow
from db.redis_link import RedisLink
from db.refs import Refs
from db.types import clock
from keeping import pausing
from tests.factories import Seed
from tests.integration.bot.conftest import RecordingBell
from tests.integration.keeping.conftest import DAY, Shop
from tests.shop import WA_ID

CLOSED_REDIS = "redis://127.0.0.1:1/0"


@pytest.fixture
def engine() -> str:
    """What differs by database is tested beside; the commands are the same."""
    return "sqlite"


@pytest.fixture
def database(migrated_database: Database) -> Database:
    return migrated_database


@pytest.fixture
def app(database: Database, redis_url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Flask:
    return build(database, redis_url)


def build(database: Database, redis_url: str) -> Flask:
    config = Config(
        redis_url=redis_url,
        ghala_api_url="https://ghala.example",
        ghala_api_key="key",
        ghala_webhook_secrets=("not-a-secret-at-all",),
        admin_password="kima-todu-fela-runi",
        media_dir=Path(str(database.url.database)).with_name("media"),
    )
    return create_app(config, House(config, database, RedisLink(redis_url), RecordingBell(), Refs()))


def run(app: Flask, *words: str, answer: str = "") -> Result:
    return app.test_cli_runner().invoke(args=list(words), input=answer)


def test_export_asks_first_and_prints_json(app: Flask, shop: Shop) -> None:
    shop.says("Hi")
    assert run(app, "privacy", "export", WA_ID, answer="n\n").exit_code == 1
    done = run(app, "privacy", "export", WA_ID, "--yes")
    assert json.loads(done.stdout)["customer"]["identity"] == WA_ID


def test_export_writes_a_private_file_once(app: Flask, shop: Shop, tmp_path: Path) -> None:
    shop.says("Hi")
    file = tmp_path / "amina.json"
    assert run(app, "privacy", "export", WA_ID, "--yes", "--to", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    again = run(app, "privacy", "export", WA_ID, "--yes", "--to", str(file))
    assert (again.exit_code, "already" in again.stderr) == (1, True)


def test_erase_asks_first_and_then_forgets(app: Flask, shop: Shop) -> None:
    shop.says("Hi")
    assert run(app, "privacy", "erase", WA_ID, answer="n\n").exit_code == 1
    assert shop.customer().identity == WA_ID
    done = run(app, "privacy", "erase", WA_ID, answer="y\n")
    assert done.exit_code == 0
    assert "customer #1 is forgotten" in done.stdout
    assert WA_ID not in done.stdout
    assert shop.customer().identity.startswith("erased:")


def test_erase_says_what_is_still_under_way(app: Flask, shop: Shop) -> None:
    ref = shop.orders()
    refused = run(app, "privacy", "erase", WA_ID, "--yes")
    assert refused.exit_code == 1
    assert f"Order {ref} is open and unpaid." in refused.stderr
    assert run(app, "privacy", "erase", WA_ID, "--yes", "--force").exit_code == 0


def test_nobody_by_that_number_is_one_sentence(app: Flask) -> None:
    refused = run(app, "privacy", "erase", "254700000000", "--yes")
    assert (refused.exit_code, refused.stderr) == (1, "Error: no such customer\n")


def test_retention_says_what_it_did(app: Flask, shop: Shop, now: Any) -> None:
    shop.says("Hi")
    now.advance(91 * DAY)
    assert run(app, "retention").stdout == "emptied 1 messages received, 0 sent, 0 other webhooks\n"
    assert run(app, "retention").stdout.startswith("emptied 0 ")


def test_backup_restore_and_resume_in_three_lines(app: Flask, shop: Shop, tmp_path: Path) -> None:
    shop.says("Hi")
    picture = tmp_path / "media" / f"{'0f' * 16}.jpg"
    picture.parent.mkdir()
    picture.write_bytes(b"a picture")
    file = str(tmp_path / "shop.db")
    assert run(app, "backup", file).exit_code == 0
    picture.unlink()
    assert "not empty" in run(app, "restore", file).stderr
    assert run(app, "restore", file, "--replace", answer="n\n").exit_code == 1
    done = run(app, "restore", file, "--replace", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "pictures put back: 1" in done.stdout
    assert picture.read_bytes() == b"a picture"
    assert "set aside: 1 messages" in done.stdout
    assert "PAUSED" in done.stdout
    opened = run(app, "resume")
    assert opened.stdout.splitlines() == ["set aside: message 1, reply", "open"]
    with shop.database.reading() as session:
        assert session.scalars(select(Pause)).all() == []
    assert run(app, "resume", "--send-held").stdout.startswith("1 messages set aside will be sent")


def test_resume_says_that_ghala_did_not_answer(
    app: Flask, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pausing, "resume", lambda *_, **__: pausing.Opened(False, asked=3, unanswered=2))
    refused = run(app, "resume")
    assert refused.exit_code == 1
    assert "did not answer about 2 of them" in refused.stderr


def test_pause_by_hand_and_resume(app: Flask, shop: Shop) -> None:
    assert run(app, "pause").stdout == "paused\n"
    shop.says("Hi")
    assert shop.send() == 0
    assert run(app, "resume").stdout == "open\n"
    assert shop.send() == 1


def test_restore_insists_on_redis_since_it_remembers_conversations(
    shop: Shop, tmp_path: Path, redis_url: str
) -> None:
    shop.says("Hi")
    file = str(tmp_path / "shop.db")
    assert run(build(shop.database, redis_url), "backup", file).exit_code == 0
    alone = build(shop.database, CLOSED_REDIS)
    refused = run(alone, "restore", file, "--replace", "--yes")
    assert (refused.exit_code, "Redis does not answer" in refused.stderr) == (1, True)
    assert shop.rows(Customer) != []
    assert run(alone, "restore", file, "--replace", "--yes", "--without-redis").exit_code == 0


def test_a_request_has_a_name_and_is_told_it(app: Flask) -> None:
    client = app.test_client()
    assert (
        client.get("/livez", headers={"X-Request-Id": "edge-12345678"}).headers["X-Request-Id"]
        == "edge-12345678"
    )
    mine = client.get("/no-such-page", headers={"X-Request-Id": "254711222333"}).headers["X-Request-Id"]
    assert len(mine) == 32


def test_a_second_shop_gets_the_first_catalogue_when_it_is_named(app: Flask, database: Database) -> None:
    assert run(app, "release").exit_code == 0
    assert "There is no such shop." in run(app, "release", "--shop", "coast").stderr
    with database.writing() as session:
        main = shops.named(session, shops.MAIN)
        session.add(
            ShopRow(
                slug="coast",
                name="Duka la Pwani",
                currency=main.currency,
                country=main.country,
                timezone=main.timezone,
                language=main.language,
                settings={},
                created_at=clock(),
            )
        )
    assert "catalogue imported: 8 products" in run(app, "release", "--shop", "coast").stdout
    assert "catalogue imported" not in run(app, "release", "--shop", "coast").stdout


def test_a_finding_is_settled_in_its_own_shop_only(app: Flask, database: Database) -> None:
    with database.writing() as session:
        seed = Seed(session, datetime.now(UTC), seed=3)
        coast = seed.shop(slug="coast")
        name = f"M{seed.money(coast).id}"
    words = ("settle", name, "--because", "not ours", "--as", "kept")
    for more in ((), ("--dry-run",)):
        assert "nothing open is called" in run(app, *words, *more).stderr
    assert "stays in the shop's hands" in run(app, *words, "--shop", "coast", "--dry-run").stdout
    assert run(app, *words, "--shop", "coast").stdout == f"{name} is settled.\n"
