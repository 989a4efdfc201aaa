"""Building messages: buttons from options, lists, a sentence put before a prompt, lines that fit. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bot import texts
from bot.conversation import Conversation, saved_places
from bot.effects import Say
from bot.taps import Choice, parse, tap_id
from bot.understanding.words import plain
from catalog.snapshot import ProductView, ShopSnapshot
from ghala.messages import (
    Button,
    Buttons,
    LinkButton,
    ListMessage,
    LocationRequest,
    Message,
    Row,
    Section,
    Text,
    fit,
)
from languages import LANGUAGES
from orders.order import Delivery
from records import replace

BODY: Final = 1024
TEXT: Final = 4096
TITLE: Final = 20
ROW: Final = 24
DESCRIPTION: Final = 72
FOOTER: Final = 60
LEAD: Final = 600
"""The longest sentence put before a prompt; the prompt keeps the rest of the body."""

METHODS: Final = ("mpesa", "airtel", "card", "cash")
"""The ways to pay the bot has words for: all that gateways offer, as a test makes sure."""
PROMPTED: Final = frozenset({"mpesa", "airtel"})
"""Those that ring a phone: they need a number, and someone may type the PIN into the chat."""
"""Ways to pay that the texts have words for."""

PRODUCT_NAME: Final = 120
"""Longest product name repeated inside a sentence; row titles and receipts have limits of their own."""


def words(conversation: Conversation, key: str, **args: str | int) -> str:
    """The text ``key`` in the customer's language."""
    return texts.say(conversation.language, key, **args)


def own_words(conversation: Conversation, shop: ShopSnapshot, key: str, /, **args: str | int) -> str:
    """The shop's own text for ``key`` in the customer's language, else ours."""
    written = shop.texts.get(key, {}).get(conversation.language, "")
    return texts.filled(written, **args) if written else words(conversation, key, **args)


def amount(minor: int, conversation: Conversation, shop: ShopSnapshot) -> str:
    """Minor units of the shop's currency as people write them."""
    return texts.money(minor, shop.currency, conversation.language)


NOTED = 150
"""Characters of a further line that are said back."""


def label(option: str, conversation: Conversation, shop: ShopSnapshot, limit: int = TITLE) -> str:
    """The title of the button that offers ``option``, in the customer's language; empty if it has none."""
    choice = parse(option) or Choice(option)
    if choice.action in {"qty", "set"}:
        return choice.argument(1)
    if choice.action == "take":
        return words(conversation, "button-take", count=choice.argument(1))
    if choice.action == "product":
        product = shop.product(choice.number(0))
        if product is not None:
            return fit(product.name(conversation.language), limit)
        return fit(words(conversation, "button-products"), limit)
    if choice.action == "variant":
        product = shop.product(choice.number(0))
        if product is None:
            return ""
        return fit(variant_title(product, conversation), limit)
    if choice.action == "same":
        return _same_place(conversation, choice.number(1) or 0)
    if choice.action == "language":
        known = LANGUAGES.get(choice.argument(0))
        return known.name if known is not None else ""
    named = choice.arguments[:1] if choice.action == "pay" else ()
    key = "-".join(("button", choice.action.replace("_", "-"), *named))
    return fit(words(conversation, key), limit) if texts.speaks(key) else ""


def variant_title(variant: ProductView, conversation: Conversation) -> str:
    """What a variant is called on its button or row, marked when it is sold out."""
    title = variant.label(conversation.language)
    return words(conversation, "variant-sold-out", label=title) if variant.sold_out else title


def _same_place(conversation: Conversation, number: int) -> str:
    """A place offered again, as much of it as fits on a button."""
    general = words(conversation, "button-same")
    place = next(iter(saved_places(conversation)[number:]), None)
    if place is None or not place.text:
        return general
    title = fit(words(conversation, "button-same-place", place=place.text), TITLE)
    taken = {plain(words(conversation, key)) for key in ("button-add-more", "button-pickup")}
    return general if plain(title) in taken else title


