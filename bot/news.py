"""What happens outside the chat, and what the customer is told: orders, payments, deliveries. Pure.

Money news goes out whatever the customer is doing, and moves them only when they were waiting
for it. Keys make what must be said once unique for ever.
"""

# ruff: noqa: ARG001 - every handler is called alike
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from bot import aftersale, cart, events, templates, texts
from bot.conversation import Conversation
from bot.effects import AskGateway, Say, WaitForStock
from bot.global_words import PAYING, SHOPPING
from bot.receipt import receipt, summary
from bot.shopping import price_text
from bot.state import Next, goes
from bot.states.payment_failed import failed
from bot.states.payment_processing import waiting, worded
from bot.states.payment_selection import payable
from bot.understanding.words import plain
from bot.wording import PRODUCT_NAME, PROMPTED, buttons, joined, method_name, text, words
from catalog.snapshot import ShopSnapshot, in_language
from ghala.messages import LinkButton, Template, Text, fit
from orders.order import Delivery, OrderView
from orders.status import MOVES
from records import replace

TEMPLATES: Final = frozenset(
    {"order_receipt", "order_summary", "refund_sent", "back_in_stock"}
    | {f"order_{status}" for status in MOVES if texts.speaks(f"news-{status}")}
)
"""Every template that news may need outside the 24-hour window."""


def _quiet(conversation: Conversation) -> Next:
    return Next(conversation, silent=True)


def _news(said: Say, *, key: str = "", fallback: Template | None = None) -> Say:
    return replace(said, kind="news", key=key, fallback=fallback)


def _total(order: OrderView, conversation: Conversation) -> str:
    return texts.money(order.total, order.currency, conversation.language)


def _adopted(conversation: Conversation, order: OrderView) -> Conversation:
    """The conversation with ``order`` as the one to be paid."""
    if conversation.order_ref == order.ref:
        return replace(conversation, order_total=order.total)
    return replace(conversation, order_ref=order.ref, order_total=order.total, method="", charge_phone="")


def _without_order(conversation: Conversation, ref: str) -> Conversation:
    """The conversation without the open order, if it is ``ref``; who stood at its payment goes home.

    The order's code goes with it, unless it is meant for a cart in the making.
    """
    if conversation.order_ref != ref:
        return conversation
    state = "greeting" if conversation.state in PAYING else conversation.state
    code = conversation.promo_code if conversation.cart else ""
    return replace(
        conversation,
        state=state,
        promo_code=code,
        order_ref="",
        order_total=0,
        method="",
        charge_phone="",
        misses=0,
    )


def _busy(conversation: Conversation) -> bool:
    """Whether the customer is in the middle of another cart."""
    return conversation.state in SHOPPING and (
        bool(conversation.cart) or conversation.state in {"choose_quantity", "product_selected"}
    )


