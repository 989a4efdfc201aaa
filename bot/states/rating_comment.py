"""Thank you for the rating: is there anything the shop should know?"""

from __future__ import annotations

from bot.conversation import Conversation
from bot.effects import CommentOrder, Say
from bot.shopping import Picked, found_product, pick
from bot.state import Next, State, goes, tapped, typed
from bot.states.address_input import SKIP
from bot.understanding.choices import NO
from bot.understanding.names import clean_address
from bot.understanding.words import plain
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from records import replace


class RatingComment(State["str | Picked"]):
    """One line about the order, or none; goods with quantities are an order, not a comment."""

    name = "rating_comment"
    leads_to = frozenset({"greeting", "product_selected", "address_input", "choose_quantity", "cart"})
    actions = frozenset({"no_comment"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:  # noqa: ARG002 - asked alike
        """There is an order that was rated."""
        return bool(conversation.about_ref)

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Thanks, and the question."""
        poor = conversation.about_stars < 3  # noqa: PLR2004 - the middle face
        options = [f"no_comment:{conversation.about_ref}", *(("human",) if poor else ())]
        key = "comment-ask-poor" if poor else "comment-ask"
        return buttons(words(conversation, key), options, conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> str | Picked | None:
        """Some words, none, or an order."""
        choice = tapped(message)
        if choice is not None:
            current = choice.action == "no_comment" and choice.argument(0) == conversation.about_ref
            return "" if current else None
        if plain(typed(message)) in SKIP | NO:
            return ""
        picked = found_product(typed(message), shop)
        if picked is not None and picked.basket is not None and not picked.basket.unknown:
            return picked
        return clean_address(typed(message))

    def transition(self, conversation: Conversation, answer: str | Picked, shop: ShopSnapshot) -> Next:
        """Thanks, and home."""
        home = replace(conversation, about_ref="", about_stars=0, state="greeting")
        if isinstance(answer, Picked):
            return pick(home, answer, shop)
        if not answer:
            return goes(home, "greeting")
        thanks = buttons(words(home, "comment-thanks"), ("products", "menu"), home, shop)
        return Next(home, (CommentOrder(conversation.about_ref, answer), thanks))
