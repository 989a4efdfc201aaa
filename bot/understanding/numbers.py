"""Quantities as people type them: digits, English and Swahili words, pieces and dozens."""

from __future__ import annotations

import re
from typing import Final

from bot.understanding.words import plain

MOST: Final = 999
"""The largest quantity of one line; more is a slip of the finger, or business for a person."""

_ENGLISH_UNITS: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_ENGLISH_TENS: Final = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SWAHILI_UNITS: Final = [
    "sifuri",
    "moja",
    "mbili",
    "tatu",
    "nne",
    "tano",
    "sita",
    "saba",
    "nane",
    "tisa",
    "kumi",
]
_SWAHILI_TENS: Final = [
    "ishirini",
    "thelathini",
    "arobaini",
    "hamsini",
    "sitini",
    "sabini",
    "themanini",
    "tisini",
]

_DOZENS: Final = frozenset({"dozen", "dozens", "dazeni"})
_POLITE: Final = frozenset(
    [
        "please",
        "just",
        "only",
        "i",
        "want",
        "need",
        "would",
        "like",
        "give",
        "me",
        "get",
        "take",
        "make",
        "it",
        "nataka",
        "naomba",
        "nipe",
        "nipatie",
        "tafadhali",
        "tu",
        "ni",
        "mimi",
        "chukua",
        "hizo",
        "the",
        "a",
        "an",
        "of",
    ]
)
_DIGITS: Final = re.compile(r"(?:x ?)?([0-9]{1,3})(?: ?(?!st\b|nd\b|rd\b|th\b)([a-z]{1,12}))?")
_REFUSED: Final = re.compile(r"[-\u2212\u2013]\s*[0-9]|[0-9][.,/][0-9]|[%]")


def _spelled() -> dict[str, int]:
    """Every number word from 1 to 100, and dozens, in both languages."""
    words = {word: value for value, word in enumerate(_ENGLISH_UNITS) if value}
    for tens, word in enumerate(_ENGLISH_TENS, start=2):
        words[word] = tens * 10
        words |= {f"{word} {_ENGLISH_UNITS[ones]}": tens * 10 + ones for ones in range(1, 10)}
    swahili = {word: value for value, word in enumerate(_SWAHILI_UNITS) if value}
    for tens, word in enumerate(("kumi", *_SWAHILI_TENS), start=1):
        swahili[word] = tens * 10
        swahili |= {f"{word} na {_SWAHILI_UNITS[ones]}": tens * 10 + ones for ones in range(1, 10)}
    hundred = {"hundred": 100, "one hundred": 100, "mia": 100, "mia moja": 100}
    dozens = {
        "dozen": 12,
        "one dozen": 12,
        "dazeni": 12,
        "dazeni moja": 12,
        "half dozen": 6,
        "nusu dazeni": 6,
    }
    dozens |= {"two dozen": 24, "dazeni mbili": 24, "couple": 2, "pair": 2, "jozi": 2, "single": 1}
    return words | swahili | hundred | dozens


SPELLED: Final = _spelled()
"""Number words and phrases: "twenty one", "kumi na mbili", "dozen"."""


def quantity(text: str) -> int | None:
    """How many ``text`` asks for, from 1 to ``MOST``; ``None`` when it is no such number.

    "2", "x2", "2 pcs", "2kg" and "mbili" are two. Zero, negatives, fractions, powers and the
    digits of other scripts are not taken for what they might have meant.
    """
    if _REFUSED.search(text):
        return None
    words = plain(text).split()
    while words and words[0] in _POLITE:
        words = words[1:]
    while words and words[-1] in _POLITE:
        words = words[:-1]
    said = " ".join(words)
    if said in SPELLED:
        return SPELLED[said]
    digits = _DIGITS.fullmatch(said)
    if digits and (digits.group(2) is None or digits.group(2) in _UNITS):
        value = int(digits.group(1)) * (12 if digits.group(2) in _DOZENS else 1)
        return value if 1 <= value <= MOST else None
    return _spelled_with_unit(words)


_UNITS: Final = frozenset(
    [
        "pc",
        "pcs",
        "piece",
        "pieces",
        "x",
        "kg",
        "kgs",
        "kilo",
        "kilos",
        "g",
        "gm",
        "gms",
        "gram",
        "grams",
        "l",
        "ltr",
        "litre",
        "litres",
        "ml",
        "bag",
        "bags",
        "packet",
        "packets",
        "pack",
        "packs",
        "pkt",
        "pkts",
        "set",
        "sets",
        "bottle",
        "bottles",
        "box",
        "boxes",
        "jar",
        "jars",
        "tin",
        "tins",
        "can",
        "cans",
        "item",
        "items",
        "unit",
        "units",
        "bar",
        "bars",
        "only",
        "vipande",
        "kipande",
        "mfuko",
        "mifuko",
        "pakiti",
        "chupa",
        "boksi",
        "debe",
        "mikebe",
        "mkebe",
        "kopo",
        "makopo",
        "dozen",
        "dozens",
        "dazeni",
    ]
)
"""Words that may follow a number without changing it: "2 pcs". Any other word may be another product."""


def _spelled_with_unit(words: list[str]) -> int | None:
    """A number phrase with one further word after it: "mbili kilo", "two pieces"."""
    if len(words) > 1 and " ".join(words[:-1]) in SPELLED and words[-1] in _UNITS:
        return SPELLED[" ".join(words[:-1])]
    return None


def leading_quantity(text: str) -> tuple[int, str] | None:
    """The quantity before the rest: "2 coffee", "mbili kahawa", "a dozen eggs"; ``None`` without one."""
    words = plain(text).split()
    while words and words[0] in _POLITE:
        words = words[1:]
    if not words or _REFUSED.search(text):
        return None
    bare = re.fullmatch(r"x?([0-9]{1,3})x?", words[0])
    if bare:
        rest = words[2:] if words[1:2] == ["x"] else words[1:]
        return _counted(int(bare.group(1)), rest)
    for length in (3, 2, 1):
        phrase = " ".join(words[:length])
        if len(words) >= length and phrase in SPELLED:
            return _counted(SPELLED[phrase], words[length:])
    return None


def trailing_quantity(text: str) -> tuple[int, str] | None:
    """The quantity after the rest: "coffee x2", "kahawa mbili"; ``None`` without one."""
    words = plain(text).split()
    if not words or _REFUSED.search(text):
        return None
    bare = re.fullmatch(r"x?([0-9]{1,3})x?", words[-1])
    if bare:
        rest = words[:-2] if words[-2:-1] == ["x"] else words[:-1]
        return _counted(int(bare.group(1)), rest)
    for length in (3, 2, 1):
        phrase = " ".join(words[-length:])
        if len(words) > length and phrase in SPELLED:
            return _counted(SPELLED[phrase], words[:-length])
    return None


def _counted(value: int, rest: list[str]) -> tuple[int, str] | None:
    left = " ".join(word for word in rest if word not in _POLITE)
    return (value, left) if 1 <= value <= MOST and left else None
