"""One order: what was bought, paid and said, and moving it along."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response

from admin import queries
from admin.console import Console, Page
from admin.wording import MOVED_WORDS, Wording, plain
from db import inbox
from db.models import Customer, OutboxMessage, Shop
from errors import IllegalMove
from ghala import messages
from orders import service
from orders.status import MOVES, OWNER_MOVES

PAGE: Final = Page("order", under="orders")
STEPS: Final = ("preparing", "dispatched", "delivered")
LONGEST_MESSAGE: Final = 280


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/orders/<ref>``."""
    house = console.house

    @pages.get("/orders/<ref>")
    def order(ref: str) -> str:
        with house.database.reading() as session:
            shop = console.shop(session)
            detail = queries.order_detail(session, shop.id, ref)
        if detail is None:
            raise NotFound
        return console.show(
            "order.html",
            shop,
            detail=detail,
            steps=[step for step in STEPS if _may_become(detail.order.status, step)],
            timeline=timeline(detail),
            place=Place(detail.order.delivery),
            preview=preview,
            tick=tick,
        )

    @pages.post("/orders/<ref>/move")
    def order_move(ref: str) -> Response:
        status = request.form.get("status", "")
        with house.database.writing() as session:
            shop = console.shop(session)
            event_id = _move(console, session, shop, ref, status)
        if event_id is not None:
            house.bell.inbox("internal", event_id)
        return console.done(url_for("admin.order", ref=ref), MOVED_WORDS.get(status, "Done."))


def _move(console: Console, session: Session, shop: Shop, ref: str, status: str) -> int | None:
    """Move an order along, note who did it, and tell its customer; sent twice it moves once."""
    seen = queries.order_row(session, shop.id, ref)
    if seen is None:
        raise NotFound
    if status not in STEPS:
        raise BadRequest
    try:
        moved = service.move(session, shop.id, ref, status)
    except IllegalMove:
        if seen.status == status:  # the button was pressed twice: it is as the owner wants it
            return None
        raise Conflict(
            "This order cannot be moved there any more. Reload the page to see where it is."
        ) from None
    console.note(session, shop, "order_moved", ref, before={"status": seen.status}, after={"status": status})
    customer = session.get_one(Customer, moved.customer_id)
    return inbox.record_internal(
        session,
        shop.id,
        customer.identity,
        "OrderMoved",
        {"order_ref": ref, "status": status},
        unique=queries.move_key(ref, status),
    )


def _may_become(status: str, step: str) -> bool:
    return step in OWNER_MOVES and status not in {"cancelled", "expired"} and step in MOVES[status]


class Place:
    """Where an order goes, as the page shows it."""

    def __init__(self, delivery: dict[str, Any]) -> None:
        self.kind = str(delivery.get("kind", ""))
        self.text = str(delivery.get("text") or "")
        self.landmark = str(delivery.get("landmark") or "")
        latitude, longitude = delivery.get("latitude"), delivery.get("longitude")
        self.map_link = ""
        if isinstance(latitude, (int, float)) and isinstance(longitude, (int, float)):
            pin = quote(f"{latitude:.6f},{longitude:.6f}")
            self.map_link = f"https://www.google.com/maps/search/?api=1&query={pin}"
        elif self.kind == "address" and self.text:
            self.map_link = f"https://www.google.com/maps/search/?api=1&query={quote(plain(self.text, 200))}"

    @property
    def heading(self) -> str:
        """How it gets there."""
        words = {
            "address": "Deliver to",
            "location": "Deliver to a pin",
            "pickup": "The customer picks it up",
        }
        return words.get(self.kind, "No address given")


def timeline(detail: queries.OrderDetail) -> list[tuple[Any, str]]:
    """What happened to an order, oldest first: moments and sentences."""
    order = detail.order
    source = "through the orders API" if order.source == "api" else "in the chat"
    told: list[tuple[Any, str]] = [(order.placed_at, f"Placed {source}")]
    say = Wording(order.placed_at, ZoneInfo("UTC"))
    for payment in detail.payments:
        told.append((payment.created_at, f"{say.method(payment.method)} payment started"))
        if payment.closed_at is not None and payment.status != "succeeded":
            told.append((payment.closed_at, f"{say.method(payment.method)} payment {payment.status}"))
    if order.paid_at is not None:
        told.append((order.paid_at, "Paid"))
    told.extend((moment, say.order_status(status)) for status, moment in detail.moves)
    if order.closed_at is not None:
        told.append((order.closed_at, say.order_status(order.status)))
    told.extend(
        (event.created_at, say.money_kind(event.kind))
        for event in detail.money
        if event.kind in {"unmatched", "refund_due"}
    )
    return sorted(told, key=lambda entry: entry[0])


def preview(message: OutboxMessage) -> str:
    """The first words of a message as it reads on any phone."""
    try:
        text = messages.load(message.message).numbered()
    except messages.InvalidMessage:
        text = str(message.message.get("type", ""))
    return plain(text, LONGEST_MESSAGE)


def tick(message: OutboxMessage) -> tuple[str, str]:
    """How far a message got: a name for its sign, and words."""
    if message.status == "dead" or message.delivery == "failed":
        return "failed", "Not delivered"
    if message.status == "waiting":
        return "waiting", "Waiting to be sent"
    words = {"delivered": "Delivered", "read": "Read"}
    return (message.delivery, words[message.delivery]) if message.delivery in words else ("sent", "Sent")
