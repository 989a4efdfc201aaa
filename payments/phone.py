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
    trunk = re.sub(r"\(0\)", "", written)
    if trunk != written:
        digits = re.sub(r"[^0-9]", "", trunk).removeprefix("00")
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


_ANYWHERE: Final = re.compile(r"\+?[ ]?\(?[0-9][0-9 \-.()]{7,40}")
_AROUND: Final = frozenset(
    [
        "use",
        "charge",
        "send",
        "prompt",
        "request",
        "stk",
        "push",
        "to",
        "on",
        "with",
        "from",
        "this",
        "is",
        "my",
        "the",
        "number",
        "no",
        "phone",
        "please",
        "pls",
        "pay",
        "via",
        "by",
        "for",
        "me",
        "mpesa",
        "m",
        "pesa",
        "airtel",
        "money",
        "another",
        "other",
        "instead",
        "it",
        "new",
        "and",
        "here",
        "tel",
        "cell",
        "mobile",
        "tumia",
        "lipa",
        "lipia",
        "kwa",
        "na",
        "toza",
        "tuma",
        "ombi",
        "namba",
        "nambari",
        "hii",
        "hiyo",
        "ya",
        "yangu",
        "ni",
        "simu",
        "tafadhali",
        "nyingine",
        "naomba",
        "nataka",
        "kulipa",
        "badala",
        "malipo",
        "pesa",
        "weka",
        "hapa",
        "yake",
        "mke",
        "mume",
        "rafiki",
    ]
)
"""Words that may stand around a number without making it anything but the number to charge."""
_LONGEST_SAID: Final = 120
_MOBILE: Final = len("+254722000111")


def said(text: str, country: str = "KE") -> str | None:
    """The one number in a sentence about paying ("tumia 0722 000 111"), in E.164.

    ``None`` where there is none, more than one, or any other word: then the sentence is about something else,
    and nobody's phone should ring for it.
    """
    if len(text) > _LONGEST_SAID:
        return None
    alone = _chargeable(text.strip().rstrip(".!?,;"), country)
    if alone is not None:
        return alone
    runs = _ANYWHERE.findall(text)
    if len(runs) != 1:
        return None
    around = re.findall(r"\w+", text.replace(runs[0], " ").casefold())
    known = all(word in _AROUND for word in around)
    return _chargeable(runs[0].strip(" -.("), country) if known else None


def _chargeable(written: str, country: str) -> str | None:
    """The number if it is as long as mobile numbers are; in Kenya and Tanzania all of them have nine digits."""
    number = normalise(written, country)
    short = number is not None and number.startswith(("+254", "+255")) and len(number) != _MOBILE
    return None if short else number


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
