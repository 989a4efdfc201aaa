"""The texts: the same keys and places in every language, within WhatsApp's limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import texts
from bot.global_words import ACTIONS, ORDER_ACTIONS
from bot.taps import parse, tap_id
from bot.wording import FOOTER, ROW, TITLE
from errors import FlowError
from payments.reasons import REASONS

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
        }:
            assert len(said) <= TITLE, (key, said)
        elif key == "row-more":
            assert len(said) <= ROW
        elif key == "edit-or-cancel":
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
        if action not in {"product", "category", "more", "pay", "language"}:
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
        (2_500_000_00, "TZS", "TZS 2,500,000"),
        (5000, "UGX", "UGX 5,000"),
    ],
)
@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_money_is_written_as_people_write_it(minor, currency, written, language):
    assert texts.money(minor, currency, language) == written


def test_time_is_written_in_the_shops_zone():
    when = datetime(2026, 11, 20, 22, 7, tzinfo=UTC)
    assert texts.moment(when, "Africa/Nairobi", "en") == "21 Nov 2026, 01:07"
    assert texts.day(when, "Africa/Nairobi", "en") == "21 Nov 2026"


def test_an_option_travels_in_a_tap_and_comes_back():
    choice = parse(tap_id("pay:mpesa:ORD-7K3M9Q", 7))
    assert choice is not None
    assert (choice.option, choice.turn) == ("pay:mpesa:ORD-7K3M9Q", 7)
    assert parse("Hello there") is None
    with pytest.raises(FlowError):
        tap_id("not an option", 1)
