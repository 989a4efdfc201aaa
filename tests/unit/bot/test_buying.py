"""The way through, as a customer lives it: from hello to the receipt."""

# ruff: noqa: RUF001 - the signs customers see and type
from __future__ import annotations

from dataclasses import replace

import pytest

from bot import events
from bot.effects import AskGateway, CancelOrder, PlaceOrder, RequestPayment
from ghala.inbound import Location, Media, NativeCart, NativeCartItem, Reaction
from ghala.messages import Buttons, LinkButton, ListMessage, Template
from orders.order import Delivery
from tests.unit.bot.talk import COFFEE, HONEY, SHOP, ZONES, Talk, many_products, titles, with_stock

RECEIPT = """🎉 Payment successful!
━━━━━━━━━━━━━━━━━━━━
RECEIPT · Duka Demo
━━━━━━━━━━━━━━━━━━━━
Order: ORD-7K3M9Q
2 × Premium Coffee Beans 1kg   KES 3,000
Delivery                       KES 0
Total paid                     KES 3,000
Paid by: M-Pesa SKJ4X2ABCD
20 Nov 2026, 12:07
Deliver to: 123 Main St, Nairobi
━━━━━━━━━━━━━━━━━━━━
Thank you! 🙏 We'll write when it is on its way."""


def test_a_customer_is_greeted_by_name():
    talk = Talk().says("Hi")
    assert talk.body == "Hello Amina! 👋 Welcome to Duka Demo. How can I help you today?"
    assert talk.titles == ["🛍️ View Products", "🎉 View Promotions"]


def test_a_customer_without_a_name_is_greeted_all_the_same():
    talk = Talk().sends("Hi", name=None)
    assert talk.body == "Hello! 👋 Welcome to Duka Demo. How can I help you today?"


def test_anything_unknown_at_the_door_greets():
    assert Talk().says("good evening my friend").body.startswith("Hello Amina!")


def test_the_products_are_a_list_with_prices_and_full_names():
    talk = Talk().says("Hi").taps("View Products")
    assert talk.state == "product_selected"
    assert isinstance(talk.last, ListMessage)
    row = talk.last.sections[0].rows[0]
    assert row.title == "☕ Premium Coffee Beans…"
    assert row.description.startswith("KES\u00a01,500 · ")
    assert "Premium Coffee Beans 1kg" in row.description


def test_a_product_shows_its_picture_and_asks_how_many():
    talk = Talk().says("Hi", "products").taps("Premium Coffee")
    assert talk.state == "choose_quantity"
    assert isinstance(talk.last, Buttons)
    assert talk.last.image == "https://shop.example/coffee.jpg"
    assert talk.body == (
        "*Premium Coffee Beans 1kg*\nKES 1,500\nFreshly roasted Arabica\n\nHow many? Reply with a number, e.g. 2"
    )
    assert talk.titles == ["1", "2", "3"]


def test_the_address_is_asked_with_what_is_in_the_cart():
    talk = Talk().says("Hi", "products", "1", "2")
    assert talk.state == "address_input"
    assert talk.body == (
        "🛒 2 × Premium Coffee Beans 1kg — KES 3,000. Where shall we deliver? Type your estate, building or a "
        "landmark, share your 📍 location, or reply skip."
    )
    assert talk.titles == ["➕ Add more", "🏪 Pick up"]


def test_the_order_is_placed_at_the_address_and_summed_up():
    talk = Talk().ordered()
    placed = talk.effects[0]
    assert isinstance(placed, PlaceOrder)
    assert [(line.product_id, line.quantity, line.seen_price) for line in placed.lines] == [
        (COFFEE, 2, 150_000)
    ]
    assert placed.delivery == Delivery("address", "123 Main St, Nairobi")
    assert talk.state == "payment_selection"
    for part in (
        "Order ORD-7K3M9Q",
        "2 × Premium Coffee Beans 1kg — KES 3,000",
        "*Total KES 3,000*",
        "123 Main St",
        "30 minutes",
    ):
        assert part in talk.body
    assert talk.titles == ["📱 M-Pesa", "📱 Airtel Money", "💳 Card"]
    assert isinstance(talk.last, Buttons)
    assert talk.last.footer == "Reply edit or cancel"
    assert talk.conversation.cart == ()
    assert talk.conversation.cart_version == 2


