"""Whatever comes, in whatever state: an answer, within WhatsApp's limits, in a state that exists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import events
from bot.aftersale import ANSWERS
from bot.conversation import CartLine, Conversation, dump, load
from bot.effects import Say
from bot.flow import STATES, Next, decide
from bot.global_words import ACTIONS, ORDER_ACTIONS, WORDS
from bot.understanding.names import clean_address, clean_name
from ghala import inbound
from ghala.messages import dump as dump_message
from ghala.messages import load as load_message
from orders.order import Delivery, OrderLineView, OrderView, Receipt
from payments.reasons import REASONS
from tests.unit.bot.talk import NOW, PRODUCTS, SHOP, VARYING, ZONES, many_products, message, with_stock

QUICK = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

LONG = "Ω" + "very long name of a product " * 12
LONG_SHOP = replace(
    SHOP,
    name="A shop with a name " * 20,
    products=tuple(
        replace(p, names={"en": LONG, "sw": LONG}, descriptions={"en": LONG * 5}) for p in PRODUCTS
    ),
    zones=tuple(replace(z, names={"en": LONG}) for z in ZONES),
)
SHOPS = st.sampled_from(
    [
        SHOP,
        LONG_SHOP,
        replace(SHOP, zones=ZONES),
        replace(SHOP, products=()),
        replace(SHOP, payment_methods=(), promotions=()),
        with_stock(SHOP, 1, 1),
        with_stock(with_stock(SHOP, 1, 0), 2, 3),
        VARYING,
        many_products(11),
        many_products(40, categories=4),
    ]
)
PRODUCT_IDS = st.sampled_from([1, 2, 3, 7, 20, 21, 22, 999])
CARTS = st.lists(
    st.builds(CartLine, PRODUCT_IDS, st.integers(1, 999), st.sampled_from([150_000, 80_000, 1])),
    max_size=60,
    unique_by=lambda line: line.product_id,
).map(tuple) | st.just(tuple(CartLine(n, 2, 10_000 * n) for n in range(1, 41)))
DELIVERIES = st.none() | st.builds(
    Delivery,
    st.sampled_from(["address", "location", "pickup", "skipped"]),
    st.text(max_size=300).map(lambda text: clean_address(text) or ""),
    st.text(max_size=300).map(lambda text: clean_address(text) or ""),
)
REFS = st.sampled_from(["", "ORD-7K3M9Q"])
OPTIONS = st.sampled_from(
    [
        *ACTIONS,
        *(f"{action}:ORD-7K3M9Q" for action in ORDER_ACTIONS),
        "pay:mpesa:ORD-7K3M9Q",
        "pay:card:ORD-7K3M9Q",
        "pay:bitcoin:ORD-7K3M9Q",
        "pay:mpesa:ORD-OTHER",
        "product:1",
        "product:12345",
        "variant:21",
        "variant:22",
        "variant:1",
        "more_variants:20:1",
        "tell:22",
        "tell:1",
        "elsewhere:1",
        "category:0",
        "category:2",
        "more:all:1",
        "more:2:77",
        "qty:1:2",
        "qty:2:3",
        "take:1:1",
        "other_quantity:1",
        "remove:1",
        "empty:1",
        "empty_yes:1",
        "pickup:1",
        "same:1",
        "skip:1",
        "zone:1:1",
        "more_zones:1:1",
        "language:sw",
        "language:xx",
        "unknown",
        "qty",
        "product:999999999999999999999",
    ]
)
LANGUAGES = st.sampled_from(["en", "sw", "xx"])
CONVERSATIONS = st.builds(
    Conversation,
    state=st.sampled_from([*STATES, "a_state_of_last_year"]),
    language=LANGUAGES,
    name=st.text(max_size=64).map(clean_name),
    phone=st.sampled_from(["", "+254711345678"]),
    charge_phone=st.sampled_from(["", "+254722000111"]),
    cart=CARTS,
    promo_code=st.sampled_from(["", "COFFEE10", "OLD"]),
    product_id=st.none() | PRODUCT_IDS,
    pending=st.lists(st.tuples(PRODUCT_IDS, st.integers(1, 9)), max_size=3).map(tuple),
    spent_promotions=st.sampled_from([(), (1,)]),
    seen_discount=st.sampled_from([0, 10_000]),
    category_id=st.sampled_from([None, 0, 1, 2, 99]),
    page=st.integers(0, 9),
    delivery=DELIVERIES,
    last_delivery=DELIVERIES,
    order_ref=REFS,
    order_total=st.integers(0, 10**10),
    method=st.sampled_from(["", "mpesa", "airtel", "card", "shells"]),
    last_lines=st.lists(st.tuples(PRODUCT_IDS, st.integers(1, 9)), max_size=4).map(tuple),
    orders_paid=st.integers(0, 3),
    options=st.lists(OPTIONS, max_size=10).map(tuple),
    turn=st.integers(0, 50),
    misses=st.integers(0, 5),
    trail=st.lists(st.sampled_from([*STATES, "gone"]), max_size=8).map(tuple),
    handed_off=st.booleans(),
    about_ref=REFS,
    about_total=st.integers(0, 10**10),
    about_stars=st.integers(0, 5),
    stopped=st.booleans(),
    last_names=st.lists(st.text(max_size=200), max_size=4).map(tuple),
    last_prices=st.lists(st.integers(0, 10**9), max_size=4).map(tuple),
    addresses=st.lists(DELIVERIES.filter(bool), max_size=3).map(tuple),
)
WORDY = st.sampled_from(
    [
        *WORDS,
        *[
            "1",
            "2",
            "3",
            "9",
            "10",
            "0",
            "-1",
            "1e9",
            "²",
            "٣",
            "999",
            "1000",
            "skip",
            "same",
            "pick",
            "remove",
            "edit",
            "resend",
            "yes",
            "no",
            "mpesa",
            "card",
        ],
        "mpesa 0722 000 111",
        "0722000111",
        "2 coffee and 1 honey",
        "2 coffee and 1 unicorn",
        "coffe",
        "remove 1",
        "change 1 to 3",
        "COFFEE10",
        "code COFFEE10",
        "I paid",
        "SKJ4X2ABCD Confirmed. Ksh3,000.00 sent to DUKA",
        "4111 1111 1111 1111",
        "1234",
        "",
        " ",
        "\u202e\u200b",
        "🙂",
        "a" * 5000,
    ]
)
TEXTS = (WORDY | st.text(max_size=60)).map(inbound.TextContent)
TAPS = st.builds(
    inbound.Tap,
    id=st.one_of(
        OPTIONS, st.builds("{}~{}".format, OPTIONS, st.integers(0, 60)), st.text(min_size=1, max_size=20)
    ),
    title=st.text(max_size=20),
)
SIZES = st.floats(-90, 90)
OTHERS = st.one_of(
    st.builds(
        inbound.Location,
        SIZES,
        SIZES,
        st.sampled_from(["", "Sarit Centre"]),
        st.sampled_from(["", "Westlands"]),
    ),
    st.builds(
        inbound.Media,
        st.sampled_from(["image", "video", "audio", "document", "sticker", "hologram"]),
        st.just("m1"),
    ),
    st.builds(
        inbound.NativeCart,
        st.just("c1"),
        st.just(""),
        st.lists(
            st.builds(
                inbound.NativeCartItem,
                st.sampled_from(["coffee", "HONEY", "gone"]),
                st.integers(-1, 2000),
                st.none(),
                st.none(),
            ),
            max_size=5,
        ).map(tuple),
    ),
    st.just(inbound.ContactCards(("Juma",))),
    st.just(inbound.Reaction("wamid.9", "👍")),
    st.just(inbound.FlowReply("flow", {})),
    st.just(inbound.NumberChanged("254700000000")),
    st.just(inbound.Unsupported("ephemeral")),
)
CONTENTS = TEXTS | TAPS | OTHERS
MESSAGES = st.builds(
    lambda content, late, name, sku: events.MessageReceived(
        message(content, name=name, referred_product=sku), late=late
    ),
    CONTENTS,
    st.sampled_from([False, False, False, True]),
    st.none() | st.text(max_size=80),
    st.sampled_from([None, None, None, "coffee", "gone"]),
)


def an_order(
    lines: int, status: str = "pending_payment", paid: str = "unpaid", long: bool = False
) -> OrderView:
    name = LONG if long else "Premium Coffee Beans 1kg"
    goods = tuple(OrderLineView(n, f"s{n}", name, n, 150_000) for n in range(1, lines + 1))
    subtotal = sum(line.total for line in goods)
    discount = 50_000
    return OrderView(
        "ORD-7K3M9Q", status, paid, "KES", goods, subtotal, discount, 20_000, subtotal - discount + 20_000,
        Delivery("address", "x" * 300, "y" * 300), NOW, NOW + timedelta(minutes=30), "10% off " * 20,
    )  # fmt: skip


ORDERS = st.builds(
    an_order,
    st.sampled_from([1, 2, 50]),
    st.sampled_from(
        ["pending_payment", "paid", "preparing", "dispatched", "delivered", "cancelled", "expired"]
    ),
    st.sampled_from(["unpaid", "paid"]),
    st.booleans(),
)


def different(orders: list[OrderView]) -> tuple[OrderView, ...]:
    """The same orders, each under a reference of its own, as all orders are."""
    return tuple(
        replace(order, ref=f"ORD-7K3M9{letter}") for letter, order in zip("QRSTV", orders, strict=False)
    )


METHODS = st.sampled_from(["mpesa", "airtel", "card", "shells"])
HAPPENINGS = st.one_of(
    st.builds(events.OrderPlaced, ORDERS),
    st.builds(events.OrderCreated, ORDERS),
    st.builds(events.OrderRefused, st.sampled_from(["out_of_stock", "unavailable", "price_changed", "promotion_used", "empty"]), st.none() | PRODUCT_IDS, st.integers(0, 4), st.sampled_from([None, 1, 9]), st.booleans()),
    st.builds(events.BackInStock, PRODUCT_IDS),
    st.builds(events.OrderCancelled, ORDERS),
    st.builds(events.CancelRefused, REFS, st.sampled_from(["paid", "payment_open", "closed"])),
    st.builds(events.PaymentRequested, ORDERS, METHODS, st.sampled_from(["", "+254722000111", "+447911123456"])),
    st.builds(events.PaymentRefused, REFS, st.sampled_from(["already_open", "already_paid", "order_closed", "no_phone", "nothing_to_ask", "too_many_prompts", "unknown_method"]), METHODS),
    st.builds(events.PaymentLinkReady, ORDERS, st.just("https://pay.example/1")),
    st.builds(events.PaymentSucceeded, st.builds(Receipt, ORDERS, METHODS, st.sampled_from(["", "SKJ4X2ABCD"]), st.integers(1, 10**9), st.just(NOW))),
    st.builds(events.PaymentFailed, ORDERS, METHODS, st.sampled_from([*REASONS, "something new"])),
    st.builds(events.PaymentUnknown, ORDERS, METHODS),
    st.builds(events.PaymentStillPending, ORDERS, METHODS),
    st.builds(events.MoneyWithoutOrder, ORDERS, st.integers(1, 10**9)),
    st.builds(events.OrderMoved, ORDERS),
    st.builds(events.OrderReminder, ORDERS),
    st.builds(events.OrdersFound, st.sampled_from([*ANSWERS]), st.lists(ORDERS, max_size=5).map(different), st.none() | st.builds(Receipt, ORDERS, METHODS, st.just("SK1"), st.just(300_000), st.just(NOW))),
    st.builds(events.OrderRated, st.just("ORD-7K3M9Q"), st.sampled_from([1, 3, 5]), st.booleans()),
    st.builds(events.DeliveryNoted, ORDERS, st.text(max_size=300), st.booleans()),
    st.builds(events.ForgetAnswered, st.sampled_from(["", "done", "unpaid", "undelivered", "payment", "money"]), REFS),
)  # fmt: skip


def legal(step: Next, conversation: Conversation, event: Any) -> None:
    """What must hold after every decision."""
    assert step.conversation.state in STATES
    assert load(dump(step.conversation)) == step.conversation
    assert not step.lead
    said = [effect for effect in step.effects if isinstance(effect, Say)]
    for say in said:
        assert load_message(dump_message(say.message)) == say.message
    assert len(said) <= 1, "one bubble per turn"
    answered = step.effects
    if isinstance(event, events.MessageReceived) and not conversation.handed_off:
        assert answered
    if isinstance(event, events.MessageReceived) and event.late:
        assert not any(not isinstance(effect, Say) for effect in step.effects)
        assert step.conversation.cart == conversation.cart
        assert step.conversation.order_ref == conversation.order_ref
    if isinstance(event, events.PaymentSucceeded):
        assert [say.kind for say in said] == ["receipt"]
        assert step.conversation.cart == conversation.cart
    for say in said:
        heading = "RECEIPT ·" in str(getattr(say.message, "body", ""))
        assert heading == (say.kind in {"receipt", "copy"})


@QUICK
@given(CONVERSATIONS, MESSAGES, SHOPS)
def test_every_state_answers_any_message(conversation, event, shop):
    legal(decide(conversation, event, shop), conversation, event)


@QUICK
@given(CONVERSATIONS, HAPPENINGS, SHOPS)
def test_every_state_takes_any_news(conversation, event, shop):
    legal(decide(conversation, event, shop), conversation, event)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(LANGUAGES, st.lists(MESSAGES | HAPPENINGS, min_size=1, max_size=12), SHOPS)
def test_a_conversation_stays_legal_whatever_follows_what(language, happenings, shop):
    conversation = Conversation(language=language)
    for event in happenings:
        step = decide(conversation, event, shop)
        legal(step, conversation, event)
        conversation = step.conversation


def test_every_state_answers_every_kind_of_content():
    contents = [
        inbound.TextContent("something odd"), inbound.Tap("odd", "odd"), inbound.Location(-1.28, 36.8),
        inbound.Media("image", "m"), inbound.Media("audio", "m"), inbound.NativeCart("c", "", ()),
        inbound.ContactCards(("Juma",)), inbound.Reaction("w", ""), inbound.FlowReply("f", {}),
        inbound.NumberChanged("254700000000"), inbound.Unsupported("x"),
    ]  # fmt: skip
    for state in STATES:
        if state == "handed_off":
            continue
        for language in ("en", "sw"):
            for content in contents:
                start = Conversation(
                    state=state, language=language, cart=(CartLine(1, 2, 150_000),), product_id=1,
                    delivery=Delivery("location"), order_ref="ORD-7K3M9Q", phone="+254711345678",
                )  # fmt: skip
                event = events.MessageReceived(message(content))
                for shop in (SHOP, replace(SHOP, zones=ZONES)):
                    legal(decide(start, event, shop), start, event)
