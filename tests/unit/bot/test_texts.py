"""The texts: the same keys and places in every language, within WhatsApp's limits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import texts
from bot.global_words import ACTIONS, ORDER_ACTIONS, WORDS
from bot.taps import parse, tap_id
from bot.understanding.clock import ClockTime, time_of_day
from bot.understanding.words import plain
from bot.wording import FOOTER, ROW, TITLE
from catalog.money import NotWhole, to_minor
from errors import FlowError
from ghala.messages import dump
from languages import FALLBACK, LANGUAGES
from payments.reasons import REASONS
from tests.unit.bot.talk import SHOP, ZONES, Talk

COUNTRIES = [("KES", "KE", "Africa/Nairobi"), ("TZS", "TZ", "Africa/Dar_es_Salaam")]
FOLDER = Path(texts.__file__).parent


def entries(language: str) -> dict[str, str]:
    source = (FOLDER / f"{language}.ftl").read_text(encoding="utf-8")
    found = re.findall(r"^([a-z][a-z\-]*) =((?:.*)(?:\n(?:[ }].*|(?=\n[ ])))*)", source, re.MULTILINE)
    return dict(found)


def places(value: str) -> set[str]:
    return set(re.findall(r"\$([a-z]+)", value))


EN = entries("en")


@pytest.mark.parametrize("language", [language for language in texts.LANGUAGES if language != "en"])
def test_every_language_has_the_same_keys_and_places(language):
    other = entries(language)
    assert list(other) == list(EN)
    assert {key: places(value) for key, value in other.items()} == {
        key: places(value) for key, value in EN.items()
    }


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_text_can_be_said_and_fits(language):
    for key, value in EN.items():
        args: dict[str, str | int] = dict.fromkeys(places(value), "9" * 12)
        args |= dict.fromkeys(places(value) & {"count", "minutes"}, 999)
        said = texts.say(language, key, **args)
        assert said.strip(), key
        if (key.startswith("button-") and key != "button-same-place") or key in {
            "products-button",
            "categories-button",
            "zones-button",
            "variants-button",
            "history-button",
            "places-button",
        }:
            assert len(said) <= TITLE, (key, said)
        elif key == "row-more":
            assert len(said) <= ROW
        elif key in {"edit-or-cancel", "for-someone"}:
            assert len(said) <= FOOTER
        else:
            assert len(said) <= 700, key


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_titles_offered_together_differ(language):
    for together in (
        ("products", "promotions", "again"), ("checkout", "cart", "products"), ("paynow", "cancel-order", "new"),
        ("pay-mpesa", "pay-airtel", "pay-card"), ("retry", "another-way", "cancel-order"), ("add-more", "pickup", "same"),
        ("resend", "another-way", "cancel-order"), ("checkout", "add-more", "empty"), ("empty-yes", "keep"),
    ):  # fmt: skip
        assert len({texts.say(language, f"button-{key}") for key in together}) == len(together)


def test_every_choice_and_every_reason_has_its_words():
    for action in (*ACTIONS, *ORDER_ACTIONS):
        if action not in {"product", "variant", "category", "more", "pay", "language"}:
            assert texts.speaks(f"button-{action.replace('_', '-')}"), action
    for reason in REASONS:
        assert texts.speaks(f"failed-{reason.replace('_', '-')}")


def test_an_unknown_text_or_an_empty_place_is_our_bug():
    with pytest.raises(FlowError):
        texts.say("en", "no-such-text")
    with pytest.raises(FlowError):
        texts.say("en", "hello-name")


def test_an_unknown_language_speaks_english():
    assert texts.say("xx", "hello") == texts.say("en", "hello")


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (300_000, "KES", "KES 3,000"),
        (0, "KES", "KES 0"),
        (150_050, "KES", "KES 1,500.50"),
        (2_500_000_00, "TZS", "TSh 2,500,000"),
        (5000_00, "TZS", "TSh 5,000"),
        (5000, "UGX", "UGX 5,000"),
    ],
)
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_money_is_written_as_people_write_it_and_no_line_breaks_in_it(minor, currency, written, language):
    assert texts.money(minor, currency, language) == written.replace(" ", "\u00a0")


@pytest.mark.parametrize("language", texts.LANGUAGES)
@pytest.mark.parametrize(("currency", "country", "zone"), COUNTRIES)
def test_no_amount_is_broken_over_two_lines_from_the_list_to_the_receipt(language, currency, country, zone):
    shop = replace(SHOP, currency=currency, country=country, timezone=zone, zones=ZONES)
    talk = Talk(shop, language=language).says(
        "products", "2 kahawa na 1 asali", "Moi Avenue 12", "Westlands", "mpesa"
    )
    talk.pays()
    shown = [json.dumps(dump(said.message), ensure_ascii=False) for said in talk.said]
    sign = texts.WRITTEN.get(currency, currency)
    amounts = [found for text in shown for found in re.findall(rf"{sign}(.)[0-9]", text)]
    assert len(amounts) >= 15
    assert set(amounts) == {"\u00a0"}
    assert currency == sign or not any(currency in text for text in shown)


def test_a_shilling_amount_with_cents_is_refused_before_anybody_could_see_it():
    for currency in ("KES", "TZS"):
        with pytest.raises(NotWhole):
            to_minor(Decimal("10.50"), currency)


WHEN = datetime(2026, 11, 20, 22, 7, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["Africa/Nairobi", "Africa/Dar_es_Salaam"])
def test_time_is_written_in_the_shops_zone(zone):
    assert texts.moment(WHEN, zone, "en") == "21 Nov 2026, 01:07"
    assert texts.day(WHEN, zone, "en") == "21 Nov 2026"
    assert texts.clock(WHEN, zone, "en") == "01:07"


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [
        (9, 0, "saa 3 asubuhi"), (12, 37, "saa 6:37 mchana"), (20, 0, "saa 2 usiku"), (0, 30, "saa 6:30 usiku"), (7, 5, "saa 1:05 asubuhi"),
        (18, 0, "saa 12 jioni"), (16, 15, "saa 10:15 jioni"), (5, 0, "saa 11 alfajiri"), (6, 0, "saa 12 alfajiri"), (19, 0, "saa 1 usiku"),
    ],
)  # fmt: skip
def test_swahili_says_the_hour_as_it_is_counted_there_beside_the_clock(hour, minute, said):
    when = datetime(2026, 8, 5, hour, minute, tzinfo=ZoneInfo("Africa/Dar_es_Salaam"))
    assert (
        texts.clock(when, "Africa/Dar_es_Salaam", "sw").replace("\u00a0", " ")
        == f"{hour:02}:{minute:02} ({said})"
    )
    assert texts.hours(hour, minute, "en") == ""
    # What we say is what we understand.
    assert time_of_day(said) == ClockTime(hour, minute)


def test_days_and_months_have_their_names_in_the_language():
    assert texts.day(datetime(2026, 8, 5, tzinfo=UTC), "Africa/Nairobi", "sw") == "5 Ago 2026"
    assert texts.day(datetime(2026, 8, 5, tzinfo=UTC), "Africa/Nairobi", "en") == "5 Aug 2026"


def test_there_is_one_list_of_languages_and_every_language_on_it_is_whole():
    assert {path.stem for path in FOLDER.glob("*.ftl")} == set(LANGUAGES)
    assert FALLBACK in LANGUAGES
    for code, language in LANGUAGES.items():
        assert 0 < len(language.name) <= TITLE
        assert all(word == plain(word) and WORDS[word] == f"language:{code}" for word in language.words)
        assert language.words


def test_an_option_travels_in_a_tap_and_comes_back():
    choice = parse(tap_id("pay:mpesa:ORD-7K3M9Q", 7))
    assert choice is not None
    assert (choice.option, choice.turn) == ("pay:mpesa:ORD-7K3M9Q", 7)
    assert parse("Hello there") is None
    with pytest.raises(FlowError):
        tap_id("not an option", 1)
