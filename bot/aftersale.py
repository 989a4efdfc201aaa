"""Orders talked about after they were placed: where one is, what there were, copies, again, ratings. Pure.

What was asked comes back here as ``OrdersFound`` with its purpose; each purpose is one function in ``ANSWERS``.
"""

# ruff: noqa: ARG001 - every handler is called alike
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from bot import cart, events, texts
from bot.conversation import Conversation
from bot.effects import Say
from bot.ordering import deliver_to
from bot.receipt import receipt
from bot.shopping import still_on_offer
from bot.state import Next, goes
from bot.wording import NOTED, PRODUCT_NAME, buttons, joined, lines_within, listing, place, row, text, words
from catalog.snapshot import ShopSnapshot
from ghala.messages import Text, fit
from orders.order import Delivery, OrderView
from orders.status import CANCELLABLE
from records import replace

UNDER_WAY: Final = frozenset({"paid", "preparing", "dispatched"})
"""Paid and not there yet."""
CLOSED: Final = frozenset({"cancelled", "expired"})
FACES: Final = {"rate_good": 5, "rate_fair": 3, "rate_poor": 1}
"""The three faces, in stars."""
RIDER: Final = 60
LINES: Final = 500


def found(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """What the customer wanted the orders for."""
    return ANSWERS[event.purpose](event, conversation, shop)


def _track(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The order that is under way, else the newest."""
    if not event.orders:
        body = words(conversation, "track-none")
        return Next(conversation, (buttons(body, ("products", "promotions"), conversation, shop),))
    order = next((order for order in event.orders if order.status in UNDER_WAY), event.orders[0])
    return _shown(order, stands(order, conversation, shop), conversation, shop)


def _order(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """One order whole: lines, total, where to, how it stands."""
    if not event.orders:
        return _track(event, conversation, shop)
    order = event.orders[0]
    head = words(conversation, "summary-title", ref=order.ref)
    foot = joined(
        (
            words(conversation, "summary-total", total=_total(order, conversation)),
            words(conversation, "summary-place", place=place(order.delivery, conversation)),
            "",
            stands(order, conversation, shop),
        )
    )
    lines = [
        words(conversation, "line-short", quantity=str(line.quantity), product=fit(line.name, PRODUCT_NAME))
        for line in order.lines
    ]
    return _shown(order, f"{head}\n{lines_within(lines, LINES, conversation)}\n{foot}", conversation, shop)


def _shown(order: OrderView, body: str, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Words about an order with what can be done with it; an unpaid one becomes the one to be paid."""
    if order.status == "pending_payment" and conversation.order_ref in {"", order.ref}:
        conversation = replace(conversation, order_ref=order.ref, order_total=order.total)
    return Next(conversation, (buttons(body, _ways_on(order, conversation), conversation, shop),))


def _ways_on(order: OrderView, conversation: Conversation) -> tuple[str, ...]:
    ref = order.ref
    if order.status == "pending_payment":
        mine = conversation.order_ref == ref
        return (f"paynow:{ref}", f"cancel_order:{ref}", "history") if mine else ("history", "human")
    if order.status in CANCELLABLE:
        return (f"receipt:{ref}", f"cancel_paid:{ref}", "history")
    if order.status in CLOSED:
        return (f"again:{ref}", "history", "human")
    if order.status == "delivered":
        return (f"again:{ref}", f"receipt:{ref}", "history")
    return ("human", f"receipt:{ref}", "history")


def stands(order: OrderView, conversation: Conversation, shop: ShopSnapshot) -> str:
    """How the order stands and what happens next."""
    key = order.status.replace("_", "-")
    if order.status in CLOSED and order.paid_at is not None:
        key = "cancelled-paid"
    if order.status == "dispatched" and order.delivery.kind == "pickup":
        key = "dispatched-pickup"
    said = words(
        conversation,
        f"stands-{key}",
        ref=order.ref,
        shop=fit(shop.name, 80),
        total=_total(order, conversation),
        time=texts.clock(order.hold_until, shop.timezone, conversation.language),
    )
    return joined((said, rider(order, conversation)))


def rider(order: OrderView, conversation: Conversation) -> str:
    """Who brings it and how to reach them, once it is on its way."""
    if order.rider is None or order.status != "dispatched":
        return ""
    known = (fit(order.rider.name, RIDER) if order.rider.name else "", order.rider.phone)
    return words(conversation, "rider", rider=", ".join(part for part in known if part))


def _history(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The last five, each opening whole."""
    if not event.orders:
        return _track(event, conversation, shop)
    rows = [
        row(
            f"order:{order.ref}",
            order.ref,
            words(
                conversation,
                "history-row",
                total=_total(order, conversation),
                status=words(conversation, f"status-{order.status.replace('_', '-')}"),
                date=texts.day(order.placed_at, shop.timezone, conversation.language),
            ),
            conversation,
        )
        for order in event.orders
    ]
    said = listing(words(conversation, "history-body"), words(conversation, "history-button"), rows)
    return Next(conversation, (said,))


def _receipt(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The receipt again, said to be a copy; the original is promised once and elsewhere."""
    if event.receipt is None:
        body = words(conversation, "receipt-none")
        return Next(conversation, (buttons(body, ("track", "products"), conversation, shop),))
    body = receipt(event.receipt, conversation, shop, copy=True)
    return Next(conversation, (Say(Text(body), kind="copy"),))


def _again(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The lines of that order into the cart."""
    if not event.orders:
        return _track(event, conversation, shop)
    order = event.orders[0]
    known = [(line.product_id, line.quantity, line.name, line.unit_price) for line in order.lines]
    return reorder(replace(conversation, product_id=None), known, shop)


def reorder(
    conversation: Conversation, lines: Iterable[tuple[int, int, str, int]], shop: ShopSnapshot
) -> Next:
    """Lines of an earlier order (product, pieces, name, price) into the cart at today's prices; on to the address.

    What is gone, fewer or costs something else is named. Asking twice gives the lines once.
    """
    notices: list[str] = []
    nameless = 0
    for product_id, count, called, price in lines:
        product = shop.sellable(product_id)
        if product is None:
            nameless += not called
            if called:
                notices.append(words(conversation, "again-gone", product=fit(called, PRODUCT_NAME)))
            continue
        name = fit(product.name(conversation.language), PRODUCT_NAME)
        there = count if product.available is None else min(count, product.available)
        if there <= 0:
            notices.append(words(conversation, "cart-sold-out", product=name))
            continue
        if there < count:
            notices.append(words(conversation, "cart-fewer", product=name, count=there))
        if price and price != product.price:
            now = texts.money(product.price, shop.currency, conversation.language)
            notices.append(words(conversation, "cart-new-price", product=name, amount=now))
        most = max(there, cart.quantity_of(conversation, product_id))
        conversation = cart.with_quantity(conversation, product, most)
    if nameless:
        notices.insert(0, words(conversation, "cart-gone", count=nameless))
    if not conversation.cart:
        return goes(
            conversation, "product_selected", joined((*notices, words(conversation, "again-nothing")))
        )
    return goes(conversation, "address_input", joined(notices))


def order_again(conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The last paid order into the cart."""
    names = conversation.last_names
    prices = conversation.last_prices
    lines = [
        (
            product_id,
            count,
            names[place] if place < len(names) else "",
            prices[place] if place < len(prices) else 0,
        )
        for place, (product_id, count) in enumerate(conversation.last_lines)
    ]
    return reorder(conversation, lines, shop)


def repeatable(conversation: Conversation, shop: ShopSnapshot) -> Delivery | None:
    """Where the last paid order went, if one tap may order the same to the same place."""
    place = conversation.last_delivery
    there = place is not None and place.kind in {"address", "location"}
    return place if there and not conversation.cart and still_on_offer(conversation, shop) else None


def repeat(conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Order what was paid last to where it went; if anything has changed since, as ``order_again``."""
    place = repeatable(conversation, shop)
    step = order_again(conversation, shop)
    changed = step.lead or step.conversation.state != "address_input"
    return step if place is None or changed else deliver_to(step.conversation, place, shop)


def _cancel(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The newest order that can be cancelled, after asking; or why there is none."""
    order = next((order for order in event.orders if order.status in CANCELLABLE), None)
    if order is not None:
        return confirm_cancel(order.ref, order.total, conversation)
    moving = next((order for order in event.orders if order.status == "dispatched"), None)
    if moving is not None:
        return on_its_way(moving.ref, conversation, shop)
    return Next(conversation, lead=words(conversation, "nothing-to-cancel"))


def confirm_cancel(ref: str, total: int, conversation: Conversation) -> Next:
    """The question before a paid order is given up."""
    return goes(replace(conversation, about_ref=ref, about_total=total), "cancel_confirm")


def on_its_way(ref: str, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Too late to cancel; a person can still help."""
    body = words(conversation, "cancel-on-its-way", ref=ref)
    return Next(conversation, (buttons(body, ("human", "track"), conversation, shop),))


def _rate(event: events.OrdersFound, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The three faces for the newest order that arrived."""
    order = next((order for order in event.orders if order.status == "delivered"), None)
    if order is None:
        body = words(conversation, "rate-none")
        return Next(conversation, (buttons(body, ("track", "products"), conversation, shop),))
    body = words(conversation, "rate-ask", ref=order.ref)
    return Next(conversation, (buttons(body, faces(order.ref), conversation, shop),))


def faces(ref: str) -> tuple[str, ...]:
    """One tap each."""
    return tuple(f"{face}:{ref}" for face in FACES)


def rated(event: events.OrderRated, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Thanks, and room for one line where the customer is not in the middle of something."""
    if not event.kept:
        return Next(conversation, (text(words(conversation, "rate-not-kept", ref=event.order_ref)),))
    if conversation.state in {"greeting", "rating_comment"}:
        return goes(
            replace(conversation, about_ref=event.order_ref, about_stars=event.stars), "rating_comment"
        )
    options = ("human",) if event.stars < FACES["rate_fair"] else ("menu",)
    key = "rated-poor" if event.stars < FACES["rate_fair"] else "rated"
    return Next(conversation, (buttons(words(conversation, key), options, conversation, shop),))


def forget_answered(event: events.ForgetAnswered, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """Ask once, say that it is done, or what is in the way and when it will not be."""
    if not event.reason:
        return goes(conversation, "erase_confirm")
    if event.reason == "done":
        fresh = Conversation(language=conversation.language, turn=conversation.turn)
        return Next(fresh, (text(words(conversation, "erase-done")),))
    body = words(conversation, f"erase-{event.reason}", ref=event.order_ref)
    home = replace(
        conversation, state="greeting" if conversation.state == "erase_confirm" else conversation.state
    )
    return Next(home, (buttons(body, ("track", "human"), home, shop),))


def delivery_noted(event: events.DeliveryNoted, conversation: Conversation, shop: ShopSnapshot) -> Next:
    """The line is with the rider; the question asked before still stands."""
    key = "delivery-noted" if event.kept else "delivery-not-noted"
    return Next(conversation, lead=words(conversation, key, line=fit(event.line, NOTED)))


def _total(order: OrderView, conversation: Conversation) -> str:
    return texts.money(order.total, order.currency, conversation.language)


ANSWERS: Final[dict[str, Callable[[events.OrdersFound, Conversation, ShopSnapshot], Next]]] = {
    "track": _track,
    "history": _history,
    "order": _order,
    "receipt": _receipt,
    "again": _again,
    "cancel": _cancel,
    "rate": _rate,
}
"""What orders are looked up for."""

LEADS_TO: Final = frozenset({"cancel_confirm", "address_input", "product_selected"})
