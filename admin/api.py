"""JSON for machines with admin credentials: the shop's figures and lists, and orders from outside the chat."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

import orjson
from flask import Blueprint, Response, request
from pydantic import BaseModel
from sqlalchemy.orm import Session
from werkzeug.exceptions import Forbidden, NotFound, ServiceUnavailable, UnsupportedMediaType

from admin import idempotency, queries, refunds_api
from admin.csrf import Forms
from admin.cursors import InvalidCursor
from admin.headers import secure
from admin.house import AdminHouse
from admin.orders_input import InvalidFields, LineBody, OrderBody, PaymentBody, RefundBody, read
from admin.problems import problem
from bot.understanding.names import clean_name, visible
from catalog import shops
from catalog.money import to_major
from catalog.snapshot import ProductView, ShopSnapshot
from db import inbox
from db.models import Payment, Shop
from errors import OutOfStock, RuleBroken
from ghala import strict_json
from orders import customers, placing, totals
from orders.order import Delivery
from payments import phone as phones
from payments import reconciliation
from payments import service as payment_service
from payments.refunds import Given

LARGEST_BODY: Final = 64 * 1024
DEFAULT_LIMIT: Final = 10
STATUSES: Final = {
    "unknown_order": 404,
    "unknown_shop": 404,
    "already_open": 409,
    "already_paid": 409,
    "order_closed": 409,
    "out_of_stock": 409,
    "price_changed": 409,
    "unavailable": 422,
    "empty": 422,
    "no_phone": 422,
    "unknown_method": 422,
    "invalid_cursor": 400,
    "invalid_limit": 400,
    "invalid_idempotency_key": 400,
    "idempotency_key_reused": 422,
    "too_many_prompts": 429,
    "refund_exceeds_paid": 409,
    "nothing_to_refund": 409,
}
"""What a broken rule is over HTTP; 409 unless it says otherwise."""
WORDS: Final = {
    "unknown_order": "There is no such order.",
    "unknown_shop": "There is no such shop.",
    "already_open": "A payment for this order is under way.",
    "already_paid": "This order is paid.",
    "order_closed": "This order is closed.",
    "out_of_stock": "There is not enough in stock.",
    "price_changed": "A price changed meanwhile; send the order again.",
    "unavailable": "The product is not on offer.",
    "empty": "There is nothing to order.",
    "no_phone": "This method needs a phone number to charge.",
    "unknown_method": "This shop does not take that method.",
    "too_many_prompts": "This number was asked too often; try again later.",
    "refund_exceeds_paid": "That is more than what was paid and has not gone back.",
    "nothing_to_refund": "Nothing that was paid for this order is left to give back.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request.",
}
FIELDS: Final = {
    "unavailable": "productId",
    "out_of_stock": "quantity",
    "empty": "lines",
    "no_phone": "phoneNumber",
    "unknown_method": "method",
}
"""The field that broke the rule, where there is one."""
B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")
_LIMIT: Final = re.compile(r"\d{1,6}", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class BadRequest(RuleBroken):
    """A query parameter or header is not what it may be."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def blueprint(house: AdminHouse) -> Blueprint:
    """``/api/admin/*`` and ``/api/orders``; every route asks for the admin's credentials."""
    routes = Blueprint("admin_api", __name__)
    forms = Forms(house.config, house.now)
    desk = OrdersDesk(house)

    @routes.before_request
    def guard() -> None:
        house.guard.admit(request)
        request.max_content_length = LARGEST_BODY
        if request.method == "POST" and not forms.from_here(request, silent_is_fine=True):
            raise Forbidden("A page of another site may not do this.")

    @routes.after_request
    def protect(response: Response) -> Response:
        return secure(response, production=house.config.production)

    routes.register_error_handler(RuleBroken, _refused)
    routes.register_error_handler(InvalidFields, _invalid)

    @routes.get("/api/admin/stats")
    def stats() -> Response:
        with house.database.reading() as session:
            shop = asked_shop(session)
            ever = totals.between(session, shop.id)
        revenue = major(ever.revenue - ever.refunded, shop.currency)
        data = {
            "totalOrders": ever.orders_placed,
            "completedOrders": ever.orders_paid,
            "pendingOrders": ever.orders_pending,
            "totalRevenue": revenue,
            "totalCustomers": ever.customers,
            "currency": shop.currency,
        }
        return success("The shop's figures since its first day.", data)

    @routes.get("/api/admin/orders/recent")
    def recent() -> Response:
        return _orders(house, "The newest orders.")

    @routes.get("/api/orders")
    def orders() -> Response:
        return _orders(house, "Orders, newest first.")

    @routes.get("/api/admin/customers")
    def customer_list() -> Response:
        with house.database.reading() as session:
            shop = asked_shop(session)
            page = queries.customers_page(session, shop.id, _after(), _limit())
        data = [_customer(row, shop.currency) for row in page.rows]
        return success("Customers, seen last first.", data, nextCursor=page.next_cursor)

    @routes.get("/api/admin/reconciliation")
    def reconciled() -> Response:
        with house.database.reading() as session:
            shop = asked_shop(session)
            now = reconciliation.check(session, shop.id)
            last = reconciliation.last_run(session, shop.id)
        run = (
            None
            if last is None or last.done_at is None
            else {"doneAt": last.done_at.isoformat()} | last.report
        )
        return success("Orders, payments and money compared.", {"now": now.as_json(), "lastRun": run})

    @routes.post("/api/admin/reconciliation")
    def ask_to_reconcile() -> Response:
        with house.database.writing() as session:
            run_id = reconciliation.ask_for_run(session, asked_shop(session).id)
        return success("The gateways will be asked and everything compared.", {"id": run_id}, 202)

    @routes.get("/api/orders/<ref>")
    def order(ref: str) -> Response:
        with house.database.reading() as session:
            row = queries.order_row(session, asked_shop(session).id, ref)
        if row is None:
            raise NotFound
        return success("One order.", _order(row))

    @routes.post("/api/orders")
    def place() -> Response:
        return success("The order is placed.", desk.place(), 201)

    @routes.post("/api/orders/<ref>/payment")
    def pay(ref: str) -> Response:
        return success("The payment is on its way.", desk.pay(ref), 202)

    @routes.post("/api/orders/<ref>/refunds")
    def give_back(ref: str) -> Response:
        return success("The refund is noted.", desk.give_back(ref), 201)

    @routes.get("/api/orders/<ref>/refunds")
    def given_back(ref: str) -> Response:
        with house.database.reading() as session:
            found = refunds_api.listed(session, asked_shop(session).id, ref)
        return success("The order's refunds, oldest first.", found)

    return routes


