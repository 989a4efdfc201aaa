"""The sandbox's world: phones, what is said on them, orders and their prompts.

All rules, no HTTP: news for Duka leaves through ``post``, time comes from ``clock``, and what is to happen
later sits in an agenda that ``tick`` works off. Every public method may be called from any thread.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from sandbox import payments
from sandbox.chat import CUSTOMER, SHOP, Message, Notice, Phone, choices, customer_content, tapped
from sandbox.limits import check_message, number_of
from sandbox.payments import Order
from sandbox.refusal import Refused

WINDOW_SECONDS = 24 * 3600.0
DELIVERED_AFTER = 0.3
TYPING_SECONDS = 12.0
NAME_LENGTH = 60
PHONES_LISTED = 40
_RANK = {"sent": 0, "delivered": 1, "read": 2}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A webhook to be delivered to Duka.

    ``direction`` is messages, statuses or payments; envelopes of one ``lane`` go out one at a time;
    ``acknowledged`` is called once, when Duka has answered 2xx.
    """

    direction: str
    label: str
    url: str
    payload: dict[str, Any]
    lane: str
    acknowledged: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was answered to an idempotency key, and to which body."""

    fingerprint: str
    status: int
    answer: dict[str, Any]


class World:
    """Everything the stand-in Ghala knows."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        post: Callable[[Envelope], None],
        shop_name: str,
        base_url: str,
        duka_url: str,
        chance: random.Random | None = None,
    ) -> None:
        self.shop_name = shop_name
        self.closing = False  # set once by ``close``: watchers stop watching
        self._clock = clock
        self._post = post
        self._base_url = base_url
        self._duka_url = duka_url
        self._chance = chance or random.Random()
        self._changed = threading.Condition(threading.RLock())
        self._version = 0
        self._serial = itertools.count(1)
        self._empty()

    def _empty(self) -> None:
        self._phones: dict[str, Phone] = {}
        self._owner: dict[str, str] = {}  # message id -> number
        self._orders: dict[str, Order] = {}
        self._by_external_id: dict[str, str] = {}
        self._remembered: dict[tuple[str, str], Remembered] = {}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []

    # --- time and watching -------------------------------------------------------------------------

    def tick(self) -> float | None:
        """Do what is due; return the seconds until the next thing, None when nothing waits."""
        while True:
            with self._changed:
                if not self._agenda:
                    return None
                wait = self._agenda[0][0] - self._clock()
                if wait > 0:
                    return wait
                heapq.heappop(self._agenda)[2]()

    def run(self, stopping: threading.Event) -> None:
        """Work off the agenda until ``stopping`` is set; meant for a thread."""
        while not stopping.is_set():
            wait = self.tick()
            stopping.wait(0.2 if wait is None else min(wait, 0.2))

    def close(self) -> None:
        """Send everyone who watches home (the process ends)."""
        with self._changed:
            self.closing = True
            self._touch(None)

    def wait_for_change(self, seen: int, timeout: float) -> int:
        """Wait until something differs from version ``seen``; return the present version."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != seen, timeout)
            return self._version

    def wait_on_phone(self, number: str, ready: Callable[[Phone], bool], timeout: float) -> bool:
        """Wait until ``ready`` holds for the phone; say whether it does."""
        with self._changed:
            return self._changed.wait_for(lambda: ready(self.phone(number)), timeout)

    def touch(self) -> None:
        """Say that something shown beside the phones has changed."""
        with self._changed:
            self._touch(None)

    def _touch(self, phone: Phone | None) -> None:
        self._version += 1
        if phone is not None:
            phone.version = self._version
        self._changed.notify_all()

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self._clock() + seconds, next(self._serial), action))

    # --- phones ------------------------------------------------------------------------------------

    def add_phone(self, number: str, name: str) -> Phone:
        """Give a customer a phone, or a new name to the phone there is.

        Raises:
            Refused: the number is not international, or the name is empty or too long.
        """
        digits = number_of(number.replace(" ", ""), "number")
        if not name.strip() or len(name) > NAME_LENGTH:
            raise Refused(f"name must have 1 to {NAME_LENGTH} characters")
        with self._changed:
            phone = self._phones.setdefault(digits, Phone(digits, name))
            phone.name = name
            phone.announced = True
            self._touch(phone)
            return phone

    def phone(self, number: str) -> Phone:
        """Return a phone.

        Raises:
            Refused: 404, nobody has that number.
        """
        phone = self._phones.get(number.replace(" ", "").removeprefix("+"))
        if phone is None:
            raise Refused("no phone has this number", reason="unknown_phone", status=404)
        return phone

    def _phone_or_other(self, digits: str) -> Phone:
        return self._phones.setdefault(digits, Phone(digits, f"+{digits}"))

    # --- what customers do -------------------------------------------------------------------------

    def say(self, number: str, text: str) -> Message:
        """Send a text as the customer."""
        if not text:
            raise Refused("text may not be empty")
        return self.send(number, {"type": "text", "text": {"body": text}})

    def tap(self, number: str, choice_id: str, message_id: str = "") -> Message:
        """Tap a button or row: in the named message, else in the newest that has it.

        Raises:
            Refused: 404, no such button on this phone.
        """
        with self._changed:
            for message in reversed(self.phone(number).shop_messages()):
                if message_id and message.id != message_id:
                    continue
                for choice in choices(message.payload):
                    if choice.id == choice_id:
                        return self.send(number, tapped(choice), quoted=message.id)
        raise Refused(f"no button or row {choice_id!r} on this phone", reason="unknown_button", status=404)

    def send(self, number: str, raw: Mapping[str, Any], quoted: str = "") -> Message:
        """Send any WhatsApp message as the customer.

        ``raw`` is ``{"type": t, t: {...}}``; an own ``context`` or ``id`` in it is kept, so that a test can
        repeat a message.
        """
        content = customer_content(raw)
        with self._changed:
            phone = self.phone(number)
            now = self._clock()
            message = Message(str(raw.get("id") or self._wamid()), CUSTOMER, content, now, quoted=quoted)
            phone.messages.append(message)
            phone.heard_at = now
            self._owner[message.id] = phone.number
            self._mark_read(phone)
            wire = {"from": phone.number, "id": message.id, "timestamp": str(int(now)), **content}
            if quoted and "context" not in wire:
                wire["context"] = {"from": "254700000000", "id": quoted}
            payload = {
                "messages": [wire],
                "contacts": [{"wa_id": phone.number, "profile": {"name": phone.name}}],
            }
            self._touch(phone)
            self._post(
                Envelope(
                    "messages",
                    f"message · {content['type']}",
                    f"{self._duka_url}/api/messages/incoming",
                    payload,
                    phone.number,
                    lambda: self._heard(phone, message),
                )
            )
            return message

    def read(self, number: str) -> None:
        """Note that the customer looks at the chat: everything delivered becomes read."""
        with self._changed:
            self._mark_read(self.phone(number))

    def _heard(self, phone: Phone, message: Message) -> None:
        """Duka has the message: second tick, and the shop appears to type."""
        with self._changed:
            if message.status == "sent":
                message.status = "delivered"
            answered = any(m.sender == SHOP and m.at >= message.at for m in phone.messages)
            if not answered:
                phone.typing_until = self._clock() + TYPING_SECONDS
                self._later(TYPING_SECONDS, lambda: self._quiet(phone))
            self._touch(phone)

    def _quiet(self, phone: Phone) -> None:
        if phone.typing_until and phone.typing_until <= self._clock():
            phone.typing_until = 0.0
            self._touch(phone)

    # --- what the shop does ------------------------------------------------------------------------

    def remembered(self, scope: str, key: str, body: bytes) -> Remembered | None:
        """Return the answer once given to this key.

        Raises:
            Refused: 422, the key was used with another body.
        """
        with self._changed:
            past = self._remembered.get((scope, key)) if key else None
        if past is not None and past.fingerprint != hashlib.sha256(body).hexdigest():
            raise Refused(
                "this Idempotency-Key was used with another body", reason="idempotency_key_reused", status=422
            )
        return past

    def once(
        self, scope: str, key: str, body: bytes, effect: Callable[[], tuple[int, dict[str, Any]]]
    ) -> tuple[int, dict[str, Any]]:
        """Do ``effect`` unless this key has had it; two callers at once count as one."""
        with self._changed:
            past = self.remembered(scope, key, body)
            if past is not None:
                return past.status, past.answer
            status, answer = effect()
            if key:
                fingerprint = hashlib.sha256(body).hexdigest()
                self._remembered[scope, key] = Remembered(fingerprint, status, answer)
            return status, answer

    def receive(self, body: Mapping[str, Any], *, copies: int = 1, late: float = 0.0) -> str:
        """Take a message of the shop for a phone; return its id.

        ``copies`` 0 loses it, 2 shows it twice; ``late`` seconds let others overtake it.

        Raises:
            Refused: it breaks WhatsApp's limits.
        """
        check_message(body)
        with self._changed:
            phone = self._phone_or_other(number_of(body["to"]))
            payload = {
                k: v for k, v in body.items() if k not in {"to", "messaging_product", "recipient_type"}
            }
            payload.setdefault("type", "text")
            wamid = self._wamid()
            self._owner[wamid] = phone.number
            outside = phone.heard_at <= self._clock() - WINDOW_SECONDS
            if outside and payload["type"] != "template":
                self._refuse_outside_window(phone, wamid)
                return wamid
            for copy in range(copies):
                identity = wamid if copy == 0 else f"{wamid}.{copy + 1}"
                quoted = str((body.get("context") or {}).get("message_id", ""))
                message = Message(identity, SHOP, payload, self._clock(), quoted=quoted)
                if late:
                    self._later(late, lambda m=message: self._arrive(phone, m))  # type: ignore[misc]
                else:
                    self._arrive(phone, message)
            return wamid

    def mark_seen(self, message_id: str, *, typing: bool) -> None:
        """Blue ticks for the customer's message and those before it; optionally "typing…".

        Raises:
            Refused: no such message.
        """
        with self._changed:
            number = self._owner.get(message_id)
            if number is None:
                raise Refused("message_id is unknown")
            phone = self.phone(number)
            self._blue(phone, message_id)
            if typing:
                phone.typing_until = self._clock() + 25.0
                self._later(25.0, lambda: self._quiet(phone))
            self._touch(phone)

    def _arrive(self, phone: Phone, message: Message) -> None:
        message.at = self._clock()
        if message.kind == "reaction":
            message.quoted = str(message.payload["reaction"]["message_id"])
        phone.messages.append(message)
        phone.typing_until = 0.0
        self._blue(phone, "")
        self._touch(phone)
        self._tell_status(phone, message, "sent")
        self._later(DELIVERED_AFTER, lambda: self._delivered(phone, message))

    def _blue(self, phone: Phone, last_id: str) -> None:
        for message in phone.messages:
            if message.sender == CUSTOMER and message.status != "failed":
                message.status = "read"
            if message.id == last_id:
                return

    def _delivered(self, phone: Phone, message: Message) -> None:
        if message.status == "sent":
            message.status = "delivered"
            self._touch(phone)
            self._tell_status(phone, message, "delivered")

    def _mark_read(self, phone: Phone) -> None:
        changed = False
        for message in reversed(phone.messages):
            if message.sender == SHOP and _RANK.get(message.status, 9) < _RANK["read"]:
                self._delivered(phone, message)
                message.status = "read"
                self._tell_status(phone, message, "read")
                changed = True
        if changed:
            self._touch(phone)

    def _refuse_outside_window(self, phone: Phone, wamid: str) -> None:
        details = "More than 24 hours have passed since the customer last wrote"
        error = {
            "code": 131047,
            "title": "Re-engagement message",
            "message": "Re-engagement message",
            "error_data": {"details": details},
        }
        note = Message(wamid, SHOP, {"type": "text", "text": {"body": ""}}, self._clock(), "failed", details)
        self._later(0.1, lambda: self._tell_status(phone, note, "failed", [error]))

    def _tell_status(
        self, phone: Phone, message: Message, status: str, errors: list[dict[str, Any]] | None = None
    ) -> None:
        news: dict[str, Any] = {
            "id": message.id,
            "status": status,
            "timestamp": str(int(self._clock())),
            "recipient_id": phone.number,
        }
        if errors:
            news["errors"] = errors
        data = message.payload.get("biz_opaque_callback_data")
        if data:
            news["biz_opaque_callback_data"] = data
        url = f"{self._duka_url}/api/messages/incoming"
        self._post(
            Envelope("statuses", f"status · {status}", url, {"statuses": [news]}, f"s{phone.number}", None)
        )

    def _wamid(self) -> str:
        return "wamid.SBX" + f"{self._chance.getrandbits(96):024X}"

    # --- orders and their payment -------------------------------------------------------------------

    def place_order(self, body: Mapping[str, Any], *, rings: bool = True, forget: bool = False) -> Order:
        """Ask a phone for money; the same ``external_id`` returns the order there is.

        ``rings`` False loses the prompt; ``forget`` makes a second order for a known ``external_id``.

        Raises:
            Refused: a field is wrong; 422 when a known ``external_id`` comes with another amount.
        """
        request = payments.read_request(body)
        with self._changed:
            known = self._orders.get(self._by_external_id.get(request.external_id, ""))
            if known is not None and not forget:
                if (known.amount, known.currency) != (request.amount, request.currency):
                    raise Refused(
                        "external_id is known with another amount", reason="external_id_reused", status=422
                    )
                return known
            now = self._clock()
            order_id = f"gh_{self._chance.getrandbits(60):015x}"
            order = Order(
                order_id,
                request.external_id,
                request.amount,
                request.currency,
                request.phone,
                request.method,
                request.description,
                request.callback_url,
                f"{self._base_url}/pay/{quote(order_id)}",
                now,
                now + payments.PROMPT_SECONDS,
                ringing=rings and request.method != "card",
            )
            self._orders[order.id] = order
            self._by_external_id[request.external_id] = order.id
            if order.method != "card":
                self._later(payments.PROMPT_SECONDS, lambda: self._give_up(order))
            self._touch(self._phone_or_other(order.phone))
            return order

    def order(self, order_id: str) -> Order:
        """Return an order.

        Raises:
            Refused: 404, there is none.
        """
        order = self._orders.get(order_id)
        if order is None:
            raise Refused("no such order", reason="not_found", status=404)
        return order

    def orders(self) -> list[dict[str, object]]:
        """Return all orders with their prompts, oldest first."""
        with self._changed:
            return [{**o.as_json(), "ringing": o.ringing} for o in self._orders.values()]

    def enter_pin(self, order_id: str, pin: str) -> Order:
        """Answer the prompt with a PIN: any four digits pay, 0000 is wrong.

        Raises:
            Refused: not four digits.
        """
        if len(pin) != 4 or not (pin.isascii() and pin.isdigit()):  # noqa: PLR2004
            raise Refused("a PIN has four digits", reason="invalid_pin")
        return self.settle(order_id, "wrong_pin" if pin == "0000" else "pay")

    def settle(
        self,
        order_id: str,
        outcome: str,
        *,
        delay: float | None = None,
        amount: Decimal | None = None,
        currency: str | None = None,
        transaction_reference: str | None = None,
        reason: str | None = None,
    ) -> Order:
        """End a payment as a person would, and tell Duka.

        ``delay`` is in seconds: how long ``pay_late`` takes, or how long any other outcome waits. The three
        overrides go into the webhook (money that does not match); the order itself keeps its own amount.
        A success stays a success: a failure after it is told to Duka but changes nothing here.

        Raises:
            Refused: the outcome is unknown, or the order does not exist.
        """
        if outcome not in payments.OUTCOMES:
            raise Refused(f"outcome must be one of {', '.join(payments.OUTCOMES)}")
        with self._changed:
            order = self.order(order_id)
            paying = (amount, currency, transaction_reference)
            order.ringing = False
            if outcome == "ignore":
                # Nothing ever comes: not even the timeout below.
                order.waited_until = float("inf")
            elif outcome == "pay_late":
                self._fail(order, payments.FAILURES["pay_late"])
                late = payments.LATE_SECONDS if delay is None else delay
                self._later(late, lambda: self._pay(order, *paying))
            elif delay:
                order.waited_until = float("inf")
                if outcome == "pay":
                    self._later(delay, lambda: self._pay(order, *paying))
                else:
                    why = reason or payments.FAILURES[outcome]
                    self._later(delay, lambda: self._fail(order, why, amount, currency))
            elif outcome == "pay":
                self._pay(order, *paying)
            else:
                self._fail(order, reason or payments.FAILURES[outcome], amount, currency)
            self._touch(self._phone_or_other(order.phone))
            return order

    def _pay(self, order: Order, amount: Decimal | None, currency: str | None, code: str | None) -> None:
        paid = order.amount if amount is None else amount
        if order.payment_status != "success":
            order.payment_status = "success"
            order.failure_reason = ""
            order.transaction_reference = code or payments.reference(self._clock(), self._chance)
            self._notify(order, paid)
        self._tell_payment(order, paid=True, amount=paid, currency=currency or order.currency, code=code)

    def _fail(
        self, order: Order, reason: str, amount: Decimal | None = None, currency: str | None = None
    ) -> None:
        if order.payment_status != "success":
            order.payment_status = "failed"
            order.failure_reason = reason
            self._notify(order, order.amount)
        self._tell_payment(
            order,
            paid=False,
            amount=order.amount if amount is None else amount,
            currency=currency or order.currency,
            reason=reason,
        )

    def _give_up(self, order: Order) -> None:
        if order.payment_status == "pending" and order.waited_until <= self._clock():
            order.ringing = False
            self._fail(order, payments.FAILURES["timeout"])

    def _notify(self, order: Order, amount: Decimal) -> None:
        phone = self._phone_or_other(order.phone)
        text = payments.sms_text(order, self.shop_name, amount, self._clock())
        if text and order.method != "card":
            sender = "M-PESA" if order.method == "mpesa" else "AirtelMoney"
            phone.notices.append(Notice(next(self._serial), sender, text, self._clock()))
        self._touch(phone)

    def _tell_payment(
        self,
        order: Order,
        *,
        paid: bool,
        amount: Decimal,
        currency: str,
        code: str | None = None,
        reason: str = "",
    ) -> None:
        body = payments.webhook_body(
            order,
            paid=paid,
            amount=amount,
            currency=currency,
            transaction_reference=code or order.transaction_reference,
            failure_reason=reason,
        )
        url = order.callback_url or f"{self._duka_url}/api/webhooks/ghala"
        self._post(Envelope("payments", str(body["event"]), url, body, order.id))

    # --- showing -----------------------------------------------------------------------------------

    def phone_json(self, number: str, last: int | None = None) -> dict[str, Any]:
        """Return a phone with its chat, prompts and notices; ``last`` bounds the messages."""
        with self._changed:
            phone = self.phone(number)
            messages = phone.messages if last is None else phone.messages[-last:]
            return {
                "number": phone.number,
                "name": phone.name,
                "version": phone.version,
                "typing": phone.typing_until > self._clock(),
                "messages": [m.as_json() for m in messages],
                "notices": [
                    {"id": n.id, "sender": n.sender, "text": n.text, "at": n.at} for n in phone.notices[-5:]
                ],
                "prompts": [self._prompt_json(o) for o in self._ringing(phone.number)],
            }

    def phones_json(self) -> list[dict[str, Any]]:
        """Return who has a phone: ringing ones first, then the latest used."""
        with self._changed:
            ringing = {o.phone for o in self._orders.values() if o.ringing}
            listed = sorted(
                self._phones.values(), key=lambda p: (p.number in ringing, p.version), reverse=True
            )
            return [
                {
                    "number": p.number,
                    "name": p.name,
                    "ringing": p.number in ringing,
                    "announced": p.announced,
                    "unread": sum(m.sender == SHOP and m.status != "read" for m in p.messages[-50:]),
                }
                for p in listed[:PHONES_LISTED]
            ]

    def _ringing(self, number: str) -> list[Order]:
        return [o for o in self._orders.values() if o.ringing and o.phone == number]

    def _prompt_json(self, order: Order) -> dict[str, Any]:
        return {
            "id": order.id,
            "method": order.method,
            "money": payments.money_text(order.amount, order.currency),
            "shop": self.shop_name.upper(),
            "description": order.description,
            "external_id": order.external_id,
        }

    def reset(self) -> None:
        """Forget everybody and everything."""
        with self._changed:
            self._empty()
            self._touch(None)
