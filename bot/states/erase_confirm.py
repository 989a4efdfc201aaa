"""Forget everything about me? Asked once; an old button forgets nobody."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot.conversation import Conversation
from bot.effects import Forget, Say
from bot.state import Next, State, goes, tapped, typed
from bot.understanding.choices import NO, YES
from bot.understanding.words import plain
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from ghala.messages import fit
from records import replace


class EraseConfirm(State[bool]):
    """Forget the customer, or not; the shop's books stay, without a name."""

    name = "erase_confirm"
    leads_to = frozenset({"greeting"})
    actions = frozenset({"erase_yes", "erase_no"})

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """What goes, what stays, and that it cannot be undone."""
        body = words(conversation, "erase-ask", shop=fit(shop.name, 80))
        return buttons(body, ("erase_yes", "erase_no"), conversation, shop)

    def accepts(self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> bool | None:
        """Yes or no."""
        choice = tapped(message)
        if choice is not None:
            return choice.action == "erase_yes" if choice.action in self.actions else None
        said = plain(typed(message))
        if said in YES:
            return True
        return False if said in NO else None

    def transition(self, conversation: Conversation, answer: bool, shop: ShopSnapshot) -> Next:
        """Forget, or go on as before."""
        if answer:
            return Next(replace(conversation, state="greeting"), (Forget(confirmed=True),))
        return goes(conversation, "greeting", words(conversation, "erase-kept"))