class OrdersDesk:
    """Takes orders and payments from outside the chat."""

    def __init__(self, house: AdminHouse) -> None:
        self._house = house

    def place(self) -> dict[str, Any]:
        """Place the order in the request's body and tell its customer.

        Raises:
            InvalidFields: the body breaks the contract.
            RuleBroken: the shop cannot take this order.
        """
        raw, fields = _body()
        body = read(OrderBody, fields)
        house = self._house
        with house.database.writing() as session:
            shop = shops.snapshot(session, asked_shop(session).id, house.now())
            turn = idempotency.claim(session, shop.id, _key(), request.path, raw)
            if turn.answer is not None:
                return turn.answer
            phone = phones.normalise(body.phoneNumber, shop.country)
            if phone is None:
                raise InvalidFields(("phoneNumber", "is not a phone number"))
            # Both end up in messages and pages, as if their owner had written them in the chat.
            name = clean_name(body.customerName or "")
            customer = customers.reach(session, shop.id, phone.lstrip("+"), phone=phone, name=name)
            wanted = _wanted(shop, body)
            address = visible(body.deliveryAddress or "")
            placed = placing.place_at_best(
                session,
                shop,
                customer.id,
                wanted,
                Delivery("address", address) if address else Delivery("skipped"),
                refs=house.refs,
                language=customer.language or shop.languages[0],
                customer_name=name or customer.name,
                source="api",
            )
            event_id = inbox.record_internal(
                session,
                shop.id,
                customer.identity,
                "OrderCreated",
                {"order_ref": placed.ref},
                unique=placed.ref,
            )
            row = queries.order_row(session, shop.id, placed.ref)
            assert row is not None  # noqa: S101 - just placed
            answer = _order(row)
            idempotency.keep(session, turn, answer)
        if event_id is not None:
            house.bell.inbox("internal", event_id)
        return answer

    def pay(self, ref: str) -> dict[str, Any]:
        """Start a payment for an order.

        Raises:
            InvalidFields: the body breaks the contract.
            RuleBroken: no payment may be started now.
        """

        def start(session: Session, shop: Shop, body: PaymentBody) -> tuple[dict[str, Any], int]:
            number = self._number(session, shop, ref, body)
            payment = payment_service.request(
                session, shop.id, ref, body.method, number, refs=self._house.refs
            )
            return _payment(payment, ref), payment.id

        answer, payment_id = self._once(ref, PaymentBody, start)
        if payment_id is not None:
            self._house.bell.payment(payment_id)
        return answer

    def give_back(self, ref: str) -> dict[str, Any]:
        """Give back some or all of what was paid.

        Raises:
            InvalidFields: the body breaks the contract.
            RuleBroken: there is not so much to give back.
        """

        def give(session: Session, shop: Shop, body: RefundBody) -> tuple[dict[str, Any], Given]:
            return refunds_api.give_back(session, shop.id, ref, body)

        answer, given = self._once(ref, RefundBody, give)
        for event_id in () if given is None else given.news.event_ids:
            self._house.bell.inbox("internal", event_id)
        return answer

    def _once(
        self, ref: str, kind: type[B], act: Callable[[Session, Shop, B], tuple[dict[str, Any], T]]
    ) -> tuple[dict[str, Any], T | None]:
        """Do what the request's body asks about an order; the first answer again, and ``None``, if it was done before."""
        if not queries.looks_like_reference(ref):
            raise NotFound
        raw, fields = _body()
        body = read(kind, fields)
        with self._house.database.writing() as session:
            shop = asked_shop(session)
            turn = idempotency.claim(session, shop.id, _key(), request.path, raw)
            if turn.answer is not None:
                return turn.answer, None
            answer, done = act(session, shop, body)
            idempotency.keep(session, turn, answer)
        return answer, done

    def _number(self, session: Session, shop: Shop, ref: str, body: PaymentBody) -> str | None:
        """The number to charge: the one sent, else the customer's own."""
        if body.phoneNumber is not None:
            phone = phones.normalise(body.phoneNumber, shop.country)
            if phone is None:
                raise InvalidFields(("phoneNumber", "is not a phone number"))
            return phone
        row = queries.order_row(session, shop.id, ref)
        return None if row is None else row.phone


