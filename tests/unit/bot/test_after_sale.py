"""After the sale: where an order is, what there were, copies, cancelling, again, ratings, stop, forgetting."""

# ruff: noqa: RUF001 - the shop writes a multiplication sign
from __future__ import annotations

from dataclasses import replace

import pytest

from bot import events
from bot.effects import CancelPaid, CommentOrder, Forget, RateOrder, Say, SetStopped
from ghala.messages import Buttons
from orders.order import Rider
from tests.unit.bot.talk import SHOP, Talk, with_stock

REF = "ORD-7K3M9Q"


def bought(**start: object) -> Talk:
    """A customer who has paid for two bags of coffee."""
    return Talk(**start).waiting().pays()


# Where is it


@pytest.mark.parametrize("said", ["where is my order", "track", "my order", "oda yangu iko wapi", "status"])
def test_where_an_order_is_needs_no_number(said):
    talk = bought().says(said)
    assert talk.body == f"Order {REF} is paid. Duka Demo will prepare it next, and I'll write at every step."
    assert talk.titles == ["🧾 Receipt copy", "❌ Cancel order", "🧾 My orders"]


def test_an_order_on_its_way_has_a_rider_with_a_number():
    talk = bought().moves("dispatched", rider=Rider("Otieno", "+254722000111"))
    assert "Rider: Otieno, +254722000111" in talk.body
    assert "is on its way to you.\nRider: Otieno, +254722000111" in talk.says("where is my order").body


def test_the_number_of_an_order_typed_opens_it():
    talk = bought().says("ord-7k3m9q")
    assert "2 × Premium Coffee Beans 1kg" in talk.body
    assert "is paid" in talk.body


def test_the_number_of_somebody_elses_order_opens_nothing():
    assert "You have no open order" in bought().says("ORD-AAAAAA").body


def test_who_never_ordered_is_asked_to_begin():
    assert Talk().says("hi", "track").titles == ["🛍️ View Products", "🎉 View Promotions"]


def test_the_last_orders_are_a_list_and_each_opens():
    talk = bought().says("my orders")
    assert talk.titles == [REF]
    assert "*Total" in talk.taps(REF).body
    assert talk.says("my orders", "1").body.startswith(f"🧾 *Order {REF}*")


# A copy of the receipt


def test_a_copy_of_the_receipt_says_that_it_is_one_and_is_promised_under_no_receipts_name():
    talk = bought().says("receipt")
    said = talk.said[-1]
    assert talk.body.startswith("🧾 Copy of your receipt")
    assert "RECEIPT · Duka Demo" in talk.body
    assert (said.kind, said.key) == ("copy", "")


def test_there_is_no_copy_of_a_receipt_that_never_was():
    assert "no receipt for you yet" in Talk().ordered().says("risiti").body


# Cancelling what is paid


def test_a_paid_order_is_cancelled_after_asking_once_with_what_happens_to_the_money():
    talk = bought().says("cancel")
    assert "is paid: Duka Demo will send your KES 3,000 back" in talk.body
    assert not any(isinstance(effect, CancelPaid) for effect in talk.effects)
    talk.says("yes")
    assert talk.effects[0] == CancelPaid(REF)
    assert f"Order {REF} is cancelled. Duka Demo has been told" in talk.body
    assert talk.state == "greeting"


def test_a_paid_order_is_kept_on_second_thoughts():
    talk = bought().says("cancel", "no")
    assert not any(isinstance(effect, CancelPaid) for effect in talk.effects)
    assert f"Order {REF} stays as it is" in talk.body


def test_an_old_button_cancels_no_paid_order():
    talk = bought().says("cancel")
    yes = talk.id_of("Yes, cancel")
    talk.says("no").taps_id(yes)
    assert all(isinstance(effect, Say) for effect in talk.effects)
    assert "earlier moment" in talk.body


def test_an_order_on_its_way_is_not_cancelled_here():
    talk = bought().moves("dispatched").says("cancel my order")
    assert "already on its way" in talk.body
    assert "🙋 Talk to a person" in talk.titles


def test_an_order_paid_while_it_was_being_cancelled_is_asked_about():
    talk = Talk().waiting()
    assert talk.order is not None
    paid = replace(talk.order, status="paid", payment_status="paid")
    talk.happens(events.OrdersFound("cancel", (paid,)))
    assert talk.state == "cancel_confirm"


# Again


def test_order_again_names_what_is_gone_and_what_costs_something_else():
    talk = Talk().says("2 coffee and 1 honey", "123 Main St, Nairobi", "mpesa").pays()
    dearer = replace(SHOP.products[0], price=160_000)
    talk.shop = replace(SHOP, products=(dearer, SHOP.products[2]))
    talk.says("order again")
    assert "Organic Honey 500g is no longer on offer." in talk.body
    assert "The price of Premium Coffee Beans 1kg is now KES 1,600" in talk.body
    assert talk.state == "address_input"


