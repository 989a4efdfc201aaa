"""What is entered about a shop: read, checked field by field, and said again when something is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from babel.core import get_global

from admin.wording import plain
from bot import owner
from config import CURRENCIES, is_time_zone
from db.models import Shop
from languages import LANGUAGES
from payments import phone as phones

SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
LONGEST_NAME: Final = 60
MOST_PHONES: Final = 5
LONGEST_PHONES: Final = 200
LEAST_HOLD, MOST_HOLD = 5, 1440
NOT_SLUGS: Final = frozenset({"new", "admin", "api"})


@dataclass(frozen=True, slots=True)
class Entered:
    """A shop as it was entered; ``problems`` has a sentence by field."""

    slug: str
    name: str
    currency: str
    country: str
    timezone: str
    language: str
    languages: tuple[str, ...]
    hold_minutes: str
    low_stock: str
    problems: Mapping[str, str]

    def settings(self, before: Mapping[str, Any]) -> dict[str, Any]:
        """The shop's settings with what was entered; what others keep there stays."""
        return dict(before) | {
            "languages": list(self.languages),
            "hold_minutes": int(self.hold_minutes),
            "low_stock": int(self.low_stock),
        }


def read(form: Mapping[str, str], languages: list[str], shop: Shop | None = None) -> Entered:
    """What was entered for a new shop, or for one whose slug and currency are what they are."""
    slug = shop.slug if shop is not None else form.get("slug", "").strip().lower()
    currency = shop.currency if shop is not None else form.get("currency", "")
    entered: dict[str, Any] = {
        "slug": slug,
        "name": plain(form.get("name", ""), LONGEST_NAME),
        "currency": currency,
        "country": form.get("country", "").strip().upper(),
        "timezone": form.get("timezone", "").strip(),
        "language": form.get("language", ""),
        "languages": tuple(code for code in LANGUAGES if code in languages),
        "hold_minutes": form.get("hold_minutes", "").strip(),
        "low_stock": form.get("low_stock", "").strip(),
    }
    return Entered(**entered, problems=problems_of(entered))


@dataclass(frozen=True, slots=True)
class Owner:
    """Who of the shop is told what on WhatsApp; ``phones`` with plus."""

    written: str
    phones: tuple[str, ...]
    wishes: dict[str, Any]
    problems: Mapping[str, str]


def read_owner(form: Mapping[str, str], country: str) -> Owner:
    """What was entered about the owner's messages."""
    written = form.get("phones", "")[:LONGEST_PHONES]
    parts = [part.strip() for part in re.split(r"[,;\n]", written) if part.strip()]
    numbers = [phones.normalise(part, country) for part in parts]
    problems = {}
    if None in numbers or len(parts) > MOST_PHONES:
        problems["phones"] = f"Up to {MOST_PHONES} mobile numbers, one in each line."
    hour = form.get("hour", "")
    if not _whole(hour, 0, 23):
        problems["hour"] = "An hour from 0 to 23."
    wishes: dict[str, Any] = {name: form.get(name) == "yes" for name in owner.NEWS}
    wishes["hour"] = int(hour) if "hour" not in problems else owner.HOUR
    found = tuple(dict.fromkeys(number for number in numbers if number is not None))
    return Owner(written, found, wishes, problems)


def problems_of(entered: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong, by field."""
    found = {}
    if not SLUG.fullmatch(entered["slug"]) or entered["slug"] in NOT_SLUGS:
        found["slug"] = "Small letters, digits and hyphens, at most 32, for example coast."
    if not entered["name"]:
        found["name"] = "Give the shop a name."
    if entered["currency"] not in CURRENCIES:
        found["currency"] = "Choose a currency."
    if entered["country"] not in countries():
        found["country"] = "Two letters, for example KE."
    if not is_time_zone(entered["timezone"]):
        found["timezone"] = "A time zone such as Africa/Nairobi."
    if entered["language"] not in LANGUAGES:
        found["language"] = "Choose a language."
    elif entered["language"] not in entered["languages"]:
        found["languages"] = "The first language is one of them."
    if not _whole(entered["hold_minutes"], LEAST_HOLD, MOST_HOLD):
        found["hold_minutes"] = f"A whole number from {LEAST_HOLD} to {MOST_HOLD}."
    if not _whole(entered["low_stock"], 0, 999):
        found["low_stock"] = "A whole number from 0 to 999."
    return found


def countries() -> frozenset[str]:
    """The codes of the countries there are."""
    return frozenset(get_global("territory_currencies"))


def time_zones() -> list[str]:
    """The names people may choose from."""
    return sorted(name for name in available_timezones() if name.startswith("Africa/") or name in COMMON)


COMMON: Final = frozenset(
    {"UTC", "Europe/London", "Europe/Berlin", "Asia/Dubai", "Asia/Jakarta", "Asia/Kolkata"}
)


def _whole(text: str, least: int, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most
