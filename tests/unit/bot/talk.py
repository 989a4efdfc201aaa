"""A customer for tests: says, taps and sends things to the flow, and stands in for the shell."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import events
from bot.conversation import Conversation, dump, load
from bot.effects import (
    AddToDelivery,
    CancelOrder,
    CancelPaid,
    Effect,
    FindOrders,
    Forget,
    PlaceOrder,
    RateOrder,
    RequestPayment,
    Say,
)
from bot.flow import decide
from bot.wording import offered
from catalog.pricing import quote
from catalog.snapshot import CategoryView, ProductView, PromotionView, ShopSnapshot, ZoneView
from ghala.inbound import InboundMessage, Tap, TextContent
from ghala.messages import Buttons, ListMessage, Message, Text
from orders.order import OrderLineView, OrderView, Receipt

NOW = datetime(2026, 11, 20, 9, 7, tzinfo=UTC)
COFFEE, HONEY, SOAP = 1, 2, 3

PRODUCTS = (
    ProductView(
        COFFEE,
        "coffee",
        {"en": "Premium Coffee Beans 1kg", "sw": "Kahawa Bora 1kg"},
        150_000,
        {"en": "Freshly roasted Arabica", "sw": "Arabica iliyokaangwa upya"},
        "☕",
        "https://shop.example/coffee.jpg",
        synonyms=("kahawa",),
    ),
    ProductView(
        HONEY, "honey", {"en": "Organic Honey 500g", "sw": "Asali 500g"}, 80_000, {"en": "Raw"}, "🍯"
    ),
    ProductView(SOAP, "soap", {"en": "Handmade Soap Set", "sw": "Sabuni"}, 60_000, {}, "🧼"),
)

SHOP = ShopSnapshot(
    id=1,
    slug="main",
    name="Duka Demo",
    currency="KES",
    country="KE",
    timezone="Africa/Nairobi",
    languages=("en", "sw"),
    now=NOW,
    products=PRODUCTS,
    promotions=(
        PromotionView(
            1,
            {"en": "10% off coffee", "sw": "Punguzo la 10% kwa kahawa"},
            {"en": "With the code, until the end of the month"},
            "percent",
            10,
            code="COFFEE10",
            skus=("coffee",),
            ends_at=datetime(2026, 11, 30, 21, 0, tzinfo=UTC),
        ),
    ),
)
KIKOI, LARGE_RED, LARGE_BLUE, SMALL_RED = 20, 21, 22, 23


def _kikoi(number: int, label: str, label_sw: str, price: int, available: int | None) -> ProductView:
    return ProductView(
        number,
        f"kikoi-{number}",
        {"en": f"Kikoi, {label}", "sw": f"Kikoi, {label_sw}"},
        price,
        available=available,
        parent_id=KIKOI,
        parent_sku="kikoi",
        labels={"en": label, "sw": label_sw},
    )


VARYING = replace(
    SHOP,
    products=(
        *PRODUCTS,
        ProductView(
            KIKOI, "kikoi", {"en": "Kikoi"}, 120_000, {"en": "Soft"}, varies=True, synonyms=("leso", "wrap")
        ),
        _kikoi(LARGE_RED, "Large · Red", "Kubwa · Nyekundu", 150_000, None),
        _kikoi(LARGE_BLUE, "Large · Blue", "Kubwa · Bluu", 150_000, 0),
        _kikoi(SMALL_RED, "Small · Red", "Ndogo · Nyekundu", 120_000, 4),
    ),
)
"""The same shop with something that varies."""

ZONES = (ZoneView(1, {"en": "Westlands", "sw": "Westlands"}, 20_000), ZoneView(2, {"en": "Karen"}, 35_000))


def many_products(count: int, *, categories: int = 1) -> ShopSnapshot:
    """A shop with ``count`` products spread over ``categories``."""
    return replace(
        SHOP,
        products=tuple(
            ProductView(n, f"sku{n}", {"en": f"Thing number {n}"}, 10_000 * n, category_id=n % categories + 1)
            for n in range(1, count + 1)
        ),
        categories=tuple(CategoryView(n, {"en": f"Kind {n}"}) for n in range(1, categories + 1)),
    )


def with_stock(shop: ShopSnapshot, product_id: int, available: int | None) -> ShopSnapshot:
    """The shop with so many pieces of a product left."""
    changed = tuple(replace(p, available=available) if p.id == product_id else p for p in shop.products)
    return replace(shop, products=changed)


def message(
    content: Any, *, name: str | None = "Amina", phone: str | None = "+254711345678", **more: Any
) -> InboundMessage:
    """A message with ``content``; a string is text."""
    if isinstance(content, str):
        content = TextContent(content)
    return InboundMessage("wamid.1", "254711345678", phone, name, NOW, content, **more)


def body(said: Message) -> str:
    """The words of a message, as they are read: a space that no line breaks at is a space."""
    assert isinstance(said, Text | Buttons | ListMessage) or hasattr(said, "body"), said
    return str(said.body).replace("\u00a0", " ")  # type: ignore[union-attr]


def titles(said: Message) -> list[str]:
    """The titles of its buttons or rows."""
    if isinstance(said, Buttons):
        return [button.title for button in said.buttons]
    if isinstance(said, ListMessage):
        return [row.title for section in said.sections for row in section.rows]
    return []


class Talk:
    """One customer and a shell that places every order and starts every payment."""

    def __init__(self, shop: ShopSnapshot = SHOP, **start: Any) -> None:
        self.shop = shop
        self.conversation = Conversation(**start)
        self.effects: list[Effect] = []
        self.said: list[Say] = []
        self.order: OrderView | None = None
        self.bubbles = 0
        self.rated = 0
        self.obstacle = ""
        self.refs = (f"ORD-7K3M9{letter}" for letter in itertools.cycle("QRSTUVW"))

    @property
    def last(self) -> Message:
        """The last thing the bot said."""
        return self.said[-1].message

    @property
    def body(self) -> str:
        return body(self.last)

    @property
    def titles(self) -> list[str]:
        return titles(self.last)

    @property
    def state(self) -> str:
        return self.conversation.state

    def says(self, *texts: str) -> Talk:
        for text in texts:
            self.sends(text)
        return self

    def sends(self, content: Any, *, late: bool = False, **more: Any) -> Talk:
        return self.happens(events.MessageReceived(message(content, **more), late=late))

    def taps(self, title: str) -> Talk:
        """Tap a button or row of the last message by its title."""
        return self.taps_id(self.id_of(title))

    def id_of(self, title: str) -> str:
        said = self.last
        choices: list[Any] = []
        if isinstance(said, Buttons):
            choices = list(said.buttons)
        elif isinstance(said, ListMessage):
            choices = [row for section in said.sections for row in section.rows]
        return next(choice.id for choice in choices if title in choice.title)

    def taps_id(self, identifier: str, title: str = "") -> Talk:
        return self.sends(Tap(id=identifier, title=title or identifier))

    def happens(self, event: events.Event) -> Talk:
        self.effects, self.said_now = [], 0
        return self._decide(event)

    def _decide(self, event: events.Event) -> Talk:
        step = decide(self.conversation, event, self.shop)
        self.conversation = load(dump(step.conversation))
        for effect in step.effects:
            self.effects.append(effect)
            if isinstance(effect, Say):
                self.said.append(effect)
                self.said_now += 1
                if offered(effect.message):
                    assert self.conversation.options == offered(effect.message)
            elif isinstance(effect, PlaceOrder):
                self.order = self.placed(effect)
                self._decide(events.OrderPlaced(self.order))
            elif isinstance(effect, RequestPayment):
                assert self.order is not None
                self._decide(events.PaymentRequested(self.order, effect.method, effect.phone))
            elif isinstance(effect, CancelOrder):
                assert self.order is not None
                self._decide(events.OrderCancelled(replace(self.order, status="cancelled")))
            elif isinstance(effect, CancelPaid):
                assert self.order is not None
                self.order = replace(self.order, status="cancelled")
                self._decide(events.OrderCancelled(self.order))
            elif isinstance(effect, FindOrders):
                self._decide(self.found(effect))
            elif isinstance(effect, AddToDelivery):
                assert self.order is not None
                place = replace(self.order.delivery, landmark=effect.line)
                self.order = replace(self.order, delivery=place)
                self._decide(events.DeliveryNoted(self.order, effect.line))
            elif isinstance(effect, RateOrder):
                self._decide(events.OrderRated(effect.order_ref, effect.stars, kept=not self.rated))
                self.rated = effect.stars
            elif isinstance(effect, Forget):
                reason = self.obstacle or ("done" if effect.confirmed else "")
                self._decide(events.ForgetAnswered(reason, "ORD-7K3M9Q" if self.obstacle else ""))
        return self

    def found(self, effect: FindOrders) -> events.OrdersFound:
        orders = () if self.order is None else (self.order,)
        if effect.order_ref:
            orders = tuple(order for order in orders if order.ref == effect.order_ref)
        paid = next((order for order in orders if order.paid_at is not None), None)
        receipt = None if paid is None else Receipt(paid, "mpesa", "SKJ4X2ABCD", paid.total, NOW)
        return events.OrdersFound(effect.purpose, orders, receipt)

    def placed(self, effect: PlaceOrder) -> OrderView:
        zone = next((z for z in self.shop.zones if z.id == effect.delivery.zone_id), None)
        pairs = [(line.product_id, line.quantity) for line in effect.lines]
        quoted = quote(self.shop, pairs, code=effect.promo_code, zone=zone)
        return OrderView(
            ref=next(self.refs),
            status="pending_payment",
            payment_status="unpaid",
            currency=self.shop.currency,
            lines=tuple(
                OrderLineView(
                    line.product.id,
                    line.product.sku,
                    line.product.name(effect.language),
                    line.quantity,
                    line.product.price,
                )
                for line in quoted.lines
            ),
            subtotal=quoted.subtotal,
            discount=quoted.discount,
            delivery_fee=quoted.delivery_fee,
            total=quoted.total,
            delivery=effect.delivery,
            placed_at=NOW,
            hold_until=NOW + timedelta(minutes=30),
            discount_label=quoted.promotion.titles["en"] if quoted.promotion else "",
        )

    def pays(self, method: str = "mpesa") -> Talk:
        assert self.order is not None
        self.order = paid = replace(self.order, status="paid", payment_status="paid", paid_at=NOW)
        return self.happens(events.PaymentSucceeded(Receipt(paid, method, "SKJ4X2ABCD", paid.total, NOW)))

    def moves(self, status: str, **more: Any) -> Talk:
        """The shop moves the order along."""
        assert self.order is not None
        self.order = replace(self.order, status=status, **more)
        return self.happens(events.OrderMoved(self.order))

    def fails(self, reason: str, method: str = "mpesa") -> Talk:
        assert self.order is not None
        return self.happens(events.PaymentFailed(self.order, method, reason))

    def ordered(self) -> Talk:
        """At the choice of payment with two bags of coffee."""
        return self.says("Hi", "products", "1", "2", "123 Main St, Nairobi")

    def waiting(self) -> Talk:
        """Waiting for M-Pesa."""
        return self.ordered().taps("M-Pesa")