def test_order_again_takes_as_many_as_there_are():
    talk = bought()
    talk.shop = with_stock(SHOP, 1, 1)
    assert "Only 1 × Premium Coffee" in talk.says("again").body


def test_an_old_order_is_ordered_again_from_its_page():
    talk = bought().moves("delivered").says("my orders", "1").taps("Order again")
    assert talk.state == "address_input"
    assert talk.conversation.cart[0].quantity == 2


# How was it


def test_a_delivered_order_is_rated_by_one_tap_and_a_line_may_follow():
    talk = bought().moves("delivered")
    assert talk.titles == ["😀 Good", "😐 So-so", "😞 Bad"]
    talk.taps("Good")
    assert talk.effects[0] == RateOrder(REF, 5)
    assert talk.state == "rating_comment"
    talk.says("The rider was quick")
    assert talk.effects[0] == CommentOrder(REF, "The rider was quick")
    assert talk.state == "greeting"


def test_a_bad_rating_offers_a_person():
    assert "🙋 Talk to a person" in bought().moves("delivered").says("3").titles


def test_a_comment_may_be_skipped_and_an_order_is_no_comment():
    talk = bought().moves("delivered").taps("Good").says("skip")
    assert talk.state == "greeting"
    talk = bought().moves("delivered").taps("Good").says("2 coffee")
    assert talk.state == "address_input"


def test_an_order_is_rated_once():
    talk = bought().moves("delivered")
    good = talk.id_of("Good")
    talk.taps_id(good).says("menu").taps_id(good)
    assert "was rated before" in talk.body


def test_nobody_is_asked_for_a_rating_in_the_middle_of_an_order_or_after_stop():
    assert not isinstance(bought().says("honey").moves("delivered").last, Buttons)
    assert not isinstance(bought().says("stop").moves("delivered").last, Buttons)


def test_a_rating_can_be_given_later():
    assert bought().moves("delivered").says("rate").titles == ["😀 Good", "😐 So-so", "😞 Bad"]


# One reminder


def reminder(talk: Talk) -> Talk:
    assert talk.order is not None
    return talk.happens(events.OrderReminder(talk.order))


def test_an_unpaid_order_is_reminded_of_under_a_name_of_its_own():
    talk = reminder(Talk().ordered())
    assert f"We keep order {REF} (KES 3,000) for you only until 12:37" in talk.body
    assert talk.said[-1].key == f"reminder:{REF}"
    assert talk.taps("Pay now").state == "payment_selection"


@pytest.mark.parametrize("why", ["paying", "stopped", "paid", "with a person", "shopping"])
def test_nobody_is_reminded_who_should_not_be(why):
    talk = Talk().ordered()
    assert talk.order is not None
    match why:
        case "paying":
            talk.order = replace(talk.order, payment_status="pending")
        case "stopped":
            talk.says("stop")
        case "paid":
            talk.order = replace(talk.order, status="paid")
        case "with a person":
            talk.says("human")
        case "shopping":
            talk.says("products")
    before = len(talk.said)
    reminder(talk)
    assert len(talk.said) == before


# Stop and start


@pytest.mark.parametrize("said", ["STOP", "unsubscribe", "acha ujumbe"])
def test_stop_ends_what_nobody_asked_for_and_says_what_remains(said):
    talk = bought().says(said)
    assert talk.effects[0] == SetStopped(stopped=True)
    assert "Receipts and news of your orders still come" in talk.body
    assert talk.moves("dispatched").said[-1].kind == "news"


def test_start_after_stop_begins_again_and_otherwise_is_the_menu():
    talk = Talk().says("hi", "stop", "start")
    assert talk.effects[0] == SetStopped(stopped=False)
    assert not talk.conversation.stopped
    assert Talk().says("start").state == "greeting"


# Forgetting


def test_forgetting_is_asked_once_and_done_after_yes():
    talk = bought().moves("delivered").says("delete my data")
    assert "cannot be undone" in talk.body
    assert Forget(confirmed=True) not in talk.effects
    talk.says("yes")
    assert talk.effects[0] == Forget(confirmed=True)
    assert "This is my last message" in talk.body
    assert (talk.conversation.name, talk.conversation.last_lines, talk.conversation.addresses) == ("", (), ())


def test_forgetting_can_be_thought_over():
    talk = Talk().says("hi", "futa data yangu", "no")
    assert "Nothing was deleted" in talk.body
    assert talk.state == "greeting"


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [("unpaid", "Pay or cancel it first"), ("undelivered", "once it has been delivered"),
     ("payment", "at the latest in three days"), ("money", "when the shop has sent it")],
)  # fmt: skip
def test_forgetting_waits_for_what_is_under_way_and_says_when(obstacle, said):
    talk = bought()
    talk.obstacle = obstacle
    assert said in talk.says("delete my data").body
    assert talk.state == "greeting"


def test_an_old_button_forgets_nobody():
    talk = Talk().says("hi", "delete my data")
    yes = talk.id_of("Yes, delete it")
    talk.says("no").taps_id(yes)
    assert all(isinstance(effect, Say) for effect in talk.effects)
