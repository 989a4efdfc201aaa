"""Times of day as people say them: "9am", "half past two", and Swahili hours, which count from six. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from bot.understanding.numbers import SPELLED

LONGEST_READ: Final = 300
"""Characters that are looked through; a wish for a time stands in the first line or two."""


@dataclass(frozen=True, slots=True)
class ClockTime:
    """``hour`` from 0 to 23 and ``minute``, in the shop's zone."""

    hour: int
    minute: int = 0


# Hours of the 24-hour clock that each part of the day may have; the first fitting one of two is taken.
_PARTS: Final[dict[str, range | tuple[int, ...]]] = {
    "alfajiri": range(3, 8),
    "asubuhi": range(4, 12),
    "mchana": range(10, 17),
    "alasiri": range(14, 19),
    "adhuhuri": range(11, 15),
    "jioni": range(15, 21),
    "usiku": (18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5),
    "morning": range(12),
    "afternoon": range(12, 19),
    "evening": range(15, 24),
    "night": (18, 19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5),
}
_DAY: Final = range(7, 19)
"""Where the part of the day is not said, a shop's day is meant."""

_UNIT: Final = "moja|mbili|tatu|nne|tano|sita|saba|nane|tisa"
_SW_HOUR: Final = rf"kumi na moja|kumi na mbili|kumi|{_UNIT}|[0-9]{{1,2}}"
_SW_TENS: Final = rf"(?:kumi|ishirini|thelathini|arobaini|hamsini)(?: na (?:{_UNIT}))?"
_SW_MINUTES: Final = rf"{_SW_TENS}|{_UNIT}|[0-9]{{1,2}}"
_SW_PART: Final = "alfajiri|asubuhi|mchana|alasiri|adhuhuri|jioni|usiku"
_SWAHILI: Final = re.compile(
    rf"\b(?:saa|sa) (?P<hour>{_SW_HOUR})(?: ?[:.] ?(?P<digits>[0-9]{{2}})| kamili)?"
    rf"(?: (?P<sign>na|kasoro)(?: ya)? (?:(?P<share>nusu|robo)|(?:dakika )?(?P<minutes>{_SW_MINUTES})(?: dakika)?))?"
    rf"(?: kamili)?(?:(?: ya| za| hivi)? (?P<part>{_SW_PART}))?\b(?![:.]?[0-9])"
)

_EN_HOUR: Final = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[0-9]{1,2}"
_EN_TENS: Final = "twenty five|twenty|thirty five|thirty|forty five|forty|fifty five|fifty"
_EN_MINUTES: Final = rf"{_EN_TENS}|five|ten|fifteen|eleven|twelve|[0-9]{{1,2}}"
_EN_PART: Final = r"(?: ?(?P<half>am|pm|a\.m\.?|p\.m\.?)\b| (?:in the |at |this )?(?P<part>morning|afternoon|evening|night)\b)"
_PAST: Final = re.compile(
    rf"\b(?:(?P<share>half|quarter|a quarter)|(?P<minutes>{_EN_MINUTES})(?: minutes?)?)"
    rf" (?P<sign>past|to|before|after) (?P<hour>{_EN_HOUR})\b{_EN_PART}?"
)
_HALF_HOUR: Final = re.compile(
    rf"\bhalf (?P<hour>one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b{_EN_PART}?"
)
_DIGITS: Final = re.compile(
    rf"(?<![0-9:.,/])(?P<hour>[0-9]{{1,2}})[:.h](?P<digits>[0-9]{{2}})(?![0-9:.,/]){_EN_PART}?"
)
_HOUR: Final = re.compile(
    rf"(?<![0-9:.,/])\b(?P<hour>{_EN_HOUR})(?: (?P<minutes>{_EN_TENS}|fifteen|ten))?(?: ?o ?clock)?{_EN_PART}"
)
_CLOCK: Final = re.compile(rf"\b(?P<hour>{_EN_HOUR}) ?o ?clock\b")
_MILITARY: Final = re.compile(r"(?<![0-9])(?P<hour>[0-2][0-9])(?P<digits>[0-5][0-9]) ?(?:hrs|hours|h)\b")
_NAMED: Final = re.compile(r"\b(?:(?P<noon>noon|midday|adhuhuri)|(?P<midnight>midnight|usiku wa manane))\b")
_SIGNS: Final = str.maketrans(dict.fromkeys("'\u2019`"))
_GAPS: Final = re.compile(r"[\s,;!?()\-]+")


