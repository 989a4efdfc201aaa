"""Which variants of a product are meant: "large red", "nyekundu", typos forgiven."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rapidfuzz import fuzz

from bot.understanding.words import plain
from catalog.snapshot import ProductView

_ALIKE: Final = 80
"""Likeness from which a word is taken for one of a label's."""
_SHORT: Final = 3
_FILLER: Final = frozenset(
    [
        "the", "a", "an", "one", "ones", "in", "size", "colour", "color", "please", "i", "want", "take", "with", "and",
        "nataka", "naomba", "nipe", "ya", "za", "wa", "la", "cha", "vya", "rangi", "saizi", "ile", "hiyo", "tafadhali", "na",
    ]
)  # fmt: skip


def variants_called(text: str, variants: Iterable[ProductView]) -> tuple[ProductView, ...]:
    """The variants of which every word said is in a label, in any language; one alone when its whole label was said."""
    said = [word for word in plain(text).split() if word not in _FILLER]
    if not said:
        return ()
    fitting: list[ProductView] = []
    for variant in variants:
        labels = [plain(label).split() for label in variant.labels.values()]
        if any(sorted(said) == sorted(label) for label in labels):
            return (variant,)
        words = [word for label in labels for word in label]
        if all(any(_same(word, other) for other in words) for word in said):
            fitting.append(variant)
    return tuple(fitting)


def _same(word: str, other: str) -> bool:
    if word == other or len(word) <= _SHORT:
        return word == other
    return other.startswith(word) or fuzz.ratio(word, other) >= _ALIKE
