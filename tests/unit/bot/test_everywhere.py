"""Global words, old buttons, handoff, late and odd messages: what holds in every state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import events
from bot.conversation import CartLine, Conversation
from bot.effects import CancelOrder, PlaceOrder, RequestPayment, Say
from bot.flow import STATES, decide
from ghala.inbound import Media
from ghala.messages import Buttons
from orders.order import Delivery
from tests.unit.bot.talk import COFFEE, KIKOI, SHOP, VARYING, Talk, message

CART = (CartLine(COFFEE, 2, 150_000),)
EVERY_STATE = [state for state in STATES if state != "handed_off"]


def somewhere(state: str, **more: object) -> Talk:
    """A customer who stands in ``state`` with what it needs."""
    paying = state.startswith("payment")
    known: dict[str, object] = {
        "state": state,
        "phone": "+254711345678",
        "cart": () if paying else CART,
        "product_id": COFFEE if "quantity" in state else None,
        "delivery": Delivery("location") if state == "landmark" else None,
        "order_ref": "ORD-7K3M9Q" if paying else "",
        "order_total": 300_000 if paying else 0,
        "method": "mpesa" if paying else "",
        "about_ref": "ORD-7K3M9Q",
    }
    if state == "variant_choice":
        return Talk(VARYING, **{**known, "product_id": KIKOI, **more})
    return Talk(**{**known, **more})


@pytest.mark.parametrize("state", EVERY_STATE)
@pytest.mark.parametrize(
    ("said", "leads_to"),
    [
        ("menu", "greeting"), ("Hello!", "greeting"), ("Mambo", "greeting"), ("products", "product_selected"),
        ("BIDHAA", "product_selected"), ("promotions", "promotions"), ("ofa", "promotions"), ("cart", "cart"),
        ("kikapu", "cart"), ("human", "handed_off"), ("mtu", "handed_off"), ("agent 🙏", "handed_off"),
    ],
)  # fmt: skip
def test_a_global_word_works_in_every_state(state, said, leads_to):
    assert somewhere(state).says(said).state == leads_to


@pytest.mark.parametrize("state", EVERY_STATE)
@pytest.mark.parametrize("said", ["help", "msaada", "where is my order", "language"])
def test_a_question_is_answered_without_moving(state, said):
    talk = somewhere(state).says(said)
    assert talk.said
    assert talk.state == ("address_input" if state == "zone_choice" else state)


def test_a_greeting_never_loses_a_cart():
    talk = somewhere("address_input").says("hi")
    assert "You still have 2 items in your cart (KES 3,000)" in talk.body
    assert talk.titles == ["✅ Check out", "🛒 View cart", "🛍️ View Products"]
    assert talk.taps("Check out").state == "address_input"
    assert talk.conversation.cart == CART


def test_a_greeting_while_an_order_waits_shows_it_with_ways_on():
    talk = Talk().ordered().says("hi")
    assert "Your order ORD-7K3M9Q is waiting for payment: KES 3,000" in talk.body
    assert talk.titles == ["💳 Pay now", "❌ Cancel order", "🛍️ New order"]
    assert talk.taps("Pay now").state == "payment_selection"


def test_an_order_that_waits_can_be_paid_by_word_from_the_door():
    talk = Talk().ordered().says("hi", "mpesa")
    assert isinstance(talk.effects[0], RequestPayment)


def test_cancel_asks_before_a_cart_is_lost():
    talk = somewhere("address_input").says("cancel")
    assert talk.titles == ["Yes, empty it", "No, keep it"]
    assert talk.conversation.cart == CART
    assert talk.says("no").conversation.cart == CART
    assert talk.says("cancel", "yes").conversation.cart == ()


def test_cancel_with_nothing_to_cancel_is_kind():
    talk = Talk().says("hi", "ghairi")
    assert "nothing to cancel" in talk.body
    assert not any(isinstance(effect, CancelOrder) for effect in talk.effects)


def test_back_goes_the_way_back():
    talk = Talk().says("hi", "products", "honey")
    assert talk.says("back").state == "product_selected"
    assert talk.says("rudi").state == "greeting"


def test_back_from_an_unpaid_order_shows_the_order():
    talk = Talk().ordered().says("back")
    assert "waiting for payment" in talk.body


def test_words_of_the_buttons_do_what_the_taps_do():
    assert Talk().says("hi", "view products").state == "product_selected"
    assert Talk().says("hi", "2").state == "promotions"
    assert Talk().ordered().says("airtel money").effects[0] == RequestPayment(
        "ORD-7K3M9Q", "airtel", "+254711345678"
    )
    assert Talk().waiting().fails("timeout").says("try again").state == "payment_processing"


# Old buttons


def test_a_second_tap_on_a_quantity_adds_nothing():
    talk = Talk().says("hi", "products", "1")
    two = talk.id_of("2")
    talk.taps_id(two).taps_id(two)
    assert talk.conversation.cart[0].quantity == 2
    assert "earlier moment" in talk.body
    assert talk.state == "address_input"


def test_a_second_tap_on_paying_starts_nothing():
    talk = Talk().ordered()
    pay = talk.id_of("M-Pesa")
    talk.taps_id(pay).taps_id(pay)
    assert not any(isinstance(effect, RequestPayment) for effect in talk.effects)
    assert "waiting for M-Pesa" in talk.body


def test_the_buttons_of_a_paid_order_pay_and_cancel_nothing():
    talk = Talk().ordered()
    pay = talk.id_of("M-Pesa")
    talk.taps_id(pay).fails("timeout")
    cancel = talk.id_of("Cancel")
    talk.pays()
    for old in (pay, cancel):
        talk.taps_id(old)
        assert all(isinstance(effect, Say) for effect in talk.effects)
        assert talk.state == "greeting"


def test_an_old_pick_up_does_not_order_a_new_cart():
    talk = Talk().says("2 coffee")
    pickup = talk.id_of("Pick up")
    talk.taps_id(pickup).taps("M-Pesa").pays().says("1 honey").taps_id(pickup)
    assert not any(isinstance(effect, PlaceOrder) for effect in talk.effects)
    assert talk.state == "address_input"


def test_harmless_old_buttons_still_work():
    talk = Talk().says("hi")
    products = talk.id_of("Products")
    coffee = talk.taps_id(products).id_of("Coffee")
    talk.says("menu").taps_id(coffee)
    assert talk.state == "choose_quantity"
    assert Talk().ordered().taps_id(products).state == "product_selected"


def test_an_id_without_its_turn_is_understood():
    assert Talk().says("hi").taps_id("products").state == "product_selected"


def test_a_button_of_somebody_else_is_read_by_its_title():
    assert Talk().taps_id("VIEW_ALL_1", "View Products").state == "product_selected"


# A person answers


def test_the_bot_is_silent_while_a_person_answers():
    talk = Talk().says("human")
    assert talk.body == "🙋 A person from Duka Demo will answer here. Reply menu to come back to me."
    before = len(talk.said)
    talk.says("hello", "is it fresh?", "2").sends(Media("image", "m"))
    assert len(talk.said) == before
    assert talk.says("menu").state == "greeting"
    assert not talk.conversation.handed_off


def test_a_receipt_goes_out_while_a_person_answers():
    talk = Talk().waiting().says("human").pays()
    assert "RECEIPT ·" in talk.body
    assert talk.state == "handed_off"
    assert talk.conversation.order_ref == ""


def test_a_conversation_given_back_by_staff_talks_again():
    talk = Talk(state="handed_off", handed_off=False).says("hi")
    assert talk.body.startswith("Hello")


# Not understood


def test_the_second_miss_in_a_row_offers_a_person():
    talk = Talk().says("hi", "products", "qwertyuiop")
    assert "did not understand" in talk.body
    assert talk.state == "product_selected"
    assert "🙋 Talk to a person" in talk.says("asdfghjkl").titles
    assert talk.says("products").conversation.misses == 0


def test_waiting_is_explained_not_refused():
    talk = Talk().waiting().says("what now my friend")
    assert "waiting for M-Pesa" in talk.body


# Late, secret, and stored long ago


@pytest.mark.parametrize("said", ["123 Main St", "skip", "cancel", "2"])
def test_a_late_message_changes_nothing(said):
    talk = somewhere("address_input").sends(said, late=True)
    assert "reached me late" in talk.body
    assert all(isinstance(effect, Say) for effect in talk.effects)
    assert talk.conversation.cart == CART
    assert talk.state == "address_input"


def test_a_late_word_does_not_pay():
    talk = Talk().ordered().sends("mpesa", late=True)
    assert all(isinstance(effect, Say) for effect in talk.effects)
    assert talk.state == "payment_selection"


@pytest.mark.parametrize("said", ["4111 1111 1111 1111", "my pin is 1234"])
def test_a_secret_is_answered_by_a_warning_everywhere(said):
    for state in EVERY_STATE:
        talk = somewhere(state).says(said)
        assert "never send card numbers or PINs" in talk.body
        assert all(isinstance(effect, Say) for effect in talk.effects)


def test_four_digits_while_the_phone_asks_for_a_pin_are_a_pin():
    assert "never send" in Talk().waiting().says("1234").body


def test_a_state_of_last_year_greets():
    assert Talk(state="order_tracking", trail=("gone",)).says("hi").state == "greeting"


def test_a_product_that_is_gone_leads_back_to_the_list():
    talk = Talk(state="choose_quantity", product_id=77, options=("qty:77:1",)).says("1")
    assert talk.state == "product_selected"


def test_a_name_does_nothing_to_the_greeting():
    talk = Talk().sends("hi", name="*Ami\u202ena* _x_ https://evil.example/a")
    assert talk.body.startswith("Hello Amina x! 👋")


def test_swahili_is_spoken_when_asked():
    talk = Talk().says("hi", "kiswahili")
    assert "Habari Amina" in talk.body
    assert talk.titles == ["🛍️ Tazama bidhaa", "🎉 Tazama ofa"]
    talk.says("tazama bidhaa", "asali", "mbili", "ruka")
    assert talk.state == "payment_selection"
    assert "*Jumla KES 1,600*" in talk.body


def test_a_long_order_still_fits_its_message():
    shop = replace(
        SHOP,
        products=tuple(
            replace(SHOP.products[0], id=n, sku=f"s{n}", names={"en": f"{n} " + "long name " * 9})
            for n in range(1, 41)
        ),
    )
    talk = Talk(
        shop,
        state="address_input",
        cart=tuple(CartLine(n, 1, 150_000) for n in range(1, 41)),
        phone="+254711345678",
    )
    talk.says("skip")
    assert isinstance(talk.last, Buttons)
    assert "more" in talk.body
    assert "*Total KES 60,000*" in talk.body
    assert "Total paid" in talk.taps("M-Pesa").pays().body


def test_every_answer_has_a_turn_of_its_own():
    talk = Talk().says("hi")
    first = talk.id_of("Products")
    talk.says("hi")
    assert talk.id_of("Products") != first


def test_news_does_not_age_the_buttons_of_the_question():
    talk = Talk().waiting().pays().says("honey")
    turn = talk.conversation.turn
    assert talk.order is not None
    talk.happens(events.OrderMoved(replace(talk.order, status="dispatched")))
    assert talk.conversation.turn == turn
    assert talk.state == "choose_quantity"


def test_the_same_question_gives_the_same_answer():
    start = Conversation(state="address_input", cart=CART)
    event = events.MessageReceived(message("123 Main St"))
    assert decide(start, event, SHOP) == decide(start, event, SHOP)
