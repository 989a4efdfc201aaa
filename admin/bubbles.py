"""What customers will see of something an owner is writing: the conversation itself is asked, nothing is imitated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bot import texts
from bot.conversation import Conversation
from bot.receipt import receipt
from bot.state import State
from bot.states.choose_quantity import ChooseQuantity
from bot.states.greeting import Greeting
from bot.states.product_selected import row_words
from bot.states.promotions import Promotions
from bot.wording import closed
from catalog.hours import OpeningHours, Span
from catalog.snapshot import ProductView, PromotionView, ShopSnapshot
from ghala.messages import LIMITS, Buttons, fit
from languages import LANGUAGES
from orders.order import Delivery, OrderLineView, OrderView, Receipt
from records import replace

SOMEBODY: Final = "Amina"
EXAMPLE_ID: Final = 0


@dataclass(frozen=True, slots=True)
class Counter:
    """How much of what WhatsApp shows is used."""

    what: str
    used: int
    limit: int

    @property
    def over(self) -> bool:
        """Whether the rest is cut off."""
        return self.used > self.limit


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message on a customer's phone."""

    language: str
    body: str
    buttons: Sequence[str] = ()
    picture: str = ""


@dataclass(frozen=True, slots=True)
class ProductShown:
    """A product in the list and by itself, in one language."""

    title: str
    description: str
    bubble: Bubble
    counters: Sequence[Counter]


def product(shop: ShopSnapshot, shown: ProductView, language: str, picture: str) -> ProductShown:
    """How a product reads in ``language``; ``picture`` is where this console shows it."""
    talk = Conversation(language=language, product_id=shown.id)
    shop = replace(shop, products=(shown, *(other for other in shop.products if other.id != shown.id)))
    title, description = row_words(shown, talk, shop)
    body, buttons = _said(ChooseQuantity(), talk, shop)
    return ProductShown(
        fit(title, LIMITS.row_title),
        fit(description, LIMITS.row_description),
        Bubble(LANGUAGES[language].name, body, buttons, picture),
        (
            Counter("Row title", len(title), LIMITS.row_title),
            Counter("Row description", len(description), LIMITS.row_description),
            Counter("Caption", len(body), LIMITS.caption),
        ),
    )


def text(shop: ShopSnapshot, key: str, language: str, written: str) -> Bubble:
    """How the message reads in which ``key`` is said as ``written``, or in our words when that is empty."""
    shop = replace(shop, texts={**shop.texts, key: {language: written}})
    talk = Conversation(language=language, name=SOMEBODY)
    return Bubble(LANGUAGES[language].name, *_TEXTS[key](shop, talk))


Shown = tuple[str, Sequence[str]]


def _said(state: State[Any], talk: Conversation, shop: ShopSnapshot) -> Shown:
    message = state.prompt(talk, shop).message
    if not isinstance(message, Buttons):
        raise TypeError("this state asks with buttons")
    return message.body, tuple(button.title for button in message.buttons)


def _greeting(shop: ShopSnapshot, talk: Conversation) -> Shown:
    return _said(Greeting(), talk, replace(shop, hours=None))


def _promotions(shop: ShopSnapshot, talk: Conversation) -> Shown:
    example = PromotionView(
        EXAMPLE_ID, {"en": "10% off"}, {"en": "On all orders above 2,000."}, "percent", 10
    )
    if not shop.running_promotions():
        shop = replace(shop, promotions=(example,))
    return _said(Promotions(), talk, shop)


def _closed(shop: ShopSnapshot, talk: Conversation) -> Shown:
    hours = shop.hours
    opens = hours.opens_at(shop.now, shop.timezone) if hours is not None else None
    if hours is None or opens is None:
        hours = OpeningHours(((Span(8 * 60, 18 * 60),),) * 7)
        opens = hours.opens_at(shop.now, shop.timezone)
    before = (opens or shop.now) - timedelta(minutes=1)
    note = closed("", talk, replace(shop, hours=hours, now=before)).strip()
    return note, ()


def _receipt(shop: ShopSnapshot, talk: Conversation) -> Shown:
    example = ProductView(EXAMPLE_ID, "", {"en": "Coffee", "sw": "Kahawa"}, 150_000)
    shown = next(iter(shop.listed()), example)
    line = OrderLineView(shown.id, shown.sku, shown.name(talk.language), 1, shown.price)
    order = OrderView(
        ref="ORD-7K3M9Q",
        status="paid",
        payment_status="paid",
        currency=shop.currency,
        lines=(line,),
        subtotal=line.total,
        discount=0,
        delivery_fee=0,
        total=line.total,
        delivery=Delivery("pickup"),
        placed_at=shop.now,
        hold_until=shop.now,
        paid_at=shop.now,
    )
    return receipt(Receipt(order, "mpesa", "SKJ4X2A001", line.total, shop.now), talk, shop), ()


_TEXTS: Final = {
    "greeting": _greeting,
    "promotions-title": _promotions,
    "closed-until": _closed,
    "receipt-thanks": _receipt,
}
if set(_TEXTS) != set(texts.OWN):
    raise TypeError("every text that a shop may word has a bubble")


def counted(key: str, written: str) -> Counter:
    """How much of a text's room is used."""
    return Counter("Characters", len(written), texts.OWN[key].longest)
