"""The shop as the conversation sees it: a read-only picture taken before deciding.

Pure data. ``catalog.shops`` takes the picture; the flow and the pricing read it.
All amounts are integer minor units of ``ShopSnapshot.currency``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in ``language``, else in English, else in whatever there is."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


@dataclass(frozen=True, slots=True)
class ProductView:
    """One product on offer; ``available`` is ``None`` when its stock is not counted."""

    id: int
    sku: str
    names: Mapping[str, str]
    price: int
    descriptions: Mapping[str, str] = field(default_factory=dict)
    emoji: str = ""
    picture: str = ""
    category_id: int | None = None
    available: int | None = None
    synonyms: tuple[str, ...] = ()

    @property
    def sold_out(self) -> bool:
        """Whether nothing can be sold now."""
        return self.available is not None and self.available <= 0

    def name(self, language: str) -> str:
        """The product's name for a reader of ``language``."""
        return in_language(self.names, language)

    def description(self, language: str) -> str:
        """The product's description for a reader of ``language``, possibly empty."""
        return in_language(self.descriptions, language)


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A group of products, in the owner's order."""

    id: int
    names: Mapping[str, str]
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class PromotionView:
    """A discount with its terms.

    ``kind`` is ``percent`` (``value`` percent off), ``fixed`` (``value`` minor units off),
    ``free_delivery`` or ``buy_x_get_y`` (every ``buy`` bought give ``get`` more free).
    ``skus`` empty means every product. Without a ``code`` it applies by itself.
    """

    id: int
    titles: Mapping[str, str]
    terms: Mapping[str, str]
    kind: str
    value: int = 0
    buy: int = 0
    get: int = 0
    code: str = ""
    skus: tuple[str, ...] = ()
    min_subtotal: int = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def runs_at(self, now: datetime) -> bool:
        """Whether the promotion is running at ``now`` (its end is exclusive)."""
        return not (
            (self.starts_at is not None and now < self.starts_at)
            or (self.ends_at is not None and now >= self.ends_at)
        )


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A delivery zone and its fee."""

    id: int
    names: Mapping[str, str]
    fee: int


@dataclass(frozen=True, slots=True)
class ShopSnapshot:
    """Everything the flow may know about the shop, at ``now`` (UTC)."""

    id: int
    slug: str
    name: str
    currency: str
    country: str
    timezone: str
    languages: tuple[str, ...]
    now: datetime
    products: tuple[ProductView, ...] = ()
    categories: tuple[CategoryView, ...] = ()
    promotions: tuple[PromotionView, ...] = ()
    zones: tuple[ZoneView, ...] = ()
    payment_methods: tuple[str, ...] = ("mpesa", "airtel", "card")
    hold_minutes: int = 30

    def product(self, product_id: int | None) -> ProductView | None:
        """The product with this id, if it is on offer."""
        return next((p for p in self.products if p.id == product_id), None)

    def running_promotions(self) -> tuple[PromotionView, ...]:
        """Promotions that run now, in the owner's order."""
        return tuple(p for p in self.promotions if p.runs_at(self.now))
