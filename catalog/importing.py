"""Reading a catalogue file, saying what it would change, and putting that into a shop.

``read_file`` is pure and keeps the good entries beside the problems of the bad ones; ``preview`` is pure too and
compares them with what the shop offers (``catalog.exporting.current``); ``apply`` writes what the preview says and
nothing else. Everything is found again by its SKU, code or English name. What a file does not name stays,
also each language of a text.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import editing, entries, sheets
from catalog.entries import (
    UNLIMITED,
    BadEntry,
    CategoryEntry,
    Entry,
    ProductEntry,
    PromotionEntry,
    ShopEntry,
    VariantEntry,
    ZoneEntry,
)
from catalog.exporting import (
    CATEGORY,
    PRODUCT,
    PROMOTION,
    SHOP,
    VARIANT,
    ZONE,
    Offer,
    current,
    key_of,
    plain,
)
from db.models import AuditEntry, Product, Shop
from db.types import clock
from errors import RuleBroken

LARGEST: Final = 2_000_000
"""Bytes of a file."""
MOST_ENTRIES: Final = 2_000
MOST_PROBLEMS: Final = 200
MOST_AUDITED: Final = 200
"""Changes whose before and after the audit log keeps; of more, only which they were."""
SECTIONS: Final[dict[str, tuple[str, type[Entry]]]] = {
    "categories": (CATEGORY, CategoryEntry),
    "products": (PRODUCT, ProductEntry),
    "promotions": (PROMOTION, PromotionEntry),
    "zones": (ZONE, ZoneEntry),
}
BY_LANGUAGE: Final = (*sheets.BY_LANGUAGE, "title", "terms")
OF_THE_SHOP: Final = ("hours", "closed_days", "place")


class BadCatalogue(RuleBroken):
    """The file cannot be used; ``problems`` holds one sentence per bad entry."""

    code = "bad_catalogue"

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where: ``place`` is a row of a sheet or an entry of a YAML file, ``column`` may be empty."""

    place: str
    column: str
    why: str

    def __str__(self) -> str:
        return f"{self.place}, {self.column}: {self.why}" if self.column else f"{self.place}: {self.why}"


@dataclass(frozen=True, slots=True)
class Item:
    """One good entry; ``fields`` are those given, as ``catalog.exporting`` writes them."""

    place: str
    kind: str
    key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """What a file says: its good entries, and what is wrong with the others."""

    items: tuple[Item, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is new (``before`` is ``None``) or differs; both sides name the differing fields only."""

    kind: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]

    def differences(self) -> Iterator[tuple[str, Any, Any]]:
        """Each field with what it says before and after; of a text each language that differs, as ``name (sw)``."""
        for name, after in self.after.items():
            before = (self.before or {}).get(name)
            if name in BY_LANGUAGE and isinstance(after, Mapping) and isinstance(before, Mapping):
                for language in {**before, **after}:
                    if before.get(language) != after.get(language):
                        yield f"{name} ({language})", before.get(language), after.get(language)
            else:
                yield name, before, after


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change. ``digest`` names exactly this, for who asks before doing it."""

    new: tuple[Change, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: int = 0
    problems: tuple[Problem, ...] = ()
    digest: str = field(default="", compare=False)

    @property
    def left_out(self) -> int:
        """How many rows or entries cannot be used, whatever is wrong with each."""
        return len({problem.place for problem in self.problems})


@dataclass(frozen=True, slots=True)
class Imported:
    """How many products, categories, promotions and zones are new; how many entries of any kind changed."""

    products: int
    categories: int
    promotions: int
    zones: int
    changed: int = 0


# --- reading ------------------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML in which 18:00 is no number of minutes and 007 no octal."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - yaml's own way
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^-?(0|[1-9][0-9]{0,18})$"), list("-0123456789")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^-?[0-9]{1,15}\.[0-9]{1,15}$"), list("-0123456789")
)


