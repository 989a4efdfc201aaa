"""Where to: further lines, places known from before, somebody else; and the phone that pays, kept apart."""

# ruff: noqa: RUF001 - the shop writes a heavy plus
from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.effects import AddToDelivery, PlaceOrder, RequestPayment
from bot.receipt import summary
from ghala.inbound import Location
from ghala.messages import ListMessage
from orders.order import Delivery
from tests.unit.bot.talk import SHOP, ZONES, Talk

HERE = Delivery("address", "123 Main St, Nairobi")
THERE = Delivery("address", "Sarit Centre, Westlands")
WORK = Delivery("address", "Kenyatta Avenue 5, third floor")


def at_the_address(**start: object) -> Talk:
    return Talk(phone="+254711345678", **start).says("2 coffee")


def placed(talk: Talk) -> Delivery:
    effect = next(effect for effect in talk.effects if isinstance(effect, PlaceOrder))
    return effect.delivery


# A line that follows


def test_a_line_right_after_an_address_belongs_to_it():
    talk = at_the_address().says("123 Main St, Nairobi", "blue gate, next to the church")
    assert talk.effects[0] == AddToDelivery("ORD-7K3M9Q", "blue gate, next to the church")
    assert talk.body.startswith("📍 Noted for the rider: blue gate, next to the church")
    assert talk.titles == ["📱 M-Pesa", "📱 Airtel Money", "💳 Card"]


def test_a_line_much_later_is_no_part_of_the_address():
    talk = at_the_address().says("123 Main St, Nairobi")
    talk.shop = replace(SHOP, now=SHOP.now + timedelta(minutes=3))
    talk.says("blue gate, next to the church")
    assert not any(isinstance(effect, AddToDelivery) for effect in talk.effects)


def test_paying_goods_questions_and_thanks_are_no_part_of_an_address():
    for said in ("mpesa", "0722 000 111", "2 honey", "is it fresh?", "thanks", "edit", "12"):
        talk = at_the_address().says("123 Main St, Nairobi", said)
        assert not any(isinstance(effect, AddToDelivery) for effect in talk.effects), said


def test_a_line_while_the_zone_is_chosen_belongs_to_the_address_too():
    talk = Talk(replace(SHOP, zones=ZONES)).says("2 coffee", "Sarit Centre", "blue gate, next to the church")
    assert talk.state == "zone_choice"
    assert talk.body.startswith("📍 Noted for the rider: blue gate, next to the church")
    talk.says("third floor", "Westlands")
    assert placed(talk) == Delivery(
        "address", "Sarit Centre", "blue gate, next to the church, third floor", zone_id=1
    )


def test_zones_goods_questions_and_thanks_are_no_line_of_the_address():
    for said in ("westlands area", "2 honey", "is it fresh?", "thanks", "12", "pick up"):
        talk = Talk(replace(SHOP, zones=ZONES)).says("2 coffee", "Sarit Centre", said)
        assert talk.conversation.delivery is None or not talk.conversation.delivery.landmark, said


def test_nothing_is_added_where_no_address_was_typed():
    talk = at_the_address().says("pick up", "blue gate, next to the church")
    assert not any(isinstance(effect, AddToDelivery) for effect in talk.effects)


# Places known from before


def test_the_last_three_different_places_are_kept_newest_first():
    talk = Talk()
    for street in ("1 First St", "2 Second St", "3 Third St", "2 Second St", "4 Fourth St"):
        talk.says("2 coffee", street, "mpesa").pays()
    known = [place.text for place in talk.conversation.addresses]
    assert known == ["4 Fourth St", "2 Second St", "3 Third St"]


def test_several_known_places_are_a_list_chosen_by_tap_or_number():
    talk = at_the_address(addresses=(HERE, THERE, WORK))
    assert isinstance(talk.last, ListMessage)
    assert talk.titles[3:] == ["📍 Another address", "🎁 For someone else", "🏪 Pick up", "➕ Add more"]
    assert placed(talk.says("2")) == THERE
    assert placed(at_the_address(addresses=(HERE, THERE)).taps("123 Main St")) == HERE


