"""Placing an order: prices copied, stock held, one cart one order.

All of it happens in the caller's transaction; a refusal leaves nothing behind when the caller
wraps the call in a savepoint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from sqlalchemy import Executable, Float, Integer, bindparam, insert, select, update
from sqlalchemy.orm import Session

from catalog.pricing import Quote, quote
from catalog.snapshot import ShopSnapshot, ZoneView, in_language
from db.models import Customer, Order, OrderLine, OrderWord, Product, StockReservation
from db.refs import Refs
from db.statements import dialect_of, insert_on, table
from db.types import clock
from db.words import words_of_order
from errors import OutOfStock, RuleBroken
from orders import promotions, reading, totals
from orders.order import Delivery, OrderView

MOST_PIECES: Final = 999
MOST_LINES: Final = 50


class NothingToOrder(RuleBroken):
    """No line with a positive quantity, or one beyond what one order may hold."""

    code = "empty"


class ProductUnavailable(RuleBroken):
    """A product is not on offer (any more)."""

    code = "unavailable"

    def __init__(self, product_id: int) -> None:
        self.product_id = product_id
        super().__init__(f"product {product_id} is not on offer")


class PriceChanged(RuleBroken):
    """A price is not the one the customer was shown."""

    code = "price_changed"

    def __init__(self, product_id: int) -> None:
        self.product_id = product_id
        super().__init__(f"the price of product {product_id} changed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``quantity`` pieces of a product; ``seen_price`` is the unit price the customer was shown, if any."""

    product_id: int
    quantity: int
    seen_price: int | None = None


def place(
    session: Session,
    shop: ShopSnapshot,
    customer_id: int,
    wanted: Sequence[Wanted],
    delivery: Delivery,
    *,
    refs: Refs,
    code: str = "",
    cart_version: int | None = None,
    language: str = "en",
    customer_name: str = "",
    source: str = "chat",
    without: Collection[int] = (),
) -> OrderView:
    """Place an order and hold its stock for the shop's hold time.

    Placing the same ``cart_version`` of a customer again gives the order that is there. Promotions whose ids are
    in ``without`` do not apply.

    Raises:
        NothingToOrder: no lines, too many, or a quantity out of range.
        ProductUnavailable: a product is not on offer.
        PriceChanged: a price differs from the one shown, or from the picture the quote is made from.
        OutOfStock: fewer are left than wanted.
        PromotionUsedUp: the discount counted on is not to be had any more.
    """
    if cart_version is not None:
        known = session.scalars(_OF_CART, {"customer": customer_id, "cart": cart_version}).first()
        if known is not None:
            return reading.view(session, known)
    pieces = _merged(wanted)
    _check_prices(session, shop, wanted)
    priced = quote(shop, pieces.items(), code=code, zone=_zone(shop, delivery), without=without)
    if priced.total <= 0:
        raise NothingToOrder("an order must cost something")
    held = _hold(session, shop.id, pieces)
    order = _insert(
        session, shop, customer_id, priced, delivery, refs, cart_version, language, customer_name, source
    )
    session.execute(
        _LINE,
        [
            {
                "shop_id": shop.id,
                "order_id": order.id,
                "position": position,
                "product_id": line.product.id,
                "sku": line.product.sku,
                "name": line.product.name(language),
                "quantity": line.quantity,
                "unit_price": line.product.price,
                "total": line.total,
            }
            for position, line in enumerate(priced.lines)
        ],
    )
    if held:
        session.execute(
            _RESERVATION,
            [
                {"shop_id": shop.id, "order_id": order.id, "product_id": product_id, "quantity": quantity}
                for product_id, quantity in held.items()
            ],
        )
    if priced.promotion is not None:
        promotions.use(session, order, priced.promotion.id)
    buyer = session.execute(_COUNT_ORDER, {"customer": customer_id}).one()
    named = [line.product.name(language) for line in priced.lines]
    found_by = words_of_order(order.ref, customer_name or buyer.name, buyer.phone or "", named)
    session.execute(_WORD, [{"shop_id": shop.id, "word": word, "order_id": order.id} for word in found_by])
    totals.add(session, shop.id, customer_id, orders_placed=1)
    return reading.view(session, order)


def place_at_best(
    session: Session,
    shop: ShopSnapshot,
    customer_id: int,
    wanted: Sequence[Wanted],
    delivery: Delivery,
    *,
    refs: Refs,
    language: str = "en",
    customer_name: str = "",
    source: str = "api",
) -> OrderView:
    """Place an order nobody was shown a discount for: what is used up is left out, and the next best applies.

    Raises:
        RuleBroken: as ``place``, but for promotions.
    """
    without: set[int] = set()
    while True:
        try:
            with session.begin_nested():
                return place(
                    session,
                    shop,
                    customer_id,
                    wanted,
                    delivery,
                    refs=refs,
                    language=language,
                    customer_name=customer_name,
                    source=source,
                    without=without,
                )
        except promotions.PromotionUsedUp as refusal:
            without.add(refusal.promotion_id)


