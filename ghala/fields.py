"""Picking single values out of JSON that may hold anything: the right kind of value or None, never an exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

LONGEST_ID: Final = 512
"""Ids of WhatsApp messages have about 60 characters; what is longer than this is no id."""
LONGEST_ISO: Final = 40
LONGEST_DIGITS: Final = 15
"""Digits before the point of an amount: the largest that, with two decimals, still fits a BIGINT."""

_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?", re.ASCII)
_WHOLE = re.compile(r"[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
# A WhatsApp id is an international phone number without plus: at most 15 digits (E.164).
_PHONE = re.compile(r"[1-9][0-9]{4,14}", re.ASCII)
_BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", re.ASCII)
_PHONE_DECORATION = str.maketrans("", "", "+ -()")
_MILLISECONDS_FROM = 100_000_000_000
_EARLIEST = 946_684_800  # the year 2000, in Unix seconds
_LATEST = 4_102_444_800  # the year 2100


class Identity(NamedTuple):
    """Who a customer is on WhatsApp: ``sender`` the key (digits or a business-scoped id), ``phone`` with plus or None."""

    sender: str
    phone: str | None


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def text(value: Any, limit: int) -> str:
    """The string, shortened to ``limit`` characters; anything else is an empty one."""
    return value[:limit] if isinstance(value, str) else ""


def text_or_none(value: Any, limit: int) -> str | None:
    """The string without surrounding space, shortened; None where nothing is left or it is no string."""
    return text(value, limit).strip() or None


def identifier(value: Any) -> str | None:
    """An id, which some senders write as a number; too long or of another kind is None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and 0 <= value < 10**LONGEST_ID:
        return str(value)
    if isinstance(value, str) and len(value) <= LONGEST_ID:
        return value.strip() or None
    return None


def first_identifier(*values: Any) -> str | None:
    """The first of ``values`` that is an id."""
    return next((found for found in map(identifier, values) if found is not None), None)


def identity(*candidates: Any) -> Identity | None:
    """The first candidate that is a phone number or a business-scoped user id (WIRE 2a)."""
    for candidate in candidates:
        written = identifier(candidate)
        if written is None:
            continue
        digits = written.translate(_PHONE_DECORATION)
        if _PHONE.fullmatch(digits):
            return Identity(digits, f"+{digits}")
        if _BSUID.fullmatch(written):
            return Identity(written, None)
    return None


def amount(value: Any) -> Decimal | None:
    """An amount in major units, exact; None for whatever is not plainly one.

    Booleans, signs, exponents, grouping and spaces are refused rather than interpreted: money that is not understood
    is looked at by a person.
    """
    if isinstance(value, str):
        return Decimal(value) if _AMOUNT.fullmatch(value) else None
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if 0 <= value < 10**LONGEST_DIGITS else None
    if isinstance(value, Decimal) and _AMOUNT.fullmatch(str(value)):
        return value
    return None


def whole(value: Any) -> int | None:
    """A whole number from 0 to 18 digits, also when written as a string."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 10**18 else None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return None


def coordinate(value: Any, bound: int) -> float | None:
    """Degrees within plus or minus ``bound``."""
    number = _float(value)
    return number if number is not None and abs(number) <= bound else None  # NaN fails the comparison


def moment(value: Any) -> datetime | None:
    """A time as Unix seconds or milliseconds (number or string) or as ISO 8601; UTC, between 2000 and 2100."""
    seconds = _float(value)
    if seconds is None:
        return _iso(value) if isinstance(value, str) and len(value) <= LONGEST_ISO else None
    if seconds >= _MILLISECONDS_FROM:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC) if _EARLIEST <= seconds < _LATEST else None


def _float(value: Any) -> float | None:
    """A number, also when written as a string; where exactness does not matter."""
    written = (
        str(value) if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) else value
    )
    return float(written) if isinstance(written, str) and _NUMBER.fullmatch(written) else None


def _iso(written: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(written)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return found if _EARLIEST <= found.timestamp() < _LATEST else None
    except (ValueError, OverflowError):
        return None