def test_the_prompt_says_where_to_look():
    talk = Talk().waiting()
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254711345678")
    assert talk.state == "payment_processing"
    assert talk.body == (
        "📲 Check your phone 07••• •••678: a request for KES 3,000 is on its way. Enter your PIN to pay. "
        "Nothing after a minute? Reply resend."
    )


def test_the_receipt_is_exact_and_the_conversation_free_again():
    talk = Talk().waiting().pays()
    assert talk.body == RECEIPT
    said = talk.said[-1]
    assert (said.kind, said.key) == ("receipt", "receipt:ORD-7K3M9Q")
    assert said.fallback == Template("order_receipt", "en", ("ORD-7K3M9Q", "KES\u00a03,000"))
    assert talk.state == "greeting"
    assert talk.conversation.order_ref == ""
    assert talk.conversation.last_lines == ((COFFEE, 2),)
    assert talk.conversation.orders_paid == 1


def test_a_first_order_costs_at_most_seven_messages():
    talk = (
        Talk()
        .says("Hi")
        .taps("View Products")
        .taps("Coffee")
        .taps("2")
        .says("123 Main St")
        .taps("M-Pesa")
        .pays()
    )
    assert len(talk.said) == 7
    assert "RECEIPT ·" in talk.body


def test_a_repeat_order_reaches_payment_in_two_taps_after_hi():
    talk = Talk().waiting().pays().says("hi")
    assert talk.last.footer == "🔁 2 items to 123 Main St, Nairobi"
    said = len(talk.said)
    talk.taps("Order again")
    assert "123 Main St, Nairobi" in talk.body
    talk.taps("M-Pesa")
    assert isinstance(talk.effects[0], RequestPayment)
    talk.pays()
    assert len(talk.said) - said == 3


def test_what_changed_since_is_looked_at_before_the_same_is_ordered():
    talk = Talk().waiting().pays().says("hi")
    talk.shop = replace(SHOP, products=tuple(replace(p, price=p.price * 2) for p in SHOP.products))
    talk.taps("Order again")
    assert talk.state == "address_input"
    assert "KES 6,000" in talk.body


def test_the_button_of_an_old_greeting_orders_nothing_by_itself():
    talk = Talk().waiting().pays().says("hi")
    old = talk.id_of("Order again")
    talk.taps("Order again").says("cancel").says("hi")
    talk.taps_id(old)
    assert not any(isinstance(effect, PlaceOrder) for effect in talk.effects)
    assert talk.state == "address_input"


def test_who_picked_up_is_asked_where_to_when_ordering_again():
    talk = Talk().says("2 coffee", "pick up", "mpesa").pays().says("hi").taps("Order again")
    assert talk.state == "address_input"


def test_ordering_again_says_what_is_gone_and_uses_todays_price():
    talk = Talk().says("Hi", "2 coffee and 1 honey", "skip").taps("M-Pesa").pays().says("hi")
    talk.shop = with_stock(
        replace(SHOP, products=tuple(replace(p, price=p.price * 2) for p in SHOP.products)), HONEY, 0
    )
    talk.says("order again")
    assert "Organic Honey 500g is sold out." in talk.body
    assert "2 × Premium Coffee Beans 1kg — KES 6,000" in talk.body


# Quantities


@pytest.mark.parametrize("said", ["2", "x2", "2 pcs", "two", "mbili", "2kg", " 2. ", "nipe mbili"])
def test_a_quantity_is_understood_in_digits_and_words(said):
    talk = Talk().says("Hi", "products", "1", said)
    assert talk.state == "address_input"
    assert talk.conversation.cart[0].quantity == 2


@pytest.mark.parametrize("said", ["0", "-2", "1e9", "²", "٣", "many", "1000", "2.5", "99999999999"])
def test_what_is_no_quantity_is_asked_again(said):
    talk = Talk().says("Hi", "products", "1", said)
    assert talk.state == "choose_quantity"
    assert "Please send a number, e.g. 2" in talk.body
    assert talk.conversation.cart == ()


def test_more_than_there_is_gets_what_there_is_offered():
    talk = Talk(with_stock(SHOP, HONEY, 3)).says("Hi", "honey", "5")
    assert talk.body == "Only 3 left. Take 3?"
    assert talk.titles == ["Yes, 3", "Another number"]
    talk.taps("Yes, 3")
    assert talk.conversation.cart[0].quantity == 3


