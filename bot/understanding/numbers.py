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
        "pls",
        "plz",
        "kindly",
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
        "bring",
        "send",
        "add",
        "ill",
        "have",
        "us",
        "we",
        "can",
        "could",
        "you",
        "yes",
        "ok",
        "okay",
        "thanks",
        "order",
        "buy",
        "quantity",
        "qty",
        "number",
        "nataka",
        "naomba",
        "nipe",
        "nipatie",
        "nipea",
        "tafadhali",
        "tu",
        "ni",
        "mimi",
        "chukua",
        "nichukue",
        "hizo",
        "niletee",
        "leta",
        "tuletee",
        "niwekee",
        "weka",
        "ongeza",
        "nitachukua",
        "nachukua",
        "nahitaji",
        "ningependa",
        "tupe",
        "ndio",
        "ndiyo",
        "sawa",
        "asante",
        "basi",
        "nunua",
        "agiza",
        "tuma",
        "mara",
        "idadi",
        "the",
        "a",
        "an",
        "of",
    ]
)
_DIGITS: Final = re.compile(r"(?:x ?)?([0-9]{1,3})(?: ?(?!st\b|nd\b|rd\b|th\b)([a-z]{1,12}))?")
_REFUSED: Final = re.compile(r"[-\u2212\u2013]\s*[0-9]|[0-9][.,/:][0-9]|[0-9]\s*/\s*[=\-]|[%]")
"""Signs of something else than a count: negatives, fractions, times, and prices ("1500/=")."""


_AGREEING: Final = {
    1: "mmoja kimoja limoja jamoja moko",
    2: "wawili viwili mawili miwili",
    3: "watatu vitatu matatu mitatu",
    4: "wanne vinne manne minne",
    5: "watano vitano matano mitano",
    8: "wanane vinane manane minane",
}
"""Swahili numbers as they agree with what is counted: "vipande viwili", "mifuko mitatu"."""


def _tens(units: list[str], tens: list[str], joint: str) -> dict[int, str]:
    """Words from 1 to 99; ``units`` counts from zero, ``tens`` from the first ten that ``units`` has not."""
    words = {value: word for value, word in enumerate(units) if value}
    first = len(units) // 10
    for place, word in enumerate(tens, start=first):
        words[place * 10] = word
        words |= {place * 10 + ones: f"{word}{joint}{units[ones]}" for ones in range(1, 10)}
    return words


def _spelled() -> dict[str, int]:
    """Every number word from 1 to 999, and dozens, in both languages."""
    english = _tens(_ENGLISH_UNITS, _ENGLISH_TENS, " ")
    swahili = _tens(_SWAHILI_UNITS[:10], ["kumi", *_SWAHILI_TENS], " na ")
    words: dict[str, int] = {}
    for value in range(1, 10):
        hundreds = [(f"{english[value]} hundred", " and "), (f"{english[value]} hundred", " ")]
        hundreds += [(f"mia {swahili[value]}", " na "), (f"mia {swahili[value]}", " ")]
        if value == 1:
            hundreds += [("hundred", " and "), ("a hundred", " and "), ("mia", " na "), ("mia", " ")]
        for said, joint in hundreds:
            words[said] = value * 100
            small = english if "hundred" in said else swahili
            words |= {f"{said}{joint}{word}": value * 100 + rest for rest, word in small.items()}
    # "mia mbili" is two hundred, not a hundred and two.
    words |= {f"mia {swahili[value]}": value * 100 for value in range(1, 10)}
    words |= {word: value for value, word in (*english.items(), *swahili.items())}
    words |= {word: value for value, said in _AGREEING.items() for word in said.split()}
    words |= {
        "dozen": 12,
        "dazeni": 12,
        "half dozen": 6,
        "half a dozen": 6,
        "nusu dazeni": 6,
        "dazeni na nusu": 18,
    }
    words |= {"dozen and a half": 18, "couple": 2, "pair": 2, "jozi": 2, "single": 1}
    words |= {f"{english[value]} dozen": value * 12 for value in range(1, 10)}
    words |= {f"dazeni {swahili[value]}": value * 12 for value in range(1, 10)}
    return words


SPELLED: Final = _spelled()
"""Number words and phrases: "twenty one", "kumi na mbili", "dozen"."""
LONGEST_SPELLED: Final = max(len(phrase.split()) for phrase in SPELLED)


