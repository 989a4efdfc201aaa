"""An order as it is shown and talked about: plain frozen data, amounts in integer minor units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from records import replace

LONGEST_LINE: Final = 300
"""Characters of an address or a landmark."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where to: ``kind`` is ``address``, ``location``, ``pickup`` or ``skipped``.

    ``text`` is what the customer typed (or the place's name), ``landmark`` a further line for the rider.
    ``recipient`` and ``recipient_phone`` are of whoever takes it, when that is not the customer.
    """

    kind: str
    text: str = ""
    landmark: str = ""
    latitude: float | None = None
    longitude: float | None = None
    zone_id: int | None = None
    recipient: str = ""
    recipient_phone: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Delivery:
        """The place as it was stored, perhaps by a newer process that knows more about places."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def with_line(self, line: str) -> Delivery:
        """The place with a further line about it for the rider."""
        landmark = ", ".join(part for part in (self.landmark, line) if part)
        return replace(self, landmark=landmark[:LONGEST_LINE])

    @property
    def map_link(self) -> str:
        """Where a rider's map opens at the shared pin; empty without one."""
        if self.latitude is None or self.longitude is None:
            return ""
        return f"https://maps.google.com/?q={self.latitude:.6f},{self.longitude:.6f}"


@dataclass(frozen=True, slots=True)
class Rider:
    """Who brings the order."""

    name: str
    phone: str = ""


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
    rider: Rider | None = None
    paid_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A paid order and how it was paid; ``reference`` is the gateway's transaction code."""

    order: OrderView
    method: str
    reference: str
    amount: int
    paid_at: datetime
