"""From a product's name to the cart: the steps that several states share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot import cart
from bot.conversation import Conversation
from bot.state import Next, goes
from bot.understanding.products import MOST_OFFERED, Basket, basket, find
from bot.wording import PRODUCT_NAME, amount, buttons, joined, words
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.messages import fit


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
        return take(conversation, picked.basket)
    if picked.product is not None:
        return open_product(conversation, picked.product)
    options = [f"product:{product.id}" for product in picked.perhaps[:MOST_OFFERED]]
    names = [fit(p.name(conversation.language), PRODUCT_NAME) for p in picked.perhaps[:MOST_OFFERED]]
    body = words(conversation, "did-you-mean", products="\n".join(f"• {name}" for name in names))
    return Next(conversation, (buttons(body, options, conversation, shop),))


def open_product(conversation: Conversation, product: ProductView) -> Next:
    """To the quantity of ``product``, or back to the list when there is none to sell."""
    name = fit(product.name(conversation.language), PRODUCT_NAME)
    if product.sold_out:
        return goes(conversation, "product_selected", words(conversation, "sold-out-now", product=name))
    if cart.room_for(conversation, product) == 0:
        return goes(conversation, "cart", words(conversation, "cart-has-all", product=name))
    return goes(replace(conversation, product_id=product.id), "choose_quantity")


def take(conversation: Conversation, basket: Basket) -> Next:
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
    return add_lines(conversation, basket.lines)


def add_lines(conversation: Conversation, lines: Iterable[tuple[ProductView, int]]) -> Next:
    """Lines into the cart, as many of each as there are; on to the address."""
    notices: list[str] = []
    for product, count in lines:
        room = cart.room_for(conversation, product)
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        if room == 0 and product.sold_out:
            notices.append(words(conversation, "cart-sold-out", product=name))
        elif room < count:
            notices.append(words(conversation, "cart-fewer", product=name, count=room))
        if room:
            total = cart.quantity_of(conversation, product.id) + min(count, room)
            conversation = cart.with_quantity(conversation, product, total)
    conversation = replace(conversation, product_id=None)
    state = "address_input" if conversation.cart else "product_selected"
    return goes(conversation, state, joined(notices))


def still_on_offer(conversation: Conversation, shop: ShopSnapshot) -> bool:
    """Whether anything of the last paid order can be bought again."""
    return conversation.orders_paid > 0 and any(
        (product := shop.product(product_id)) is not None and not product.sold_out
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
            amount(product.price, conversation, shop),
            fit(product.description(conversation.language).strip(), 500),
            words(conversation, "only-left", count=product.available or 0) if few else "",
        )
    )


FEW = 5
"""From how many pieces on the customer is told how few are left."""
