"""From parsed JSON to typed events: what a customer said, what became of our message, news about money.

The web request only splits a delivery into self-contained items (``read_messages``); a worker reads each item later
(``read_item``). Three shapes are understood: the original one (WIRE 1d), Meta's envelope (2a) and v2 events (1a).
Nothing here trusts a type: any JSON gives events, ignored items or ``MalformedWebhook``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from errors import MalformedWebhook
from ghala import fields, strict_json

LONGEST_TEXT: Final = 4096
"""What WhatsApp lets a customer write (WIRE 2c); more is cut before it is processed."""
MOST_ITEMS: Final = 3_000
"""Meta sends batches of up to 1,000 updates (WIRE 2a)."""
_LONGEST_STORED = 65_536
_NAME = 256
_SHORT = 200
_DETAIL = 500

StatusName: TypeAlias = Literal["sent", "delivered", "read", "failed"]


# --- What a message can contain ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextContent:
    """Words the customer typed, at most 4096 characters."""

    body: str


@dataclass(frozen=True, slots=True)
class Tap:
    """A reply button, a list row or a template's quick reply: ``id`` is what we sent, so still not to be trusted."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Location:
    """A shared place, in degrees; live pins come without name and address."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Media:
    """A picture, video, document, voice note (``audio``) or sticker; its id lives for seven days (WIRE 2b)."""

    kind: str
    media_id: str | None
    mime_type: str = ""
    caption: str = ""
    filename: str = ""


@dataclass(frozen=True, slots=True)
class NativeCartItem:
    """One line of a WhatsApp cart; ``price`` (major units) is what the customer saw, never what is charged."""

    retailer_id: str
    quantity: int
    price: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class NativeCart:
    """A cart filled in WhatsApp's own catalogue."""

    catalog_id: str | None
    text: str
    items: tuple[NativeCartItem, ...]


@dataclass(frozen=True, slots=True)
class ContactCards:
    """Shared address book entries, of which only the names are kept."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji on one of the messages; empty when it was taken back."""

    message_id: str | None
    emoji: str


@dataclass(frozen=True, slots=True)
class FlowReply:
    """The answers of a WhatsApp Flow (or address form); ``data`` is empty if they could not be read."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NumberChanged:
    """The customer goes on under another number or business-scoped id."""

    new_identity: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something the shop cannot read but answers politely; ``type`` as received."""

    type: str
    detail: str = ""


Content: TypeAlias = (
    TextContent
    | Tap
    | Location
    | Media
    | NativeCart
    | ContactCards
    | Reaction
    | FlowReply
    | NumberChanged
    | Unsupported
)