def test_yes_takes_what_is_left():
    assert Talk(with_stock(SHOP, HONEY, 3)).says("Hi", "honey", "5", "yes").conversation.cart[0].quantity == 3


def test_few_left_is_said_and_not_more_is_offered():
    talk = Talk(with_stock(SHOP, HONEY, 2)).says("Hi", "honey")
    assert "Only 2 left" in talk.body
    assert talk.titles == ["1", "2"]


def test_what_is_in_the_cart_already_counts():
    talk = Talk(with_stock(SHOP, HONEY, 3)).says("Hi", "honey", "2", "add more", "honey", "2")
    assert talk.body == "Only 1 left. Take 1?"


def test_another_product_named_while_choosing_is_not_counted_as_this_one():
    talk = Talk().says("Hi", "honey", "2 coffee")
    assert [(line.product_id, line.quantity) for line in talk.conversation.cart] == [(COFFEE, 2)]
    assert Talk().says("Hi", "honey", "2 honey").conversation.cart[0].product_id == HONEY
    assert Talk().says("Hi", "honey", "2 unicorns").conversation.cart == ()


# Finding products


def test_a_typo_is_forgiven():
    talk = Talk().says("Hi", "products", "cofee beens")
    assert "Did you mean" in talk.body
    assert talk.taps("Premium Coffee").state == "choose_quantity"


def test_a_product_named_at_the_door_is_opened():
    assert Talk().says("nataka kahawa").conversation.product_id == COFFEE


def test_several_products_go_straight_into_the_cart():
    talk = Talk().says("Hi", "products", "2 coffee and 1 honey")
    assert talk.state == "address_input"
    assert [(line.product_id, line.quantity) for line in talk.conversation.cart] == [(COFFEE, 2), (HONEY, 1)]
    assert "3 items — KES 3,800" in talk.body


def test_a_line_with_something_unknown_adds_nothing_and_asks():
    talk = Talk().says("Hi", "products", "2 coffee and 1 unicorn")
    assert talk.conversation.cart == ()
    assert "1 unicorn" in talk.body


def test_a_long_list_has_pages_with_more_at_the_end():
    talk = Talk(many_products(25)).says("Hi", "products")
    assert len(talk.titles) == 10
    assert talk.titles[-1] == "More ▸"
    talk.taps("More").taps("More")
    assert talk.titles == [f"Thing number {n}" for n in range(19, 26)]
    assert "Thing number 9" in talk.says("back", "back").titles


def test_ten_products_fit_on_one_page():
    assert "More ▸" not in Talk(many_products(10)).says("products").titles


def test_categories_come_first_when_there_is_more_than_a_page():
    talk = Talk(many_products(30, categories=3)).says("products")
    assert talk.titles == ["Kind 1", "Kind 2", "Kind 3"]
    assert len(talk.taps("Kind 2").titles) == 10
    assert talk.says("back").titles == ["Kind 1", "Kind 2", "Kind 3"]


def test_sold_out_products_are_last_and_marked():
    talk = Talk(with_stock(SHOP, COFFEE, 0)).says("products")
    assert isinstance(talk.last, ListMessage)
    last = talk.last.sections[0].rows[-1]
    assert "Coffee" in last.title
    assert last.description.startswith("Sold out")
    assert talk.says("3").state == "product_selected"
    assert "sold out right now" in talk.body


def test_a_long_name_is_readable_in_full():
    name = "Cold pressed extra virgin avocado oil 750ml"
    shop = replace(SHOP, products=(replace(SHOP.products[0], names={"en": name}),))
    talk = Talk(shop).says("products")
    assert isinstance(talk.last, ListMessage)
    assert talk.last.sections[0].rows[0].description.startswith(f"{name} · KES\u00a01,500")


# The address


def test_a_location_with_a_name_is_an_address():
    talk = Talk().says("1 coffee").sends(Location(-1.26, 36.8, "Sarit Centre", "Westlands"))
    placed = talk.effects[0]
    assert isinstance(placed, PlaceOrder)
    assert placed.delivery.text == "Sarit Centre, Westlands"


def test_a_bare_pin_asks_for_a_landmark_once():
    talk = Talk().says("1 coffee").sends(Location(-1.26, 36.8))
    assert talk.body == "📍 Got it. Any landmark for the rider?"
    talk.says("Blue gate")
    placed = talk.effects[0]
    assert isinstance(placed, PlaceOrder)
    assert placed.delivery == Delivery("location", "", "Blue gate", -1.26, 36.8)


