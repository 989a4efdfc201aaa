"""Which size, which colour: between a product that varies and its quantity."""

from __future__ import annotations

from dataclasses import dataclass

from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import (
    Picked,
    add_lines,
    found_product,
    open_product,
    pick,
    price_text,
    product_text,
    tell_me,
)
from bot.state import Next, State, tapped, typed
from bot.states.product_selected import page
from bot.taps import Choice
from bot.understanding.numbers import leading_quantity, trailing_quantity
from bot.understanding.variants import variants_called
from bot.wording import TITLE, buttons, listing, row, variant_title, words
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.inbound import InboundMessage
from records import replace

MOST_BUTTONS = 3


@dataclass(frozen=True, slots=True)
class Variants:
    """The variants that were named, and how many pieces, if that was said."""

    ids: tuple[int, ...]
    count: int = 0


class VariantChoice(State["Variants | Picked | Choice"]):
    """Ask which variant of the chosen product; what is sold out is marked and can be waited for."""

    name = "variant_choice"
    leads_to = frozenset({"choose_quantity", "address_input", "product_selected", "cart"})
    actions = frozenset({"more_variants"})
    otherwise = "product_selected"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is a product, and variants of it."""
        return conversation.product_id is not None and bool(shop.variants(conversation.product_id))

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Picture, name, price and description, and the variants to tap."""
        product = shop.product(conversation.product_id)
        if product is None:
            return buttons(words(conversation, "product-gone"), ("products",), conversation, shop)
        return self._ask(product, shop.variants(product.id), conversation, shop)

    def _ask(
        self,
        product: ProductView,
        variants: tuple[ProductView, ...],
        conversation: Conversation,
        shop: ShopSnapshot,
    ) -> Say:
        body = f"{product_text(product, conversation, shop)}\n\n{words(conversation, 'which-variant')}"
        titles = [variant_title(variant, conversation) for variant in variants]
        fit_buttons = len(set(titles)) == len(titles) and all(len(title) <= TITLE for title in titles)
        if len(variants) <= MOST_BUTTONS and fit_buttons:
            options = [f"variant:{variant.id}" for variant in variants]
            return buttons(body, options, conversation, shop, image=product.picture)
        shown, more = page(variants, conversation.page)
        rows = [
            row(
                f"variant:{variant.id}",
                variant_title(variant, conversation),
                price_text(variant, conversation, shop),
                conversation,
            )
            for variant in shown
        ]
        if more:
            more_row = f"more_variants:{product.id}:{more}"
            rows.append(row(more_row, words(conversation, "row-more"), "", conversation))
        return listing(body, words(conversation, "variants-button"), rows)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Variants | Picked | Choice | None:
        """A variant by row, number or words, with a quantity or without; or another product's name."""
        known = shop.variants(conversation.product_id or 0)
        choice = tapped(message)
        if choice is not None:
            if choice.action == "variant" and any(variant.id == choice.number(0) for variant in known):
                return Variants((choice.number(0) or 0,))
            current = choice.number(0) == conversation.product_id
            return choice if choice.action == "more_variants" and current else None
        text = typed(message)
        for counted in (None, leading_quantity(text), trailing_quantity(text)):
            count, said = (0, text) if counted is None else counted
            named = variants_called(said, known)
            if named:
                return Variants(tuple(variant.id for variant in named), count)
        found = found_product(text, shop)
        if found is not None and found.product is not None and found.product in known:
            return Variants((found.product.id,))
        return found

    def transition(
        self, conversation: Conversation, answer: Variants | Picked | Choice, shop: ShopSnapshot
    ) -> Next:
        """On to how many, or into the cart when that is known; fewer variants when several were named."""
        if isinstance(answer, Choice):
            return Next(replace(conversation, page=answer.number(1) or 0))
        if isinstance(answer, Picked):
            return pick(conversation, answer, shop)
        product = shop.product(conversation.product_id)
        meant = tuple(v for v in shop.variants(conversation.product_id or 0) if v.id in answer.ids)
        if product is None or not meant:
            return Next(conversation)
        asked = next((count for parent, count in conversation.pending if parent == product.id), 0)
        count = answer.count or asked
        if len(meant) > 1:
            if count:
                others = tuple(line for line in conversation.pending if line[0] != product.id)
                conversation = replace(conversation, pending=((product.id, count), *others))
            return Next(replace(conversation, page=0), (self._ask(product, meant, conversation, shop),))
        (variant,) = meant
        if variant.sold_out:
            return tell_me(conversation, variant, shop)
        if not count:
            return open_product(conversation, variant, shop)
        rest = [
            (other, wanted)
            for parent, wanted in conversation.pending
            if parent != product.id and (other := shop.product(parent)) is not None
        ]
        return add_lines(replace(conversation, pending=()), [(variant, count), *rest], shop)
