"""docs/openapi.yaml says what the app does: every route, no other, and answers of the described form."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from schemathesis.core.failures import Failure

from admin.house import VERSION
from db.models import Order
from payments import gateways
from tests.fuzz.described import described, load
from tests.hostile.conftest import PRODUCTION, Villain, open_door
from tests.integration.admin.conftest import basic
from tests.integration.web.conftest import MESSAGES, PAYMENTS, envelope, text

NOT_JSON = ("/admin/", "/media/", "/metrics")
HIDDEN = {"HEAD", "OPTIONS"}
ORDER = {
    "phoneNumber": "0722000111",
    "productId": "COFFEE",
    "quantity": 2,
    "deliveryAddress": "Moi Avenue 12",
}


def routes(app: Any) -> set[tuple[str, str]]:
    """Path in OpenAPI's writing and method of every JSON route."""
    return {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(NOT_JSON)
        for method in rule.methods - HIDDEN
    }


def operations() -> set[tuple[str, str]]:
    return {
        (path, method.upper())
        for path, item in load()["paths"].items()
        for method in item
        if method in {"get", "post", "put", "patch", "delete"}
    }


def test_every_json_route_is_described_and_every_described_route_exists(villain: Villain) -> None:
    assert operations() == routes(villain.door.app)


def test_the_description_has_our_version_and_unique_names() -> None:
    description = load()
    assert description["info"]["version"] == VERSION
    names = [
        item[m]["operationId"] for item in description["paths"].values() for m in ("get", "post") if m in item
    ]
    assert len(names) == len(set(names))


def test_the_description_knows_every_status_and_method() -> None:
    schemas = load()["components"]["schemas"]
    table = Order.__table__
    checks = " ".join(str(c.sqltext) for c in table.constraints if hasattr(c, "sqltext"))
    for field, column in (("status", "status"), ("paymentStatus", "payment_status")):
        known = set(re.findall(r"'(\w+)'", re.search(rf"\b{column} IN \(([^)]*)\)", checks)[1]))  # type: ignore[index]
        assert set(schemas["Order"]["properties"][field]["enum"]) == known
    assert set(schemas["NewPayment"]["properties"]["method"]["enum"]) == set(gateways.methods())


def test_what_is_behind_a_password_is_described_so(villain: Villain) -> None:
    for path, item in load()["paths"].items():
        for method in {"get", "post"} & item.keys():
            answer = villain.door.app.test_client().open(
                path.replace("{ref}", "ORD-7K3M9Q"), method=method.upper()
            )
            behind = any("owner" in need for need in item[method].get("security", []))
            assert (answer.status_code == 401 and "WWW-Authenticate" in answer.headers) == behind, (
                path,
                method,
            )


def ordered(villain: Villain) -> str:
    return str(villain.post("/api/orders", json=ORDER).get_json()["data"]["id"])


