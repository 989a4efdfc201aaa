"""One suite of deliveries that every dialect passes: signed as it signs, in its envelope, read as the same events."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config import DIALECTS as SCHEMES_BY_DIALECT
from errors import InvalidSignature, MalformedWebhook
from ghala import strict_json
from ghala.dialects import DIALECTS
from ghala.inbound import (
    ContactCards,
    FlowReply,
    Ignored,
    Location,
    Media,
    NativeCart,
    NativeCartItem,
    NumberChanged,
    Reaction,
    StatusUpdate,
    Tap,
    TextContent,
    Unsupported,
    read_item,
    read_messages,
)
from ghala.receiving import receive
from ghala.signatures import Verifier, sign

NOW = 1_795_200_000
AT = datetime.fromtimestamp(NOW, UTC)
SECRET = b"a-secret-for-the-suite"
FROM = "254711222333"

CONTENTS = {
    "text": ({"type": "text", "text": {"body": "2 coffee"}}, TextContent("2 coffee")),
    "button": (
        {"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "menu~3", "title": "Menu"}}},
        Tap("menu~3", "Menu"),
    ),
    "row": (
        {"type": "interactive",
         "interactive": {"type": "list_reply", "list_reply": {"id": "product:1~2", "title": "Coffee", "description": "KES 850"}}},
        Tap("product:1~2", "Coffee", "KES 850"),
    ),
    "quick reply": ({"type": "button", "button": {"payload": "again", "text": "Again"}}, Tap("again", "Again")),
    "form": (
        {"type": "interactive",
         "interactive": {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"town":"Nakuru"}'}}},
        FlowReply("flow", {"town": "Nakuru"}),
    ),
    "location": (
        {"type": "location", "location": {"latitude": -1.25, "longitude": 36.5, "name": "Kencom"}},
        Location(-1.25, 36.5, "Kencom"),
    ),
    "picture": (
        {"type": "image", "image": {"id": "88", "mime_type": "image/jpeg", "caption": "Paid"}},
        Media("image", "88", "image/jpeg", "Paid"),
    ),
    "voice note": (
        {"type": "audio", "audio": {"id": "89", "mime_type": "audio/ogg", "voice": True}},
        Media("audio", "89", "audio/ogg"),
    ),
    "document": (
        {"type": "document", "document": {"id": "90", "filename": "list.pdf"}},
        Media("document", "90", filename="list.pdf"),
    ),
    "sticker": ({"type": "sticker", "sticker": {"id": "91"}}, Media("sticker", "91")),
    "contacts": (
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Juma"}}]},
        ContactCards(("Juma",)),
    ),
    "reaction": (
        {"type": "reaction", "reaction": {"message_id": "wamid.OUT1", "emoji": "👍"}},
        Reaction("wamid.OUT1", "👍"),
    ),
    "native cart": (
        {"type": "order",
         "order": {"catalog_id": "77", "text": "",
                   "product_items": [{"product_retailer_id": "COF", "quantity": 2, "item_price": 850, "currency": "KES"}]}},
        NativeCart("77", "", (NativeCartItem("COF", 2, Decimal(850), "KES"),)),
    ),
    "new number": (
        {"type": "system", "system": {"type": "user_changed_number", "body": "x", "wa_id": "254733444555"}},
        NumberChanged("254733444555"),
    ),
    "unsupported": (
        {"type": "unsupported", "errors": [{"code": 131051, "title": "Message type unknown"}]},
        Unsupported("unsupported", "Message type unknown"),
    ),
    "poll": ({"type": "poll", "poll": {"name": "?"}}, Unsupported("poll")),
}  # fmt: skip

GARBAGE = [
    b"", b"[]", b"null", b'"hi"', b"{", b"\xff", b'{"a":1,"a":2}', b'{"n":NaN}', b"[" * 50 + b"]" * 50, b"{}", b'{"entry":7}',
]  # fmt: skip


@pytest.fixture(params=DIALECTS)
def dialect(request):
    return request.param


def envelope(dialect, messages=(), statuses=(), contacts=()):
    """What one dialect delivers, as a list of bodies: ``v2`` has one event in each."""
    updates = {"messages": list(messages), "statuses": list(statuses)}
    updates = {key: found for key, found in updates.items() if found}
    if dialect == "cloud":
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": "9944"},
            "contacts": list(contacts),
        }
        change = {"field": "messages", "value": value | updates}
        return [{"object": "whatsapp_business_account", "entry": [{"id": "1020", "changes": [change]}]}]
    if dialect == "v1":
        return [updates | {"contacts": list(contacts)}]
    profile = {"contact": contacts[0]} if contacts else {}
    return [
        *({"event": "message.received", "data": message | profile} for message in messages),
        *({"event": "message.status", "data": status} for status in statuses),
    ]


def deliver(dialect, body, *, secret=SECRET, now=NOW):
    """Sign a body as the dialect does and take it in through the front door; its events."""
    raw = body if isinstance(body, bytes) else strict_json.dumps(body)
    headers = {"content-type": "application/json", **sign(SCHEMES_BY_DIALECT[dialect], secret, raw, NOW)}
    delivery = receive(raw, headers, Verifier(SCHEMES_BY_DIALECT[dialect], (SECRET,)), now)
    items = read_messages(delivery.payload, delivery.event_header).items
    # Through bytes, as the inbox stores them.
    return [read_item(strict_json.parse_object(strict_json.dumps(item.raw))) for item in items]


def read(dialect, *messages, statuses=(), contacts=()):
    bodies = envelope(dialect, messages, statuses, contacts)
    return [event for body in bodies for event in deliver(dialect, body)]


def written(number=1, **more):
    return {"from": FROM, "id": f"wamid.IN{number}", "timestamp": str(NOW)} | more


@pytest.mark.parametrize("kind", CONTENTS)
def test_every_type_of_message_is_read_alike(dialect, kind):
    wire, content = CONTENTS[kind]
    (message,) = read(dialect, written(**wire))
    assert message.content == content
    assert (message.external_id, message.sender, message.phone) == ("wamid.IN1", FROM, f"+{FROM}")
    assert message.at == AT


def test_the_name_and_what_was_quoted_come_along(dialect):
    text = written(type="text", text={"body": "this"})
    text["context"] = {"id": "wamid.OUT1", "referred_product": {"product_retailer_id": "COF"}}
    text["referral"] = {"source_id": "ad-1", "source_type": "ad"}
    (message,) = read(dialect, text, contacts=[{"wa_id": FROM, "profile": {"name": "Amina"}}])
    assert (message.name, message.quoted_id, message.referred_product) == ("Amina", "wamid.OUT1", "COF")
    assert message.referral["source_id"] == "ad-1"


def test_a_customer_without_a_number_is_known_by_the_business_scoped_id(dialect):
    text = {
        "from_user_id": "KE.1349AbC",
        "id": "wamid.IN1",
        "timestamp": str(NOW),
        "type": "text",
        "text": {"body": "Hi"},
    }
    (message,) = read(dialect, text)
    assert (message.sender, message.phone, message.content) == ("KE.1349AbC", None, TextContent("Hi"))


@pytest.mark.parametrize("status", ["sent", "delivered", "read", "failed"])
def test_every_status_is_read_alike(dialect, status):
    errors = [
        {"code": 131047, "title": "Re-engagement message", "error_data": {"details": "More than 24 hours"}}
    ]
    news = {"id": "wamid.OUT1", "status": status, "timestamp": str(NOW), "recipient_id": FROM}
    failed = status == "failed"
    (update,) = read(dialect, statuses=[news | ({"errors": errors} if failed else {})])
    assert update == StatusUpdate(
        "wamid.OUT1", status, AT, FROM,
        *((131047, "Re-engagement message", "More than 24 hours") if failed else ()),
    )  # fmt: skip


def test_a_batch_is_read_whole_and_in_its_order(dialect):
    texts = [written(number, type="text", text={"body": f"{number}"}) for number in range(1, 41)]
    news = [{"id": f"wamid.OUT{number}", "status": "read", "timestamp": str(NOW)} for number in range(1, 41)]
    found = read(dialect, *texts, statuses=news)
    assert [event.content.body for event in found[:40]] == [f"{number}" for number in range(1, 41)]
    assert [event.provider_id for event in found[40:]] == [f"wamid.OUT{number}" for number in range(1, 41)]


def test_what_nobody_sent_is_left_alone(dialect):
    (event,) = read(dialect, {"id": "wamid.IN1", "type": "text", "text": {"body": "Hi"}})
    assert event == Ignored("no_sender", "text")


def test_an_unknown_status_is_left_alone(dialect):
    (event,) = read(dialect, statuses=[{"id": "wamid.OUT1", "status": "teleported"}])
    assert isinstance(event, Ignored)


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_refused_or_left_alone_even_when_signed(dialect, body):
    try:
        events = deliver(dialect, body)
    except MalformedWebhook:
        return
    assert all(isinstance(event, Ignored) for event in events)


def test_another_secret_is_refused(dialect):
    (body,) = envelope(dialect, [written(type="text", text={"body": "Hi"})])
    with pytest.raises(InvalidSignature):
        deliver(dialect, body, secret=b"another")


def test_an_old_body_is_refused_where_the_signature_tells_its_age(dialect):
    (body,) = envelope(dialect, [written(type="text", text={"body": "Hi"})])
    verifier = Verifier(SCHEMES_BY_DIALECT[dialect], (SECRET,))
    if not verifier.carries_time:
        assert deliver(dialect, body, now=NOW + 8 * 86_400)
        return
    with pytest.raises(InvalidSignature):
        deliver(dialect, body, now=NOW + 8 * 86_400)
