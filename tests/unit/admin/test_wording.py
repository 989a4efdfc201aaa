"""How money, moments and names read."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin import wording
from db.models import MONEY_KINDS, ORDER_PAYMENT_STATUSES, ORDER_STATUSES, PAYMENT_STATUSES
from payments.reasons import REASONS

NAIROBI = ZoneInfo("Africa/Nairobi")
NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "said"),
    [
        (150_000, "KES", "KES 1,500"),
        (0, "KES", "KES 0"),
        (1_250, "USD", "USD 12.50"),
        (1_500, "UGX", "UGX 1,500"),
        (-30_000, "KES", "KES -300"),
        (123_456_789_00, "KES", "KES 123,456,789"),
        (5, "XYZ", "5 XYZ"),
    ],
)
def test_money_reads_as_people_write_it(minor: int, currency: str, said: str) -> None:
    assert wording.say_money(minor, currency) == said


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW, "12:07"),
        (datetime(2026, 11, 19, 21, 0, tzinfo=UTC), "00:00"),
        (datetime(2026, 11, 19, 20, 59, tzinfo=UTC), "Yesterday 23:59"),
        (datetime(2026, 11, 12, 15, 40, tzinfo=UTC), "12 Nov, 18:40"),
        (datetime(2025, 11, 12, 15, 40, tzinfo=UTC), "12 Nov 2025, 18:40"),
    ],
)
def test_moments_are_told_in_the_shops_zone(moment: datetime, said: str) -> None:
    assert wording.say_moment(moment, NOW, NAIROBI) == said


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Amina", "Amina"),
        ("  Amina \n Wanjiru\t", "Amina Wanjiru"),
        ("\u202eevil\u2066", "evil"),
        ("a\x00b", "a b"),
        ("zero\u200bwidth", "zerowidth"),
        ("👩\u200d🍳", "👩\u200d🍳"),
        ("حسن", "حسن"),
        ("<b>", "<b>"),
    ],
)
def test_names_lose_what_would_disturb_the_page(written: str, shown: str) -> None:
    assert wording.plain(written) == shown


@given(st.text())
def test_no_name_is_longer_than_the_page_can_bear(text: str) -> None:
    shown = wording.plain(text)
    assert len(shown) <= wording.LONGEST_NAME
    assert "\n" not in shown


def test_every_status_and_reason_has_words_and_a_colour() -> None:
    assert set(wording.ORDER_WORDS) == set(ORDER_STATUSES)
    assert set(wording.PAYMENT_SIDE_WORDS) == set(ORDER_PAYMENT_STATUSES)
    assert set(wording.PAYMENT_WORDS) == set(PAYMENT_STATUSES)
    assert set(wording.MONEY_WORDS) == set(MONEY_KINDS)
    assert set(REASONS) <= set(wording.REASON_WORDS)
    assert {*ORDER_STATUSES, *ORDER_PAYMENT_STATUSES, *PAYMENT_STATUSES} <= set(wording.TONES)


def test_paper_says_the_day_in_full() -> None:
    say = wording.Wording(NOW, NAIROBI)
    assert say.date(NOW) == "20 November 2026, 12:07"
