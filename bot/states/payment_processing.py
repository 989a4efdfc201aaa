"""A payment is on its way: what to do now, and what to do if nothing happens."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

from bot import texts
from bot.conversation import Conversation
from bot.effects import AskGateway, RequestPayment, Say
from bot.state import Next, State, tapped, typed
from bot.states.payment_selection import Payment, payment_said
from bot.texts import money
from bot.understanding.words import plain
from bot.wording import PROMPTED, buttons, method_name, text, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from payments.phone import mask
from records import replace


class PaymentProcessing(State["str | Payment"]):
    """Wait for the money. Asking again asks the gateway first: there are never two prompts at once."""

    name = "payment_processing"
    leads_to = frozenset({"payment_failed", "payment_selection", "greeting"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is an order being paid."""
        return bool(conversation.order_ref)

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """Where to look, and what to reply when nothing comes."""
        return waiting(worded("waiting", conversation.method), conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> str | Payment | None:
        """Take "resend", "another way" or "mpesa 0722 000 111"; buttons only of the order that is being paid."""
        choice = tapped(message)
        if choice is not None:
            known = (
                choice.action in {"resend", "another_way"} and choice.argument(0) == conversation.order_ref
            )
            return choice.action if known else None
        said = plain(typed(message))
        if said in RESEND:
            return "resend"
        if said in ANOTHER:
            return "another_way"
        payment = payment_said(message, conversation, shop)
        return payment if payment is not None and payment.phone else None

    def transition(self, conversation: Conversation, answer: str | Payment, shop: ShopSnapshot) -> Next:
        """Ask the gateway, choose another way, or charge another number unless a request is still open."""
        if isinstance(answer, Payment):
            # What is open stays what it is until the new request is taken: nothing is noted before.
            method = answer.method or (conversation.method if conversation.method in PROMPTED else "mpesa")
            return Next(conversation, (RequestPayment(conversation.order_ref, method, answer.phone),))
        if answer == "another_way":
            return Next(replace(conversation, state="payment_selection"))
        return ask_gateway(conversation)


def worded(key: str, method: str) -> str:
    """The text for this way to pay, where it has one of its own."""
    own = f"{key}-{method}"
    return own if texts.speaks(own) else key


def waiting(key: str, conversation: Conversation, shop: ShopSnapshot) -> Say:
    """A sentence about the payment under way, with the ways out of waiting."""
    ref = conversation.order_ref
    phone = conversation.charge_phone or conversation.phone
    body = words(
        conversation,
        key,
        phone=mask(phone) if phone else "",
        total=money(conversation.order_total, shop.currency, conversation.language),
        method=method_name(conversation.method or "mpesa", conversation),
        ref=ref,
    )
    return buttons(body, (f"resend:{ref}", f"another_way:{ref}", f"cancel_order:{ref}"), conversation, shop)


def ask_gateway(conversation: Conversation) -> Next:
    """Find out before anything else; the answer comes as an event."""
    method = method_name(conversation.method or "mpesa", conversation)
    said = text(words(conversation, "checking", method=method))
    return Next(conversation, (said, AskGateway(conversation.order_ref)))


RESEND = frozenset(
    {
        "resend",
        "send again",
        "again",
        "retry",
        "try again",
        "tuma tena",
        "tena",
        "rudia",
        "jaribu tena",
        "no prompt",
        "nothing",
    }
)
ANOTHER = frozenset(
    {
        "another way",
        "another",
        "other way",
        "other",
        "change method",
        "njia nyingine",
        "nyingine",
        "pay another way",
    }
)
