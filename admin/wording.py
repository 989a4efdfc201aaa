"""How the pages say things: money, moments, names and statuses. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

from catalog.money import MINOR_DIGITS, to_major

LOCALE: Final = "en_GB"
LONGEST_NAME: Final = 64
MOST_MARKS: Final = 3
_SPACE: Final = re.compile(r"\s+")
_ZERO_WIDTH_JOINER: Final = "\u200d"

ORDER_WORDS: Final = {
    "pending_payment": "Unpaid",
    "paid": "Paid",
    "preparing": "Preparing",
    "dispatched": "On its way",
    "delivered": "Delivered",
    "cancelled": "Cancelled",
    "expired": "Expired",
}
PAYMENT_SIDE_WORDS: Final = {
    "unpaid": "Not paid",
    "pending": "Paying now",
    "paid": "Paid",
    "failed": "Payment failed",
    "part_refunded": "Partly refunded",
    "refunded": "Refunded",
}
PAYMENT_WORDS: Final = {
    "created": "Starting",
    "pending": "Waiting for the customer",
    "succeeded": "Paid",
    "failed": "Failed",
    "expired": "Expired",
    "unknown": "Not known yet",
    "needs_review": "Needs a look",
}
METHOD_WORDS: Final = {"cash": "Cash", "mpesa": "M-Pesa", "airtel": "Airtel Money", "card": "Card"}
MOVE_WORDS: Final = {
    "preparing": "Start preparing",
    "dispatched": "Send on its way",
    "delivered": "Mark delivered",
}
MOVED_WORDS: Final = {
    "preparing": "The order is being prepared. The customer is told.",
    "dispatched": "The order is on its way. The customer is told.",
    "delivered": "The order is delivered. The customer is told.",
}
MONEY_WORDS: Final = {
    "unmatched": "Unmatched money",
    "refund_due": "Refund due",
    "payment": "Paid",
    "refund": "Refunded",
}
REFUND_WORDS: Final = {
    "requested": ("wait", "On its way"),
    "pending": ("wait", "On its way"),
    "succeeded": ("good", "Paid back"),
    "manual": ("good", "Paid back by hand"),
    "failed": ("bad", "Refused by the gateway"),
}
"""The colour of a refund's badge and its words, where it is not for a person to pay back."""
REASON_WORDS: Final = {
    "insufficient_funds": "Not enough money",
    "wrong_pin": "Wrong PIN",
    "cancelled": "Cancelled on the phone",
    "expired": "Not answered in time",
    "timeout": "No answer on the phone",
    "busy": "The line was busy",
    "unavailable": "The service was not available",
    "replaced": "Replaced by a new attempt",
    "unknown": "Nobody said why",
}
TONES: Final = {
    "pending_payment": "wait",
    "paid": "good",
    "preparing": "busy",
    "dispatched": "busy",
    "delivered": "done",
    "cancelled": "off",
    "expired": "off",
    "unpaid": "off",
    "pending": "wait",
    "created": "wait",
    "succeeded": "good",
    "failed": "bad",
    "unknown": "wait",
    "needs_review": "bad",
    "part_refunded": "off",
    "refunded": "off",
}


def sentence(code: str) -> str:
    """A code nobody gave words to, made readable."""
    text = plain(code.replace("_", " "), 200)
    return text[:1].upper() + text[1:]


def say_money(minor: int, currency: str) -> str:
    """``KES 1,500`` or ``USD 12.50``: minor digits only where there are any."""
    if currency not in MINOR_DIGITS:
        return f"{format_decimal(minor, locale=LOCALE)} {currency}".strip()
    major = to_major(minor, currency)
    digits = MINOR_DIGITS[currency] if major % 1 else 0
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return f"{currency} {format_decimal(major, format=pattern, locale=LOCALE)}"


def say_number(number: int) -> str:
    """``1,204``."""
    return str(format_decimal(number, locale=LOCALE))


