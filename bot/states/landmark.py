"""One question after a bare pin: what will the rider see there?"""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import deliver_to, located
from bot.state import Next, State, tapped, typed
from bot.states.address_input import SKIP
from bot.understanding.names import clean_address
from bot.understanding.words import plain
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage, Location
from orders.order import Delivery
from records import replace


class Landmark(State["Delivery"]):
    """Ask once for a landmark; the order goes on with or without it."""

    name = "landmark"
    leads_to = frozenset({"zone_choice", "payment_selection", "cart", "product_selected"})
    actions = frozenset({"skip"})
    otherwise = "address_input"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is a pin, and something to bring there."""
        return conversation.delivery is not None and cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The question, with a way to skip it."""
        return buttons(
            words(conversation, "landmark"), (f"skip:{conversation.cart_version}",), conversation, shop
        )

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Delivery | None:
        """Some words, none, or a better pin."""
        here = conversation.delivery or Delivery(kind="location")
        if isinstance(message.content, Location):
            return located(message.content)
        choice = tapped(message)
        if choice is not None:
            current = choice.number(0) == conversation.cart_version
            return here if choice.action == "skip" and current else None
        if plain(typed(message)) in SKIP | NOTHING:
            return here
        landmark = clean_address(typed(message))
        return replace(here, landmark=landmark) if landmark else None

    def transition(self, conversation: Conversation, answer: Delivery, shop: ShopSnapshot) -> Next:
        """On to the zone or the order."""
        return deliver_to(conversation, answer, shop)


NOTHING = frozenset({"no", "none", "nothing", "hapana", "hakuna"})