def order_placed(event: events.OrderPlaced, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The summary, with the ways to pay; the cart has become the order."""
    moved = replace(
        _adopted(replace(conversation, order_ref=""), event.order),
        state="payment_selection",
        cart=(),
        cart_version=conversation.cart_version + 1,
        product_id=None,
        category_id=None,
        page=0,
        delivery=None,
        pending=(),
        seen_discount=0,
        recipient="",
        recipient_phone="",
        referral=None,
        trail=(),
        misses=0,
    )
    return Next(moved, (payable(summary(event.order, moved, shop), moved, shop),))


def order_created(event: events.OrderCreated, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The summary of an order made outside the chat; a cart in the making is left alone."""
    moved = _adopted(conversation, event.order)
    if not _busy(conversation):
        moved = replace(moved, state="payment_selection", trail=(), misses=0)
    said = payable(summary(event.order, moved, shop), moved, shop)
    total = _total(event.order, moved)
    fallback = templates.fill("order_summary", moved.language, ref=event.order.ref, total=total)
    return Next(moved, (_news(said, key=f"order:{event.order.ref}", fallback=fallback),))


def order_refused(event: events.OrderRefused, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Nothing was ordered: the cart as it can be ordered, and what changed in it."""
    notices: list[str] = []
    product = shop.product(event.product_id)
    if event.reason == "out_of_stock" and product is not None:
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        left = max(0, min(event.available, cart.quantity_of(conversation, product.id)))
        key = "cart-fewer" if left else "cart-sold-out"
        notices.append(words(conversation, key, product=name, **({"count": left} if left else {})))
        conversation = cart.with_quantity(conversation, product, left)
    elif event.reason in {"unavailable", "out_of_stock"} and event.product_id is not None:
        kept = tuple(line for line in conversation.cart if line.product_id != event.product_id)
        notices.append(words(conversation, "cart-gone", count=1))
        conversation = replace(conversation, cart=kept)
    if event.reason == "promotion_used":
        promotion = next((p for p in shop.promotions if p.id == event.promotion_id), None)
        if promotion is None:
            notices.append(words(conversation, "cart-less-discount"))
        else:
            title = fit(in_language(promotion.titles, conversation.language), 80)
            key = "promotion-used-by-you" if event.personal else "promotion-used-up"
            notices.append(words(conversation, key, title=title))
        if event.personal and event.promotion_id is not None:
            spent = tuple(sorted({*conversation.spent_promotions, event.promotion_id}))
            conversation = replace(conversation, spent_promotions=spent)
    now = cart.checked(conversation, shop)
    notices.extend(notice for notice in now.notices if notice not in notices)
    if not notices:
        key = "order-empty" if event.reason == "empty" else "order-changed"
        notices.append(words(conversation, key))
    state = "cart" if now.conversation.cart else "product_selected"
    if now.conversation.cart:
        notices.append(words(conversation, "cart-look-again"))
    return goes(replace(now.conversation, product_id=None, category_id=None, page=0), state, joined(notices))


def order_cancelled(event: events.OrderCancelled, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Back in the cart when it was to be edited, else gone; nothing was charged."""
    editing = conversation.state == "cart" and conversation.order_ref == event.order.ref
    # A request may still be on the phone: never say that nothing was charged while it can be paid.
    prompted = conversation.order_ref == event.order.ref and conversation.method in PROMPTED
    decline = words(conversation, "decline-prompt") if prompted else ""
    code = conversation.promo_code
    conversation = _without_order(conversation, event.order.ref)
    if editing:
        lines = [(line.product_id, line.quantity, line.unit_price) for line in event.order.lines]
        restored = cart.restored(conversation, lines, shop)
        restored = replace(restored, promo_code=code)
        restored = replace(
            restored, state="cart", delivery=conversation.delivery or event.order.delivery, trail=()
        )
        return Next(restored, lead=joined((words(restored, "order-reopened", ref=event.order.ref), decline)))
    charged = decline or words(conversation, "nothing-charged")
    if event.order.paid_at is not None:
        charged = words(
            conversation,
            "refund-due",
            total=_total(event.order, conversation),
            shop=fit(shop.name, 80),
        )
    body = words(conversation, "order-cancelled", ref=event.order.ref, charged=charged)
    other = "cart" if conversation.cart else "promotions"
    return Next(conversation, (buttons(body, ("products", other), conversation, shop),))


def cancel_refused(event: events.CancelRefused, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Why it could not be cancelled, and what happens now."""
    ref = event.order_ref
    if event.reason == "payment_open":
        moved = replace(conversation, state="payment_processing", order_ref=conversation.order_ref or ref)
        method = method_name(moved.method or "mpesa", moved)
        said = text(words(moved, "cancel-payment-open", ref=ref, method=method))
        return Next(moved, (said, AskGateway(ref)))
    moved = _without_order(conversation, ref)
    if moved.state == "cart" and not moved.cart:
        moved = replace(moved, state="greeting")
    if event.reason == "paid":
        return aftersale.confirm_cancel(ref, conversation.order_total, moved)
    if event.reason == "on_its_way":
        return aftersale.on_its_way(ref, moved, shop)
    return Next(moved, (buttons(words(moved, "order-closed", ref=ref), ("products", "human"), moved, shop),))


def payment_requested(event: events.PaymentRequested, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Look at your phone; by card the link itself is the answer and follows."""
    moved = replace(
        _adopted(conversation, event.order), state="payment_processing", method=event.method, misses=0
    )
    if event.phone and event.phone != moved.phone:
        moved = replace(moved, charge_phone=event.phone)
    if event.method == "card":
        return _quiet(moved)
    return Next(moved, (waiting(worded("prompt-sent", event.method), moved, shop),))


def payment_refused(event: events.PaymentRefused, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """No payment was started, and why."""
    ref = event.order_ref
    if event.reason == "already_open":
        moved = replace(conversation, state="payment_processing")
        said = text(words(moved, "already-open", method=method_name(moved.method or "mpesa", moved)))
        return Next(moved, (said, AskGateway(ref)))
    if event.reason == "no_phone":
        moved = replace(conversation, state="payment_selection", method=event.method or conversation.method)
        return Next(moved, (text(words(moved, "which-number")),))
    if event.reason not in {"already_paid", "order_closed"}:
        moved = replace(conversation, state="payment_selection", order_ref=conversation.order_ref or ref)
        key = f"refused-{event.reason.replace('_', '-')}"
        return Next(moved, lead=words(moved, key if texts.speaks(key) else "refused-other"))
    moved = _without_order(conversation, ref)
    key = "already-paid" if event.reason == "already_paid" else "order-closed"
    return Next(moved, (buttons(words(moved, key, ref=ref), ("products", "human"), moved, shop),))


def payment_link_ready(
    event: events.PaymentLinkReady, conversation: Conversation, shop: ShopSnapshot
) -> Next:
    """The page where the card is charged, as a button."""
    if event.order.ref != conversation.order_ref or event.order.payment_status == "paid":
        return _quiet(conversation)
    moved = replace(conversation, method="card", misses=0)
    if not _busy(conversation):
        moved = replace(moved, state="payment_processing")
    body = words(moved, "card-link", ref=event.order.ref, total=_total(event.order, moved))
    link = LinkButton(body, words(moved, "button-card-link"), event.url)
    return Next(moved, (_news(Say(link)),))


def payment_succeeded(event: events.PaymentSucceeded, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The one receipt. Whoever waited for it is free again; another cart in the making is left alone."""
    order = event.receipt.order
    moved = _without_order(conversation, order.ref)
    if order.ref == conversation.order_ref and conversation.state in PAYING:
        moved = replace(moved, trail=())
    addressed = order.delivery.kind in {"address", "location"}
    moved = replace(
        moved,
        last_lines=tuple((line.product_id, line.quantity) for line in order.lines),
        last_names=tuple(line.name for line in order.lines),
        last_prices=tuple(line.unit_price for line in order.lines),
        last_delivery=order.delivery if addressed else moved.last_delivery,
        addresses=_saved(order, moved) if addressed else moved.addresses,
        orders_paid=moved.orders_paid + 1,
    )
    total = texts.money(event.receipt.amount, order.currency, moved.language)
    said = Say(
        Text(receipt(event.receipt, moved, shop)),
        kind="receipt",
        key=f"receipt:{order.ref}",
        fallback=templates.fill("order_receipt", moved.language, ref=order.ref, total=total),
    )
    return Next(moved, (said,))


def _saved(order: OrderView, conversation: Conversation) -> tuple[Delivery, ...]:
    """The last different places, this order's first; who took it there does not belong to the place."""
    here = replace(order.delivery, recipient="", recipient_phone="")
    others = [known for known in conversation.addresses if plain(known.text) != plain(here.text)]
    return (here, *(known for known in others if known != here))[:MOST_ADDRESSES]


MOST_ADDRESSES: Final = 3


def payment_failed(event: events.PaymentFailed, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Why, in plain words, and the ways on; nothing about orders that are paid, closed or no longer the open one."""
    order = event.order
    closed = order.payment_status == "paid" or order.status in {"cancelled", "expired"}
    if order.ref != conversation.order_ref or closed:
        return _quiet(conversation)
    moved = replace(
        conversation, method=event.method or conversation.method, order_total=order.total, misses=0
    )
    if not _busy(conversation):
        moved = replace(moved, state="payment_failed")
    key = f"failed-{event.reason.replace('_', '-')}"
    why = words(
        moved,
        key if texts.speaks(key) else "failed-unknown",
        method=method_name(moved.method or "mpesa", moved),
    )
    return Next(moved, (_news(failed(why, moved, shop)),))


def _pending(
    key: str,
    event: events.PaymentUnknown | events.PaymentStillPending,
    conversation: Conversation,
    shop: ShopSnapshot,
) -> Next:
    order = event.order
    if order.ref != conversation.order_ref or order.payment_status == "paid":
        return _quiet(conversation)
    moved = replace(conversation, method=event.method or conversation.method, order_total=order.total)
    if not _busy(conversation):
        moved = replace(moved, state="payment_processing")
    return Next(moved, (_news(waiting(key, moved, shop)),))


def payment_unknown(event: events.PaymentUnknown, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """We do not know: do not pay twice."""
    return _pending("unknown", event, conversation, shop)


def payment_still_pending(
    event: events.PaymentStillPending, conversation: Conversation, shop: ShopSnapshot
) -> Next:
    """Asked, and no answer yet."""
    return _pending(worded("still-pending", event.method), event, conversation, shop)


def money_without_order(
    event: events.MoneyWithoutOrder, conversation: Conversation, shop: ShopSnapshot
) -> Next:
    """The money came and the order is closed: the shop was told."""
    moved = _without_order(conversation, event.order.ref)
    amount = texts.money(event.amount, event.order.currency, moved.language)
    body = words(moved, "money-without-order", amount=amount, ref=event.order.ref, shop=fit(shop.name, 80))
    return Next(moved, (_news(text(body)),))


def refund_sent(event: events.RefundSent, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """How much went back, and under which reference; the customer stays where they are."""
    amount = texts.money(event.amount, event.order.currency, conversation.language)
    body = words(
        conversation,
        "refund-sent",
        amount=amount,
        ref=event.order.ref,
        reference=fit(event.reference, 100),
        shop=fit(shop.name, 80),
    )
    fallback = templates.fill("refund_sent", conversation.language, ref=event.order.ref, amount=amount)
    return Next(conversation, (_news(text(body), fallback=fallback),))


def order_moved(event: events.OrderMoved, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """One line per status a customer cares about; an order that expired gives its goods back to the cart."""
    order = event.order
    key = f"news-{order.status}"
    if not texts.speaks(key):
        return _quiet(conversation)
    moved = conversation
    if order.status in {"cancelled", "expired"}:
        moved = _without_order(conversation, order.ref)
        if order.status == "expired" and conversation.order_ref == order.ref and not conversation.cart:
            lines = [(line.product_id, line.quantity, line.unit_price) for line in order.lines]
            moved = cart.restored(moved, lines, shop)
    body = joined((words(moved, key, ref=order.ref, shop=fit(shop.name, 80)), aftersale.rider(order, moved)))
    said = text(body)
    if order.status == "delivered" and moved.state == "greeting" and not (moved.stopped or moved.handed_off):
        ask = f"{body} {words(moved, 'rate-ask', ref=order.ref)}"
        said = buttons(ask, aftersale.faces(order.ref), moved, shop)
    fallback = templates.fill(f"order_{order.status}", moved.language, ref=order.ref)
    return Next(moved, (_news(said, key=f"news:{order.ref}:{order.status}", fallback=fallback),))


def back_in_stock(event: events.BackInStock, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """It is there again, once; whoever comes too late waits on, and who said "stop" meanwhile hears nothing."""
    product = shop.product(event.product_id)
    if product is None or conversation.stopped:
        return _quiet(conversation)
    if product.sold_out:
        return Next(conversation, (WaitForStock(product.id),), silent=True)
    name = fit(product.name(conversation.language), PRODUCT_NAME)
    body = words(conversation, "back-in-stock", product=name, price=price_text(product, conversation, shop))
    said = buttons(body, (f"product:{product.id}", "products"), conversation, shop)
    fallback = templates.fill("back_in_stock", conversation.language, product=name)
    return Next(conversation, (_news(said, fallback=fallback),))


def order_reminder(event: events.OrderReminder, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """One word about an order that waits for its money; none while it is being paid or after "stop"."""
    order = event.order
    if order.status != "pending_payment" or order.payment_status == "pending" or conversation.stopped:
        return _quiet(conversation)
    if conversation.order_ref != order.ref or _busy(conversation) or conversation.handed_off:
        return _quiet(conversation)
    time = texts.clock(order.hold_until, shop.timezone, conversation.language)
    body = words(conversation, "reminder", ref=order.ref, total=_total(order, conversation), time=time)
    options = (f"paynow:{order.ref}", f"cancel_order:{order.ref}")
    said = buttons(body, options, conversation, shop)
    return Next(conversation, (_news(said, key=f"reminder:{order.ref}"),))


@dataclass(frozen=True, slots=True)
class Reaction:
    """How an event is answered, and the states it may lead to besides staying."""

    run: Callable[[Any, Conversation, ShopSnapshot], Next]
    leads_to: frozenset[str] = frozenset()


_HOME: Final = frozenset({"greeting"})

REACTIONS: Final[dict[type[object], Reaction]] = {
    events.OrderPlaced: Reaction(order_placed, frozenset({"payment_selection"})),
    events.OrderCreated: Reaction(order_created, frozenset({"payment_selection"})),
    events.OrderRefused: Reaction(order_refused, frozenset({"cart", "product_selected"})),
    events.OrderCancelled: Reaction(order_cancelled, frozenset({"greeting", "cart"})),
    events.CancelRefused: Reaction(
        cancel_refused, frozenset({"payment_processing", "greeting", "cancel_confirm"})
    ),
    events.PaymentRequested: Reaction(payment_requested, frozenset({"payment_processing"})),
    events.PaymentRefused: Reaction(
        payment_refused, frozenset({"payment_processing", "payment_selection", "greeting"})
    ),
    events.PaymentLinkReady: Reaction(payment_link_ready, frozenset({"payment_processing"})),
    events.PaymentSucceeded: Reaction(payment_succeeded, _HOME),
    events.PaymentFailed: Reaction(payment_failed, frozenset({"payment_failed"})),
    events.PaymentUnknown: Reaction(payment_unknown, frozenset({"payment_processing"})),
    events.PaymentStillPending: Reaction(payment_still_pending, frozenset({"payment_processing"})),
    events.MoneyWithoutOrder: Reaction(money_without_order, _HOME),
    events.RefundSent: Reaction(refund_sent),
    events.OrderMoved: Reaction(order_moved, _HOME),
    events.BackInStock: Reaction(back_in_stock),
    events.OrderReminder: Reaction(order_reminder),
    events.OrdersFound: Reaction(aftersale.found, aftersale.LEADS_TO),
    events.OrderRated: Reaction(aftersale.rated, frozenset({"rating_comment"})),
    events.DeliveryNoted: Reaction(aftersale.delivery_noted),
    events.ForgetAnswered: Reaction(aftersale.forget_answered, frozenset({"erase_confirm", "greeting"})),
}
"""Every event that is not a message."""
