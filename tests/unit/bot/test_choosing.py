"""Variants, what is sold out, areas to deliver to, limited promotions and closed hours, as the customer meets them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot import events
from bot.conversation import CartLine
from bot.effects import PlaceOrder, WaitForStock
from bot.texts import LANGUAGES
from bot.understanding.products import find
from catalog.hours import read
from catalog.snapshot import Place, PromotionView, ShopSnapshot, ZoneView
from ghala.inbound import Location, NativeCart, NativeCartItem
from ghala.messages import Buttons, ListMessage, Template, Text
from tests.unit.bot.talk import (
    COFFEE,
    KIKOI,
    LARGE_BLUE,
    LARGE_RED,
    NOW,
    SHOP,
    SMALL_RED,
    VARYING,
    ZONES,
    Talk,
    many_products,
    with_stock,
)

ADDRESS = "123 Main St, Nairobi"


def cart_of(talk: Talk) -> dict[int, int]:
    return {line.product_id: line.quantity for line in talk.conversation.cart}


# --- variants ---------------------------------------------------------------------------------------------


def test_the_list_shows_a_product_that_varies_once_and_from_its_least_price() -> None:
    talk = Talk(VARYING).says("products")
    assert isinstance(talk.last, ListMessage)
    rows = talk.last.sections[0].rows
    assert [row.title for row in rows][-1] == "Kikoi"
    assert "from KES\u00a01,200" in rows[-1].description


def test_the_variant_is_asked_for_before_the_quantity() -> None:
    talk = Talk(VARYING).says("products").taps("Kikoi")
    assert talk.state == "variant_choice"
    assert talk.titles == ["Large · Red", "🚫 Large · Blue", "Small · Red"]
    talk.taps("Large · Red")
    assert talk.state == "choose_quantity"
    assert "Kikoi, Large · Red" in talk.body
    assert cart_of(talk.says("2")) == {LARGE_RED: 2}


def test_an_order_line_names_the_product_and_the_variant() -> None:
    talk = Talk(VARYING).says("kikoi", "large red", "1", ADDRESS)
    assert talk.order is not None
    assert [line.name for line in talk.order.lines] == ["Kikoi, Large · Red"]


@pytest.mark.parametrize(
    "said", ["large red", "Red, large", "the large red one", "kubwa nyekundu", "lagre red", "1"]
)
def test_a_variant_can_be_typed(said: str) -> None:
    talk = Talk(VARYING).says("kikoi", said)
    assert (talk.state, talk.conversation.product_id) == ("choose_quantity", LARGE_RED)


def test_a_word_that_fits_several_variants_asks_between_those() -> None:
    talk = Talk(VARYING).says("kikoi", "nyekundu")
    assert talk.state == "variant_choice"
    assert talk.titles == ["Large · Red", "Small · Red"]
    assert talk.says("2").conversation.product_id == SMALL_RED


def test_a_quantity_said_with_the_variant_is_not_asked_for_again() -> None:
    talk = Talk(VARYING).says("kikoi", "2 small red")
    assert (talk.state, cart_of(talk)) == ("address_input", {SMALL_RED: 2})


def test_a_quantity_said_before_the_variant_is_remembered() -> None:
    talk = Talk(VARYING).says("3 kikoi and 1 coffee")
    assert talk.state == "variant_choice"
    assert cart_of(talk) == {COFFEE: 1}
    talk.taps("Small")
    assert (talk.state, cart_of(talk)) == ("address_input", {COFFEE: 1, SMALL_RED: 3})


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("large red kikoi", LARGE_RED),
        ("kikoi", KIKOI),
        ("leso", KIKOI),
        ("small wrap", SMALL_RED),
        ("red kikoi", KIKOI),
    ],
)
def test_a_variant_is_found_by_its_full_name_and_else_its_product(said: str, found: int) -> None:
    sure = find(said, VARYING).sure
    assert sure is not None
    assert sure.id == found


def test_a_sold_out_variant_can_be_waited_for_while_the_others_stay_to_choose() -> None:
    talk = Talk(VARYING).says("kikoi").taps("Large · Blue")
    assert talk.state == "variant_choice"
    assert talk.titles[0] == "🔔 Tell me"
    talk.taps("Tell me")
    assert WaitForStock(LARGE_BLUE) in talk.effects


def test_more_variants_than_buttons_are_a_list_with_their_prices() -> None:
    many = replace(
        VARYING,
        products=(
            *VARYING.products,
            *(
                replace(VARYING.products[-1], id=number, sku=f"k{number}", labels={"en": f"Size {number}"})
                for number in range(40, 52)
            ),
        ),
    )
    talk = Talk(many).says("kikoi")
    assert isinstance(talk.last, ListMessage)
    assert talk.titles[-1] == "More ▸"
    talk.taps("More")
    assert talk.titles[-1] == "Size 51"
    assert talk.taps("Size 51").conversation.product_id == 51


def test_a_native_cart_with_a_product_that_varies_asks_for_the_variant() -> None:
    talk = Talk(VARYING).sends(NativeCart("c", "", (NativeCartItem("kikoi", 2, None, None),)))
    assert talk.state == "variant_choice"
    assert cart_of(talk.taps("Small")) == {SMALL_RED: 2}


def test_a_cart_with_the_product_itself_is_told_that_it_is_gone() -> None:
    talk = Talk(VARYING, state="address_input", cart=(CartLine(KIKOI, 1, 1), CartLine(COFFEE, 1, 150_000)))
    talk.says(ADDRESS)
    assert talk.state == "cart"
    assert cart_of(talk) == {COFFEE: 1}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_variants_are_named_in_the_customers_language(language: str) -> None:
    talk = Talk(VARYING, language=language).says("kikoi")
    assert talk.titles[0] == {"en": "Large · Red", "sw": "Kubwa · Nyekundu"}[language]


# --- finding ----------------------------------------------------------------------------------------------


def test_sold_out_products_come_last_and_are_marked() -> None:
    talk = Talk(with_stock(SHOP, COFFEE, 0)).says("products")
    assert isinstance(talk.last, ListMessage)
    last = talk.last.sections[0].rows[-1]
    assert "Coffee" in last.title
    assert last.description.startswith("Sold out")


def test_more_than_a_page_is_shown_by_category_and_in_pages() -> None:
    talk = Talk(many_products(40, categories=3)).says("products")
    assert talk.titles == ["Kind 1", "Kind 2", "Kind 3"]
    seen = talk.taps("Kind 2").titles[:-1]
    while talk.titles[-1] == "More ▸":
        seen += talk.taps("More").titles
    assert len({title for title in seen if title.startswith("Thing")}) == len(shelf_of(talk.shop, 2))


def shelf_of(shop: ShopSnapshot, category: int) -> list[str]:
    return [product.sku for product in shop.products if product.category_id == category]


# --- back in stock ----------------------------------------------------------------------------------------


def test_what_is_sold_out_can_be_waited_for() -> None:
    talk = Talk(with_stock(SHOP, COFFEE, 0)).says("coffee")
    assert talk.titles == ["🔔 Tell me", "🛍️ View Products"]
    talk.says("tell me")
    assert WaitForStock(COFFEE) in talk.effects
    assert "I will write" in talk.body


def test_an_old_tell_me_of_something_that_is_there_again_opens_it() -> None:
    assert Talk(SHOP).taps_id(f"tell:{COFFEE}~1").state == "choose_quantity"


def test_who_waited_is_told_and_can_buy_with_one_tap() -> None:
    talk = Talk(SHOP, state="cart").happens(events.BackInStock(COFFEE))
    assert "is here again" in talk.body
    assert talk.state == "cart"
    assert talk.said[-1].kind == "news"
    assert talk.said[-1].fallback == Template("back_in_stock", "en", ("Premium Coffee Beans 1kg",))
    assert talk.taps("Premium").state == "choose_quantity"


def test_who_said_stop_meanwhile_is_not_told() -> None:
    talk = Talk(SHOP, stopped=True).happens(events.BackInStock(COFFEE))
    assert talk.said == []


def test_who_would_be_told_too_late_waits_on() -> None:
    talk = Talk(with_stock(SHOP, COFFEE, 0)).happens(events.BackInStock(COFFEE))
    assert talk.said == []
    assert talk.effects == [WaitForStock(COFFEE)]


# --- where ------------------------------------------------------------------------------------------------

SHOP_AT = Place(-1.2858, 36.8252)
CIRCLES = (ZoneView(7, {"en": "Town"}, 10_000, 3_000), ZoneView(8, {"en": "Around"}, 30_000, 10_000))
NEAR, FAR, MOMBASA = (
    Location(-1.2860, 36.8260, "", ""),
    Location(-1.2648, 36.8039, "", ""),
    Location(-4.0435, 39.6682, "", ""),
)


def at_the_address(zones: tuple[ZoneView, ...]) -> Talk:
    return Talk(replace(SHOP, zones=zones, place=SHOP_AT)).says("2 coffee")


@pytest.mark.parametrize(("pin", "zone", "fee"), [(NEAR, 7, 10_000), (FAR, 8, 30_000)])
def test_a_pin_chooses_its_zone_by_itself(pin: Location, zone: int, fee: int) -> None:
    talk = at_the_address(CIRCLES).sends(pin).says("skip")
    assert talk.state == "payment_selection"
    assert talk.order is not None
    assert (talk.order.delivery.zone_id, talk.order.delivery_fee) == (zone, fee)
    assert f"Delivery: KES {fee // 100}" in talk.body


def test_a_pin_outside_every_circle_shows_the_areas_that_remain_and_picking_up() -> None:
    talk = at_the_address((*CIRCLES, *ZONES)).sends(MOMBASA).says("skip")
    assert talk.state == "zone_choice"
    assert "outside" in talk.body
    assert talk.titles == ["Westlands", "Karen", "🏪 Pick up"]
    assert talk.taps("Karen").order is not None


def test_a_pin_nobody_goes_to_has_ways_on() -> None:
    talk = at_the_address(CIRCLES).sends(MOMBASA).says("skip")
    assert talk.titles == ["🏪 Pick up", "📍 Another place", "🙋 Talk to a person"]
    assert talk.taps("Another").state == "address_input"
    talk.sends(MOMBASA).says("skip").sends(NEAR).says("skip")
    assert talk.order is not None
    assert talk.order.delivery.zone_id == 7


def test_picking_up_costs_no_delivery() -> None:
    talk = at_the_address(CIRCLES).sends(MOMBASA).says("skip").taps("Pick up")
    assert talk.order is not None
    assert (talk.order.delivery.kind, talk.order.delivery_fee) == ("pickup", 0)


def test_a_typed_address_is_asked_for_its_zone() -> None:
    talk = at_the_address((*CIRCLES, *ZONES)).says(ADDRESS)
    assert talk.titles == ["Town", "Around", "Westlands", "Karen", "🏪 Pick up"]


def test_a_pin_is_measured_again_though_it_had_a_zone_once() -> None:
    talk = at_the_address(CIRCLES).sends(FAR).says("skip").pays()
    talk.shop = replace(talk.shop, zones=(CIRCLES[1], replace(CIRCLES[0], within_m=9_000)))
    talk.says("2 coffee", "same")
    assert talk.order is not None
    assert talk.order.delivery_fee == 10_000


# --- promotions -------------------------------------------------------------------------------------------

TENTH = PromotionView(5, {"en": "10% off"}, {"en": "Today"}, "percent", 10)
FIXED = PromotionView(6, {"en": "KES 50 off"}, {"en": "Always"}, "fixed", 5_000)


def test_an_automatic_promotion_is_shown_with_its_saving_and_charged() -> None:
    talk = Talk(replace(SHOP, promotions=(TENTH,))).says("2 coffee")
    assert "you pay KES 2,700" in talk.body
    talk.says(ADDRESS)
    assert "10% off: \u2212KES 300" in talk.body
    assert "Total KES 2,700" in talk.body


def test_a_discount_that_ended_meanwhile_is_said_before_anything_is_ordered() -> None:
    talk = Talk(replace(SHOP, promotions=(TENTH,))).says("2 coffee")
    talk.shop = SHOP
    talk.says(ADDRESS)
    assert talk.state == "cart"
    assert talk.order is None
    assert "does not apply any more" in talk.body
    assert talk.taps("Check out").says(ADDRESS).order is not None


def test_a_promotion_the_customer_has_used_up_is_named_and_left_out_from_then_on() -> None:
    talk = Talk(replace(SHOP, promotions=(TENTH, FIXED))).says("2 coffee")
    talk.happens(events.OrderRefused("promotion_used", promotion_id=5, personal=True))
    assert 'already used "10% off"' in talk.body
    assert "Total KES 2,950" in talk.body
    talk.taps("Check out").says(ADDRESS)
    placed = next(effect for effect in talk.effects if isinstance(effect, PlaceOrder))
    assert placed.without == (5,)


def test_a_promotion_that_is_used_up_for_everybody_is_not_offered() -> None:
    talk = Talk(replace(SHOP, promotions=(replace(TENTH, used_up=True),)))
    assert "no promotions" in talk.says("promotions").body
    assert talk.says("2 coffee").conversation.seen_discount == 0


# --- hours ------------------------------------------------------------------------------------------------

DAYTIME = read({"hours": {day: ["08:00", "18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}})
FRIDAY_NIGHT = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "from Monday 23 Nov, 08:00"), ("sw", "Jumatatu 23 Nov, 08:00 (saa 2 asubuhi)")],
)
def test_a_closed_shop_says_when_it_opens_and_takes_orders(language: str, said: str) -> None:
    closed = replace(SHOP, hours=DAYTIME, now=FRIDAY_NIGHT)
    talk = Talk(closed, language=language).says("hi")
    assert said in talk.body
    talk.says("2 coffee", ADDRESS)
    assert talk.order is not None
    assert said in talk.body


def test_an_open_shop_says_nothing_of_hours() -> None:
    assert "closed" not in Talk(replace(SHOP, hours=DAYTIME, now=NOW)).says("hi").body


def test_a_summary_of_many_long_lines_in_a_closed_shop_still_fits() -> None:
    shop = replace(many_products(40), hours=DAYTIME, now=FRIDAY_NIGHT, promotions=(TENTH,))
    cart = tuple(CartLine(number, 2, 10_000 * number) for number in range(1, 41))
    talk = Talk(shop, state="address_input", cart=cart, seen_discount=0).says(ADDRESS)
    assert isinstance(talk.last, Buttons | Text)
    assert "Total" in talk.body
    assert "closed" in talk.body
