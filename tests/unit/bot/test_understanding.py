"""Numbers, names, products and secrets, as people type them."""

# ruff: noqa: RUF001 - the signs customers see and type
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.understanding.names import LONGEST_ADDRESS, LONGEST_NAME, clean_address, clean_name
from bot.understanding.numbers import MOST, quantity
from bot.understanding.payments import pasted_sms, payment_code
from bot.understanding.products import basket, find
from bot.understanding.secrets import mask_secrets
from bot.understanding.words import plain
from tests.unit.bot.talk import COFFEE, HONEY, SHOP, SOAP


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("1", 1), ("2 pcs", 2), ("x2", 2), ("2x", 2), ("X 3", 3), ("2kg", 2), ("5 pieces", 5), ("two", 2), ("Mbili!", 2),
        ("kumi", 10), ("kumi na mbili", 12), ("ishirini na tano", 25), ("mia", 100), ("mia moja", 100), ("dozen", 12),
        ("a dozen", 12), ("dazeni", 12), ("2 dozen", 24), ("twenty one", 21), ("ninety-nine", 99), ("hundred", 100),
        ("tatu tafadhali", 3), ("I want 4 please", 4), ("999", 999), ("007", 7), ("mbili kilo", 2),
    ],
)  # fmt: skip
def test_a_quantity_is_understood(said, meant):
    assert quantity(said) == meant


@pytest.mark.parametrize(
    "said",
    [
        "0",
        "-1",
        "−2",
        "1e9",
        "1000",
        "²",
        "٢",
        "२",
        "2.5",
        "1/2",
        "",
        "many",
        "2 or 3",
        "2nd",
        "1,000",
        "50%",
        "kumi na",
        "one two",
        "2 unicorns",
        "mbili kahawa",
        "½",
    ],
)
def test_what_is_no_quantity_is_none(said):
    assert quantity(said) is None


@given(st.text(max_size=50))
def test_a_quantity_is_always_within_bounds(text):
    count = quantity(text)
    assert count is None or 1 <= count <= MOST


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Amina", "Amina"), ("  Amina   Njeri ", "Amina Njeri"), ("*Amina*", "Amina"), ("_~`Amina`~_", "Amina"),
        ("\u202eanimA", "animA"), ("Ami\u200bna", "Amina"), ("Amina https://evil.example/x", "Amina"),
        ("www.evil.com Amina", "Amina"), ("evil.com", ""), ("O'Brien", "O'Brien"), ("Zoe\u0308", "Zoë"), ("محمد", "محمد"),
        ("Jo\nhn", "Jo hn"), ("***", ""), ("🙂", ""), ("A" + "\u0301" * 50, "Á\u0301\u0301"),
    ],
)  # fmt: skip
def test_a_name_is_made_harmless(written, kept):
    assert clean_name(written) == kept


@given(st.text(max_size=200))
def test_no_name_can_hide_or_format(text):
    name = clean_name(text)
    assert len(name) <= LONGEST_NAME
    assert not set(name) & set("*_~`\n\r")
    assert all(unicodedata.category(char)[0] != "C" or char == "\u200d" for char in name)
    assert clean_name(name) == name


def test_an_address_keeps_its_punctuation_but_not_what_hides():
    assert clean_address("House #4, Moi Ave.\n\u202eBlue *gate*") == "House #4, Moi Ave. Blue *gate*"
    assert clean_address("x" * 500) == "x" * LONGEST_ADDRESS
    for nothing in ("", "ab", "...", "👍👍👍", "\u200b\u200b\u200b\u200b"):
        assert clean_address(nothing) is None


@pytest.mark.parametrize(
    ("said", "product"),
    [
        ("coffee", COFFEE), ("Premium Coffee Beans 1kg", COFFEE), ("kahawa", COFFEE), ("HONEY!", HONEY), ("asali", HONEY),
        ("sabuni", SOAP), ("I want the soap please", SOAP), ("naomba asali", HONEY), ("organic honey 500g", HONEY),
    ],
)  # fmt: skip
def test_a_product_is_found_by_what_people_call_it(said, product):
    found = find(said, SHOP)
    assert found.sure is not None
    assert found.sure.id == product


@pytest.mark.parametrize("said", ["cofee", "premum cofee", "hony", "handmde soop"])
def test_a_typo_is_offered_not_assumed(said):
    assert find(said, SHOP).sure is None
    assert find(said, SHOP).perhaps


@pytest.mark.parametrize("said", ["", "a", "how are you", "car", "unicorn", "123 Main St", "500"])
def test_other_words_find_nothing(said):
    found = find(said, SHOP)
    assert found.sure is None
    assert found.perhaps == ()


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("2 coffee and 1 honey", [(COFFEE, 2), (HONEY, 1)]),
        ("2 coffee, honey", [(COFFEE, 2), (HONEY, 1)]),
        ("coffee x2 + soap x3", [(COFFEE, 2), (SOAP, 3)]),
        ("kahawa mbili na asali moja", [(COFFEE, 2), (HONEY, 1)]),
        ("kumi na mbili kahawa", [(COFFEE, 12)]),
        ("nataka 3 asali", [(HONEY, 3)]),
        ("2 organic honey 500g", [(HONEY, 2)]),
        ("1 coffee\n2 coffee", [(COFFEE, 3)]),
    ],
)
def test_an_order_in_one_line_is_read(said, lines):
    read = basket(said, SHOP)
    assert read is not None
    assert [(product.id, count) for product, count in read.lines] == lines
    assert read.unknown == ()


@pytest.mark.parametrize(
    "said", ["coffee", "coffee and honey", "organic honey 500g", "hello", "123 Main St", "Moi and Kenyatta"]
)
def test_a_name_is_no_basket(said):
    assert basket(said, SHOP) is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("4111 1111 1111 1111", "•••• 1111"),
        ("12 4111 1111 1111 1111", "12 •••• 1111"),
        ("1234 4111 1111 1111 1111, 5", "1234 •••• 1111, 5"),
        ("4111 1111 1111 1111 5500 0000 0000 0004", "•••• 1111 •••• 0004"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "•••• 1111"),
        ("my card 5500-0000-0000-0004 ok", "my card •••• 0004 ok"),
        ("pin: 1234", "pin: ••••"),
        ("PIN yangu ni 4321", "PIN yangu ni ••••"),
        ("cvv 123", "cvv ••••"),
        ("4111 1111 1111 1112", "4111 1111 1111 1112"),
        ("+254 722 000 111", "+254 722 000 111"),
        ("2 coffee", "2 coffee"),
        ("1234", "1234"),
    ],
)
def test_secrets_are_masked_and_nothing_else(typed, kept):
    assert mask_secrets(typed) == kept


def test_four_digits_are_a_pin_only_when_one_is_expected():
    assert mask_secrets(" 1234 ", pin_expected=True) == "••••"
    assert mask_secrets("12345", pin_expected=True) == "12345"


@given(st.text(max_size=100))
def test_masking_twice_changes_nothing_more(text):
    assert mask_secrets(mask_secrets(text)) == mask_secrets(text)


def test_pasted_payment_messages_are_recognised():
    assert pasted_sms("SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA DEMO on 20/11/26")
    assert pasted_sms("SKJ4X2ABCD imethibitishwa. Ksh3,000")
    assert not pasted_sms("123 Main St, confirmed")
    assert payment_code("SKJ4X2ABCD")
    assert not payment_code("APARTMENTS")
    assert not payment_code("0722000111")


def test_emoji_case_and_punctuation_do_not_count():
    assert plain("🛍️ View Products!") == "view products"
    assert plain("don't") == "dont"
