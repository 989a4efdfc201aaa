"""What a purchase costs inside one process: processor time, statements and transactions, without HTTP and without load.

It is the figure to look at while making something faster: other programs hardly move it. The events are stored as the
web process stores them; the worker's own tasks and sender then do everything there is to do.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

import app as composition
from benchmarks.load import STEPS
from config import Config
from db import Database, inbox
from db.bell import Bell
from db.inbox import NewEvent
from db.redis_link import RedisLink
from db.refs import Refs
from ghala.client import Answer
from ghala.dialects.base import Request
from ghala.dialects.v1 import V1
from jobs.pacing import Pacing
from jobs.queue import TASKS
from jobs.sender import Sender
from jobs.tasks import Tasks
from payments.desk import PaymentDesk
from payments.gateways.base import Charge, PaymentUpdate, Started
from payments.gateways.ghala import GhalaGateway


@dataclass
class Rung(Bell):
    """A bell that remembers what it was rung for."""

    tasks: list[tuple[str, int]] = field(default_factory=list)

    def inbox(self, kind: str, event_id: int) -> None:
        """An event waits."""
        self.tasks.append((TASKS[kind], event_id))

    def payment(self, payment_id: int) -> None:
        """A payment is to be taken to its gateway."""
        self.tasks.append(("start_payment", payment_id))

    def ask(self, payment_id: int) -> None:
        """A gateway is to be asked."""
        self.tasks.append(("ask_payment", payment_id))

    def outbox(self) -> None:
        """Messages are sent after every step anyway."""


class InstantGateway:
    """Ghala, taking every charge."""

    name = "ghala"
    methods = GhalaGateway.methods
    confirms_webhooks = False
    read = staticmethod(GhalaGateway.read)

    def __init__(self) -> None:
        self.charges: list[Charge] = []

    def start(self, charge: Charge) -> Started:
        """Take it."""
        self.charges.append(charge)
        return Started(f"gh_{charge.ref}")

    def ask(self, charge: Charge) -> PaymentUpdate:
        """Not paid yet."""
        return PaymentUpdate("pending", gateway_ref=f"gh_{charge.ref}", payment_ref=charge.ref)


class InstantPhone:
    """Takes every message."""

    def __init__(self) -> None:
        self.taken: list[Any] = []

    async def call(self, request: Request) -> Answer:
        """Take it."""
        self.taken.append(request.json)
        return Answer(200, {}, b'{"message_id": "wamid.out.%d"}' % len(self.taken))

    async def close(self) -> None:
        """Nothing to let go of."""


class Inside:
    """One shop, whose customers come one after the other."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        config = Config(
            database_url=database_url,
            redis_url=redis_url,
            public_url="https://shop.example",
            ghala_api_url="https://ghala.example",
            ghala_api_key="key",
            ghala_webhook_secrets=("secret",),
            admin_password="a-password-for-figures",  # noqa: S106 - of a shop that lives for seconds
        )
        self.database = Database(database_url)
        self.bell, self.gateway, self.phone = Rung(), InstantGateway(), InstantPhone()
        link = RedisLink(redis_url)
        house = composition.House(config, self.database, link, self.bell, Refs())
        tasks: Tasks = composition.build_tasks(house)
        gateways: Any = {"ghala": self.gateway}
        tasks._desk = PaymentDesk(self.database, gateways, self.bell)  # noqa: SLF001
        self.tasks = tasks.by_name()
        self.sender = Sender(self.database, lambda: self.phone, V1(), Pacing(link, 0, 0), random.Random(1))
        self.statements: Counter[str] = Counter()
        self.transactions = 0
        for engine in {self.database.engine, self.database._readers}:  # noqa: SLF001
            event.listen(engine, "before_cursor_execute", self._count)
            event.listen(engine, "commit", self._commit)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements[" ".join(statement.split())[:110]] += 1

    def _commit(self, _connection: Any) -> None:
        self.transactions += 1

    def _hear(self, source: str, new: NewEvent) -> None:
        with self.database.writing() as session:
            stored = inbox.record(session, 1, source, [new])
        for event_id, kind in stored:
            self.bell.inbox(kind, event_id)
        self.work()

    def work(self) -> None:
        """Everything there is to do."""
        done: list[Any] = []
        while True:
            while self.bell.tasks:
                name, row_id = self.bell.tasks.pop(0)
                self.tasks[name](row_id)
            claimed, kept = self.sender.exchange(done, self.sender.room(0))
            if not claimed and not self.bell.tasks:
                return
            done = kept + asyncio.run(self._send(claimed))

    async def _send(self, claimed: list[Any]) -> list[Any]:
        return [await self.sender.send(self.phone, one) for one in claimed]

    def purchase(self, number: int) -> None:
        """From "hi" to the receipt.

        Raises:
            RuntimeError: the shop did not go along.
        """
        for step, (words, answer) in enumerate(STEPS):
            said = {
                "id": f"wamid.{number}.{step}",
                "from": str(number),
                "type": "text",
                "timestamp": str(int(time.time())),
                "text": {"body": words},
            }
            raw = json.dumps({"kind": "message", "message": said, "contact": {}}).encode()
            self._hear(
                "messages:main",
                NewEvent("message", str(said["id"]), raw, customer_key=str(number)),
            )
            self._expect(answer)
        charge = self.gateway.charges[-1]
        paid = {
            "event": "payment.success",
            "data": {
                "order_id": f"gh_{charge.ref}",
                "external_id": charge.ref,
                "amount": charge.amount / 100,
                "currency": charge.currency,
                "transaction_reference": f"S{number}",
            },
        }
        self._hear(
            "payments:main",
            NewEvent("payment", f"p{number}", json.dumps(paid).encode(), match_key=f"gh_{charge.ref}"),
        )
        self._expect("RECEIPT")

    def _expect(self, words: str) -> None:
        shown = json.dumps(self.phone.taken[-3:])
        if words not in shown:
            raise RuntimeError(f"no {words!r} in {shown}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one purchase costs: seconds of processor, statements and transactions."""

    cpu: float
    statements: float
    transactions: float


def measured(shop: Inside, purchases: int, first: int) -> Cost:
    """The cost of ``purchases`` by customers from number ``first`` on, after a few that are not counted."""
    warm = max(purchases // 10, 1)
    for number in range(warm):
        shop.purchase(first + number)
    shop.statements.clear()
    shop.transactions = 0
    began = time.process_time()
    for number in range(warm, warm + purchases):
        shop.purchase(first + number)
    took = time.process_time() - began
    return Cost(took / purchases, shop.statements.total() / purchases, shop.transactions / purchases)
