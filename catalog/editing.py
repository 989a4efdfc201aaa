"""Changing what a shop offers: one function per change, for the console and for files alike.

Every function works in the caller's transaction, makes the shop's pictures old (``catalog_version``), and raises
``BadEntry`` before anything is written. Counts of what is reserved and sold are never touched. Whoever calls
writes the audit entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from catalog import hours
from catalog.entries import (
    MOST_PIECES,
    BadEntry,
    CategoryEntry,
    ProductEntry,
    PromotionEntry,
    VariantEntry,
    ZoneEntry,
)
from catalog.money import NotWhole, to_minor
from catalog.snapshot import in_language
from db.models import Category, DeliveryZone, Product, Promotion, PromotionUse, Shop
from db.types import word
from errors import RuleBroken

MOST_VARIANTS: Final = 100
POLE: Final = 90
DATE_LINE: Final = 180
_TOGETHER: Final = "catalogue_changes_together"
_PLAIN_FIELDS: Final = (
    ("description", "descriptions"),
    ("synonyms", "synonyms"),
    ("emoji", "emoji"),
    ("picture", "picture"),
    ("active", "active"),
)


class UnknownItem(RuleBroken):
    """The shop has no such product, promotion or zone."""

    code = "unknown_item"


@contextmanager
def together(session: Session, shop_id: int) -> Iterator[None]:
    """Make many changes that count as one."""
    session.info[_TOGETHER] = True
    try:
        yield
    finally:
        del session.info[_TOGETHER]
    changed(session, shop_id)


def changed(session: Session, shop_id: int) -> None:
    """The catalogue is another one now: no conversation goes on with the old."""
    session.flush()
    if _TOGETHER not in session.info:
        session.execute(
            update(Shop).where(Shop.id == shop_id).values(catalog_version=Shop.catalog_version + 1)
        )


def amount(shop: Shop, field: str, value: Decimal, least: int = 1) -> int:
    """Minor units of an amount that can be charged.

    Raises:
        BadEntry: a fraction the currency does not have, or too little.
    """
    try:
        minor = to_minor(value, shop.currency)
    except NotWhole as error:
        raise BadEntry((field, str(error))) from None
    if minor < least:
        raise BadEntry((field, "the price must be above zero" if least else "it cannot be below zero"))
    return minor


# --- products -----------------------------------------------------------------------------------------------


def put_category(session: Session, shop: Shop, entry: CategoryEntry) -> bool:
    """Make a category, or change the one with this code; whether it is new."""
    row = session.scalars(
        select(Category).where(Category.shop_id == shop.id, Category.code == entry.code)
    ).first()
    made = row is None
    if row is None:
        row = Category(shop_id=shop.id, code=entry.code, position=_last(session, Category, shop.id))
        session.add(row)
    row.names = entry.name
    if made or entry.given("emoji"):
        row.emoji = entry.emoji
    changed(session, shop.id)
    return made


def put_product(session: Session, shop: Shop, entry: ProductEntry) -> bool:
    """Make a product with its variants, or change the one with this SKU; whether it is new.

    Raises:
        BadEntry: something is missing or cannot be charged, an unknown category, a SKU that is a variant's.
    """
    row = _by_sku(session, shop.id, entry.sku)
    made = row is None
    if row is not None and row.parent_id is not None:
        raise BadEntry(("sku", "this is a variant of another product"))
    variants = [] if row is None else _variants(session, row)
    price = None if entry.price is None else amount(shop, "price", entry.price)
    if price is None and row is None:
        own = [variant.price for variant in entry.variants]
        prices = [amount(shop, "price", given) for given in own if given is not None]
        if not prices or len(prices) < len(own):
            raise BadEntry(("price", "a new product needs a price"))
        price = min(prices)
    if entry.stock is not None and (variants or entry.variants):
        raise BadEntry(("stock", "its variants are counted, each by itself"))
    category_id = _category(session, shop.id, entry.category)
    if row is None:
        if entry.name is None:
            raise BadEntry(("name", "a new product needs a name"))
        row = Product(
            shop_id=shop.id,
            sku=entry.sku,
            names=entry.name,
            price=price,
            synonyms=[],
            descriptions={},
            position=_last(session, Product, shop.id),
        )
        _add(session, row)
    elif entry.name is not None:
        row.names = entry.name
        for variant in variants:
            variant.names = entry.name
    if price is not None:
        row.price = price
    if entry.given("category"):
        row.category_id = category_id
    if entry.given("stock"):
        row.available = entry.stock
    for field, column in _PLAIN_FIELDS:
        if entry.given(field):
            setattr(row, column, getattr(entry, field))
    for written in entry.variants:
        _put_variant(session, shop, row, written, otherwise=price)
    _show_cheapest(session, row)
    changed(session, shop.id)
    return made


def put_variant(session: Session, shop: Shop, parent_sku: str, entry: VariantEntry) -> bool:
    """Make a variant of a product, or change the one with this SKU; whether it is new.

    Raises:
        BadEntry: no such product, or one that is a variant itself; a SKU that is another's; a label missing.
    """
    parent = _by_sku(session, shop.id, parent_sku)
    if parent is None or parent.parent_id is not None:
        raise BadEntry(("parent", f"there is no product {parent_sku}"))
    made = _put_variant(session, shop, parent, entry)
    _show_cheapest(session, parent)
    changed(session, shop.id)
    return made


def _put_variant(
    session: Session, shop: Shop, parent: Product, entry: VariantEntry, *, otherwise: int | None = None
) -> bool:
    """As ``put_variant``; where the entry has no price it is ``otherwise``, if that is given."""
    siblings = _variants(session, parent)
    row = next((variant for variant in siblings if variant.sku == entry.sku), None)
    made = row is None
    price = otherwise if entry.price is None else amount(shop, "price", entry.price)
    if row is None:
        if _by_sku(session, shop.id, entry.sku) is not None:
            raise BadEntry(("sku", f"{entry.sku} is another product"))
        if entry.label is None:
            raise BadEntry(("label", "a variant needs a label, e.g. Large"))
        if len(siblings) >= MOST_VARIANTS:
            raise BadEntry(("variants", f"a product has at most {MOST_VARIANTS} variants"))
        row = Product(
            shop_id=shop.id,
            sku=entry.sku,
            names=parent.names,
            descriptions={},
            synonyms=[],
            price=price or parent.price,
            parent_id=parent.id,
            position=_last(session, Product, shop.id),
        )
        _add(session, row)
    if entry.label is not None:
        row.labels = _own_label(entry, siblings)
    if price is not None:
        row.price = price
    if entry.given("stock"):
        row.available = entry.stock
    if entry.given("picture"):
        row.picture = entry.picture
    if entry.given("active"):
        row.active = entry.active
    session.flush()
    return made


def _own_label(entry: VariantEntry, siblings: Sequence[Product]) -> dict[str, str]:
    """The entry's label, which no other variant of the product may have."""
    label = entry.label or {}
    for other in siblings:
        theirs: Mapping[str, str] = other.labels or {}
        if other.sku != entry.sku and any(
            theirs.get(language, "").casefold() == text.casefold() for language, text in label.items()
        ):
            raise BadEntry(("label", f"{other.sku} is called so already"))
    return label


