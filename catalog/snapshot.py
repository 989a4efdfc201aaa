"""The shop as the conversation sees it: a read-only picture taken before deciding.

Pure data. ``catalog.shops`` takes the picture; the flow and the pricing read it.
All amounts are integer minor units of ``ShopSnapshot.currency``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from catalog.distance import metres
from catalog.hours import OpeningHours, Span

__all__ = [
    "CategoryView",
    "OpeningHours",
    "Place",
    "ProductView",
    "PromotionView",
    "ShopSnapshot",
    "Span",
    "ZoneView",
    "in_language",
]


def in_language(texts: Mapping[str, str], language: str) -> str:
    """The text in ``language``, else in English, else in whatever there is."""
    return texts.get(language) or texts.get("en") or next(iter(texts.values()), "")


@dataclass(frozen=True, slots=True)
class ProductView:
    """One product on offer; ``available`` is ``None`` when its stock is not counted.

    A product that ``varies`` is only shown, and one of its variants is sold: a product of its own with
    ``parent_id``, its ``label`` ("Large · Red") and a name that holds both.
    """

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
    parent_id: int | None = None
    parent_sku: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    varies: bool = False

    @property
    def sold_out(self) -> bool:
        """Whether nothing can be sold now; of a product that varies, ask ``ShopSnapshot.sold_out``."""
        return self.available is not None and self.available <= 0

    def name(self, language: str) -> str:
        """The product's name for a reader of ``language``."""
        return in_language(self.names, language)

    def label(self, language: str) -> str:
        """What makes this variant different, empty for a product that is none."""
        return in_language(self.labels, language)

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
    ``free_delivery`` or ``buy_x_get_y`` (after every ``buy`` pieces paid, up to ``get`` cheaper ones are free).
    ``skus`` empty means every product; a product that varies stands for all its variants.
    Without a ``code`` it applies by itself. ``used_up``: it was
    used as often as it may be.
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
    used_up: bool = False

    def runs_at(self, now: datetime) -> bool:
        """Whether the promotion is running at ``now`` (its end is exclusive) and not used up."""
        return not (
            self.used_up
            or (self.starts_at is not None and now < self.starts_at)
            or (self.ends_at is not None and now >= self.ends_at)
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the map, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class ZoneView:
    """A delivery zone and its fee: all that is ``within_m`` metres of the shop, or an area chosen from a list."""

    id: int
    names: Mapping[str, str]
    fee: int
    within_m: int | None = None


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
    hours: OpeningHours | None = None
    place: Place | None = None
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the shop says in its own words, by the key of the text and by language."""

    def product(self, product_id: int | None) -> ProductView | None:
        """The product or variant with this id, if it is on offer."""
        return next((p for p in self.products if p.id == product_id), None)

    def sellable(self, product_id: int | None) -> ProductView | None:
        """The same, if it can be put into a cart: a product that varies cannot."""
        product = self.product(product_id)
        return product if product is not None and not product.varies else None

    def listed(self) -> tuple[ProductView, ...]:
        """The products that lists show: each variant is found inside its product."""
        return tuple(product for product in self.products if product.parent_id is None)

    def variants(self, product_id: int) -> tuple[ProductView, ...]:
        """What a product that varies is sold as, in the owner's order."""
        return tuple(product for product in self.products if product.parent_id == product_id)

    def sold_out(self, product: ProductView) -> bool:
        """Whether nothing of the product, in any variant, can be sold now."""
        if not product.varies:
            return product.sold_out
        return all(variant.sold_out for variant in self.variants(product.id))

    def running_promotions(self) -> tuple[PromotionView, ...]:
        """Promotions that run now, in the owner's order."""
        return tuple(p for p in self.promotions if p.runs_at(self.now))

    def open_now(self) -> bool:
        """Whether orders are handled now; a shop without hours always is."""
        return self.hours is None or self.hours.open_at(self.now, self.timezone)

    def opens_at(self) -> datetime | None:
        """When a closed shop opens next; ``None`` when it is open, or does not say."""
        if self.hours is None or self.open_now():
            return None
        return self.hours.opens_at(self.now, self.timezone)

    def zone_at(self, latitude: float, longitude: float) -> ZoneView | None:
        """The smallest zone by distance that reaches to this point."""
        if self.place is None:
            return None
        away = metres(self.place.latitude, self.place.longitude, latitude, longitude)
        reaching = [
            (z.within_m, z.fee, z.id, z) for z in self.zones if z.within_m is not None and away <= z.within_m
        ]
        return min(reaching, key=lambda found: found[:3])[3] if reaching else None

    def measures(self) -> bool:
        """Whether a pin can tell the zone: the shop knows where it stands and has zones by distance."""
        return self.place is not None and any(zone.within_m is not None for zone in self.zones)
