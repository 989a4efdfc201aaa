"""Who may come in, and what everybody else hears."""

import base64

import pytest
from sqlalchemy import select
from werkzeug.security import generate_password_hash

from db.models import AuditEntry
from tests.integration.admin.conftest import PASSWORD, basic, open_room

DOORS = [
    "/admin/",
    "/admin/live",
    "/admin/orders",
    "/api/admin/stats",
    "/api/orders",
    "/admin/orders/ORD-222222",
]


def _raw(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


REFUSED = [
    None,
    "",
    "Basic",
    "Basic !!!",
    "Basic " + "A" * 5000,
    "Bearer abc",
    _raw(b"admin"),
    _raw(b"admin:"),
    _raw(b":" + PASSWORD.encode()),
    _raw(b"root:" + PASSWORD.encode()),
    _raw(b"admin:wrong"),
    _raw(b"\xff\xfe:\xff"),
    _raw(b"admin:" + PASSWORD.encode() + b"\x00"),
]


@pytest.mark.parametrize("path", DOORS)
def test_every_door_is_closed_without_the_password(room, path) -> None:
    answer = room.client.get(path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="Duka", charset="UTF-8"'


def test_every_refusal_says_the_same(room) -> None:
    bodies = set()
    for header in REFUSED:
        headers = {} if header is None else {"Authorization": header}
        answer = room.client.get("/api/admin/stats", headers=headers)
        assert answer.status_code == 401, header
        bodies.add(answer.data)
    assert len(bodies) == 1


@pytest.mark.parametrize("path", ["/admin/", "/api/admin/stats"])
def test_the_right_password_opens(room, path) -> None:
    assert room.get(path).status_code == 200


def test_a_hashed_password_opens_and_is_paid_for_once(database, now, shop, monkeypatch) -> None:
    import admin.auth

    checked = []
    real = admin.auth.check_password_hash
    monkeypatch.setattr(admin.auth, "check_password_hash", lambda *a: checked.append(1) or real(*a))
    room = open_room(
        database, now, admin_password="", admin_password_hash=generate_password_hash("läng genug hier")
    )
    checked.clear()  # the start looks at the hash once
    right = basic(password="läng genug hier")
    assert [room.client.get("/admin/live", headers=right).status_code for _ in range(3)] == [200, 200, 200]
    assert len(checked) == 1
    assert room.client.get("/admin/live", headers=basic(password="läng genug hiex")).status_code == 401
    assert room.client.get("/admin/live").status_code == 401
    assert room.client.get("/admin/live", headers=basic("other", "läng genug hier")).status_code == 401
    assert len(checked) == 4, "every refusal does the same work"


def test_ten_failures_lock_the_name_for_that_address_and_are_noted_once(room, database) -> None:
    for _ in range(10):
        assert room.client.get("/admin/", headers=basic(password="guess")).status_code == 401
    for _ in range(3):
        locked = room.get("/api/admin/stats")
        assert locked.status_code == 429
        assert 1 <= int(locked.headers["Retry-After"]) <= 15 * 60 + 1
    assert locked.json["code"] == "too_many_requests"
    elsewhere = room.client.get("/admin/live", headers=basic(), environ_base={"REMOTE_ADDR": "10.9.8.7"})
    assert elsewhere.status_code == 200
    with database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert (entry.action, entry.subject, entry.actor) == ("login_locked", "admin", "127.0.0.1")


def test_a_forged_forwarding_header_does_not_escape_the_lock(room) -> None:
    for number in range(10):
        room.client.get("/admin/", headers=basic(password="guess") | {"X-Forwarded-For": f"1.2.3.{number}"})
    assert room.get("/admin/", **{"X-Forwarded-For": "9.9.9.9"}).status_code == 429


def test_coming_without_a_header_is_no_failure(room) -> None:
    for _ in range(12):
        assert room.client.get("/admin/").status_code == 401
    assert room.get("/admin/").status_code == 200


def test_a_password_typed_as_name_is_not_written_down(room, database) -> None:
    for _ in range(10):
        room.client.get("/admin/", headers=basic(name=PASSWORD, password="x"))
    with database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry)).all()
    assert PASSWORD not in f"{entry.subject}{entry.actor}{entry.before}{entry.after}"


def test_failures_are_counted_on_redis_by_all_processes_together(database, now, shop, redis_url) -> None:
    first = open_room(database, now, redis_url=redis_url)
    second = open_room(database, now, redis_url=redis_url)
    for number in range(10):
        (first, second)[number % 2].client.get("/admin/", headers=basic(password="guess"))
    assert first.get("/admin/").status_code == 429
    assert second.get("/admin/").status_code == 429


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:1/0", "redis+sentinel://127.0.0.1:1/m", "redis+cluster://127.0.0.1:1"]
)
def test_without_redis_each_process_counts_for_itself(database, now, shop, url) -> None:
    room = open_room(database, now, redis_url=url)
    for _ in range(10):
        assert room.client.get("/admin/live", headers=basic(password="guess")).status_code == 401
    assert room.get("/admin/live").status_code == 429
