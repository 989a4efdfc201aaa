"""What hostile and half-broken deliveries become; the recorded good ones are in tests/contract/ghala."""

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errors import MalformedWebhook
from ghala import strict_json
from ghala.inbound import (
    Ignored,
    InboundMessage,
    Media,
    PaymentNotice,
    StatusUpdate,
    TextContent,
    Unsupported,
    read_item,
    read_messages,
    read_payment,
)

GOOD = {"id": "wamid.1", "from": "254711222333", "type": "text", "text": {"body": "Hi"}}


def only(payload, header=None):
    (item,) = read_messages(payload, header).items
    return item


def content(**message):
    return read_item(only({"messages": [GOOD | message]}).raw).content


@pytest.mark.parametrize(
    "bad",
    [
        None,
        1,
        "x",
        [],
        {},
        {"id": "m"},
        {"from": ["254711222333"]},
        {"from": {}},
        {"from": True},
        {"from": "0"},
    ],
)
def test_one_bad_message_does_not_lose_the_others(bad):
    kinds = [item.kind for item in read_messages({"messages": [GOOD, bad, GOOD | {"id": "wamid.2"}]}).items]
    assert kinds == ["message", "ignored", "message"]


def test_one_bad_entry_or_change_does_not_lose_the_others():
    payload = {
        "object": "whatsapp_business_account",
        "entry": [
            7,
            {"changes": "x"},
            {"changes": [None, {"field": "messages", "value": []}, {"value": {"messages": [GOOD]}}]},
        ],
    }
    assert [item.kind for item in read_messages(payload).items] == [
        "ignored",
        "ignored",
        "ignored",
        "message",
    ]


def test_every_entry_change_and_item_is_read_in_order():
    def change(*ids):
        return {"field": "messages", "value": {"messages": [GOOD | {"id": one} for one in ids]}}

    payload = {"entry": [{"changes": [change("a", "b"), change("c")]}, {"changes": [change("d")]}]}
    assert [item.own_id for item in read_messages(payload).items] == ["a", "b", "c", "d"]


def test_each_message_gets_its_own_contact():
    other = GOOD | {"id": "wamid.2", "from": "254722000111"}
    contacts = [
        {"wa_id": "254722000111", "profile": {"name": "Juma"}},
        {"wa_id": "254711222333", "profile": {"name": "Amina"}},
    ]
    items = read_messages({"messages": [GOOD, other], "contacts": contacts}).items
    assert [read_item(item.raw).name for item in items] == ["Amina", "Juma"]


def test_a_lone_contact_does_not_name_a_stranger_in_the_same_batch():
    other = GOOD | {"id": "wamid.2", "from": "254722000111"}
    contacts = [{"wa_id": "254711222333", "profile": {"name": "Amina"}}]
    items = read_messages({"messages": [GOOD, other], "contacts": contacts}).items
    assert [read_item(item.raw).name for item in items] == ["Amina", None]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"a": 1},
        {"messages": {}},
        {"messages": "x"},
        {"entry": {}},
        {"data": {"from": "254711222333"}},
        {"event": 7},
        {"event": ""},
        {"type": "text"},
    ],
)
def test_an_unknown_shape_is_refused(payload):
    with pytest.raises(MalformedWebhook) as refusal:
        read_messages(payload)
    assert refusal.value.code == "unknown_shape"


@pytest.mark.parametrize(
    "event",
    [
        "payment.success",
        "payment.failed",
        "order.created",
        "order.canceled",
        "PAYMENT.SUCCESS",
        "payment.novelty",
    ],
)
def test_a_payment_event_at_the_message_address_is_refused(event):
    for payload, header in (
        ({"event": event, "data": {}}, None),
        ({"id": "1"}, event),
        ({"type": event}, None),
    ):
        with pytest.raises(MalformedWebhook) as refusal:
            read_messages(payload, header)
        assert refusal.value.code == "wrong_endpoint"


def test_an_unknown_event_is_stored_and_ignored():
    item = only({"event": "contact.updated", "id": "ev-1", "data": {}})
    assert (item.kind, item.own_id) == ("ignored", "ev-1")
    assert read_item(item.raw) == Ignored("unknown_event", "contact.updated")


