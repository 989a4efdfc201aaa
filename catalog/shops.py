"""Finding shops and taking the read-only picture the conversation decides with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from catalog.snapshot import CategoryView, ProductView, PromotionView, ShopSnapshot, ZoneView
from db.models import Category, DeliveryZone, Product, Promotion, Shop
from db.statements import table
from languages import LANGUAGES

MAIN: Final = "main"
HOLD_MINUTES: Final = 30


def find(session: Session, slug: str) -> Shop | None:
    """The shop with this slug."""
    return session.scalars(select(Shop).where(Shop.slug == slug)).first()


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
        products=tuple(_product(p, public_url) for p in products),
        categories=tuple(CategoryView(c.id, c.names, c.emoji) for c in categories),
        promotions=tuple(_promotion(p) for p in promotions),
        zones=tuple(ZoneView(z.id, z.names, z.fee) for z in zones),
        payment_methods=tuple(offered(settings.get("payment_methods"))),
        hold_minutes=int(settings.get("hold_minutes", HOLD_MINUTES)),
    )


def _product(row: Product, public_url: str) -> ProductView:
    return ProductView(
        id=row.id,
        sku=row.sku,
        names=row.names,
        price=row.price,
        descriptions=row.descriptions,
        emoji=row.emoji,
        picture=picture_address(row.picture, public_url),
        category_id=row.category_id,
        available=row.available,
        synonyms=tuple(row.synonyms),
    )


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
    )
