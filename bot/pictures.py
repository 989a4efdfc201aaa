"""The shops as conversations see them, kept per process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import shops
from catalog.snapshot import ShopSnapshot
from db import Database
from payments import gateways
from records import replace


class ShopPictures:
    """The shops' snapshots, kept per process and taken anew when the catalogue's version says so."""

    def __init__(self, database: Database, public_url: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._public_url = public_url
        self._now = now
        self._kept: dict[int, tuple[int, ShopSnapshot]] = {}

    def of(self, shop_id: int, version: int) -> ShopSnapshot:
        """The shop now with the catalogue of this version; its stock is as it was when the catalogue changed."""
        known = self._kept.get(shop_id)
        if known is not None and known[0] == version:
            return replace(known[1], now=self._now())
        with self._database.reading() as session:
            return self.take(session, shop_id)

    def stocked(self, session: Session, picture: ShopSnapshot) -> ShopSnapshot:
        """The same with the stock as it is in this transaction."""
        if all(product.available is None for product in picture.products):
            return picture
        stock = shops.stock(session, picture.id)
        return replace(
            picture,
            products=tuple(
                product if product.available is None else replace(product, available=stock.get(product.id, 0))
                for product in picture.products
            ),
        )

    def take(self, session: Session, shop_id: int) -> ShopSnapshot:
        """A fresh picture through this transaction."""
        version = shops.catalog_version(session, shop_id)
        picture = shops.snapshot(session, shop_id, self._now(), self._public_url, gateways.offered)
        self._kept[shop_id] = (version, picture)
        return picture