def test_other_fields_and_errors_of_meta_are_ignored_by_name():
    value = {"errors": [{"code": 131031, "title": "Account locked"}]}
    payload = {
        "entry": [
            {"changes": [{"field": "account_update", "value": {}}, {"field": "messages", "value": value}]}
        ]
    }
    assert [read_item(item.raw) for item in read_messages(payload).items] == [
        Ignored("other_field", "account_update"), Ignored("provider_error", "131031")
    ]  # fmt: skip


def test_an_endless_batch_is_refused():
    with pytest.raises(MalformedWebhook) as refusal:
        read_messages({"messages": [0] * 3001})
    assert refusal.value.code == "too_many_items"


def test_a_repetition_is_recognised_by_its_own_id():
    status = {"id": "wamid.OUT1", "status": "read", "recipient_id": "254711222333"}
    items = read_messages({"messages": [GOOD], "statuses": [status, status | {"status": "sent"}]}).items
    assert [item.own_id for item in items] == ["wamid.1", "wamid.OUT1:read", "wamid.OUT1:sent"]
    assert [item.sender for item in items] == ["254711222333"] * 3


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"id": "w"}, "unknown_status"),
        ({"id": "w", "status": "warning"}, "unknown_status"),
        ({"status": "read"}, "no_id"),
        ({"id": [], "status": "read"}, "no_id"),
    ],
)
def test_a_status_that_says_nothing_is_ignored(status, reason):
    assert read_item(only({"statuses": [status]}).raw).reason == reason


@pytest.mark.parametrize(("written", "sender", "phone"), [
    ("254711222333", "254711222333", "+254711222333"),
    ("+254 711-222 333", "254711222333", "+254711222333"),
    (254711222333, "254711222333", "+254711222333"),
    ("KE.1349AbC", "KE.1349AbC", None),
])  # fmt: skip
def test_a_sender_is_a_number_or_a_business_scoped_id(written, sender, phone):
    message = read_item(only({"messages": [GOOD | {"from": written}]}).raw)
    assert (message.sender, message.phone) == (sender, phone)


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "0711222333",
        "1234567890123456",
        "\u0662\u0665\u0664711222333",
        "ke.1",
        "KE.",
        "K.12345",
        "KE." + "a" * 129,
        "amina",
        "254711222333\n; DROP",
    ],
)
def test_what_is_neither_is_no_sender(sender):
    assert only({"messages": [GOOD | {"from": sender}]}).kind == "ignored"


