"""What the shop offers as the console shows it: lists, and each thing as its form has it.

The ``…_state`` functions say how one thing is stored; the audit log and the marks of forms are made of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from admin.changing import State, by_language
from catalog.money import to_major
from catalog.shops import said
from catalog.snapshot import in_language
from db.models import Category, DeliveryZone, Product, Promotion, Shop
from keeping.waiting import few
from languages import LANGUAGES

PAGE: Final = 60
"""Products on one page of the list."""


def languages(shop: Shop) -> tuple[str, ...]:
    """The languages in which the shop's texts are written, its first one first."""
    chosen = (shop.settings or {}).get("languages") or tuple(LANGUAGES)
    return (shop.language, *(code for code in chosen if code != shop.language and code in LANGUAGES))


T = TypeVar("T")


def held(found: Select[T]) -> Select[T]:
    """Rows as they are now, kept so until we commit."""
    return found.with_for_update().execution_options(populate_existing=True)


def major(minor: int, currency: str) -> str:
    """An amount as a field has it: ``1500`` or ``12.50``."""
    amount = to_major(minor, currency)
    return str(int(amount)) if amount == int(amount) else str(amount.quantize(Decimal("0.01")))


# --- products -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listed:
    """A product in the list; ``stock`` is ``None`` where it is not counted, ``few`` says that little is left."""

    id: int
    sku: str
    name: str
    emoji: str
    picture: str
    category: str
    price: int
    varies: int
    stock: int | None
    few: bool
    active: bool
    first: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of the list: ``total`` products were found, of ``known`` there are."""

    products: Sequence[Listed]
    total: int
    known: int
    page: int
    pages: int
    archived: int
    categories: Sequence[tuple[str, str]] = field(default_factory=list)


def shelf(session: Session, shop: Shop, text: str, category: str, *, archived: bool, page: int) -> Shelf:
    """The products whose name, SKU or other words hold ``text``, in the owner's order."""
    rows = session.scalars(
        select(Product).where(Product.shop_id == shop.id).order_by(Product.position, Product.id)
    ).all()
    named = {row.id: row for row in categories(session, shop)}
    parents = [row for row in rows if row.parent_id is None]
    variants: dict[int, list[Product]] = {}
    for row in rows:
        if row.parent_id is not None:
            variants.setdefault(row.parent_id, []).append(row)
    low = few(shop)
    wanted = text.casefold()
    shown = [row for row in parents if row.active is not archived]
    listed = [
        _listed(row, variants.get(row.id, []), named, shop, low, ends=(row is shown[0], row is shown[-1]))
        for row in shown
        if _holds(row, variants.get(row.id, []), wanted)
        and (not category or (row.category_id in named and named[row.category_id].code == category))
    ]
    pages = max(1, -(-len(listed) // PAGE))
    page = min(max(page, 1), pages)
    return Shelf(
        products=listed[(page - 1) * PAGE : page * PAGE],
        total=len(listed),
        known=len(parents),
        page=page,
        pages=pages,
        archived=sum(not row.active for row in parents),
        categories=[(row.code, in_language(row.names, shop.language)) for row in named.values()],
    )


def _holds(row: Product, variants: Sequence[Product], wanted: str) -> bool:
    words = [row.sku, *row.names.values(), *said(row.synonyms)]
    for variant in variants:
        words += [variant.sku, *(variant.labels or {}).values()]
    return any(wanted in word.casefold() for word in words)


def _listed(
    row: Product,
    variants: Sequence[Product],
    named: Mapping[int, Category],
    shop: Shop,
    low: int,
    ends: tuple[bool, bool],
) -> Listed:
    on_sale = [variant for variant in variants if variant.active]
    counted = [v.available for v in (on_sale if variants else [row])]
    stock = None if None in counted else sum(count for count in counted if count is not None)
    shelf_of = named.get(row.category_id or 0)
    return Listed(
        id=row.id,
        sku=row.sku,
        name=in_language(row.names, shop.language),
        emoji=row.emoji,
        picture=row.picture,
        category=in_language(shelf_of.names, shop.language) if shelf_of else "",
        price=row.price,
        varies=len(on_sale),
        stock=stock,
        few=row.active and any(count is not None and count <= low for count in counted),
        active=row.active,
        first=ends[0],
        last=ends[1],
    )


def product(
    session: Session, shop: Shop, product_id: int, *, parent_id: int | None = None, hold: bool = False
) -> Product | None:
    """One product, or one variant of ``parent_id``."""
    found = select(Product).where(
        Product.shop_id == shop.id,
        Product.id == product_id,
        Product.parent_id.is_(None) if parent_id is None else Product.parent_id == parent_id,
    )
    return session.scalars(held(found) if hold else found).first()


def variants(session: Session, product_id: int) -> Sequence[Product]:
    """What a product is sold as, those on sale first."""
    rows = session.scalars(
        select(Product).where(Product.parent_id == product_id).order_by(Product.position, Product.id)
    ).all()
    return sorted(rows, key=lambda row: not row.active)


def product_state(session: Session, row: Product | None) -> State | None:
    """A product as its form has it; stock is counted apart, since it changes with every sale."""
    if row is None:
        return None
    shelf_of = session.get(Category, row.category_id) if row.category_id else None
    return {
        "sku": row.sku,
        "name": row.names,
        "description": row.descriptions,
        "price": row.price,
        "category": shelf_of.code if shelf_of else "",
        "emoji": row.emoji,
        "picture": row.picture,
        "synonyms": row.synonyms,
        "active": row.active,
    }


def product_values(state: State, shop: Shop) -> dict[str, str]:
    """The fields of a product's form."""
    return {
        "sku": state["sku"],
        "price": major(state["price"], shop.currency),
        "category": state["category"],
        "emoji": state["emoji"],
        "picture": state["picture"],
        "synonyms": ", ".join(said(state["synonyms"])),
        **by_language("name", state["name"]),
        **by_language("description", state["description"]),
    }


def variant_state(row: Product | None) -> State | None:
    """A variant as its form has it."""
    if row is None:
        return None
    return {
        "sku": row.sku,
        "label": row.labels or {},
        "price": row.price,
        "picture": row.picture,
        "active": row.active,
    }


def variant_values(state: State, shop: Shop) -> dict[str, str]:
    """The fields of a variant's form."""
    return {
        "sku": state["sku"],
        "price": major(state["price"], shop.currency),
        "picture": state["picture"],
        **by_language("label", state["label"]),
    }


# --- categories ---------------------------------------------------------------------------------------------


def categories(session: Session, shop: Shop) -> Sequence[Category]:
    """In the owner's order."""
    return session.scalars(
        select(Category).where(Category.shop_id == shop.id).order_by(Category.position, Category.id)
    ).all()


def category(session: Session, shop: Shop, code: str, *, hold: bool = False) -> Category | None:
    """One category."""
    found = select(Category).where(Category.shop_id == shop.id, Category.code == code)
    return session.scalars(held(found) if hold else found).first()


def category_state(row: Category | None) -> State | None:
    """A category as its form has it."""
    return None if row is None else {"code": row.code, "name": row.names, "emoji": row.emoji}


def category_values(state: State) -> dict[str, str]:
    """The fields of a category's form."""
    return {"emoji": state["emoji"], **by_language("name", state["name"])}


# --- promotions ---------------------------------------------------------------------------------------------


def promotions(session: Session, shop: Shop) -> Sequence[Promotion]:
    """In the owner's order, those that are withdrawn last."""
    rows = session.scalars(
        select(Promotion).where(Promotion.shop_id == shop.id).order_by(Promotion.position, Promotion.id)
    ).all()
    return sorted(rows, key=lambda row: not row.active)


def promotion(session: Session, shop: Shop, promotion_id: int, *, hold: bool = False) -> Promotion | None:
    """One promotion."""
    found = select(Promotion).where(Promotion.shop_id == shop.id, Promotion.id == promotion_id)
    return session.scalars(held(found) if hold else found).first()


def promotion_state(row: Promotion | None) -> State | None:
    """A promotion as its form has it; how often it was used is not in it."""
    if row is None:
        return None
    return {
        "title": row.titles,
        "terms": row.terms,
        "kind": row.kind,
        "value": row.value,
        "buy": row.buy,
        "free": row.free,
        "code": row.code,
        "products": row.skus,
        "min_subtotal": row.min_subtotal,
        "starts": row.starts_at.isoformat() if row.starts_at else None,
        "ends": row.ends_at.isoformat() if row.ends_at else None,
        "max_uses": row.max_uses,
        "max_per_customer": row.max_per_customer,
        "active": row.active,
    }


def promotion_values(state: State, shop: Shop) -> dict[str, str]:
    """The fields of a promotion's form; moments are the shop's own."""
    zone = ZoneInfo(shop.timezone)

    def local(moment: str | None) -> str:
        return datetime.fromisoformat(moment).astimezone(zone).strftime("%Y-%m-%dT%H:%M") if moment else ""

    fixed = state["kind"] == "fixed"
    return {
        "kind": state["kind"],
        "percent": str(state["value"]) if state["kind"] == "percent" else "",
        "value": major(state["value"], shop.currency) if fixed else "",
        "buy": str(state["buy"] or ""),
        "free": str(state["free"] or ""),
        "code": state["code"],
        "products": ", ".join(state["products"]),
        "min_subtotal": major(state["min_subtotal"], shop.currency) if state["min_subtotal"] else "",
        "starts": local(state["starts"]),
        "ends": local(state["ends"]),
        "max_uses": str(state["max_uses"] or ""),
        "max_per_customer": str(state["max_per_customer"] or ""),
        **by_language("title", state["title"]),
        **by_language("terms", state["terms"]),
    }


# --- where ---------------------------------------------------------------------------------------------------


def zones(session: Session, shop: Shop) -> Sequence[DeliveryZone]:
    """In the owner's order, those that are not offered last."""
    rows = session.scalars(
        select(DeliveryZone)
        .where(DeliveryZone.shop_id == shop.id)
        .order_by(DeliveryZone.position, DeliveryZone.id)
    ).all()
    return sorted(rows, key=lambda row: not row.active)


def zone(session: Session, shop: Shop, zone_id: int, *, hold: bool = False) -> DeliveryZone | None:
    """One zone."""
    found = select(DeliveryZone).where(DeliveryZone.shop_id == shop.id, DeliveryZone.id == zone_id)
    return session.scalars(held(found) if hold else found).first()


def zone_state(row: DeliveryZone | None) -> State | None:
    """A zone as its form has it."""
    if row is None:
        return None
    return {"name": row.names, "fee": row.fee, "within_m": row.within_m, "active": row.active}


def zone_values(state: State, shop: Shop) -> dict[str, str]:
    """The fields of a zone's form; the distance is in kilometres."""
    metres = state["within_m"]
    return {
        "fee": major(state["fee"], shop.currency),
        "within": "" if metres is None else f"{metres / 1000:g}",
        **by_language("name", state["name"]),
    }


def settings_state(session: Session, shop: Shop, *names: str) -> dict[str, Any]:
    """Some of the shop's settings, held fast until the transaction ends."""
    session.refresh(shop, with_for_update=True)
    settings = shop.settings or {}
    return {name: settings.get(name) for name in names}