def asked_shop(session: Session) -> Shop:
    """The shop that the request names, else ``main``.

    Raises:
        UnknownShop: there is none of this name.
        ServiceUnavailable: nothing was seeded yet.
    """
    slug = request.args.get("shop", shops.MAIN)
    try:
        return shops.named(session, slug)
    except shops.UnknownShop:
        if slug == shops.MAIN:
            raise ServiceUnavailable from None
        raise


def major(minor: int, currency: str) -> int | float:
    """An amount in major units as JSON carries it: an integer when it is whole."""
    amount: Decimal = to_major(minor, currency)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def success(message: str, data: Any, status: int = 200, **more: Any) -> Response:
    """What every route here answers with."""
    body = {"success": True, "message": message, "data": data, **more}
    return Response(orjson.dumps(body), status, content_type="application/json")


def _orders(house: AdminHouse, message: str) -> Response:
    with house.database.reading() as session:
        page = queries.orders_page(session, asked_shop(session).id, _after(), _limit())
    return success(message, [_order(row) for row in page.rows], nextCursor=page.next_cursor)


def _order(row: queries.OrderRow) -> dict[str, Any]:
    return {
        "id": row.ref,
        "customerId": row.customer_id,
        "customerName": row.customer_name,
        "phoneNumber": row.phone,
        "productName": ", ".join(line.name for line in row.lines),
        "quantity": row.pieces,
        "lines": [{"productName": line.name, "quantity": line.quantity} for line in row.lines],
        "totalAmount": major(row.total, row.currency),
        "currency": row.currency,
        "status": row.status,
        "paymentStatus": row.payment_status,
        "deliveryAddress": row.delivery.get("text", ""),
        "createdAt": _iso(row.placed_at),
    }


