"""One way of comparing what people type with what we showed: case, emoji and punctuation do not count."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_READ: Final = 1000
"""Characters of one message that are read; nobody orders with more, and matching stays quick."""

_GAPS: Final = re.compile(r"\s+")


@lru_cache(maxsize=4096)  # the shop's own names are compared with every message
def plain(text: str) -> str:
    """``text`` in lower case, letters and digits only, single spaces: "🛍️ View Products!" is "view products"."""
    kept = (
        char if unicodedata.category(char)[0] in "LN" else ("" if char in "'\u2019`" or _joins(char) else " ")
        for char in unicodedata.normalize("NFC", text[:LONGEST_READ]).casefold()
    )
    return _GAPS.sub(" ", "".join(kept)).strip()


def _joins(char: str) -> bool:
    """Marks and invisible characters vanish without splitting a word."""
    return unicodedata.category(char)[0] in "MC" and char not in "\n\t\r"
