"""Which delivery zone, with its fee: only in shops that have zones, before anything is ordered."""

from __future__ import annotations

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import deliver_to, located, offered_zones
from bot.state import Next, State, goes, tapped, typed
from bot.states.address_input import PICKUP, further_line
from bot.states.product_selected import page
from bot.taps import Choice
from bot.understanding.words import plain
from bot.wording import NOTED, amount, buttons, label, listing, row, words
from catalog.snapshot import ShopSnapshot, ZoneView, in_language
from ghala.inbound import InboundMessage, Location
from ghala.messages import Row, fit
from orders.order import Delivery
from records import replace


class ZoneChoice(State["Choice | Delivery | str"]):
    """Ask for the zone, so that the summary's total is final; picking up costs nothing."""

    name = "zone_choice"
    leads_to = frozenset({"payment_selection", "cart", "product_selected", "address_input", "landmark"})
    actions = frozenset({"zone", "more_zones", "pickup", "elsewhere"})
    otherwise = "address_input"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There are zones, an address, and something to deliver."""
        return bool(shop.zones) and conversation.delivery is not None and cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The zones with their fees, and picking up; without a zone that may be chosen, another place."""
        version = conversation.cart_version
        zones = _zones(conversation, shop)
        if not zones:
            ways = (f"pickup:{version}", f"elsewhere:{version}", "human")
            return buttons(words(conversation, "zones-no-area"), ways, conversation, shop)
        shown, more = page((*zones, None), conversation.page)
        rows = [self._row(zone, conversation, shop) for zone in shown]
        if more:
            rows.append(
                row(f"more_zones:{more}:{version}", words(conversation, "row-more"), "", conversation)
            )
        return listing(words(conversation, "zones-body"), words(conversation, "zones-button"), rows)

    def _row(self, zone: ZoneView | None, conversation: Conversation, shop: ShopSnapshot) -> Row:
        """A zone with its fee, or picking up."""
        version = conversation.cart_version
        if zone is None:
            option = f"pickup:{version}"
            about = words(conversation, "place-pickup")
            return row(option, label(option, conversation, shop), about, conversation)
        fee = words(conversation, "zone-fee", amount=amount(zone.fee, conversation, shop))
        return row(
            f"zone:{zone.id}:{version}", in_language(zone.names, conversation.language), fee, conversation
        )

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Choice | Delivery | str | None:
        """A zone by row, number or name, only for the cart it was shown for; picking up; another pin; a further line."""
        if isinstance(message.content, Location):
            return located(message.content)
        zones = _zones(conversation, shop)
        choice = tapped(message)
        if choice is not None:
            last = choice.number(1) if choice.action in {"zone", "more_zones"} else choice.number(0)
            if choice.action not in self.actions or last != conversation.cart_version:
                return None
            if choice.action == "zone" and all(zone.id != choice.number(0) for zone in zones):
                return None
            return choice
        said = plain(typed(message))
        if said in PICKUP:
            return Choice("pickup")
        named = next((z for z in zones if said and said in {plain(name) for name in z.names.values()}), None)
        if named is not None:
            return Choice("zone", (str(named.id),))
        # Half a zone's name is no landmark.
        if set(said.split()) & {
            part for zone in zones for name in zone.names.values() for part in plain(name).split()
        }:
            return None
        return further_line(message, conversation, shop)

    def transition(
        self, conversation: Conversation, answer: Choice | Delivery | str, shop: ShopSnapshot
    ) -> Next:
        """Place the order with the zone's fee; a further line of the address is kept, and the zone asked again."""
        if isinstance(answer, str):
            here = (conversation.delivery or Delivery(kind="skipped")).with_line(answer)
            lead = words(conversation, "delivery-noted", line=fit(answer, NOTED))
            return Next(replace(conversation, delivery=here), lead=lead)
        if isinstance(answer, Delivery):
            if not answer.text:
                return goes(replace(conversation, delivery=answer), "landmark")
            return deliver_to(conversation, answer, shop)
        if answer.action == "pickup":
            return deliver_to(conversation, Delivery(kind="pickup"), shop)
        if answer.action == "elsewhere":
            return goes(replace(conversation, delivery=None), "address_input")
        if answer.action == "more_zones" or conversation.delivery is None:
            return Next(replace(conversation, page=answer.number(0) or 0))
        return deliver_to(conversation, replace(conversation.delivery, zone_id=answer.number(0)), shop)


def _zones(conversation: Conversation, shop: ShopSnapshot) -> tuple[ZoneView, ...]:
    return offered_zones(conversation.delivery or Delivery(kind="skipped"), shop)