def test_the_landmark_can_be_skipped():
    talk = Talk().says("1 coffee").sends(Location(-1.26, 36.8)).taps("Skip")
    assert isinstance(talk.effects[0], PlaceOrder)


@pytest.mark.parametrize(
    ("said", "kind"), [("skip", "skipped"), ("ruka", "skipped"), ("pick up", "pickup"), ("2", "pickup")]
)
def test_the_address_can_be_skipped_or_picked_up(said, kind):
    placed = Talk().says("1 coffee", said).effects[0]
    assert isinstance(placed, PlaceOrder)
    assert placed.delivery.kind == kind


@pytest.mark.parametrize("said", ["ab", "??", "ok", "how much is delivery?", "👍👍👍", "12"])
def test_what_is_no_address_orders_nothing(said):
    talk = Talk().says("1 coffee", said)
    assert talk.state == "address_input"
    assert "Please type where to deliver" in talk.body


def test_a_zone_is_asked_and_its_fee_is_in_the_total():
    talk = Talk(replace(SHOP, zones=ZONES)).says("1 coffee", "Sarit Centre")
    assert talk.state == "zone_choice"
    assert talk.taps("Westlands").state == "payment_selection"
    assert "*Total KES 1,700*" in talk.body


def test_who_picks_up_is_not_asked_for_a_zone():
    assert Talk(replace(SHOP, zones=ZONES)).says("1 coffee", "pick up").state == "payment_selection"


def test_a_changed_price_is_shown_before_anything_is_ordered():
    talk = Talk().says("2 coffee")
    talk.shop = replace(SHOP, products=tuple(replace(p, price=160_000) for p in SHOP.products))
    talk.says("123 Main St")
    assert talk.state == "cart"
    assert "The price of Premium Coffee Beans 1kg is now KES 1,600." in talk.body
    assert not any(isinstance(effect, PlaceOrder) for effect in talk.effects)
    assert isinstance(talk.says("checkout", "same").effects[0], PlaceOrder)


def test_a_refused_order_shows_the_cart_as_it_can_be_ordered():
    talk = Talk().says("2 coffee")
    talk.happens(events.OrderRefused("out_of_stock", COFFEE, 1))
    assert talk.state == "cart"
    assert talk.conversation.cart[0].quantity == 1
    assert "Only 1 × Premium Coffee Beans 1kg left" in talk.body


# The cart


def test_lines_are_changed_and_removed_by_number():
    talk = Talk().says("2 coffee and 1 honey", "cart", "2", "3")
    assert [(line.product_id, line.quantity) for line in talk.conversation.cart] == [(COFFEE, 2), (HONEY, 3)]
    assert [line.product_id for line in talk.says("remove 1").conversation.cart] == [HONEY]
    assert talk.says("change 1 to 5").conversation.cart[0].quantity == 5


def test_a_cart_is_emptied_only_after_asking():
    talk = Talk().says("2 coffee", "cart").taps("Empty cart")
    assert talk.conversation.cart
    assert talk.taps("Yes, empty it").conversation.cart == ()
    assert "Your cart is empty" in talk.body


def test_a_code_is_remembered_and_explained():
    talk = Talk().says("2 coffee", "coffee10")
    assert "10% off coffee" in talk.body
    assert "You save KES 300" in talk.body
    assert talk.state == "address_input"
    assert "*Total KES 2,700*" in talk.says("skip").body


def test_promotions_show_their_terms_and_end():
    talk = Talk().says("promotions")
    assert "10% off coffee" in talk.body
    assert "Until 30 Nov 2026" in talk.body
    assert talk.titles == ["🛍️ View Products"]


# Paying


@pytest.mark.parametrize(
    "said", ["mpesa 0722 000 111", "M-Pesa 0722000111", "lipa na mpesa +254 722 000 111"]
)
def test_another_number_can_be_charged(said):
    talk = Talk().ordered().says(said)
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254722000111")
    assert "07••• •••111" in talk.body


def test_a_bare_number_is_noted_for_the_next_choice():
    talk = Talk().ordered().says("0722000111")
    assert "I will charge 07••• •••111" in talk.body
    assert talk.taps("Airtel").effects[0] == RequestPayment("ORD-7K3M9Q", "airtel", "+254722000111")