# --- Events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message of one customer.

    ``sender`` is the customer's key (digits of the WhatsApp id, or a business-scoped id), ``phone`` the same number
    with plus where the sender is one. ``at`` is the sender's clock in UTC, for showing: order by arrival. ``name`` is
    as the customer wrote it, untrusted.
    """

    external_id: str | None
    sender: str
    phone: str | None
    name: str | None
    at: datetime | None
    content: Content
    quoted_id: str | None = None
    referred_product: str | None = None
    referral: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of one message of ours; arrives repeated and in any order."""

    provider_id: str
    status: StatusName
    at: datetime | None
    recipient: str | None
    error_code: int | None = None
    error_title: str | None = None
    error_details: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood well enough to be left alone; ``reason`` is a stable word for counting."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """News about an order or a payment, to be believed only as far as its signature and a query reach.

    ``order_ref`` is their order, ``external_ref`` ours if they repeat it. ``amount`` is in major units and None where
    it is not plainly an amount; ``amount_text`` then still shows what was written.
    """

    event: str
    order_ref: str | None = None
    external_ref: str | None = None
    payment_id: str | None = None
    transaction_reference: str | None = None
    amount: Decimal | None = None
    amount_text: str | None = None
    currency: str | None = None
    status: str | None = None
    failure_reason: str | None = None
    phone: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One update of a delivery, ready to be stored by itself.

    ``own_id`` is the id to recognise a repetition by (None: use the hash of ``raw``); ``sender`` the customer's key,
    for a status its recipient. ``raw`` holds only what every JSON library writes and reads unchanged, and is what
    :func:`read_item` takes.
    """

    kind: Literal["message", "status", "ignored"]
    own_id: str | None
    sender: str | None
    raw: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything one delivery held, in its order."""

    items: tuple[Item, ...]


PAYMENT_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "payment.success": "payment.success",
        "payment.successful": "payment.success",
        "payment.succeeded": "payment.success",
        "payment.completed": "payment.success",
        "payment.failed": "payment.failed",
        "payment.pending": "payment.pending",
        "order.created": "order.created",
        "order.updated": "order.updated",
        "order.cancelled": "order.cancelled",
        "order.canceled": "order.cancelled",
    }
)
"""Every name a client has seen for the same event (WIRE 1d)."""

_STATUSES: Final[Mapping[str, StatusName]] = MappingProxyType(
    {
        "sent": "sent",
        "delivered": "delivered",
        "read": "read",
        "failed": "failed",
    }
)
_MEDIA = ("image", "video", "document", "audio", "voice", "sticker")
_CURRENCY_LETTERS = 3


# --- Splitting, in the web request --------------------------------------------------------------------------------


def read_messages(payload: Mapping[str, Any], event_header: str | None = None) -> Batch:
    """Split a delivery to the message URL into items.

    Args:
        payload: the parsed body.
        event_header: ``X-Ghala-Event``, which names the event where the body does not (WIRE 1a).

    Raises:
        MalformedWebhook: ``unknown_shape`` if nothing is recognised, ``wrong_endpoint`` for payment and order
            events, ``too_many_items`` for a batch no provider sends.
    """
    _require_object(payload)
    if isinstance(payload.get("entry"), list):
        found = list(_meta(payload["entry"]))
    elif isinstance(payload.get("messages"), list) or isinstance(payload.get("statuses"), list):
        found = list(_updates(payload, {}))
    else:
        found = list(_event(payload, event_header))
    if len(found) > MOST_ITEMS:
        raise MalformedWebhook(f"the batch has more than {MOST_ITEMS} items", code="too_many_items")
    return Batch(tuple(found))


def _meta(entries: Sequence[Any]) -> Iterator[Item]:
    """Every item of Meta's envelope (WIRE 2a)."""
    for entry in entries:
        if not isinstance(entry, dict):
            yield _ignored("malformed_entry")
            continue
        for change in fields.items(entry.get("changes")):
            if not isinstance(change, dict) or not isinstance(change.get("value"), dict):
                yield _ignored("malformed_change")
            elif change.get("field", "messages") != "messages":
                yield _ignored("other_field", fields.text(change.get("field"), _SHORT))
            else:
                yield from _updates(change["value"], fields.mapping(change["value"].get("metadata")))


