"""One line of the cart, and how many of it there should be."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

import re

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.state import Next, State, goes, tapped, typed
from bot.understanding.numbers import quantity
from bot.understanding.words import plain
from bot.wording import PRODUCT_NAME, buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from ghala.messages import fit
from records import replace


class ChangeQuantity(State[int]):
    """Ask for the line's new quantity; 0 or "remove" takes it out."""

    name = "change_quantity"
    leads_to = frozenset({"cart"})
    actions = frozenset({"remove"})
    otherwise = "cart"
    takes_numbers = True

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """The line is still in the cart and its product on offer."""
        product = shop.product(conversation.product_id)
        return product is not None and cart.quantity_of(conversation, product.id) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """How many there are now, and how many there should be."""
        product = shop.product(conversation.product_id)
        if product is None:
            return buttons(words(conversation, "product-gone"), ("cart",), conversation, shop)
        now = cart.quantity_of(conversation, product.id)
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        body = words(conversation, "change-quantity", product=name, count=now)
        return buttons(body, (f"remove:{product.id}", "cart"), conversation, shop)

    def accepts(self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> int | None:
        """The new quantity, 0 for none."""
        choice = tapped(message)
        if choice is not None:
            current = choice.number(0) == conversation.product_id
            return 0 if choice.action == "remove" and current else None
        text = plain(typed(message))
        return 0 if text in NONE else quantity(typed(message))

    def transition(self, conversation: Conversation, answer: int, shop: ShopSnapshot) -> Next:
        """Back to the cart, with as many as there are."""
        return change(conversation, conversation.product_id, answer, shop)


NONE = frozenset(["0", "remove", "delete", "none", "zero", "ondoa", "toa", "futa", "sifuri"])
"""Words that take a line out of the cart."""


def change(conversation: Conversation, product_id: int | None, count: int, shop: ShopSnapshot) -> Next:
    """The line of the product to ``count`` pieces, or to as many as there are; back to the cart."""
    product = shop.product(product_id)
    if product is None:
        return goes(conversation, "cart")
    lead = ""
    if product.available is not None and count > product.available:
        count = max(product.available, 0)
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        key = "cart-fewer" if count else "cart-sold-out"
        lead = words(conversation, key, product=name, **({"count": count} if count else {}))
    conversation = cart.with_quantity(conversation, product, count)
    return goes(replace(conversation, product_id=None), "cart", lead)


_REMOVE = re.compile(r"(?:remove|delete|ondoa|toa|futa) (?:line |item |namba |nambari )?([0-9]{1,2})")
_CHANGE = re.compile(
    r"(?:change|edit|badili|badilisha|update) (?:line |item |namba |nambari )?([0-9]{1,2})"
    r"(?: (?:to|kuwa|iwe|x) ([0-9]{1,3}))?"
)


def change_command(text: str) -> tuple[int, int | None] | None:
    """Read "remove 2", "change 1 to 3", "change 1": the line's number, and its new quantity if said."""
    said = plain(text)
    removed = _REMOVE.fullmatch(said)
    if removed:
        return int(removed[1]), 0
    changed = _CHANGE.fullmatch(said)
    if changed:
        return int(changed[1]), int(changed[2]) if changed[2] else None
    return None