def buttons(
    body: str,
    options: Sequence[str],
    conversation: Conversation,
    shop: ShopSnapshot,
    *,
    image: str = "",
    footer: str = "",
) -> Say:
    """Words with one to three buttons."""
    made: list[Button] = []
    titles: set[str] = set()
    for option in options:
        title = label(option, conversation, shop)
        if title and title not in titles:
            titles.add(title)
            made.append(Button(tap_id(option, conversation.turn), title))
    picture = (
        image if image.startswith(("https://", "http://")) and not any(c.isspace() for c in image) else ""
    )
    return Say(Buttons(fit(body, BODY), tuple(made), image=picture, footer=fit(footer, FOOTER)))


def text(body: str) -> Say:
    """Words alone."""
    return Say(Text(fit(body, TEXT)))


def row(option: str, title: str, description: str, conversation: Conversation) -> Row:
    """One row of a list, cut to what a row may hold."""
    return Row(tap_id(option, conversation.turn), fit(title, ROW), fit(description, DESCRIPTION))


def listing(body: str, button: str, rows: Iterable[Row]) -> Say:
    """Words with a sheet of rows."""
    return Say(ListMessage(fit(body, BODY), fit(button, TITLE), (Section(tuple(rows)),)))


def offered(message: Message) -> tuple[str, ...]:
    """The options a message offers, in the order "1", "2" … count them."""
    if isinstance(message, Buttons):
        ids = [button.id for button in message.buttons]
    elif isinstance(message, ListMessage):
        ids = [entry.id for section in message.sections for entry in section.rows]
    else:
        return ()
    return tuple(choice.option for identifier in ids if (choice := parse(identifier)) is not None)


def with_lead(lead: str, said: Say) -> Say:
    """The same message with a sentence before it, in one bubble; its picture is not sent again."""
    if not lead:
        return said
    message = said.message
    lead = fit(lead, LEAD)
    if isinstance(message, Text):
        return replace(said, message=replace(message, body=fit(f"{lead}\n\n{message.body}", TEXT)))
    if isinstance(message, Buttons):
        body = fit(f"{lead}\n\n{message.body}", BODY)
        return replace(said, message=replace(message, body=body, image=""))
    if isinstance(message, ListMessage | LinkButton | LocationRequest):
        return replace(said, message=replace(message, body=fit(f"{lead}\n\n{message.body}", BODY)))
    return said


def closed(body: str, conversation: Conversation, shop: ShopSnapshot) -> str:
    """The words, and below them when orders will be handled, while the shop is closed."""
    if shop.open_now():
        return body
    opens = shop.opens_at()
    if opens is None:
        return f"{body}\n\n{words(conversation, 'closed')}"
    when = texts.opening(opens, shop.timezone, conversation.language)
    return f"{body}\n\n{own_words(conversation, shop, 'closed-until', when=when)}"


def lines_within(lines: Sequence[str], room: int, conversation: Conversation) -> str:
    """As many lines as ``room`` characters hold; the rest are counted: "… and 5 more"."""
    whole = "\n".join(lines)
    if len(whole) <= room:
        return whole
    for kept in range(len(lines) - 1, -1, -1):
        shown = "\n".join((*lines[:kept], words(conversation, "and-more", count=len(lines) - kept)))
        if len(shown) <= room:
            return shown
    return fit(whole, room)


def joined(parts: Iterable[str]) -> str:
    """Paragraph lines, the empty ones left out."""
    return "\n".join(part for part in parts if part)


def place(delivery: Delivery | None, conversation: Conversation, limit: int = 200) -> str:
    """Where an order goes, in the customer's language."""
    if delivery is None or delivery.kind == "skipped":
        return words(conversation, "place-later")
    if delivery.kind == "pickup":
        return words(conversation, "place-pickup")
    known = delivery.text or words(conversation, "place-pin")
    where = ", ".join(part for part in (known, delivery.landmark) if part)
    if delivery.recipient:
        who = words(conversation, "place-for", name=delivery.recipient, phone=delivery.recipient_phone)
        return f"{fit(where, max(limit - len(who) - 2, 40))}, {who}"
    return fit(where, limit)


def method_name(method: str, conversation: Conversation) -> str:
    """The way to pay by its name; a way without one is called by its key."""
    key = f"method-{method}"
    return words(conversation, key) if texts.speaks(key) else method


def methods(shop: ShopSnapshot) -> tuple[str, ...]:
    """The ways to pay that this shop has and the bot can offer, at most as many as there are buttons."""
    return tuple(method for method in shop.payment_methods if method in METHODS)[:3]
