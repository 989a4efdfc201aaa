"""One suite that every message dialect passes, and what each does in its own way."""

import re
from pathlib import Path

import pytest

from errors import ConfigError, GatewayRejected, GatewayUnavailable, OutcomeUnknown
from ghala import strict_json
from ghala.dialects import DIALECTS, V1, V2, Cloud, Sent, message_dialect
from ghala.messages import (
    TYPES,
    Button,
    Buttons,
    Image,
    LinkButton,
    ListMessage,
    LocationRequest,
    Row,
    Section,
    Template,
    Text,
)
from ghala.signatures import SCHEMES

PAYLOADS = Path(__file__).parent / "payloads"
PICTURE = "https://shop.example/coffee.jpg"
KEY = "out:5f0c"
TO = "254711222333"
MESSAGES = {
    "text": Text("Hi"),
    "image": Image(PICTURE, "Coffee"),
    "buttons": Buttons("Sure?", (Button("yes", "Yes"), Button("no", "No")), image=PICTURE),
    "list": ListMessage("Choose", "View", (Section((Row("prod:12", "Coffee 500g", "KES 850"),)),)),
    "link_button": LinkButton("Pay here", "Pay now", "https://pay.example/1"),
    "location_request": LocationRequest("Where shall we deliver?"),
    "template": Template("order_receipt", "en_US", ("Amina",)),
}


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return message_dialect(request.param, "9944")


def error(code):
    return strict_json.dumps({"error": {"message": "(#1) No", "type": "OAuthException", "code": code}})


def test_the_suite_knows_every_message_type():
    assert MESSAGES.keys() == TYPES.keys()


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_every_message_type_becomes_a_request(dialect, message):
    request = dialect.send_message(TO, message, KEY)
    assert request.method == "POST"
    assert request.path.startswith("/")
    assert request.json["to"] == TO
    assert request.json["type"] in {"text", "interactive", "image", "template"}
    strict_json.parse_object(strict_json.dumps(request.json))


def test_the_same_message_and_key_make_the_same_request(dialect):
    first, second = (dialect.send_message(TO, MESSAGES["buttons"], KEY) for _ in range(2))
    assert first == second
    assert KEY in (*first.headers.values(), first.json.get("biz_opaque_callback_data"))


def test_a_plus_before_the_number_is_left_out(dialect):
    assert dialect.send_message(f"+{TO}", Text("Hi"), KEY).json["to"] == TO


def test_the_recorded_yes_names_the_message(dialect):
    body = (PAYLOADS / f"answer-{dialect.name}-sent.json").read_bytes()
    assert dialect.read_sent(200, {}, body) == Sent("wamid.OUT1")
    assert dialect.read_sent(201, {}, body) == Sent("wamid.OUT1")


@pytest.mark.parametrize(
    "body", [b"{}", b'{"success":true}', b'{"messages":[]}', b'{"messages":[7]}', b'{"id":{}}']
)
def test_a_yes_without_an_id_is_still_a_yes(dialect, body):
    assert dialect.read_sent(200, {}, body) == Sent(None)


@pytest.mark.parametrize("body", [b"", b"OK", b"<html>", b"[]", b'"sent"', b'{"id":', b"\xff", b"[" * 10_000])
def test_an_unreadable_yes_is_unknown_not_failed(dialect, body):
    with pytest.raises(OutcomeUnknown):
        dialect.read_sent(200, {}, body)


@pytest.mark.parametrize("status", [100, 301, 302, 304])
def test_neither_yes_nor_no_is_unknown(dialect, status):
    with pytest.raises(OutcomeUnknown):
        dialect.read_sent(status, {}, b"{}")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("body", [b"", b"<html>Bad gateway</html>", b'{"code":"internal","message":"x"}'])
def test_what_may_pass_is_unavailable(dialect, status, body):
    with pytest.raises(GatewayUnavailable) as refusal:
        dialect.read_sent(status, {"Retry-After": "17"}, body)
    assert refusal.value.retry_after == 17


@pytest.mark.parametrize("status", [400, 402, 404, 405, 409, 410, 413, 415, 422])
def test_other_refusals_are_final(dialect, status):
    with pytest.raises(GatewayRejected) as refusal:
        dialect.read_sent(status, {}, b"no")
    assert refusal.value.status == status
    assert refusal.value.reason


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"", error(190), b'{"code":"not_authenticated"}', b'{"error":"forbidden"}'])
def test_a_bad_key_is_told_apart(dialect, status, body):
    with pytest.raises(GatewayRejected) as refusal:
        dialect.read_sent(status, {}, body)
    assert refusal.value.reason == "unauthorized"


@pytest.mark.parametrize("code", [0, 3, 10, 190, 200, 299, 131005])
def test_a_code_about_the_key_counts_whatever_the_status(dialect, code):
    with pytest.raises(GatewayRejected) as refusal:
        dialect.read_sent(400, {}, error(code))
    assert refusal.value.reason == "unauthorized"


@pytest.mark.parametrize("code", [1, 2, 4, 80007, 130429, 131000, 131016, 133004])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_throttling_is_recognised_by_its_code(dialect, code, status):
    with pytest.raises(GatewayUnavailable):
        dialect.read_sent(status, {}, error(code))


def test_the_pair_rate_is_told_by_its_code_for_it_says_no_time(dialect):
    with pytest.raises(GatewayUnavailable) as refusal:
        dialect.read_sent(400, {}, error(131056))
    assert (refusal.value.reason, refusal.value.retry_after) == ("131056", None)


@pytest.mark.parametrize("code", [131026, 131047, 131050, 131053, 132001, 131042, 368, 131048])
def test_a_final_code_is_the_reason(dialect, code):
    with pytest.raises(GatewayRejected) as refusal:
        dialect.read_sent(400, {}, error(code))
    assert refusal.value.reason == str(code)


