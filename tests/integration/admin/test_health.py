"""Health that is honest, and silent to strangers."""

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from admin.house import VERSION
from db import inbox, outbox
from db.models import Pause
from keeping import chores
from keeping.backup import MADE
from orders import customers
from tests.factories import Seed
from tests.integration.admin.conftest import PASSWORD, basic, open_room


class Usage(NamedTuple):
    total: int
    used: int
    free: int


FAR = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def well(migrated_database, now):
    """A migrated shop with a worker that reported just now."""
    with migrated_database.writing() as session:
        seed = Seed(session, now())
        seed.shop()
        seed.heartbeat()
    return open_room(migrated_database, now)


def parts(room, status=200):
    answer = room.client.get("/readyz")
    assert answer.status_code == status, answer.text
    return answer.json["status"], {name: part["status"] for name, part in answer.json["parts"].items()}


def test_a_shop_that_is_well_says_so(well) -> None:
    status, found = parts(well)
    assert status == "ok"
    assert set(found) == {
        *("database", "migrations", "disk", "redis", "worker"),
        *("shop", "events", "messages", "webhooks", "backup"),
    }
    assert set(found.values()) == {"ok"}
    assert well.client.get("/health").json == {"success": True, "status": "ok"}


def test_without_redis_it_is_slower_not_down(well) -> None:
    well.redis_answers = False
    status, found = parts(well)
    assert (status, found["redis"]) == ("degraded", "degraded")


def test_a_silent_worker_is_told(well, now) -> None:
    now.advance(31)
    assert parts(well)[1]["worker"] == "degraded"


def test_an_event_that_waits_too_long_is_told(well, now) -> None:
    with well.house.database.writing() as session:
        inbox.record_internal(session, 1, "254722000111", "OrderCreated", {}, unique="x")
    now.advance(30)
    assert parts(well)[1]["events"] == "ok"
    now.advance(31)
    status, found = parts(well)
    assert (status, found["events"]) == ("degraded", "degraded")


def test_a_message_that_waits_too_long_to_leave_is_told(well, now) -> None:
    with well.house.database.writing() as session:
        buyer = customers.reach(session, 1, "254722000111", phone=None)
        outbox.promise(session, 1, buyer.id, [outbox.Promise("k", {"type": "text", "body": "Hi"})])
    now.advance(300)
    assert parts(well)[1]["messages"] == "ok"
    now.advance(1)
    status, found = parts(well)
    assert (status, found["messages"]) == ("degraded", "degraded")


@pytest.mark.parametrize(("reason", "words"), [("restored", "after a restore"), ("by_hand", "by hand")])
def test_a_paused_shop_says_so_and_is_not_down(well, now, reason, words) -> None:
    with well.house.database.writing() as session:
        session.add(Pause(shop_id=1, reason=reason, since=now()))
    answer = well.client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "degraded")
    assert words in answer.json["parts"]["shop"]["detail"]
    assert "2026-11-20" in answer.json["parts"]["shop"]["detail"]


def test_the_age_of_the_last_backup_is_told_and_an_old_one_degrades(well, now) -> None:
    with well.house.database.writing() as session:
        chores.begin(session, MADE)
    now.advance(2 * 3600)
    part = well.client.get("/readyz").json["parts"]["backup"]
    assert part == {"status": "ok", "detail": "The last backup is 2 h old."}
    now.advance(25 * 3600)
    answer = well.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["parts"]["backup"] == {"status": "degraded", "detail": "The last backup is 27 h old."}


@pytest.mark.parametrize("env", ["development", "production"])
def test_a_shop_in_production_that_was_never_backed_up_is_told_after_a_day(well, now, env) -> None:
    database = well.house.database
    now.advance(27 * 3600)
    answer = open_room(database, now, env=env).client.get("/readyz")
    wanted = env == "production" and database.on_sqlite
    assert answer.json["parts"]["backup"]["status"] == ("degraded" if wanted else "ok")


