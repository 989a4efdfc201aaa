"""What was received stands in the inbox once, whatever shape it came in and however often."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from db.redis_link import RedisLink
from jobs.queue import QueueBell
from tests.integration.web.conftest import CLOSED_REDIS, MESSAGES, PAYMENTS, Door, envelope, refused, text
from tests.shop import WA_ID

PAYLOADS = Path(__file__).parents[2] / "contract" / "ghala" / "payloads"
PAID = {
    "event": "payment.success",
    "data": {"order_id": "gh_1", "amount": 3000, "currency": "KES", "transaction_reference": "SKJ4X2ABCD"},
}


def recorded_payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def event_of(shape: str, event: str) -> dict[str, str]:
    """A flat event is named by a header alone."""
    return {"X_Ghala_Event": event} if shape.endswith("flat") else {}


@pytest.mark.parametrize("shape", ["v1-text", "meta-text", "v2-message", "v2-message-flat"])
def test_a_message_of_each_shape_is_recorded_for_its_customer(door: Door, shape: str) -> None:
    answer = door.deliver(recorded_payload(shape), **event_of(shape, "message.received"))
    assert (answer.status_code, answer.get_json()) == (200, {"success": True, "message": "received"})
    (row,) = door.rows()
    assert (row.kind, row.customer_key, row.lane, row.status) == ("message", WA_ID, "normal", "waiting")
    assert door.bell.rung == [("message", row.id)]


@pytest.mark.parametrize("shape", ["v1-status", "meta-status-read", "v2-status", "v2-status-flat"])
def test_a_delivery_status_of_each_shape_is_recorded(door: Door, shape: str) -> None:
    headers = event_of(shape, "message.status")
    assert door.deliver(recorded_payload(shape), **headers).status_code == 200
    (row,) = door.rows()
    assert (row.kind, row.customer_key, row.status) == ("status", None, "waiting")


@pytest.mark.parametrize("shape", ["payment-v1-success", "payment-v1-failed", "payment-hooks-success"])
def test_a_payment_event_is_recorded_with_the_order_it_names(door: Door, shape: str) -> None:
    payload = recorded_payload(shape)
    answer = door.deliver(payload, PAYMENTS)
    assert (answer.status_code, answer.get_json()) == (200, {"success": True, "message": "received"})
    (row,) = door.rows()
    assert (row.kind, row.match_key) == ("payment", str(payload["data"]["order_id"]))
    assert bytes(row.raw) == json.dumps(payload).encode()


def test_the_hint_in_the_address_is_kept_beside_the_payment_event(door: Door) -> None:
    door.deliver(PAID, f"{PAYMENTS}?payment=PAY-ABCDEFGH23456789")
    assert [row.hint for row in door.rows()] == ["PAY-ABCDEFGH23456789"]


def test_several_messages_in_one_delivery_are_several_events(door: Door) -> None:
    door.deliver(envelope(text("Hi", "wamid.1"), text("Hello", "wamid.2", "254733444555")))
    assert [row.customer_key for row in door.rows()] == [WA_ID, "254733444555"]


def test_a_delivery_received_many_times_is_recorded_once(door: Door) -> None:
    for _ in range(5):
        assert door.deliver(envelope(text()), X_Ghala_Delivery="d-1").status_code == 200
    assert len(door.rows()) == 1
    assert len(door.bell.rung) == 1


def test_a_delivery_without_any_id_is_known_by_its_bytes(door: Door) -> None:
    for _ in range(2):
        assert door.deliver(PAID, PAYMENTS).status_code == 200
    assert len(door.rows()) == 1


def test_one_message_under_two_delivery_ids_is_recorded_once(door: Door) -> None:
    for delivery in ("d-1", "d-2"):
        assert door.deliver(envelope(text()), X_Ghala_Delivery=delivery).status_code == 200
    assert len(door.rows()) == 1


def test_two_messages_with_the_same_words_are_two(door: Door) -> None:
    for message_id in ("wamid.1", "wamid.2"):
        door.deliver(envelope(text("2", message_id)))
    assert len(door.rows()) == 2


@pytest.mark.parametrize(("payload", "path"), [(envelope(text()), MESSAGES), (PAID, PAYMENTS)])
def test_the_same_delivery_at_the_same_instant_is_recorded_once(door: Door, payload: Any, path: str) -> None:
    together = threading.Barrier(8)

    def knock(_: int) -> int:
        together.wait(10)
        return int(door.deliver(payload, path, X_Ghala_Delivery="d-1").status_code)

    with ThreadPoolExecutor(8) as crowd:
        assert set(crowd.map(knock, range(8))) == {200}
    assert len(door.rows()) == 1
    assert len(door.bell.rung) == 1


def test_a_payment_event_at_the_address_for_messages_is_refused(door: Door) -> None:
    answer = door.deliver(PAID)
    assert answer.status_code == 400
    assert answer.get_json()["success"] is False
    assert door.rows() == []


def test_a_message_at_the_address_for_payments_buys_nothing(door: Door) -> None:
    answer = door.deliver(envelope(text()), PAYMENTS)
    assert answer.status_code == 400
    assert door.rows() == []


@pytest.mark.parametrize("room", ["messages/incoming", "webhooks/ghala"])
def test_a_shop_nobody_knows_is_not_found(door: Door, room: str) -> None:
    refused(door.deliver(envelope(text()), f"/api/shops/nowhere/{room}"), 404, "not_found")
    assert door.rows() == []


def test_the_main_shop_answers_under_its_slug_too(door: Door) -> None:
    assert door.deliver(envelope(text()), "/api/shops/main/messages/incoming").status_code == 200
    assert door.deliver(PAID, "/api/shops/main/webhooks/ghala").status_code == 200
    assert len(door.rows()) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_the_payment_address_takes_only_posts(door: Door, method: str) -> None:
    refused(door.app.test_client().open(PAYMENTS, method=method), 405, "method_not_allowed")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_the_message_address_takes_only_posts_and_the_handshake(door: Door, method: str) -> None:
    refused(door.app.test_client().open(MESSAGES, method=method), 405, "method_not_allowed")


def test_without_redis_a_webhook_is_recorded_and_answered(shop) -> None:
    bell = QueueBell(RedisLink(CLOSED_REDIS))
    door = Door(shop, bell)
    assert door.deliver(envelope(text())).status_code == 200
    assert door.deliver(PAID, PAYMENTS).status_code == 200
    assert [row.kind for row in door.rows()] == ["message", "payment"]


def test_after_redis_failed_the_bell_stays_silent_for_a_moment(shop) -> None:
    moment = [100.0]
    link = RedisLink(CLOSED_REDIS, lambda: moment[0])
    door = Door(shop, QueueBell(link))
    door.deliver(envelope(text()))
    assert link.silent
    moment[0] += 1.0
    assert not link.silent
