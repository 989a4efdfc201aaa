"""What every dialect offers, and the reading of answers they share. Pure: no network, no clock.

A dialect builds a request and reads an answer; between the two stands a client. Adding one: a module here, a line in
the registry, its recorded answers for the shared contract suite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, ClassVar, Final, Literal, Protocol, TypeAlias

from errors import GatewayError, GatewayRejected, GatewayUnavailable, MalformedWebhook, OutcomeUnknown
from ghala import fields, strict_json
from ghala.error_codes import UNAUTHORIZED_CODES, Policy, policy_of
from ghala.messages import Message

PaymentStatus: TypeAlias = Literal["pending", "success", "failed"]

_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?", re.ASCII)
_RETRY_STATUS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_REASONS: Final[Mapping[int, str]] = {
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.UNPROCESSABLE_ENTITY: "unprocessable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call to make: ``path`` is relative to the connection's address, ``json`` goes out as the body."""

    method: Literal["GET", "POST"]
    path: str
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """The message was taken; ``provider_id`` is what its statuses will name, None where none was told."""

    provider_id: str | None


@dataclass(frozen=True, slots=True)
class RemoteOrder:
    """An order as Ghala shows it. ``payment_status`` alone says whether money moved; ``amount`` in major units."""

    id: str
    status: str | None
    payment_status: PaymentStatus | None
    external_id: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    transaction_reference: str | None = None
    payment_url: str | None = None
    failure_reason: str | None = None


class MessageDialect(Protocol):
    """How messages are sent over one of Ghala's contracts."""

    name: ClassVar[str]
    signature_scheme: ClassVar[str]
    """The scheme its webhooks are signed with unless configured otherwise."""
    honours_keys: ClassVar[bool]
    """Whether sending again under the same key is known not to send twice."""

    def send_message(self, to: str, message: Message, key: str) -> Request:
        """Build the request that sends ``message``.

        Args:
            to: digits of a WhatsApp id, or a business-scoped id.
            message: what to say.
            key: stored before the first attempt and the same in all of them.
        """

    def read_sent(self, status: int, headers: Mapping[str, str], body: bytes) -> Sent:
        """Read the answer to a sent message.

        Raises:
            GatewayUnavailable: not taken; try again after ``retry_after``.
            GatewayRejected: a final no; ``reason`` is a code of :mod:`ghala.error_codes` where one was given.
            OutcomeUnknown: perhaps taken, the answer cannot be read.
        """

    def read_mark(self, message_id: str, *, typing: bool) -> Request | None:
        """Build the request that marks a customer's message as read, and says that we type; None where there is none."""


class OrderDialect(Protocol):
    """How payments are asked for and asked about."""

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
        """Build the request that asks a customer for money; ``amount`` is in major units.

        Raises:
            ValueError: the amount is not a positive number; our bug.
        """

    def get_order(self, order_id: str) -> Request:
        """Build the request that asks how an order stands."""

    def read_order(self, status: int, headers: Mapping[str, str], body: bytes) -> RemoteOrder:
        """Read an order, from either call; raises as :meth:`MessageDialect.read_sent`."""


def read_success(status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The JSON object of a 2xx answer.

    Raises:
        GatewayUnavailable: see :meth:`MessageDialect.read_sent`.
        GatewayRejected: the same.
        OutcomeUnknown: a 2xx whose body is not a JSON object, or a status that means neither yes nor no.
    """
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        try:
            return strict_json.parse_object(body)
        except MalformedWebhook as unreadable:
            raise OutcomeUnknown(f"answer {status} could not be read ({unreadable.code})") from None
    if status < HTTPStatus.BAD_REQUEST:
        raise OutcomeUnknown(f"answer {status} is neither yes nor no")
    raise _refusal(status, headers, _error_code(body))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a server asks to wait: ``Retry-After`` as a number, or as a date compared with its own ``Date``."""
    lowered = {name.lower(): value for name, value in headers.items()}
    hint = lowered.get("retry-after", "").strip()
    if _SECONDS.fullmatch(hint):
        return float(hint)
    try:
        wait = parsedate_to_datetime(hint) - parsedate_to_datetime(lowered.get("date", ""))
    except (ValueError, TypeError, OverflowError):  # not dates, or one with and one without a zone
        return None
    return max(wait.total_seconds(), 0.0)


def payment_status(value: Any) -> PaymentStatus | None:
    """Ghala's word for a payment (WIRE 1d) as one of ours; an unknown word proves nothing."""
    word = fields.text(value, 40).strip().lower()
    if word in {"success", "successful", "succeeded", "completed", "paid"}:
        return "success"
    if word in {"failed", "declined", "cancelled", "canceled", "expired"}:
        return "failed"
    return "pending" if word in {"pending", "processing", "initiated"} else None


def recipient(to: str) -> str:
    """The id a message goes to, without the plus that some write before it."""
    return to.removeprefix("+")


def is_phone(to: str) -> bool:
    """Whether ``to`` is a WhatsApp number; otherwise it is a business-scoped id."""
    return recipient(to).isdecimal()


def _refusal(status: int, headers: Mapping[str, str], code: str | None) -> GatewayError:
    """The code decides where it is known (Meta answers 400 for throttling), else the HTTP status."""
    policy = policy_of(code)
    wait = retry_after(headers)
    label = f"answer {status}" + (f", code {code}" if code else "")
    server_broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    if policy in {Policy.RETRY, Policy.PAIR_RATE} or status in _RETRY_STATUS:
        return GatewayUnavailable(label, retry_after=wait, reason=code or "")
    # A broken server's 0 is no verdict about our key.
    if server_broken and (policy is None or code in UNAUTHORIZED_CODES):
        return GatewayUnavailable(label, retry_after=wait, reason=code or "")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} or code in UNAUTHORIZED_CODES:
        return GatewayRejected(label, reason="unauthorized", status=status)
    return GatewayRejected(label, reason=code or _REASONS.get(status, f"http_{status}"), status=status)


def _error_code(body: bytes) -> str | None:
    """The code in an error's body: Meta's ``error.code``, Ghala's ``code``, or a word as ``error``."""
    try:
        answer = strict_json.parse_object(body)
    except MalformedWebhook:
        return None
    error = answer.get("error")
    nested = fields.mapping(error)
    code = fields.first_identifier(nested.get("code"), answer.get("code"), nested.get("type"), error)
    # A sentence is no code; reasons are stored and compared.
    return code if code and re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", code) else None
