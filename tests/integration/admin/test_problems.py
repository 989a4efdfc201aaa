"""What goes wrong is said in one way, and repeated requests do no harm."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import request
from sqlalchemy import func, select

from db.models import Order, Payment
from errors import ConfigError, InvalidSignature, MalformedWebhook
from tests.integration.admin.conftest import basic, open_room

COFFEE = {"phoneNumber": "0722000111", "productId": "COFFEE-1KG", "quantity": 1}


def test_too_many_requests_are_turned_away(database, now, shop, monkeypatch) -> None:
    monkeypatch.setattr("admin.throttle.REQUESTS", "3 per minute")
    room = open_room(database, now)
    answers = [room.get("/api/admin/stats") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json["code"] == "too_many_requests"
    assert answers[-1].headers["Retry-After"] == "60"
    assert "per" not in answers[-1].json["message"]
    assert room.client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("path", "looked"), [("/api/admin/stats", 1), ("/admin/", 1), ("/livez", 0), ("/no", 0)]
)
def test_the_limiter_looks_only_at_what_it_limits(database, now, shop, monkeypatch, path, looked) -> None:
    looks = []
    monkeypatch.setattr(
        "admin.throttle.Limiter._check_request_limit", lambda *_, **__: looks.append(request.path)
    )
    open_room(database, now).get(path)
    assert looks == [path] * looked


def test_the_address_without_a_slash_leads_on(room) -> None:
    answer = room.get("/admin")
    assert (answer.status_code, answer.location) == (308, "http://localhost/admin/")


@pytest.mark.parametrize("path", ["/nowhere", "/.env", "/.git/config", "/api/orders/a/b", "/console"])
def test_machines_hear_problem_json(room, path) -> None:
    answer = room.client.get(path)
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"
    assert answer.json == {
        "success": False,
        "code": "not_found",
        "message": "There is nothing at this address.",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidSignature("no header"), 401, "invalid_signature"),
        (MalformedWebhook("the body is not JSON", code="json_invalid"), 400, "json_invalid"),
    ],
)
def test_refused_webhooks_are_answered_for_every_room(room, error, status, code) -> None:
    def refuse():
        raise error

    room.app.add_url_rule("/refuse", view_func=refuse)
    answer = room.client.get("/refuse")
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (status, code, False)


def test_the_owner_is_told_when_the_method_is_wrong(room) -> None:
    answer = room.client.delete("/admin/", headers=basic())
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("text", ["plain", "md5$salt$hash", "scrypt:x:y$salt$hash", "a$b$c$d"])
def test_a_password_hash_that_is_none_stops_the_start(database, now, shop, text) -> None:
    with pytest.raises(ConfigError, match="ADMIN_PASSWORD_HASH"):
        open_room(database, now, admin_password="", admin_password_hash=text)


def together(room, act, times=8):
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(lambda _: act(room.app.test_client()), range(times)))


def test_the_same_order_sent_eight_times_at_once_is_one_order(room, database) -> None:
    headers = basic() | {"Idempotency-Key": "k"}
    answers = together(room, lambda client: client.post("/api/orders", json=COFFEE, headers=headers))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert len(room.bell.rung) == 1


def test_eight_payments_at_once_are_one_payment(room, database) -> None:
    ref = room.post("/api/orders", json=COFFEE).json["data"]["id"]
    path = f"/api/orders/{ref}/payment"
    answers = together(room, lambda client: client.post(path, json={"method": "mpesa"}, headers=basic()))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Payment)) == 1


def test_eight_new_customers_with_one_number_are_one_customer(room) -> None:
    answers = together(room, lambda client: client.post("/api/orders", json=COFFEE, headers=basic()))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["data"]["id"] for answer in answers}) == 8
    stats = room.get("/api/admin/stats").json["data"]
    assert (stats["totalOrders"], stats["totalCustomers"], stats["pendingOrders"]) == (8, 1, 8)
