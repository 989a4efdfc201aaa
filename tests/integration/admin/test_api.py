"""JSON for machines: figures, lists, and orders from outside the chat."""

import pytest
from sqlalchemy import func, select

from db.models import Customer, InboxEvent, Order, Payment, Product
from tests.factories import Seed
from tests.integration.admin.conftest import basic

COFFEE = {
    "phoneNumber": "0722 000 111",
    "productId": "COFFEE-1KG",
    "quantity": 2,
    "deliveryAddress": "123 Main St",
    "customerName": "Amina",
}


@pytest.fixture
def seed(database, now, shop):
    def write(act):
        with database.writing() as session:
            return act(Seed(session, now(), seed=3))

    return write


def count(database, model) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_stats_mean_what_their_names_say(room, seed, shop) -> None:
    def act(seed):
        customer = seed.customer(shop)
        seed.customer(shop)
        for status in ("paid", "delivered", "pending_payment", "cancelled", "expired"):
            seed.order(shop, customer, status=status)

    seed(act)
    answer = room.get("/api/admin/stats")
    assert answer.json["success"] is True
    assert answer.json["message"]
    assert answer.json["data"] == {
        "totalOrders": 5,
        "completedOrders": 2,
        "pendingOrders": 1,
        "totalRevenue": 6000,
        "totalCustomers": 2,
        "currency": "KES",
    }
    assert isinstance(answer.json["data"]["totalRevenue"], int)


def test_revenue_is_what_was_paid_minus_what_was_refunded(room, shop, database) -> None:
    from orders import totals

    with database.writing() as session:
        totals.add(session, shop.id, 1, orders_placed=1, orders_paid=1, revenue=150_050)
        totals.add(session, shop.id, 2, refunded=50_000)
    assert room.get("/api/admin/stats").json["data"]["totalRevenue"] == 1000.5


def test_an_empty_shop_has_zeros(room) -> None:
    data = room.get("/api/admin/stats").json["data"]
    assert {data[name] for name in ("totalOrders", "completedOrders", "pendingOrders", "totalRevenue")} == {0}


def test_recent_orders_come_newest_first_with_their_fields(room, seed, shop) -> None:
    def act(seed):
        customer = seed.customer(shop, name="Amina", phone="+254722000111")
        seed.order(shop, customer)
        return seed.order(shop, customer, status="paid", goods=((0, 1), (1, 2))).ref

    ref = seed(act)
    answer = room.get("/api/admin/orders/recent")
    assert [row["status"] for row in answer.json["data"]] == ["paid", "pending_payment"]
    first = answer.json["data"][0]
    assert first.pop("customerId") > 0
    assert first == {
        "id": ref,
        "customerName": "Amina",
        "phoneNumber": "+254722000111",
        "productName": "Premium Coffee Beans 1kg, Organic Honey 500g",
        "quantity": 3,
        "lines": [
            {"productName": "Premium Coffee Beans 1kg", "quantity": 1},
            {"productName": "Organic Honey 500g", "quantity": 2},
        ],
        "totalAmount": 3100,
        "currency": "KES",
        "status": "paid",
        "paymentStatus": "paid",
        "deliveryAddress": first["deliveryAddress"],
        "createdAt": "2026-11-20T09:07:00Z",
    }


def test_lists_are_ten_long_unless_asked_and_go_on_by_cursor(room, seed, shop) -> None:
    seed(lambda seed: [seed.order(shop, seed.customer(shop)) for _ in range(23)])
    assert len(room.get("/api/admin/orders/recent").json["data"]) == 10
    for path in ("/api/orders", "/api/admin/orders/recent", "/api/admin/customers"):
        seen, cursor = [], ""
        while cursor is not None:
            page = room.get(f"{path}?limit=7&after={cursor}").json
            seen += [row["id"] for row in page["data"]]
            cursor = page["nextCursor"]
        assert len(seen) == len(set(seen)) == 23


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1e1", "", " 5", "٣", "9" * 50])
def test_a_limit_out_of_range_is_refused(room, limit) -> None:
    answer = room.client.get("/api/orders", query_string={"limit": limit}, headers=basic())
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_limit")


