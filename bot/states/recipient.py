"""Who takes the order, when it is for somebody else: a name, and the number the rider calls."""

# ruff: noqa: ARG002 - every state is asked alike
from __future__ import annotations

import re
from dataclasses import dataclass

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.state import Next, State, goes, tapped, typed
from bot.states.address_input import SKIP
from bot.understanding.choices import NO
from bot.understanding.names import clean_name
from bot.understanding.words import plain
from bot.wording import buttons, words
from catalog.snapshot import ShopSnapshot
from ghala.inbound import InboundMessage
from payments.phone import normalise
from records import replace


@dataclass(frozen=True, slots=True)
class Someone:
    """Name and phone; both empty when it is for the customer after all."""

    name: str = ""
    phone: str = ""


class Recipient(State[Someone]):
    """Ask for name and phone; the number to charge stays the customer's own."""

    name = "recipient"
    leads_to = frozenset({"address_input"})
    actions = frozenset({"for_me"})
    otherwise = "address_input"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is something to bring them."""
        return cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The question, with a way to skip it."""
        option = f"for_me:{conversation.cart_version}"
        return buttons(words(conversation, "recipient"), (option,), conversation, shop)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Someone | None:
        """A name and a number in one line, or nobody else."""
        choice = tapped(message)
        if choice is not None:
            current = choice.action == "for_me" and choice.number(0) == conversation.cart_version
            return Someone() if current else None
        if plain(typed(message)) in SKIP | NO | ME:
            return Someone()
        found = _NAME_AND_PHONE.fullmatch(typed(message)[:200].strip())
        if found is None:
            return None
        name = clean_name(found["name"])
        phone = normalise(found["phone"].strip(), shop.country)
        return Someone(name, phone) if name and phone else None

    def transition(self, conversation: Conversation, answer: Someone, shop: ShopSnapshot) -> Next:
        """On to the address."""
        known = replace(conversation, recipient=answer.name, recipient_phone=answer.phone)
        lead = ""
        if answer.name:
            lead = words(known, "recipient-noted", name=answer.name, phone=answer.phone)
        return goes(known, "address_input", lead)


ME = frozenset({"me", "for me", "myself", "mimi", "yangu", "ni yangu"})
_NAME_AND_PHONE = re.compile(r"(?P<name>[^0-9+]{2,80}?)[\s,:;\-]*(?P<phone>\+?[0-9][0-9 ().\-]{6,25})")
