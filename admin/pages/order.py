"""One order: what was bought, paid and said, and what can be done with it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response as BaseResponse

from admin import needs, papers, queries
from admin.auth import WrongPassword
from admin.console import Console, Input, InvalidInput, Page, Question, read_inputs
from admin.conversations import tick
from admin.wording import MOVED_WORDS, Wording, plain, say_money
from catalog.money import MINOR_DIGITS, NotWhole, to_minor
from db import audit
from db.models import OrderMove, OrderNote, OutboxMessage, Shop
from errors import IllegalMove, RuleBroken
from ghala import messages
from ghala.messages import fit
from orders import service
from orders.order import Rider
from orders.service import UnknownOrder
from orders.status import MOVES, OWNER_MOVES
from payments import cancelling, receiving, refunds
from payments import phone as phones

PAGE: Final = Page("order", under="orders")
STEPS: Final = ("preparing", "dispatched", "delivered")
LONGEST_MESSAGE: Final = 280
TOO_LATE: Final = "This order cannot be moved there any more. Reload the page to see where it is."
NOTHING_LEFT: Final = "Nothing that was paid for this order is left to give back."
ONCE: Final = "That refund was made already; it was made once."
REFUSED: Final = {
    "refund_exceeds_paid": "Amount: this is more than one payment of this order has left.",
    "nothing_to_refund": NOTHING_LEFT,
}
_AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?", re.ASCII)
RIDER: Final = (
    Input("rider_name", "Rider's name", longest=60, needed=False),
    Input("rider_phone", "Rider's phone", kind="tel", longest=20, needed=False),
)


def routes(pages: Blueprint, console: Console) -> None:
    """``/admin/orders/<ref>`` and what is done there."""
    house = console.house
    actor = house.config.admin_username

    def detail_of(session: Session, ref: str) -> tuple[Shop, queries.OrderDetail]:
        shop = console.shop(session)
        detail = queries.order_detail(session, shop.id, ref)
        if detail is None:
            raise NotFound
        return shop, detail

    @pages.get("/orders/<ref>")
    def order(ref: str) -> str:
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
            order_id = detail.order.id
            moves = session.scalars(
                select(OrderMove).where(OrderMove.order_id == order_id).order_by(OrderMove.id)
            ).all()
            notes = session.scalars(
                select(OrderNote).where(OrderNote.order_id == order_id).order_by(OrderNote.id)
            ).all()
            left = refunds.refundable(session, order_id)
            waiting = {}
            if known := needs.kind_of("refund"):
                for refund in filter(refunds.waits, detail.refunds):
                    item = needs.item_of(session, shop, known, refund.id)
                    waiting[refund.id] = known.able(item) if item else []
        status = detail.order.status
        return console.show(
            "order.html",
            shop,
            detail=detail,
            steps=[step for step in STEPS if _may_become(status, step)],
            may_cancel="cancelled" in MOVES[status],
            may_pay=status == "pending_payment",
            left=left,
            waiting=waiting,
            notes=notes,
            timeline=timeline(detail, [(move.status, move.at, move.actor) for move in moves]),
            place=Place(detail.order.delivery),
            preview=preview,
            tick=tick,
        )

    @pages.post("/orders/<ref>/move")
    def order_move(ref: str) -> BaseResponse:
        status = request.form.get("status", "")
        if status not in STEPS:
            raise BadRequest
        return moved(ref, status, None)

    @pages.get("/orders/<ref>/dispatch")
    def order_dispatch_ask(ref: str) -> str:
        with house.database.reading() as session:
            shop, _ = detail_of(session, ref)
        return dispatch_question(shop, ref)

    @pages.post("/orders/<ref>/dispatch")
    def order_dispatch(ref: str) -> BaseResponse | tuple[str, int]:
        with house.database.reading() as session:
            shop, _ = detail_of(session, ref)
        try:
            said = read_inputs(RIDER, request.form)
        except InvalidInput as wrong:
            return dispatch_question(shop, ref, str(wrong)), 400
        number = phones.normalise(said["rider_phone"], shop.country) if said["rider_phone"] else ""
        if number is None:
            return dispatch_question(shop, ref, "Rider's phone: this is not a phone number."), 400
        rider = Rider(said["rider_name"], number) if said["rider_name"] or number else None
        return moved(ref, "dispatched", rider)

    def dispatch_question(shop: Shop, ref: str, problem: str = "") -> str:
        inputs = tuple(
            Input(
                known.name,
                known.label,
                known.kind,
                known.longest,
                needed=False,
                value=request.form.get(known.name, ""),
            )
            for known in RIDER
        )
        says = (
            f"{ref} is on its way from now on.",
            "The customer is told once, with the rider's name and phone if you give them.",
        )
        return console.ask(
            shop,
            Question(
                f"Send {ref} on its way",
                says,
                "Send on its way",
                url_for("admin.order", ref=ref),
                inputs=inputs,
                problem=problem,
            ),
        )

    def moved(ref: str, status: str, rider: Rider | None) -> BaseResponse:
        event_id = None
        with house.database.writing() as session:
            shop = console.shop(session)
            seen = queries.order_row(session, shop.id, ref)
            if seen is None:
                raise NotFound
            # A button that was pressed twice: it is as the owner wants it.
            if seen.status != status:
                try:
                    order = service.move(session, shop.id, ref, status, actor=actor, rider=rider)
                except IllegalMove:
                    raise Conflict(TOO_LATE) from None
                after = {"status": status} | ({} if rider is None else {"rider": rider.name})
                console.note(session, shop, "order_moved", ref, before={"status": seen.status}, after=after)
                event_id = service.tell_moved(session, order)
        if event_id is not None:
            house.bell.inbox("internal", event_id)
        return console.done(url_for("admin.order", ref=ref), MOVED_WORDS[status])

    @pages.get("/orders/<ref>/cancel")
    def order_cancel_ask(ref: str) -> str:
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
        says = ["The order is closed and its goods are on the shelf again.", "The customer is told once."]
        if detail.order.paid_at is not None:
            says.append("What was paid is due back to the customer; it is then listed under what needs you.")
        return console.ask(
            shop,
            Question(f"Cancel {ref}", says, "Cancel the order", url_for("admin.order", ref=ref), danger=True),
        )

    @pages.post("/orders/<ref>/cancel")
    def order_cancel(ref: str) -> BaseResponse:
        event_id = None
        with house.database.writing() as session:
            shop = console.shop(session)
            seen = queries.order_row(session, shop.id, ref)
            if seen is None:
                raise NotFound
            if seen.status != "cancelled":
                give_up = service.cancel if seen.status == "pending_payment" else cancelling.cancel_paid
                try:
                    order = give_up(session, shop.id, ref, actor=actor)
                except IllegalMove:
                    raise Conflict(TOO_LATE) from None
                console.note(
                    session,
                    shop,
                    "order_moved",
                    ref,
                    before={"status": seen.status},
                    after={"status": "cancelled"},
                )
                event_id = service.tell_moved(session, order)
        if event_id is not None:
            house.bell.inbox("internal", event_id)
        return console.done(url_for("admin.order", ref=ref), "The order is cancelled. The customer is told.")

    @pages.get("/orders/<ref>/cash")
    def order_cash_ask(ref: str) -> str:
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
        amount = Wording(house.now(), ZoneInfo(shop.timezone)).money(
            detail.order.total, detail.order.currency
        )
        says = (
            f"{amount} in cash are booked for {ref}.",
            "The order is paid, and the customer gets a receipt.",
            "Do it when you hold the money: taking it back is a refund.",
        )
        return console.ask(
            shop, Question("Record cash", says, f"Record {amount}", url_for("admin.order", ref=ref))
        )

    @pages.post("/orders/<ref>/cash")
    def order_cash(ref: str) -> BaseResponse:
        address = url_for("admin.order", ref=ref)
        try:
            with house.database.writing() as session:
                shop, detail = detail_of(session, ref)
                received = receiving.record(
                    session,
                    shop.id,
                    ref,
                    detail.order.total,
                    actor=actor,
                    refs=house.refs,
                    key=f"console:cash:{ref}:{detail.order.total}",
                )
        except RuleBroken as refusal:
            return console.done(address, f"Nothing was recorded: {refusal}.", "bad")
        for event_id in received.news.event_ids:
            house.bell.inbox("internal", event_id)
        return console.done(address, "The cash is recorded and the order is paid.")

    @pages.get("/orders/<ref>/refund")
    def order_refund_ask(ref: str) -> str | BaseResponse:
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
            left = refunds.refundable(session, detail.order.id)
            alone = refunds.by_gateway(session, detail.order.id)
        if not left:
            return console.done(url_for("admin.order", ref=ref), NOTHING_LEFT, "bad")
        return refund_question(shop, detail, left, alone=alone)

    @pages.post("/orders/<ref>/refund")
    def order_refund(ref: str) -> BaseResponse | tuple[str, int]:
        address, key = url_for("admin.order", ref=ref), console.action_key()
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
            left = refunds.refundable(session, detail.order.id)
            alone = refunds.by_gateway(session, detail.order.id)
            if audit.was_done(session, shop.id, key):
                return console.done(address, ONCE)
        if not left:
            return console.done(address, NOTHING_LEFT, "bad")
        try:
            said = read_inputs(refund_inputs(left, detail.order.currency, alone=alone), request.form)
            amount = read_amount(said["amount"], detail.order.currency)
            console.confirm_password()
            with house.database.writing() as session:
                given = refunds.request(
                    session,
                    shop.id,
                    ref,
                    amount,
                    said["reason"],
                    actor=actor,
                    key=key,
                    reference=said.get("reference", ""),
                )
        except refunds.RefundRefused as refusal:
            problem = REFUSED.get(refusal.code) or f"{refusal}"
            return refund_question(shop, detail, left, problem, alone=alone), 400
        except (InvalidInput, WrongPassword) as wrong:
            return refund_question(shop, detail, left, str(wrong), alone=alone), 400
        for event_id in given.news.event_ids:
            house.bell.inbox("internal", event_id)
        back_again = say_money(given.amount, given.currency)
        if given.status == "manual":
            return console.done(address, f"{back_again} are booked as paid back. The customer is told.")
        if given.by_hand:
            return console.done(address, f"{back_again} wait to be paid back by hand, here and on Today.")
        return console.done(address, f"{back_again} are on their way back through the gateway.")

    def refund_question(
        shop: Shop, detail: queries.OrderDetail, left: int, problem: str = "", *, alone: bool
    ) -> str:
        order = detail.order
        whole = say_money(left, order.currency)
        says = [f"Up to {whole} of {order.ref} can go back."]
        if alone:
            says.append("It goes back through the gateway that took it.")
        else:
            says.append("The way it was paid cannot pay back by itself: send the money yourself.")
            says.append("Until you write down the reference of your transfer, it waits here and on Today.")
        says.append("The customer is told once, when the money is back. The order itself stays as it is.")
        return console.ask(
            shop,
            Question(
                f"Refund {order.ref}",
                says,
                "Refund",
                url_for("admin.order", ref=order.ref),
                inputs=refund_inputs(left, order.currency, alone=alone),
                problem=problem,
                danger=True,
                password=True,
            ),
        )

    def refund_inputs(left: int, currency: str, *, alone: bool) -> list[Input]:
        def said(name: str, otherwise: str = "") -> str:
            return request.form.get(name, otherwise)

        inputs = [
            Input(
                "amount",
                f"Amount in {currency}",
                kind="money",
                longest=20,
                value=said("amount", say_money(left, currency).partition(" ")[2]),
                hint="All that is left, or less.",
            ),
            Input(
                "reason",
                "Why",
                longest=200,
                value=said("reason"),
                hint="For example a broken jar. The customer is not told why.",
            ),
        ]
        if not alone:
            inputs.append(
                Input(
                    "reference",
                    "Reference of your transfer",
                    longest=60,
                    needed=False,
                    value=said("reference"),
                    hint="If you have sent the money already, for example the code in M-Pesa's message.",
                )
            )
        return inputs

    @pages.post("/orders/<ref>/note")
    def order_note(ref: str) -> BaseResponse:
        body = plain(request.form.get("note", ""), service.LONGEST_NOTE)
        address = url_for("admin.order", ref=ref)
        if not body:
            return console.done(address, "There was nothing to note.", "bad")
        if not queries.looks_like_reference(ref):
            raise NotFound
        with house.database.writing() as session:
            shop = console.shop(session)
            try:
                service.note(session, shop.id, ref, body, author=actor)
            except UnknownOrder:
                raise NotFound from None
            console.note(session, shop, "order_noted", ref, after={"characters": len(body)})
        return console.done(address, "The note is kept.")

    @pages.get("/orders/<ref>/<any(slip, receipt):paper>.pdf")
    def order_paper(ref: str, paper: str) -> Response:
        with house.database.reading() as session:
            shop, detail = detail_of(session, ref)
        if paper == "receipt" and detail.order.paid_at is None:
            raise Conflict("This order is not paid, so there is no receipt.")
        make = papers.receipt if paper == "receipt" else papers.slip
        say = Wording(house.now(), ZoneInfo(shop.timezone))
        response = Response(make(detail, shop.name, say), content_type="application/pdf")
        response.headers["Content-Disposition"] = f'inline; filename="{ref}-{paper}.pdf"'
        return response


def read_amount(text: str, currency: str) -> int:
    """Minor units of an amount as people write it: ``1,500``, ``KES 1500`` or ``12.50``.

    Raises:
        InvalidInput: it is none, or finer than the currency is charged in.
    """
    bare = text.upper().removeprefix(currency).replace(",", "").replace(" ", "")
    if not _AMOUNT.fullmatch(bare) or currency not in MINOR_DIGITS or not Decimal(bare):
        raise InvalidInput("Amount: please write a number, such as 1,500.")
    try:
        return to_minor(Decimal(bare), currency)
    except NotWhole:
        raise InvalidInput(f"Amount: {currency} is paid in whole units.") from None


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


def timeline(detail: queries.OrderDetail, moves: list[tuple[str, Any, str]]) -> list[tuple[Any, str]]:
    """What happened to an order, oldest first: moments and sentences."""
    order = detail.order
    source = "through the orders API" if order.source == "api" else "in the chat"
    told: list[tuple[Any, str]] = [(order.placed_at, f"Placed {source}")]
    say = Wording(order.placed_at, ZoneInfo("UTC"))
    for payment in detail.payments:
        told.append((payment.created_at, f"{say.method(payment.method)} payment started"))
        if payment.closed_at is not None and payment.status != "succeeded":
            told.append((payment.closed_at, f"{say.method(payment.method)} payment {payment.status}"))
    known = {status for status, _, _ in moves}
    if order.paid_at is not None and "paid" not in known:
        told.append((order.paid_at, "Paid"))
    if order.closed_at is not None and order.status not in known:
        told.append((order.closed_at, say.order_status(order.status)))
    for status, moment, actor in moves:
        who = {"customer": " by the customer", "time": "", "money": ""}.get(actor, f" by {plain(actor)}")
        told.append((moment, say.order_status(status) + who))
    told.extend(
        (event.created_at, say.money_kind(event.kind))
        for event in detail.money
        if event.kind in {"unmatched", "refund_due"}
    )
    return sorted(told, key=lambda entry: entry[0])


_MARKS = re.compile(r"(?<!\w)([*_~])(?=\S)(.+?)(?<=\S)\1(?!\w)")


def preview(message: OutboxMessage) -> str:
    """The first lines of a message, without what it offers to tap."""
    try:
        loaded = messages.load(message.message)
        text = str(getattr(loaded, "body", "")) or loaded.numbered()
    except messages.InvalidMessage:
        text = str(message.message.get("type", ""))
    lines = (plain(line, LONGEST_MESSAGE) for line in _MARKS.sub(r"\2", text).splitlines())
    return fit("\n".join(line for line in lines if line.strip("━ ")), LONGEST_MESSAGE)
