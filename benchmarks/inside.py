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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._threads = ThreadPoolExecutor(config.worker_threads)
        self.statements: Counter[str] = Counter()
        self.transactions = 0
        for engine in {self.database.engine, self.database._readers}:  # noqa: SLF001
            event.listen(engine, "before_cursor_execute", self._count)
            event.listen(engine, "commit", self._commit)

    def _count(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.statements[" ".join(statement.split())[:110]] += 1

    def _commit(self, _connection: Any) -> None:
        self.transactions += 1

    def _hear(self, source: str, new: Sequence[NewEvent]) -> None:
        with self.database.writing() as session:
            stored = inbox.record(session, 1, source, new)
        self.bell.events(stored)
        self.work()

    def work(self) -> None:
        """Everything there is to do, what is due at the same time by several threads."""
        done: list[Any] = []
        while True:
            while self.bell.tasks:
                due, self.bell.tasks = self.bell.tasks, []
                list(self._threads.map(lambda task: self.tasks[task[0]](task[1]), due))
            claimed, kept = self.sender.exchange(done, self.sender.room(0))
            if not claimed and not self.bell.tasks:
                return
            done = kept + asyncio.run(self._send(claimed))

    async def _send(self, claimed: list[Any]) -> list[Any]:
        return [await self.sender.send(self.phone, one) for one in claimed]

    def purchases(self, customers: Sequence[int]) -> None:
        """From "hi" to the receipt, all of these customers in step.

        Raises:
            RuntimeError: the shop did not go along.
        """
        for step, (words, answer) in enumerate(STEPS):
            self._hear("messages:main", [_message(customer, step, words) for customer in customers])
            self._expect(answer, len(customers))
        charges = self.gateway.charges[-len(customers) :]
        self._hear("payments:main", [_paid(charge) for charge in charges])
        self._expect("RECEIPT", len(customers))

    def _expect(self, words: str, times: int) -> None:
        shown = [json.dumps(sent) for sent in self.phone.taken[-times:]]
        if sum(words in one for one in shown) != times:
            raise RuntimeError(f"not {times} times {words!r} in {shown}")


def _message(customer: int, step: int, words: str) -> NewEvent:
    said = {
        "id": f"wamid.{customer}.{step}",
        "from": str(customer),
        "type": "text",
        "timestamp": str(int(time.time())),
        "text": {"body": words},
    }
    raw = json.dumps({"kind": "message", "message": said, "contact": {}}).encode()
    return NewEvent("message", str(said["id"]), raw, customer_key=str(customer))


def _paid(charge: Charge) -> NewEvent:
    paid = {
        "event": "payment.success",
        "data": {
            "order_id": f"gh_{charge.ref}",
            "external_id": charge.ref,
            "amount": charge.amount / 100,
            "currency": charge.currency,
            "transaction_reference": f"S{charge.ref}",
        },
    }
    return NewEvent("payment", f"p{charge.ref}", json.dumps(paid).encode(), match_key=f"gh_{charge.ref}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one purchase costs: seconds of processor, statements and transactions."""

    cpu: float
    statements: float
    transactions: float


def measured(shop: Inside, purchases: int, first: int, at_once: int = 1) -> Cost:
    """The cost of each of ``purchases`` by customers from number ``first`` on, after a few that are not counted."""
    rounds = max(purchases // at_once, 1)
    warm = max(rounds // 10, 1)
    crowds = [range(first + at, first + at + at_once) for at in range(0, (warm + rounds) * at_once, at_once)]
    for crowd in crowds[:warm]:
        shop.purchases(crowd)
    shop.statements.clear()
    shop.transactions = 0
    began = time.process_time()
    for crowd in crowds[warm:]:
        shop.purchases(crowd)
    took = time.process_time() - began
    done = rounds * at_once
    return Cost(took / done, shop.statements.total() / done, shop.transactions / done)
