"""Where shall we deliver? The last question before the order is placed."""

from __future__ import annotations

from dataclasses import replace

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import deliver_to, located
from bot.shopping import found_product, take
from bot.state import Next, State, goes, tapped, typed
from bot.taps import Choice
from bot.understanding.names import clean_address
from bot.understanding.products import Basket
from bot.understanding.words import plain
from bot.wording import amount, buttons, words
from catalog.pricing import Quote
from catalog.snapshot import ShopSnapshot, in_language
from ghala.inbound import InboundMessage, Location
from ghala.messages import fit
from orders.order import Delivery


class AddressInput(State["Delivery | Basket | Choice"]):
    """Ask for the address; text, a location, the last one, later, or no delivery at all."""

    name = "address_input"
    leads_to = frozenset(
        {"landmark", "zone_choice", "payment_selection", "product_selected", "cart", "variant_choice"}
    )
    actions = frozenset({"pickup", "same"})
    otherwise = "product_selected"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is something to deliver."""
        return cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """What is in the cart and what it costs, then the question."""
        quoted = cart.price(conversation, shop)
        body = words(conversation, "address", cart=_in_short(quoted, conversation, shop))
        version = conversation.cart_version
        options = ["add_more", f"pickup:{version}"]
        if saved(conversation) is not None:
            options.append(f"same:{version}")
        return buttons(body, options, conversation, shop)

    def shown(self, conversation: Conversation, shop: ShopSnapshot) -> Conversation:
        """The discount that was promised is remembered."""
        return replace(conversation, seen_discount=cart.price(conversation, shop).discount)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Delivery | Basket | Choice | None:
        """A place; taps that order only for the cart they were made for; more goods with quantities."""
        if isinstance(message.content, Location):
            return located(message.content)
        choice = tapped(message)
        if choice is not None:
            if choice.number(0) != conversation.cart_version:
                return None
            if choice.action == "pickup":
                return Delivery(kind="pickup")
            return saved(conversation) if choice.action == "same" else None
        text = typed(message)
        said = plain(text)
        if said in SKIP:
            return Delivery(kind="skipped")
        if said in PICKUP:
            return Delivery(kind="pickup")
        if said in SAME:
            return saved(conversation)
        if said in MORE:
            return Choice("add_more")
        found = found_product(text, shop)
        if found is not None and found.basket is not None and not found.basket.unknown:
            return found.basket
        if said in NO_ADDRESS or text.rstrip().endswith("?") or said.isdigit():
            return None
        address = clean_address(text)
        return Delivery(kind="address", text=address) if address else None

    def transition(
        self, conversation: Conversation, answer: Delivery | Basket | Choice, shop: ShopSnapshot
    ) -> Next:
        """A bare pin asks for a landmark; anything else places the order."""
        if isinstance(answer, Basket):
            return take(conversation, answer, shop)
        if isinstance(answer, Choice):
            return goes(replace(conversation, page=0, category_id=None), "product_selected")
        known = answer == saved(conversation)  # they were asked for a landmark then
        if answer.kind == "location" and not answer.text and not answer.landmark and not known:
            return goes(replace(conversation, delivery=answer), "landmark")
        return deliver_to(conversation, answer, shop)


SKIP = frozenset({"skip", "later", "ruka", "baadaye", "pass"})
PICKUP = frozenset(
    {
        "pick up",
        "pickup",
        "pick",
        "collect",
        "i will pick up",
        "nitachukua",
        "nachukua",
        "kuchukua",
        "nitakuja kuchukua",
    }
)
SAME = frozenset({"same", "same address", "same place", "pale pale", "palepale", "ile ile", "anwani ile ile"})
MORE = frozenset({"add", "add more", "more", "ongeza", "ongeza zaidi", "zaidi"})
NO_ADDRESS = frozenset(
    {
        "yes", "yeah", "yep", "no", "nope", "okay", "thanks", "thank you", "asante", "asante sana", "ndio",
        "ndiyo", "sawa", "hapana", "sure", "fine", "good", "wait", "what", "why", "how", "test", "lol", "haha", "mpesa", "m pesa", "airtel",
        "airtel money", "card", "kadi", "cash", "pesa",
    }
)  # fmt: skip
"""Words that are polite, and no place: nobody should be delivered to "okay"."""


def saved(conversation: Conversation) -> Delivery | None:
    """The place to offer again: the one of this cart, else of the last order."""
    for place in (conversation.delivery, conversation.last_delivery):
        if place is not None and place.kind in {"address", "location"}:
            return place
    return None


def _in_short(quoted: Quote, conversation: Conversation, shop: ShopSnapshot) -> str:
    """One line in full, several as their number; the discount in words where there is one."""
    subtotal = amount(quoted.subtotal, conversation, shop)
    if len(quoted.lines) == 1:
        short = cart.line_text(quoted.lines[0], conversation, shop)
    else:
        pieces = sum(line.quantity for line in quoted.lines)
        short = words(conversation, "cart-short", count=pieces, amount=subtotal)
    if not quoted.discount or quoted.promotion is None:
        return short
    title = fit(in_language(quoted.promotion.titles, conversation.language), 80)
    return words(
        conversation,
        "cart-short-discount",
        cart=short,
        title=title,
        off=amount(quoted.discount, conversation, shop),
        total=amount(quoted.total, conversation, shop),
    )
