from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from errors import ConfigError
from sandbox.house import House, build
from sandbox.settings import Settings
from sandbox.terminal import TerminalPhone, bubble_lines, choice_for

NOW = 1_795_165_620.0
AMINA = "254712345678"
KEY = {"Authorization": "Bearer ghl_test_key"}
SECRET = "hook-secret"


class Post:
    """Records what would be posted and answers from a list, 200 when it is used up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, dict[str, str]]] = []
        self.answers: list[int | OSError] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.sent.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, OSError):
            raise answer
        return answer

    def events(self, name: str) -> list[dict[str, Any]]:
        bodies = [json.loads(body) for _, body, _ in self.sent]
        return [b for b in bodies if b.get("event", next(iter(b))) == name]


class Bench:
    """A sandbox without threads, network or a moving clock."""

    def __init__(self, scheme: str = "body-hex") -> None:
        self.now = NOW
        self.post = Post()
        self.pauses: list[float] = []
        settings = Settings(8010, "http://duka.test", "ghl_test_key", SECRET, scheme, "Mama Duka")
        self.house: House = build(
            settings,
            clock=lambda: self.now,
            post=self.post,
            pause=self.pauses.append,
            chance=random.Random(7),
        )
        self.client: FlaskClient = self.house.app.test_client()
        self.keys = itertools.count()

    def run(self, seconds: float = 0.0) -> None:
        """Let time pass in small steps, doing what falls due."""
        end = self.now + seconds
        while True:
            self.house.world.tick()
            self.house.courier.run_due()
            if self.now >= end:
                return
            self.now = min(end, self.now + 0.1)

    def control(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/control{path}", json=body)
        assert answer.status_code < 300, answer.get_json()
        return answer.get_json()

    def customer(self) -> None:
        self.control("/phones", number=AMINA, name="Amina")
        self.control(f"/phones/{AMINA}/say", text="Hi")
        self.run()

    def send(self, key: str = "", to: str = AMINA, **message: Any) -> Any:
        headers = {**KEY, "Idempotency-Key": key or f"key-{next(self.keys)}"}
        return self.client.post("/v1/whatsapp/messages", json={"to": to, **message}, headers=headers)

    def say(self, text: str = "Hello", key: str = "") -> Any:
        return self.send(key, type="text", text={"body": text})

    def order(self, key: str = "", **changes: Any) -> Any:
        body = {
            "external_id": "pay-1",
            "amount": 3000,
            "currency": "KES",
            "customer": {"phone": AMINA},
            "payment_method": "mpesa",
            "description": "ORD-7K3M9Q",
            "callback_url": "http://duka.test/api/webhooks/ghala?payment=pay-1",
            **changes,
        }
        headers = {**KEY, "Idempotency-Key": key or f"key-{next(self.keys)}"}
        return self.client.post("/v1/orders", json=body, headers=headers)

    def bubbles(self) -> list[dict[str, Any]]:
        shown = self.client.get(f"/control/phones/{AMINA}/messages").get_json()["messages"]
        return [m for m in shown if m["from"] == "shop"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def buttons(*titles: str, ids: tuple[str, ...] = ()) -> dict[str, Any]:
    keys = ids or tuple(f"id-{n}" for n in range(len(titles)))
    return {
        "type": "button",
        "body": {"text": "Choose"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": k, "title": t}} for k, t in zip(keys, titles, strict=True)
            ]
        },
    }


def rows(count: int, **changes: Any) -> dict[str, Any]:
    return {
        "type": "list",
        "body": {"text": "Choose"},
        "action": {
            "button": "Choose",
            "sections": [{"rows": [{"id": f"r{n}", "title": f"Row {n}", **changes} for n in range(count)]}],
        },
    }


# --- the door -------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "ghl_test_key"}])
def test_the_api_refuses_a_wrong_key_and_does_nothing(bench: Bench, given: dict[str, str]) -> None:
    answer = bench.client.post("/v1/orders", json={}, headers=given)
    assert answer.status_code == 401
    assert bench.client.get("/control/orders").get_json() == {"orders": []}


@pytest.mark.parametrize("base", ["/v1", ""])
def test_the_api_answers_with_and_without_its_version(bench: Bench, base: str) -> None:
    assert bench.client.get(f"{base}/account", headers=KEY).status_code == 200


def test_another_web_site_cannot_drive_the_phone(bench: Bench) -> None:
    answer = bench.client.post("/control/reset", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_the_page_itself_may_post(bench: Bench) -> None:
    assert bench.client.post("/control/reset", headers={"Origin": "http://localhost"}).status_code == 200


def test_a_foreign_host_name_is_turned_away(bench: Bench) -> None:
    assert bench.client.get("/", headers={"Host": "evil.example:8010"}).status_code == 421


def test_the_page_allows_scripts_from_here_only(bench: Bench) -> None:
    answer = bench.client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy


def test_the_card_form_may_say_where_it_comes_from(bench: Bench) -> None:
    # Under no-referrer browsers post a form with the origin "null", which is refused.
    assert bench.client.get("/").headers["Referrer-Policy"] == "same-origin"
    assert bench.client.post("/control/reset", headers={"Origin": "null"}).status_code == 403


def test_the_page_begins_with_one_phone(bench: Bench) -> None:
    bench.client.get("/")
    assert [p["name"] for p in bench.client.get("/control/phones").get_json()["phones"]] == ["Amina Wanjiku"]


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff", b"[" * 5000])
def test_what_is_not_a_json_object_is_refused(bench: Bench, raw: bytes) -> None:
    assert bench.client.post("/v1/orders", data=raw, headers=KEY).status_code == 400
    assert bench.client.post("/control/phones", data=raw).status_code == 400


# --- messages -------------------------------------------------------------------------------------


def test_what_a_customer_writes_reaches_the_shop_in_the_original_shape(bench: Bench) -> None:
    bench.customer()
    url, body, _ = bench.post.sent[0]
    news = json.loads(body)
    assert url == "http://duka.test/api/messages/incoming"
    assert news["contacts"] == [{"wa_id": AMINA, "profile": {"name": "Amina"}}]
    (message,) = news["messages"]
    assert message.pop("id").startswith("wamid.SBX")
    assert message == {"from": AMINA, "timestamp": str(int(NOW)), "type": "text", "text": {"body": "Hi"}}


def test_a_message_of_the_shop_appears_on_the_phone(bench: Bench) -> None:
    bench.customer()
    answer = bench.say("Hello *Amina*")
    (bubble,) = bench.bubbles()
    assert answer.get_json()["messages"] == [{"id": bubble["id"]}]
    assert bubble["text"] == "Hello *Amina*"


def test_a_tapped_button_is_sent_as_a_button_reply_quoting_its_message(bench: Bench) -> None:
    bench.customer()
    sent = bench.send(type="interactive", interactive=buttons("Products", "Cart")).get_json()["messages"][0]
    bench.control(f"/phones/{AMINA}/tap", id="id-1")
    bench.run()
    message = bench.post.events("messages")[-1]["messages"][0]
    assert message["interactive"] == {"type": "button_reply", "button_reply": {"id": "id-1", "title": "Cart"}}
    assert message["context"]["id"] == sent["id"]


def test_a_tapped_row_is_sent_as_a_list_reply(bench: Bench) -> None:
    bench.customer()
    bench.send(type="interactive", interactive=rows(2, description="KES 5"))
    bench.control(f"/phones/{AMINA}/tap", id="r1")
    bench.run()
    reply = {"id": "r1", "title": "Row 1", "description": "KES 5"}
    message = bench.post.events("messages")[-1]["messages"][0]
    assert message["interactive"] == {"type": "list_reply", "list_reply": reply}


def test_a_button_that_is_nowhere_cannot_be_tapped(bench: Bench) -> None:
    bench.customer()
    assert bench.client.post(f"/control/phones/{AMINA}/tap", json={"id": "x"}).status_code == 404


def test_a_location_is_sent_as_one(bench: Bench) -> None:
    bench.customer()
    bench.control(f"/phones/{AMINA}/location", latitude="-1.28", longitude=36.8, name="Moi Avenue")
    bench.run()
    message = bench.post.events("messages")[-1]["messages"][0]
    assert message["location"] == {"latitude": -1.28, "longitude": 36.8, "name": "Moi Avenue"}


def test_statuses_go_sent_delivered_and_read_when_looked_at(bench: Bench) -> None:
    bench.customer()
    bench.say()
    bench.run(1)
    bench.control(f"/phones/{AMINA}/read")
    bench.run()
    told = [e["statuses"][0] for e in bench.post.events("statuses")]
    assert [s["status"] for s in told] == ["sent", "delivered", "read"]
    assert {s["recipient_id"] for s in told} == {AMINA}


def test_the_customers_ticks_follow_the_shop(bench: Bench) -> None:
    def ticks() -> str:
        return str(bench.client.get(f"/control/phones/{AMINA}/messages").get_json()["messages"][0]["status"])

    bench.control("/phones", number=AMINA, name="Amina")
    bench.control(f"/phones/{AMINA}/say", text="Hi")
    seen = [ticks()]
    bench.run()
    seen.append(ticks())
    bench.say()
    assert [*seen, ticks()] == ["sent", "delivered", "read"]


def test_outside_the_24_hours_a_plain_message_fails_and_shows_nothing(bench: Bench) -> None:
    bench.customer()
    bench.now += 24 * 3600 + 1
    assert bench.say().status_code == 200
    bench.run(1)
    (failed,) = bench.post.events("statuses")
    assert failed["statuses"][0]["errors"][0]["code"] == 131047
    assert bench.bubbles() == []


def test_outside_the_24_hours_a_template_arrives(bench: Bench) -> None:
    bench.control("/phones", number=AMINA, name="Amina")
    bench.send(type="template", template={"name": "receipt", "language": {"code": "en"}})
    assert [b["type"] for b in bench.bubbles()] == ["template"]


BROKEN: list[dict[str, Any]] = [
    {"type": "text", "text": {"body": ""}},
    {"type": "text", "text": {"body": "x" * 4097}},
    {"type": "interactive", "interactive": buttons("a", "b", "c", "d")},
    {"type": "interactive", "interactive": buttons("x" * 21)},
    {"type": "interactive", "interactive": buttons("a", "a")},
    {"type": "interactive", "interactive": buttons("a", "b", ids=("same", "same"))},
    {"type": "interactive", "interactive": buttons("a", ids=(" a",))},
    {"type": "interactive", "interactive": buttons("a", ids=("x" * 257,))},
    {"type": "interactive", "interactive": {**buttons("a"), "body": {"text": "x" * 1025}}},
    {"type": "interactive", "interactive": {**buttons("a"), "footer": {"text": "x" * 61}}},
    {"type": "interactive", "interactive": {**buttons("a"), "header": {"type": "text", "text": "x" * 61}}},
    {"type": "interactive", "interactive": rows(11)},
    {"type": "interactive", "interactive": rows(0)},
    {"type": "interactive", "interactive": rows(1, title="x" * 25)},
    {"type": "interactive", "interactive": rows(1, description="x" * 73)},
    {"type": "interactive", "interactive": rows(2, id="same")},
    {
        "type": "interactive",
        "interactive": {**rows(1), "header": {"type": "image", "image": {"link": "http://a/b.png"}}},
    },
    {"type": "image", "image": {"link": "ftp://a"}},
    {"type": "image", "image": {"link": "http://a/b.png", "caption": "x" * 1025}},
    {"type": "dance", "dance": {}},
    {"type": "text"},
]


@pytest.mark.parametrize("message", BROKEN)
def test_a_message_over_whatsapps_limits_is_refused_and_not_shown(
    bench: Bench, message: dict[str, Any]
) -> None:
    bench.customer()
    answer = bench.send(**message)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] in {100, 131051}
    assert bench.bubbles() == []


@pytest.mark.parametrize(
    "message",
    [
        {"type": "text", "text": {"body": "x" * 4096}},
        {"type": "interactive", "interactive": buttons("a" * 20, "b" * 20, "c" * 20)},
        {"type": "interactive", "interactive": rows(10, title="x" * 24, description="y" * 72)},
        {"type": "image", "image": {"link": "http://a/b.png", "caption": "x" * 1024}},
    ],
)
def test_a_message_just_within_the_limits_is_shown(bench: Bench, message: dict[str, Any]) -> None:
    bench.customer()
    assert bench.send(**message).status_code == 200
    assert len(bench.bubbles()) == 1


@pytest.mark.parametrize("to", ["0712345678", "abc", "", 254712345678, None])
def test_a_number_that_is_not_international_is_refused(bench: Bench, to: Any) -> None:
    assert bench.send(to=to, type="text", text={"body": "Hi"}).status_code == 400


def test_waiting_for_messages_returns_at_once_when_they_are_there(bench: Bench) -> None:
    bench.customer()
    bench.say("RECEIPT · Mama Duka")
    asked = {"number": AMINA, "count": 1, "timeout": 0, "contains": "RECEIPT"}
    assert bench.client.get("/control/wait", query_string=asked).status_code == 200


def test_waiting_for_messages_that_do_not_come_says_so(bench: Bench) -> None:
    bench.customer()
    asked = {"number": AMINA, "count": 1, "timeout": 0}
    assert bench.client.get("/control/wait", query_string=asked).status_code == 408


# --- idempotency ----------------------------------------------------------------------------------


def test_the_same_key_gets_the_same_answer_and_no_second_bubble(bench: Bench) -> None:
    bench.customer()
    assert bench.say(key="k").get_json() == bench.say(key="k").get_json()
    assert len(bench.bubbles()) == 1


def test_the_same_key_with_another_body_is_refused(bench: Bench) -> None:
    bench.customer()
    bench.say("one", key="k")
    assert bench.say("two", key="k").status_code == 422
    assert len(bench.bubbles()) == 1


def test_idempotency_can_be_switched_off(bench: Bench) -> None:
    bench.customer()
    bench.control("/faults", direction="send", kind="ignore_idempotency", times=None)
    bench.say(key="k")
    bench.say(key="k")
    assert len(bench.bubbles()) == 2


@pytest.mark.parametrize("key", ["k", ""])
def test_an_order_asked_for_twice_rings_once(bench: Bench, key: str) -> None:
    first, second = bench.order(key), bench.order(key)
    assert first.get_json()["id"] == second.get_json()["id"]
    assert len(bench.client.get(f"/control/phones/{AMINA}").get_json()["prompts"]) == 1


def test_a_known_external_id_with_another_amount_is_refused(bench: Bench) -> None:
    bench.order()
    assert bench.order(amount=1).status_code == 422


# --- orders and payment ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "lots"},
        {"amount": True},
        {"amount": 10.5},
        {"currency": "XXX"},
        {"payment_method": "cash"},
        {"customer": {"phone": "0712345678"}},
        {"customer": None},
        {"external_id": ""},
        {"callback_url": "javascript:1"},
    ],
)
def test_an_order_with_a_wrong_field_is_refused(bench: Bench, changes: dict[str, Any]) -> None:
    assert bench.order(**changes).status_code == 400
    assert bench.client.get("/control/orders").get_json() == {"orders": []}


def test_a_placed_order_is_pending_with_a_place_to_pay(bench: Bench) -> None:
    order = bench.order().get_json()
    assert order["id"].startswith("gh_")
    assert (order["status"], order["payment_status"]) == ("pending", "pending")
    assert order["payment_url"] == f"http://127.0.0.1:8010/pay/{order['id']}"


def test_a_charge_to_an_unknown_number_is_listed_as_ringing(bench: Bench) -> None:
    bench.order(customer={"phone": "254700999888"})
    (phone,) = bench.client.get("/control/phones").get_json()["phones"]
    assert (phone["number"], phone["ringing"], phone["announced"]) == ("254700999888", True, False)


def test_paying_tells_the_shop_at_its_callback_address(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pin", pin="1234")
    bench.run()
    url, body, _ = bench.post.sent[-1]
    told = json.loads(body)
    code = told["data"].pop("transaction_reference")
    assert url == "http://duka.test/api/webhooks/ghala?payment=pay-1"
    assert told == {
        "event": "payment.success",
        "data": {"order_id": order["id"], "amount": 3000, "currency": "KES", "status": "completed"},
    }
    seen = bench.client.get(f"/v1/orders/{order['id']}", headers=KEY).get_json()
    assert (seen["payment_status"], seen["transaction_reference"]) == ("success", code)
    assert len(code) == 10


def test_a_payment_shows_as_a_text_message_on_the_phone(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="pay")
    (notice,) = bench.client.get(f"/control/phones/{AMINA}").get_json()["notices"]
    assert "Confirmed. KES 3,000.00 paid to MAMA DUKA on 20/11/26 at 12:07 PM" in notice["text"]


def test_without_a_callback_address_the_usual_one_is_told(bench: Bench) -> None:
    order = bench.order(callback_url="").get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="pay")
    bench.run()
    assert bench.post.sent[-1][0] == "http://duka.test/api/webhooks/ghala"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [("wrong_pin", "2001: "), ("no_money", "1: "), ("cancel", "1032: Request cancelled by user")],
)
def test_each_failure_has_the_reason_m_pesa_gives(bench: Bench, outcome: str, reason: str) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome=outcome)
    bench.run()
    (told,) = bench.post.events("payment.failed")
    assert told["data"]["status"] == "failed"
    assert told["data"]["failure_reason"].startswith(reason)
    assert bench.client.get(f"/v1/orders/{order['id']}", headers=KEY).get_json()["payment_status"] == "failed"


def test_the_pin_0000_is_wrong(bench: Bench) -> None:
    order = bench.order().get_json()
    assert bench.control(f"/orders/{order['id']}/pin", pin="0000")["failure_reason"].startswith("2001")


@pytest.mark.parametrize("pin", ["123", "12345", "abcd", "١٢٣٤"])
def test_what_is_not_a_pin_leaves_the_prompt_ringing(bench: Bench, pin: str) -> None:
    order = bench.order().get_json()
    assert bench.client.post(f"/control/orders/{order['id']}/pin", json={"pin": pin}).status_code == 400
    assert bench.client.get("/control/orders").get_json()["orders"][0]["ringing"]


def test_after_ignore_nothing_ever_comes(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="ignore")
    bench.now += 3600
    bench.run()
    assert bench.post.sent == []
    assert bench.client.get("/control/orders").get_json()["orders"][0]["payment_status"] == "pending"


def test_an_unanswered_prompt_times_out(bench: Bench) -> None:
    bench.order()
    bench.now += 121
    bench.run()
    (told,) = bench.post.events("payment.failed")
    assert told["data"]["failure_reason"].startswith("1037")


def test_paying_late_fails_first_and_succeeds_after_the_delay(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="pay_late", delay=5)
    bench.run(4)
    assert len(bench.post.events("payment.failed")) == 1
    assert bench.post.events("payment.success") == []
    bench.run(2)
    assert len(bench.post.events("payment.success")) == 1
    bench.now += 200
    bench.run()
    assert len(bench.post.events("payment.failed")) == 1


def test_money_that_does_not_match_can_be_told(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(
        f"/orders/{order['id']}/pay", outcome="pay", amount=10, currency="TZS", transaction_reference="X1"
    )
    bench.run()
    data = bench.post.events("payment.success")[0]["data"]
    assert (data["amount"], data["currency"], data["transaction_reference"]) == (10, "TZS", "X1")


def test_a_failure_after_success_is_told_but_changes_nothing(bench: Bench) -> None:
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="pay")
    bench.control(f"/orders/{order['id']}/pay", outcome="cancel")
    bench.run()
    assert len(bench.post.events("payment.failed")) == 1
    seen = bench.client.get(f"/v1/orders/{order['id']}", headers=KEY).get_json()
    assert seen["payment_status"] == "success"
    assert "failure_reason" not in seen


@pytest.mark.parametrize(
    ("form", "event"),
    [
        ({"card": "pay", "do": "pay"}, "payment.success"),
        ({"card": "no_money", "do": "pay"}, "payment.failed"),
        ({"card": "pay", "do": "decline"}, "payment.failed"),
    ],
)
def test_the_card_page_pays_or_declines_once(bench: Bench, form: dict[str, str], event: str) -> None:
    order = bench.order(payment_method="card").get_json()
    assert bench.client.get(f"/pay/{order['id']}").status_code == 200
    bench.client.post(f"/pay/{order['id']}", data=form)
    bench.client.post(f"/pay/{order['id']}", data=form)
    bench.run()
    assert len(bench.post.sent) == len(bench.post.events(event)) == 1


# --- signatures and delivery ----------------------------------------------------------------------


def _mac(text: bytes) -> Any:
    return hmac.new(SECRET.encode(), text, hashlib.sha256)


STAMPED = str(int(NOW)).encode() + b"."
EXPECTED: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "body-hex": ("X-Ghala-Signature", lambda body: _mac(body).hexdigest()),
    "timestamp-hex": ("X-Ghala-Signature", lambda body: "sha256=" + _mac(STAMPED + body).hexdigest()),
    "timestamp-base64": (
        "X-Ghala-Signature",
        lambda body: base64.b64encode(_mac(STAMPED + body).digest()).decode(),
    ),
    "meta": ("X-Hub-Signature-256", lambda body: "sha256=" + _mac(body).hexdigest()),
}


@pytest.mark.parametrize("scheme", EXPECTED)
def test_webhooks_are_signed_over_the_bytes_sent(scheme: str) -> None:
    bench = Bench(scheme)
    bench.customer()
    _, body, headers = bench.post.sent[0]
    name, compute = EXPECTED[scheme]
    assert headers[name] == compute(body)
    assert ("X-Ghala-Timestamp" in headers) == scheme.startswith("timestamp")


def test_a_signature_known_from_elsewhere_comes_out_the_same() -> None:
    from sandbox.signing import sign

    # RFC 4231, test case 2.
    answer = sign("body-hex", "Jefe", b"what do ya want for nothing?", NOW)["X-Ghala-Signature"]
    assert answer == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_a_webhook_is_repeated_with_growing_pauses_until_it_is_taken(bench: Bench) -> None:
    bench.post.answers = [500, OSError("nobody there"), 401]
    bench.customer()
    attempts = [len(bench.post.sent)]
    for pause in (0.5, 1.0, 2.0, 60.0):
        bench.now += pause
        bench.run()
        attempts.append(len(bench.post.sent))
    assert attempts == [1, 2, 3, 4, 4]
    (line,) = bench.client.get("/control/webhooks").get_json()["webhooks"]
    assert (line["state"], line["attempts"], line["answer"]) == ("delivered", 4, "200")


def test_a_webhook_can_be_delivered_again_by_hand(bench: Bench) -> None:
    bench.customer()
    line = bench.client.get("/control/webhooks").get_json()["webhooks"][0]
    bench.control(f"/webhooks/{line['id']}/again")
    bench.run()
    assert len(bench.post.sent) == 2
    assert bench.post.sent[0][1] == bench.post.sent[1][1]


# --- faults ---------------------------------------------------------------------------------------


def test_a_duplicate_arrives_as_often_as_asked_and_only_once(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="duplicate", times=1, value=3)
    bench.customer()
    assert len(bench.post.sent) == 3
    assert len({body for _, body, _ in bench.post.sent}) == 1
    bench.control(f"/phones/{AMINA}/say", text="again")
    bench.run()
    assert len(bench.post.sent) == 4


def test_a_dropped_webhook_never_comes(bench: Bench) -> None:
    bench.control("/faults", direction="payments", kind="drop")
    order = bench.order().get_json()
    bench.control(f"/orders/{order['id']}/pay", outcome="pay")
    bench.run(60)
    assert bench.post.sent == []
    assert bench.client.get("/control/webhooks").get_json()["webhooks"][0]["state"] == "dropped"


def test_a_delayed_webhook_comes_later(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="delay", value=5)
    bench.customer()
    assert bench.post.sent == []
    bench.run(5.2)
    assert len(bench.post.sent) == 1


def test_reordering_lets_the_next_message_pass(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="reorder", value=60)
    bench.customer()
    bench.control(f"/phones/{AMINA}/say", text="second")
    bench.run(1)
    texts = [e["messages"][0]["text"]["body"] for e in bench.post.events("messages")]
    assert texts == ["second", "Hi"]


def test_an_answer_lost_after_the_effect_makes_the_webhook_come_twice(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="timeout_after")
    bench.customer()
    bench.run(1)
    assert len(bench.post.sent) == 2


def test_a_forged_webhook_comes_with_a_wrong_signature_beside_the_real_one(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="bad_signature")
    bench.customer()
    name, compute = EXPECTED["body-hex"]
    assert sorted(h[name] == compute(body) for _, body, h in bench.post.sent) == [False, True]


def test_a_refused_forgery_is_not_repeated(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="bad_signature")
    bench.post.answers = [401, 401]
    bench.customer()
    bench.run(2)
    assert len(bench.post.sent) == 3


def test_garbage_comes_signed_beside_the_real_webhook(bench: Bench) -> None:
    bench.control("/faults", direction="messages", kind="garbage")
    bench.customer()
    name, compute = EXPECTED["body-hex"]
    assert all(h[name] == compute(body) for _, body, h in bench.post.sent)
    assert len({len(body) for _, body, _ in bench.post.sent}) == 2


@pytest.mark.parametrize(
    ("kind", "status", "shown"),
    [
        ("error500", 500, 0),
        ("error429", 429, 0),
        ("timeout_before", 504, 0),
        ("timeout_after", 504, 1),
        ("drop", 200, 0),
        ("duplicate", 200, 2),
        ("garbage", 200, 1),
    ],
)
def test_each_fault_of_the_api_has_its_effect(bench: Bench, kind: str, status: int, shown: int) -> None:
    bench.customer()
    bench.control("/faults", direction="api", kind=kind)
    answer = bench.say()
    assert (answer.status_code, len(bench.bubbles())) == (status, shown)
    assert bool(bench.pauses) == kind.startswith("timeout")


def test_a_retry_after_a_lost_answer_finds_the_first_effect(bench: Bench) -> None:
    bench.control("/faults", direction="order", kind="timeout_after")
    assert bench.order("k").status_code == 504
    assert bench.order("k").status_code == 201
    assert len(bench.client.get("/control/orders").get_json()["orders"]) == 1


def test_a_fault_can_be_taken_back(bench: Bench) -> None:
    bench.control("/faults", direction="send", kind="error500", times=None)
    assert bench.control("/faults", direction="send", kind="error500", times=0) == {"faults": []}


@pytest.mark.parametrize(
    "body",
    [
        {"direction": "up", "kind": "drop"},
        {"direction": "send", "kind": "bad_signature"},
        {"direction": "messages", "kind": "error500"},
        {"direction": "send", "kind": "delay", "value": 1e9},
        {"direction": "send", "kind": "drop", "times": -1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(bench: Bench, body: dict[str, Any]) -> None:
    assert bench.client.post("/control/faults", json=body).status_code == 400


def test_reset_forgets_phones_orders_faults_and_undelivered_webhooks(bench: Bench) -> None:
    bench.post.answers = [500]
    bench.customer()
    order = bench.order("k").get_json()
    bench.control("/faults", direction="send", kind="drop", times=None)
    bench.control("/reset")
    bench.run(200)
    assert len(bench.post.sent) == 1
    assert bench.client.get("/control/phones").get_json() == {"phones": []}
    assert bench.client.get("/control/orders").get_json() == {"orders": []}
    assert bench.client.get("/control/faults").get_json() == {"faults": []}
    assert bench.order("k").get_json()["id"] != order["id"]


# --- settings and terminal ------------------------------------------------------------------------

GOOD = {"GHALA_API_KEY": "k", "GHALA_WEBHOOK_SECRET": "new, old"}


def test_settings_have_the_documented_defaults() -> None:
    settings = Settings.from_env(GOOD)
    assert (settings.port, settings.duka_url) == (8010, "http://127.0.0.1:8000")
    assert (settings.webhook_secret, settings.signature_scheme) == ("new", "body-hex")
    assert "new" not in repr(settings)


def test_the_sandbox_does_not_start_in_production() -> None:
    with pytest.raises(ConfigError, match="production"):
        Settings.from_env({**GOOD, "DUKA_ENV": "production"})


def test_every_problem_of_the_settings_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.from_env({"SANDBOX_PORT": "x", "DUKA_URL": "x", "GHALA_SIGNATURE_SCHEME": "x"})
    assert len(refused.value.problems) == 5


def test_the_terminal_numbers_what_can_be_tapped(bench: Bench) -> None:
    bench.customer()
    bench.send(type="interactive", interactive=buttons("Products", "Cart"))
    (bubble,) = bench.bubbles()
    lines = bubble_lines(bubble, "shop")
    assert [line.split("│")[1].strip() for line in lines] == ["Choose", "1) Products", "2) Cart"]
    assert [choice_for(typed, bubble) for typed in ("1", "2", "3", "two")] == ["id-0", "id-1", None, None]


def test_the_terminal_shows_each_thing_once(bench: Bench) -> None:
    bench.customer()
    bench.say("Hello")
    bench.order()
    phone = bench.client.get(f"/control/phones/{AMINA}").get_json()
    said: list[str] = []
    terminal = TerminalPhone("http://sandbox.test", AMINA, said.append)
    terminal.show(phone)
    terminal.show(phone)
    assert len([line for line in said if "Hello" in line]) == 1
    assert len([line for line in said if "Do you want to pay KES 3,000.00 to MAMA DUKA?" in line]) == 1


def test_amounts_keep_their_exact_value(bench: Bench) -> None:
    order = bench.order(amount="10.50", payment_method="card").get_json()
    assert bench.house.world.order(order["id"]).amount == Decimal("10.50")
