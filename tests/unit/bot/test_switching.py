"""Another language in the middle of anything: everything stays, only the words change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.conversation import CartLine, Conversation
from bot.effects import Say
from bot.events import MessageReceived
from bot.flow import STATES, decide
from bot.texts import LANGUAGES
from languages import LANGUAGES as SPOKEN
from orders.order import Delivery
from tests.unit.bot.talk import COFFEE, SHOP, ZONES, message

HOME = Delivery("address", "123 Main St, Nairobi")
FULL = Conversation(
    name="Amina",
    phone="+254711345678",
    charge_phone="+254722000111",
    cart=(CartLine(COFFEE, 2, 150_000),),
    cart_version=3,
    promo_code="COFFEE10",
    seen_discount=30_000,
    product_id=COFFEE,
    delivery=HOME,
    last_delivery=HOME,
    order_ref="ORD-7K3M9Q",
    order_total=300_000,
    method="mpesa",
    last_lines=((COFFEE, 2),),
    orders_paid=2,
    turn=5,
)
SHOPS = {"plain": SHOP, "zones": replace(SHOP, zones=ZONES)}
PASSING = {"language", "turn", "options", "misses"}
"""What any answer changes."""


@pytest.mark.parametrize("to", LANGUAGES)
@pytest.mark.parametrize("state", [state for state in STATES if state != "handed_off"])
def test_switching_keeps_the_state_the_cart_and_the_order(state, to):
    for shop in SHOPS.values():
        for language in LANGUAGES:
            before = replace(FULL, state=state, language=language)
            if not STATES[state].ready(before, shop):
                continue
            for word in (SPOKEN[to].words[0], SPOKEN[to].name):
                step = decide(before, MessageReceived(message(word)), shop)
                after = step.conversation
                assert after.language == to
                kept = {
                    name: getattr(after, name) for name in before.__dataclass_fields__ if name not in PASSING
                }
                assert kept == {name: getattr(before, name) for name in kept}
                (said,) = step.effects
                assert isinstance(said, Say)


@pytest.mark.parametrize("state", [state for state in STATES if state != "handed_off"])
def test_there_and_back_again_asks_the_same_in_the_same_words(state):
    shop = SHOPS["zones"]
    before = replace(FULL, state=state, language="en")
    there = decide(before, MessageReceived(message("kiswahili")), shop).conversation
    back = decide(there, MessageReceived(message("english")), shop)
    straight = decide(before, MessageReceived(message("english")), shop)
    first, second = back.effects[0], straight.effects[0]
    assert isinstance(first, Say)
    assert isinstance(second, Say)
    assert first.message.numbered() == second.message.numbered()
