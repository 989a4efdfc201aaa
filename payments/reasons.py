"""Why an attempt to pay failed: many gateways' codes and sentences, few reasons of ours. Pure.

The customer is told by reason, never by code. Numbers are Safaricom's Daraja result codes as
collected in the developer portal and its clients: 1 insufficient funds, 17, 26 and 9999
internal or busy, 1001 another session holds the line, 1019 expired, 1025 prompt could not
be sent, 1032 cancelled, 1037 no answer on the phone, 2001 wrong PIN.
"""

from __future__ import annotations

import re
from typing import Final

INSUFFICIENT_FUNDS: Final = "insufficient_funds"
WRONG_PIN: Final = "wrong_pin"
CANCELLED: Final = "cancelled"
TIMEOUT: Final = "timeout"
BUSY: Final = "busy"
EXPIRED: Final = "expired"
UNAVAILABLE: Final = "unavailable"
UNKNOWN: Final = "unknown"
ORDER_CLOSED: Final = "order_closed"
ALREADY_PAID: Final = "already_paid"
"""Of attempts that ended before anybody was prompted, since their order no longer asked for money."""

REASONS: Final = (INSUFFICIENT_FUNDS, WRONG_PIN, CANCELLED, TIMEOUT, BUSY, EXPIRED, UNAVAILABLE, UNKNOWN)
"""Every reason there is; each has a sentence in every language (``failed-<reason>``)."""

BY_CODE: Final[dict[str, str]] = {
    "1": INSUFFICIENT_FUNDS,
    "17": BUSY,
    "26": BUSY,
    "1001": BUSY,
    "1019": EXPIRED,
    "1025": UNAVAILABLE,
    "1032": CANCELLED,
    "1037": TIMEOUT,
    "2001": WRONG_PIN,
    "9999": UNAVAILABLE,
}

BY_WORD: Final[tuple[tuple[str, str], ...]] = (
    ("insufficient", INSUFFICIENT_FUNDS),
    ("not enough", INSUFFICIENT_FUNDS),
    ("low balance", INSUFFICIENT_FUNDS),
    ("no_money", INSUFFICIENT_FUNDS),
    ("no money", INSUFFICIENT_FUNDS),
    ("balance", INSUFFICIENT_FUNDS),
    ("wrong pin", WRONG_PIN),
    ("wrong_pin", WRONG_PIN),
    ("invalid pin", WRONG_PIN),
    ("incorrect pin", WRONG_PIN),
    ("initiator information is invalid", WRONG_PIN),
    ("timed out", TIMEOUT),
    ("timed_out", TIMEOUT),
    ("timeout", TIMEOUT),
    ("cannot be reached", TIMEOUT),
    ("unreachable", TIMEOUT),
    ("no response from user", TIMEOUT),
    ("no answer", TIMEOUT),
    ("no_answer", TIMEOUT),
    ("cancel", CANCELLED),
    ("rejected by user", CANCELLED),
    ("declined by user", CANCELLED),
    ("expired", EXPIRED),
    ("unable to lock subscriber", BUSY),
    ("subscriber_locked", BUSY),
    ("in process", BUSY),
    ("busy", BUSY),
    ("unavailable", UNAVAILABLE),
    ("system error", UNAVAILABLE),
    ("internal", UNAVAILABLE),
)
"""Words in the order they are looked for: the telling ones first."""

_CODE: Final = re.compile(r"\s*(?:result\s*code\s*[:=]?\s*)?([0-9]{1,4})(?![0-9A-Za-z.,])", re.IGNORECASE)


def reason(said: str | int | None) -> str:
    """Our reason for what a gateway said: a code, a code with a sentence, or a sentence.

    Our own reason names pass through, so that a stored reason can be read again.
    """
    if said is None:
        return UNKNOWN
    text = str(said).strip().lower()
    if text in REASONS:
        return text
    code = _CODE.match(text)
    if code and code.group(1) in BY_CODE:
        return BY_CODE[code.group(1)]
    return next((ours for word, ours in BY_WORD if word in text), UNKNOWN)
