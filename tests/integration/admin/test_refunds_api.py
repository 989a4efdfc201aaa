"""Giving money back over the API: never more than was paid, once per key, and listed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from db.models import Order, Refund
from tests.factories import Seed
from tests.integration.admin.conftest import Room, basic


@pytest.fixture
def order(database, now, shop) -> Order:
    """An order for KES 3,000 that is paid."""
    with database.writing() as session:
        seed = Seed(session, now())
        made = seed.order(shop, seed.customer(shop, spent=10_000_000), status="paid")
        payment = seed.payment(made, transaction_ref="SKJ4X2ABCD")
        session.flush()
        seed.money(
            shop,
            kind="payment",
            order_id=made.id,
            payment_id=payment.id,
            amount=made.total,
            amount_text="",
            reason="",
        )
        session.expunge(made)
    return made


def give(room: Room, order: Order, body: Any, **headers: str) -> Any:
    return room.post(f"/api/orders/{order.ref}/refunds", json=body, headers=headers)


def test_a_part_goes_back_and_is_listed(room, order) -> None:
    answer = give(room, order, {"amount": 500, "reason": "damaged"})
    assert answer.status_code == 201
    data = answer.json["data"]
    assert (data["status"], data["amount"], data["byHand"], data["reference"]) == (
        "requested",
        500,
        True,
        None,
    )
    listed = room.get(f"/api/orders/{order.ref}/refunds").json["data"]
    assert listed == [data]


def test_all_of_it_with_a_reference_has_gone_back_and_the_customer_is_told(room, order) -> None:
    answer = give(room, order, {"reason": "cancelled", "reference": "SKJBACK1"})
    data = answer.json["data"]
    assert (data["status"], data["amount"], data["reference"]) == ("manual", order.total // 100, "SKJBACK1")
    assert [kind for kind, _ in room.bell.rung] == ["internal"]
    assert room.get(f"/api/orders/{order.ref}").json["data"]["paymentStatus"] == "refunded"


def test_more_than_was_paid_is_409(room, order, database) -> None:
    answer = give(room, order, {"amount": order.total // 100 + 1, "reason": "x"})
    assert (answer.status_code, answer.json["code"]) == (409, "refund_exceeds_paid")
    give(room, order, {"reason": "x", "reference": "ALL"})
    assert give(room, order, {"amount": 1, "reason": "x"}).json["code"] == "nothing_to_refund"
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Refund)) == 1


def test_ten_identical_requests_are_one_refund(room, order, database) -> None:
    def click(_: int) -> Any:
        headers = basic() | {"Idempotency-Key": "back-1"}
        body = {"amount": 100, "reason": "damaged", "reference": "R1"}
        return (
            room.app.test_client().post(f"/api/orders/{order.ref}/refunds", json=body, headers=headers).json
        )

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(click, range(10)))
    assert all(answer == answers[0] for answer in answers)
    with database.reading() as session:
        assert session.scalar(select(func.sum(Refund.amount))) == 10_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x", "amount": "500"}, "amount"),
        ({"reason": "x", "amount": True}, "amount"),
        ({"reason": "x", "amount": 0.001}, "amount"),
        ({"reason": "x", "reference": ""}, "reference"),
    ],
)
def test_an_error_names_its_field(room, order, body, field) -> None:
    answer = give(room, order, body)
    assert answer.status_code == 422
    assert field in {error["field"].split(".")[0] for error in answer.json["errors"]}


@pytest.mark.parametrize("amount", [0, -1, -500.5])
def test_less_than_nothing_does_not_go_back(room, order, amount) -> None:
    assert give(room, order, {"amount": amount, "reason": "x"}).status_code in {409, 422}


def test_an_order_that_is_not_there_has_no_refunds(room, order) -> None:
    assert room.get("/api/orders/ORD-222222/refunds").status_code == 404
    assert room.post("/api/orders/ORD-222222/refunds", json={"reason": "x"}).status_code == 404


def test_money_goes_back_only_for_who_knows_the_password(room, order) -> None:
    assert room.client.post(f"/api/orders/{order.ref}/refunds", json={"reason": "x"}).status_code == 401