def test_a_customer_without_a_number_is_asked_for_one():
    talk = Talk()
    for said in ("1 coffee", "skip"):
        talk.sends(said, phone=None)
    talk.sends("mpesa", phone=None)
    assert "Which number shall we charge?" in talk.body
    talk.sends("0722 000 111", phone=None)
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254722000111")


def test_a_card_is_answered_by_the_link_alone():
    talk = Talk().ordered()
    before = len(talk.said)
    talk.taps("Card")
    assert talk.state == "payment_processing"
    assert len(talk.said) == before
    assert talk.order is not None
    talk.happens(events.PaymentLinkReady(talk.order, "https://pay.example/1"))
    assert isinstance(talk.last, LinkButton)


def test_resend_asks_the_gateway_and_starts_nothing():
    talk = Talk().waiting().says("resend")
    assert AskGateway("ORD-7K3M9Q") in talk.effects
    assert not any(isinstance(effect, RequestPayment) for effect in talk.effects)


@pytest.mark.parametrize(
    "said", ["I paid", "nimelipa", "SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA on 20/11/26", "SKJ4X2ABCD"]
)
def test_claiming_to_have_paid_marks_nothing_paid(said):
    talk = Talk().waiting().says(said)
    assert AskGateway("ORD-7K3M9Q") in talk.effects
    assert talk.state == "payment_processing"
    assert talk.conversation.orders_paid == 0


def test_a_picture_of_an_mpesa_message_asks_mpesa():
    talk = Talk().waiting().sends(Media("image", "m1"))
    assert AskGateway("ORD-7K3M9Q") in talk.effects


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("insufficient_funds", "not enough money"),
        ("wrong_pin", "PIN was wrong"),
        ("cancelled", "was cancelled"),
        ("timeout", "no answer on the phone"),
        ("busy", "busy"),
        ("expired", "expired"),
        ("unavailable", "could not reach"),
        ("unknown", "did not accept"),
        ("brand_new", "did not accept"),
    ],
)
def test_a_failure_is_told_in_plain_words_with_ways_on(reason, words):
    talk = Talk().waiting().fails(reason)
    assert words in talk.body
    assert talk.titles == ["🔁 Try again", "💳 Another way", "❌ Cancel order"]
    assert talk.state == "payment_failed"


def test_trying_again_charges_the_same_way():
    talk = Talk().ordered().says("mpesa 0722000111").fails("wrong_pin").taps("Try again")
    assert talk.effects[0] == RequestPayment("ORD-7K3M9Q", "mpesa", "+254722000111")


def test_a_failure_of_a_paid_order_says_nothing():
    talk = Talk().waiting()
    assert talk.order is not None
    before = len(talk.said)
    talk.happens(events.PaymentFailed(replace(talk.order, payment_status="paid"), "mpesa", "timeout"))
    talk.happens(events.PaymentFailed(replace(talk.order, ref="ORD-OTHER1"), "mpesa", "timeout"))
    assert len(talk.said) == before
    assert talk.state == "payment_processing"


def test_not_knowing_says_do_not_pay_again():
    talk = Talk().waiting()
    assert talk.order is not None
    talk.happens(events.PaymentUnknown(talk.order, "mpesa"))
    assert talk.body == (
        "We have not had M-Pesa's answer yet. If you entered your PIN, don't pay again: I'll write the moment it arrives."
    )


def test_a_second_payment_is_not_started_but_asked_about():
    talk = Talk().waiting().happens(events.PaymentRefused("ORD-7K3M9Q", "already_open", "mpesa"))
    assert AskGateway("ORD-7K3M9Q") in talk.effects
    assert "don't pay twice" in talk.body


def test_editing_puts_the_order_back_into_the_cart():
    talk = Talk().ordered().says("edit")
    assert talk.effects[0] == CancelOrder("ORD-7K3M9Q")
    assert talk.state == "cart"
    assert [(line.product_id, line.quantity) for line in talk.conversation.cart] == [(COFFEE, 2)]
    assert talk.conversation.order_ref == ""


def test_a_code_survives_editing_but_not_the_order():
    talk = Talk().says("2 coffee", "COFFEE10", "skip", "edit")
    assert "*Total KES 2,700*" in talk.body
    talk.says("checkout", "skip").taps("M-Pesa").pays()
    assert talk.conversation.promo_code == ""
    assert Talk().says("2 coffee", "COFFEE10", "skip", "cancel").conversation.promo_code == ""


