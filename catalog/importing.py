"""Reading a catalogue file and putting it into a shop.

The file is YAML: ``categories``, ``products``, ``promotions``, ``zones``. Prices are in major
units. Texts are either one string (English) or a map by language. Every bad entry is reported, by
its place in the file, before anything is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from catalog.money import NotWhole, to_minor
from db.models import Category, DeliveryZone, Product, Promotion, Shop
from errors import RuleBroken

LONGEST_NAME: Final = 200


class BadCatalogue(RuleBroken):
    """The file cannot be used; ``problems`` holds one sentence per bad entry."""

    code = "bad_catalogue"

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(problems))


def _by_language(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


def _decimal(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


Texts = Annotated[dict[str, Annotated[str, Field(min_length=1)]], BeforeValidator(_by_language)]
Price = Annotated[Decimal, BeforeValidator(_decimal)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CategoryEntry(_Entry):
    """A category of the file."""

    code: str = Field(min_length=1)
    name: Texts
    emoji: str = ""


class ProductEntry(_Entry):
    """A product of the file; without ``stock`` it is unlimited."""

    sku: str = Field(min_length=1, max_length=60)
    name: Texts
    price: Price
    description: Texts = Field(default_factory=dict)
    category: str | None = None
    emoji: str = ""
    picture: str = ""
    stock: int | None = Field(default=None, ge=0)
    synonyms: list[str] = Field(default_factory=list)


class PromotionEntry(_Entry):
    """A promotion of the file; ``value`` is a percentage, or major units for ``fixed``."""

    title: Texts
    terms: Texts
    kind: str = Field(pattern="^(percent|fixed|free_delivery|buy_x_get_y)$")
    value: Price = Decimal(0)
    buy: int = Field(default=0, ge=0)
    free: int = Field(default=0, ge=0)
    code: str = ""
    products: list[str] = Field(default_factory=list)
    min_subtotal: Price = Decimal(0)
    starts: datetime | None = None
    ends: datetime | None = None


class ZoneEntry(_Entry):
    """A delivery zone of the file."""

    name: Texts
    fee: Price


class CatalogueFile(_Entry):
    """A whole catalogue file."""

    categories: list[CategoryEntry] = Field(default_factory=list)
    products: list[ProductEntry]
    promotions: list[PromotionEntry] = Field(default_factory=list)
    zones: list[ZoneEntry] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """How much of what was imported."""

    products: int
    categories: int
    promotions: int
    zones: int


def read(path: Path) -> CatalogueFile:
    """Read and check a file.

    Raises:
        BadCatalogue: it is missing, not YAML, or an entry is wrong.
    """
    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadCatalogue([f"there is no catalogue file {path}"]) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadCatalogue([f"{path} cannot be read as YAML: {type(error).__name__}"]) from error
    try:
        return CatalogueFile.model_validate(loaded)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc']) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise BadCatalogue(problems) from error


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def is_empty(session: Session, shop_id: int) -> bool:
    """Whether the shop offers nothing yet."""
    return session.scalar(select(Product.id).where(Product.shop_id == shop_id).limit(1)) is None


def put(session: Session, shop: Shop, file: CatalogueFile) -> Imported:
    """Put a catalogue into an empty shop.

    Raises:
        BadCatalogue: a price the currency cannot be charged in, an unknown category or product, a
            SKU given twice.
    """
    problems: list[str] = []
    seen: set[str] = set()

    def minor(where: str, amount: Decimal) -> int:
        try:
            return to_minor(amount, shop.currency)
        except NotWhole as error:
            problems.append(f"{where}: {error}")
            return 1

    categories = {
        entry.code: Category(
            shop_id=shop.id, code=entry.code, names=entry.name, emoji=entry.emoji, position=position
        )
        for position, entry in enumerate(file.categories)
    }
    session.add_all(categories.values())
    session.flush()
    for position, entry in enumerate(file.products):
        where = f"products.{position} ({entry.sku})"
        if entry.sku in seen:
            problems.append(f"{where}: this sku is there twice")
        seen.add(entry.sku)
        if entry.category is not None and entry.category not in categories:
            problems.append(f"{where}: there is no category {entry.category}")
        if entry.price <= 0:
            problems.append(f"{where}: the price must be above zero")
        if problems:
            continue
        session.add(
            Product(
                shop_id=shop.id,
                sku=entry.sku,
                category_id=categories[entry.category].id if entry.category else None,
                names=entry.name,
                descriptions=entry.description,
                synonyms=entry.synonyms,
                emoji=entry.emoji,
                picture=entry.picture,
                price=minor(where, entry.price),
                available=entry.stock,
                position=position,
            )
        )
    for position, promotion in enumerate(file.promotions):
        where = f"promotions.{position}"
        problems += [f"{where}: there is no product {sku}" for sku in promotion.products if sku not in seen]
        value = minor(where, promotion.value) if promotion.kind == "fixed" else int(promotion.value)
        session.add(
            Promotion(
                shop_id=shop.id,
                code=promotion.code,
                titles=promotion.title,
                terms=promotion.terms,
                kind=promotion.kind,
                value=value,
                buy=promotion.buy,
                free=promotion.free,
                skus=promotion.products,
                min_subtotal=minor(where, promotion.min_subtotal),
                starts_at=_utc(promotion.starts),
                ends_at=_utc(promotion.ends),
                position=position,
            )
        )
    for position, zone in enumerate(file.zones):
        session.add(
            DeliveryZone(
                shop_id=shop.id, names=zone.name, fee=minor(f"zones.{position}", zone.fee), position=position
            )
        )
    if problems:
        raise BadCatalogue(problems)
    session.execute(update(Shop).where(Shop.id == shop.id).values(catalog_version=Shop.catalog_version + 1))
    return Imported(len(file.products), len(file.categories), len(file.promotions), len(file.zones))