def _updates(value: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[Item]:
    """Messages, statuses and errors that stand beside each other, as in the original shape and in Meta's value."""
    contacts = [contact for contact in fields.items(value.get("contacts")) if isinstance(contact, dict)]
    by_key = {
        key: contact
        for contact in contacts
        for key in (fields.identity(contact.get("wa_id")), fields.identity(contact.get("user_id")))
        if key is not None
    }
    messages = fields.items(value.get("messages"))
    # A contact's wa_id may differ from the number written from (WIRE 2a): one message, one contact, they belong together.
    lone = contacts[0] if len(contacts) == len(messages) == 1 else {}
    for message in messages:
        if isinstance(message, dict):
            key = by_key and fields.identity(
                message.get("from"), message.get("from_user_id"), message.get("user_id")
            )
            contact = by_key.get(key, lone) if key else lone
            yield _message_item(message, contact, metadata)
        else:
            yield _ignored("malformed_message")
    for status in fields.items(value.get("statuses")):
        yield _status_item(status) if isinstance(status, dict) else _ignored("malformed_status")
    for error in fields.items(value.get("errors")):
        code = fields.identifier(fields.mapping(error).get("code"))
        yield _ignored("provider_error", (code or "")[:_SHORT])


def _event(payload: Mapping[str, Any], event_header: str | None) -> Iterator[Item]:
    """One v2 event; its payload is not documented, so each field is looked for wherever a client has seen it."""
    event = _event_name(payload) or fields.text(event_header, _SHORT).strip().lower()
    if event in PAYMENT_EVENTS or event.startswith(("payment.", "order.")):
        raise MalformedWebhook("payment and order events have an address of their own", code="wrong_endpoint")
    if not event:
        raise MalformedWebhook("the body has none of the known shapes", code="unknown_shape")
    data = fields.mapping(payload.get("data"))
    if any(isinstance(data.get(key), list) for key in ("messages", "statuses")):
        yield from _updates(data, {})
        return
    # Innermost first: data.message, data, message, top level.
    places = [fields.mapping(data.get("message")), data, fields.mapping(payload.get("message")), payload]
    if event == "message.received":
        yield _message_item(_message_of_event(places), _contact_of_event(places), {})
    elif event == "message.status":
        yield _status_item(_status_of_event(places))
    else:
        yield _ignored("unknown_event", event, fields.identifier(payload.get("id")))


def _require_object(payload: Any) -> None:
    if not isinstance(payload, dict):
        raise MalformedWebhook("the body is not a JSON object", code="json_not_object")


def _event_name(payload: Mapping[str, Any]) -> str:
    """The event a body names, lower case; ``type`` counts only when it is dotted, for messages have types too."""
    named = fields.text(payload.get("event"), _SHORT).strip().lower()
    typed = fields.text(payload.get("type"), _SHORT).strip().lower()
    return named or (typed if "." in typed else "")


def _message_of_event(places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    for place in reversed(places):
        message |= {key: value for key, value in place.items() if key not in {"event", "data", "message"}}
    # An event's own id must not pass for the message's, where the message has one: see the order of places.
    message["id"] = _first(places, "wa_message_id", "id", "message_id")
    message["from"] = _first(places, "from", "phone_number", "phone", "wa_id")
    message["timestamp"] = _first(places, "timestamp", "created_at")
    words = next((place["message"] for place in places if isinstance(place.get("message"), str)), None)
    if isinstance(message.get("text"), str):
        message["text"] = {"body": message["text"]}
    elif "text" not in message and words is not None:
        message["text"] = {"body": words}
    if not isinstance(message.get("type"), str) or "." in message["type"]:
        known = ("interactive", "button", "order", "location", *_MEDIA, "contacts", "reaction", "system")
        message["type"] = next((kind for kind in known if kind in message), "text")
    return message


def _contact_of_event(places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for key in ("contact", "customer", "sender", "from"):
        contact = fields.mapping(_first(places, key))
        if contact:
            name = fields.mapping(contact.get("profile")).get("name") or contact.get("name")
            number = _first([contact], "wa_id", "phone_number", "phone", "id")
            return {"profile": {"name": name}, "wa_id": number, "user_id": contact.get("user_id")}
    contacts = fields.items(_first(places, "contacts"))
    if contacts and isinstance(contacts[0], dict) and "profile" in contacts[0]:
        return contacts[0]
    return {"profile": {"name": _first(places, "name", "profile_name", "sender_name")}}


def _status_of_event(places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    error = _first(places, "error")
    if isinstance(error, str):
        error = {"message": error}
    errors = _first(places, "errors")
    return {
        "id": _first(places, "wa_message_id", "id", "message_id"),
        "status": _first(places, "status"),
        "timestamp": _first(places, "status_at", "timestamp", "created_at"),
        "recipient_id": _first(places, "recipient_id", "recipient", "to"),
        "errors": errors if isinstance(errors, list) else [error] if isinstance(error, dict) else [],
    }


def _first(places: Sequence[Mapping[str, Any]], *keys: str) -> Any:
    """The first value that is there, trying every place for one key before the next key."""
    return next((place[key] for key in keys for place in places if place.get(key) is not None), None)


def _message_item(
    message: Mapping[str, Any], contact: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Item:
    sender = _sender(message, contact)
    own_id = fields.identifier(message.get("id"))
    if sender is None:
        return _ignored("no_sender", fields.text(message.get("type"), _SHORT), own_id)
    raw = {"kind": "message", "message": _plain(message)}
    if contact:
        raw["contact"] = _plain(contact)
    if metadata:
        raw["metadata"] = _plain(metadata)
    return Item("message", own_id, sender.sender, raw)


def _status_item(status: Mapping[str, Any]) -> Item:
    provider_id = fields.identifier(status.get("id"))
    name = _STATUSES.get(fields.text(status.get("status"), _SHORT).lower())
    if provider_id is None or name is None:
        detail = fields.text(status.get("status"), _SHORT)
        return _ignored(
            "unknown_status" if provider_id else "no_id", detail, provider_id and f"{provider_id}:{detail}"
        )
    recipient = _recipient(status)
    return Item("status", f"{provider_id}:{name}", recipient, {"kind": "status", "status": _plain(status)})


def _ignored(reason: str, detail: str = "", own_id: str | None = None) -> Item:
    return Item("ignored", own_id, None, {"kind": "ignored", "reason": reason, "detail": detail})


def _sender(message: Mapping[str, Any], contact: Mapping[str, Any]) -> fields.Identity | None:
    """Who wrote: the phone where there is one, else the business-scoped id, wherever Meta puts it (WIRE 2a)."""
    return fields.identity(
        message.get("from"),
        message.get("from_user_id"),
        message.get("user_id"),
        contact.get("wa_id"),
        contact.get("user_id"),
    )


def _recipient(status: Mapping[str, Any]) -> str | None:
    found = fields.identity(
        status.get("recipient_id"), status.get("recipient_user_id"), status.get("user_id")
    )
    return found.sender if found else None


def _plain(value: Any) -> Any:
    """The value with what some JSON library would round or refuse written as a string, and nothing endless."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value[:_LONGEST_STORED]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return value
    return str(value)


# --- Reading one item, in the worker -------------------------------------------------------------------------------


def read_item(raw: Mapping[str, Any]) -> InboundMessage | StatusUpdate | Ignored:
    """Read one stored item; whatever it holds, the answer is an event or ``Ignored``."""
    kind = fields.mapping(raw).get("kind")
    if kind == "message":
        return _read_message(fields.mapping(raw.get("message")), fields.mapping(raw.get("contact")))
    if kind == "status":
        return _read_status(fields.mapping(raw.get("status")))
    if kind == "ignored":
        return Ignored(fields.text(raw.get("reason"), _SHORT), fields.text(raw.get("detail"), _DETAIL))
    return Ignored("unreadable")


def _read_message(message: Mapping[str, Any], contact: Mapping[str, Any]) -> InboundMessage | Ignored:
    sender = _sender(message, contact)
    if sender is None:
        return Ignored("no_sender")
    context = fields.mapping(message.get("context"))
    product = fields.mapping(context.get("referred_product"))
    profile = fields.mapping(contact.get("profile"))
    return InboundMessage(
        external_id=fields.identifier(message.get("id")),
        sender=sender.sender,
        phone=sender.phone,
        name=fields.text_or_none(profile.get("name"), _NAME),
        at=fields.moment(message.get("timestamp")),
        content=_content(message),
        quoted_id=fields.first_identifier(context.get("id"), context.get("message_id")),
        referred_product=fields.identifier(product.get("product_retailer_id")),
        referral=_referral(message.get("referral")),
    )


def _referral(value: Any) -> dict[str, str] | None:
    kept = {
        key[:_SHORT]: item[:LONGEST_TEXT]
        for key, item in fields.mapping(value).items()
        if isinstance(item, str)
    }
    return kept or None


def _content(message: Mapping[str, Any]) -> Content:
    kind = fields.text(message.get("type"), _SHORT) or "text"
    body = message.get(kind)
    if kind in _MEDIA:
        return _media(kind, fields.mapping(body))
    if kind == "contacts":
        names = (_card_name(card) for card in fields.items(body))
        return ContactCards(tuple(name for name in names if name))
    part = fields.mapping(body)
    if kind == "text":
        return _text(body)
    if kind == "interactive":
        return _interactive(part)
    if kind == "button":
        tapped = fields.first_identifier(part.get("payload"), part.get("text"))
        return (
            Tap(tapped, fields.text(part.get("text"), _SHORT))
            if tapped
            else Unsupported(kind, "nothing tapped")
        )
    if kind == "order":
        return _cart(part)
    if kind == "location":
        return _location(part)
    if kind == "reaction":
        return Reaction(fields.identifier(part.get("message_id")), fields.text(part.get("emoji"), _SHORT))
    if kind == "system":
        return _system(part)
    errors = fields.items(message.get("errors"))
    error = fields.mapping(errors[0]) if errors else {}
    return Unsupported(kind, fields.text(error.get("title") or error.get("message"), _DETAIL))


def _text(body: Any) -> Content:
    words = body if isinstance(body, str) else fields.mapping(body).get("body")
    return TextContent(words[:LONGEST_TEXT]) if isinstance(words, str) else Unsupported("text", "no words")


def _interactive(part: Mapping[str, Any]) -> Content:
    kind = fields.text(part.get("type"), _SHORT)
    reply = fields.mapping(part.get(kind))
    if kind == "nfm_reply":
        return FlowReply(fields.text(reply.get("name"), _SHORT), _flow_data(reply.get("response_json")))
    tapped = fields.identifier(reply.get("id"))
    if kind in {"button_reply", "list_reply"} and tapped:
        title = fields.text(reply.get("title"), _SHORT)
        return Tap(tapped, title, fields.text(reply.get("description"), _SHORT))
    return Unsupported("interactive", kind)


def _flow_data(written: Any) -> Mapping[str, Any]:
    """A flow's answers, JSON inside a string of JSON."""
    if isinstance(written, dict):
        return written
    if not isinstance(written, str):
        return {}
    try:
        return strict_json.parse_object(written.encode("utf-8", "replace"))
    except MalformedWebhook:
        return {}


def _cart(part: Mapping[str, Any]) -> Content:
    lines = []
    for line in fields.items(part.get("product_items")):
        product = fields.mapping(line)
        retailer_id = fields.identifier(product.get("product_retailer_id"))
        quantity = fields.whole(product.get("quantity"))
        if retailer_id and quantity:
            price = fields.amount(product.get("item_price"))
            lines.append(NativeCartItem(retailer_id, quantity, price, _currency(product.get("currency"))))
    if not lines:
        return Unsupported("order", "no products")
    note = fields.text(part.get("text"), LONGEST_TEXT)
    return NativeCart(fields.identifier(part.get("catalog_id")), note, tuple(lines))


def _location(part: Mapping[str, Any]) -> Content:
    latitude = fields.coordinate(part.get("latitude"), 90)
    longitude = fields.coordinate(part.get("longitude"), 180)
    if latitude is None or longitude is None:
        return Unsupported("location", "no coordinates")
    name, address = fields.text(part.get("name"), _DETAIL), fields.text(part.get("address"), _DETAIL)
    return Location(latitude, longitude, name, address)


def _media(kind: str, part: Mapping[str, Any]) -> Media:
    return Media(
        kind="audio" if kind == "voice" else kind,
        media_id=fields.identifier(part.get("id")),
        mime_type=fields.text(part.get("mime_type"), _SHORT),
        caption=fields.text(part.get("caption"), LONGEST_TEXT),
        filename=fields.text(part.get("filename"), _SHORT),
    )


def _card_name(card: Any) -> str | None:
    name = fields.mapping(fields.mapping(card).get("name"))
    return fields.text_or_none(name.get("formatted_name"), _NAME) or fields.text_or_none(
        name.get("first_name"), _NAME
    )


def _system(part: Mapping[str, Any]) -> Content:
    kind = fields.text(part.get("type"), _SHORT)
    new = fields.identity(part.get("wa_id"), part.get("new_wa_id"), part.get("user_id"))
    if kind in {"user_changed_number", "user_changed_user_id", "customer_changed_number"} and new:
        return NumberChanged(new.sender)
    return Unsupported("system", kind)


def _read_status(status: Mapping[str, Any]) -> StatusUpdate | Ignored:
    provider_id = fields.identifier(status.get("id"))
    name = _STATUSES.get(fields.text(status.get("status"), _SHORT).lower())
    if provider_id is None or name is None:
        return Ignored("unknown_status")
    errors = fields.items(status.get("errors"))
    error = fields.mapping(errors[0]) if errors else {}
    data = fields.mapping(error.get("error_data"))
    return StatusUpdate(
        provider_id=provider_id,
        status=name,
        at=fields.moment(status.get("timestamp")),
        recipient=_recipient(status),
        error_code=fields.whole(error.get("code")),
        error_title=fields.text_or_none(error.get("title"), _DETAIL),
        error_details=fields.text_or_none(data.get("details") or error.get("message"), _DETAIL),
    )


# --- Payments -----------------------------------------------------------------------------------------------------


def read_payment(payload: Mapping[str, Any], event_header: str | None = None) -> PaymentNotice:
    """Read a delivery to the payment URL, in either of the two families of WIRE 1c and 1d.

    Unknown events keep the name they came with; the caller leaves those alone.

    Raises:
        MalformedWebhook: ``unknown_shape`` if no event is named or its data is no object.
    """
    _require_object(payload)
    named = _event_name(payload) or fields.text(event_header, _SHORT).strip().lower()
    if not named:
        raise MalformedWebhook("the body names no event", code="unknown_shape")
    event = PAYMENT_EVENTS.get(named, named)
    data = payload.get("data", payload)
    if not isinstance(data, dict):
        raise MalformedWebhook("the event's data is not an object", code="unknown_shape")
    order = fields.mapping(data.get("order"))
    customer = fields.mapping(data.get("customer"))
    payment = fields.mapping(data.get("payment"))
    written = _present(data.get("amount"), data.get("total"), order.get("total"))
    nested = fields.mapping(written)
    if nested:
        written = nested.get("value")
    payment_id = fields.first_identifier(data.get("payment_id"), payment.get("id"))
    reason = _present(data.get("failure_reason"), data.get("reason"), data.get("error"))
    if isinstance(reason, dict):
        reason = _present(reason.get("message"), reason.get("code"))
    own_order_id = data.get("id") if event.startswith("order.") else None
    return PaymentNotice(
        event=event,
        order_ref=fields.first_identifier(
            data.get("order_id"), order.get("id"), data.get("order"), own_order_id
        ),
        external_ref=fields.first_identifier(
            data.get("external_id"),
            order.get("external_id"),
            data.get("external_reference"),
            data.get("reference"),
        ),
        payment_id=payment_id,
        # The shop hooks have no other name for the money than their payment's id (WIRE 1c).
        transaction_reference=fields.identifier(data.get("transaction_reference")) or payment_id,
        amount=fields.amount(written),
        amount_text=_as_written(written),
        currency=_currency(_present(data.get("currency"), nested.get("currency"), order.get("currency"))),
        status=(fields.text_or_none(data.get("status"), _SHORT) or "").lower() or None,
        failure_reason=fields.text_or_none(
            fields.identifier(reason) if isinstance(reason, int) else reason, _DETAIL
        ),
        phone=_phone(
            customer.get("phone"), customer.get("phone_number"), data.get("phone"), data.get("phone_number")
        ),
        name=fields.text_or_none(customer.get("name"), _NAME),
    )


def _present(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _currency(value: Any) -> str | None:
    code = fields.text(value, _SHORT)
    return code.upper() if len(code) == _CURRENCY_LETTERS and code.isascii() and code.isalpha() else None


def _phone(*candidates: Any) -> str | None:
    """The payer's number, with plus where it is international; local ones as written."""
    found = fields.identity(*candidates)
    if found:
        return found.phone
    return next((written[:_SHORT] for written in map(fields.identifier, candidates) if written), None)


def _as_written(value: Any) -> str | None:
    """What stood where an amount should be, for a person to look at."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, Decimal)):
        return str(value)[:_SHORT]
    return f"({type(value).__name__})"
