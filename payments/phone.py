"""Phone numbers to charge: one written form inside, masked forms for eyes and logs. Pure."""

from __future__ import annotations

import re
from typing import Final

import phonenumbers

_WRITTEN: Final = re.compile(r"\+?\(?[0-9][0-9 \-.()]*")
_MOST_DIGITS: Final = 15
_LEAST_SUBSCRIBER: Final = 7
_CODES: Final = {"KE": 254, "TZ": 255, "UG": 256, "RW": 250}
"""Country codes people leave the plus off ("254722…"); other countries write a plus or 00."""


def normalise(text: str, country: str = "KE") -> str | None:
    """The number in E.164 (``+254722000111``), or ``None`` when it is no phone number.

    Accepts what people write: ``0722 000 111``, ``722000111``, ``254722-000-111``,
    ``+254 722 000 111`` and ``00254…``. Only the length and shape are judged, never the
    prefix: numbers are ported between networks, and new prefixes appear every year.
    """
    written = text.strip()
    if not _WRITTEN.fullmatch(written) or len(written) > 2 * _MOST_DIGITS:
        return None
    digits = re.sub(r"[^0-9]", "", written)
    if digits.startswith("00"):
        digits, international = digits[2:], True
    else:
        international = written.startswith("+")
    code = str(_CODES.get(country) or phonenumbers.country_code_for_region(country) or "")
    if not international and code and digits.startswith(code) and len(digits) > len(code) + _LEAST_SUBSCRIBER:
        international = True
    try:
        number = phonenumbers.parse(
            f"+{digits}" if international else digits, None if international else country
        )
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mask(e164: str) -> str:
    """The number as its owner recognises it and nobody else can dial it: ``07••• •••678``."""
    digits = e164.lstrip("+")
    if digits.startswith(tuple(str(code) for code in _CODES.values())) and len(digits) == 12:  # noqa: PLR2004
        return f"0{digits[3]}••• •••{digits[-3:]}"
    return f"+{digits[:2]}••• •••{digits[-3:]}"


def mask_for_log(e164: str) -> str:
    """The number for a log line, without plus: ``2547••••678``."""
    digits = e164.lstrip("+")
    return f"{digits[:4]}••••{digits[-3:]}"
