"""What an order at Ghala is, how a person can end its payment, and what M-Pesa says about it.

Pure: no clock, no chance of its own. Amounts are in major units, as Ghala's ``/v1/orders`` has them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from sandbox.limits import number_of
from sandbox.refusal import Refused

METHODS = ("mpesa", "airtel", "card")
CURRENCIES = ("KES", "TZS", "UGX", "RWF", "USD")
MOST = Decimal(10_000_000)
PROMPT_SECONDS = 120.0
LATE_SECONDS = 20.0

# Result codes and sentences as Safaricom gives them for an STK push (WIRE, section 3).
FAILURES: dict[str, str] = {
    "wrong_pin": "2001: The initiator information is invalid.",
    "no_money": "1: The balance is insufficient for the transaction.",
    "cancel": "1032: Request cancelled by user",
    "pay_late": "1037: DS timeout user cannot be reached",
    "timeout": "1037: DS timeout user cannot be reached",
    "decline": "card_declined: The card was declined",
}
OUTCOMES = ("pay", *FAILURES, "ignore")
CARDS: dict[str, tuple[str, str]] = {
    "pay": ("4242 4242 4242 4242 · pays", ""),
    "no_money": (
        "4000 0000 0000 9995 · not enough money",
        "insufficient_funds: Not enough money on the card",
    ),
    "decline": ("4000 0000 0000 0002 · declined", FAILURES["decline"]),
    "expired": ("4000 0000 0000 0069 · expired card", "expired_card: The card has expired"),
}
_NAIROBI = timezone(timedelta(hours=3))
_SYMBOLS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(slots=True)
class Order:
    """One payment asked of one phone.

    ``payment_status`` is pending, success or failed. ``ringing`` while the PIN dialog is on the phone;
    ``waited_until`` (unix seconds) is when an unanswered dialog gives up.
    """

    id: str
    external_id: str
    amount: Decimal
    currency: str
    phone: str
    method: str
    description: str
    callback_url: str
    payment_url: str
    created: float
    waited_until: float
    ringing: bool = False
    payment_status: str = "pending"
    transaction_reference: str = ""
    failure_reason: str = ""

    @property
    def status(self) -> str:
        """Return the order's own status in Ghala's words."""
        return {"pending": "pending", "success": "completed", "failed": "failed"}[self.payment_status]

    def as_json(self) -> dict[str, object]:
        """Return what ``GET /orders/<id>`` answers."""
        answer: dict[str, object] = {
            "id": self.id,
            "external_id": self.external_id,
            "status": self.status,
            "payment_status": self.payment_status,
            "payment_method": self.method,
            "amount": json_number(self.amount),
            "currency": self.currency,
            "customer": {"phone": self.phone},
            "payment_url": self.payment_url,
        }
        if self.transaction_reference:
            answer["transaction_reference"] = self.transaction_reference
        if self.failure_reason:
            answer["failure_reason"] = self.failure_reason
        return answer


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A checked body of ``POST /orders``."""

    external_id: str
    amount: Decimal
    currency: str
    phone: str
    method: str
    description: str
    callback_url: str


def read_request(body: Mapping[str, Any]) -> OrderRequest:
    """Check the body of ``POST /orders``.

    Raises:
        Refused: a field is missing or wrong; the sentence names it.
    """
    external_id = body.get("external_id")
    if not isinstance(external_id, str) or not external_id.strip():
        raise Refused("external_id is required", reason="invalid_external_id")
    amount = decimal_of(body.get("amount"))
    method = body.get("payment_method")
    if method not in METHODS:
        raise Refused(f"payment_method must be one of {', '.join(METHODS)}", reason="invalid_payment_method")
    currency = body.get("currency")
    if currency not in CURRENCIES:
        raise Refused(f"currency must be one of {', '.join(CURRENCIES)}", reason="invalid_currency")
    if method != "card" and amount != amount.to_integral_value():
        raise Refused("mobile money takes whole shillings only", reason="invalid_amount")
    customer = body.get("customer")
    if not isinstance(customer, Mapping):
        raise Refused("customer.phone is required", reason="invalid_phone")
    try:
        phone = number_of(customer.get("phone"), "customer.phone")
    except Refused as refused:
        raise Refused(str(refused), reason="invalid_phone") from None
    callback = body.get("callback_url") or ""
    if not isinstance(callback, str) or (callback and urlsplit(callback).scheme not in {"http", "https"}):
        raise Refused("callback_url must be an http address", reason="invalid_callback_url")
    return OrderRequest(
        external_id, amount, currency, phone, method, str(body.get("description") or ""), callback
    )


def decimal_of(value: object) -> Decimal:
    """Return a positive amount of money.

    Raises:
        Refused: not a number, not more than 0, or absurdly large.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise Refused("amount must be a number", reason="invalid_amount")
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise Refused("amount must be a number", reason="invalid_amount") from None
    if not amount.is_finite() or amount <= 0 or amount > MOST:
        raise Refused("amount must be more than 0 and at most 10,000,000", reason="invalid_amount")
    return amount


def json_number(amount: Decimal) -> int | float:
    """Return an amount as JSON writes it: whole when it is whole."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def money_text(amount: Decimal, currency: str) -> str:
    """Return an amount as the SIM menu shows it: ``KES 3,000.00``."""
    return f"{currency} {amount:,.2f}"


def reference(now: float, chance: random.Random) -> str:
    """Return a transaction code like M-Pesa's: year, month and day as letters, then seven symbols."""
    day = datetime.fromtimestamp(now, UTC).astimezone(_NAIROBI)
    year = chr(ord("A") + (day.year - 2006) % 26)
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
    return year + chr(ord("A") + day.month - 1) + letters[day.day] + "".join(chance.choices(_SYMBOLS, k=7))


def webhook_body(
    order: Order,
    *,
    paid: bool,
    amount: Decimal,
    currency: str,
    transaction_reference: str,
    failure_reason: str,
) -> dict[str, object]:
    """Return the payment event Ghala posts (WIRE 1d)."""
    data: dict[str, object] = {
        "order_id": order.id,
        "amount": json_number(amount),
        "currency": currency,
        "status": "completed" if paid else "failed",
    }
    if paid:
        data["transaction_reference"] = transaction_reference
    else:
        data["failure_reason"] = failure_reason
    return {"event": "payment.success" if paid else "payment.failed", "data": data}


def sms_text(order: Order, shop: str, amount: Decimal, now: float) -> str:
    """Return the text message the operator sends after the PIN, or an empty one for silence."""
    money = money_text(amount, order.currency)
    if order.payment_status == "success":
        when = datetime.fromtimestamp(now, UTC).astimezone(_NAIROBI)
        hour = when.strftime("%I:%M %p").lstrip("0")
        return (
            f"{order.transaction_reference} Confirmed. {money} paid to {shop.upper()} "
            f"on {when.day}/{when.month}/{when:%y} at {hour}. Transaction cost, {order.currency} 0.00."
        )
    code = order.failure_reason.partition(":")[0]
    return {
        "1": f"Failed. You do not have enough money to pay {money} to {shop.upper()}.",
        "2001": "You have entered a wrong PIN. The payment was not made.",
        "1037": f"The request to pay {money} to {shop.upper()} timed out.",
    }.get(code, "")