@pytest.mark.parametrize(("written", "expected"), [
    ("1795200000", datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    (1795200000, datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    (Decimal("1795200000.5"), datetime(2026, 11, 20, 18, 40, 0, 500000, tzinfo=UTC)),
    (1795200000000, datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    ("2026-11-20T18:40:00Z", datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    ("2026-11-20T21:40:00+03:00", datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    ("2026-11-20T18:40:00", datetime(2026, 11, 20, 18, 40, tzinfo=UTC)),
    (None, None), ("", None), ("now", None), (True, None), (-1, None), (0, None), (10**39, None), ("9" * 30, None),
    ("1e999", None), ("0001-01-01T00:00:00+14:00", None), ("9" * 5000, None), ([], None),
])  # fmt: skip
def test_a_timestamp_is_read_in_every_writing_or_left_out(written, expected):
    assert read_item(only({"messages": [GOOD | {"timestamp": written}]}).raw).at == expected


def test_a_long_text_is_cut_to_what_whatsapp_allows():
    assert content(text={"body": "x" * 4_000_000}) == TextContent("x" * 4096)


@pytest.mark.parametrize("text", [None, 7, [], {}, {"body": None}, {"body": ["Hi"]}])
def test_a_text_without_words_is_unsupported(text):
    assert content(text=text) == Unsupported("text", "no words")


@pytest.mark.parametrize(("message", "expected"), [
    ({"type": "poll", "poll": {}}, Unsupported("poll")),
    ({"type": "interactive"}, Unsupported("interactive")),
    ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": []}}}, Unsupported("interactive", "button_reply")),
    ({"type": "interactive", "interactive": {"type": "call_permission_reply"}}, Unsupported("interactive", "call_permission_reply")),
    ({"type": "button", "button": {}}, Unsupported("button", "nothing tapped")),
    ({"type": "location", "location": {"latitude": 91, "longitude": 0}}, Unsupported("location", "no coordinates")),
    ({"type": "location", "location": {"latitude": "NaN", "longitude": 0}}, Unsupported("location", "no coordinates")),
    ({"type": "location", "location": {"latitude": True, "longitude": 0}}, Unsupported("location", "no coordinates")),
    ({"type": "order", "order": {"product_items": [{"product_retailer_id": "A", "quantity": 0}, {"quantity": 1}, 7]}}, Unsupported("order", "no products")),
    ({"type": "image", "image": []}, Media("image", None)),
    ({"type": "system", "system": {"type": "user_changed_number"}}, Unsupported("system", "user_changed_number")),
])  # fmt: skip
def test_a_broken_or_new_kind_of_message_is_politely_unsupported(message, expected):
    assert content(**message) == expected


def test_a_flow_reply_that_is_no_json_has_no_data():
    interactive = {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": "{nan"}}
    assert content(type="interactive", interactive=interactive).data == {}


def test_exact_numbers_survive_any_store():
    raw = strict_json.parse_object(
        b'{"messages":[{"id":"m","from":"254711222333","type":"order","order":{"product_items":'
        b'[{"product_retailer_id":"A","quantity":2,"item_price":850.10,"currency":"kes"}]}}]}'
    )
    stored = json.loads(json.dumps(only(raw).raw))
    (line,) = read_item(stored).content.items
    assert (line.price, line.currency, line.quantity) == (Decimal("850.10"), "KES", 2)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"kind": "message"},
        {"kind": "status", "status": 7},
        {"kind": []},
        {"kind": "message", "message": []},
    ],
)
def test_a_spoilt_item_is_ignored(raw):
    assert isinstance(read_item(raw), Ignored)


@pytest.mark.parametrize(("payload", "header"), [
    ({"event": "message.received", "data": {"from": "254711222333", "text": "Hi", "id": "m1"}}, None),
    ({"event": "message.received", "data": {"from": "254711222333", "text": {"body": "Hi"}, "id": "m1"}}, None),
    ({"event": "message.received", "id": "ev", "data": {"message": {"from": "254711222333", "text": "Hi", "id": "m1"}}}, None),
    ({"event": "message.received", "data": {"from": "254711222333", "message": "Hi", "id": "m1"}}, None),
    ({"type": "message.received", "data": {"id": "m1", "text": "Hi", "contact": {"phone_number": "+254711222333"}}}, None),
    ({"from": "254711222333", "text": "Hi", "id": "m1"}, "message.received"),
    ({"from": "254711222333", "type": "text", "text": {"body": "Hi"}, "id": "m1"}, "message.received"),
    ({"event": "message.received", "data": {"messages": [GOOD | {"id": "m1"}]}}, None),
])  # fmt: skip
def test_a_v2_message_is_found_wherever_a_client_has_seen_it(payload, header):
    item = only(payload, header)
    message = read_item(item.raw)
    assert (item.own_id, message.sender, message.content) == ("m1", "254711222333", TextContent("Hi"))


def test_a_v2_tap_is_a_tap():
    data = {
        "from": "254711222333",
        "id": "m1",
        "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "A"}},
    }
    assert read_item(only({"event": "message.received", "data": data}).raw).content.id == "a"


AMOUNTS = [
    ("1500.00", "1500"), ("1500.0", "1500"), ("1500", "1500"), (1500, "1500"), (Decimal("1500.00"), "1500"), (Decimal("1500.5"), "1500.5"),
    (0, "0"), (True, None), (False, None), ("1,500", None), (" 1500", None), ("1500 ", None), (Decimal("1E+3"), None), ("1e3", None),
    (-1, None), ("-1", None), ("+1", None), (Decimal("-0.0"), None), (2**63, None), ("NaN", None), ("\u0661\u0665", None), ("01500", None),
    ("1_500", None), ("", None), ([], None), ({}, None), ("9" * 5000, None), ("1500.", None), (".5", None), ("0x10", None),
]  # fmt: skip


@pytest.mark.parametrize(("written", "expected"), AMOUNTS, ids=lambda value: str(value)[:12])
def test_only_a_plain_amount_is_an_amount_and_the_rest_is_kept_as_written(written, expected):
    notice = read_payment({"event": "payment.success", "data": {"order_id": 1, "amount": written}})
    assert notice.amount == (None if expected is None else Decimal(expected))
    assert notice.amount_text is not None or written == {}


def test_exponents_are_seen_through_the_json_door():
    payload = strict_json.parse_object(b'{"event":"payment.success","data":{"order_id":1,"amount":1e3}}')
    notice = read_payment(payload)
    assert (notice.amount, notice.amount_text) == (None, "1E+3")


@pytest.mark.parametrize(("name", "event"), [
    ("payment.success", "payment.success"), ("payment.successful", "payment.success"), ("payment.completed", "payment.success"),
    ("Payment.Success", "payment.success"), ("payment.failed", "payment.failed"), ("payment.pending", "payment.pending"),
    ("order.created", "order.created"), ("order.updated", "order.updated"), ("order.canceled", "order.cancelled"),
    ("order.cancelled", "order.cancelled"), ("message.received", "message.received"), ("subscription.renewed", "subscription.renewed"),
])  # fmt: skip
def test_every_alias_means_its_event_and_others_keep_their_name(name, event):
    assert read_payment({"event": name, "data": {}}).event == event
    assert read_payment({"data": {}}, name).event == event


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"event": None},
        {"event": []},
        {"event": "payment.success", "data": []},
        {"event": "payment.success", "data": "x"},
        {"event": "payment.success", "data": None},
    ],
)
def test_a_payment_without_event_or_data_is_refused(payload):
    with pytest.raises(MalformedWebhook) as refusal:
        read_payment(payload)
    assert refusal.value.code == "unknown_shape"


@pytest.mark.parametrize(("data", "field", "expected"), [
    ({"order": {"id": 9}}, "order_ref", "9"),
    ({"order_id": "gh_1", "order": {"id": 9}}, "order_ref", "gh_1"),
    ({"order_id": True}, "order_ref", None),
    ({"order_id": {"$gt": ""}}, "order_ref", None),
    ({"external_id": "PAY-1"}, "external_ref", "PAY-1"),
    ({"reference": "PAY-1"}, "external_ref", "PAY-1"),
    ({"payment_id": 77}, "transaction_reference", "77"),
    ({"payment_id": 77, "transaction_reference": "SKJ"}, "transaction_reference", "SKJ"),
    ({"amount": {"value": 5000, "currency": "TZS"}}, "currency", "TZS"),
    ({"currency": "kes"}, "currency", "KES"),
    ({"currency": "shillings"}, "currency", None),
    ({"failure_reason": "x" * 9000}, "failure_reason", "x" * 500),
    ({"error": {"code": 1032, "message": "Cancelled"}}, "failure_reason", "Cancelled"),
    ({"customer": {"phone": "0712345678"}}, "phone", "0712345678"),
    ({"customer": {"phone": "254711222333"}}, "phone", "+254711222333"),
    ({"customer": "Neema"}, "name", None),
    ({"status": "PAID"}, "status", "paid"),
])  # fmt: skip
def test_payment_fields_are_found_or_left_out(data, field, expected):
    assert getattr(read_payment({"event": "payment.success", "data": data}), field) == expected


KEYS = st.sampled_from([
    "messages", "statuses", "entry", "changes", "value", "field", "contacts", "errors", "metadata", "event", "data", "message", "id", "from", "type",
    "text", "body", "timestamp", "interactive", "button_reply", "list_reply", "nfm_reply", "response_json", "order", "product_items", "location",
    "latitude", "longitude", "image", "reaction", "system", "wa_id", "user_id", "context", "referral", "status", "profile", "name", "amount", "customer",
    "order_id", "currency", "payment_id", "code", "error", "kind",
])  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.decimals(allow_nan=False, allow_infinity=False) | st.floats()
    | st.sampled_from(["254711222333", "message.received", "message.status", "payment.success", "text", "interactive", "button_reply", "messages",
                       "nfm_reply", "order", "location", "system", "user_changed_number", "contacts", "sent", "1795200000", "message"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(KEYS, JSON, max_size=6),
    st.none() | st.text(max_size=20) | st.sampled_from(["message.received", "message.status"]),
)
def test_no_json_raises_anything_but_a_refusal(payload, header):
    with contextlib.suppress(MalformedWebhook):
        for item in read_messages(payload, header).items:
            json.dumps(item.raw)
            assert isinstance(read_item(item.raw), (InboundMessage, StatusUpdate, Ignored))
    with contextlib.suppress(MalformedWebhook):
        assert isinstance(read_payment(payload, header), PaymentNotice)
    assert isinstance(read_item(payload), (InboundMessage, StatusUpdate, Ignored))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, JSON, max_size=8))
def test_no_message_raises_anything(message):
    for raw in (
        {"kind": "message", "message": message | {"from": "254711222333"}},
        {"kind": "status", "status": message},
    ):
        assert isinstance(read_item(raw), (InboundMessage, StatusUpdate, Ignored))
