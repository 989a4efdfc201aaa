"""What customers write, line by line: every file in ``tests/phrases`` says what each phrase must mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.conversation import Conversation
from bot.global_words import word_chosen
from bot.states.address_input import MORE, PICKUP, SAME, SKIP
from bot.understanding.choices import agrees, declines
from bot.understanding.clock import time_of_day
from bot.understanding.numbers import quantity
from bot.understanding.words import plain
from languages import LANGUAGES
from payments import phone
from tests.unit.bot.market import SHOP, ordered

FOLDER = Path(__file__).parents[2] / "phrases"
FEWEST = 200


def lines(name: str) -> list[tuple[str, str, str]]:
    """Phrase, meaning and language of each line."""
    rows = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    made = [tuple(row.split("\t")) for row in rows if row and not row.startswith("# ")]
    assert all(len(row) == 3 for row in made), [row for row in made if len(row) != 3]
    return [(row[0], row[1], row[2]) for row in made]


def as_quantity(text: str, _language: str) -> str:
    count = quantity(text)
    return "-" if count is None else str(count)


def as_time(text: str, _language: str) -> str:
    read = time_of_day(text)
    return "-" if read is None else f"{read.hour:02}:{read.minute:02}"


def as_choice(text: str, _language: str) -> str:
    said = plain(text)
    for meaning, words in {"skip": SKIP, "pickup": PICKUP, "same": SAME, "more": MORE}.items():
        if said in words:
            return meaning
    if agrees(text):
        return "yes"
    if declines(text):
        return "no"
    choice = word_chosen(said, Conversation())
    return "-" if choice is None else choice.option


def as_products(text: str, _language: str) -> str:
    return ordered(text, SHOP)


def as_phone(text: str, country: str) -> str:
    return phone.said(text, country) or "-"


READERS: dict[str, Callable[[str, str], str]] = {
    "quantities.tsv": as_quantity,
    "times.tsv": as_time,
    "choices.tsv": as_choice,
    "products.tsv": as_products,
    "phones.tsv": as_phone,
}


@pytest.mark.parametrize("name", READERS)
def test_every_phrase_means_what_its_line_says(name: str) -> None:
    wrong = [
        f"{phrase!r} means {got}, not {meaning}"
        for phrase, meaning, language in lines(name)
        if (got := READERS[name](phrase, language)) != meaning
    ]
    assert wrong == []


@pytest.mark.parametrize("name", READERS)
def test_there_are_enough_phrases_in_every_language_and_none_twice(name: str) -> None:
    found = lines(name)
    assert len(found) >= FEWEST
    assert len({phrase for phrase, _, _ in found}) == len(found)
    spoken = {language for _, _, language in found}
    assert spoken >= ({"KE", "TZ"} if name == "phones.tsv" else set(LANGUAGES))


def test_words_that_name_no_product_are_never_taken_for_one() -> None:
    found = lines("no_products.tsv")
    assert len(found) >= FEWEST // 2
    sure = [
        f"{phrase!r} means {got}"
        for phrase, _, _ in found
        if not (got := as_products(phrase, "")).startswith(("-", "?"))
    ]
    assert sure == []


def test_every_file_of_phrases_is_read() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*READERS, "no_products.tsv"}
