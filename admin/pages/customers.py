"""Everyone who wrote or ordered, and one of them: what they bought, what is known, and forgetting it."""

from __future__ import annotations

from typing import Final

import orjson
from flask import Blueprint, Response, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response as BaseResponse

from admin import finding, queries
from admin.console import Console, Page, Question
from admin.cursors import InvalidCursor
from admin.wording import plain
from bot import staff
from db.models import ERASED, Conversation, Customer, Order, OrderNote, Rating, Shop
from keeping import privacy
from languages import LANGUAGES

PAGE: Final = Page("customers", "Customers", icon="customers")
LONGEST_SEARCH: Final = 80
MOST_RATINGS: Final = 20
MOST_NOTES: Final = 20
ORDERS: Final = 10
UNKNOWN: Final = "This customer is forgotten already."


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/customers`` and ``/admin/customers/<id>``."""
    house = console.house
    actor = house.config.admin_username

    @pages.get("/customers")
    def customers() -> str:
        after = request.args.get("after") or None
        text = plain(request.args.get("q", ""), LONGEST_SEARCH)
        with house.database.reading() as session:
            shop = console.shop(session)
            try:
                page = finding.customers(session, shop.id, text, after)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
        asked = {"q": text} if text else {}
        return console.show("customers.html", shop, page=page, after=after, asked=asked)

    def found(session: Session, customer_id: int) -> tuple[Shop, Customer]:
        shop = console.shop(session)
        customer = session.get(Customer, customer_id)
        if customer is None or customer.shop_id != shop.id:
            raise NotFound
        return shop, customer

    def known(session: Session, customer_id: int) -> tuple[Shop, Customer]:
        shop, customer = found(session, customer_id)
        if customer.identity.startswith(ERASED):
            raise Conflict(UNKNOWN)
        return shop, customer

    @pages.get("/customers/<int:customer_id>")
    def customers_one(customer_id: int) -> str:
        after = request.args.get("after") or None
        with house.database.reading() as session:
            shop, customer = found(session, customer_id)
            try:
                orders = queries.orders_of(session, customer_id, after, ORDERS)
            except InvalidCursor as wrong:
                raise BadRequest from wrong
            ratings = session.execute(
                select(Rating.stars, Rating.comment, Rating.created_at, Order.ref)
                .join(Order, Order.id == Rating.order_id)
                .where(Rating.customer_id == customer_id)
                .order_by(Rating.customer_id, Rating.id.desc())
                .limit(MOST_RATINGS)
            ).all()
            notes = session.execute(
                select(OrderNote.body, OrderNote.author, OrderNote.created_at, Order.ref)
                .join(Order, Order.id == OrderNote.order_id)
                .where(OrderNote.order_id.in_([order.id for order in orders.rows]))
                .limit(MOST_NOTES)
            ).all()
            conversation = session.get(Conversation, customer_id)
        return console.show(
            "customer.html",
            shop,
            customer=customer,
            forgotten=customer.identity.startswith(ERASED),
            orders=orders,
            after=after,
            ratings=ratings,
            notes=sorted(notes, key=lambda note: note.created_at, reverse=True),
            talked=conversation is not None and conversation.inbound_at is not None,
            language=LANGUAGES[customer.language].name if customer.language in LANGUAGES else "",
        )

    @pages.post("/customers/<int:customer_id>/export")
    def customers_export(customer_id: int) -> Response:
        with house.database.writing() as session:
            shop, customer = known(session, customer_id)
            data = privacy.export(session, customer)
            console.note(session, shop, "customer_exported", f"customer {customer_id}")
        response = Response(orjson.dumps(data, option=orjson.OPT_INDENT_2), content_type="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="customer-{customer_id}.json"'
        return response

    @pages.get("/customers/<int:customer_id>/erase")
    def customers_erase_ask(customer_id: int) -> str:
        with house.database.reading() as session:
            shop, customer = known(session, customer_id)
            reasons = privacy.still_needed(session, customer)
        return erasing(shop, customer_id, customer.name, reasons)

    def erasing(shop: Shop, customer_id: int, name: str, reasons: list[str]) -> str:
        return console.show("erase.html", shop, customer_id=customer_id, name=name, reasons=reasons)

    @pages.post("/customers/<int:customer_id>/erase")
    def customers_erase(customer_id: int) -> BaseResponse | tuple[str, int]:
        with house.database.reading() as session:
            shop, customer = known(session, customer_id)
        try:
            privacy.erase(house.database, customer_id, actor=actor, drop_copy=house.drop_copy)
        except privacy.StillNeeded as refusal:
            return erasing(shop, customer_id, customer.name, list(refusal.reasons)), 409
        except privacy.UnknownCustomer:
            raise Conflict(UNKNOWN) from None
        return console.done(
            url_for("admin.customers_one", customer_id=customer_id),
            "This customer is forgotten. Their orders stay in the books without a name.",
        )

    @pages.get("/customers/<int:customer_id>/block")
    def customers_block_ask(customer_id: int) -> str:
        with house.database.reading() as session:
            shop, customer = known(session, customer_id)
        says = (
            "The bot is silent: what they write is kept, and not answered.",
            "Receipts and news of orders they placed still go out.",
            "They are not told. You can unblock them at any time.",
        )
        title = f"Block {plain(customer.name) or 'this customer'}"
        back = url_for("admin.customers_one", customer_id=customer_id)
        return console.ask(shop, Question(title, says, "Block", back, danger=True))

    @pages.post("/customers/<int:customer_id>/block")
    def customers_block(customer_id: int) -> BaseResponse:
        return blocked(customer_id, wanted=True)

    @pages.post("/customers/<int:customer_id>/unblock")
    def customers_unblock(customer_id: int) -> BaseResponse:
        return blocked(customer_id, wanted=False)

    def blocked(customer_id: int, *, wanted: bool) -> BaseResponse:
        with house.database.writing() as session:
            shop, _ = known(session, customer_id)
            change = staff.block if wanted else staff.unblock
            change(session, shop.id, customer_id, actor=actor)
        text = "Blocked: the bot does not answer them." if wanted else "The bot answers them again."
        return console.done(url_for("admin.customers_one", customer_id=customer_id), text)
