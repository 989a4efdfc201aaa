"""When a shop is open, by the clock on its wall."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.hours import DAY, WEEKDAYS, BadHours, OpeningHours, Span, read

NAIROBI = "Africa/Nairobi"  # three hours ahead of UTC, all year
WEEK = {day: ["08:00", "18:00"] for day in WEEKDAYS[:5]} | {"sat": [["09:00", "12:30"], ["14:00", "16:00"]]}
HOURS = read({"hours": WEEK, "closed_days": ["2026-12-25"]})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open", "opens"),
    [
        ("2026-11-20 04:59", False, "2026-11-20 05:00"),  # Friday, 07:59 in Nairobi
        ("2026-11-20 05:00", True, "2026-11-21 06:00"),
        ("2026-11-20 14:59", True, "2026-11-21 06:00"),
        ("2026-11-20 15:00", False, "2026-11-21 06:00"),
        ("2026-11-20 22:30", False, "2026-11-21 06:00"),  # Saturday already in Nairobi
        ("2026-11-21 10:00", False, "2026-11-21 11:00"),  # Saturday's break
        ("2026-11-22 09:00", False, "2026-11-23 05:00"),  # Sunday
        ("2026-12-25 09:00", False, "2026-12-26 06:00"),  # Christmas, a Friday
    ],
)
def test_hours_are_kept_in_the_shops_own_time(moment, is_open, opens) -> None:
    assert HOURS is not None
    assert HOURS.open_at(at(moment), NAIROBI) is is_open
    assert HOURS.opens_at(at(moment), NAIROBI) == at(opens)


def test_a_bar_that_closes_after_midnight_is_open_then() -> None:
    bar = read({"hours": {"fri": ["18:00", "02:00"]}, "closed_days": ["2026-11-21"]})
    assert bar is not None
    assert bar.open_at(at("2026-11-20 22:59"), NAIROBI)
    assert not bar.open_at(at("2026-11-20 23:00"), NAIROBI)


def test_a_day_can_be_open_until_midnight() -> None:
    assert read({"hours": {"mon": ["00:00", "24:00"]}}) == OpeningHours(((Span(0, DAY),), *[()] * 6))


def test_summer_time_moves_the_opening_with_the_clock_on_the_wall() -> None:
    hours = read({"hours": {day: ["08:00", "18:00"] for day in WEEKDAYS}})
    assert hours is not None
    assert hours.opens_at(at("2026-03-28 20:00"), "Europe/Berlin") == at("2026-03-29 06:00")
    assert hours.opens_at(at("2026-03-27 20:00"), "Europe/Berlin") == at("2026-03-28 07:00")


def test_a_shop_that_keeps_no_hours_is_always_open() -> None:
    assert read({}) is None
    assert read({"hours": {}}) is None


def test_a_shop_that_never_opens_again_says_no_time() -> None:
    assert OpeningHours(((),) * 7).opens_at(at("2026-11-20 09:00"), NAIROBI) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"hours": {"monday": ["08:00", "18:00"]}},
        {"hours": {"mon": ["8", "18:00"]}},
        {"hours": {"mon": ["08:00", "25:00"]}},
        {"hours": {"mon": ["08:60", "18:00"]}},
        {"hours": {"mon": ["08:00", "08:00"]}},
        {"hours": {"mon": ["24:00", "08:00"]}},
        {"hours": {"mon": ["08:00"]}},
        {"hours": {"mon": "08:00-18:00"}},
        {"hours": {"mon": [8, 18]}},
        {"hours": ["mon"]},
        {"hours": {"mon": ["08:00", "18:00"]}, "closed_days": ["25 December"]},
        {"hours": {"mon": ["08:00", "18:00"]}, "closed_days": "2026-12-25"},
    ],
)
def test_hours_that_say_nothing_sensible_are_refused(settings) -> None:
    with pytest.raises(BadHours):
        read(settings)


SPANS = st.builds(
    lambda start, length: Span(start, start + length), st.integers(0, DAY - 1), st.integers(1, DAY)
)
WEEKS = st.lists(st.lists(SPANS, max_size=2).map(tuple), min_size=7, max_size=7).map(tuple)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=200, deadline=None, derandomize=True)
@given(WEEKS, MOMENTS, st.sampled_from([NAIROBI, "Europe/Berlin", "Asia/Kolkata"]))
def test_the_next_opening_lies_ahead_and_the_shop_is_open_then(week, moment, zone) -> None:
    hours = OpeningHours(week)
    opens = hours.opens_at(moment, zone)
    assert (opens is None) == (not any(week))
    if opens is not None:
        assert opens > moment
        assert hours.open_at(opens, zone) or zone == "Europe/Berlin"  # an hour that a night leaves out
