"""A whole shop in one process for the guarantees: the real web views, tasks, tables and sender.

Only the far side is played: Ghala answers over ``responses`` (payments) and over a caller of ours
(messages), and customers write signed webhooks. Work is what the sweeper finds in the tables, so
nothing here depends on a bell being heard.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from sqlalchemy import func, select

import app as composition
from bot.bursts import PAUSE
from config import Config
from db import Database, inbox, outbox
from db.bell import Bell
from db.models import Base, Conversation, InboxEvent, MoneyEvent, Order, OutboxMessage, Payment, Product
from db.redis_link import RedisLink
from db.refs import Refs
from ghala.client import Answer
from ghala.dialects import V1
from ghala.dialects.base import Request
from ghala.signatures import sign
from jobs.breaker import Breaker
from jobs.pacing import Pacing
from jobs.sender import Sender
from jobs.tasks import Tasks
from orders import service as orders
from payments import desk, reconciliation
from payments.phone import normalise
from tests.conftest import Templates
from tests.shop import open_shop

SECRET = "a webhook secret for the tests"
PASSWORD = "correct horse battery"
NO_REDIS = "redis://127.0.0.1:1/0"
API = "https://ghala.test/v1"
AMINA, BRIAN = "254711222333", "254722333444"
DAY = 86_400.0


class WorkerDied(BaseException):
    """What a kill looks like from inside: nothing that runs after it catches it."""


@dataclass
class Ghala:
    """The far side: takes charges, remembers keys, sends messages, and fails as told."""

    honours_keys: bool = True
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    prompts: int = 0
    charge_failures: list[Any] = field(default_factory=list)
    """For each ``POST /orders``: ``before``/``after`` (broken before or after its effect) or a status."""
    ask_failures: list[Any] = field(default_factory=list)
    on_charge: Callable[[str], None] | None = None

    sent: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Messages that reached a phone: to, key and body."""
    message_ids: dict[str, str] = field(default_factory=dict)
    send_failures: list[Any] = field(default_factory=list)
    send_status: int = 200
    tries: int = 0

    def charge(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        failure = self.charge_failures.pop(0) if self.charge_failures else None
        if failure == "before":
            raise requests.exceptions.ConnectTimeout
        if isinstance(failure, int):
            return failure, {}, "{}"
        body, key = json.loads(request.body or b"{}"), request.headers["Idempotency-Key"]
        if not (self.honours_keys and key in self.by_key):
            self.prompts += 1
            order_id = f"gh_{len(self.orders) + 1}"
            self.by_key[key] = order_id
            self.orders[order_id] = {
                "id": order_id,
                "external_id": body["external_id"],
                "payment_status": "pending",
                "amount": body["amount"],
                "currency": body["currency"],
            }
            if self.on_charge is not None:
                self.on_charge(order_id)
        if failure == "after":
            raise requests.exceptions.ReadTimeout
        return 201, {}, json.dumps(self.orders[self.by_key[key]])

    def ask(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if self.ask_failures:
            return self.ask_failures.pop(0), {}, "{}"
        known = self.orders.get(str(request.url).rsplit("/", 1)[1])
        return (404, {}, "{}") if known is None else (200, {}, json.dumps(known))

    def pays(self, order_id: str = "gh_1", reference: str = "SKJ4X2ABCD", **said: Any) -> None:
        """The customer enters the PIN; nobody is told yet."""
        self.orders[order_id] |= {"payment_status": "success", "transaction_reference": reference} | said

    async def call(self, request: Request) -> Answer:
        """Carry one message."""
        self.tries += 1
        failure = self.send_failures.pop(0) if self.send_failures else None
        if isinstance(failure, Exception):
            raise failure
        if self.send_status != 200:
            return Answer(self.send_status, {}, b"{}")
        key = request.headers["Idempotency-Key"]
        if not (self.honours_keys and key in self.message_ids):
            self.message_ids[key] = f"wamid.{len(self.sent) + 1}"
            assert isinstance(request.json, dict)
            self.sent.append((str(request.json["to"]), key, request.json))
        if callable(failure):
            failure()
        return Answer(200, {}, json.dumps({"message_id": self.message_ids[key]}).encode())

    async def close(self) -> None:
        """Nothing to let go of."""


class QuietBell(Bell):
    """Counts rings and tells nobody: the tables say what is to be done."""

    def inbox(self, kind: str, event_id: int) -> None: ...

    def payment(self, payment_id: int) -> None: ...

    def ask(self, payment_id: int) -> None: ...

    def outbox(self) -> None: ...


def config(redis_url: str, scheme: str = "timestamp-hex") -> Config:
    """The settings of every process of the shop."""
    return Config(
        redis_url=redis_url,
        public_url="https://shop.test",
        ghala_api_url=API,
        ghala_api_key="key",
        ghala_webhook_secrets=(SECRET,),
        ghala_signature_scheme=scheme,
        admin_password=PASSWORD,
        secret_key="k" * 20,
    )


class World:
    """One shop and everybody around it."""

    def __init__(
        self, database: Database, redis_url: str, now: Any, ghala: Ghala, scheme: str = "timestamp-hex"
    ) -> None:
        self.database, self.now, self.ghala = database, now, ghala
        self.config = config(redis_url, scheme)
        self.rng = random.Random(1)
        link = RedisLink(redis_url)
        self.link = link
        self.house = composition.House(self.config, database, link, QuietBell(), Refs(self.rng.randrange))
        with database.writing() as session:
            open_shop(session)
        self.web = composition.create_app(self.config, self.house)
        self.tasks = composition.build_tasks(self.house)
        self.seconds = 0.0
        self.breaker = Breaker(lambda: self.seconds)
        self.sender = self.new_sender()
        self.deliveries = 0

    def new_sender(self) -> Sender:
        """A sender that has just started."""
        pacing = Pacing(self.link, 0, 0)
        return Sender(self.database, lambda: self.ghala, V1(), pacing, random.Random(2), self.breaker)

    def new_tasks(self) -> Tasks:
        """A worker that has just started: its copies of anything are empty."""
        return composition.build_tasks(self.house)

    # Customers and Ghala write.

    def post(
        self, path: str, body: Any, *, age: float = 0.0, delivery: str | None = None, secret: str = SECRET
    ) -> Any:
        """A signed webhook, ``age`` seconds old."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.deliveries += 1
        headers = sign(
            self.config.ghala_signature_scheme, secret.encode(), raw, str(int(time.time() - age))
        ) | {"x-ghala-delivery": delivery or f"d{self.deliveries}"}
        with self.web.test_client() as client:
            return client.post(path, data=raw, content_type="application/json", headers=headers)

    def message(self, content: dict[str, Any], wa_id: str = AMINA) -> dict[str, Any]:
        """A message as Ghala delivers it."""
        self.deliveries += 1
        return {"messages": [{"id": f"wamid.in{self.deliveries}", "from": wa_id} | content]}

    def hears(self, content: dict[str, Any], wa_id: str = AMINA, *, age: float = 0.0) -> None:
        """Something arrives from a customer."""
        answer = self.post("/api/messages/incoming", self.message(content, wa_id), age=age)
        assert answer.status_code == 200, answer.text

    def says(self, text: str, wa_id: str = AMINA, *, age: float = 0.0) -> list[str]:
        """A customer writes; what is on their phone afterwards that was not before."""
        before = len(self.seen(wa_id))
        self.hears({"type": "text", "text": {"body": text}}, wa_id, age=age)
        self.work()
        if self.count(InboxEvent, InboxEvent.status == "waiting", InboxEvent.error == inbox.HELD):
            self.passes(PAUSE)
        return self.seen(wa_id)[before:]

    def taps(self, option: str, wa_id: str = AMINA, *, age: float = 0.0) -> list[str]:
        """A customer taps the button or row whose id begins so, the newest they were shown."""
        before = len(self.seen(wa_id))
        self.hears(self.button(self.shown(option, wa_id)), wa_id, age=age)
        self.work()
        return self.seen(wa_id)[before:]

    @staticmethod
    def button(button_id: str) -> dict[str, Any]:
        """A tap."""
        reply = {"type": "button_reply", "button_reply": {"id": button_id, "title": "x"}}
        return {"type": "interactive", "interactive": reply}

    def shown(self, option: str, wa_id: str = AMINA) -> str:
        """The newest button id on the customer's phone that begins with ``option``."""
        for _, _, body in reversed([sent for sent in self.ghala.sent if sent[0] == wa_id]):
            found = re.findall(rf'"id": "({re.escape(option)}[^"]*)"', json.dumps(body))
            if found:
                return str(found[-1])
        raise AssertionError(f"{option} was never shown")

    def pays(
        self, event: str = "payment.success", *, age: float = 0.0, delivery: str | None = None, **data: Any
    ) -> Any:
        """Ghala posts news of a payment."""
        body = {"order_id": "gh_1", "amount": 3000, "currency": "KES"} | data
        if event == "payment.success":
            body.setdefault("transaction_reference", "SKJ4X2ABCD")
        return self.post("/api/webhooks/ghala", {"event": event, "data": body}, age=age, delivery=delivery)

    # The worker works.

    def due(self) -> list[tuple[str, int]]:
        """Everything the sweeper would queue now."""
        with self.database.reading() as session:
            work = [
                (
                    {"message": "advance", "internal": "advance", "payment": "apply_payment"}.get(
                        kind, "apply_status"
                    ),
                    id_,
                )
                for id_, kind in inbox.overdue(session, 0)
            ]
            work += [
                ("start_payment" if status == "created" else "ask_payment", id_)
                for id_, status in desk.due(session)
            ]
            work += [("expire_order", id_) for id_ in orders.due_to_expire(session)]
            work += [("reconcile", id_) for id_ in reconciliation.due(session)]
        return work

    def work(self, rounds: int = 30) -> None:
        """Do all there is to do now, messages included."""
        tasks = self.tasks.by_name()
        for _ in range(rounds):
            work = self.due()
            for name, row_id in work:
                tasks[name](row_id)
            sent = self.send()
            if not sent and self.due() in ([], work):
                return

    def send(self) -> int:
        """One round of the sender; returns how many messages were tried."""
        claimed, kept = self.sender.exchange([], self.sender.room(0))

        async def together() -> list[outbox.Outcome]:
            return list(await asyncio.gather(*(self.sender.send(self.ghala, one) for one in claimed)))

        outcomes = asyncio.run(together()) if claimed else []
        with self.database.writing() as session:
            outbox.record_outcomes(session, outcomes + kept)
        return len(claimed)

    def passes(self, seconds: float) -> None:
        """Time passes, for everybody."""
        self.now.advance(seconds)
        self.seconds += seconds
        self.work()

    def at_once(self, count: int, call: Callable[[int], Any]) -> list[Any]:
        """``count`` calls as simultaneous as eight threads are."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(call, range(count)))

    # What can be seen.

    def seen(self, wa_id: str = AMINA) -> list[str]:
        """The bodies of everything that reached this customer's phone."""
        found = []
        for to, _, body in self.ghala.sent:
            if to == wa_id:
                inner = body.get("text") or body.get("interactive", {}).get("body") or {}
                found.append(str(inner.get("body") or inner.get("text") or body).replace("\u00a0", " "))
        return found

    def receipts(self, wa_id: str = AMINA) -> list[str]:
        """Receipts on this customer's phone."""
        return [text for text in self.seen(wa_id) if "Total paid" in text]

    def count(self, model: type[Base], *where: Any) -> int:
        """Rows."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*where)) or 0

    def rows(self, model: Any) -> list[Any]:
        """Every row, oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(model).order_by(model.id)))

    def rows_of_conversation(self) -> list[tuple[int, int]]:
        """Version and fence of every conversation."""
        with self.database.reading() as session:
            rows = session.execute(select(Conversation.version, Conversation.fence))
            return [(row.version, row.fence) for row in rows]

    def order(self) -> Order:
        """The newest order."""
        found: Order = self.rows(Order)[-1]
        return found

    def payment(self) -> Payment:
        """The newest payment."""
        found: Payment = self.rows(Payment)[-1]
        return found

    def money(self) -> list[tuple[str, int | None]]:
        """Kind and amount of every money event."""
        return [(row.kind, row.amount) for row in self.rows(MoneyEvent)]

    def basket(self) -> tuple[int | None, int, int]:
        """Counted stock: available, reserved, sold."""
        with self.database.reading() as session:
            row = session.scalars(select(Product).where(Product.sku == "BASKET")).one()
            return row.available, row.reserved, row.sold

    def assert_sound(self) -> None:
        """What holds at any rest: nothing waits, money and stock add up, one receipt per paid order."""
        assert self.count(InboxEvent, InboxEvent.status == "waiting") == 0
        assert self.count(InboxEvent, InboxEvent.status == "dead") == 0
        assert self.count(OutboxMessage, OutboxMessage.status != "sent") == 0
        paid = [order for order in self.rows(Order) if order.paid_at is not None]
        booked = [row for row in self.rows(MoneyEvent) if row.kind == "payment"]
        assert sorted(row.order_id for row in booked) == sorted(order.id for order in paid)
        assert sum(row.amount for row in booked) == sum(order.total for order in paid)
        for order in paid:
            assert (
                sum(
                    order.ref in text
                    for text in [
                        t for _, _, b in self.ghala.sent for t in [json.dumps(b)] if "Total paid" in t
                    ]
                )
                == 1
            )
        available, reserved, sold = self.basket()
        assert available is not None
        assert available >= 0
        assert available + reserved + sold == 5
        with self.database.reading() as session:
            report = reconciliation.check(session, 1)
        assert [finding.kind for finding in report.findings] == []

    # The way to an order.

    def orders(self, wa_id: str = AMINA, product: str = "COFFEE", quantity: int = 2) -> str:
        """A customer orders by chat as far as the ways to pay; returns the order's reference."""
        sku = {"COFFEE": 1, "HONEY": 2, "BASKET": 3}[product]
        self.says("hi", wa_id)
        self.hears(self.button(f"product:{sku}"), wa_id)
        self.work()
        self.says(str(quantity), wa_id)
        self.says("123 Main St, Nairobi", wa_id)
        return self.order().ref

    def prompted(self, wa_id: str = AMINA) -> str:
        """A customer has ordered and has the prompt on the phone; returns the order's reference."""
        ref = self.orders(wa_id)
        assert normalise(f"+{wa_id}")
        self.taps("pay:mpesa", wa_id)
        return ref


@pytest.fixture
def ghala() -> Iterator[Ghala]:
    """The far side, over HTTP."""
    far = Ghala()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.POST, f"{API}/orders", far.charge)
        mock.add_callback(responses.GET, re.compile(rf"{API}/orders/.+"), far.ask)
        yield far


@pytest.fixture
def world(templates: Templates, tmp_path: Path, redis_url: str, now: Any, ghala: Ghala) -> Iterator[World]:
    """A shop over SQLite and a real Valkey."""
    with templates.opened("sqlite", "tables", tmp_path, now) as database:
        yield World(database, redis_url, now, ghala)


@pytest.fixture
def each_world(database: Database, redis_url: str, now: Any, ghala: Ghala) -> World:
    """A shop over each database in turn, for what the database itself must keep."""
    return World(database, redis_url, now, ghala)


__all__ = ["Ghala", "WorkerDied", "World", "each_world", "ghala", "world"]
