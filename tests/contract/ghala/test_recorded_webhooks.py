"""Every recorded webhook is read as what it means."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ghala import strict_json
from ghala.inbound import (
    ContactCards,
    FlowReply,
    Location,
    Media,
    NativeCart,
    NativeCartItem,
    NumberChanged,
    PaymentNotice,
    Reaction,
    StatusUpdate,
    Tap,
    TextContent,
    Unsupported,
    read_item,
    read_messages,
    read_payment,
)

PAYLOADS = Path(__file__).parent / "payloads"
AT = datetime(2026, 11, 20, 18, 40, tzinfo=UTC)
NINE = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

MESSAGES = {
    "meta-text": TextContent("Hi"),
    "meta-button-reply": Tap("pay:mpesa", "📱 M-Pesa"),
    "meta-list-reply": Tap("prod:12", "Coffee 500g", "KES 850"),
    "meta-flow-reply": FlowReply("flow", {"flow_token": "t1", "town": "Nakuru"}),
    "meta-template-button": Tap("again", "Order again"),
    "meta-order": NativeCart(
        "77", "",
        (NativeCartItem("COF-500", 2, Decimal(850), "KES"), NativeCartItem("HON-500", 1, Decimal("799.5"), "KES")),
    ),
    "meta-location": Location(-1.286389, 36.817223, "Kencom", "Moi Avenue, Nairobi"),
    "meta-live-pin": Location(-6.8, 39.28),
    "meta-image": Media("image", "880011", "image/jpeg", "I have paid"),
    "meta-document": Media("document", "880012", "application/pdf", filename="list.pdf"),
    "meta-voice-note": Media("audio", "880013", "audio/ogg; codecs=opus"),
    "meta-sticker": Media("sticker", "880014", "image/webp"),
    "meta-contacts": ContactCards(("Juma Otieno",)),
    "meta-reaction": Reaction("wamid.OUT1", "👍"),
    "meta-reaction-removed": Reaction("wamid.OUT1", ""),
    "meta-unsupported": Unsupported("unsupported", "Message type unknown"),
    "meta-number-changed": NumberChanged("254733444555"),
    "meta-without-phone": TextContent("Hi"),
    "v1-text": TextContent("Hi"),
    "v2-message": TextContent("Hi"),
    "v2-message-flat": TextContent("Hi"),
}  # fmt: skip

STATUSES = {
    "meta-status-failed": StatusUpdate(
        "wamid.OUT1", "failed", datetime(2026, 11, 20, 18, 41, tzinfo=UTC), "254711222333", 131047,
        "Re-engagement message", "More than 24 hours have passed",
    ),
    "meta-status-read": StatusUpdate("wamid.OUT1", "read", datetime(2026, 11, 20, 18, 41, 10, tzinfo=UTC), "254711222333"),
    "v1-status": StatusUpdate("wamid.OUT1", "delivered", datetime(2026, 11, 20, 18, 41, tzinfo=UTC), "254711222333"),
    "v2-status": StatusUpdate("wamid.OUT1", "delivered", NINE, None),
    "v2-status-flat": StatusUpdate("wamid.OUT1", "failed", NINE, None, 131026, None, "Message undeliverable"),
}  # fmt: skip

PAYMENTS = {
    "payment-v1-success": PaymentNotice(
        "payment.success", "gh_8841", transaction_reference="SKJ4X2", amount=Decimal(1500), amount_text="1500",
        currency="KES", status="completed",
    ),
    "payment-v1-failed": PaymentNotice(
        "payment.failed", "gh_8842", amount=Decimal(1500), amount_text="1500", currency="KES", status="failed",
        failure_reason="insufficient_funds",
    ),
    "payment-hooks-success": PaymentNotice(
        "payment.success", "8841", payment_id="PAY-77", transaction_reference="PAY-77", amount=Decimal(46000),
        amount_text="46000", currency="TZS", status="paid", phone="+255712000111", name="Neema",
    ),
    "order-hooks-created": PaymentNotice(
        "order.created", "8841", amount=Decimal(46000), amount_text="46000", phone="+255712000111", name="Neema",
    ),
    "order-shop-cancelled": PaymentNotice(
        "order.cancelled", "so-9", amount=Decimal(46000), amount_text="46000", currency="TZS",
        phone="+255712000111", name="Neema",
    ),
}  # fmt: skip

HEADERS = {"v2-message-flat": "message.received", "v2-status-flat": "message.status"}


def recorded(name):
    return strict_json.parse_object((PAYLOADS / f"{name}.json").read_bytes())


def read(name):
    (item,) = read_messages(recorded(name), HEADERS.get(name)).items
    # Through bytes, as the inbox stores it.
    return item, read_item(strict_json.parse_object(strict_json.dumps(item.raw)))


def test_every_recorded_payload_is_expected_somewhere():
    received = {path.stem for path in PAYLOADS.glob("*.json") if not path.stem.startswith("answer-")}
    assert received == MESSAGES.keys() | STATUSES.keys() | PAYMENTS.keys()


@pytest.mark.parametrize(("name", "content"), MESSAGES.items(), ids=MESSAGES)
def test_a_recorded_message_is_read_as_what_it_means(name, content):
    item, message = read(name)
    assert item.kind == "message"
    assert item.own_id == message.external_id
    assert item.sender == message.sender
    assert message.content == content
    assert message.at == AT


def test_a_recorded_message_brings_its_customer_and_what_it_refers_to():
    _, message = read("meta-text")
    assert (message.sender, message.phone, message.name) == ("254711222333", "+254711222333", "Amina")
    assert (message.quoted_id, message.referred_product) == ("wamid.OUT1", "COF-500")
    assert message.referral["source_id"] == "1"
    assert "welcome_message" not in message.referral


def test_a_customer_without_a_phone_number_is_known_by_the_business_scoped_id():
    _, message = read("meta-without-phone")
    assert (message.sender, message.phone, message.name) == ("KE.1349AbC", None, "amina.shops")


@pytest.mark.parametrize(("name", "update"), STATUSES.items(), ids=STATUSES)
def test_a_recorded_status_is_read_as_what_it_means(name, update):
    item, read_update = read(name)
    assert (item.kind, item.own_id) == ("status", f"wamid.OUT1:{update.status}")
    assert read_update == update


@pytest.mark.parametrize(("name", "notice"), PAYMENTS.items(), ids=PAYMENTS)
def test_a_recorded_payment_is_read_as_what_it_means(name, notice):
    assert read_payment(recorded(name)) == notice
