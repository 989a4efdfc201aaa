"""What a shop offers, written as its owner would write it: for files, and to compare files with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import sheets
from catalog.entries import UNLIMITED, Entry, ProductEntry, ShopEntry, VariantEntry
from catalog.money import to_major
from catalog.snapshot import in_language
from db.models import Category, DeliveryZone, Product, Promotion, Shop

CATEGORY: Final = "category"
PRODUCT: Final = "product"
VARIANT: Final = "variant"
PROMOTION: Final = "promotion"
ZONE: Final = "zone"
SHOP: Final = "shop"
KINDS: Final = (CATEGORY, PRODUCT, VARIANT, PROMOTION, ZONE, SHOP)

Offer = dict[str, dict[str, Mapping[str, Any]]]
"""Per kind, what there is by its key, each with its fields as a file has them; texts are always by language."""


def key_of(kind: str, fields: Mapping[str, Any]) -> str:
    """By what an entry is found again."""
    if kind in {PRODUCT, VARIANT}:
        return str(fields["sku"])
    if kind == CATEGORY:
        return str(fields["code"])
    if kind == PROMOTION:
        return str(fields["code"]).upper() or in_language(fields["title"], "en")
    return in_language(fields["name"], "en") if kind == ZONE else SHOP


def plain(entry: Entry) -> dict[str, Any]:
    """The fields of an entry as they stand in an ``Offer``; those not given are missing, if that has a meaning."""
    parts = isinstance(entry, ProductEntry | VariantEntry | ShopEntry)
    fields = entry.model_dump(exclude_unset=parts)
    for name in ("active", "emoji"):
        if not entry.given(name):
            fields.pop(name, None)
    for name in ("name", "label", "price"):
        if name in fields and fields[name] is None:
            del fields[name]
    return {name: _written(name, value) for name, value in fields.items()}


def _written(name: str, value: Any) -> Any:
    if isinstance(value, Decimal):
        return amount(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_written("", one) for one in value]
    if isinstance(value, dict):
        return {key: _written(key, one) for key, one in value.items()}
    if name == "stock" and value is None:
        return UNLIMITED
    return value


def amount(value: Decimal) -> int | str:
    """An amount in major units: a number when it is whole, else its digits."""
    return int(value) if value == value.to_integral_value() else format(value.normalize(), "f")


def _clean(texts: Mapping[str, str] | None) -> dict[str, str]:
    """Texts as they are read from a file, whatever was stored long ago."""
    return {language: text.strip() for language, text in (texts or {}).items()}


def current(session: Session, shop: Shop) -> Offer:
    """Everything the shop offers, withdrawn things too, in the owner's order."""

    def money(minor: int) -> int | str:
        return amount(to_major(minor, shop.currency))

    offer: Offer = {kind: {} for kind in KINDS}
    codes: dict[int | None, str] = {}
    for category in session.scalars(
        select(Category).where(Category.shop_id == shop.id).order_by(Category.position, Category.id)
    ):
        codes[category.id] = category.code
        offer[CATEGORY][category.code] = {
            "code": category.code,
            "name": _clean(category.names),
            "emoji": category.emoji,
        }
    products = session.scalars(
        select(Product).where(Product.shop_id == shop.id).order_by(Product.position, Product.id)
    ).all()
    skus = {row.id: row.sku for row in products}
    for row in products:
        shared = {
            "sku": row.sku,
            "price": money(row.price),
            "stock": UNLIMITED if row.available is None else row.available,
            "picture": row.picture,
            "active": row.active,
        }
        if row.parent_id is not None:
            offer[VARIANT][row.sku] = {"parent": skus[row.parent_id], "label": _clean(row.labels), **shared}
        else:
            offer[PRODUCT][row.sku] = {
                "name": _clean(row.names),
                "description": _clean(row.descriptions),
                "category": codes.get(row.category_id),
                "emoji": row.emoji,
                "synonyms": row.synonyms or [],
                **shared,
            }
    for promotion in session.scalars(
        select(Promotion).where(Promotion.shop_id == shop.id).order_by(Promotion.position, Promotion.id)
    ):
        written = {
            "title": _clean(promotion.titles),
            "terms": _clean(promotion.terms),
            "kind": promotion.kind,
            "value": money(promotion.value) if promotion.kind == "fixed" else promotion.value,
            "buy": promotion.buy,
            "free": promotion.free,
            "code": promotion.code,
            "products": list(promotion.skus),
            "min_subtotal": money(promotion.min_subtotal),
            "starts": promotion.starts_at.isoformat() if promotion.starts_at else None,
            "ends": promotion.ends_at.isoformat() if promotion.ends_at else None,
            "max_uses": promotion.max_uses,
            "max_per_customer": promotion.max_per_customer,
            "active": promotion.active,
        }
        offer[PROMOTION].setdefault(key_of(PROMOTION, written), written)
    for zone in session.scalars(
        select(DeliveryZone)
        .where(DeliveryZone.shop_id == shop.id)
        .order_by(DeliveryZone.position, DeliveryZone.id)
    ):
        written = {
            "name": _clean(zone.names),
            "fee": money(zone.fee),
            "within_m": zone.within_m,
            "active": zone.active,
        }
        offer[ZONE].setdefault(key_of(ZONE, written), written)
    settings = shop.settings or {}
    place = {name: settings.get(name) for name in ("latitude", "longitude")}
    offer[SHOP][SHOP] = {
        "hours": settings.get("hours") or {},
        "closed_days": [str(day) for day in settings.get("closed_days") or []],
        "place": None if None in place.values() else place,
    }
    return offer


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write everything out."""
        return True


def as_yaml(offer: Offer) -> str:
    """The whole offer as a catalogue file."""
    variants: dict[str, list[Mapping[str, Any]]] = {}
    for fields in offer[VARIANT].values():
        own = {name: value for name, value in fields.items() if name != "parent"}
        variants.setdefault(str(fields["parent"]), []).append(_short(own, {"sku", "price", "stock"}))
    file: dict[str, Any] = {
        "categories": [_short(fields, set()) for fields in offer[CATEGORY].values()],
        "products": [
            _short(fields, {"stock"}, varies=sku in variants)
            | ({"variants": variants[sku]} if sku in variants else {})
            for sku, fields in offer[PRODUCT].items()
        ],
        "promotions": [_short(fields, set()) for fields in offer[PROMOTION].values()],
        "zones": [_short(fields, {"fee"}) for fields in offer[ZONE].values()],
    }
    file |= offer[SHOP][SHOP]
    return str(
        yaml.dump(
            {name: value for name, value in file.items() if value},
            Dumper=_Dumper,
            allow_unicode=True,
            sort_keys=False,
            width=100,
        )
    )


def _short(fields: Mapping[str, Any], always: set[str], *, varies: bool = False) -> dict[str, Any]:
    """Without what says nothing."""
    return {
        name: value
        for name, value in fields.items()
        if (name in always or value or (name == "active" and not value))
        and not (name == "active" and value)
        and not (varies and name == "stock")
    }


def as_sheet(offer: Offer) -> str:
    """Products and variants as CSV, each below its product."""
    rows: list[Mapping[str, Any]] = []
    for sku, fields in offer[PRODUCT].items():
        mine = [variant for variant in offer[VARIANT].values() if variant["parent"] == sku]
        rows.append({name: value for name, value in fields.items() if not (mine and name == "stock")})
        rows += mine
    return sheets.write(rows)
