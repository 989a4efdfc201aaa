"""``v2``: the newest of Ghala's contracts, with a flat body (WIRE 1a).

It knows text, pictures and templates; buttons and lists go out as numbered text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ghala import fields
from ghala.dialects.base import Request, Sent, read_success, recipient
from ghala.messages import LIMITS, Buttons, Image, Message, Template


class V2:
    """Messages over ``/api/v2/messages``; payments go by ``v1`` orders."""

    name: ClassVar[str] = "v2"
    signature_scheme: ClassVar[str] = "timestamp-hex"
    honours_keys: ClassVar[bool] = True

    def send_message(self, to: str, message: Message, key: str) -> Request:
        """``POST /api/v2/messages``; the number without plus, the text as a string."""
        body = {"to": recipient(to)} | _flat(message)
        return Request("POST", "/api/v2/messages", body, {"Idempotency-Key": key})

    def read_sent(self, status: int, headers: Mapping[str, str], body: bytes) -> Sent:
        """Prefers WhatsApp's id, which statuses name too; an object without any is still a yes."""
        answer = read_success(status, headers, body)
        return Sent(fields.first_identifier(answer.get("wa_message_id"), answer.get("id")))

    def read_mark(self, message_id: str, *, typing: bool) -> Request | None:  # noqa: ARG002
        """None is known."""
        return None


def _flat(message: Message) -> dict[str, Any]:
    if isinstance(message, Image):
        return _picture(message.link, message.caption)
    if isinstance(message, Template):
        return {
            "type": "template",
            "template_name": message.name,
            "template_language": message.language,
            "template_components": message.components(),
        }
    words = message.numbered()
    if isinstance(message, Buttons) and message.image and len(words) <= LIMITS.caption:
        return _picture(message.image, words)
    return {"type": "text", "text": words}


def _picture(link: str, caption: str) -> dict[str, Any]:
    return {"type": "image", "media_url": link} | ({"media_caption": caption} if caption else {})
