"""Numbers to charge, however people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.phone import mask, mask_for_log, normalise


@pytest.mark.parametrize(
    "written",
    [
        "0722000111",
        "722000111",
        "254722000111",
        "+254722000111",
        "+254 722-000 111",
        "00254722000111",
        " 0722 000 111 ",
        "(0722) 000-111",
    ],
)
def test_a_number_is_read_however_it_is_written(written):
    assert normalise(written) == "+254722000111"


@pytest.mark.parametrize("written", ["0110000111", "0100000111", "0799000111", "0733000111", "0209000111"])
def test_no_prefix_is_refused_because_numbers_are_ported(written):
    assert normalise(written) == f"+254{written[1:]}"


def test_a_number_of_another_country_keeps_its_country():
    assert normalise("+255 754 000 111") == "+255754000111"
    assert normalise("0754000111", "TZ") == "+255754000111"
    assert normalise("255754000111", "TZ") == "+255754000111"


@pytest.mark.parametrize(
    "written", ["", "hello", "12", "0722", "07220001112223", "0722x000111", "٠٧٢٢٠٠٠١١١", "+", "0722000111?"]
)
def test_what_is_no_number_is_none(written):
    assert normalise(written) is None


@given(st.text(max_size=40))
def test_any_text_gives_a_number_or_none(text):
    number = normalise(text)
    assert number is None or (number.startswith("+") and number[1:].isdigit())
    assert number is None or normalise(number) == number


def test_a_masked_number_is_recognised_by_its_owner_only():
    assert mask("+254711345678") == "07••• •••678"
    assert mask_for_log("+254711345678") == "2547••••678"
    assert "7911123" not in mask("+447911123456")
