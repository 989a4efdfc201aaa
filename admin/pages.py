"""The owner's pages: today at a glance, lists, one order, and moving it along."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response as BaseResponse

from admin import queries
from admin.api import main_shop
from admin.csrf import Forms
from admin.cursors import InvalidCursor
from admin.headers import secure
from admin.house import AdminHouse
from admin.wording import Wording, plain
from db import inbox
from db.models import AuditEntry, Customer, OutboxMessage, Shop
from db.types import clock
from errors import IllegalMove
from ghala import messages
from orders import service
from orders.status import MOVES, OWNER_MOVES
from payments import phone as phones

STATIC: Final = Path(__file__).parent / "static"
LARGEST_FORM: Final = 4 * 1024
STEPS: Final = ("preparing", "dispatched", "delivered")
FOREVER: Final = "public, max-age=31536000, immutable"
LONGEST_MESSAGE: Final = 280


def blueprint(house: AdminHouse) -> Blueprint:
    """``/admin/…``; everything but the stylesheet and the script asks for the admin's credentials."""
    pages = Blueprint(
        "admin", __name__, url_prefix="/admin", template_folder="templates", static_folder="static"
    )
    forms = Forms(house.config, house.now)
    versions = _versions()

    @pages.before_request
    def guard() -> None:
        if request.endpoint == "admin.static":
            return
        house.guard.admit(request)
        request.max_content_length = LARGEST_FORM

    @pages.after_request
    def protect(response: Response) -> Response:
        if request.endpoint == "admin.static" and request.args.get("v"):
            response.headers["Cache-Control"] = FOREVER
        return secure(response, production=house.config.production)

    @pages.app_template_global("admin_asset")
    def asset(name: str) -> str:
        # The address changes with the file, so that browsers may keep it for ever.
        return url_for("admin.static", filename=name, v=versions.get(name, "0"))

    def show(template: str, shop: Shop, **values: Any) -> str:
        say = Wording(house.now(), ZoneInfo(shop.timezone))
        return render_template(f"admin/{template}", shop=shop, say=say, mask=_mask, **values)

    def read_dashboard(session: Session, shop: Shop) -> queries.Dashboard:
        today = house.now().astimezone(ZoneInfo(shop.timezone)).date()
        return queries.dashboard(session, shop.id, today)

    @pages.get("/")
    def home() -> str:
        with house.database.reading() as session:
            shop = main_shop(session)
            board = read_dashboard(session, shop)
        return show("home.html", shop, board=board)

    @pages.get("/live")
    def live() -> str:
        with house.database.reading() as session:
            shop = main_shop(session)
            board = read_dashboard(session, shop)
        return show("_live.html", shop, board=board)

    @pages.get("/orders")
    def orders() -> str:
        after = request.args.get("after") or None
        with house.database.reading() as session:
            shop = main_shop(session)
            try:
                page = queries.orders_page(session, shop.id, after)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        return show("orders.html", shop, page=page, after=after)

    @pages.get("/customers")
    def customers() -> str:
        after = request.args.get("after") or None
        with house.database.reading() as session:
            shop = main_shop(session)
            try:
                page = queries.customers_page(session, shop.id, after)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        return show("customers.html", shop, page=page, after=after)

    @pages.get("/orders/<ref>")
    def order(ref: str) -> str:
        with house.database.reading() as session:
            shop = main_shop(session)
            detail = queries.order_detail(session, shop.id, ref)
        if detail is None:
            raise NotFound
        return show(
            "order.html",
            shop,
            detail=detail,
            steps=[step for step in STEPS if _may_become(detail.order.status, step)],
            timeline=timeline(detail),
            place=Place(detail.order.delivery),
            preview=preview,
            tick=tick,
            token=forms.token(),
        )

    @pages.post("/orders/<ref>/move")
    def move(ref: str) -> BaseResponse:
        forms.check(request)
        status = request.form.get("status", "")
        with house.database.writing() as session:
            shop = main_shop(session)
            event_id = _move(session, shop, ref, status, house.config.admin_username)
        if event_id is not None:
            house.bell.inbox("internal", event_id)
        return redirect(url_for("admin.order", ref=ref), 303)

    return pages


def _move(session: Session, shop: Shop, ref: str, status: str, actor: str) -> int | None:
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
    session.add(
        AuditEntry(
            shop_id=shop.id,
            actor=actor,
            action="order_moved",
            subject=ref,
            before={"status": seen.status},
            after={"status": status},
            created_at=clock(),
        )
    )
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


def _mask(phone: str | None) -> str:
    return phones.mask(phone) if phone else "no phone"


def _versions() -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:10]
        for file in STATIC.iterdir()
        if file.is_file()
    }
