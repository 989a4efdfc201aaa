"""Which delivery zone, with its fee: only in shops that have zones, before anything is ordered."""

from __future__ import annotations

from dataclasses import replace

from bot import cart
from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import deliver_to
from bot.state import Next, State, tapped, typed
from bot.states.product_selected import page
from bot.taps import Choice
from bot.understanding.words import plain
from bot.wording import amount, listing, row, words
from catalog.snapshot import ShopSnapshot, in_language
from ghala.inbound import InboundMessage


class ZoneChoice(State[Choice]):
    """Ask for the zone, so that the summary's total is final."""

    name = "zone_choice"
    leads_to = frozenset({"payment_selection", "cart", "product_selected"})
    actions = frozenset({"zone", "more_zones"})
    otherwise = "address_input"

    def ready(self, conversation: Conversation, shop: ShopSnapshot) -> bool:
        """There are zones, an address, and something to deliver."""
        return bool(shop.zones) and conversation.delivery is not None and cart.count(conversation, shop) > 0

    def prompt(self, conversation: Conversation, shop: ShopSnapshot) -> Say:
        """The zones with their fees."""
        shown, more = page(shop.zones, conversation.page)
        version = conversation.cart_version
        rows = [
            row(
                f"zone:{zone.id}:{version}",
                in_language(zone.names, conversation.language),
                words(conversation, "zone-fee", amount=amount(zone.fee, conversation, shop)),
                conversation,
            )
            for zone in shown
        ]
        if more:
            rows.append(
                row(f"more_zones:{more}:{version}", words(conversation, "row-more"), "", conversation)
            )
        return listing(words(conversation, "zones-body"), words(conversation, "zones-button"), rows)

    def accepts(
        self, message: InboundMessage, conversation: Conversation, shop: ShopSnapshot
    ) -> Choice | None:
        """A zone by row, number or name, only for the cart it was shown for."""
        choice = tapped(message)
        if choice is not None:
            current = choice.number(1) == conversation.cart_version
            known = choice.action == "more_zones" or any(zone.id == choice.number(0) for zone in shop.zones)
            return choice if choice.action in {"zone", "more_zones"} and current and known else None
        said = plain(typed(message))
        named = next(
            (z for z in shop.zones if said and said in {plain(name) for name in z.names.values()}), None
        )
        return Choice("zone", (str(named.id),)) if named else None

    def transition(self, conversation: Conversation, answer: Choice, shop: ShopSnapshot) -> Next:
        """Place the order with the zone's fee."""
        if answer.action == "more_zones" or conversation.delivery is None:
            return Next(replace(conversation, page=answer.number(0) or 0))
        return deliver_to(conversation, replace(conversation.delivery, zone_id=answer.number(0)), shop)
