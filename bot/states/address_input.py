"""Where shall we deliver? The last question before the order is placed."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation, saved_places
from bot.effects import Say
from bot.ordering import deliver_to, located
from bot.shopping import found_product, take
from bot.state import Next, State, goes, tapped, typed
from bot.taps import Choice
from bot.understanding.names import clean_address
from bot.understanding.products import Basket
from bot.understanding.words import plain
from bot.wording import ROW, amount, buttons, joined, label, listing, row, text, words
from catalog.pricing import Quote
from catalog.snapshot import ShopSnapshot, in_language
from ghala.inbound import InboundMessage, Location
from ghala.messages import fit
from orders.order import Delivery
from records import replace


class AddressInput(State["Delivery | Basket | Choice"]):
    """Ask for the address; text, a location, the last one, later, or no delivery at all."""

    name = "address_input"
    leads_to = frozenset(
        {
            "landmark",
            "zone_choice",
            "payment_selection",
            "product_selected",
            "cart",
            "variant_choice",
            "recipient",
        }
    )
    actions = frozenset({"pickup", "same", "another_place", "someone"})
    otherwise = "product_selected"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There is something to deliver."""
        return cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """What is in the cart and what it costs, then the question."""
        quoted = cart.price(conversation, shop)
        body = words(conversation, "address", cart=_in_short(quoted, conversation, shop))
        version = conversation.cart_version
        places = saved_places(conversation)
        if len(places) > 1:
            return _places(body, places, conversation, shop)
        options = ["add_more", f"pickup:{version}"]
        if places:
            options.append(f"same:{version}")
        footer = "" if conversation.recipient else words(conversation, "for-someone")
        return buttons(body, options, conversation, shop, footer=footer)

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
            if choice.action in {"another_place", "someone"}:
                return choice
            if choice.action != "same":
                return None
            return next(iter(saved_places(conversation)[choice.number(1) or 0 :]), None)
        wrote = typed(message)
        said = plain(wrote)
        if said in SKIP:
            return Delivery(kind="skipped")
        if said in PICKUP:
            return Delivery(kind="pickup")
        if said in SAME:
            return next(iter(saved_places(conversation)), None)
        if said in SOMEONE:
            return Choice("someone")
        if said in MORE:
            return Choice("add_more")
        found = found_product(wrote, shop)
        if found is not None and found.basket is not None and not found.basket.unknown:
            return found.basket
        if said in NO_ADDRESS or wrote.rstrip().endswith("?") or said.isdigit():
            return None
        address = clean_address(wrote)
        return Delivery(kind="address", text=address) if address else None

    def transition(
        self, conversation: Conversation, answer: Delivery | Basket | Choice, shop: ShopSnapshot
    ) -> Next:
        """A bare pin asks for a landmark; anything else places the order."""
        if isinstance(answer, Basket):
            return take(conversation, answer, shop)
        if isinstance(answer, Choice) and answer.action == "someone":
            return goes(conversation, "recipient")
        if isinstance(answer, Choice) and answer.action == "another_place":
            return Next(conversation, (text(words(conversation, "another-place")),))
        if isinstance(answer, Choice):
            return goes(replace(conversation, page=0, category_id=None), "product_selected")
        known = answer in saved_places(conversation)  # they were asked for a landmark then
        if answer.kind == "location" and not answer.text and not answer.landmark and not known:
            return goes(replace(conversation, delivery=answer), "landmark")
        if answer.kind == "address" and answer not in saved_places(conversation):
            conversation = replace(conversation, addressed_at=int(shop.now.timestamp()))
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
SOMEONE = frozenset(
    {
        "gift", "a gift", "for someone else", "someone else", "for somebody else", "for a friend", "for my mother",
        "for my wife", "for my husband", "send to someone", "zawadi", "mtu mwingine", "ni ya mtu mwingine",
        "kwa mtu mwingine", "ya rafiki",
    }
)  # fmt: skip
"""The order is for another person."""
NO_ADDRESS = frozenset(
    {
        "yes", "yeah", "yep", "no", "nope", "okay", "thanks", "thank you", "asante", "asante sana", "ndio",
        "ndiyo", "sawa", "hapana", "sure", "fine", "good", "wait", "what", "why", "how", "test", "lol", "haha", "mpesa", "m pesa", "airtel",
        "airtel money", "card", "kadi", "cash", "pesa",
    }
)  # fmt: skip
"""Words that are polite, and no place: nobody should be delivered to "okay"."""


def _places(body: str, places: tuple[Delivery, ...], conversation: Conversation, shop: ShopSnapshot) -> Say:
    """Several known places as a list, with the other ways below them."""
    version = conversation.cart_version
    options = [f"same:{version}:{number}" for number in range(len(places))]
    rows = [
        row(
            option,
            place.text or words(conversation, "place-pin"),
            joined((place.text[ROW:], place.landmark)),
            conversation,
        )
        for option, place in zip(options, places, strict=True)
    ]
    for action in ("another_place", "someone", "pickup", "add_more"):
        option = action if action == "add_more" else f"{action}:{version}"
        rows.append(row(option, label(option, conversation, shop, ROW), "", conversation))
    return listing(body, words(conversation, "places-button"), rows)


ADDRESS_GOES_ON = 90
"""Seconds after a typed address within which the next line belongs to it."""


def further_line(message: InboundMessage, conversation: Conversation, shop: ShopSnapshot) -> str | None:
    """A line that directly follows an address and is nothing else; ``None`` when it is not one."""
    since = int(shop.now.timestamp()) - conversation.addressed_at
    line, said = typed(message), plain(typed(message))
    if not 0 <= since <= ADDRESS_GOES_ON or said in NO_ADDRESS | SKIP or said.isdigit():
        return None
    if line.rstrip().endswith(("?", "!")) or found_product(line, shop) is not None:
        return None
    return clean_address(line)


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
