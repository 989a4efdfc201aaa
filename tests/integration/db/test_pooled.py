"""PostgreSQL behind a pooler that gives every transaction another session: nothing relies on one, nothing is left in one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import ScriptInfo
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from app import House, create_app
from config import Config
from db import Database, schema
from db.models import Product, Shop
from db.redis_link import RedisLink
from keeping import doctor
from keeping.backup import BackupRefused, backup
from tests.conftest import new_postgres
from tests.integration.db.pooler import pooler
from tests.shop import open_shop


@pytest.fixture
def address(postgres_server: Any) -> Iterator[str]:
    with pooler(new_postgres(postgres_server), postgres_server.system_user) as url:
        yield url


@pytest.fixture
def pooled(address: str) -> Iterator[Database]:
    database = Database(address, pooled=True)
    yield database
    database.close()


def shown(database: Database, *names: str) -> list[str]:
    with database.reading() as session:
        return [str(session.execute(text(f"SHOW {name}")).scalar()) for name in names]


def test_every_transaction_has_its_settings(pooled: Database) -> None:
    names = ("statement_timeout", "timezone", "transaction_isolation", "transaction_read_only")
    assert shown(pooled, *names) == ["5s", "UTC", "read committed", "on"]
    with pooled.writing() as session:
        assert session.execute(text("SHOW transaction_read_only")).scalar() == "off"


def test_no_setting_is_left_in_a_session_that_serves_others(pooled: Database, address: str) -> None:
    for _ in range(4):
        shown(pooled, "statement_timeout")
    stranger = address.replace("+psycopg", "")
    for _ in range(4):
        with psycopg.connect(stranger, autocommit=True, prepare_threshold=None) as connection:
            row = connection.execute("SHOW statement_timeout").fetchone()
            assert row == ("0",)


def test_reading_cannot_change_anything(pooled: Database) -> None:
    schema.upgrade(pooled)
    with pytest.raises(DBAPIError, match="read-only"), pooled.reading() as session:
        session.execute(text("DELETE FROM shops"))


def test_a_failed_transaction_is_rolled_back_and_its_session_good_for_the_next(pooled: Database) -> None:
    schema.upgrade(pooled)

    def fail() -> None:
        with pooled.writing() as session:
            open_shop(session)
            session.execute(text("SELECT 1 / 0"))

    for _ in range(4):
        with pytest.raises(DBAPIError, match="division by zero"):
            fail()
    with pooled.reading() as session:
        assert session.query(Shop).count() == 0


def test_many_threads_share_few_sessions_and_the_same_statements(pooled: Database) -> None:
    """Prepared statements would be missing in one session and double in another."""
    schema.upgrade(pooled)
    with pooled.writing() as session:
        open_shop(session, stock=0)

    def add(_: int) -> None:
        with pooled.writing() as session:
            session.query(Product).filter_by(sku="BASKET").update({Product.available: Product.available + 1})
        with pooled.reading() as session:
            session.query(Product).filter_by(sku="BASKET").one()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(80)))
    with pooled.reading() as session:
        assert session.query(Product).filter_by(sku="BASKET").one().available == 80


def test_a_statement_that_takes_too_long_is_stopped(
    pooled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.database.STATEMENT_TIMEOUT_MS", 50)
    with pytest.raises(OperationalError, match="statement timeout"), pooled.reading() as session:
        session.execute(text("SELECT pg_sleep(5)"))


def test_who_forgot_to_say_that_there_is_a_pooler_is_told(address: str) -> None:
    environment = {"DATABASE_URL": address, "GHALA_WEBHOOK_SECRET": "not-used", "ADMIN_PASSWORD": "not-used"}
    config = Config.from_env(environment)
    house = House.build(config)
    app: Flask = create_app(config, house)
    told = CliRunner().invoke(app.cli, ["release"], obj=ScriptInfo(create_app=lambda: app))
    house.database.close()
    assert told.exit_code == 1
    assert "set DATABASE_POOLED=on" in told.output


def test_the_doctor_sees_a_pooler_that_swallows_our_settings(postgres_server: Any) -> None:
    address = new_postgres(postgres_server)
    with pooler(address, postgres_server.system_user, extra="ignore_startup_parameters = options") as url:
        database = Database(url)
        patient = doctor.Patient(Config(), database, RedisLink("redis://127.0.0.1:1/0"))
        found = [finding for finding in doctor.database(patient) if "pooler" in finding.found]
        database.close()
    assert [(finding.grade, "DATABASE_POOLED=on" in finding.mend) for finding in found] == [
        (doctor.BAD, True)
    ]


def test_a_backup_by_way_of_a_pooler_is_refused(pooled: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="PostgreSQL itself"):
        backup(pooled, tmp_path / "shop.dump")