@pytest.mark.parametrize(
    "body", [b'{"error":{"code":[1]}}', b'{"error":[]}', b'{"error":"A whole sentence."}', b'{"code":true}']
)
def test_an_odd_error_body_leaves_the_status_to_decide(dialect, body):
    with pytest.raises(GatewayRejected) as refusal:
        dialect.read_sent(400, {}, body)
    assert refusal.value.reason == "http_400"


def test_a_read_mark_is_a_request_or_nothing(dialect):
    for typing in (False, True):
        request = dialect.read_mark("wamid.IN1", typing=typing)
        assert (request is None) == (dialect.name != "cloud")


def test_every_dialect_names_a_known_signature_scheme(dialect):
    assert dialect.signature_scheme in SCHEMES
    assert dialect.name in DIALECTS


def test_an_unknown_dialect_stops_the_start():
    with pytest.raises(ConfigError):
        message_dialect("v9")


# --- v1 -------------------------------------------------------------------------------------------------------------


def test_v1_sends_metas_body_with_an_idempotency_key():
    request = V1().send_message(TO, MESSAGES["buttons"], KEY)
    assert (request.path, dict(request.headers)) == ("/whatsapp/messages", {"Idempotency-Key": KEY})
    assert request.json == {"to": TO} | MESSAGES["buttons"].wire()
    assert request.json["interactive"]["header"] == {"type": "image", "image": {"link": PICTURE}}
    assert "messaging_product" not in request.json


@pytest.mark.parametrize("name", ["link_button", "location_request"])
def test_v1_writes_as_text_what_it_is_not_known_to_carry(name):
    request = V1().send_message(TO, MESSAGES[name], KEY)
    assert request.json == {"to": TO, "type": "text", "text": {"body": MESSAGES[name].numbered()}}


@pytest.mark.parametrize(
    "answer",
    [{"messages": [{"id": "m1"}]}, {"id": "m1"}, {"message_id": "m1"}, {"data": {"id": "m1"}}, {"wa_message_id": "m1"},
     {"id": "01K", "wa_message_id": "m1"}, {"success": True, "data": {"message_id": "m1"}}],
)  # fmt: skip
def test_v1_finds_the_id_wherever_a_client_has_seen_it(answer):
    assert V1().read_sent(200, {}, strict_json.dumps(answer)) == Sent("m1")


# --- v2 -------------------------------------------------------------------------------------------------------------


def test_v2_sends_flat_bodies():
    def body(name):
        return {
            key: value
            for key, value in V2().send_message(TO, MESSAGES[name], KEY).json.items()
            if key != "to"
        }

    assert body("text") == {"type": "text", "text": "Hi"}
    assert body("image") == {"type": "image", "media_url": PICTURE, "media_caption": "Coffee"}
    assert body("buttons") == {
        "type": "image",
        "media_url": PICTURE,
        "media_caption": "Sure?\n\n1. Yes\n2. No",
    }
    assert body("list") == {"type": "text", "text": "Choose\n\n1. Coffee 500g — KES 850"}
    assert body("link_button") == {"type": "text", "text": "Pay here\n\nPay now: https://pay.example/1"}
    assert body("template") == {
        "type": "template",
        "template_name": "order_receipt",
        "template_language": "en_US",
        "template_components": [{"type": "body", "parameters": [{"type": "text", "text": "Amina"}]}],
    }
    request = V2().send_message(TO, MESSAGES["text"], KEY)
    assert (request.path, dict(request.headers)) == ("/api/v2/messages", {"Idempotency-Key": KEY})


def test_v2_sends_words_too_long_for_a_caption_as_text():
    long = Buttons("b" * 1024, (Button("a", "A"),), image=PICTURE)
    assert V2().send_message(TO, long, KEY).json["type"] == "text"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(409, "idempotency_in_progress", GatewayUnavailable), (422, "idempotency_key_reused", GatewayRejected),
     (402, "plan_feature_locked", GatewayRejected), (409, "outside_messaging_window", GatewayRejected), (502, "whatsapp_rejected", GatewayRejected)],
)  # fmt: skip
def test_v2s_words_are_understood(status, code, kind):
    with pytest.raises(kind, match=code) as refusal:
        V2().read_sent(status, {}, strict_json.dumps({"code": code, "message": "x"}))
    assert getattr(refusal.value, "reason", code) == code


# --- cloud ----------------------------------------------------------------------------------------------------------


def test_cloud_sends_metas_complete_body():
    request = Cloud("9944").send_message(TO, MESSAGES["list"], KEY)
    assert request.path == "/9944/messages"
    assert (
        request.json
        == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": TO,
            "biz_opaque_callback_data": KEY,
        }
        | MESSAGES["list"].wire()
    )
    assert re.fullmatch("interactive", request.json["type"])


def test_cloud_marks_as_read_and_shows_that_we_type():
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.IN1"}
    plain = Cloud("9944").read_mark("wamid.IN1", typing=False)
    assert (plain.method, plain.path, plain.json) == ("POST", "/9944/messages", read)
    assert Cloud("9944").read_mark("wamid.IN1", typing=True).json == read | {
        "typing_indicator": {"type": "text"}
    }


def test_cloud_writes_to_a_business_scoped_id():
    request = Cloud("9944").send_message("KE.1349AbC", Text("Hi"), KEY)
    assert request.json["recipient"] == "KE.1349AbC"
    assert "to" not in request.json


@pytest.mark.parametrize("number", ["", "abc", "../me", "99/44", "\u0661"])
def test_cloud_needs_a_phone_number_id(number):
    with pytest.raises(ConfigError):
        message_dialect("cloud", number)
