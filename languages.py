"""The languages the shop speaks: the one list. Each has its texts in ``bot/texts/<code>.ftl``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its own name.

    Attributes:
        name: what its button says; at most 20 characters, and the same in every language.
        words: what people type to choose it, in lower case.
        hours: how a time is said besides the 24-hour clock, ``{time}`` and ``{part}`` of the day in it.
        first_hour: the hour of the 24-hour clock from which ``hours`` counts; Swahili counts from six.
    """

    name: str
    words: tuple[str, ...] = ()
    hours: str = ""
    first_hour: int = 0


LANGUAGES: Final[Mapping[str, Language]] = {
    "en": Language("English", ("english", "in english", "eng", "kiingereza", "kwa kiingereza")),
    "sw": Language(
        "Kiswahili",
        ("kiswahili", "swahili", "in swahili", "kwa kiswahili", "sw", "swa"),
        hours="saa {time} {part}",
        first_hour=6,
    ),
}
"""Languages by their ISO 639-1 code."""

FALLBACK: Final = "en"
"""Spoken where nothing else is known; its file has every text."""
