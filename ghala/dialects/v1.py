"""``v1``: the contract of the original design and the default (WIRE 1d).

Its send reply is not documented, so the id is looked for wherever a client has seen one. Pictures and templates go
out as Meta writes them; link buttons and location requests, which nothing says ``v1`` knows, as plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote

from errors import OutcomeUnknown
from ghala import fields
from ghala.dialects.base import (
    RemoteOrder,
    Request,
    Sent,
    payment_status,
    read_success,
    recipient,
)
from ghala.messages import LinkButton, LocationRequest, Message, Text

_LONGEST_WORDS = 500
_LONGEST_URL = 2_000


class V1:
    """Messages and orders over the original contract."""

    name: ClassVar[str] = "v1"
    signature_scheme: ClassVar[str] = "body-hex"
    honours_keys: ClassVar[bool] = True

    def send_message(self, to: str, message: Message, key: str) -> Request:
        """``POST /whatsapp/messages`` with Meta's body, without ``messaging_product``."""
        if isinstance(message, (LinkButton, LocationRequest)):
            message = Text(message.numbered())
        body = {"to": recipient(to)} | message.wire()
        return Request("POST", "/whatsapp/messages", body, {"Idempotency-Key": key})

    def read_sent(self, status: int, headers: Mapping[str, str], body: bytes) -> Sent:
        """Accepts every place a client has seen the id; an object without any is still a yes."""
        answer = read_success(status, headers, body)
        data = fields.mapping(answer.get("data"))
        return Sent(_message_id(answer) or _message_id(data))

    def read_mark(self, message_id: str, *, typing: bool) -> Request | None:  # noqa: ARG002
        """No client of ``v1`` has ever marked anything as read."""
        return None

    def create_order(
        self,
        *,
        external_id: str,
        amount: Decimal | int,
        currency: str,
        phone: str,
        method: str,
        description: str,
        callback_url: str,
        key: str,
    ) -> Request:
        """``POST /orders``; the same key and ``external_id`` again ask for the same order."""
        body = {
            "external_id": external_id,
            "amount": _major_units(amount),
            "currency": currency,
            "customer": {"phone": phone} if phone else {},
            "payment_method": method,
            "description": description,
            "callback_url": callback_url,
        }
        return Request("POST", "/orders", body, {"Idempotency-Key": key})

    def get_order(self, order_id: str) -> Request:
        """``GET /orders/{id}``."""
        return Request("GET", f"/orders/{quote(order_id, safe='')}")

    def read_order(self, status: int, headers: Mapping[str, str], body: bytes) -> RemoteOrder:
        """Reads the reply of both calls, bare or under ``data`` or ``order``.

        Raises:
            OutcomeUnknown: it names no order, or says how it ended beside an amount that is none.
        """
        answer = read_success(status, headers, body)
        order = answer
        for wrapper in ("data", "order"):
            if "id" not in order and isinstance(order.get(wrapper), dict):
                order = order[wrapper]
        order_id = fields.first_identifier(order.get("id"), order.get("order_id"))
        if order_id is None:
            raise OutcomeUnknown("the answer names no order")
        state = fields.text_or_none(order.get("status"), _LONGEST_WORDS)
        paid = payment_status(order.get("payment_status"))
        if paid is None and payment_status(state) == "pending":
            # The reply to a new order has only `status`; that it waits may be believed, that it is paid not.
            paid = "pending"
        amount = fields.amount(order.get("amount"))
        if amount is None and order.get("amount") is not None and paid not in {None, "pending"}:
            # Not the same as no amount: what cannot be compared with ours must not count as fitting.
            raise OutcomeUnknown("the answer's amount cannot be read")
        return RemoteOrder(
            id=order_id,
            status=state,
            payment_status=paid,
            external_id=fields.identifier(order.get("external_id")),
            amount=amount,
            currency=fields.text(order.get("currency"), 3).upper() or None,
            transaction_reference=fields.identifier(order.get("transaction_reference")),
            payment_url=_web_address(order.get("payment_url")),
            failure_reason=fields.text_or_none(order.get("failure_reason"), _LONGEST_WORDS),
        )


def _message_id(answer: Mapping[str, Any]) -> str | None:
    messages = fields.items(answer.get("messages"))
    first = fields.mapping(messages[0]) if messages else {}
    # WhatsApp's own id before Ghala's: statuses name it.
    return fields.first_identifier(
        first.get("id"), answer.get("wa_message_id"), answer.get("message_id"), answer.get("id")
    )


def _major_units(amount: Decimal | int) -> Decimal | int:
    """The amount as JSON should show it: whole numbers without a point."""
    exact = Decimal(amount)
    if isinstance(amount, bool) or not exact.is_finite() or exact <= 0:
        raise ValueError("an order needs a positive amount")
    return int(exact) if exact == exact.to_integral_value() else exact


def _web_address(value: Any) -> str | None:
    """A link we may send to a customer; anything that is not the web is none."""
    url = fields.text_or_none(value, _LONGEST_URL)
    return url if url and url.startswith(("https://", "http://")) else None
