"""A shop whose worker is stepped by hand: the real tasks over each database in turn, with a real Valkey."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, update

from bot.bursts import PAUSE
from bot.copies import ConversationCopies
from bot.pictures import ShopPictures
from bot.shell import ConversationShell
from bot.statuses import StatusDesk
from db import Database, inbox
from db.bell import Bell
from db.models import Conversation, Customer, InboxEvent, Order, OutboxMessage, Payment, Product
from db.redis_link import RedisLink
from ghala import strict_json
from ghala.inbound import read_messages
from jobs.tasks import Tasks
from payments import service as payment_service
from payments.desk import PaymentDesk
from payments.gateways.base import Charge, PaymentUpdate, Started
from payments.gateways.ghala import GhalaGateway
from tests.shop import WA_ID, open_shop, refs


@dataclass
class RecordingBell(Bell):
    """Remembers who rang."""

    rung: list[tuple[str, int]] = field(default_factory=list)

    def inbox(self, kind: str, event_id: int) -> None:
        self.rung.append((kind, event_id))

    def payment(self, payment_id: int) -> None:
        self.rung.append(("start", payment_id))

    def ask(self, payment_id: int) -> None:
        self.rung.append(("ask", payment_id))

    def outbox(self) -> None:
        self.rung.append(("outbox", 0))

    def last(self, kind: str) -> int:
        return next(row_id for name, row_id in reversed(self.rung) if name == kind)


class PayingGateway:
    """Takes every charge and, asked about it, says that it is paid."""

    name = "ghala"
    confirms_webhooks = False
    read = staticmethod(GhalaGateway.read)

    def start(self, charge: Charge) -> Started:
        return Started(f"gh_{charge.ref}")

    def ask(self, charge: Charge) -> PaymentUpdate:
        return PaymentUpdate(
            "succeeded",
            gateway_ref=f"gh_{charge.ref}",
            payment_ref=charge.ref,
            amount=charge.amount,
            currency=charge.currency,
            transaction_ref=f"TX{charge.ref[-6:]}",
        )


class Worker:
    """One worker process: a shell of its own, and the tasks around it."""

    def __init__(self, database: Database, now: Any, redis_url: str, seed: int) -> None:
        self.database = database
        self.bell = RecordingBell()
        self.link = RedisLink(redis_url)
        self.pictures = ShopPictures(database, "", now)
        self.shell = ConversationShell(
            database, self.bell, refs(seed), ConversationCopies(self.link), self.pictures
        )
        self.desk = PaymentDesk(database, {"ghala": PayingGateway()}, self.bell)
        self.tasks = Tasks(database, self.bell, self.shell, self.desk, StatusDesk(database))

    def advance(self, event_id: int) -> None:
        self.tasks.advance(event_id)

    def take_money(self) -> int:
        """Start the payment that was rung for and ask about it; the id of the news for the conversation."""
        payment_id = self.bell.last("start")
        self.desk.start(payment_id)
        self.ask(payment_id)
        return self.bell.last("internal")

    def ask(self, payment_id: int) -> None:
        """Ask the gateway now, though it is not time yet."""
        with self.database.writing() as session:
            payment_service.ask_soon(session, [payment_id])
        self.desk.ask(payment_id)


class Chat:
    """One customer and the shop."""

    def __init__(self, database: Database, now: Any, redis_url: str) -> None:
        self.database = database
        self.now = now
        self._seeds = itertools.count(1)
        self._ids = itertools.count(1)
        self._heard = 0
        self._redis_url = redis_url
        self.worker = self.another_worker()
        with database.writing() as session:
            open_shop(session)

    def another_worker(self, redis_url: str | None = None) -> Worker:
        return Worker(self.database, self.now, redis_url or self._redis_url, next(self._seeds))

    def hears(
        self, words: str = "", *, sender: str = WA_ID, lane: str = "normal", raw: dict[str, Any] | None = None
    ) -> int:
        """Record a message of the customer as the webhook does; the event's id."""
        number = next(self._ids)
        message = {"id": f"wamid.{number}", "from": sender, "type": "text", "text": {"body": words}}
        contact = {"wa_id": sender, "profile": {"name": "Amina"}}
        batch = read_messages({"messages": [message | (raw or {})], "contacts": [contact]})
        (item,) = batch.items
        event = inbox.NewEvent(
            "message",
            f"d{number}",
            strict_json.dumps(item.raw),
            own_id=item.own_id,
            customer_key=item.sender,
            lane=lane,
        )
        with self.database.writing() as session:
            ((event_id, _),) = inbox.record(session, 1, "messages:main", [event])
        return event_id

    def says(self, words: str, *, sender: str = WA_ID) -> list[str]:
        """Write something and let a worker answer; what the shop said since it was last looked at."""
        heard = self.hears(words, sender=sender)
        self.worker.advance(heard)
        if self.event(heard).error == inbox.HELD:
            self.passes_the_pause()
        return self.answers()

    def passes_the_pause(self) -> None:
        """Nothing more comes: what was held is answered."""
        self.now.advance(PAUSE)
        with self.database.reading() as session:
            ripe = inbox.ripe(session)
        for event_id in ripe:
            self.worker.advance(event_id)

    def answers(self) -> list[str]:
        """What the shop promised to say since it was last looked at."""
        new = self.promised()[self._heard :]
        self._heard += len(new)
        return [row.message["body"].replace("\u00a0", " ") for row in new]

    def answer(self, words: str) -> str:
        """Write something; the one bubble that answers it."""
        (said,) = self.says(words)
        return said

    def answer_of(self, sender: str, words: str) -> str:
        """Somebody else writes something; the one bubble that answers it."""
        (said,) = self.says(words, sender=sender)
        return said

    def orders(self, what: str = "2 coffee") -> str:
        """Order something; the order's reference."""
        self.answer(what)
        self.answer("123 Main St, Nairobi")
        with self.database.reading() as session:
            return session.scalars(select(Order.ref).order_by(Order.id.desc())).first() or ""

    def rows(self, table: Any) -> list[Any]:
        with self.database.reading() as session:
            return list(session.scalars(select(table).order_by(*table.__table__.primary_key)))

    def promised(self) -> list[OutboxMessage]:
        return self.rows(OutboxMessage)

    def event(self, event_id: int) -> InboxEvent:
        with self.database.reading() as session:
            return session.get_one(InboxEvent, event_id)

    def conversation(self) -> Conversation:
        (row,) = self.rows(Conversation)
        return row

    def customer(self) -> Customer:
        (row,) = self.rows(Customer)
        return row

    def order(self) -> Order:
        (row,) = self.rows(Order)
        return row

    def payment(self) -> Payment:
        (row,) = self.rows(Payment)
        return row

    def change(self, sku: str, **values: Any) -> None:
        """The owner changes a product behind everybody's back."""
        with self.database.writing() as session:
            session.execute(update(Product).where(Product.sku == sku).values(**values))

    def write(self, work: Callable[[Any], Any]) -> Any:
        with self.database.writing() as session:
            return work(session)


@pytest.fixture
def chat(database: Database, now, redis_url: str) -> Chat:
    return Chat(database, now, redis_url)