CASES: dict[str, tuple[str, str, Any]] = {
    "stats": ("/api/admin/stats", "GET", lambda v: v.get("/api/admin/stats")),
    "recent": ("/api/admin/orders/recent", "GET", lambda v: v.get("/api/admin/orders/recent")),
    "a page of orders": ("/api/orders", "GET", lambda v: v.get("/api/orders?limit=1")),
    "reconciliation": ("/api/admin/reconciliation", "GET", lambda v: v.get("/api/admin/reconciliation")),
    "reconciling": ("/api/admin/reconciliation", "POST", lambda v: v.post("/api/admin/reconciliation")),
    "a bad limit": ("/api/orders", "GET", lambda v: v.get("/api/orders?limit=0")),
    "customers": ("/api/admin/customers", "GET", lambda v: v.get("/api/admin/customers")),
    "a bad cursor": ("/api/admin/customers", "GET", lambda v: v.get("/api/admin/customers?after=x")),
    "one order": ("/api/orders/{ref}", "GET", lambda v: v.get(f"/api/orders/{ordered(v)}")),
    "no order": ("/api/orders/{ref}", "GET", lambda v: v.get("/api/orders/ORD-NONE")),
    "placing": ("/api/orders", "POST", lambda v: v.post("/api/orders", json=ORDER)),
    "placing nothing": ("/api/orders", "POST", lambda v: v.post("/api/orders", json={})),
    "placing too much": ("/api/orders", "POST", lambda v: v.post("/api/orders", json=ORDER | {"productId": "BASKET", "quantity": 9})),
    "placing text": ("/api/orders", "POST", lambda v: v.post("/api/orders", data="x")),
    "placing no json": ("/api/orders", "POST", lambda v: v.post("/api/orders", data="{", content_type="application/json")),
    "placing a book": ("/api/orders", "POST", lambda v: v.post("/api/orders", data="x" * 70_000, content_type="application/json")),
    "a stranger": ("/api/orders", "GET", lambda v: v.door.app.test_client().get("/api/orders")),
    "another site": ("/api/orders", "POST", lambda v: v.post("/api/orders", json=ORDER, headers={"Origin": "https://evil.example"})),
    "paying": ("/api/orders/{ref}/payment", "POST", lambda v: v.post(f"/api/orders/{ordered(v)}/payment", json={"method": "mpesa"})),
    "paying oddly": ("/api/orders/{ref}/payment", "POST", lambda v: v.post(f"/api/orders/{ordered(v)}/payment", json={"method": "cowries"})),
    "paying nothing": ("/api/orders/{ref}/payment", "POST", lambda v: v.post("/api/orders/ORD-NONE/payment", json={"method": "card"})),
    "a message": (MESSAGES, "POST", lambda v: v.door.deliver(envelope(text()))),
    "an unsigned message": (MESSAGES, "POST", lambda v: v.door.knock(b"{}", headers={"Content-Type": "application/json"})),
    "a payment": (PAYMENTS, "POST", lambda v: v.door.deliver({"event": "payment.success", "data": {}}, PAYMENTS)),
    "a message for another shop": ("/api/shops/{slug}/messages/incoming", "POST", lambda v: v.door.deliver({}, "/api/shops/x/messages/incoming")),
    "no handshake": (MESSAGES, "GET", lambda v: v.door.app.test_client().get(MESSAGES)),
    "webhooks health": ("/api/webhooks/health", "GET", lambda v: v.get("/api/webhooks/health")),
    "front": ("/", "GET", lambda v: v.get("/")),
    "livez": ("/livez", "GET", lambda v: v.get("/livez")),
    "readyz": ("/readyz", "GET", lambda v: v.get("/readyz")),
    "health": ("/health", "GET", lambda v: v.get("/health")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_an_answer_has_the_form_that_is_described(villain: Villain, name: str) -> None:
    path, method, ask = CASES[name]
    operation = described(villain.door.app)[path][method]
    answer = ask(villain)
    operation.validate_response(answer)
    assert str(answer.status_code) in load()["paths"][path][method.lower()]["responses"]


def test_a_handshake_is_answered_as_described(shop_database) -> None:
    app = open_door(shop_database, ghala_verify_token="token-of-the-tests").app
    asked = {"hub.mode": "subscribe", "hub.verify_token": "token-of-the-tests", "hub.challenge": "<script>"}
    answer = app.test_client().get(MESSAGES, query_string=asked)
    described(app)[MESSAGES]["GET"].validate_response(answer)
    assert (answer.text, answer.mimetype) == ("<script>", "text/plain")


def test_the_examples_are_taken_as_they_stand(villain: Villain) -> None:
    paths = load()["paths"]
    for example in paths["/api/orders"]["post"]["requestBody"]["content"]["application/json"][
        "examples"
    ].values():
        assert villain.post("/api/orders", json=example["value"]).status_code == 201
    bodies = load()["components"]["requestBodies"]
    for path, body in ((MESSAGES, bodies["Messages"]), (PAYMENTS, bodies["Payments"])):
        for example in body["content"]["application/json"]["examples"].values():
            assert villain.door.knock(json.dumps(example["value"]).encode(), path).status_code == 200


def test_the_file_is_served_nowhere(shop_database) -> None:
    client = open_door(shop_database, **PRODUCTION).app.test_client()
    for path in (
        "/openapi.yaml",
        "/docs/openapi.yaml",
        "/openapi.json",
        "/swagger",
        "/media/../../docs/openapi.yaml",
    ):
        assert client.get(path, headers=basic()).status_code == 404


def test_an_answer_of_another_form_would_be_noticed(villain: Villain) -> None:
    wrong = described(villain.door.app)["/api/admin/stats"]["GET"]
    with pytest.raises(Failure):
        wrong.validate_response(villain.get("/api/orders"))
