"""From a known address to an order: the zone if there are zones, a last look at the cart, the effect. Pure."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.effects import PlaceOrder, RequestPayment
from bot.state import Next, goes
from bot.understanding.names import clean_address
from bot.wording import PROMPTED, joined, text, words
from catalog.snapshot import ShopSnapshot, ZoneView
from ghala.inbound import Location
from orders.order import Delivery
from records import replace

PLACE_NAME = 150


def deliver_to(conversation: Conversation, delivery: Delivery, shop: ShopSnapshot) -> Next:
    """Remember where to; ask for the zone where the shop has zones and a pin does not tell it, else place the order."""
    zones = {zone.id for zone in offered_zones(delivery, shop)}
    lead = ""
    if delivery.kind != "pickup" and measured(delivery, shop):
        zone = shop.zone_at(delivery.latitude or 0.0, delivery.longitude or 0.0)
        if zone is not None:
            return place(replace(conversation, delivery=replace(delivery, zone_id=zone.id)), shop)
        lead = words(conversation, "zone-outside") if delivery.zone_id not in zones else ""
    conversation = replace(conversation, delivery=delivery)
    if shop.zones and delivery.kind != "pickup" and delivery.zone_id not in zones:
        return goes(replace(conversation, page=0), "zone_choice", lead)
    return place(conversation, shop)


def measured(delivery: Delivery, shop: ShopSnapshot) -> bool:
    """Whether the pin, and nobody else, says which zone by distance it is."""
    return delivery.latitude is not None and delivery.longitude is not None and shop.measures()


def offered_zones(delivery: Delivery, shop: ShopSnapshot) -> tuple[ZoneView, ...]:
    """The zones there are to choose from: for a pin outside all circles, the areas of the list."""
    if measured(delivery, shop):
        return tuple(zone for zone in shop.zones if zone.within_m is None)
    return shop.zones


def place(conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Place the order, unless the cart is no longer what the customer was shown: then it is shown again."""
    now = cart.checked(conversation, shop)
    if not now.notices and cart.price(conversation, shop).discount < conversation.seen_discount:
        now = replace(now, notices=(words(conversation, "cart-less-discount"),))
    if now.notices or not now.conversation.cart or conversation.delivery is None:
        state = "cart" if now.conversation.cart else "product_selected"
        notices = (*now.notices, words(conversation, "cart-look-again")) if now.notices else ()
        return goes(now.conversation, state, joined(notices))
    order = PlaceOrder(
        lines=conversation.cart,
        delivery=replace(
            conversation.delivery,
            recipient=conversation.recipient,
            recipient_phone=conversation.recipient_phone,
        ),
        promo_code=conversation.promo_code,
        cart_version=conversation.cart_version,
        language=conversation.language,
        without=conversation.spent_promotions,
        referral=conversation.referral,
    )
    return Next(conversation, (order,))


def located(location: Location) -> Delivery:
    """A shared location as a place to deliver to, with its name if it has one."""
    parts = (clean_address(location.name[:PLACE_NAME]), clean_address(location.address[:PLACE_NAME]))
    return Delivery(
        kind="location",
        text=", ".join(part for part in parts if part),
        latitude=location.latitude,
        longitude=location.longitude,
    )


def charge(conversation: Conversation, method: str) -> Next:
    """Start paying by ``method``; a customer without a number is asked for the one to charge."""
    phone = (conversation.charge_phone or conversation.phone) if method in PROMPTED else ""
    conversation = replace(conversation, method=method)
    if method in PROMPTED and not phone:
        asked = text(words(conversation, "which-number"))
        return Next(replace(conversation, state="payment_selection"), (asked,))
    return Next(conversation, (RequestPayment(conversation.order_ref, method, phone),))
