"""The order's two papers: the summary before paying and the receipt after. Pure."""

from __future__ import annotations

from bot import texts
from bot.conversation import Conversation
from bot.wording import (
    BODY,
    TEXT,
    closed,
    joined,
    lines_within,
    method_name,
    methods,
    own_words,
    place,
    words,
)
from catalog.snapshot import ShopSnapshot
from ghala.messages import fit
from orders.order import OrderLineView, OrderView, Receipt

COLUMN = 28
"""Names are padded to this width at most; a phone shows about as many characters in a line."""
NAME = 90
PLACE = 2400
"""Fluent fills a place with at most 2,500 characters."""


def summary(order: OrderView, conversation: Conversation, shop: ShopSnapshot) -> str:
    """The placed order: lines, discount, delivery, total, where to, what happens next; fits a button message."""
    head = words(conversation, "summary-title", ref=order.ref)
    foot = closed(_foot(order, conversation, shop), conversation, shop)
    lines = [
        words(
            conversation,
            "line",
            quantity=str(line.quantity),
            product=fit(line.name, NAME),
            amount=_money(line.total, order, conversation),
        )
        for line in order.lines
    ]
    room = BODY - len(head) - len(foot) - 2
    return f"{head}\n{lines_within(lines, room, conversation)}\n{foot}"


def _foot(order: OrderView, conversation: Conversation, shop: ShopSnapshot) -> str:
    return joined(
        (
            _discount(order, conversation),
            words(conversation, "summary-delivery", amount=_money(order.delivery_fee, order, conversation)),
            words(conversation, "summary-total", total=_money(order.total, order, conversation)),
            words(conversation, "summary-place", place=place(order.delivery, conversation)),
            "",
            words(
                conversation,
                "summary-held",
                minutes=shop.hold_minutes,
                time=texts.clock(order.hold_until, shop.timezone, conversation.language),
            ),
            words(conversation, "summary-next" if methods(shop) else "summary-next-person"),
        )
    )


def receipt(paid: Receipt, conversation: Conversation, shop: ShopSnapshot, *, copy: bool = False) -> str:
    """The receipt, or a ``copy`` of it that says so; its heading appears nowhere else."""
    key = "receipt-copy" if copy else "receipt"
    order = paid.order
    by = " ".join(part for part in (method_name(paid.method, conversation), paid.reference) if part)
    after = [
        _row(words(conversation, "receipt-delivery"), order.delivery_fee, order, conversation),
        _row(words(conversation, "receipt-total"), paid.amount, order, conversation),
    ]
    if order.discount:
        discount = fit(order.discount_label or words(conversation, "receipt-discount"), NAME)
        after.insert(0, _row(discount, -order.discount, order, conversation))
    thanks = own_words(conversation, shop, "receipt-thanks")
    fixed = words(
        conversation,
        key,
        shop=fit(shop.name, 80),
        ref=order.ref,
        lines="",
        method=by,
        date=texts.moment(paid.paid_at, shop.timezone, conversation.language),
        delivery=_where(order, conversation),
        thanks=thanks,
    )
    foot = "\n".join(after)
    rows = [_line(line, order, conversation) for line in order.lines]
    room = min(TEXT - len(fixed), PLACE) - len(foot) - 1
    return words(
        conversation,
        key,
        shop=fit(shop.name, 80),
        ref=order.ref,
        lines=f"{lines_within(rows, room, conversation)}\n{foot}",
        method=by,
        date=texts.moment(paid.paid_at, shop.timezone, conversation.language),
        delivery=_where(order, conversation),
        thanks=thanks,
    )


def _money(minor: int, order: OrderView, conversation: Conversation) -> str:
    return texts.money(minor, order.currency, conversation.language)


def _row(name: str, minor: int, order: OrderView, conversation: Conversation) -> str:
    sign = "\u2212" if minor < 0 else ""
    return f"{name.ljust(COLUMN)}   {sign}{_money(abs(minor), order, conversation)}"


def _line(line: OrderLineView, order: OrderView, conversation: Conversation) -> str:
    name = words(conversation, "line-short", quantity=str(line.quantity), product=fit(line.name, NAME))
    return _row(name, line.total, order, conversation)


def _discount(order: OrderView, conversation: Conversation) -> str:
    if not order.discount:
        return ""
    title = fit(order.discount_label or words(conversation, "receipt-discount"), 80)
    return words(
        conversation, "discount-line", title=title, amount=_money(order.discount, order, conversation)
    )


def _where(order: OrderView, conversation: Conversation) -> str:
    key = "receipt-pickup" if order.delivery.kind == "pickup" else "receipt-place"
    return words(conversation, key, place=place(order.delivery, conversation, limit=400))
