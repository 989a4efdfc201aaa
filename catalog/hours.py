"""When the shop is open: hours per weekday and days on which it is closed, in the shop's own time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from errors import RuleBroken

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY: Final = 24 * 60
LOOKS_AHEAD: Final = 366
"""Days in which the next opening is looked for."""


class BadHours(RuleBroken):
    """Opening hours that say nothing sensible."""

    code = "bad_hours"


@dataclass(frozen=True, slots=True)
class Span:
    """Open from ``start`` until before ``end``, in minutes since midnight; past 1,440 it goes on the next day."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """``week`` holds the spans of Monday to Sunday; on ``closed`` days nothing begins."""

    week: tuple[tuple[Span, ...], ...]
    closed: tuple[date, ...] = ()

    def open_at(self, moment: datetime, timezone: str) -> bool:
        """Whether the shop is open at ``moment``."""
        zone = ZoneInfo(timezone)
        today = moment.astimezone(zone).date()
        return any(
            start <= moment < end
            for day in (today - timedelta(days=1), today)
            for start, end in self._spans(day, zone)
        )

    def opens_at(self, moment: datetime, timezone: str) -> datetime | None:
        """When the shop opens next after ``moment``; ``None`` when it does not within a year."""
        zone = ZoneInfo(timezone)
        today = moment.astimezone(zone).date()
        for ahead in range(LOOKS_AHEAD):
            starts = sorted(start for start, _ in self._spans(today + timedelta(days=ahead), zone))
            for start in starts:
                if start > moment:
                    return start
        return None

    def _spans(self, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        if day in self.closed:
            return
        for span in self.week[day.weekday()]:
            yield _moment(day, span.start, zone), _moment(day, span.end, zone)


def _moment(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """What the clock on the wall says so many minutes into the day, as a moment."""
    days, rest = divmod(minutes, DAY)
    return datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), tzinfo=zone)


def read(settings: Mapping[str, Any]) -> OpeningHours | None:
    """The hours in a shop's settings; ``None`` when the shop keeps none and is always open.

    ``hours`` maps weekdays (``mon`` … ``sun``) to ``["08:00", "18:00"]`` or to several such pairs; a weekday that is
    not named is closed. ``closed_days`` lists dates.

    Raises:
        BadHours: they are not written so.
    """
    written = settings.get("hours")
    if not written:
        return None
    if not isinstance(written, Mapping) or set(written) - set(WEEKDAYS):
        raise BadHours(f"hours are given for {', '.join(WEEKDAYS)}")
    closed = settings.get("closed_days") or []
    if not isinstance(closed, list | tuple):
        raise BadHours("closed days are a list of dates")
    return OpeningHours(
        week=tuple(_day(name, written.get(name) or []) for name in WEEKDAYS),
        closed=tuple(sorted(_date(day) for day in closed)),
    )


def _day(name: str, written: Any) -> tuple[Span, ...]:
    if not isinstance(written, list | tuple):
        raise BadHours(f"{name}: write from and until, e.g. 08:00 and 18:00")
    pairs = [written] if written and isinstance(written[0], str) else list(written)
    spans = []
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:  # noqa: PLR2004
            raise BadHours(f"{name}: write from and until, e.g. 08:00 and 18:00")
        start, end = _minutes(name, pair[0]), _minutes(name, pair[1])
        if start in {DAY, end}:
            raise BadHours(f"{name}: {pair[0]} to {pair[1]} is no time")
        spans.append(Span(start, end if end > start else end + DAY))
    return tuple(sorted(spans, key=lambda span: span.start))


def _minutes(name: str, written: Any) -> int:
    hours, colon, minutes = str(written).partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):  # noqa: PLR2004
        raise BadHours(f"{name}: {written!r} is no time of day such as 08:00")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > DAY:  # noqa: PLR2004
        raise BadHours(f"{name}: {written!r} is no time of day such as 08:00")
    return total


def _date(written: Any) -> date:
    try:
        return date.fromisoformat(str(written))
    except ValueError as error:
        raise BadHours(f"{written!r} is no date such as 2026-12-25") from error
