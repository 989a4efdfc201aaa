"""The shop's running promotions, each with its terms and its end, in one message."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from datetime import timedelta

from bot.conversation import Conversation
from bot.effects import Say
from bot.shopping import Picked, found_product, pick
from bot.state import Next, State, typed
from bot.texts import day
from bot.wording import BODY, buttons, joined, lines_within, own_words, words
from catalog.snapshot import PromotionView, ShopSnapshot, in_language
from ghala.inbound import InboundMessage
from ghala.messages import fit


class Promotions(State[Picked]):
    """Show what is on promotion; a product's name goes to the product."""

    name = "promotions"
    leads_to = frozenset({"product_selected", "variant_choice", "choose_quantity", "address_input", "cart"})

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """All promotions that run now."""
        running = shop.running_promotions()
        if not running:
            return buttons(words(conversation, "promotions-none"), ("products",), conversation, shop)
        title = own_words(conversation, shop, "promotions-title")
        shown = [_described(promotion, conversation, shop) for promotion in running]
        body = f"{title}\n\n{lines_within(shown, BODY - len(title) - 2, conversation)}"
        return buttons(body, ("products",), conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Picked | None:
        """A product, or several with quantities, by name."""
        return found_product(typed(message), shop)

    def transition(self, conversation: Conversation, answer: Picked, shop: ShopSnapshot) -> Next:
        """To the product, or to the address when quantities came with it."""
        return pick(conversation, answer, shop)


def _described(promotion: PromotionView, conversation: Conversation, shop: ShopSnapshot) -> str:
    title = fit(in_language(promotion.titles, conversation.language), 80)
    terms = fit(in_language(promotion.terms, conversation.language).strip(), 200)
    # The end is exclusive: what ends at midnight is last had the day before.
    ends = promotion.ends_at - timedelta(seconds=1) if promotion.ends_at else None
    return joined(
        (
            words(conversation, "promotion", title=title),
            terms,
            words(conversation, "promotion-code", code=promotion.code) if promotion.code else "",
            words(conversation, "promotion-until", date=day(ends, shop.timezone, conversation.language))
            if ends
            else "",
        )
    )
