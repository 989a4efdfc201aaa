"""A worker stepped by hand, whose edge hides nothing: what a task raises is raised here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.bursts import PAUSE
from bot.copies import ConversationCopies
from bot.pictures import ShopPictures
from bot.shell import ConversationShell
from bot.statuses import StatusDesk
from db import Database, inbox
from db.redis_link import RedisLink
from errors import GatewayUnavailable
from jobs.queue import TASKS
from jobs.tasks import Tasks
from orders import service as order_service
from payments import desk as payment_desk
from payments.desk import PaymentDesk
from payments.gateways.base import Charge, PaymentUpdate, Started
from payments.gateways.cash import CashGateway
from payments.gateways.ghala import GhalaGateway
from tests.integration.web.conftest import CLOSED_REDIS, RecordingBell
from tests.shop import refs


class NoGateway:
    """Nobody is there: no payment ever begins, and nothing asked is answered."""

    name = "ghala"
    confirms_webhooks = False
    read = staticmethod(GhalaGateway.read)

    def __init__(self) -> None:
        self.charges: list[Charge] = []

    def start(self, charge: Charge) -> Started:
        self.charges.append(charge)
        raise GatewayUnavailable("nobody is there")

    def ask(self, charge: Charge) -> PaymentUpdate:
        raise GatewayUnavailable("nobody is there")


class TakingGateway(NoGateway):
    """Takes every charge and never hears of its money."""

    def start(self, charge: Charge) -> Started:
        self.charges.append(charge)
        return Started(f"gh_{charge.ref}")

    def ask(self, charge: Charge) -> PaymentUpdate:
        return PaymentUpdate("pending", gateway_ref=f"gh_{charge.ref}", payment_ref=charge.ref)


class OpenEdge(Tasks):
    """The tasks of the worker without the edge at which exceptions end."""

    def _edge(self, task: str, row_id: int, work: Callable[[int], object]) -> None:  # type: ignore[override]
        work(row_id)


class Worker:
    """Works on everything the tables show, until there is nothing due."""

    def __init__(self, database: Database, now: Any, gateway: Any) -> None:
        self.database = database
        self.now = now
        self.bell = RecordingBell()
        self.gateway = gateway
        shell = ConversationShell(
            database,
            self.bell,
            refs(),
            ConversationCopies(RedisLink(CLOSED_REDIS)),
            ShopPictures(database, "", now),
        )
        desk = PaymentDesk(database, {"ghala": gateway, "cash": CashGateway()}, self.bell)
        self.tasks = OpenEdge(database, self.bell, shell, desk, StatusDesk(database)).by_name()

    def work(self) -> int:
        """Everything due now, and what follows from it; returns how many tasks that were."""
        done = 0
        while (worked := self._events_and_payments()) > 0:
            done += worked
        with self.database.reading() as session:
            orders = order_service.due_to_expire(session)
        # Once: an order about which news waits stays due, and does not expire.
        for order_id in orders:
            self.tasks["expire_order"](order_id)
        done += len(orders) + self._events_and_payments()
        return done + self._words_that_wait_for_more()

    def _words_that_wait_for_more(self) -> int:
        """Nothing more comes: what was held is answered."""
        self.now.advance(PAUSE)
        with self.database.reading() as session:
            ripe = inbox.ripe(session)
        for event_id in ripe:
            self.tasks["advance"](event_id)
        return len(ripe)

    def _events_and_payments(self) -> int:
        with self.database.reading() as session:
            events = inbox.overdue(session, 0.0)
            payments = payment_desk.due(session)
        for event_id, kind in events:
            self.tasks[TASKS[kind]](event_id)
        for payment_id, status in payments:
            self.tasks["start_payment" if status == "created" else "ask_payment"](payment_id)
        return len(events) + len(payments)