def _merged(wanted: Sequence[Wanted]) -> dict[int, int]:
    pieces: dict[int, int] = {}
    for line in wanted:
        if line.quantity < 1:
            raise NothingToOrder(f"{line.quantity} pieces cannot be ordered")
        pieces[line.product_id] = pieces.get(line.product_id, 0) + line.quantity
    if not pieces or len(pieces) > MOST_LINES or max(pieces.values()) > MOST_PIECES:
        raise NothingToOrder(f"an order has 1 to {MOST_LINES} lines of 1 to {MOST_PIECES} pieces")
    return pieces


def _check_prices(session: Session, shop: ShopSnapshot, wanted: Sequence[Wanted]) -> None:
    these = sorted({line.product_id for line in wanted})
    rows = session.execute(_PRICES, {"shop": shop.id, "these": these})
    prices = {row.id: row.price for row in rows}
    for line in wanted:
        offered = shop.sellable(line.product_id)
        if line.product_id not in prices or offered is None:
            raise ProductUnavailable(line.product_id)
        price = prices[line.product_id]
        if price != offered.price or (line.seen_price is not None and line.seen_price != price):
            raise PriceChanged(line.product_id)


def _zone(shop: ShopSnapshot, delivery: Delivery) -> ZoneView | None:
    return next((zone for zone in shop.zones if zone.id == delivery.zone_id), None)


def _hold(session: Session, shop_id: int, pieces: dict[int, int]) -> dict[int, int]:
    """Take counted stock, in the order of ids so that two orders never wait for each other in a circle."""
    held: dict[int, int] = {}
    for product_id in sorted(pieces):
        quantity = pieces[product_id]
        what = {"product": product_id, "shop": shop_id, "pieces": quantity}
        taken = session.execute(_HOLD, what).first()
        if taken is not None:
            held[product_id] = quantity
            continue
        left = session.execute(_LEFT, {"product": product_id}).scalar_one()
        if left is not None:
            raise OutOfStock(product_id, left)
    return held


def _insert(
    session: Session,
    shop: ShopSnapshot,
    customer_id: int,
    priced: Quote,
    delivery: Delivery,
    refs: Refs,
    cart_version: int | None,
    language: str,
    customer_name: str,
    source: str,
) -> Order:
    label = in_language(priced.promotion.titles, language) if priced.promotion else ""
    hold = timedelta(minutes=shop.hold_minutes).total_seconds()
    made = None
    while made is None:  # a reference is taken once in 729 million: draw again
        made = session.execute(
            _ordering(dialect_of(session)),
            {
                "shop_id": shop.id,
                "customer_id": customer_id,
                "ref": refs.order(),
                "currency": shop.currency,
                "subtotal": priced.subtotal,
                "discount": priced.discount,
                "discount_label": label,
                "delivery_fee": priced.delivery_fee,
                "total": priced.total,
                "delivery": asdict(delivery),
                "customer_name": customer_name,
                "source": source,
                "cart_version": cart_version,
                "promotion_id": priced.promotion.id if priced.promotion else None,
                "promotion_code": priced.promotion.code if priced.promotion else None,
                "hold": hold,
            },
        ).scalar()
    return session.scalars(_MADE, {"order": made}).one()


@cache
def _ordering(dialect: str) -> Executable:
    return (
        insert_on(dialect, Order)
        .values(
            status="pending_payment",
            payment_status="unpaid",
            hold_until=clock(bindparam("hold", type_=Float())),
            placed_at=clock(),
        )
        .on_conflict_do_nothing(index_elements=["ref"])
        .returning(table(Order).c.id)
    )


_PRODUCTS, _CUSTOMERS = table(Product).c, table(Customer).c
_MADE = select(Order).where(Order.id == bindparam("order"))
_OF_CART = select(Order).where(
    Order.customer_id == bindparam("customer"), Order.cart_version == bindparam("cart")
)
_LINE = insert(table(OrderLine))
_RESERVATION = insert(table(StockReservation)).values(status="held")
_WORD = insert(table(OrderWord))
_PRICES = select(_PRODUCTS.id, _PRODUCTS.price).where(
    _PRODUCTS.shop_id == bindparam("shop"),
    _PRODUCTS.active,
    _PRODUCTS.id.in_(bindparam("these", expanding=True)),
)
_PIECES = bindparam("pieces", type_=Integer())
_HOLD = (
    update(table(Product))
    .where(
        _PRODUCTS.id == bindparam("product"),
        _PRODUCTS.shop_id == bindparam("shop"),
        _PRODUCTS.available >= _PIECES,
    )
    .values(available=_PRODUCTS.available - _PIECES, reserved=_PRODUCTS.reserved + _PIECES)
    .returning(_PRODUCTS.id)
)
_LEFT = select(_PRODUCTS.available).where(_PRODUCTS.id == bindparam("product"))
_COUNT_ORDER = (
    update(table(Customer))
    .where(_CUSTOMERS.id == bindparam("customer"))
    .values(orders_placed=_CUSTOMERS.orders_placed + 1, seen_at=clock())
    .returning(_CUSTOMERS.name, _CUSTOMERS.phone)
)
