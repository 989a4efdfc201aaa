"""Words by which things are found: small letters without accents, cut to a length. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 24
MOST: Final = 40
AFTER_ALL: Final = "\U0010ffff"
"""Sorts behind everything a word may go on with."""
_WORD: Final = re.compile(r"[^\W_]+")


def words_of(texts: Iterable[str]) -> list[str]:
    """The distinct words of some texts, in order, at most ``MOST``."""
    found: dict[str, None] = {}
    for text in texts:
        flat = unicodedata.normalize("NFKD", text[:1000].replace("'", "").replace("\u2019", ""))
        bare = "".join(letter for letter in flat if not unicodedata.combining(letter))
        for word in _WORD.findall(bare.casefold()):
            found.setdefault(word[:LONGEST])
    return list(found)[:MOST]


def words_of_phone(phone: str) -> list[str]:
    """A number as it may be typed: whole, and without its country's code or the zero before it."""
    digits = "".join(letter for letter in phone if letter.isascii() and letter.isdigit())
    return [digits, digits[-9:]] if len(digits) > 9 else [digits] if digits else []  # noqa: PLR2004 - national numbers here have nine


def words_of_customer(name: str, phone: str) -> list[str]:
    """Every word a customer is found by."""
    return list(dict.fromkeys([*words_of_phone(phone), *words_of([name])]))[:MOST]


def words_of_order(ref: str, name: str, phone: str, products: Iterable[str]) -> list[str]:
    """Every word an order is found by; what all references begin with is none."""
    own = words_of([ref.rpartition("-")[2]])
    return list(dict.fromkeys([*own, *words_of_phone(phone), *words_of([name, *products])]))[:MOST]
