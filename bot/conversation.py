"""One customer's conversation: where it stands, what is in the cart, what was said last. Pure data.

Stored as JSON by ``dump`` and ``load``; unknown keys are ignored and missing ones take their
default, so that old and new processes can read each other's rows during a deployment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from orders.order import Delivery


@dataclass(frozen=True, slots=True)
class CartLine:
    """``quantity`` pieces of a product, and the unit price (minor units) the customer was last shown."""

    product_id: int
    quantity: int
    seen_price: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """The state of one customer; every field survives a restart.

    Attributes:
        state: name of the flow's state.
        language: language of the answers.
        name: the customer's name as WhatsApp tells it, cleaned.
        phone: the chat's own number in international form, empty for a business-scoped id.
        charge_phone: a number the customer asked to charge instead, for the current order.
        cart: what is in the cart, before ordering.
        cart_version: grows with each order placed, so that one cart becomes one order.
        promo_code: a promotion code the customer gave.
        spent_promotions: ids of promotions this customer has used as often as each customer may.
        seen_discount: the discount (minor units) that was last shown for the cart.
        product_id: the product being chosen.
        pending: product ids and quantities asked for of which the variant is still to be chosen.
        category_id: the category being browsed.
        page: page of the list being browsed, from 0.
        delivery: where to, for the cart.
        last_delivery: where the last order went, offered again.
        order_ref: the order being paid, empty when there is none.
        order_total: its total in minor units.
        method: how it is being paid.
        last_lines: product ids and quantities of the last paid order, for "order again".
        last_names: what they were called.
        last_prices: what one piece of each cost.
        addresses: the last different places orders went to, newest first.
        addressed_at: when an address was typed, in seconds since 1970: a line right after it belongs to it.
        recipient: who takes the order, when it is not the customer.
        recipient_phone: their number, for the rider.
        about_ref: the order a question is about that is asked after the sale.
        about_total: its total in minor units.
        about_stars: how it was rated.
        stopped: wants no reminders, offers or questions.
        referral: the advert that brought the customer, until they order.
        orders_paid: how many orders this customer has paid.
        options: ids of the choices shown last, in order: what "1", "2" … mean.
        turn: grows with every answer; taps carry it so that old buttons are known as old.
        misses: how often in a row we did not understand.
        trail: states to go back to, newest last.
        handed_off: a person answers; the bot is silent.
    """

    state: str = "greeting"
    language: str = "en"
    name: str = ""
    phone: str = ""
    charge_phone: str = ""
    cart: tuple[CartLine, ...] = ()
    cart_version: int = 1
    promo_code: str = ""
    spent_promotions: tuple[int, ...] = ()
    seen_discount: int = 0
    product_id: int | None = None
    pending: tuple[tuple[int, int], ...] = ()
    category_id: int | None = None
    page: int = 0
    delivery: Delivery | None = None
    last_delivery: Delivery | None = None
    order_ref: str = ""
    order_total: int = 0
    method: str = ""
    last_lines: tuple[tuple[int, int], ...] = ()
    orders_paid: int = 0
    options: tuple[str, ...] = ()
    turn: int = 0
    misses: int = 0
    trail: tuple[str, ...] = ()
    handed_off: bool = False
    last_names: tuple[str, ...] = ()
    last_prices: tuple[int, ...] = ()
    addresses: tuple[Delivery, ...] = ()
    addressed_at: int = 0
    recipient: str = ""
    recipient_phone: str = ""
    about_ref: str = ""
    about_total: int = 0
    about_stars: int = 0
    stopped: bool = False
    referral: Mapping[str, str] | None = None


def saved_places(conversation: Conversation) -> tuple[Delivery, ...]:
    """The places to offer again: the one of this cart, then the last different ones orders went to."""
    known = (conversation.delivery, *conversation.addresses, conversation.last_delivery)
    places: list[Delivery] = []
    for place in known:
        new = place is not None and all(place.text != other.text or not place.text for other in places)
        if place is not None and new and place.kind in {"address", "location"} and place not in places:
            places.append(place)
    return tuple(places[:MOST_PLACES])


MOST_PLACES = 3


def dump(conversation: Conversation) -> dict[str, Any]:
    """The conversation as JSON-ready data."""
    data = {name: getattr(conversation, name) for name in _FIELDS}
    data["cart"] = [asdict(line) for line in conversation.cart]
    data["addresses"] = [asdict(place) for place in conversation.addresses]
    for name, place in (
        ("delivery", conversation.delivery),
        ("last_delivery", conversation.last_delivery),
    ):
        data[name] = None if place is None else asdict(place)
    return data


_FIELDS = dict.fromkeys(each.name for each in fields(Conversation))


def load(data: Mapping[str, Any]) -> Conversation:
    """The conversation from stored data; raises ``KeyError``/``TypeError`` only for rows that were never ours."""
    values = {key: value for key, value in data.items() if key in _FIELDS}
    values["cart"] = tuple(CartLine(**line) for line in values.get("cart", ()))
    for key in ("last_lines", "pending"):
        values[key] = tuple((int(p), int(q)) for p, q in values.get(key, ()))
    for key in ("options", "trail", "spent_promotions", "last_names", "last_prices"):
        values[key] = tuple(values.get(key, ()))
    for key in ("delivery", "last_delivery"):
        if values.get(key) is not None:
            values[key] = Delivery.of(values[key])
    values["addresses"] = tuple(Delivery.of(place) for place in values.get("addresses", ()))
    return Conversation(**values)
