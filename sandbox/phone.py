"""The pages people see (phones, card form) and the control API that tests drive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from sandbox import payments
from sandbox.chat import SHOP, Phone
from sandbox.faults import API_KINDS, DIRECTIONS, WEBHOOK_KINDS, FaultPanel
from sandbox.limits import number_of
from sandbox.refusal import Refused
from sandbox.settings import Settings
from sandbox.webhooks import Courier
from sandbox.world import World

FIRST_PHONE = ("254712345678", "Amina Wanjiku")
_LONGEST_WAIT = 60.0
_SHOWN_MESSAGES = 150
_SHOWN_PHONES = 6
_STREAM_BEAT = 15.0


def blueprint(world: World, courier: Courier, faults: FaultPanel, settings: Settings) -> Blueprint:
    """Build the pages and the control API."""
    pages = Blueprint("phone", __name__, static_folder="static", template_folder="templates")
    _add_pages(pages, world, settings)
    _add_watching(pages, world, courier, faults)
    _add_phone_control(pages, world)
    _add_other_control(pages, world, courier, faults)
    return pages


def _add_pages(pages: Blueprint, world: World, settings: Settings) -> None:
    @pages.get("/")
    def shell() -> str:
        announced = [p["number"] for p in world.phones_json() if p["announced"]]
        first = announced[0] if announced else world.add_phone(*FIRST_PHONE).number
        return render_template(
            "phone.html",
            shop=settings.shop_name,
            duka_url=settings.duka_url,
            first=first,
            page={
                "shop": settings.shop_name,
                "first": first,
                "origins": [settings.base_url, settings.duka_origin],
                "directions": DIRECTIONS,
                "webhookKinds": WEBHOOK_KINDS,
                "apiKinds": API_KINDS,
            },
        )

    @pages.get("/pay/<order_id>")
    def card_page(order_id: str) -> str:
        return _card_page(order_id)

    @pages.post("/pay/<order_id>")
    def pay_by_card(order_id: str) -> str:
        order = world.order(order_id)
        card = request.form.get("card", "")
        if order.method == "card" and order.payment_status == "pending":
            if request.form.get("do") == "decline":
                world.settle(order_id, "cancel", reason="cancelled: The customer closed the payment page")
            elif card == "pay":
                world.settle(order_id, "pay")
            elif card in payments.CARDS:
                world.settle(order_id, "decline", reason=payments.CARDS[card][1])
        return _card_page(order_id)

    def _card_page(order_id: str) -> str:
        order = world.order(order_id)
        return render_template(
            "pay.html",
            order=order,
            money=payments.money_text(order.amount, order.currency),
            shop=settings.shop_name,
            cards=payments.CARDS,
        )


def _add_watching(pages: Blueprint, world: World, courier: Courier, faults: FaultPanel) -> None:
    @pages.get("/page/state")
    def state() -> Response:
        """Everything the page shows, for the phones it names."""
        numbers = [n for n in request.args.get("phones", "").split(",") if n][:_SHOWN_PHONES]
        everyone = world.phones_json()
        known = {p["number"] for p in everyone}
        shown = []
        for number in numbers:
            try:
                shown.append(world.phone_json(number, _SHOWN_MESSAGES))
            except Refused:
                continue  # reset while the page was open
        return jsonify(
            phones=shown,
            others=[p for p in everyone if p["number"] in known - set(numbers)],
            faults=faults.as_json(),
            log=courier.log_json(),
        )

    @pages.get("/page/events")
    def events() -> Response:
        """Server-Sent Events: one ``change`` whenever there is something new to fetch."""

        def stream() -> Iterator[str]:
            version = world.wait_for_change(-1, 0)
            yield f"retry: 1000\nevent: change\ndata: {version}\n\n"
            while not world.closing:
                newer = world.wait_for_change(version, _STREAM_BEAT)
                yield ": still here\n\n" if newer == version else f"event: change\ndata: {newer}\n\n"
                version = newer

        return Response(stream(), content_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _add_phone_control(pages: Blueprint, world: World) -> None:
    @pages.get("/control/phones")
    def phones() -> Response:
        return jsonify(phones=world.phones_json())

    @pages.post("/control/phones")
    def add_phone() -> tuple[Response, int]:
        body = _body()
        phone = world.add_phone(_text(body, "number"), _text(body, "name"))
        return jsonify(number=phone.number, name=phone.name), 201

    @pages.get("/control/phones/<number>")
    def one_phone(number: str) -> Response:
        """Return a phone; with ``after=<version>`` wait up to ``timeout`` seconds for it to change."""
        after = _number(request.args.get("after"), -1)
        timeout = min(_number(request.args.get("timeout"), 0), _LONGEST_WAIT)
        world.wait_on_phone(number, lambda p: p.version > after or world.closing, timeout)
        return jsonify(world.phone_json(number))

    @pages.post("/control/phones/<number>/say")
    def say(number: str) -> Response:
        return jsonify(world.say(number, _text(_body(), "text")).as_json())

    @pages.post("/control/phones/<number>/tap")
    def tap(number: str) -> Response:
        body = _body()
        return jsonify(world.tap(number, _text(body, "id"), str(body.get("message_id") or "")).as_json())

    @pages.post("/control/phones/<number>/location")
    def location(number: str) -> Response:
        body = _body()
        place = {k: body[k] for k in ("latitude", "longitude", "name", "address") if body.get(k) is not None}
        try:
            place["latitude"], place["longitude"] = float(place["latitude"]), float(place["longitude"])
        except (KeyError, TypeError, ValueError):
            raise Refused("latitude and longitude must be numbers") from None
        if not (-90 <= place["latitude"] <= 90 and -180 <= place["longitude"] <= 180):  # noqa: PLR2004
            raise Refused("latitude or longitude is not on this planet")
        return jsonify(world.send(number, {"type": "location", "location": place}).as_json())

    @pages.post("/control/phones/<number>/send")
    def send(number: str) -> Response:
        return jsonify(world.send(number, _body()).as_json())

    @pages.post("/control/phones/<number>/read")
    def read(number: str) -> Response:
        world.read(number)
        return jsonify(ok=True)

    @pages.get("/control/phones/<number>/messages")
    def messages(number: str) -> Response:
        return jsonify(messages=world.phone_json(number)["messages"])

    @pages.get("/control/wait")
    def wait() -> tuple[Response, int]:
        """Block until the phone has ``count`` messages of the shop (and one with ``contains``)."""
        number = number_of(request.args.get("number", "").strip(), "number")
        count = _number(request.args.get("count"), 1)
        words = request.args.get("contains", "")
        timeout = min(_number(request.args.get("timeout"), 10), _LONGEST_WAIT)

        def ready(phone: Phone) -> bool:
            sent = phone.shop_messages()
            return len(sent) >= count and (not words or any(words in m.as_json()["text"] for m in sent))

        done = world.wait_on_phone(number, ready, timeout)
        shown = [m for m in world.phone_json(number)["messages"] if m["from"] == SHOP]
        return jsonify(ready=done, messages=shown), 200 if done else 408


def _add_other_control(pages: Blueprint, world: World, courier: Courier, faults: FaultPanel) -> None:
    @pages.get("/control/orders")
    def orders() -> Response:
        return jsonify(orders=world.orders())

    @pages.post("/control/orders/<order_id>/pay")
    def pay(order_id: str) -> Response:
        body = _body()
        amount = body.get("amount")
        delay = body.get("delay")
        order = world.settle(
            order_id,
            _text(body, "outcome"),
            delay=None if delay is None else _number(delay, 0),
            amount=None if amount is None else payments.decimal_of(amount),
            currency=_optional(body, "currency"),
            transaction_reference=_optional(body, "transaction_reference"),
            reason=_optional(body, "failure_reason"),
        )
        return jsonify({**order.as_json(), "ringing": order.ringing})

    @pages.post("/control/orders/<order_id>/pin")
    def pin(order_id: str) -> Response:
        order = world.enter_pin(order_id, _text(_body(), "pin"))
        return jsonify({**order.as_json(), "ringing": order.ringing})

    @pages.get("/control/faults")
    def list_faults() -> Response:
        return jsonify(faults=faults.as_json())

    @pages.post("/control/faults")
    def switch_fault() -> Response:
        body = _body()
        if body.get("clear"):
            faults.clear()
        else:
            times = body.get("times", 1)
            value = body.get("value")
            faults.switch(
                _text(body, "direction"),
                _text(body, "kind"),
                None if times is None else int(_number(times, 1)),
                None if value is None else _number(value, 0),
            )
        world.touch()
        return jsonify(faults=faults.as_json())

    @pages.get("/control/webhooks")
    def webhooks() -> Response:
        return jsonify(webhooks=courier.log_json(200), idle=courier.idle())

    @pages.post("/control/webhooks/<int:delivery_id>/again")
    def again(delivery_id: int) -> Response:
        if not courier.again(delivery_id):
            raise Refused("no such delivery in the log", reason="not_found", status=404)
        world.touch()
        return jsonify(ok=True)

    @pages.post("/control/reset")
    def reset() -> Response:
        faults.clear()
        courier.clear()
        world.reset()
        return jsonify(ok=True)


def _body() -> dict[str, Any]:
    raw = request.get_data()
    try:
        body = json.loads(raw, parse_float=_exact) if raw else {}
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    return body


def _exact(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(text)
    return value


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str):
        raise Refused(f"{name} must be a text")
    return value


def _optional(body: dict[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else _text(body, name)


def _number(value: object, default: float) -> float:
    if value is None or value == "":
        return default
    try:
        number = float(str(value))
    except ValueError:
        raise Refused(f"{value!r} is not a number") from None
    if not Decimal(number).is_finite() or number < -1:
        raise Refused(f"{value!r} is not a usable number")
    return number
