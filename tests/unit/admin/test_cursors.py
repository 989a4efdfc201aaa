"""Cursors come back as they went, and nothing else does."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin import cursors

KEYS = st.integers(0, 10**18 - 1)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(KEYS)
def test_an_id_comes_back(key: int) -> None:
    assert cursors.to_id(cursors.of_id(key)) == key


@given(MOMENTS, KEYS)
def test_a_moment_and_its_id_come_back(moment: datetime, key: int) -> None:
    assert cursors.to_moment(cursors.of_moment(moment, key)) == (moment, key)


@given(st.text())
def test_anything_else_is_refused_or_read_as_a_number(text: str) -> None:
    for read in (cursors.to_id, cursors.to_moment):
        try:
            read(text)
        except cursors.InvalidCursor:
            continue


def test_a_cursor_of_one_list_is_none_of_another() -> None:
    with pytest.raises(cursors.InvalidCursor):
        cursors.to_moment(cursors.of_id(5))
    with pytest.raises(cursors.InvalidCursor):
        cursors.to_id(cursors.of_moment(datetime(2026, 1, 1, tzinfo=UTC), 5))
