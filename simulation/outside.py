"""Everybody outside: WhatsApp, Ghala's two APIs and its webhooks, and M-Pesa behind them.

They keep the books the invariants are checked against: what really reached a phone, what was
really prompted, what was really paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import orjson

from catalog.money import to_major, to_minor
from errors import GatewayUnavailable
from ghala import strict_json
from ghala.client import Answer, broken
from ghala.dialects.base import Request
from ghala.signatures import sign
from simulation.world import World

SECRET: Final = b"simulated-webhook-secret-0123456789"
MESSAGES: Final = "/api/messages/incoming"
WINDOW: Final = 24 * 3600.0
PROMPT_SECONDS: Final = 60.0
RETRIES: Final = (2.0, 8.0, 30.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
MOST_TRIES: Final = 60
CALLBACK_TRIES: Final = 4
OK: Final = 200


class Doors(Protocol):
    """The shop's web processes."""

    def post(self, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer; 0 when nobody answered."""

    def task(self, label: str, work: Callable[[], None]) -> bool:
        """Let some living web process do this; false when there is none."""


@dataclass
class Shown:
    """A message that reached a phone."""

    at: float
    key: str
    provider_id: str
    to: str
    message: dict[str, Any]


@dataclass
class Receipt:
    """Money that really moved. ``told`` says that the shop was told of it and took note."""

    reference: str
    order_id: str
    external_id: str
    amount: int
    currency: str
    first: bool
    foreign: bool = False
    told: bool = False


@dataclass
class RemoteOrder:
    """An order at Ghala."""

    id: str
    key: str
    external_id: str
    amount: Decimal
    currency: str
    phone: str
    method: str
    description: str
    callback: str
    again: bool
    payment_status: str = "pending"
    reference: str = ""
    paid_amount: Decimal | None = None
    paid_currency: str = ""
    failure: str = ""
    live_until: float = 0.0
    settled: bool = False


@dataclass
class Delivery:
    """A webhook on its way."""

    path: str
    query: str
    body: bytes
    id: str
    kind: str
    first_sent: float
    tries: int = 0
    most: int = MOST_TRIES
    accepted: Callable[[], None] = field(default=lambda: None)


class Outside:
    """WhatsApp, Ghala and M-Pesa."""

    def __init__(self, world: World, doors: Doors) -> None:
        self.world = world
        self._doors = doors
        rng = world.rng
        self.scheme = rng.choice(("body-hex", "timestamp-hex"))
        self.restamps = rng.random() < 0.5
        self.names_deliveries = rng.random() < 0.6
        self.like_meta = rng.random() < 0.5
        self.sends_once = rng.random() < 0.75
        self.charges_once = rng.random() < 0.75
        self.shown: list[Shown] = []
        self.on_shown: Callable[[Shown], None] = lambda _: None
        self.everybody_pays = False
        self.receipts: list[Receipt] = []
        self.orders: dict[str, RemoteOrder] = {}
        self.orders_by_key: dict[str, RemoteOrder] = {}
        self.orders_by_ref: dict[str, list[RemoteOrder]] = {}
        self.prompts: list[RemoteOrder] = []
        self.repeated_sends = 0
        self.repeated_orders = 0
        self.violations: list[str] = []
        self.accepted: dict[str, float] = {}
        self.accepted_statuses: list[tuple[str, str]] = []
        self.last_inbound: dict[str, float] = {}
        self._sent: dict[str, tuple[str, bytes]] = {}
        self._numbers = 0
        self._send_down_until = 0.0
        self._held_until = 0.0
        self._unauthorised_until = 0.0
        self._old: list[Delivery] = []

    # --- webhooks ---------------------------------------------------------------------------------

    def number(self) -> int:
        """A number nobody had before."""
        self._numbers += 1
        return self._numbers

    def deliver(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Post a webhook after ``delay``, again and again until it is taken or given up."""
        self.world.scheduler.after(delay, lambda: self._attempt(delivery))

    def _attempt(self, delivery: Delivery) -> None:
        world = self.world
        if world.scheduler.time >= self._held_until and world.faults.hit("webhook.held_up"):
            self._held_until = world.scheduler.time + world.between(2, 40)
        if world.scheduler.time < self._held_until:
            world.scheduler.after(self._held_until - world.scheduler.time, lambda: self._attempt(delivery))
            return
        delivery.tries += 1
        if not self._doors.task(f"web.{delivery.kind}", lambda: self._post(delivery)):
            self._again(delivery)

    def _post(self, delivery: Delivery) -> None:
        world = self.world
        stamped = world.true_time() if self.restamps else delivery.first_sent
        taken = False
        try:
            status = self._doors.post(
                delivery.path, delivery.query, delivery.body, self.signed(delivery, stamped)
            )
            world.log("webhook", delivery.kind, delivery.id, status)
            taken = status == OK
            if taken:
                delivery.accepted()
                taken = not world.faults.hit("response.lost")
        finally:
            if not taken:  # refused, or the process died while we waited
                self._again(delivery)

    def signed(self, delivery: Delivery, stamp: float) -> dict[str, str]:
        """The headers of a delivery."""
        headers = sign(self.scheme, SECRET, delivery.body, int(stamp))
        if self.names_deliveries:
            headers["x-ghala-delivery"] = delivery.id
        return headers

    def _again(self, delivery: Delivery) -> None:
        if delivery.tries >= delivery.most:
            self.world.faults.reached(f"{delivery.kind} webhook given up")
            return
        self.deliver(delivery, RETRIES[min(delivery.tries - 1, len(RETRIES) - 1)])

    # --- WhatsApp, towards the shop ---------------------------------------------------------------

    def write(self, sender: str, name: str, messages: list[dict[str, Any]]) -> None:
        """A customer's messages set out; each is ``{"type": …}`` without id and sender."""
        world, faults = self.world, self.world.faults
        self.last_inbound[sender] = world.scheduler.time
        made = [
            {"id": f"wamid.in{self.number()}", "from": sender, "timestamp": str(int(world.true_time())), **m}
            for m in messages
        ]
        groups = [made] if faults.hit("message.together") else [[one] for one in made]
        for group in groups:
            self._send_messages(group, sender, name)

    def _send_messages(self, group: list[dict[str, Any]], sender: str, name: str) -> None:
        world, faults = self.world, self.world.faults
        contact = {"wa_id": sender, "profile": {"name": name}}
        body = self._messages_body(group, contact)
        ids = [message["id"] for message in group]

        def accepted() -> None:
            for one in ids:
                self.accepted.setdefault(one, world.scheduler.time)

        delivery = Delivery(
            MESSAGES, "", body, f"dlv{self.number()}", "message", world.true_time(), accepted=accepted
        )
        delay = world.between(0.05, 0.4)
        if faults.hit("message.delayed"):
            delay = world.between(5, 280)
        if faults.hit("message.reordered"):
            delay += world.between(0.5, 8)
        if faults.hit("message.stale"):
            delay = world.between(310, 900)
        self.deliver(delivery, delay)
        copies = int(faults.hit("message.duplicate")) * world.rng.randint(1, 3)
        for _ in range(copies):
            self._copy(delivery, delay + world.between(0, 20), delivery.id)
        if faults.hit("message.new_delivery_id"):
            self._copy(delivery, delay + world.between(0, 60), f"dlv{self.number()}")
        self._old.append(delivery)
        if faults.hit("message.replayed"):
            old = world.rng.choice(self._old[-200:])
            self._copy(old, world.between(0, 30), old.id)
        self._hostile(delivery)

    def repeat_old(self, most: int) -> None:
        """Bring messages once more that were taken long ago."""
        for old in self.world.rng.sample(self._old, min(most, len(self._old))):
            self._copy(old, self.world.between(0, 30), old.id)

    def _copy(self, delivery: Delivery, delay: float, name: str) -> None:
        copy = Delivery(
            delivery.path,
            delivery.query,
            delivery.body,
            name,
            delivery.kind,
            delivery.first_sent,
            accepted=delivery.accepted,
            most=3,
        )
        self.deliver(copy, delay)

    def _hostile(self, delivery: Delivery) -> None:
        """Somebody who has seen the message tries the door."""
        faults = self.world.faults
        headers = self.signed(delivery, self.world.true_time())
        if faults.hit("message.bad_signature"):
            self._knock(delivery.path, delivery.body, headers | dict.fromkeys(headers, "0" * 64))
        if faults.hit("message.garbage"):
            self._knock(
                delivery.path,
                self.world.rng.choice((b"{", b"[]", b'{"a":1,"a":2}', b"\xff")),
                headers,
            )
        if faults.hit("message.future_stamp") and self.scheme != "body-hex":
            future = sign(self.scheme, SECRET, delivery.body, int(self.world.true_time() + 4000))
            self._knock(delivery.path, delivery.body.replace(b"wamid.in", b"wamid.future"), future)

    def _knock(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        def knock() -> None:
            if self._doors.post(path, "", body, headers) == OK:
                self.violations.append("I21 a webhook that proves nothing was taken")

        self._doors.task("web.hostile", knock)

    def _messages_body(self, messages: list[dict[str, Any]], contact: dict[str, Any]) -> bytes:
        value = {"contacts": [contact], "messages": messages}
        if not self.like_meta:
            return orjson.dumps(value)
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", **value}}
        return orjson.dumps(
            {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}
        )

    # --- WhatsApp, towards the phones ---------------------------------------------------------------

    def call(self, request: Request) -> Answer:
        """One call to Ghala, as its client would carry it."""
        if request.path == "/whatsapp/messages":
            return self._take_message(request)
        if request.method == "POST" and request.path == "/orders":
            return self._take_order(request)
        return self._tell_order(request)

    def _take_message(self, request: Request) -> Answer:
        world, faults = self.world, self.world.faults
        assert request.json is not None  # noqa: S101 - a message has a body
        key = request.headers["Idempotency-Key"]
        body = dict(request.json)
        words = orjson.dumps(body)
        to = str(body["to"])
        slow = faults.hit("send.slow")
        world.scheduler.sleep(world.between(3, 9) if slow else world.between(0.05, 0.3))
        if faults.hit("send.outage"):
            self._send_down_until = world.scheduler.time + world.between(5, 60)
        if faults.hit("send.unauthorised"):
            self._unauthorised_until = world.scheduler.time + world.between(5, 60)
        if world.scheduler.time < self._send_down_until or faults.hit("send.refused"):
            raise GatewayUnavailable("not reached: simulated")
        if world.scheduler.time < self._unauthorised_until:
            return Answer(401, {}, b'{"error":"unauthorized"}')
        if faults.hit("send.throttled"):
            return Answer(429, {"retry-after": "2"}, b"{}")
        if faults.hit("send.pair_rate"):
            return Answer(400, {}, b'{"error":{"code":131056}}')
        if faults.hit("send.server_error"):
            return Answer(world.rng.choice((500, 502, 503)), {}, b"<html>")
        if faults.hit("send.timeout_before"):
            world.scheduler.sleep(10)
            broken(request, "simulated")
        template = body["type"] == "template"
        closed = world.scheduler.time - self.last_inbound.get(to, -WINDOW) >= WINDOW
        receipt = b"RECEIPT" in words
        if not template and (closed or (receipt and faults.hit("send.window_refused"))):
            faults.reached("window closed")
            return Answer(400, {}, b'{"error":{"code":131047}}')
        world.crash_point("ghala.send:before_effect")
        known = self._sent.get(key)
        if known is not None and known[1] != words:
            self.violations.append(f"I12 one key carried two messages: {key}")
        if known is not None and self.sends_once:
            provider_id = known[0]
        else:
            if known is not None:
                self.repeated_sends += 1
            provider_id = f"wamid.out{self.number()}"
            self._sent[key] = (provider_id, words)
            self._show(Shown(world.scheduler.time, key, provider_id, to, body))
        world.crash_point("ghala.send:after_effect")
        if faults.hit("send.timeout_after"):
            world.scheduler.sleep(10)
            broken(request, "simulated")
        world.scheduler.sleep(world.between(0.01, 0.1))
        if faults.hit("send.garbage"):
            return Answer(200, {}, b"<html>OK</html>")
        if faults.hit("send.without_id"):
            return Answer(200, {}, b'{"success":true}')
        return Answer(200, {}, orjson.dumps({"messages": [{"id": provider_id}]}))

    def _show(self, shown: Shown) -> None:
        world, faults = self.world, self.world.faults
        world.log("shown", shown.to, shown.key)
        self.shown.append(shown)
        world.scheduler.after(world.between(0.2, 1.5), lambda: self.on_shown(shown))
        words = orjson.dumps(shown.message)
        if b"RECEIPT" not in words and world.rng.random() > 0.06:
            return
        early = faults.hit("status.early")
        at = 0.001 if early else world.between(0.3, 2)
        if b"RECEIPT" in words and shown.message["type"] != "template" and faults.hit("status.window_closed"):
            self._status(shown, "failed", at, 131047)
            return
        for status in ("sent", "delivered", "read"):
            if faults.hit("status.lost"):
                continue
            late = world.between(0, 40) if faults.hit("status.reordered") else 0.0
            self._status(shown, status, at + late)
            if faults.hit("status.duplicate"):
                self._status(shown, status, at + world.between(0, 60))
            at += world.between(0.2, 5)

    def _status(self, shown: Shown, status: str, delay: float, error: int = 0) -> None:
        item: dict[str, Any] = {
            "id": shown.provider_id,
            "status": status,
            "recipient_id": shown.to,
            "timestamp": str(int(self.world.true_time())),
        }
        if error:
            item["errors"] = [{"code": error, "title": "Re-engagement message"}]
        value = {"statuses": [item]}
        body = orjson.dumps(
            {"entry": [{"changes": [{"field": "messages", "value": value}]}]} if self.like_meta else value
        )

        def accepted() -> None:
            self.accepted_statuses.append((shown.provider_id, status))

        delivery = Delivery(
            MESSAGES,
            "",
            body,
            f"dlv{self.number()}",
            "status",
            self.world.true_time(),
            accepted=accepted,
        )
        self.deliver(delivery, delay)

    # --- payments -------------------------------------------------------------------------------------

    def _broken_line(self, request: Request, kind: str) -> Answer | None:
        """What may go wrong on the way there: nothing has happened yet."""
        world, faults = self.world, self.world.faults
        if faults.hit(f"{kind}.refused"):
            raise GatewayUnavailable("not reached: simulated")
        if faults.hit(f"{kind}.server_error"):
            return Answer(world.rng.choice((500, 503)), {}, b"oops")
        if kind == "order":
            if faults.hit("order.throttled"):
                return Answer(429, {"retry-after": "3"}, b"{}")
            if faults.hit("order.unauthorised"):
                return Answer(401, {}, b'{"error":"unauthorized"}')
            if faults.hit("order.timeout_before"):
                world.scheduler.sleep(10)
                broken(request, "simulated")
        return None

    def _take_order(self, request: Request) -> Answer:
        world, faults = self.world, self.world.faults
        assert request.json is not None  # noqa: S101 - an order has a body
        body = dict(request.json)
        key = request.headers["Idempotency-Key"]
        world.scheduler.sleep(world.between(2, 9) if faults.hit("order.slow") else world.between(0.05, 0.5))
        refusal = self._broken_line(request, "order")
        if refusal is not None:
            return refusal
        known = self.orders_by_key.get(key)
        if known is None and faults.hit("order.rejected"):
            return Answer(422, {}, b'{"error":"invalid_phone"}')
        world.crash_point("ghala.order:before_effect")
        if known is not None and self.charges_once:
            if (known.external_id, known.amount) != (body["external_id"], Decimal(body["amount"])):
                self.violations.append(f"I12 one key carried two charges: {key}")
            order = known
        else:
            order = self._new_order(key, body, again=known is not None)
        world.crash_point("ghala.order:after_effect")
        if faults.hit("order.timeout_after"):
            world.scheduler.sleep(10)
            broken(request, "simulated")
        if order.payment_status == "pending" and not order.settled and faults.hit("order.callback_first"):
            order.settled = True
            self._succeed(order, order.amount, order.currency)
            world.scheduler.sleep(world.between(1, 4))
        world.scheduler.sleep(world.between(0.05, 0.3))
        if faults.hit("order.garbage"):
            return Answer(201, {}, b"{]")
        return Answer(201, {}, self._order_body(order))

    def _new_order(self, key: str, body: Mapping[str, Any], *, again: bool) -> RemoteOrder:
        world = self.world
        order = RemoteOrder(
            id=f"gh_{self.number()}",
            key=key,
            external_id=body["external_id"],
            amount=Decimal(body["amount"]),
            currency=body["currency"],
            phone=body["customer"]["phone"],
            method=body["payment_method"],
            description=body["description"],
            callback=body["callback_url"],
            again=again,
        )
        self.repeated_orders += again
        self.orders[order.id] = order
        self.orders_by_key[key] = order
        for other in self.orders_by_ref.get(order.external_id, ()):
            if not other.again and not again:
                self.violations.append(f"I12 one payment was charged under two keys: {order.external_id}")
        self.orders_by_ref.setdefault(order.external_id, []).append(order)
        world.log("ordered", order.id, order.external_id, order.method, str(order.amount))
        if order.method == "card":
            if self.everybody_pays or world.rng.random() < 0.8:
                world.scheduler.after(world.between(10, 120), lambda: self._settle(order))
            return order
        for other in self.prompts:
            if (
                other.description == order.description
                and other.live_until > world.scheduler.time
                and not order.again
                # Where keys are ignored a repeated call prompts twice, and the shop knows of one of the prompts.
                and not any(repeated.again for repeated in self.orders_by_ref[other.external_id])
            ):
                self.violations.append(f"I12 two prompts at once: {other.external_id} {order.external_id}")
        order.live_until = world.scheduler.time + PROMPT_SECONDS
        self.prompts.append(order)
        world.scheduler.after(world.between(4, 40), lambda: self._settle(order))
        return order

    def _settle(self, order: RemoteOrder) -> None:
        """The customer looks at the prompt or the page."""
        world, faults = self.world, self.world.faults
        if order.settled:
            return
        order.settled = True
        left = max(order.live_until - world.scheduler.time, 0.0)
        if faults.hit("mpesa.busy"):
            self._fail(order, "1001: unable to lock subscriber")
        elif faults.hit("mpesa.no_answer"):
            world.scheduler.after(left, lambda: self._fail(order, "1037: DS timeout user cannot be reached"))
        elif faults.hit("mpesa.late_success"):
            world.scheduler.after(left, lambda: self._fail(order, "1037: DS timeout user cannot be reached"))
            late = left + world.between(30, 5400)
            world.scheduler.after(late, lambda: self._succeed(order, order.amount, order.currency))
        elif faults.hit("mpesa.wrong_amount"):
            other = order.amount + world.rng.choice((-1, 1, 100, -order.amount + 1))
            self._succeed(order, other if other > 0 else Decimal(1), order.currency)
        elif faults.hit("mpesa.wrong_currency"):
            self._succeed(order, order.amount, "TZS")
        elif faults.hit("mpesa.slow"):
            world.scheduler.after(
                world.between(30, 300), lambda: self._succeed(order, order.amount, order.currency)
            )
        else:
            self._human(order)

    def _human(self, order: RemoteOrder) -> None:
        world = self.world
        mood = 1.0 if self.everybody_pays else world.rng.random()
        if mood < 0.07:
            self._fail(order, "1032: Request cancelled by user")
        elif mood < 0.10:
            self._fail(order, "2001: wrong PIN")
        elif mood < 0.13:
            self._fail(order, "1: insufficient balance")
        else:
            self._succeed(order, order.amount, order.currency)
            if world.faults.hit("mpesa.paid_twice"):
                world.scheduler.after(
                    world.between(20, 400), lambda: self._succeed(order, order.amount, order.currency)
                )

    def _succeed(self, order: RemoteOrder, amount: Decimal, currency: str) -> None:
        world, faults = self.world, self.world.faults
        first = order.payment_status != "success"
        reference = f"SIM{self.number():07d}"
        order.live_until = min(order.live_until, world.scheduler.time)
        if first and faults.hit("mpesa.no_reference"):
            reference = ""
        if first:
            order.payment_status = "success"
            order.reference = reference
            order.paid_amount, order.paid_currency = amount, currency
        receipt = Receipt(
            reference,
            order.id,
            order.external_id,
            to_minor(amount, currency),
            currency,
            first and not order.again,
        )
        self.receipts.append(receipt)
        world.log("paid", order.id, reference, str(amount), currency)
        self._tell(order, "payment.success", receipt)

    def _fail(self, order: RemoteOrder, reason: str) -> None:
        if order.payment_status == "success":
            return
        order.live_until = min(order.live_until, self.world.scheduler.time)
        order.payment_status = "failed"
        order.failure = reason
        self._tell(order, "payment.failed", None)

    def _tell(self, order: RemoteOrder, event: str, receipt: Receipt | None) -> None:
        """Post what became of an order, as far as the world lets it."""
        world, faults = self.world, self.world.faults
        if faults.hit("callback.pending"):
            self._callback(order, "payment.pending", None, world.between(0, 5))
        if faults.hit("callback.other_event"):
            self._callback(order, "order.updated", None, world.between(0, 5))
        if faults.hit("callback.forged"):
            self._forge(order)
        if faults.hit("callback.unknown_order"):
            self._strangers_money(order)
        second = receipt is not None and not receipt.first
        if not second and faults.hit("callback.lost"):
            return
        delay = world.between(0.2, 2)
        if faults.hit("callback.delayed"):
            delay = world.between(60, 4000)
        if faults.hit("callback.reordered"):
            delay += world.between(0, 15)
        if event == "payment.success" and faults.hit("callback.alias"):
            event = world.rng.choice(("payment.successful", "payment.succeeded", "payment.completed"))
        sent = self._callback(order, event, receipt, delay)
        for _ in range(world.rng.randint(1, 4) if faults.hit("callback.duplicate") else 0):
            self._copy(sent, delay + world.between(0, 30), sent.id)
        if faults.hit("callback.new_id"):
            self._copy(sent, delay + world.between(0, 200), f"dlv{self.number()}")
        if event != "payment.failed" and faults.hit("callback.contradiction"):
            self._callback(order, "payment.failed", None, world.between(0, 30))

    def _callback(self, order: RemoteOrder, event: str, receipt: Receipt | None, delay: float) -> Delivery:
        data: dict[str, Any] = {"order_id": order.id, "status": event.partition(".")[2]}
        if not self.world.faults.hit("callback.without_ours"):
            data["external_id"] = order.external_id
        if receipt is not None:
            amount = to_major(receipt.amount, receipt.currency)
            data |= {"amount": str(amount), "currency": receipt.currency}
            if receipt.reference:
                data["transaction_reference"] = receipt.reference
            data["customer"] = {"phone": order.phone}
        else:
            data |= {"amount": str(order.amount), "currency": order.currency}
        if event == "payment.failed":
            data["failure_reason"] = order.failure or "1037"
        body = orjson.dumps({"event": event, "data": data})
        address = urlsplit(order.callback)

        def accepted() -> None:
            if receipt is not None:
                receipt.told = True

        delivery = Delivery(
            address.path,
            address.query,
            body,
            f"dlv{self.number()}",
            "payment",
            self.world.true_time(),
            most=CALLBACK_TRIES,
            accepted=accepted,
        )
        self.deliver(delivery, delay)
        return delivery

    def _forge(self, order: RemoteOrder) -> None:
        data = {
            "order_id": order.id,
            "external_id": order.external_id,
            "amount": str(order.amount),
            "currency": order.currency,
            "transaction_reference": f"FORGED{self.number()}",
        }
        body = orjson.dumps({"event": "payment.success", "data": data})
        headers = sign(self.scheme, b"not the secret of anybody here", body, int(self.world.true_time()))
        self._knock(urlsplit(order.callback).path, body, headers)

    def _strangers_money(self, order: RemoteOrder) -> None:
        """News, properly signed, about an order that is not the shop's."""
        reference = f"SIM{self.number():07d}"
        stranger = RemoteOrder(
            f"gh_{self.number()}", "", f"PAY-STRANGER{self.number()}", Decimal(700), "KES", "", "mpesa", "",
            urlsplit(order.callback).path, again=False,
        )  # fmt: skip
        receipt = Receipt(
            reference, stranger.id, stranger.external_id, 70_000, "KES", first=True, foreign=True
        )
        self.receipts.append(receipt)
        self._callback(stranger, "payment.success", receipt, self.world.between(0, 5)).most = MOST_TRIES

    def _tell_order(self, request: Request) -> Answer:
        world, faults = self.world, self.world.faults
        world.scheduler.sleep(world.between(0.05, 0.4))
        refusal = self._broken_line(request, "ask")
        if refusal is not None:
            return refusal
        if faults.hit("ask.timeout"):
            world.scheduler.sleep(10)
            broken(request, "simulated")
        order = self.orders.get(request.path.rpartition("/")[2])
        if order is None or faults.hit("ask.not_found"):
            return Answer(404, {}, b'{"error":"not_found"}')
        world.crash_point("ghala.ask:after")
        if faults.hit("ask.garbage"):
            return Answer(200, {}, b'{"id":')
        if faults.hit("ask.still_processing"):
            return Answer(
                200, {}, orjson.dumps({"id": order.id, "status": "pending", "payment_status": "pending"})
            )
        return Answer(200, {}, self._order_body(order))

    def _order_body(self, order: RemoteOrder) -> bytes:
        amount = order.amount if order.paid_amount is None else order.paid_amount
        told: dict[str, Any] = {
            "id": order.id,
            "external_id": order.external_id,
            "status": order.payment_status,
            "payment_status": order.payment_status,
            "amount": amount,
            "currency": order.paid_currency or order.currency,
        }
        if order.method == "card":
            told["payment_url"] = f"https://pay.example/{order.id}"
        if order.reference:
            told["transaction_reference"] = order.reference
        if order.payment_status == "failed":
            told["failure_reason"] = order.failure
        return strict_json.dumps(told)


class Line:
    """Ghala's client as both the gateway and the sender use it."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def call(self, request: Request) -> Answer:
        """See ``ghala.client.GhalaClient.call``."""
        return self._outside.call(request)


class AsyncLine:
    """The same for the sender; it never suspends the coroutine, the task it runs in is suspended instead."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def call(self, request: Request) -> Answer:
        """See ``ghala.async_client.AsyncGhalaClient.call``."""
        return self._outside.call(request)

    async def close(self) -> None:
        """Nothing is open."""
