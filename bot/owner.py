"""What the shop's owner is told on WhatsApp, and what they may answer.

An owner is a customer whose number the console marked (``customers.owner_since``), so their messages go through the
same outbox: in order, inside 24 hours as they are, afterwards as a template, each once by its key. What an owner
writes is no shopping unless they have ordered before: "1" confirms the paid order they were told of last, or the one
whose message they quote, and anything else is answered with what this number is for.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from bot import templates, texts
from bot.effects import Say
from db import audit, clock, outbox
from db.models import Conversation, Customer, MoneyEvent, Order, OutboxMessage, Payment, Product, Shop
from db.types import word
from errors import RuleBroken
from ghala.inbound import InboundMessage, TextContent
from ghala.messages import Template, Text, dump, fit
from keeping import chores, waiting
from orders import customers, totals
from orders import service as order_service
from orders.order import OrderView
from payments import reconciliation

SETTING: Final = "owner"
NEWS: Final = ("paid", "needs", "summary")
HOUR: Final = 20
"""Of the shop's day, at which the summary goes unless the setting says otherwise."""
LOOK_EVERY: Final = 55.0
MOST: Final = 50
CONFIRM: Final = "1"


def wishes(shop: Shop) -> dict[str, Any]:
    """What the owner wants to hear: each of ``NEWS``, and the ``hour`` of the summary."""
    kept = (shop.settings or {}).get(SETTING, {})
    return {name: bool(kept.get(name, True)) for name in NEWS} | {"hour": int(kept.get("hour", HOUR))}


def of_shop(session: Session, shop_id: int) -> list[Customer]:
    """The owners of a shop (``ix_customers_owners``)."""
    found = select(Customer).where(Customer.shop_id == shop_id, Customer.owner_since.is_not(None))
    return list(session.scalars(found.order_by(Customer.id)))


def appoint(session: Session, shop_id: int, phones: Collection[str]) -> None:
    """From now on these numbers, with plus, and no others are the owners'."""
    wanted = {phone.removeprefix("+"): phone for phone in phones}
    for owner in of_shop(session, shop_id):
        if owner.identity not in wanted:
            customers.count_as_owner(session, owner, owner=False)
    for identity, phone in wanted.items():
        known = customers.reach(session, shop_id, identity, phone=phone)
        customers.count_as_owner(session, known, owner=True)


def tell_paid(session: Session, shop_id: int, order: OrderView) -> int:
    """Promise the news of a paid order to every owner; how many messages that are, each once for ever."""
    owners = of_shop(session, shop_id)
    if not owners:
        return 0
    shop = session.get_one(Shop, shop_id)
    if not wishes(shop)["paid"]:
        return 0
    name = session.scalar(select(Order.customer_name).where(Order.ref == order.ref, Order.shop_id == shop_id))
    total = texts.money(order.total, order.currency, shop.language)
    items = ", ".join(f"{line.quantity} \u00d7 {line.name}" for line in order.lines)
    said = texts.say(
        shop.language,
        "owner-paid",
        ref=order.ref,
        total=total,
        items=fit(items, 500),
        name=fit(name or "-", 60),
    )
    template = templates.fill("owner_order_paid", shop.language, ref=order.ref, total=total)
    return _promise(session, shop, owners, f"paid:{order.ref}", said, template)


def _promise(
    session: Session, shop: Shop, owners: Collection[Customer], what: str, said: str, template: Template
) -> int:
    told = 0
    for owner in owners:
        key = f"owner:{what}:{owner.id}"
        promise = outbox.Promise(
            f"out:{key}", dump(Text(said)), kind="owner", unique_key=key, fallback=dump(template)
        )
        told += len(outbox.promise(session, shop.id, owner.id, [promise]))
    return told


def heard(
    session: Session, shop_id: int, customer_id: int, message: InboundMessage, *, shopping: bool
) -> tuple[Say, list[int]] | None:
    """Deal with what an owner wrote; the answer and the events to ring for, ``None`` when it is shopping.

    ``shopping`` says that they are in the middle of it: then only a quoted message of ours is not.
    """
    shop = session.get_one(Shop, shop_id)
    body = message.content.body.strip() if isinstance(message.content, TextContent) else ""
    if body == CONFIRM:
        ref = _to_confirm(session, customer_id, message.quoted_id, only_quoted=shopping)
        if ref:
            return _confirm(session, shop, ref)
    ordered = session.scalar(select(Customer.orders_placed).where(Customer.id == customer_id)) or 0
    if shopping or ordered:
        return None
    return _say(shop, "owner-nothing-to-confirm" if body == CONFIRM else "owner-help"), []


def _say(shop: Shop, key: str, **args: str) -> Say:
    return Say(Text(texts.say(shop.language, key, **args)), kind="owner")


def _to_confirm(session: Session, customer_id: int, quoted: str | None, *, only_quoted: bool) -> str:
    """The paid order an owner means: the one they quote, else the last they were told of that waits."""
    if only_quoted and quoted is None:
        return ""
    rows = session.execute(
        select(OutboxMessage.unique_key, OutboxMessage.provider_id)
        .where(OutboxMessage.customer_id == customer_id)
        .order_by(OutboxMessage.id.desc())
        .limit(MOST)
    ).all()
    told = [
        (row.unique_key.split(":")[2], row.provider_id)
        for row in rows
        if (row.unique_key or "").startswith("owner:paid:")
    ]
    refs = [ref for ref, provider_id in told if quoted is None or provider_id == quoted]
    waiting = set(session.scalars(select(Order.ref).where(Order.ref.in_(refs), Order.status == word("paid"))))
    return next((ref for ref in refs if ref in waiting), "")


