"""Cancel an order that is paid? Asked once, with what will happen."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot.conversation import Conversation
from bot.effects import CancelPaid, Say
from bot.state import Next, State, goes, tapped, typed
from bot.texts import money
from bot.understanding.choices import NO, YES
from bot.understanding.words import plain
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from ghala.messages import fit
from records import replace


class CancelConfirm(State[bool]):
    """Give up the paid order, or keep it; an old button cancels nothing else."""

    name = "cancel_confirm"
    leads_to = frozenset({"greeting"})
    actions = frozenset({"cancel_yes", "cancel_no"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is an order the question is about."""
        return bool(conversation.about_ref)

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The question, with what becomes of the money."""
        ref = conversation.about_ref
        total = money(conversation.about_total, shop.currency, conversation.language)
        body = words(conversation, "cancel-paid-ask", ref=ref, total=total, shop=fit(shop.name, 80))
        return buttons(body, (f"cancel_yes:{ref}", f"cancel_no:{ref}"), conversation, shop)

    def accepts(self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> bool | None:
        """Yes or no, by tap only for the order that was asked about."""
        choice = tapped(message)
        if choice is not None:
            current = choice.action in self.actions and choice.argument(0) == conversation.about_ref
            return choice.action == "cancel_yes" if current else None
        said = plain(typed(message))
        if said in YES:
            return True
        return False if said in NO else None

    def transition(self, conversation: Conversation, answer: bool, shop: ShopSnapshot) -> Next:
        """Cancel it, or leave everything as it is."""
        ref = conversation.about_ref
        home = replace(conversation, about_ref="", about_total=0)
        if answer:
            return Next(replace(home, state="greeting"), (CancelPaid(ref),))
        return goes(home, "greeting", words(conversation, "cancel-kept", ref=ref))
