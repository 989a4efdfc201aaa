"""A person of the shop answers; the bot is silent until it is called back."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot.conversation import Conversation
from bot.effects import Say
from bot.state import Next, State
from bot.wording import text, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from ghala.messages import fit


class HandedOff(State[str]):
    """Say once that a person will answer. What ends the silence is known to the flow itself."""

    name = "handed_off"
    leads_to = frozenset({"greeting"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """Nobody has given the conversation back yet."""
        return conversation.handed_off

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Who answers, and the way back."""
        return text(words(conversation, "handed-off", shop=fit(shop.name, 80)))

    def accepts(self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> str | None:
        """Nothing: the message is for a person."""
        return None

    def transition(self, conversation: Conversation, answer: str, shop: ShopSnapshot) -> Next:
        """Stay."""
        return Next(conversation, silent=True)
