"""How long to wait, and what each error code asks for."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghala.client import backoff
from ghala.dialects.base import retry_after


@settings(deadline=None)
@given(st.integers(-3, 10**9), st.none() | st.floats(), st.integers())
def test_a_wait_is_never_negative_and_never_above_five_minutes(attempt, hint, seed):
    assert 0 <= backoff(attempt, hint, random.Random(seed)) <= 300


@pytest.mark.parametrize(
    ("attempt", "longest"), [(1, 1), (2, 2), (3, 4), (6, 32), (9, 256), (10, 300), (50, 300)]
)
def test_waits_double_and_keep_a_random_half(attempt, longest):
    waits = [backoff(attempt, None, random.Random(seed)) for seed in range(50)]
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_the_servers_wish_goes_first():
    assert 17 <= backoff(9, 17, random.Random(1)) <= 18
    assert backoff(1, 100_000, random.Random(1)) == 300


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"retry-after": "1.5"}, 1.5),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:30 GMT", "Date": "Fri, 20 Nov 2026 09:00:00 GMT"}, 30),
        ({"Retry-After": "Fri, 20 Nov 2026 08:00:00 GMT", "Date": "Fri, 20 Nov 2026 09:00:00 GMT"}, 0),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:30 GMT"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:30 GMT", "Date": "Fri, 20 Nov 2026 09:00:00 -0000"}, None),
        (
            {
                "Retry-After": "Fri, 20 Nov 99999999999999999999 09:00:30 GMT",
                "Date": "Fri, 20 Nov 2026 09:00:00 GMT",
            },
            None,
        ),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "\u0665"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_servers_wish_is_read_or_left(headers, seconds):
    assert retry_after(headers) == seconds


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_header_breaks_the_reading(hint, date):
    retry_after({"Retry-After": hint, "Date": date})