def read(path: Path) -> CatalogueFile:
    """Read a file of which every entry must be good.

    Raises:
        BadCatalogue: it is missing, cannot be read, or an entry is wrong.
    """
    file = read_file(path.name, load(path))
    if file.problems:
        raise BadCatalogue([str(problem) for problem in file.problems])
    return file


def load(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        BadCatalogue: it is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise BadCatalogue([f"there is no catalogue file {path}"]) from error
    except OSError as error:
        raise BadCatalogue([f"{path} cannot be read: {type(error).__name__}"]) from error


def read_file(name: str, content: bytes) -> CatalogueFile:
    """What a file says: a sheet when its name ends in ``.csv``, else YAML.

    Raises:
        BadCatalogue: nothing of it can be used.
    """
    if len(content) > LARGEST:
        raise BadCatalogue([f"the file has more than {LARGEST // 1_000_000} MB"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadCatalogue(['the file is not UTF-8; in a spreadsheet save it as "CSV UTF-8"']) from error
    reading = _Reading()
    if name.lower().endswith(".csv"):
        _read_sheet(text, reading)
    else:
        _read_yaml(text, reading)
    return CatalogueFile(tuple(reading.items), tuple(reading.problems[:MOST_PROBLEMS]))


class _Reading:
    """Collects what is good and what is not."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.problems: list[Problem] = []
        self._seen: set[tuple[str, str]] = set()

    def variant(self, place: str, parent: str, data: Mapping[str, Any]) -> None:
        """Take in a variant written on a row of its own."""
        try:
            fields = plain(entries.read(VariantEntry, data))
        except BadEntry as error:
            self.problems += [Problem(place, column, why) for column, why in error.problems]
            return
        self._take(Item(place, VARIANT, key_of(VARIANT, fields), {"parent": parent, **fields}))

    def entry(self, place: str, kind: str, of: type[Entry], data: Any) -> None:
        """Take an entry in; a product's variants become entries of their own."""
        try:
            entry = entries.read(of, data)
        except BadEntry as error:
            self.problems += [Problem(place, column, why) for column, why in error.problems]
            return
        fields = plain(entry)
        variants = fields.pop("variants", [])
        self._take(Item(place, kind, key_of(kind, fields), fields))
        # A variant without a price of its own costs what is written for the product here.
        priced = {"price": fields["price"]} if "price" in fields else {}
        for variant in variants:
            written = {"parent": fields["sku"], **priced, **variant}
            self._take(Item(place, VARIANT, key_of(VARIANT, variant), written))

    def _take(self, item: Item) -> None:
        # Products and variants share their SKUs.
        name = (PRODUCT if item.kind == VARIANT else item.kind, item.key)
        if name in self._seen:
            self.problems.append(Problem(item.place, "", f"{item.key} is there twice"))
        else:
            self._seen.add(name)
            self.items.append(item)
            if len(self.items) > MOST_ENTRIES:
                raise BadCatalogue([f"a file has at most {MOST_ENTRIES} entries"])


def _read_yaml(text: str, reading: _Reading) -> None:
    try:
        loaded = _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise BadCatalogue([f"the file cannot be read as YAML{where}"]) from error
    if not isinstance(loaded, dict):
        raise BadCatalogue(["the file holds no catalogue: write products: and below it a list"])
    unknown = [str(name) for name in loaded if name not in {*SECTIONS, *OF_THE_SHOP}]
    reading.problems += [Problem(name, "", "nothing in a catalogue is called so") for name in unknown]
    entries_of = {name: loaded.get(name) or [] for name in SECTIONS}
    if not all(isinstance(rows, list) for rows in entries_of.values()):
        raise BadCatalogue([f"{', '.join(SECTIONS)} are lists"])
    for name, (kind, of) in SECTIONS.items():
        for number, data in enumerate(entries_of[name]):
            sku = data.get("sku") if isinstance(data, dict) else None
            reading.entry(f"{name}.{number}" + (f" ({sku})" if sku else ""), kind, of, data)
    about = {name: loaded[name] for name in OF_THE_SHOP if name in loaded}
    if about:
        reading.entry("shop", SHOP, ShopEntry, about)


def _read_sheet(text: str, reading: _Reading) -> None:
    try:
        sheet = sheets.read(text, MOST_ENTRIES)
    except sheets.BadSheet as error:
        raise BadCatalogue([str(error)]) from error
    reading.problems += [Problem("row 1", name, "there is no such column") for name in sheet.unknown]
    for row in sheet.rows:
        if row.too_long:
            reading.problems.append(Problem(row.place, "", "it has more cells than the header"))
        elif row.parent:
            reading.variant(row.place, row.parent, row.data)
        else:
            reading.entry(row.place, PRODUCT, ProductEntry, row.data)


# --- comparing ----------------------------------------------------------------------------------------------


def preview(file: CatalogueFile, offer: Offer, shop: Shop) -> Preview:
    """What the file would change of what the shop offers; pure."""
    return _Comparison(file, offer, shop).result()


def _with_other_languages(before: Any, given: Any) -> Any:
    """A text of which the languages that are not given stay; words without a language are English beside others."""
    if not before or not given or not (isinstance(before, Mapping) or isinstance(given, Mapping)):
        return given
    old, new = (text if isinstance(text, Mapping) else {"en": text} for text in (before, given))
    return {**old, **new}


class _Comparison:
    def __init__(self, file: CatalogueFile, offer: Offer, shop: Shop) -> None:
        self.shop = shop
        self.before = offer
        self.after: Offer = {kind: dict(of) for kind, of in offer.items()}
        self.problems = list(file.problems)
        self.taken: list[Item] = []
        parents = {str(of["parent"]) for of in offer[VARIANT].values()}
        self.varying = parents | {str(i.fields["parent"]) for i in file.items if i.kind == VARIANT}
        self.labels = Counter(
            label for key, of in offer[VARIANT].items() for label in self._labels(str(of["parent"]), of)
        )
        # Variants after every product, promotions after both: what they name must have been seen.
        for kind in (CATEGORY, PRODUCT, VARIANT, PROMOTION, ZONE, SHOP):
            for item in file.items:
                if item.kind == kind:
                    self._look_at(item)
            if kind == VARIANT:
                self._without_variants()

    def _look_at(self, item: Item) -> None:
        wrong = list(self._wrong(item))
        self.problems += [Problem(item.place, column, why) for column, why in wrong]
        if not wrong:
            self._take(item)

    @staticmethod
    def _labels(parent: str, of: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        return [(parent, language, text.casefold()) for language, text in of.get("label", {}).items()]

    def _wrong(self, item: Item) -> Iterator[tuple[str, str]]:
        """What ``catalog.editing`` would refuse."""
        new = item.key not in self.after[item.kind]
        for column, least in (("price", 1), ("fee", 0), ("min_subtotal", 0)):
            yield from self._uncharged(item, column, least)
        if item.kind == PRODUCT:
            yield from self._wrong_product(item, new=new)
        elif item.kind == VARIANT:
            yield from self._wrong_variant(item, new=new)
        elif item.kind == PROMOTION:
            if item.fields["kind"] == "fixed":
                yield from self._uncharged(item, "value", 1)
            known = self.after[PRODUCT].keys() | self.after[VARIANT].keys()
            for sku in item.fields["products"]:
                if sku not in known:
                    yield "products", f"there is no product {sku}"

    def _uncharged(self, item: Item, column: str, least: int) -> Iterator[tuple[str, str]]:
        if column in item.fields:
            try:
                editing.amount(self.shop, column, entries.decimal(item.fields[column]), least)
            except BadEntry as error:
                yield from error.problems

    def _wrong_product(self, item: Item, *, new: bool) -> Iterator[tuple[str, str]]:
        fields = item.fields
        if item.key in self.after[VARIANT]:
            yield "sku", "this is a variant of another product"
        if new:
            if "name" not in fields:
                yield "name", "a new product needs a name"
            if "price" not in fields and item.key not in self.varying:
                yield "price", "a new product needs a price"
        category = fields.get("category")
        if category and category not in self.after[CATEGORY]:
            yield "category", f"there is no category {category}"
        if item.key in self.varying and fields.get("stock", UNLIMITED) != UNLIMITED:
            yield "stock", "its variants are counted, each by itself"

    def _wrong_variant(self, item: Item, *, new: bool) -> Iterator[tuple[str, str]]:
        parent = str(item.fields["parent"])
        if item.key in self.after[PRODUCT]:
            yield "sku", "this is another product"
        if parent not in self.after[PRODUCT]:
            yield "parent", f"there is no product {parent}"
            return
        if not new and self.after[VARIANT][item.key]["parent"] != parent:
            yield "parent", "this is a variant of another product"
        if new and "label" not in item.fields:
            yield "label", "a variant needs a label, e.g. Large"
        if new and "price" not in item.fields and "price" not in self.after[PRODUCT][parent]:
            yield "price", "neither it nor its product has a price"
        mine = Counter(self._labels(parent, self.after[VARIANT].get(item.key, {})))
        if any(self.labels[label] > mine[label] for label in self._labels(parent, item.fields)):
            yield "label", "another variant of the product is called so"
        if (
            new
            and sum(of["parent"] == parent for of in self.after[VARIANT].values()) >= editing.MOST_VARIANTS
        ):
            yield "parent", f"a product has at most {editing.MOST_VARIANTS} variants"

    def _take(self, item: Item) -> None:
        old = self.after[item.kind].get(item.key, {})
        fields = dict(item.fields)
        for name in BY_LANGUAGE:
            if name in fields:
                fields[name] = _with_other_languages(old.get(name), fields[name])
        if item.kind == VARIANT:
            if not old:
                fields.setdefault("price", self.after[PRODUCT][str(fields["parent"])].get("price"))
            if "label" in fields:
                self.labels.subtract(self._labels(str(fields["parent"]), old))
                self.labels.update(self._labels(str(fields["parent"]), fields))
        self.after[item.kind][item.key] = {**old, **fields}
        self.taken.append(item)

    def _show_cheapest(self) -> None:
        """As ``catalog.editing`` does."""
        prices: dict[str, list[Any]] = {}
        for of in self.after[VARIANT].values():
            if of.get("active", True):
                prices.setdefault(str(of["parent"]), []).append(of["price"])
        for parent, of_variants in prices.items():
            cheapest = min(of_variants, key=entries.decimal)
            self.after[PRODUCT][parent] = {**self.after[PRODUCT][parent], "price": cheapest}

    def _without_variants(self) -> None:
        """A new product of whose variants none can be used is not sold itself instead."""
        parents = {str(of["parent"]) for of in self.after[VARIANT].values()}
        for item in [item for item in self.taken if item.kind == PRODUCT]:
            if item.key in self.varying - parents and item.key not in self.before[PRODUCT]:
                self.taken.remove(item)
                del self.after[PRODUCT][item.key]
                self.problems.append(Problem(item.place, "", "none of its variants can be used"))

    def result(self) -> Preview:
        self._show_cheapest()
        new, changed, unchanged = [], [], 0
        for item in self.taken:
            before, after = self.before[item.kind].get(item.key), self.after[item.kind][item.key]
            if before is None:
                new.append(Change(item.kind, item.key, None, after))
                continue
            differing = [name for name in after if after[name] != before.get(name)]
            # A product that varies has the price of its variants, whose change is named with them.
            if item.kind == PRODUCT and item.key in self.varying:
                differing = [name for name in differing if name != "price"]
            if not differing:
                unchanged += 1
                continue
            changed.append(
                Change(
                    item.kind,
                    item.key,
                    {name: before.get(name) for name in differing},
                    {name: after[name] for name in differing},
                )
            )
        told = orjson.dumps([[c.kind, c.key, c.before, c.after] for c in (*new, *changed)])
        return Preview(
            tuple(new),
            tuple(changed),
            unchanged,
            tuple(self.problems),
            hashlib.sha256(told).hexdigest()[:16],
        )


# --- writing ------------------------------------------------------------------------------------------------


def apply(session: Session, shop: Shop, what: Preview, *, actor: str, source: str = "") -> Imported:
    """Do what the preview says, in the caller's transaction, and note it in the audit log.

    Raises:
        BadCatalogue: the shop has changed meanwhile so that it cannot be done.
    """
    imported = _write(session, shop, what)
    if what.new or what.changed:
        session.add(
            AuditEntry(
                shop_id=shop.id,
                actor=actor,
                action="catalogue_imported",
                subject=source,
                before={
                    "changed": {f"{c.kind} {c.key}": c.before for c in what.changed[:MOST_AUDITED]},
                },
                after={
                    "new": [f"{c.kind} {c.key}" for c in what.new],
                    "changed": {f"{c.kind} {c.key}": c.after for c in what.changed[:MOST_AUDITED]},
                    "also_changed": [f"{c.kind} {c.key}" for c in what.changed[MOST_AUDITED:]],
                },
                created_at=clock(),
            )
        )
    return imported


def _write(session: Session, shop: Shop, what: Preview) -> Imported:
    if what.new or what.changed:
        # In the order in which orders take them, before any of them changes.
        session.execute(
            select(Product.id).where(Product.shop_id == shop.id).order_by(Product.id).with_for_update()
        )
        offer = current(session, shop)
        with editing.together(session, shop.id):
            for change in (*what.new, *what.changed):
                try:
                    _put(session, shop, change, offer)
                except BadEntry as error:
                    raise BadCatalogue([f"{change.kind} {change.key}: {error}"]) from error
    new = Counter(change.kind for change in what.new)
    return Imported(new[PRODUCT], new[CATEGORY], new[PROMOTION], new[ZONE], len(what.changed))


def _put(session: Session, shop: Shop, change: Change, offer: Offer) -> None:
    fields = dict(change.after)
    if change.kind == PRODUCT:
        editing.put_product(session, shop, entries.read(ProductEntry, {"sku": change.key, **fields}))
    elif change.kind == VARIANT:
        parent = fields.pop("parent", None) or offer[VARIANT][change.key]["parent"]
        editing.put_variant(session, shop, parent, entries.read(VariantEntry, {"sku": change.key, **fields}))
    elif change.kind == SHOP:
        _put_shop(session, shop, fields)
    else:
        whole = {**offer[change.kind].get(change.key, {}), **fields}
        if change.kind == CATEGORY:
            editing.put_category(session, shop, entries.read(CategoryEntry, whole))
        elif change.kind == PROMOTION:
            editing.put_promotion(session, shop, entries.read(PromotionEntry, whole))
        else:
            editing.put_zone(session, shop, entries.read(ZoneEntry, whole))


def _put_shop(session: Session, shop: Shop, fields: Mapping[str, Any]) -> None:
    settings = shop.settings or {}
    if "hours" in fields or "closed_days" in fields:
        editing.set_hours(
            session,
            shop,
            fields.get("hours", settings.get("hours") or {}),
            fields.get("closed_days", settings.get("closed_days") or []),
        )
    if "place" in fields:
        place = fields["place"] or {}
        editing.set_place(session, shop, place.get("latitude"), place.get("longitude"))


def is_empty(session: Session, shop_id: int) -> bool:
    """Whether the shop offers nothing yet."""
    return session.scalar(select(Product.id).where(Product.shop_id == shop_id).limit(1)) is None


def put(session: Session, shop: Shop, file: CatalogueFile) -> Imported:
    """Put a catalogue into an empty shop, all of it or nothing.

    Raises:
        BadCatalogue: a price the currency cannot be charged in, an unknown category or product.
    """
    what = preview(file, current(session, shop), shop)
    if what.problems:
        raise BadCatalogue([str(problem) for problem in what.problems])
    return _write(session, shop, what)
