"""An order as it is shown and talked about: plain frozen data, amounts in integer minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where to: ``kind`` is ``address``, ``location``, ``pickup`` or ``skipped``.

    ``text`` is what the customer typed (or the place's name), ``landmark`` a further line for the rider.
    """

    kind: str
    text: str = ""
    landmark: str = ""
    latitude: float | None = None
    longitude: float | None = None
    zone_id: int | None = None


@dataclass(frozen=True, slots=True)
class OrderLineView:
    """One line as it was ordered: name and unit price copied at the moment of placing."""

    product_id: int
    sku: str
    name: str
    quantity: int
    unit_price: int

    @property
    def total(self) -> int:
        """Minor units for the whole line."""
        return self.unit_price * self.quantity


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order with its lines; ``total == subtotal - discount + delivery_fee``."""

    ref: str
    status: str
    payment_status: str
    currency: str
    lines: tuple[OrderLineView, ...]
    subtotal: int
    discount: int
    delivery_fee: int
    total: int
    delivery: Delivery
    placed_at: datetime
    hold_until: datetime
    discount_label: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A paid order and how it was paid; ``reference`` is the gateway's transaction code."""

    order: OrderView
    method: str
    reference: str
    amount: int
    paid_at: datetime
