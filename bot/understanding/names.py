"""Text from strangers made harmless: names lose formatting and links, addresses lose only what hides.

A name is repeated inside our own sentences, so it must not be able to format them, turn their
direction, or carry a link. An address is read by a rider and keeps its punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_NAME: Final = 64
LONGEST_ADDRESS: Final = 300
SHORTEST_ADDRESS: Final = 3
_MOST_MARKS: Final = 2
"""Combining marks kept on one character; more is not writing but decoration."""

_FORMATTING: Final = str.maketrans(dict.fromkeys("*_~`", ""))
_LINK: Final = re.compile(
    r"(?:[a-z][a-z0-9+.\-]{1,20}://|www\.)\S*|\b[\w\-]+(?:\.[\w\-]+)*\.(?:com|net|org|info|biz|me|io|co|ly|ke|tz|ug|link|xyz|top|shop|app|site)\b(?:/\S*)?",
    re.IGNORECASE,
)
_GAPS: Final = re.compile(r"\s+")


def visible(text: str) -> str:
    """``text`` in NFC without control, direction, zero-width, private and stray surrogate characters.

    Emoji keep the joiner (U+200D) between their parts, which is not invisible but glue.
    """
    kept: list[str] = []
    marks = 0
    for index, char in enumerate(unicodedata.normalize("NFC", text)):
        category = unicodedata.category(char)
        if char in "\n\r\t" or category in {"Zs", "Zl", "Zp"}:
            kept.append(" ")
        elif category[0] == "C":
            if char == "\u200d" and index and kept and unicodedata.category(kept[-1]) in {"So", "Sk", "Mn"}:
                kept.append(char)
        elif category in {"Mn", "Me", "Mc"}:
            marks += 1
            if marks <= _MOST_MARKS and kept and not kept[-1].isspace():
                kept.append(char)
            continue
        else:
            kept.append(char)
        marks = 0
    return _GAPS.sub(" ", "".join(kept)).strip(" \u200d")


def clean_name(text: str) -> str:
    """A stranger's name, fit to stand in our sentences; possibly empty.

    Letters of every script stay; a name without any letter or digit is no name.
    """
    name = visible(_LINK.sub(" ", visible(text[: LONGEST_NAME * 16]))).translate(_FORMATTING)
    name = _GAPS.sub(" ", name).strip(" \u200d")
    if not any(unicodedata.category(char)[0] in "LN" for char in name):
        return ""
    return _shortened(name, LONGEST_NAME)


def clean_address(text: str) -> str | None:
    """Where to deliver, as one line of at most 300 characters; ``None`` when it says nothing.

    Three visible characters with a letter or digit among them are the least an address can be.
    """
    address = visible(text[: LONGEST_ADDRESS * 16])
    if len(address) < SHORTEST_ADDRESS or not any(unicodedata.category(c)[0] in "LN" for c in address):
        return None
    return _shortened(address, LONGEST_ADDRESS)


def _shortened(text: str, limit: int) -> str:
    """At most ``limit`` code points, never ending between a character and its marks or joiner."""
    if len(text) <= limit:
        return text
    while limit and (unicodedata.category(text[limit])[0] == "M" or "\u200d" in text[limit - 1 : limit + 1]):
        limit -= 1
    return text[:limit].rstrip(" \u200d")