def _show_cheapest(session: Session, parent: Product) -> None:
    """A product that is sold in variants is shown with the lowest of their prices."""
    prices = [variant.price for variant in _variants(session, parent) if variant.active]
    if prices:
        parent.price = min(prices)


def count_stock(session: Session, shop: Shop, product_id: int, available: int | None) -> None:
    """Say how many there are to sell, besides those reserved; ``None`` is without limit.

    Raises:
        BadEntry: not a number of pieces, or the product is sold in variants.
        UnknownItem: no such product.
    """
    if available is not None and not 0 <= available <= MOST_PIECES:
        raise BadEntry(("stock", "how many are there? Write 0 or more"))
    _counted_itself(session, shop.id, product_id)
    session.execute(
        update(Product)
        .where(Product.id == product_id, Product.shop_id == shop.id)
        .values(available=available)
        .execution_options(synchronize_session="fetch")
    )
    changed(session, shop.id)


def restock(session: Session, shop: Shop, product_id: int, pieces: int) -> None:
    """Put so many more on the shelf, whatever is sold at the same moment.

    Raises:
        BadEntry: not a number of pieces, the product's stock is not counted, or it is sold in variants.
        UnknownItem: no such product.
    """
    if not 1 <= pieces <= MOST_PIECES:
        raise BadEntry(("pieces", "how many more are there? Write 1 or more"))
    _counted_itself(session, shop.id, product_id)
    more = session.execute(
        update(Product)
        .where(Product.id == product_id, Product.shop_id == shop.id, Product.available.is_not(None))
        .values(available=Product.available + pieces)
        .returning(Product.available)
    ).first()
    if more is None:
        raise BadEntry(("pieces", "the stock of this product is not counted"))
    if more.available > MOST_PIECES:
        raise BadEntry(("pieces", f"more than {MOST_PIECES} cannot be counted"))
    changed(session, shop.id)


def _counted_itself(session: Session, shop_id: int, product_id: int) -> None:
    if _variants(session, _product(session, shop_id, product_id)):
        raise BadEntry(("stock", "its variants are counted, each by itself"))