def test_a_webhook_id_used_for_two_bodies_is_told_for_a_day(well, now) -> None:
    with well.house.database.writing() as session:
        for raw in (b'{"a":1}', b'{"a":2}', b'{"a":2}'):
            inbox.record(session, 1, "payments:main", [inbox.NewEvent("payment", "d1", raw)])
    now.advance(23 * 3600)
    status, found = parts(well)
    assert (status, found["webhooks"]) == ("degraded", "degraded")
    assert "One delivery" in well.client.get("/readyz").json["parts"]["webhooks"]["detail"]
    now.advance(2 * 3600)
    assert parts(well)[1]["webhooks"] == "ok"


def test_missing_migrations_make_it_unready(well, now) -> None:
    with well.house.database.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    status, found = parts(well, 503)
    assert (status, found["migrations"]) == ("down", "down")
    assert well.client.get("/livez").status_code == 200


def test_an_empty_database_makes_it_unready(empty_database, now) -> None:
    status, found = parts(open_room(empty_database, now), 503)
    assert (status, found["migrations"], found["database"]) == ("down", "down", "ok")


def test_a_full_disk_makes_it_unready(well, monkeypatch) -> None:
    monkeypatch.setattr("keeping.files.shutil.disk_usage", lambda _: Usage(100, 96, 4))
    status, found = parts(well, 503)
    assert (status, found["disk"]) == ("down", "down")


def test_a_database_that_refuses_to_write_makes_it_unready(well, monkeypatch) -> None:
    @contextmanager
    def refuse():
        raise OperationalError("BEGIN", {}, Exception("read-only at /secret"))
        yield

    monkeypatch.setattr(well.house.database, "writing", refuse)
    answer = well.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["parts"]["database"] == {
        "status": "down",
        "detail": "The database refuses: OperationalError.",
    }
    assert "secret" not in answer.text
    assert well.client.get("/health").status_code == 503


def test_asking_in_a_loop_looks_once_a_second(well, now) -> None:
    assert parts(well)[0] == "ok"
    well.redis_answers = False
    assert parts(well)[0] == "ok"
    now.advance(1)
    assert parts(well)[0] == "degraded"


@pytest.mark.parametrize(
    ("headers", "address", "told"),
    [
        ({}, "127.0.0.1", True),
        ({}, "::1", True),
        ({}, "203.0.113.9", False),
        ({"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", False),
        ({"X-Forwarded-For": "127.0.0.1"}, "203.0.113.9", False),
        (basic(), "203.0.113.9", True),
        (basic(password="wrong"), "203.0.113.9", False),
    ],
)
def test_in_production_only_the_owner_and_this_machine_hear_details(
    well, now, headers, address, told
) -> None:
    room = open_room(well.house.database, now, env="production")
    answer = room.client.get("/readyz", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    assert ("parts" in answer.json) is told
    assert answer.json["status"] == "ok"


def test_in_development_everybody_hears_details(well) -> None:
    assert "parts" in well.client.get("/readyz", environ_base=FAR).json


def test_the_front_page_says_what_this_is(well) -> None:
    info = well.client.get("/").json
    assert (info["success"], info["name"], info["version"]) == (True, "Duka", VERSION)
    project = Path(__file__).parents[3] / "pyproject.toml"
    assert f'version = "{VERSION}"' in project.read_text()
    assert PASSWORD not in str(info)


def test_webhooks_health_answers_success(well) -> None:
    answer = well.client.get("/api/webhooks/health")
    assert (answer.status_code, answer.json["success"]) == (200, True)


def test_a_heartbeat_of_any_worker_counts(well, now) -> None:
    with well.house.database.writing() as session:
        Seed(session, now()).heartbeat(worker="two", seen_at=now() + timedelta(seconds=60))
    now.advance(70)
    assert parts(well)[1]["worker"] == "ok"