def say_moment(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """``12:07`` today, ``Yesterday 18:40``, ``12 Nov, 18:40``, with the year when it is another."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    clock = format_time(local, "HH:mm", locale=LOCALE)
    if local.date() == today:
        return clock
    if local.date() == today - timedelta(days=1):
        return f"Yesterday {clock}"
    pattern = "d MMM, HH:mm" if local.year == today.year else "d MMM y, HH:mm"
    return str(format_datetime(local, pattern, locale=LOCALE))


def say_day(moment: datetime, zone: ZoneInfo) -> str:
    """``Friday 20 November``."""
    return str(format_date(moment.astimezone(zone).date(), "EEEE d MMMM", locale=LOCALE))


def say_clock(moment: datetime, zone: ZoneInfo) -> str:
    """``12:07:30``."""
    return str(format_time(moment.astimezone(zone), "HH:mm:ss", locale=LOCALE))


def plain(text: str, longest: int = LONGEST_NAME) -> str:
    """What somebody else wrote, harmless to the layout: no controls, no direction marks, no towers of accents."""
    kept: list[str] = []
    marks = 0
    for character in unicodedata.normalize("NFC", text[: longest * 8]):
        category = unicodedata.category(character)
        if category in {"Cc", "Zl", "Zp"}:
            kept.append(" ")
            continue
        if category in {"Cf", "Cs", "Co", "Cn"} and character != _ZERO_WIDTH_JOINER:
            continue
        marks = marks + 1 if category.startswith("M") else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    cleaned = _SPACE.sub(" ", "".join(kept)).strip()
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1].rstrip() + "…"


def plain_lines(text: str, longest: int) -> str:
    """A longer text of somebody else with its lines; see :func:`plain`. No two empty lines follow each other."""
    kept: list[str] = []
    for line in text[: longest * 2].splitlines():
        cleaned = plain(line, longest)
        if cleaned or (kept and kept[-1]):
            kept.append(cleaned)
    whole = "\n".join(kept).strip("\n")
    return whole if len(whole) <= longest else whole[: longest - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Wording:
    """The same sayings, bound to one shop and one moment, as templates use them."""

    now: datetime
    zone: ZoneInfo

    def money(self, minor: int, currency: str) -> str:
        """See :func:`say_money`."""
        return say_money(minor, currency)

    def number(self, number: int) -> str:
        """See :func:`say_number`."""
        return say_number(number)

    def moment(self, moment: datetime) -> str:
        """See :func:`say_moment`."""
        return say_moment(moment, self.now, self.zone)

    def hour(self, moment: datetime) -> str:
        """``18:40``."""
        return str(format_time(moment.astimezone(self.zone), "HH:mm", locale=LOCALE))

    def date(self, moment: datetime) -> str:
        """For paper, which is read on any day: ``20 November 2026, 12:07``."""
        return str(format_datetime(moment.astimezone(self.zone), "d MMMM y, HH:mm", locale=LOCALE))

    def iso(self, moment: datetime) -> str:
        """For machines, in the shop's zone."""
        return moment.astimezone(self.zone).isoformat(timespec="seconds")

    @property
    def day(self) -> str:
        """Today."""
        return say_day(self.now, self.zone)

    @property
    def clock(self) -> str:
        """Now."""
        return say_clock(self.now, self.zone)

    def name(self, text: str) -> str:
        """A person's or product's name; see :func:`plain`."""
        return plain(text) or "No name"

    def text(self, text: str, longest: int = 400) -> str:
        """A longer text of somebody else; see :func:`plain`."""
        return plain(text, longest)

    def order_status(self, status: str) -> str:
        """In the owner's words."""
        return ORDER_WORDS.get(status) or sentence(status)

    def payment_side(self, status: str) -> str:
        """In the owner's words."""
        return PAYMENT_SIDE_WORDS.get(status) or sentence(status)

    def payment_status(self, status: str) -> str:
        """In the owner's words."""
        return PAYMENT_WORDS.get(status) or sentence(status)

    def method(self, method: str) -> str:
        """In the owner's words."""
        return METHOD_WORDS.get(method) or sentence(method)

    def move(self, status: str) -> str:
        """What the button says that moves an order there."""
        return MOVE_WORDS.get(status) or sentence(status)

    def money_kind(self, kind: str) -> str:
        """In the owner's words."""
        return MONEY_WORDS.get(kind) or sentence(kind)

    def refund(self, status: str, *, waits: bool = False, closed: bool = False) -> tuple[str, str]:
        """The colour and the words of a refund's badge."""
        if status == "failed" and closed:
            return "off", "Given up"
        if status == "requested" and waits:
            return "bad", "Waits to be paid back"
        return REFUND_WORDS.get(status) or ("off", sentence(status))

    def reason(self, code: str) -> str:
        """Why something went wrong, in the owner's words."""
        return REASON_WORDS.get(code) or sentence(code)

    def sentence(self, code: str) -> str:
        """See :func:`sentence`."""
        return sentence(code)

    def tone(self, status: str) -> str:
        """The colour of a badge: wait, good, busy, done, off or bad."""
        return TONES.get(status, "off")
