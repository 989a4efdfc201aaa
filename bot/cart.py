"""The cart inside the conversation: adding, changing, checking against the shop, showing. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.conversation import CartLine, Conversation
from bot.understanding.numbers import MOST
from bot.wording import PRODUCT_NAME, amount, words
from catalog.pricing import PricedLine, Quote, quote
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.messages import fit
from records import replace

MOST_LINES = 50
"""Lines of one cart; more is business for a person."""


def quantity_of(conversation: Conversation, product_id: int) -> int:
    """How many of the product are in the cart."""
    return sum(line.quantity for line in conversation.cart if line.product_id == product_id)


def with_quantity(conversation: Conversation, product: ProductView, quantity: int) -> Conversation:
    """The cart with exactly ``quantity`` of the product, at its price now; 0 takes it out."""
    fresh = CartLine(product.id, min(quantity, MOST), product.price)
    known = any(line.product_id == product.id for line in conversation.cart)
    lines = [fresh if line.product_id == product.id else line for line in conversation.cart]
    if not known and len(lines) < MOST_LINES:
        lines.append(fresh)
    return replace(conversation, cart=tuple(line for line in lines if line.quantity > 0))


def room_for(conversation: Conversation, product: ProductView) -> int:
    """How many more of the product the customer may take."""
    left = MOST if product.available is None else min(MOST, product.available)
    return max(0, left - quantity_of(conversation, product.id))


def price(conversation: Conversation, shop: ShopSnapshot, zone_id: int | None = None) -> Quote:
    """The cart at the shop's prices now."""
    zone = next((zone for zone in shop.zones if zone.id == zone_id), None)
    pairs = [(line.product_id, line.quantity) for line in conversation.cart]
    return quote(shop, pairs, code=conversation.promo_code, zone=zone, without=conversation.spent_promotions)


def count(conversation: Conversation, shop: ShopSnapshot) -> int:
    """Pieces in the cart that are still on offer."""
    return sum(line.quantity for line in conversation.cart if shop.sellable(line.product_id) is not None)


def line_text(line: PricedLine, conversation: Conversation, shop: ShopSnapshot) -> str:
    """One line in words: how many of what, and what they cost together."""
    return words(
        conversation,
        "line",
        quantity=str(line.quantity),
        product=fit(line.product.name(conversation.language), PRODUCT_NAME),
        amount=amount(line.total, conversation, shop),
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """A cart brought up to what the shop offers now, and what had to change, in sentences."""

    conversation: Conversation
    notices: tuple[str, ...] = ()


def checked(conversation: Conversation, shop: ShopSnapshot) -> Checked:
    """The cart without what is gone, at the prices now, each change named."""
    lines: list[CartLine] = []
    notices: list[str] = []
    gone = 0
    for line in conversation.cart:
        product = shop.sellable(line.product_id)
        if product is None:
            gone += 1
            continue
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        kept = line
        if product.available is not None and product.available < line.quantity:
            if product.available <= 0:
                notices.append(words(conversation, "cart-sold-out", product=name))
                continue
            kept = replace(kept, quantity=product.available)
            notices.append(words(conversation, "cart-fewer", product=name, count=product.available))
        if product.price != line.seen_price:
            kept = replace(kept, seen_price=product.price)
            now = amount(product.price, conversation, shop)
            notices.append(words(conversation, "cart-new-price", product=name, amount=now))
        lines.append(kept)
    if gone:
        notices.insert(0, words(conversation, "cart-gone", count=gone))
    return Checked(replace(conversation, cart=tuple(lines)), tuple(notices))


def restored(
    conversation: Conversation, lines: Iterable[tuple[int, int, int]], shop: ShopSnapshot
) -> Conversation:
    """The cart with lines of an earlier order put back (product, quantity, price seen).

    Nothing already in the cart is lost, and putting the same lines back twice changes nothing.
    """
    for product_id, quantity, seen_price in lines:
        product = shop.sellable(product_id)
        already = quantity_of(conversation, product_id)
        if product is not None and quantity > already:
            conversation = with_quantity(conversation, product, quantity)
            conversation = replace(
                conversation,
                cart=tuple(
                    replace(line, seen_price=seen_price) if line.product_id == product_id else line
                    for line in conversation.cart
                ),
            )
    return conversation