def test_another_address_is_asked_for_in_words():
    talk = at_the_address(addresses=(HERE, THERE)).taps("Another address")
    assert talk.body.startswith("📍 Where to?")
    assert placed(talk.says("5 Fifth St, Karen")).text == "5 Fifth St, Karen"


def test_a_known_place_of_an_old_list_orders_no_new_cart():
    talk = at_the_address(addresses=(HERE, THERE))
    old = talk.id_of("123 Main St")
    talk.taps_id(old).taps("M-Pesa").pays().says("1 honey").taps_id(old)
    assert not any(isinstance(effect, PlaceOrder) for effect in talk.effects)


def test_one_known_place_is_a_button():
    assert at_the_address(last_delivery=HERE).titles == ["➕ Add more", "🏪 Pick up", "📍 123 Main St, Nair…"]


def test_a_pin_opens_the_riders_map():
    talk = at_the_address().sends(Location(-1.2921, 36.8219)).says("blue gate")
    assert placed(talk).map_link == "https://maps.google.com/?q=-1.292100,36.821900"
    assert placed(talk).landmark == "blue gate"
    assert Delivery("address", "x").map_link == ""


# For somebody else


def test_an_order_for_somebody_else_has_their_name_and_phone_and_is_paid_by_the_customer():
    talk = at_the_address().says("for someone else")
    assert talk.state == "recipient"
    talk.says("Jane Wambui, 0722 000 111")
    assert "For Jane Wambui: the rider calls +254722000111" in talk.body
    delivery = placed(talk.says("123 Main St, Nairobi"))
    assert (delivery.recipient, delivery.recipient_phone) == ("Jane Wambui", "+254722000111")
    assert talk.order is not None
    assert "for Jane Wambui, +254722000111" in summary(talk.order, talk.conversation, SHOP)
    assert talk.taps("M-Pesa").effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254711345678")


def test_who_takes_it_is_asked_anew_for_the_next_order():
    talk = at_the_address().says("gift", "Jane 0722000111", "123 Main St, Nairobi", "mpesa").pays()
    assert placed(talk.says("1 honey").taps("123 Main")).recipient == ""


def test_a_name_without_a_phone_is_asked_again_and_may_be_skipped():
    talk = at_the_address().says("zawadi", "Jane")
    assert "name and a phone number" in talk.body
    assert talk.says("skip").state == "address_input"
    assert talk.conversation.recipient == ""


# The phone that pays


def test_another_number_while_waiting_is_asked_for_and_noted_only_when_it_is_taken():
    talk = Talk().waiting().says("mpesa 0722 000 111")
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254722000111")
    assert talk.conversation.charge_phone == "+254722000111"
    assert talk.conversation.phone == "+254711345678"


def test_another_number_after_a_failure_is_charged():
    talk = Talk().waiting().fails("insufficient_funds").says("airtel 0733 000 111")
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "airtel", "+254733000111")


def test_a_customer_without_a_number_is_asked_for_the_one_to_charge():
    talk = Talk()
    talk.sends("2 coffee", phone=None).sends("123 Main St", phone=None).sends("mpesa", phone=None)
    assert "Which number shall we charge" in talk.body
    talk.sends("0722 000 111", phone=None)
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254722000111")


def test_the_advert_that_brought_the_customer_goes_with_the_order_and_is_then_forgotten():
    advert = {"source_id": "ad-1", "headline": "Coffee"}
    talk = Talk().sends("Hi", referral=advert).says("2 coffee", "123 Main St, Nairobi")
    effect = next(effect for effect in talk.effects if isinstance(effect, PlaceOrder))
    assert effect.referral == advert
    assert talk.conversation.referral is None