def test_customers_carry_what_they_spent(room, seed, shop) -> None:
    def act(seed):
        customer = seed.customer(shop, name="Amina")
        seed.order(shop, customer, status="paid")
        seed.order(shop, customer)

    seed(act)
    (row,) = room.get("/api/admin/customers").json["data"]
    assert (row["customerName"], row["totalOrders"], row["completedOrders"]) == ("Amina", 2, 1)
    assert (row["totalSpent"], row["currency"]) == (3000, "KES")


def test_an_order_is_placed_and_its_customer_told(room, database) -> None:
    answer = room.post("/api/orders", json=COFFEE)
    assert answer.status_code == 201
    data = answer.json["data"]
    assert answer.json["success"] is True
    assert data["id"].startswith("ORD-")
    assert (data["productName"], data["quantity"]) == ("Premium Coffee Beans 1kg", 2)
    assert (data["totalAmount"], data["currency"]) == (3000, "KES")
    assert (data["status"], data["paymentStatus"]) == ("pending_payment", "unpaid")
    assert room.get(f"/api/orders/{data['id']}").json["data"] == data
    with database.reading() as session:
        order = session.scalars(select(Order)).one()
        customer = session.scalars(select(Customer)).one()
        event = session.scalars(select(InboxEvent)).one()
    assert (order.source, order.customer_name, order.delivery["text"]) == ("api", "Amina", "123 Main St")
    assert (customer.identity, customer.phone, customer.id) == (
        "254722000111",
        "+254722000111",
        data["customerId"],
    )
    assert (event.external_id, event.customer_key) == (f"OrderCreated:{order.ref}", "254722000111")
    assert room.bell.rung == [("internal", event.id)]


def test_several_lines_and_products_by_id(room, database) -> None:
    with database.reading() as session:
        honey = session.scalars(select(Product.id).where(Product.sku == "HONEY-500")).one()
    lines = [
        {"productId": honey, "quantity": 1},
        {"productId": str(honey), "quantity": 1},
        {"productId": "SOAP-SET", "quantity": 3},
    ]
    answer = room.post("/api/orders", json={"phoneNumber": "+254722000111", "lines": lines})
    assert answer.status_code == 201
    assert (answer.json["data"]["quantity"], answer.json["data"]["totalAmount"]) == (5, 3400)
    assert answer.json["data"]["deliveryAddress"] == ""


def test_fields_nobody_asked_for_are_ignored(room) -> None:
    answer = room.post(
        "/api/orders", json=COFFEE | {"status": "paid", "totalAmount": 1, "unitPrice": 1, "shopId": 9}
    )
    assert answer.status_code == 201
    assert (answer.json["data"]["status"], answer.json["data"]["totalAmount"]) == ("pending_payment", 3000)


WRONG_FIELDS = [
    ({}, {"phoneNumber", "productId", "quantity"}),
    (COFFEE | {"quantity": 0}, {"quantity"}),
    (COFFEE | {"quantity": -1}, {"quantity"}),
    (COFFEE | {"quantity": 10**9}, {"quantity"}),
    (COFFEE | {"quantity": "2"}, {"quantity"}),
    (COFFEE | {"quantity": 2.5}, {"quantity"}),
    (COFFEE | {"quantity": True}, {"quantity"}),
    (COFFEE | {"quantity": None}, {"quantity"}),
    (COFFEE | {"productId": "NOPE"}, {"productId"}),
    (COFFEE | {"productId": 999_999}, {"productId"}),
    (COFFEE | {"productId": 2**70}, {"productId"}),
    (COFFEE | {"productId": "' OR 1=1 --"}, {"productId"}),
    (COFFEE | {"productId": "²"}, {"productId"}),
    (COFFEE | {"productId": ["COFFEE-1KG"]}, {"productId"}),
    (COFFEE | {"phoneNumber": "hello"}, {"phoneNumber"}),
    (COFFEE | {"phoneNumber": ""}, {"phoneNumber"}),
    (COFFEE | {"phoneNumber": 254722000111}, {"phoneNumber"}),
    (COFFEE | {"phoneNumber": "0" * 5000}, {"phoneNumber"}),
    (COFFEE | {"customerName": "x" * 101}, {"customerName"}),
    (COFFEE | {"deliveryAddress": "x" * 501}, {"deliveryAddress"}),
    (COFFEE | {"deliveryAddress": {"street": 1}}, {"deliveryAddress"}),
    ({"phoneNumber": "0722000111", "lines": []}, {"lines"}),
    ({"phoneNumber": "0722000111", "lines": "all"}, {"lines"}),
    ({"phoneNumber": "0722000111", "lines": [{"productId": "COFFEE-1KG"}]}, {"lines.0.quantity"}),
    (
        {
            "phoneNumber": "0722000111",
            "lines": [{"productId": "COFFEE-1KG", "quantity": 1}, {"productId": "X", "quantity": 1}],
        },
        {"lines.1.productId"},
    ),
]


