"""The order is placed: how would you like to pay?"""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

import re
from dataclasses import dataclass

from bot.conversation import Conversation
from bot.effects import AddToDelivery, CancelOrder, Say
from bot.ordering import charge
from bot.state import Next, State, tapped, typed
from bot.states.address_input import further_line
from bot.texts import money
from bot.understanding.words import plain
from bot.wording import PROMPTED, buttons, methods, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from payments.phone import mask
from payments.phone import said as number_said
from records import replace


@dataclass(frozen=True, slots=True)
class Payment:
    """``action`` is ``pay``, ``number``, ``edit``, ``show`` or ``note``; the rest as far as it was said.

    ``line`` is a further line of the address that was just given.
    """

    action: str
    method: str = ""
    phone: str = ""
    line: str = ""


class PaymentSelection(State[Payment]):
    """Ask how to pay; another number to charge, editing and cancelling are words."""

    name = "payment_selection"
    leads_to = frozenset({"payment_processing", "cart", "greeting"})

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is an order to pay."""
        return bool(conversation.order_ref)

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The order in one line and the shop's ways to pay; the whole summary is said when it is placed."""
        total = money(conversation.order_total, shop.currency, conversation.language)
        body = words(conversation, "choose-payment", ref=conversation.order_ref, total=total)
        return payable(body, conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Payment | None:
        """A way to pay, by tap only for the order it was shown for; "mpesa 0722 000 111"; edit."""
        said = payment_said(message, conversation, shop)
        if said is not None:
            return said
        line = further_line(message, conversation, shop)
        return Payment("note", line=line) if line else None

    def transition(self, conversation: Conversation, answer: Payment, shop: ShopSnapshot) -> Next:
        """Ask for the payment, take the number, or take the order back into the cart."""
        return act(conversation, answer, shop)


def payable(body: str, conversation: Conversation, shop: ShopSnapshot) -> Say:
    """Words with the shop's ways to pay the order as buttons; a person where there is none."""
    options = [f"pay:{method}:{conversation.order_ref}" for method in methods(shop)] or ["human"]
    return buttons(body, options, conversation, shop, footer=words(conversation, "edit-or-cancel"))


def payment_said(message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> Payment | None:
    """What the message says about paying the current order, if anything."""
    choice = tapped(message)
    if choice is not None:
        if choice.action == "pay" and choice.argument(1) == conversation.order_ref:
            return Payment("pay", choice.argument(0)) if choice.argument(0) in methods(shop) else None
        current = choice.argument(0) == conversation.order_ref
        return Payment("edit") if choice.action == "edit" and current else None
    text = typed(message)
    said = plain(text)
    if said in EDIT:
        return Payment("edit")
    if said in PAY:
        return Payment("show")
    method, rest = _method(text)
    if method and method in methods(shop):
        if not rest:
            return Payment("pay", method)
        phone = number_said(rest, shop.country) if method in PROMPTED else None
        return Payment("pay", method, phone) if phone else None
    phone = number_said(text, shop.country)
    return Payment("number", phone=phone) if phone else None


def act(conversation: Conversation, answer: Payment, shop: ShopSnapshot) -> Next:
    """Do what was said about paying; the order's other number stays with the order."""
    if answer.action == "edit":
        return Next(replace(conversation, state="cart"), (CancelOrder(conversation.order_ref),))
    if answer.action == "note":
        return Next(conversation, (AddToDelivery(conversation.order_ref, answer.line),))
    if answer.action == "show":
        return Next(replace(conversation, state="payment_selection"))
    if answer.phone:
        conversation = replace(conversation, charge_phone=answer.phone)
    if answer.action == "number":
        mobile = [method for method in methods(shop) if method in PROMPTED]
        if conversation.method in mobile or len(mobile) == 1:
            return charge(conversation, conversation.method if conversation.method in mobile else mobile[0])
        lead = words(conversation, "number-noted", phone=mask(answer.phone))
        return Next(replace(conversation, state="payment_selection"), lead=lead)
    return charge(conversation, answer.method)


EDIT = frozenset(
    {"edit", "change", "edit order", "change order", "badili", "badilisha", "hariri", "rekebisha"}
)
PAY = frozenset({"pay", "pay now", "lipa", "lipia", "nataka kulipa", "i want to pay", "payment", "malipo"})
_NAMES = {
    "mpesa": re.compile(r"\s*(?:pay |lipa )?(?:with |by |via |kwa |na )?m[\s\-]?pesa\b[\s:,]*(.*)", re.IGNORECASE | re.DOTALL),
    "airtel": re.compile(r"\s*(?:pay |lipa )?(?:with |by |via |kwa |na )?airtel(?:\s+money)?\b[\s:,]*(.*)", re.IGNORECASE | re.DOTALL),
    "card": re.compile(r"\s*(?:pay |lipa )?(?:with |by |via |kwa |na )?(?:card|kadi|visa|mastercard)\b[\s:,]*(.*)", re.IGNORECASE | re.DOTALL),
    "cash": re.compile(r"\s*(?:pay |lipa )?(?:with |by |in |kwa |na )?(?:cash(?: on delivery)?|cod|pesa taslimu|taslimu|taslim)\b[\s:,]*(.*)", re.IGNORECASE | re.DOTALL),
}  # fmt: skip


def _method(text: str) -> tuple[str, str]:
    """The way to pay that is named, and what was written after it."""
    for method, name in _NAMES.items():
        found = name.fullmatch(text[:200])
        if found:
            return method, found[1].strip(" .!")
    return "", ""
