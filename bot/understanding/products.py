"""Finding products by what people call them, and whole orders in one line ("2 coffee and 1 honey")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from rapidfuzz import fuzz

from bot.understanding.numbers import leading_quantity, quantity, trailing_quantity
from bot.understanding.words import plain
from catalog.snapshot import ProductView, ShopSnapshot

_SURE: Final = 90
"""Score from which a single best product is taken without asking."""
_PERHAPS: Final = 74
"""Score from which a product is offered as "did you mean"."""
_ALIKE: Final = 70
"""Likeness of two words below which they are different words."""
_LEAD: Final = 8
"""How far the best must be ahead of the second to be taken without asking."""
_SHORTEST: Final = 3
MOST_OFFERED: Final = 3

_FILLER: Final = frozenset(
    [
        "i",
        "want",
        "need",
        "would",
        "like",
        "id",
        "to",
        "buy",
        "order",
        "please",
        "pls",
        "plz",
        "the",
        "a",
        "an",
        "of",
        "some",
        "for",
        "me",
        "my",
        "get",
        "give",
        "have",
        "do",
        "you",
        "got",
        "sell",
        "is",
        "are",
        "any",
        "there",
        "can",
        "could",
        "send",
        "bring",
        "add",
        "how",
        "much",
        "price",
        "cost",
        "hi",
        "hello",
        "hey",
        "ni",
        "ku",
        "nataka",
        "naomba",
        "nipe",
        "nipatie",
        "nipea",
        "ningependa",
        "nahitaji",
        "niletee",
        "leta",
        "niwekee",
        "weka",
        "ongeza",
        "nitachukua",
        "nunua",
        "natafuta",
        "unipatie",
        "mnisaidie",
        "ya",
        "za",
        "wa",
        "la",
        "cha",
        "vya",
        "kununua",
        "kuagiza",
        "tafadhali",
        "mna",
        "mnauza",
        "unauza",
        "kuna",
        "uko",
        "iko",
        "ziko",
        "bei",
        "gani",
        "ngapi",
        "ile",
        "hiyo",
        "hii",
        "hizo",
        "habari",
        "niaje",
        "sasa",
        "bro",
        "boss",
        "buda",
        "maze",
        "msee",
        "si",
        "naeza",
        "pata",
        "naweza",
        "kupata",
        "order",
        "kuorder",
    ]
)
_DESCRIBES: Final = frozenset(
    [
        "premium",
        "organic",
        "fresh",
        "roasted",
        "woven",
        "handmade",
        "natural",
        "best",
        "good",
        "new",
        "big",
        "small",
        "large",
        "black",
        "white",
        "red",
        "green",
        "set",
        "body",
        "hand",
        "bora",
        "nzuri",
        "asilia",
        "safi",
        "mpya",
        "kubwa",
        "ndogo",
        "mkono",
        "seti",
        "nyeusi",
        "nyeupe",
        "asili",
    ]
)
"""Words that describe many things: alone they are never a product's name for sure."""
_PARTS: Final = re.compile(r"[,;+&\n]|\band\b|\bplus\b|\bna\b|\bpamoja na\b", re.IGNORECASE)
_SIZE: Final = re.compile(r"[0-9]{1,4}(?:kg|g|ml|l)?")
_MOST_PARTS: Final = 12


@dataclass(frozen=True, slots=True)
class Found:
    """Products that ``text`` may mean; ``sure`` when there is no need to ask."""

    sure: ProductView | None = None
    perhaps: tuple[ProductView, ...] = ()


def find(text: str, shop: ShopSnapshot) -> Found:
    """The product called ``text`` in any language, by name, synonym or SKU, typos forgiven."""
    said = [word for word in plain(text).split() if word not in _FILLER]
    wanted = " ".join(said)
    if len(wanted) < _SHORTEST:
        return Found()
    parents = {product.id: product for product in shop.products if product.varies}
    scored: list[tuple[float, ProductView]] = []
    for product in shop.products:
        exact, spoken = _heard_as(called(product, parents))
        if wanted in exact:
            return Found(sure=product)
        scored.append((_score(said, spoken) if spoken else 0.0, product))
    scored = _without_doubles(scored)
    perhaps = tuple(product for score, product in scored if score >= _PERHAPS)[:MOST_OFFERED]
    if not perhaps:
        return Found(perhaps=_each(text, shop))
    best = scored[0][0]
    second = scored[1][0] if len(scored) > 1 else 0.0
    telling = [word for word in said if word not in _DESCRIBES and not _SIZE.fullmatch(word)]
    if best >= _SURE and best - second >= _LEAD and telling:
        return Found(sure=perhaps[0])
    return Found(perhaps=perhaps)


def called(product: ProductView, parents: Mapping[int, ProductView]) -> tuple[str, ...]:
    """Everything a product answers to; a variant to what its product, one of ``parents``, does, with its label."""
    names = (*product.names.values(), *product.synonyms, product.sku)
    parent = parents.get(product.parent_id) if product.parent_id is not None else None
    if parent is None:
        return names
    labels = " ".join(dict.fromkeys(word for label in product.labels.values() for word in label.split()))
    return (*names, *(f"{name} {labels}" for name in (*parent.names.values(), *parent.synonyms)))


