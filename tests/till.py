"""An order waiting to be paid, a gateway that says what a test wants, and the desk between them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sqlalchemy import select

from db import Database, inbox
from db.bell import Bell
from db.models import InboxEvent, MoneyEvent, Payment
from errors import GatewayError
from orders import reading
from payments import service
from payments.desk import PaymentDesk
from payments.gateways.base import Charge, Method, PaymentUpdate, Started
from payments.gateways.ghala import GhalaGateway
from tests.shop import PHONE, place, refs


@dataclass
class Gateway:
    """A gateway that says what the test wants and remembers what it was asked."""

    name: ClassVar[str] = "ghala"
    methods: ClassVar[tuple[Method, ...]] = GhalaGateway.methods
    confirms_webhooks: bool = False
    read = staticmethod(GhalaGateway.read)
    starts: list[Started | GatewayError] = field(default_factory=list)
    answers: list[PaymentUpdate | GatewayError] = field(default_factory=list)
    started: list[Charge] = field(default_factory=list)
    asked: list[Charge] = field(default_factory=list)

    def start(self, charge: Charge) -> Started:
        self.started.append(charge)
        answer = self.starts.pop(0) if self.starts else Started("gh_1")
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def ask(self, charge: Charge) -> PaymentUpdate:
        self.asked.append(charge)
        answer = self.answers.pop(0) if self.answers else PaymentUpdate("pending")
        if isinstance(answer, GatewayError):
            raise answer
        return answer


@dataclass
class Bells(Bell):
    """Remembers every ring."""

    rung: list[tuple[str, int]] = field(default_factory=list)

    def inbox(self, kind: str, event_id: int) -> None:
        self.rung.append((kind, event_id))

    def payment(self, payment_id: int) -> None:
        self.rung.append(("start", payment_id))

    def ask(self, payment_id: int) -> None:
        self.rung.append(("ask", payment_id))

    def outbox(self) -> None:
        self.rung.append(("outbox", 0))


class Till:
    """An order waiting to be paid, and the desk that takes the money."""

    def __init__(self, database: Database, now: Any) -> None:
        self.database = database
        self.now = now
        self.gateway = Gateway()
        self.bells = Bells()
        self.desk = PaymentDesk(database, {"ghala": self.gateway}, self.bells)
        self.seed = 10
        self.order = place(database, now(), [("COFFEE", 2)])

    def request(self, method: str = "mpesa", phone: str | None = PHONE) -> int:
        self.seed += 1
        with self.database.writing() as session:
            return service.request(session, 1, self.order.ref, method, phone, refs=refs(self.seed)).id

    def started(self) -> int:
        payment_id = self.request()
        self.desk.start(payment_id)
        return payment_id

    def hear(
        self, event: str = "payment.success", *, hint: str | None = None, lane: str = "normal", **data: Any
    ) -> int:
        body = {"event": event, "data": {"order_id": "gh_1", "amount": 3000, "currency": "KES"} | data}
        if event == "payment.success":
            body["data"].setdefault("transaction_reference", "SKJ4X2ABCD")
        raw = json.dumps(body).encode()
        new = inbox.NewEvent(
            "payment", f"d{self.seed}", raw, match_key=str(body["data"]["order_id"]), hint=hint, lane=lane
        )
        self.seed += 1
        with self.database.writing() as session:
            ((event_id, _),) = inbox.record(session, 1, "payments:main", [new])
        self.desk.process(event_id)
        return event_id

    def wonders(self, payment_id: int) -> None:
        """The customer says that they paid, and the gateway is asked."""
        with self.database.writing() as session:
            due = service.ask_soon(session, [payment_id], tell=payment_id)
        for found in due:
            self.desk.ask(found)

    def payment(self, payment_id: int) -> Payment:
        with self.database.reading() as session:
            return session.get_one(Payment, payment_id)

    def state(self) -> tuple[str, str]:
        with self.database.reading() as session:
            order = reading.order(session, 1, self.order.ref)
            assert order is not None
            return order.status, order.payment_status

    def money(self) -> list[tuple[str, int | None, str]]:
        with self.database.reading() as session:
            rows = session.scalars(select(MoneyEvent).order_by(MoneyEvent.id)).all()
            return [(row.kind, row.amount, row.reason) for row in rows]

    def told(self) -> list[str]:
        with self.database.reading() as session:
            rows = session.scalars(
                select(InboxEvent).where(InboxEvent.kind == "internal").order_by(InboxEvent.id)
            )
            return [json.loads(row.raw)["event"] for row in rows]

    def waiting(self, event_id: int) -> bool:
        with self.database.reading() as session:
            return session.get_one(InboxEvent, event_id).status == "waiting"


PAID = ("paid", "paid")
OPEN = ("pending_payment", "pending")