def archive(session: Session, shop: Shop, product_id: int, *, active: bool = False) -> None:
    """Take a product (or variant) off the list, or put it back; orders that have it keep it.

    Raises:
        UnknownItem: no such product.
    """
    row = _product(session, shop.id, product_id)
    row.active = active
    session.flush()
    if row.parent_id is not None:
        _show_cheapest(session, _product(session, shop.id, row.parent_id))
    changed(session, shop.id)


def reorder(session: Session, shop: Shop, product_ids: Sequence[int]) -> None:
    """Show these products first, in this order; the others follow as they stood.

    Raises:
        UnknownItem: one of them is not the shop's.
    """
    rows = session.scalars(
        select(Product).where(Product.shop_id == shop.id).order_by(Product.position, Product.id)
    ).all()
    known = {row.id: row for row in rows}
    if set(product_ids) - known.keys():
        raise UnknownItem("there is no such product")
    first = list(dict.fromkeys(product_ids))
    for position, product_id in enumerate([*first, *(row.id for row in rows if row.id not in set(first))]):
        known[product_id].position = position
    changed(session, shop.id)


def reorder_categories(session: Session, shop: Shop, codes: Sequence[str]) -> None:
    """Show these categories first, in this order; the others follow as they stood."""
    rows = session.scalars(
        select(Category).where(Category.shop_id == shop.id).order_by(Category.position, Category.id)
    ).all()
    first = {code: place for place, code in enumerate(codes)}
    for position, row in enumerate(sorted(rows, key=lambda row: first.get(row.code, len(first)))):
        row.position = position
    changed(session, shop.id)


def remove_category(session: Session, shop: Shop, code: str) -> None:
    """Take a category away; its products stay, without one.

    Raises:
        UnknownItem: no such category.
    """
    row = session.scalars(select(Category).where(Category.shop_id == shop.id, Category.code == code)).first()
    if row is None:
        raise UnknownItem("there is no such category")
    session.execute(
        update(Product)
        .where(Product.shop_id == shop.id, Product.category_id == row.id)
        .values(category_id=None)
        .execution_options(synchronize_session="fetch")
    )
    session.delete(row)
    changed(session, shop.id)


# --- promotions ---------------------------------------------------------------------------------------------


def put_promotion(
    session: Session, shop: Shop, entry: PromotionEntry, promotion_id: int | None = None
) -> bool:
    """Make a promotion, or change one: by id, else by its code, else, without a code, by its English title.

    Raises:
        BadEntry: an unknown product, a code that another one has, an amount that cannot be charged.
        UnknownItem: no promotion with this id.
    """
    everything = session.scalars(select(Promotion).where(Promotion.shop_id == shop.id)).all()
    if promotion_id is not None:
        row = next((p for p in everything if p.id == promotion_id), None)
        if row is None:
            raise UnknownItem("there is no such promotion")
        if entry.code and any(
            p.code.upper() == entry.code.upper() and p.id != promotion_id for p in everything
        ):
            raise BadEntry(("code", "another promotion has this code"))
    elif entry.code:
        row = next((p for p in everything if p.code.upper() == entry.code.upper()), None)
    else:
        row = next(
            (
                p
                for p in everything
                if not p.code and in_language(p.titles, "en") == in_language(entry.title, "en")
            ),
            None,
        )
    value = amount(shop, "value", entry.value) if entry.kind == "fixed" else int(entry.value)
    least = amount(shop, "min_subtotal", entry.min_subtotal, least=0)
    for sku in entry.products:
        if _by_sku(session, shop.id, sku) is None:
            raise BadEntry(("products", f"there is no product {sku}"))
    made = row is None
    if row is None:
        row = Promotion(shop_id=shop.id, position=_last(session, Promotion, shop.id))
        session.add(row)
    row.code, row.titles, row.terms, row.kind = entry.code, entry.title, entry.terms, entry.kind
    row.value, row.buy, row.free, row.skus = value, entry.buy, entry.free, entry.products
    row.min_subtotal, row.starts_at, row.ends_at = least, entry.starts, entry.ends
    row.max_uses, row.max_per_customer = entry.max_uses, entry.max_per_customer
    if made or entry.given("active"):
        row.active = entry.active
    recount(session, row)
    changed(session, shop.id)
    return made


def recount(session: Session, promotion: Promotion) -> None:
    """Count a promotion's uses anew: while it had no limits, nobody counted."""
    session.flush()
    session.execute(select(Promotion.id).where(Promotion.id == promotion.id).with_for_update())
    counted = (
        select(func.count())
        .select_from(PromotionUse)
        .where(PromotionUse.promotion_id == promotion.id, PromotionUse.status == word("used"))
        .scalar_subquery()
    )
    session.execute(update(Promotion).where(Promotion.id == promotion.id).values(uses=counted))
    session.refresh(promotion)