def _confirm(session: Session, shop: Shop, ref: str) -> tuple[Say, list[int]]:
    try:
        order = order_service.move(session, shop.id, ref, "preparing", actor="owner")
    except RuleBroken:  # somebody was faster
        return _say(shop, "owner-nothing-to-confirm"), []
    act = audit.begin(session, shop.id, "owner", "order_moved", ref)
    audit.finish(session, act, before={"status": "paid"}, after={"status": "preparing"})
    event_id = order_service.tell_moved(session, order)
    return _say(shop, "owner-confirmed", ref=ref), [] if event_id is None else [event_id]


def to_tell(session: Session) -> list[int]:
    """The shops that have an owner."""
    found = select(Customer.shop_id).where(Customer.owner_since.is_not(None)).distinct()
    return list(session.scalars(found))


def tell(session: Session, shop_id: int) -> int:
    """What is new for the owners of a shop, about once a minute; how many messages that are."""
    owners = of_shop(session, shop_id)
    name = f"owner:{shop_id}"
    if not owners or not chores.begin(session, name, LOOK_EVERY):
        return 0
    shop = session.get_one(Shop, shop_id)
    wanted = wishes(shop)
    now: datetime = session.execute(select(clock())).scalar_one()
    known = chores.progress(session, name)
    told = 0
    found, counts = _needs(session, shop, known.get("needs", {}))
    if counts and wanted["needs"]:
        needs = ", ".join(
            texts.say(shop.language, f"owner-need-{kind}", count=count) for kind, count in counts.items()
        )
        said = texts.say(shop.language, "owner-needs", shop=fit(shop.name, 60), needs=needs)
        template = templates.fill("owner_needs", shop.language, shop=shop.name, needs=needs)
        told += _promise(session, shop, owners, f"needs:{int(now.timestamp())}", said, template)
    local = now.astimezone(ZoneInfo(shop.timezone))
    today = local.date().isoformat()
    summary = known.get("summary", "")
    if local.hour >= wanted["hour"] and summary != today:
        summary = today
        if wanted["summary"]:
            told += _summary(session, shop, owners, local)
    chores.keep_progress(session, name, needs=found, summary=summary)
    return told


def _summary(session: Session, shop: Shop, owners: Collection[Customer], local: datetime) -> int:
    """The day so far: orders, what was paid, M-Pesa, what does not add up, and what is nearly sold out."""
    day = local.date()
    sums = totals.between(session, shop.id, day, day)
    mpesa = sum(one.revenue for one in totals.by_method(session, shop.id, day, day) if one.method == "mpesa")
    report = reconciliation.check(session, shop.id, 1)
    booked = sum(one.booked for one in report.days if one.day == day)
    args = {
        "shop": fit(shop.name, 60),
        "orders": str(sums.orders_placed),
        "paid": str(sums.orders_paid),
        "taken": texts.money(sums.revenue, shop.currency, shop.language),
        "mpesa": texts.money(mpesa, shop.currency, shop.language),
        "difference": texts.money(abs(sums.revenue - booked), shop.currency, shop.language),
        "open": str(report.for_a_person),
        "low": str(len(session.scalars(_low(shop)).all())),
    }
    said = texts.say(shop.language, "owner-summary", **args)
    template = templates.fill("owner_summary", shop.language, **args)
    return _promise(session, shop, owners, f"summary:{day.isoformat()}", said, template)


def _needs(
    session: Session, shop: Shop, known: dict[str, list[int]]
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """What needs a person now, by kind, and how many of each kind are new since ``known``."""
    found = _open(session, shop)
    counts = {kind: len(set(ids) - set(known.get(kind, ()))) for kind, ids in found.items()}
    return found, {kind: count for kind, count in counts.items() if count}


def _open(session: Session, shop: Shop) -> dict[str, list[int]]:
    """What waits for a person, by kind, the newest first."""
    rows: dict[str, Select[Any]] = {
        "person": select(Conversation.customer_id)
        .where(waiting.people(shop.id))
        .order_by(Conversation.wants_person_since.desc()),
        "money": select(MoneyEvent.id).where(waiting.money(shop.id)).order_by(MoneyEvent.id.desc()),
        # Most of what is unclear clears up by itself.
        "payment": select(Payment.id)
        .where(waiting.payments(shop.id), Payment.updated_at < clock(-reconciliation.CLEAR_WITHIN))
        .order_by(Payment.updated_at.desc()),
        "stock": _low(shop),
    }
    found = {kind: list(session.scalars(those.limit(MOST))) for kind, those in rows.items()}
    # One of our own to the owner that did not arrive is no reason for another.
    lost = [row.id for row in waiting.messages(session, shop.id) if row.kind != "owner"]
    return found | {"message": lost}


def _low(shop: Shop) -> Select[Any]:
    return select(Product.id).where(waiting.nearly_sold_out(shop)).order_by(Product.id).limit(MOST)
