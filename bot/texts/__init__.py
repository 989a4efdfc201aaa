"""What the bot says, per language: Fluent files beside this module, loaded once.

Money, numbers and dates are written by Babel. Names are cleaned before they get here, so no
isolation marks are put around them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Final

from babel.dates import format_datetime, format_time, get_timezone
from babel.numbers import format_decimal
from fluent.runtime import FluentBundle, FluentResource

from catalog.money import to_major
from errors import FlowError
from languages import FALLBACK
from languages import LANGUAGES as SPOKEN

LANGUAGES: Final = tuple(SPOKEN)
WRITTEN: Final = {"TZS": "TSh"}
"""Currencies that people write otherwise than ISO does; Kenyans know both KES and KSh, so KES stays."""
NO_BREAK: Final = "\u00a0"
"""Stands where a line must not end: between a currency and its number."""
_PLACE: Final = re.compile(r"\{([a-z]+)\}")


def _load(language: str) -> FluentBundle:
    source = (Path(__file__).parent / f"{language}.ftl").read_text(encoding="utf-8")
    bundle = FluentBundle([language], use_isolating=False)
    bundle.add_resource(FluentResource(source))
    return bundle


_BUNDLES: Final = {language: _load(language) for language in LANGUAGES}


def spoken(language: str) -> str:
    """``language`` if the bot speaks it, else English."""
    return language if language in _BUNDLES else FALLBACK


def say(language: str, key: str, **args: str | int) -> str:
    """The text ``key`` in ``language`` with its places filled.

    Raises:
        FlowError: there is no such text, or a place was left empty.
    """
    bundle = _BUNDLES[spoken(language)]
    if not bundle.has_message(key):
        raise FlowError(f"no text {key!r} in {language}")
    pattern = bundle.get_message(key).value
    if pattern is None:
        raise FlowError(f"the text {key!r} is empty in {language}")
    text, problems = bundle.format_pattern(pattern, args)
    if problems:
        raise FlowError(f"the text {key!r} in {language}: {problems[0]!r}")
    return str(text)


@dataclass(frozen=True, slots=True)
class Own:
    """A text that a shop may word itself: at most ``longest`` characters, with these places in it or not."""

    longest: int
    places: tuple[str, ...] = ()


OWN: Final[Mapping[str, Own]] = {
    "greeting": Own(600, ("hello", "shop")),
    "promotions-title": Own(300),
    "closed-until": Own(300, ("when",)),
    "receipt-thanks": Own(300),
}
"""The texts a shop may word itself; what it does not word stays as our files have it."""


def own_problem(key: str, text: str) -> str:
    """Why a shop may not say ``text`` for ``key``; empty when it may."""
    own = OWN[key]
    if len(text) > own.longest:
        return f"At most {own.longest} characters fit, these are {len(text)}."
    unknown = [place for place in _PLACE.findall(text) if place not in own.places]
    if unknown:
        known = ", ".join(f"{{{place}}}" for place in own.places)
        return f"There is nothing to put in for {{{unknown[0]}}}" + (f"; there is {known}." if known else ".")
    if set("{}") & set(_PLACE.sub("", text)):
        return "A { or } stands alone; places are written like {" + (own.places or ("name",))[0] + "}."
    return ""


def filled(text: str, **args: str | int) -> str:
    """A shop's own text with its places filled, in one pass: what is put in is not looked at again."""
    return _PLACE.sub(lambda place: str(args.get(place[1], place[0])), text)


def source(language: str, key: str) -> str:
    """Our own text for ``key`` as a shop would write it: its places in braces."""
    names = OWN[key].places
    return say(language, key, **{name: f"{{{name}}}" for name in names})


def speaks(key: str) -> bool:
    """Whether there is a text ``key``; for texts that are named by data (a payment method, a reason)."""
    return bool(_BUNDLES[FALLBACK].has_message(key))


@lru_cache(maxsize=4096)
def money(minor: int, currency: str, language: str) -> str:
    """``minor`` units as people write them: "KES 3,000", "TSh 5,000", with decimals only where there are any.

    The space is one that no line breaks at.
    """
    amount = to_major(minor, currency)
    whole = amount == amount.to_integral_value()
    number = format_decimal(Decimal(amount), "#,##0" if whole else "#,##0.00", locale=spoken(language))
    return f"{WRITTEN.get(currency, currency)}{NO_BREAK}{number}"


def moment(when: datetime, timezone: str, language: str) -> str:
    """Date and time in the shop's zone: "20 Nov 2026, 12:07"; in Swahili "20 Nov 2026, 12:07 (saa 6:07 mchana)"."""
    return f"{day(when, timezone, language)}, {clock(when, timezone, language)}"


def day(when: datetime, timezone: str, language: str) -> str:
    """The date in the shop's zone: "30 Nov 2026"."""
    return str(format_datetime(when, "d MMM y", tzinfo=get_timezone(timezone), locale=spoken(language)))


def opening(when: datetime, timezone: str, language: str) -> str:
    """A day of the coming week and the time: "Monday 23 Nov, 08:00"; in Swahili with the hour as it is said."""
    there = get_timezone(timezone)
    written = format_datetime(when, "EEEE d MMM", tzinfo=there, locale=spoken(language))
    return f"{written}, {clock(when, timezone, language)}"


def clock(when: datetime, timezone: str, language: str) -> str:
    """The time of day in the shop's zone: "12:37"; in Swahili "12:37 (saa 6:37 mchana)"."""
    there = when.astimezone(get_timezone(timezone))
    written = str(format_time(there, "HH:mm", tzinfo=there.tzinfo, locale=spoken(language)))
    said = hours(there.hour, there.minute, language)
    return f"{written} ({said})" if said else written


def hours(hour: int, minute: int, language: str) -> str:
    """The time as it is said where hours are not counted from midnight: "saa 3 asubuhi"; empty elsewhere."""
    spoken_as = SPOKEN[spoken(language)]
    if not spoken_as.hours:
        return ""
    counted = (hour - spoken_as.first_hour) % 12 or 12
    told = f"{counted}:{minute:02}" if minute else str(counted)
    part = format_time(time(hour, minute), "B", locale=spoken(language))
    return spoken_as.hours.format(time=told, part=part).replace(" ", NO_BREAK)