def time_of_day(text: str) -> ClockTime | None:
    """The first time of day that ``text`` names; ``None`` when it names none.

    A Swahili hour is counted from six: "saa tatu asubuhi" is 09:00. Without a part of the day, the
    time within a shop's day is meant: "saa nane" is 14:00 and "half past two" 14:30. A bare number is no time.
    """
    said = _GAPS.sub(" ", text[:LONGEST_READ].casefold().translate(_SIGNS)).strip()
    found = [
        (match.start(), order, read)
        for order, (pattern, reader) in enumerate(_READERS)
        for match in pattern.finditer(said)
        if (read := reader(match)) is not None
    ]
    return min(found, key=lambda one: one[:2])[2] if found else None


def _number(said: str) -> int:
    return int(said) if said.isdigit() else SPELLED[said]


def _shifted(hour: int, minutes: int, *, back: bool) -> tuple[int, int]:
    """The hour with so many minutes after or before it."""
    total = hour * 60 + (-minutes if back else minutes)
    return total // 60 % 24, total % 60


def _within(hour: int, part: str) -> int | None:
    """Which of ``hour`` and the one twelve hours away lies in that part of the day."""
    hours = _PARTS[part] if part else _DAY
    return next((h for h in hours if h % 12 == hour % 12), None)


def _swahili(match: re.Match[str]) -> ClockTime | None:
    hour, part = _number(match["hour"]), match["part"] or ""
    minute = int(match["digits"] or 0)
    if hour > 24 or minute > 59 or (match["digits"] and match["sign"]):  # noqa: PLR2004
        return None
    if hour > 12 or hour == 0:  # noqa: PLR2004 - "saa 14:00" is the other clock
        return None if match["sign"] else ClockTime(hour % 24, minute)
    there = _within(hour + 6, part)
    if there is None:
        return None
    if not match["sign"]:
        return ClockTime(there, minute)
    minutes = {"nusu": 30, "robo": 15}.get(match["share"] or "") or _number(match["minutes"])
    return ClockTime(*_shifted(there, minutes, back=match["sign"] == "kasoro")) if minutes < 60 else None  # noqa: PLR2004


def _english(match: re.Match[str]) -> ClockTime | None:
    groups = match.groupdict()
    hour, minute = _number(match["hour"]), 0
    half, part = (groups.get("half") or "").replace(".", ""), groups.get("part") or ""
    if groups.get("digits"):
        minute = int(groups["digits"])
    if minute > 59 or hour > 23:  # noqa: PLR2004
        return None
    if half:
        if not 1 <= hour <= 12:  # noqa: PLR2004
            return None
        there: int | None = hour % 12 + (12 if half == "pm" else 0)
    elif part:
        there = hour if hour > 12 and hour in _PARTS[part] else (_within(hour, part) if hour <= 12 else None)  # noqa: PLR2004
    elif groups.get("digits") and (hour > 12 or len(match["hour"]) == 2 or hour == 0):  # noqa: PLR2004
        there = hour
    else:
        there = _within(hour, "") if 1 <= hour <= 12 else None  # noqa: PLR2004
    if there is None:
        return None
    minutes = {"half": 30, "quarter": 15, "a quarter": 15}.get(groups.get("share") or "")
    if minutes is None:
        minutes = _number(groups["minutes"]) if groups.get("minutes") else minute
    if minutes > 59:  # noqa: PLR2004
        return None
    return ClockTime(*_shifted(there, minutes, back=groups.get("sign") in {"to", "before"}))


def _half_hour(match: re.Match[str]) -> ClockTime | None:
    """Read "half two" as it is said in East Africa and Britain: half past two."""
    read = _english(match)
    return None if read is None else ClockTime(read.hour, 30)


def _military(match: re.Match[str]) -> ClockTime | None:
    hour = int(match["hour"])
    return ClockTime(hour, int(match["digits"])) if hour <= 23 else None  # noqa: PLR2004


def _named(match: re.Match[str]) -> ClockTime:
    return ClockTime(12) if match["noon"] else ClockTime(0)


# Where two begin at the same place, the earlier in this list is believed.
_READERS: Final = (
    (_SWAHILI, _swahili),
    (_PAST, _english),
    (_HALF_HOUR, _half_hour),
    (_DIGITS, _english),
    (_MILITARY, _military),
    (_HOUR, _english),
    (_CLOCK, _english),
    (_NAMED, _named),
)
