"""What is in a chat: messages both ways, what they say in plain words, and what can be tapped in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.refusal import Refused

SHOP = "shop"
CUSTOMER = "customer"
_REPLYABLE = ("text", "interactive", "button", "location", "image", "video", "audio", "document")
KINDS_SENT = (*_REPLYABLE, "sticker", "contacts", "reaction", "order", "unsupported")


@dataclass(slots=True)
class Message:
    """One bubble. ``at`` is unix seconds; ``status`` is sent, delivered, read or failed."""

    id: str
    sender: str
    payload: dict[str, Any]
    at: float
    status: str = "sent"
    error: str = ""
    quoted: str = ""

    @property
    def kind(self) -> str:
        """Return the type WhatsApp gives it."""
        return str(self.payload.get("type", "text"))

    def as_json(self) -> dict[str, Any]:
        """Return the bubble with its payload, its plain text and what can be tapped."""
        return {
            "id": self.id,
            "from": self.sender,
            "type": self.kind,
            "payload": self.payload,
            "at": self.at,
            "status": self.status,
            "error": self.error,
            "quoted": self.quoted,
            "text": plain_text(self.payload),
            "choices": [{"id": c.id, "title": c.title, "kind": c.kind} for c in choices(self.payload)],
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to tap: a reply button or a list row."""

    id: str
    title: str
    kind: str  # button or row
    description: str = ""


@dataclass(slots=True)
class Notice:
    """A text message from the operator, shown above the chat."""

    id: int
    sender: str
    text: str
    at: float


@dataclass(slots=True)
class Phone:
    """One customer's phone. ``version`` grows whenever anything on it changes."""

    number: str
    name: str
    messages: list[Message] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    version: int = 0
    heard_at: float = 0.0  # unix seconds of the customer's last message: the 24-hour window
    typing_until: float = 0.0
    announced: bool = False  # a person made it, rather than a message or charge to an unknown number

    def shop_messages(self) -> list[Message]:
        """Return what the shop sent."""
        return [m for m in self.messages if m.sender == SHOP]


def choices(payload: Mapping[str, Any]) -> Iterator[Choice]:
    """Yield what can be tapped in a message of the shop, in the order it is shown."""
    interactive = payload.get("interactive")
    if not isinstance(interactive, Mapping):
        return
    action = interactive.get("action", {})
    if interactive.get("type") == "button":
        for button in action.get("buttons", []):
            yield Choice(button["reply"]["id"], button["reply"]["title"], "button")
    elif interactive.get("type") == "list":
        for section in action.get("sections", []):
            for row in section.get("rows", []):
                yield Choice(row["id"], row["title"], "row", row.get("description", ""))


def tapped(choice: Choice) -> dict[str, Any]:
    """Return the content of the message WhatsApp sends for a tap."""
    if choice.kind == "button":
        return {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": choice.id, "title": choice.title}},
        }
    reply = {"id": choice.id, "title": choice.title}
    if choice.description:
        reply["description"] = choice.description
    return {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": reply}}


def customer_content(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Check and copy what a customer's phone is asked to send.

    Raises:
        Refused: no type, or the part named by the type is missing.
    """
    kind = raw.get("type")
    if kind not in KINDS_SENT:
        raise Refused(f"type must be one of {', '.join(KINDS_SENT)}")
    if kind not in raw and kind != "unsupported":
        raise Refused(f"{kind} is missing")
    reserved = {"id", "from", "timestamp", "to"}
    return {key: value for key, value in raw.items() if key not in reserved}


def plain_text(payload: Mapping[str, Any]) -> str:
    """Return a message as words only, for terminals and tests."""
    kind = payload.get("type", "text")
    part = payload.get(str(kind))
    match kind:
        case "text" if isinstance(part, Mapping):
            return str(part.get("body", ""))
        case "interactive" if isinstance(part, Mapping):
            return _interactive_text(part)
        case "button" if isinstance(part, Mapping):
            return str(part.get("text", ""))
        case "template" if isinstance(part, Mapping):
            words = [
                str(parameter.get("text", ""))
                for component in part.get("components", [])
                for parameter in component.get("parameters", [])
                if parameter.get("type") == "text"
            ]
            return " · ".join([f"[template {part.get('name')}]", *words])
        case "location" if isinstance(part, Mapping):
            name = part.get("name") or f"{part.get('latitude')}, {part.get('longitude')}"
            return f"📍 {name}"
        case "reaction" if isinstance(part, Mapping):
            return str(part.get("emoji", ""))
        case _:
            caption = part.get("caption", "") if isinstance(part, Mapping) else ""
            return f"[{kind}] {caption}".strip()


def _interactive_text(part: Mapping[str, Any]) -> str:
    for reply in ("button_reply", "list_reply"):
        if isinstance(part.get(reply), Mapping):
            return str(part[reply].get("title", ""))
    header = part.get("header") or {}
    lines = [
        header.get("text", "") if isinstance(header, Mapping) else "",
        (part.get("body") or {}).get("text", ""),
        (part.get("footer") or {}).get("text", ""),
    ]
    return "\n".join(line for line in lines if line)
