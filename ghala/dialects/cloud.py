"""``cloud``: WhatsApp's Cloud API as Meta documents it, reached through Ghala's override (WIRE 1b, 2b)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from errors import ConfigError
from ghala import fields
from ghala.dialects.base import Request, Sent, is_phone, read_success, recipient
from ghala.messages import Message

_LONGEST_CALLBACK_DATA = 512


class Cloud:
    """Messages over ``/{phone_number_id}/messages``; payments go by ``v1`` orders.

    Raises:
        ConfigError: there is no phone number id.
    """

    name: ClassVar[str] = "cloud"
    signature_scheme: ClassVar[str] = "meta"
    honours_keys: ClassVar[bool] = False

    def __init__(self, phone_number_id: str) -> None:
        if not re.fullmatch(r"[0-9]{1,32}", phone_number_id, re.ASCII):
            raise ConfigError(["the cloud dialect needs the id (digits) of the phone number that sends"])
        self.phone_number_id = phone_number_id

    def send_message(self, to: str, message: Message, key: str) -> Request:
        """The complete body; the key travels as callback data, for Meta has no idempotency key.

        It comes back in the statuses, which is how a send with unknown outcome can be recognised.
        """
        body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
        body |= {"to": recipient(to)} if is_phone(to) else {"recipient": to}
        body |= message.wire()
        body["biz_opaque_callback_data"] = key[:_LONGEST_CALLBACK_DATA]
        return Request("POST", f"/{self.phone_number_id}/messages", body)

    def read_mark(self, message_id: str, *, typing: bool) -> Request | None:
        """Marks this message and all before it; "typing" ends with our next message or after 25 seconds (WIRE 2b)."""
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        return Request("POST", f"/{self.phone_number_id}/messages", body)

    def read_sent(self, status: int, headers: Mapping[str, str], body: bytes) -> Sent:
        """Meta's reply names the message in ``messages[0].id``."""
        answer = read_success(status, headers, body)
        messages = fields.items(answer.get("messages"))
        return Sent(fields.identifier(fields.mapping(messages[0]).get("id")) if messages else None)