def _customer(row: queries.CustomerRow, currency: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "customerName": row.name,
        "phoneNumber": row.phone,
        "totalOrders": row.orders_placed,
        "completedOrders": row.orders_paid,
        "totalSpent": major(row.spent, currency),
        "currency": currency,
        "createdAt": _iso(row.created_at),
        "lastSeenAt": _iso(row.seen_at),
    }


def _payment(payment: Payment, order_ref: str) -> dict[str, Any]:
    return {
        "id": payment.ref,
        "orderId": order_ref,
        "status": payment.status,
        "method": payment.method,
        "amount": major(payment.amount, payment.currency),
        "currency": payment.currency,
        "createdAt": _iso(payment.created_at),
    }


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _after() -> str | None:
    return request.args.get("after") or None


def _limit() -> int:
    text = request.args.get("limit", str(DEFAULT_LIMIT))
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= queries.MOST:
        raise BadRequest("invalid_limit", f"limit is a number from 1 to {queries.MOST}.")
    return int(text)


def _key() -> str:
    key = request.headers.get("Idempotency-Key", "")
    if key and not _KEY.fullmatch(key):
        raise BadRequest("invalid_idempotency_key", "Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key


def _body() -> tuple[bytes, dict[str, Any]]:
    if (
        request.mimetype != "application/json"
        or request.headers.get("Content-Encoding", "identity") != "identity"
    ):
        raise UnsupportedMediaType("Send plain JSON: Content-Type: application/json.")
    raw = request.get_data(cache=False)
    return raw, strict_json.parse_object(raw)


def _wanted(shop: ShopSnapshot, body: OrderBody) -> list[placing.Wanted]:
    wanted, unknown = [], []
    for position, line in enumerate(body.wanted()):
        product = _product(shop, line)
        if product is None:
            field = "productId" if body.lines is None else f"lines.{position}.productId"
            unknown.append((field, "is not on offer"))
        else:
            wanted.append(placing.Wanted(product.id, line.quantity))
    if unknown:
        raise InvalidFields(*unknown)
    return wanted


def _product(shop: ShopSnapshot, line: LineBody) -> ProductView | None:
    """By id, or by sku; an id sent as text counts as an id when no sku is written so."""
    if isinstance(line.productId, int):
        return shop.sellable(line.productId)
    by_sku = next((p for p in shop.products if p.sku == line.productId and not p.varies), None)
    if by_sku is None and line.productId.isascii() and line.productId.isdigit():
        return shop.sellable(int(line.productId))
    return by_sku


def _refused(error: RuleBroken) -> Response:
    status = STATUSES.get(error.code, 409)
    own_words = isinstance(error, (InvalidCursor, BadRequest))
    message = str(error) if own_words else WORDS.get(error.code, "The shop's rules do not allow this.")
    if isinstance(error, OutOfStock):
        message = f"Only {error.available} left of product {error.product_id}."
    field = FIELDS.get(error.code)
    errors = [{"field": field, "message": message}] if field else []
    headers = {"Retry-After": "3600"} if status == 429 else {}  # noqa: PLR2004
    return problem(status, error.code, message, errors, headers)


def _invalid(error: InvalidFields) -> Response:
    return problem(422, "validation_error", "Some fields are not right.", error.errors)
