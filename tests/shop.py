"""A small shop for tests: three products, one of them counted, and a customer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import shops
from catalog.snapshot import ShopSnapshot
from db import Database, clock
from db.models import Customer, Product, Shop
from db.refs import Refs
from orders import customers, placing
from orders.order import Delivery, OrderView
from payments import gateways

WA_ID = "254711222333"
PHONE = "+254711222333"
ADDRESS = Delivery("address", "123 Main St, Nairobi")


def refs(seed: int = 1) -> Refs:
    """Names that are the same in every run."""
    rng = random.Random(seed)
    return Refs(rng.randrange)


def open_shop(session: Session, *, slug: str = "main", stock: int | None = 5) -> Shop:
    """Coffee and honey without limit, baskets counted."""
    shop = Shop(
        slug=slug,
        name="Duka Test",
        currency="KES",
        country="KE",
        timezone="Africa/Nairobi",
        language="en",
        settings={},
        created_at=clock(),
    )
    session.add(shop)
    session.flush()
    for position, (sku, name, price, available) in enumerate(
        [
            ("COFFEE", "Premium Coffee Beans 1kg", 150_000, None),
            ("HONEY", "Organic Honey 500g", 80_000, None),
            ("BASKET", "Woven Kiondo Basket", 280_000, stock),
        ]
    ):
        session.add(
            Product(
                shop_id=shop.id,
                sku=sku,
                names={"en": name},
                descriptions={"en": "Good."},
                price=price,
                available=available,
                position=position,
            )
        )
    session.flush()
    return shop


def product(session: Session, sku: str) -> Product:
    """The product with this SKU, read anew."""
    return session.scalars(
        select(Product).where(Product.sku == sku).execution_options(populate_existing=True)
    ).one()


def customer(session: Session, shop_id: int, wa_id: str = WA_ID) -> Customer:
    """A customer who has written."""
    return customers.reach(session, shop_id, wa_id, phone=f"+{wa_id}", name="Amina")


def picture(session: Session, shop_id: int, now: datetime) -> ShopSnapshot:
    """The shop as the conversation sees it."""
    return shops.snapshot(session, shop_id, now, offered=gateways.offered)


def place(
    database: Database,
    now: datetime,
    wanted: Sequence[tuple[str, int]] = (("COFFEE", 2),),
    *,
    wa_id: str = WA_ID,
    seed: int = 1,
    cart_version: int | None = None,
) -> OrderView:
    """An order of these SKUs and quantities, placed in a transaction of its own."""
    with database.writing() as session:
        shop = shops.find(session, "main") or open_shop(session)
        buyer = customer(session, shop.id, wa_id)
        lines = [placing.Wanted(product(session, sku).id, quantity) for sku, quantity in wanted]
        return placing.place(
            session,
            picture(session, shop.id, now),
            buyer.id,
            lines,
            ADDRESS,
            refs=refs(seed),
            cart_version=cart_version,
            customer_name="Amina",
        )
