"""What a shop offers besides its products, for looking at."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import editing, entries
from catalog.entries import CategoryEntry, ProductEntry, PromotionEntry, VariantEntry, ZoneEntry
from db.models import Product, Shop


def an_offer(session: Session, shop: Shop) -> None:
    """Categories, pictures, variants, little stock, promotions, zones and opening hours."""
    for code, name, emoji in (("food", "Food & drink", "🍯"), ("home", "Home & body", "🏠")):
        editing.put_category(
            session, shop, entries.read(CategoryEntry, {"code": code, "name": name, "emoji": emoji})
        )
    for sku, picture, category, emoji, stock in (
        ("COFFEE-1KG", "coffee.png", "food", "☕", 24),
        ("HONEY-500", "honey.png", "food", "🍯", 2),
        ("SOAP-SET", "soap.png", "home", "🧼", 0),
        ("TEA-250", "tea.png", "food", "🍵", None),
    ):
        entry = {"sku": sku, "picture": picture, "category": category, "emoji": emoji, "stock": stock}
        editing.put_product(session, shop, entries.read(ProductEntry, entry))
    coffee = session.scalars(select(Product).where(Product.sku == "COFFEE-1KG")).one()
    coffee.names = {"en": "Premium Coffee Beans 1kg", "sw": "Kahawa Bora 1kg"}
    coffee.descriptions = {"en": "Freshly roasted Arabica from the slopes of Mount Kenya."}
    coffee.synonyms = ["kahawa", "beans"]
    for sku, label, price in (("KIKOI-L", "Large · Red", 1500), ("KIKOI-S", "Small · Blue", 1200)):
        variant = {"sku": sku, "label": {"en": label}, "price": price, "stock": 6}
        editing.put_variant(session, shop, "KIKOI", entries.read(VariantEntry, variant))
    for promotion in (
        {"title": "Coffee week", "terms": "On all coffee.", "kind": "percent", "value": 10, "code": "COFFEE10",
         "max_uses": 100, "ends": datetime(2099, 1, 1, tzinfo=UTC)},
        {"title": "Free delivery", "terms": "From KES 3,000.", "kind": "free_delivery", "min_subtotal": 3000},
    ):  # fmt: skip
        editing.put_promotion(session, shop, entries.read(PromotionEntry, promotion))
    for zone in ({"name": "Nairobi CBD", "fee": 150}, {"name": "Near the shop", "fee": 0, "within_m": 2500}):
        editing.put_zone(session, shop, entries.read(ZoneEntry, zone))
    week = {day: [["08:00", "13:00"], ["14:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    editing.set_hours(session, shop, week | {"sat": [["09:00", "14:00"]]}, ["2026-12-25"])
