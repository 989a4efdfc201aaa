"""The demo shop's catalogue as the flow sees it, and what a line of text orders from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bot.understanding.products import basket, find
from catalog.shops import said
from catalog.snapshot import ProductView, ShopSnapshot
from tests.unit.bot import talk

CATALOGUE = Path(__file__).parents[3] / "catalog" / "demo.yaml"


def _product(number: int, row: dict[str, Any]) -> list[ProductView]:
    product = ProductView(
        number,
        row["sku"],
        row["name"],
        row["price"] * 100,
        row.get("description", {}),
        row.get("emoji", ""),
        synonyms=said(row.get("synonyms", ())),
        varies="variants" in row,
    )
    variants = [
        ProductView(
            number * 100 + place,
            variant["sku"],
            {language: f"{name}, {variant['label'][language]}" for language, name in row["name"].items()},
            variant.get("price", row["price"]) * 100,
            labels=variant["label"],
            parent_id=number,
            parent_sku=row["sku"],
        )
        for place, variant in enumerate(row.get("variants", ()))
    ]
    return [product, *variants]


PRODUCTS = tuple(
    view
    for number, row in enumerate(yaml.safe_load(CATALOGUE.read_text(encoding="utf-8"))["products"], start=1)
    for view in _product(number, row)
)
SHOP: ShopSnapshot = replace(talk.SHOP, products=PRODUCTS, promotions=())


def ordered(text: str, shop: ShopSnapshot) -> str:
    """What ``text`` orders: "2 COFFEE-1KG, 1 HONEY-500G", a product alone, "?" before what is offered, "-" nothing.

    Words of a line that name nothing follow after "but".
    """
    read = basket(text, shop)
    if read is not None:
        lines = ", ".join(f"{count} {product.sku}" for product, count in read.lines)
        return f"{lines} but {', '.join(read.unknown)}" if read.unknown else lines
    found = find(text, shop)
    if found.sure is not None:
        return found.sure.sku
    return "?" + ", ".join(sorted(product.sku for product in found.perhaps)) if found.perhaps else "-"