def test_cancelling_an_unpaid_order_cancels_it():
    talk = Talk().ordered().says("cancel")
    assert talk.effects[0] == CancelOrder("ORD-7K3M9Q")
    assert "Nothing was charged" in talk.body
    assert talk.state == "greeting"
    assert talk.conversation.cart == ()


def test_cancelling_while_the_phone_asks_says_to_decline():
    talk = Talk().waiting().says("cancel")
    assert (
        talk.body
        == "Order ORD-7K3M9Q is cancelled. If your phone still asks for your PIN, please decline it."
    )


def test_claiming_to_have_paid_before_choosing_keeps_the_order():
    talk = Talk().ordered().says("I paid").happens(events.PaymentRefused("ORD-7K3M9Q", "nothing_to_ask"))
    assert "No payment has been started" in talk.body
    assert talk.titles == ["📱 M-Pesa", "📱 Airtel Money", "💳 Card"]
    assert talk.conversation.order_ref == "ORD-7K3M9Q"


def test_too_many_prompts_keep_the_order_and_its_other_ways():
    talk = (
        Talk()
        .waiting()
        .fails("timeout")
        .happens(events.PaymentRefused("ORD-7K3M9Q", "too_many_prompts", "mpesa"))
    )
    assert "wait a few minutes" in talk.body
    assert talk.state == "payment_selection"


def test_the_receipt_leaves_another_cart_alone():
    talk = Talk().waiting().says("new order please", "products", "honey", "2")
    talk.pays()
    assert "RECEIPT ·" in talk.body
    assert talk.state == "address_input"
    assert [line.product_id for line in talk.conversation.cart] == [HONEY]
    assert isinstance(talk.says("123 Main St").effects[0], PlaceOrder)


def test_money_without_an_order_is_told():
    talk = Talk().waiting()
    assert talk.order is not None
    talk.happens(events.MoneyWithoutOrder(talk.order, 300_000))
    assert (
        talk.body
        == "Your KES 3,000 arrived after order ORD-7K3M9Q closed. Duka Demo has been told and will deliver or refund."
    )
    assert talk.said[-1].kind == "news"


@pytest.mark.parametrize("status", ["preparing", "dispatched", "delivered", "cancelled"])
def test_each_step_of_the_order_is_one_line_of_news(status):
    talk = Talk().waiting().pays()
    assert talk.order is not None
    talk.happens(events.OrderMoved(replace(talk.order, status=status)))
    assert (talk.said[-1].kind, talk.said[-1].key) == ("news", f"news:ORD-7K3M9Q:{status}")
    assert "\n" not in talk.body


def test_an_expired_order_leaves_its_goods_in_the_cart():
    talk = Talk().ordered()
    assert talk.order is not None
    talk.happens(events.OrderMoved(replace(talk.order, status="expired")))
    assert [line.product_id for line in talk.conversation.cart] == [COFFEE]
    assert talk.conversation.order_ref == ""


def test_an_order_made_elsewhere_is_shown_with_its_ways_to_pay():
    talk = Talk().ordered()
    assert talk.order is not None
    other = Talk().happens(events.OrderCreated(talk.order))
    assert other.titles == ["📱 M-Pesa", "📱 Airtel Money", "💳 Card"]
    assert other.said[-1].fallback is not None
    assert other.conversation.order_ref == "ORD-7K3M9Q"


# Other input


def test_a_native_cart_becomes_ours_at_our_prices():
    items = (NativeCartItem("coffee", 2, None, None), NativeCartItem("gone", 1, None, None))
    talk = Talk().sends(NativeCart("c1", "", items))
    assert talk.state == "address_input"
    assert [(line.product_id, line.quantity, line.seen_price) for line in talk.conversation.cart] == [
        (COFFEE, 2, 150_000)
    ]
    assert "no longer on offer" in talk.body


def test_a_quoted_product_is_opened():
    assert Talk().sends("is it fresh?", referred_product="honey").conversation.product_id == HONEY


def test_a_reaction_gets_a_friendly_line_and_moves_nothing():
    talk = Talk().ordered()
    before = talk.conversation.options
    talk.sends(Reaction("wamid.7", "👍"))
    assert talk.state == "payment_selection"
    assert talk.conversation.options == before
    assert titles(talk.last) == []
