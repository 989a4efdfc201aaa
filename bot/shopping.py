"""From a product's name to the cart: the steps that several states share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot import cart
from bot.conversation import Conversation
from bot.effects import WaitForStock
from bot.state import Next, goes
from bot.understanding.products import MOST_OFFERED, Basket, basket, find
from bot.wording import PRODUCT_NAME, amount, buttons, joined, words
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.messages import fit
from records import replace


@dataclass(frozen=True, slots=True)
class Picked:
    """What the customer named: one product, several that may be meant, or whole lines."""

    product: ProductView | None = None
    perhaps: tuple[ProductView, ...] = ()
    basket: Basket | None = None


def found_product(text: str, shop: ShopSnapshot) -> Picked | None:
    """What ``text`` names; ``None`` when it names nothing of the shop's."""
    if not text.strip():
        return None
    lines = basket(text, shop)
    if lines is not None:
        return Picked(basket=lines)
    found = find(text, shop)
    if found.sure is not None:
        return Picked(product=found.sure)
    return Picked(perhaps=found.perhaps) if found.perhaps else None


def pick(conversation: Conversation, picked: Picked, shop: ShopSnapshot) -> Next:
    """To the product, into the cart, or the question which one is meant."""
    if picked.basket is not None:
        return take(conversation, picked.basket, shop)
    if picked.product is not None:
        return open_product(conversation, picked.product, shop)
    options = [f"product:{product.id}" for product in picked.perhaps[:MOST_OFFERED]]
    names = [fit(p.name(conversation.language), PRODUCT_NAME) for p in picked.perhaps[:MOST_OFFERED]]
    body = words(conversation, "did-you-mean", products="\n".join(f"• {name}" for name in names))
    return Next(conversation, (buttons(body, options, conversation, shop),))


def open_product(conversation: Conversation, product: ProductView, shop: ShopSnapshot) -> Next:
    """To the quantity of ``product``, by way of its variants; what is sold out can be waited for."""
    name = fit(product.name(conversation.language), PRODUCT_NAME)
    conversation = replace(conversation, pending=())
    if product.varies:
        if not shop.variants(product.id):
            return goes(conversation, "product_selected", words(conversation, "sold-out-now", product=name))
        return goes(replace(conversation, product_id=product.id, page=0), "variant_choice")
    if product.sold_out:
        return tell_me(conversation, product, shop)
    if cart.room_for(conversation, product) == 0:
        return goes(conversation, "cart", words(conversation, "cart-has-all", product=name))
    return goes(replace(conversation, product_id=product.id), "choose_quantity")


def tell_me(conversation: Conversation, product: ProductView, shop: ShopSnapshot) -> Next:
    """It is sold out: shall I tell you when it is there again?"""
    name = fit(product.name(conversation.language), PRODUCT_NAME)
    state = "variant_choice" if conversation.state == "variant_choice" else "product_selected"
    if state == "product_selected":
        conversation = replace(conversation, product_id=None)
    body = words(conversation, "sold-out-now", product=name)
    asked = buttons(body, (f"tell:{product.id}", "products"), conversation, shop)
    return Next(replace(conversation, state=state), (asked,))


def wait_for(conversation: Conversation, product: ProductView | None, shop: ShopSnapshot) -> Next:
    """Promise to tell; what is there already, or never comes again, is said at once."""
    if product is None:
        return goes(conversation, "product_selected", words(conversation, "product-gone"))
    if product.varies or not product.sold_out:
        return open_product(conversation, product, shop)
    name = fit(product.name(conversation.language), PRODUCT_NAME)
    said = buttons(words(conversation, "will-tell", product=name), ("products", "cart"), conversation, shop)
    return Next(conversation, (WaitForStock(product.id), said))


def take(conversation: Conversation, basket: Basket, shop: ShopSnapshot) -> Next:
    """Whole lines into the cart, only when all of them were understood."""
    if basket.unknown:
        known = ", ".join(
            words(
                conversation,
                "line-short",
                quantity=str(count),
                product=fit(p.name(conversation.language), 60),
            )
            for p, count in basket.lines
        )
        unknown = fit(", ".join(basket.unknown), 120)
        lead = words(conversation, "basket-unknown", known=fit(known, 300), unknown=unknown)
        return goes(conversation, "product_selected", lead)
    return add_lines(conversation, basket.lines, shop)


def add_lines(
    conversation: Conversation, lines: Iterable[tuple[ProductView, int]], shop: ShopSnapshot
) -> Next:
    """Lines into the cart, as many of each as there are; on to the address.

    Of what varies the variant is asked for first, one product after the other.
    """
    notices: list[str] = []
    pending: list[tuple[int, int]] = []
    for product, count in lines:
        if product.varies and shop.variants(product.id):
            pending.append((product.id, count))
            continue
        room = cart.room_for(conversation, product)
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        if product.varies or (room == 0 and product.sold_out):
            notices.append(words(conversation, "cart-sold-out", product=name))
        elif room < count:
            notices.append(words(conversation, "cart-fewer", product=name, count=room))
        if room and not product.varies:
            total = cart.quantity_of(conversation, product.id) + min(count, room)
            conversation = cart.with_quantity(conversation, product, total)
    if pending:
        asked = replace(conversation, product_id=pending[0][0], pending=tuple(pending), page=0)
        return goes(asked, "variant_choice", joined(notices))
    conversation = replace(conversation, product_id=None, pending=())
    state = "address_input" if conversation.cart else "product_selected"
    return goes(conversation, state, joined(notices))


def still_on_offer(conversation: Conversation, shop: ShopSnapshot) -> bool:
    """Whether anything of the last paid order can be bought again."""
    return conversation.orders_paid > 0 and any(
        (product := shop.sellable(product_id)) is not None and not product.sold_out
        for product_id, _ in conversation.last_lines
    )


def product_text(product: ProductView, conversation: Conversation, shop: ShopSnapshot) -> str:
    """Name, price, description, and how few are left when it is few."""
    few = product.available is not None and product.available <= FEW
    return joined(
        (
            words(
                conversation, "product-name", product=fit(product.name(conversation.language), PRODUCT_NAME)
            ),
            price_text(product, conversation, shop),
            fit(product.description(conversation.language).strip(), 500),
            words(conversation, "only-left", count=product.available or 0) if few else "",
        )
    )


def price_text(product: ProductView, conversation: Conversation, shop: ShopSnapshot) -> str:
    """What it costs; "from" the least when its variants differ; marked when there is none left."""
    prices = {variant.price for variant in shop.variants(product.id)} or {product.price}
    price = amount(min(prices), conversation, shop)
    if len(prices) > 1:
        price = words(conversation, "price-from", price=price)
    return words(conversation, "row-sold-out", price=price) if shop.sold_out(product) else price


FEW = 5
"""From how many pieces on the customer is told how few are left."""
