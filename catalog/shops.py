"""Finding shops and taking the read-only picture the conversation decides with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from catalog import hours
from catalog.snapshot import (
    CategoryView,
    Place,
    ProductView,
    PromotionView,
    ShopSnapshot,
    ZoneView,
    in_language,
)
from db.models import Category, DeliveryZone, Product, Promotion, Shop
from db.statements import table
from errors import RuleBroken
from languages import LANGUAGES
from records import replace

log = logging.getLogger("duka.catalog")

MAIN: Final = "main"
HOLD_MINUTES: Final = 30


class UnknownShop(RuleBroken):
    """There is no shop of this name."""

    code = "unknown_shop"


def find(session: Session, slug: str) -> Shop | None:
    """The shop with this slug."""
    return session.scalars(select(Shop).where(Shop.slug == slug)).first()


def named(session: Session, slug: str) -> Shop:
    """The shop a person or a program named.

    Raises:
        UnknownShop: there is none.
    """
    # What cannot be a slug is not asked for: PostgreSQL takes no NUL in a text.
    shop = find(session, slug) if slug.isascii() and slug.isprintable() else None
    if shop is None:
        raise UnknownShop("There is no such shop.")
    return shop


_SHOPS, _PRODUCTS = table(Shop).c, table(Product).c
_CATALOG_VERSION = select(_SHOPS.catalog_version).where(_SHOPS.id == bindparam("shop"))
_STOCK = select(_PRODUCTS.id, _PRODUCTS.available).where(
    _PRODUCTS.shop_id == bindparam("shop"), _PRODUCTS.active, _PRODUCTS.available.is_not(None)
)


def catalog_version(session: Session, shop_id: int) -> int:
    """Grows with every change of the catalogue."""
    version: int = session.execute(_CATALOG_VERSION, {"shop": shop_id}).scalar_one()
    return version


def stock(session: Session, shop_id: int) -> dict[int, int]:
    """What is available now of each product whose stock is counted."""
    rows = session.execute(_STOCK, {"shop": shop_id})
    return {row.id: row.available for row in rows}


def snapshot(
    session: Session,
    shop_id: int,
    now: datetime,
    public_url: str = "",
    offered: Callable[[Sequence[str] | None], Sequence[str]] = lambda chosen: chosen or (),
) -> ShopSnapshot:
    """The shop as it is at ``now``; pictures become addresses below ``public_url``.

    ``offered`` says which ways to pay there are, given those the shop has chosen or ``None``.
    """
    shop = session.execute(select(Shop).where(Shop.id == shop_id)).scalar_one()
    products = session.scalars(
        select(Product)
        .where(Product.shop_id == shop_id, Product.active)
        .order_by(Product.position, Product.id)
    ).all()
    # A product whose variants are all withdrawn is still not sold itself.
    varying = set(
        session.scalars(
            select(Product.parent_id)
            .where(Product.shop_id == shop_id, Product.parent_id.is_not(None))
            .distinct()
        )
    )
    categories = session.scalars(
        select(Category).where(Category.shop_id == shop_id).order_by(Category.position, Category.id)
    )
    promotions = session.scalars(
        select(Promotion)
        .where(Promotion.shop_id == shop_id, Promotion.active)
        .order_by(Promotion.position, Promotion.id)
    )
    zones = session.scalars(
        select(DeliveryZone)
        .where(DeliveryZone.shop_id == shop_id, DeliveryZone.active)
        .order_by(DeliveryZone.position, DeliveryZone.id)
    )
    settings = shop.settings or {}
    languages = tuple(settings.get("languages", LANGUAGES))
    return ShopSnapshot(
        id=shop.id,
        slug=shop.slug,
        name=shop.name,
        currency=shop.currency,
        country=shop.country,
        timezone=shop.timezone,
        languages=(shop.language, *(language for language in languages if language != shop.language)),
        now=now,
        products=_products(products, varying, public_url),
        categories=tuple(CategoryView(c.id, c.names, c.emoji) for c in categories),
        promotions=tuple(_promotion(p) for p in promotions),
        zones=tuple(ZoneView(z.id, z.names, z.fee, z.within_m) for z in zones),
        payment_methods=tuple(offered(settings.get("payment_methods"))),
        hold_minutes=int(settings.get("hold_minutes", HOLD_MINUTES)),
        hours=_hours(shop.id, settings),
        place=_place(settings),
        texts=settings.get("texts") or {},
    )


def _hours(shop_id: int, settings: Mapping[str, Any]) -> hours.OpeningHours | None:
    """The opening hours; a shop whose hours cannot be read goes on selling."""
    try:
        return hours.read(settings)
    except hours.BadHours:
        log.error("shop_hours_unreadable", extra={"shop_id": shop_id})  # noqa: TRY400
        return None


def _place(settings: Mapping[str, Any]) -> Place | None:
    latitude, longitude = settings.get("latitude"), settings.get("longitude")
    return None if latitude is None or longitude is None else Place(float(latitude), float(longitude))


def _products(rows: Sequence[Product], varying: set[int | None], public_url: str) -> tuple[ProductView, ...]:
    """The products, and the variants of those that are on offer; a variant shows what its product has and it has not."""
    views = {
        row.id: _product(row, public_url, varies=row.id in varying) for row in rows if row.parent_id is None
    }
    found: list[ProductView] = []
    for row in rows:
        if row.parent_id is None:
            found.append(views[row.id])
        elif row.parent_id in views:
            found.append(_variant(_product(row, public_url, varies=False), row, views[row.parent_id]))
    return tuple(found)


def _variant(view: ProductView, row: Product, parent: ProductView) -> ProductView:
    labels: dict[str, str] = row.labels or {}
    languages = {*labels, *parent.names}
    return replace(
        view,
        names={
            language: f"{in_language(parent.names, language)}, {in_language(labels, language)}"
            for language in sorted(languages)
        },
        labels=labels,
        parent_id=parent.id,
        parent_sku=parent.sku,
        descriptions=view.descriptions or parent.descriptions,
        emoji=view.emoji or parent.emoji,
        picture=view.picture or parent.picture,
        category_id=parent.category_id,
    )


def _product(row: Product, public_url: str, *, varies: bool) -> ProductView:
    return ProductView(
        id=row.id,
        sku=row.sku,
        names=row.names,
        price=row.price,
        descriptions=row.descriptions,
        emoji=row.emoji,
        picture=picture_address(row.picture, public_url),
        category_id=row.category_id,
        available=None if varies else row.available,
        synonyms=said(row.synonyms),
        varies=varies,
    )


def said(synonyms: Mapping[str, Sequence[str]] | Sequence[str]) -> tuple[str, ...]:
    """All the words of a list, or of lists by language: customers mix their languages."""
    if isinstance(synonyms, Mapping):
        return tuple(word for words in synonyms.values() for word in words)
    return tuple(synonyms)


def picture_address(picture: str, public_url: str) -> str:
    """Where WhatsApp can fetch the picture; empty when we have no public address to give."""
    if not picture or picture.startswith(("https://", "http://")):
        return picture
    return f"{public_url}/media/{picture}" if public_url else ""


def _promotion(row: Promotion) -> PromotionView:
    return PromotionView(
        id=row.id,
        titles=row.titles,
        terms=row.terms,
        kind=row.kind,
        value=row.value,
        buy=row.buy,
        get=row.free,
        code=row.code,
        skus=tuple(row.skus),
        min_subtotal=row.min_subtotal,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        used_up=row.max_uses is not None and row.uses >= row.max_uses,
    )