@pytest.mark.parametrize(("body", "fields"), WRONG_FIELDS)
def test_an_error_names_its_field(room, database, body, fields) -> None:
    answer = room.post("/api/orders", json=body)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert (answer.json["success"], answer.json["code"]) == (False, "validation_error")
    assert {error["field"] for error in answer.json["errors"]} == fields
    assert all(error["message"] for error in answer.json["errors"])
    assert (count(database, Order), count(database, Customer), count(database, InboxEvent)) == (0, 0, 0)
    assert room.bell.rung == []


WRONG_BODIES = [
    (b"", "application/json", 400, None),
    (b"{", "application/json", 400, "json_invalid"),
    (b"[1]", "application/json", 400, "json_not_object"),
    (b'{"quantity": NaN}', "application/json", 400, "json_number"),
    (b'{"quantity": ' + b"9" * 5000 + b"}", "application/json", 400, "json_number"),
    (b"[" * 10_000, "application/json", 400, "json_too_deep"),
    (b'{"a":1,"a":2}', "application/json", 400, "json_duplicate_key"),
    ('{"a":1}'.encode("utf-16"), "application/json", 400, "json_not_utf8"),
    (b"{}", "text/plain", 415, "unsupported_media_type"),
    (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    (b"{}", "", 415, "unsupported_media_type"),
    (b'{"a":"' + b"x" * 65_536 + b'"}', "application/json", 413, "body_too_large"),
]


@pytest.mark.parametrize(("body", "kind", "status", "code"), WRONG_BODIES)
def test_a_body_that_cannot_be_read_is_a_clear_4xx(room, body, kind, status, code) -> None:
    answer = room.post("/api/orders", data=body, content_type=kind)
    assert answer.status_code == status
    assert answer.json["success"] is False
    assert code is None or answer.json["code"] == code


def test_more_than_there_is_cannot_be_ordered(room, database, seed, shop) -> None:
    seed(lambda seed: seed.product(shop, sku="LAST", names={"en": "Last one"}, available=1))
    answer = room.post("/api/orders", json=COFFEE | {"productId": "LAST"})
    assert (answer.status_code, answer.json["code"]) == (409, "out_of_stock")
    assert answer.json["errors"][0]["field"] == "quantity"
    assert (count(database, Order), count(database, Customer)) == (0, 0)


def test_a_page_of_another_site_cannot_order(room, database) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = room.post("/api/orders", json=COFFEE, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert count(database, Order) == 0


@pytest.mark.parametrize(
    ("body", "phone", "method"),
    [
        ({"method": "mpesa"}, "+254722000111", "mpesa"),
        ({"method": "airtel", "phoneNumber": "0733 000 222"}, "+254733000222", "airtel"),
        ({"method": "card"}, None, "card"),
    ],
)
def test_a_payment_is_started(room, database, body, phone, method) -> None:
    ref = room.post("/api/orders", json=COFFEE).json["data"]["id"]
    answer = room.post(f"/api/orders/{ref}/payment", json=body)
    assert answer.status_code == 202
    with database.reading() as session:
        payment = session.scalars(select(Payment)).one()
    data = answer.json["data"]
    assert (data["id"], data["status"], data["method"]) == (payment.ref, "created", method)
    assert (data["orderId"], data["amount"], data["currency"]) == (ref, 3000, "KES")
    assert payment.phone == phone
    assert room.bell.rung[-1] == ("payment_due", payment.id)


def test_one_open_payment_per_order(room, database) -> None:
    ref = room.post("/api/orders", json=COFFEE).json["data"]["id"]
    assert room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"}).status_code == 202
    again = room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"})
    assert (again.status_code, again.json["code"]) == (409, "already_open")
    assert count(database, Payment) == 1


@pytest.mark.parametrize(
    ("status", "code"), [("paid", "already_paid"), ("cancelled", "order_closed"), ("expired", "order_closed")]
)
def test_a_closed_or_paid_order_takes_no_payment(room, seed, shop, status, code) -> None:
    ref = seed(lambda seed: seed.order(shop, seed.customer(shop), status=status).ref)
    answer = room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"})
    assert (answer.status_code, answer.json["code"]) == (409, code)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "validation_error", "method"),
        ({"method": 5}, "validation_error", "method"),
        ({"method": "bitcoin"}, "unknown_method", "method"),
        ({"method": "mpesa", "phoneNumber": "abc"}, "validation_error", "phoneNumber"),
    ],
)
def test_a_payment_that_cannot_be_names_its_field(room, body, code, field) -> None:
    ref = room.post("/api/orders", json=COFFEE).json["data"]["id"]
    answer = room.post(f"/api/orders/{ref}/payment", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert answer.json["errors"][0]["field"] == field


def test_a_customer_without_a_phone_needs_a_number(room, seed, shop) -> None:
    ref = seed(lambda seed: seed.order(shop, seed.customer(shop, phone=None, identity="bs:1")).ref)
    answer = room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"})
    assert (answer.status_code, answer.json["code"]) == (422, "no_phone")


def test_what_is_not_there_is_a_problem_too(room) -> None:
    for answer in (
        room.get("/api/orders/ORD-NOSUCH"),
        room.get("/api/admin/nowhere"),
        room.post("/api/orders/ORD-NOSUCH/payment", json={"method": "mpesa"}),
    ):
        assert answer.status_code == 404
        assert answer.json["success"] is False
    assert room.client.delete("/api/orders", headers=basic()).json["code"] == "method_not_allowed"


def test_the_same_key_gives_the_same_answer_and_one_order(room, database) -> None:
    key = {"Idempotency-Key": "till-7-receipt-991"}
    first = room.post("/api/orders", json=COFFEE, headers=key)
    second = room.post("/api/orders", json=COFFEE, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json == second.json
    assert count(database, Order) == 1
    assert len(room.bell.rung) == 1


def test_a_key_belongs_to_one_request(room, database) -> None:
    key = {"Idempotency-Key": "k1"}
    ref = room.post("/api/orders", json=COFFEE, headers=key).json["data"]["id"]
    other = room.post("/api/orders", json=COFFEE | {"quantity": 3}, headers=key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"}, headers=key).status_code == 422
    assert (count(database, Order), count(database, Payment)) == (1, 0)


def test_a_refused_request_does_not_use_up_its_key(room) -> None:
    key = {"Idempotency-Key": "k2"}
    assert room.post("/api/orders", json=COFFEE | {"quantity": 0}, headers=key).status_code == 422
    assert room.post("/api/orders", json=COFFEE | {"productId": "NOPE"}, headers=key).status_code == 422
    assert room.post("/api/orders", json=COFFEE, headers=key).status_code == 201


def test_a_repeated_payment_key_prompts_once(room, database) -> None:
    ref = room.post("/api/orders", json=COFFEE).json["data"]["id"]
    key = {"Idempotency-Key": "p1"}
    answers = [
        room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"}, headers=key) for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert count(database, Payment) == 1


@pytest.mark.parametrize("key", ["a b", "x" * 256, "ä"])
def test_a_key_that_is_none_is_refused(room, key) -> None:
    answer = room.post("/api/orders", json=COFFEE, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_idempotency_key")


def test_a_broken_database_says_nothing_about_itself(room, monkeypatch) -> None:
    from sqlalchemy.exc import OperationalError

    def fail(*_a, **_k):
        raise OperationalError("SELECT secret", {}, Exception("disk full at /var/secret"))

    monkeypatch.setattr("admin.api.totals.between", fail)
    answer = room.get("/api/admin/stats")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")
    assert "secret" not in answer.text


def test_a_bug_says_nothing_about_itself(room, monkeypatch) -> None:
    def fail(*_a, **_k):
        raise RuntimeError("secret 4711")

    monkeypatch.setattr("admin.api.totals.between", fail)
    monkeypatch.setattr("admin.queries.orders_page", fail)
    answer = room.get("/api/admin/stats")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    page = room.get("/admin/")
    assert page.status_code == 500
    assert "4711" not in answer.text + page.text
    assert "Traceback" not in answer.text + page.text


@pytest.mark.parametrize("ref", ["%00", "ORD-%00", "a" * 500, "'%20OR%201=1", "%ff%fe"])
def test_a_reference_no_database_would_take_is_not_there(room, ref) -> None:
    assert room.get(f"/api/orders/{ref}").status_code == 404
    assert room.post(f"/api/orders/{ref}/payment", json={"method": "mpesa"}).status_code == 404


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "x\\u0000y"])
def test_text_no_database_would_take_is_shown_as_a_replacement(room, text) -> None:
    body = f'{{"phoneNumber":"0722000111","productId":"COFFEE-1KG","quantity":1,"customerName":"{text}"}}'
    answer = room.post("/api/orders", data=body.encode(), content_type="application/json")
    assert answer.status_code == 201
    assert answer.json["data"]["customerName"] in {"", "x\ufffdy"}
    wrong = room.post(
        "/api/orders", data=body.replace("COFFEE-1KG", text).encode(), content_type="application/json"
    )
    assert wrong.status_code == 422


SHOWN = ("/api/admin/stats", "/api/orders", "/api/admin/orders/recent", "/api/admin/customers")


def test_the_shop_of_a_request_is_the_one_it_names(room, seed, shop) -> None:
    def act(seed):
        coast = seed.shop(slug="coast", name="Duka la Pwani")
        return seed.order(coast, seed.customer(coast, name="Zawadi"), status="paid").ref

    ref = seed(act)
    assert room.get("/api/admin/stats?shop=coast").json["data"]["totalOrders"] == 1
    assert [row["id"] for row in room.get("/api/orders?shop=coast").json["data"]] == [ref]
    assert [row["customerName"] for row in room.get("/api/admin/customers?shop=coast").json["data"]] == [
        "Zawadi"
    ]
    assert room.get(f"/api/orders/{ref}?shop=coast").status_code == 200
    assert room.get(f"/api/orders/{ref}").status_code == 404
    assert room.get("/api/orders").json["data"] == room.get("/api/orders?shop=main").json["data"] == []
    placed = room.post("/api/orders?shop=coast", json=COFFEE)
    assert placed.status_code == 201
    paying = f"/api/orders/{placed.json['data']['id']}/payment"
    assert room.post(paying, json={"method": "mpesa"}).status_code == 404
    assert room.post(f"{paying}?shop=coast", json={"method": "mpesa"}).status_code == 202
    assert room.get("/api/orders").json["data"] == []


@pytest.mark.parametrize("slug", ["nobody", "", "a%00b", "duka%E2%80%8B", "main%20"])
def test_a_shop_nobody_made_is_not_found(room, shop, slug: str) -> None:
    for path in (*SHOWN, "/api/admin/reconciliation", "/api/orders/ORD-7K3M9Q"):
        answer = room.get(f"{path}?shop={slug}")
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_shop")
    answer = room.post(f"/api/orders?shop={slug}", json=COFFEE)
    assert (answer.status_code, answer.json["code"]) == (404, "unknown_shop")
