"""Asking for money over v1, and reading how it stands."""

from decimal import Decimal
from pathlib import Path

import pytest

from errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown
from ghala import strict_json
from ghala.dialects import V1, RemoteOrder

PAYLOADS = Path(__file__).parent / "payloads"
ORDER = {
    "external_id": "PAY-7K3M9Q", "amount": 3000, "currency": "KES", "phone": "+254711222333", "method": "mpesa",
    "description": "ORD-7K3M9Q", "callback_url": "https://shop.example/api/webhooks/ghala?payment=PAY-7K3M9Q", "key": "att:1",
}  # fmt: skip


def read(**order):
    return V1().read_order(200, {}, strict_json.dumps(order))


def test_an_order_is_asked_for_as_the_contract_says():
    request = V1().create_order(**ORDER)
    assert (request.method, request.path) == ("POST", "/orders")
    assert dict(request.headers) == {"Idempotency-Key": "att:1"}
    assert request.json == {
        "external_id": "PAY-7K3M9Q",
        "amount": 3000,
        "currency": "KES",
        "customer": {"phone": "+254711222333"},
        "payment_method": "mpesa",
        "description": "ORD-7K3M9Q",
        "callback_url": "https://shop.example/api/webhooks/ghala?payment=PAY-7K3M9Q",
    }


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (3000, b'"amount":3000,'),
        (Decimal("3000.00"), b'"amount":3000,'),
        (Decimal("12.50"), b'"amount":12.50,'),
    ],
)
def test_an_amount_is_written_exactly(amount, written):
    assert written in strict_json.dumps(V1().create_order(**ORDER | {"amount": amount}).json)


@pytest.mark.parametrize(
    "amount", [0, -1, Decimal(0), Decimal(-5), Decimal("NaN"), Decimal("Infinity"), True]
)
def test_nobody_is_asked_for_nothing(amount):
    with pytest.raises(ValueError, match="positive"):
        V1().create_order(**ORDER | {"amount": amount})


def test_an_order_id_cannot_leave_its_path():
    assert V1().get_order("gh_8841").path == "/orders/gh_8841"
    assert V1().get_order("../account?x=1").path == "/orders/..%2Faccount%3Fx%3D1"


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("created", RemoteOrder("gh_8841", "pending", "pending", payment_url="https://pay.example/gh_8841")),
        ("paid", RemoteOrder("gh_8841", "completed", "success", "PAY-7K3M9Q", Decimal(3000), "KES", "SKJ4X2ABCD")),
        ("failed", RemoteOrder("gh_8841", "pending", "failed", "PAY-7K3M9Q", Decimal(3000), "KES", failure_reason="insufficient_funds")),
    ],
)  # fmt: skip
def test_a_recorded_order_is_read_as_what_it_means(name, order):
    assert V1().read_order(200, {}, (PAYLOADS / f"answer-v1-order-{name}.json").read_bytes()) == order


@pytest.mark.parametrize("status", ["completed", "paid", "success", "failed", "delivered"])
def test_only_the_payment_status_says_that_money_moved(status):
    assert read(id="gh_1", status=status).payment_status is None


@pytest.mark.parametrize("word", ["unheard-of", "", None, 7, True, [], {"success": 1}])
def test_an_unknown_payment_status_proves_nothing(word):
    assert read(id="gh_1", payment_status=word).payment_status is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", 7, {}, ""])
def test_a_payment_link_that_is_not_the_web_is_none(url):
    assert read(id="gh_1", payment_url=url).payment_url is None


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"id":null}', b'{"data":{}}', b"<html>"])
def test_an_answer_that_names_no_order_is_unknown(body):
    with pytest.raises(OutcomeUnknown):
        V1().read_order(200, {}, body)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "not_found"), (401, "unauthorized"), (422, "unprocessable"), (400, "http_400")],
)
def test_a_refused_order_says_why(status, reason):
    with pytest.raises(GatewayRejected) as refusal:
        V1().read_order(status, {}, b"")
    assert refusal.value.reason == reason


def test_a_busy_ghala_is_unavailable():
    with pytest.raises(GatewayUnavailable) as refusal:
        V1().read_order(503, {"retry-after": "2"}, b"")
    assert refusal.value.retry_after == 2


UNREADABLE = [True, -3000, "3,000", " 3000", "", "lots", [3000], {"value": 3000}, 10**18, Decimal("3E+3")]


@pytest.mark.parametrize("amount", UNREADABLE)
@pytest.mark.parametrize("status", ["success", "failed"])
def test_an_amount_that_cannot_be_read_is_not_an_amount_left_out(amount, status):
    with pytest.raises(OutcomeUnknown):
        read(id="gh_1", payment_status=status, amount=amount)


def test_what_is_still_pending_is_known_by_its_id_whatever_its_amount():
    assert read(id="gh_1", status="pending", amount="lots") == RemoteOrder(
        id="gh_1", status="pending", payment_status="pending"
    )


@pytest.mark.parametrize("said", [{}, {"amount": None}])
def test_an_amount_may_be_left_out(said):
    assert read(id="gh_1", payment_status="success", **said).amount is None