@lru_cache(maxsize=8192)  # the shop's own names are compared with every message
def _heard_as(names: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Names as they may be written in full, and the words they consist of."""
    heard = [plain(name) for name in names]
    exact = {" ".join(word for word in name.split() if word not in _FILLER) for name in heard}
    return frozenset(exact.union(heard)), tuple(sorted({word for name in heard for word in name.split()}))


def _without_doubles(scored: list[tuple[float, ProductView]]) -> list[tuple[float, ProductView]]:
    """The best first, each product once: a variant only when it, alone of its product's, fits best."""
    best: dict[int, tuple[float, list[ProductView]]] = {}
    parents = {product.id: product for _, product in scored if product.varies}
    for score, product in scored:
        key = product.id if product.parent_id is None else product.parent_id
        known, who = best.get(key, (-1.0, []))
        if score > known:
            best[key] = (score, [product])
        elif score == known:
            who.append(product)
    kept = [
        (score, who[0] if len(who) == 1 else parents.get(key, who[0])) for key, (score, who) in best.items()
    ]
    return sorted(kept, key=lambda pair: -pair[0])


def _each(text: str, shop: ShopSnapshot) -> tuple[ProductView, ...]:
    """Several products named without saying how many ("coffee and honey"): each of them is offered."""
    parts = [part for part in _PARTS.split(text) if plain(part)]
    if not 1 < len(parts) <= MOST_OFFERED:
        return ()
    found = [find(part, shop).sure for part in parts]
    return tuple(product for product in found if product is not None) if all(found) else ()


def _score(said: list[str], name: tuple[str, ...]) -> float:
    """How well every word said is a word of the names in any language, from 0 to 100; short words must be exact."""
    total = sum(_best(word, name) * len(word) for word in said)
    return total / sum(len(word) for word in said)


@lru_cache(maxsize=1 << 16)  # one message is looked at as a whole, in parts and without its numbers
def _best(word: str, name: tuple[str, ...]) -> float:
    return max(_alike(word, other) for other in name)


def _alike(word: str, other: str) -> float:
    if word == other or (len(word) >= _SHORTEST and word.rstrip("s") == other.rstrip("s")):
        return 100.0
    if len(word) <= _SHORTEST:
        return 0.0
    if other.startswith(word):
        return 89.0
    return min(fuzz.ratio(word, other, score_cutoff=_ALIKE), 89.0)


@dataclass(frozen=True, slots=True)
class Basket:
    """What one line ordered: the lines understood, and the words that named nothing."""

    lines: tuple[tuple[ProductView, int], ...]
    unknown: tuple[str, ...] = ()


def basket(text: str, shop: ShopSnapshot) -> Basket | None:
    """Products with quantities in one line: "2 coffee and 1 honey"; ``None`` when it is no such line.

    Without a single quantity it is a name, not a basket, and ``find`` is asked instead.
    """
    parts = [part for part in _rejoined(_PARTS.split(text)) if plain(part)]
    # "2 salt and pepper" is one product; "1 coffee, 2 coffee" is not.
    whole = _line(text, shop) if sum(_counts(part) for part in parts) < 2 else None  # noqa: PLR2004
    if whole is not None:
        return Basket(lines=(whole,))
    if not 1 < len(parts) <= _MOST_PARTS:
        return None
    understood = [(part, _line(part, shop) or _single(part, shop)) for part in parts]
    if not any(line is not None for _, line in understood) or not any(_counts(part) for part in parts):
        return None
    lines: dict[int, tuple[ProductView, int]] = {}
    for _, line in understood:
        if line is not None:
            product, count = line
            lines[product.id] = (product, count + lines.get(product.id, (product, 0))[1])
    return Basket(
        lines=tuple(lines.values()),
        unknown=tuple(plain(part) for part, line in understood if line is None),
    )


def _rejoined(parts: list[str]) -> list[str]:
    """Number words are split by "na" too ("kumi na mbili kahawa"): put such pieces together again."""
    joined: list[str] = []
    for part in parts:
        if joined and quantity(joined[-1]) is not None and plain(joined[-1]).isalpha():
            joined[-1] = f"{joined[-1]} na {part}"
        else:
            joined.append(part)
    return joined


def _counts(part: str) -> bool:
    return (leading_quantity(part) or trailing_quantity(part)) is not None


def _line(part: str, shop: ShopSnapshot) -> tuple[ProductView, int] | None:
    """One counted product; a name that ends or begins with a number is tried as a name first."""
    if find(part, shop).sure is not None and any(
        plain(part) == plain(name)
        for product in shop.products
        for name in (*product.names.values(), product.sku)
    ):
        return None
    for counted in (leading_quantity(part), trailing_quantity(part)):
        if counted is not None:
            product = find(counted[1], shop).sure
            if product is not None:
                return product, counted[0]
    return None


def _single(part: str, shop: ShopSnapshot) -> tuple[ProductView, int] | None:
    product = find(part, shop).sure
    return (product, 1) if product is not None else None
