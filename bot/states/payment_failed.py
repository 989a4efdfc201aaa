"""An attempt failed: the order still stands, and there are three ways on."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import charge
from bot.state import Next, State, tapped, typed
from bot.states.payment_processing import ANOTHER, RESEND
from bot.states.payment_selection import Payment, act, payment_said
from bot.texts import money
from bot.understanding.words import plain
from bot.wording import buttons, methods, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from records import replace


class PaymentFailed(State[Payment]):
    """Offer to try again, to pay another way, or to cancel."""

    name = "payment_failed"
    leads_to = frozenset({"payment_processing", "payment_selection", "greeting", "cart"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is an order to pay."""
        return bool(conversation.order_ref)

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The order still stands."""
        return failed(words(conversation, "failed-stands"), conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Payment | None:
        """Try again, another way, or whatever the choice of payment understands."""
        choice = tapped(message)
        if choice is not None:
            if choice.argument(0) != conversation.order_ref or choice.action not in {"retry", "another_way"}:
                return payment_said(message, conversation, shop)
            return Payment("retry") if choice.action == "retry" else Payment("show")
        said = plain(typed(message))
        if said in RESEND:
            return Payment("retry")
        if said in ANOTHER:
            return Payment("show")
        return payment_said(message, conversation, shop)

    def transition(self, conversation: Conversation, answer: Payment, shop: ShopSnapshot) -> Next:
        """Charge once more the same way, or choose."""
        if answer.action != "retry":
            return act(conversation, answer, shop)
        if conversation.method in methods(shop):
            return charge(conversation, conversation.method)
        return Next(replace(conversation, state="payment_selection"))


def failed(why: str, conversation: Conversation, shop: ShopSnapshot) -> Say:
    """Why, that the order still stands, and the ways on."""
    ref = conversation.order_ref
    total = money(conversation.order_total, shop.currency, conversation.language)
    body = words(conversation, "failed", why=why, ref=ref, total=total)
    return buttons(body, (f"retry:{ref}", f"another_way:{ref}", f"cancel_order:{ref}"), conversation, shop)