def end_promotion(session: Session, shop: Shop, promotion_id: int, *, active: bool = False) -> None:
    """Withdraw a promotion, or run it again.

    Raises:
        UnknownItem: no such promotion.
    """
    row = session.get(Promotion, promotion_id)
    if row is None or row.shop_id != shop.id:
        raise UnknownItem("there is no such promotion")
    row.active = active
    changed(session, shop.id)


# --- where and when -----------------------------------------------------------------------------------------


def put_zone(session: Session, shop: Shop, entry: ZoneEntry, zone_id: int | None = None) -> bool:
    """Make a delivery zone, or change one: by id, else by its English name.

    Raises:
        BadEntry: a fee that cannot be charged.
        UnknownItem: no zone with this id.
    """
    everything = session.scalars(select(DeliveryZone).where(DeliveryZone.shop_id == shop.id)).all()
    if zone_id is not None:
        row = next((zone for zone in everything if zone.id == zone_id), None)
        if row is None:
            raise UnknownItem("there is no such zone")
    else:
        row = next(
            (zone for zone in everything if in_language(zone.names, "en") == in_language(entry.name, "en")),
            None,
        )
    fee = amount(shop, "fee", entry.fee, least=0)
    made = row is None
    if row is None:
        row = DeliveryZone(shop_id=shop.id, position=_last(session, DeliveryZone, shop.id))
        session.add(row)
    row.names, row.fee, row.within_m = entry.name, fee, entry.within_m
    if made or entry.given("active"):
        row.active = entry.active
    changed(session, shop.id)
    return made


def set_hours(session: Session, shop: Shop, week: Mapping[str, Any], closed_days: Sequence[str]) -> None:
    """The opening hours, as ``catalog.hours.read`` takes them; no week at all is always open.

    Raises:
        BadHours: they are not written so.
    """
    hours.read({"hours": week, "closed_days": closed_days})
    _set(session, shop, hours=dict(week), closed_days=list(closed_days))


def set_place(session: Session, shop: Shop, latitude: float | None, longitude: float | None) -> None:
    """Where the shop stands, for zones by distance; neither to forget it.

    Raises:
        BadEntry: only one of them, or no place on Earth.
    """
    if (latitude is None) != (longitude is None):
        raise BadEntry(("longitude", "a place has a latitude and a longitude"))
    if abs(latitude or 0) > POLE or abs(longitude or 0) > DATE_LINE:
        raise BadEntry(("latitude", "that is no place on Earth"))
    _set(session, shop, latitude=latitude, longitude=longitude)


def set_texts(session: Session, shop: Shop, texts: Mapping[str, Mapping[str, str]]) -> None:
    """What the shop says in its own words, by the key of the text and by language; whoever calls has checked it."""
    _set(session, shop, texts={key: dict(said) for key, said in texts.items() if said})


def _set(session: Session, shop: Shop, **values: Any) -> None:
    session.refresh(shop, with_for_update=True)
    shop.settings = {**(shop.settings or {}), **values}
    changed(session, shop.id)


# --- finding ------------------------------------------------------------------------------------------------


def _add(session: Session, row: Product) -> None:
    """Store a new row now; somebody may have made it since we looked."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise BadEntry(("sku", f"{row.sku} was made by somebody else at this moment")) from None


def _by_sku(session: Session, shop_id: int, sku: str) -> Product | None:
    return session.scalars(_anew(Product.shop_id == shop_id, Product.sku == sku)).first()


def _product(session: Session, shop_id: int, product_id: int) -> Product:
    row = session.scalars(_anew(Product.shop_id == shop_id, Product.id == product_id)).first()
    if row is None:
        raise UnknownItem("there is no such product")
    return row


def _variants(session: Session, parent: Product) -> Sequence[Product]:
    return session.scalars(_anew(Product.shop_id == parent.shop_id, Product.parent_id == parent.id)).all()


def _anew(*which: ColumnElement[bool]) -> Select[Product]:
    """Products as they are now, kept so until we commit; in the order in which orders take them."""
    return (
        select(Product)
        .where(*which)
        .order_by(Product.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _category(session: Session, shop_id: int, code: str | None) -> int | None:
    if not code:
        return None
    found = session.scalar(select(Category.id).where(Category.shop_id == shop_id, Category.code == code))
    if found is None:
        raise BadEntry(("category", f"there is no category {code}"))
    return found


def _last(session: Session, table: type[Product | Category | Promotion | DeliveryZone], shop_id: int) -> int:
    last = session.scalar(select(func.max(table.position)).where(table.shop_id == shop_id))
    return 0 if last is None else last + 1