def quantity(text: str) -> int | None:
    """How many ``text`` asks for, from 1 to ``MOST``; ``None`` when it is no such number.

    "2", "x2", "2 pcs", "2kg" and "mbili" are two. Zero, negatives, fractions, powers and the
    digits of other scripts are not taken for what they might have meant.
    """
    if _REFUSED.search(text):
        return None
    words = plain(text.replace("🔟", "10")).split()
    if " ".join(words) in SPELLED:
        return SPELLED[" ".join(words)]
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
        "pics",
        "x",
        "kg",
        "kgs",
        "kilo",
        "kilos",
        "kilogram",
        "kilograms",
        "g",
        "gm",
        "gms",
        "gram",
        "grams",
        "l",
        "ltr",
        "ltrs",
        "litre",
        "litres",
        "liter",
        "liters",
        "lita",
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
        "pair",
        "pairs",
        "carton",
        "cartons",
        "crate",
        "crates",
        "roll",
        "rolls",
        "only",
        "each",
        "vipande",
        "kipande",
        "mfuko",
        "mifuko",
        "pakiti",
        "chupa",
        "boksi",
        "maboksi",
        "debe",
        "madebe",
        "mikebe",
        "mkebe",
        "kopo",
        "makopo",
        "mtungi",
        "mitungi",
        "katoni",
        "seti",
        "kreti",
        "gunia",
        "magunia",
        "jozi",
        "paketi",
        "dozen",
        "dozens",
        "dazeni",
    ]
)
"""Words that may follow a number without changing it: "2 pcs". Any other word may be another product."""


def _spelled_with_unit(words: list[str]) -> int | None:
    """A number with one further word beside it: "mbili kilo", "two pieces"; in Swahili before it: "vipande viwili"."""
    if len(words) < 2:  # noqa: PLR2004
        return None
    for unit, said in ((words[-1], " ".join(words[:-1])), (words[0], " ".join(words[1:]))):
        if unit in _UNITS:
            digits = re.fullmatch(r"x?([0-9]{1,3})", said)
            value = int(digits[1]) if digits else SPELLED.get(said, 0)
            if unit in _DOZENS:
                value *= 12 if digits else 0  # "dazeni mbili" is in the list, "dozen dozen" is nothing
            return value if 1 <= value <= MOST else None
    return None


def leading_quantity(text: str) -> tuple[int, str] | None:
    """The quantity before the rest: "2 coffee", "mbili kahawa", "pakiti mbili za kahawa", "a dozen eggs"."""
    words = plain(text).split()
    while words and words[0] in _POLITE:
        words = words[1:]
    if len(words) > 2 and words[0] in _UNITS and words[0] not in _DOZENS:  # noqa: PLR2004
        words = words[1:]
    if not words or _REFUSED.search(text):
        return None
    bare = re.fullmatch(r"x?([0-9]{1,3})x?", words[0])
    if bare:
        rest = words[2:] if words[1:2] == ["x"] else words[1:]
        if len(rest) > 1 and rest[0] in _UNITS:
            return _counted(int(bare.group(1)) * (12 if rest[0] in _DOZENS else 1), rest[1:])
        return _counted(int(bare.group(1)), rest)
    for length in range(min(LONGEST_SPELLED, len(words)), 0, -1):
        phrase = " ".join(words[:length])
        if phrase in SPELLED:
            rest = words[length:]
            spare = len(rest) > 1 and rest[0] in _UNITS
            return _counted(SPELLED[phrase], rest[1:] if spare else rest)
    return None


def trailing_quantity(text: str) -> tuple[int, str] | None:
    """The quantity after the rest: "coffee x2", "kahawa mbili tu", "kahawa pakiti mbili"; ``None`` without one."""
    words = plain(text).split()
    while words and words[-1] in _POLITE:
        words = words[:-1]
    if not words or _REFUSED.search(text):
        return None
    bare = re.fullmatch(r"x?([0-9]{1,3})x?", words[-1])
    if bare:
        return _counted(int(bare.group(1)), _without_unit(words[:-1]))
    for length in range(min(LONGEST_SPELLED, len(words) - 1), 0, -1):
        phrase = " ".join(words[-length:])
        if phrase in SPELLED:
            return _counted(SPELLED[phrase], _without_unit(words[:-length]))
    return None


def _without_unit(words: list[str]) -> list[str]:
    """The words without the unit that stands last: "kahawa pakiti" is coffee, in packets."""
    return words[:-1] if len(words) > 1 and words[-1] in _UNITS - _DOZENS else words


def _counted(value: int, rest: list[str]) -> tuple[int, str] | None:
    left = " ".join(word for word in rest if word not in _POLITE)
    return (value, left) if 1 <= value <= MOST and left else None
