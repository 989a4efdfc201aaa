"""The sweeper: every five seconds it queues again what the tables show overdue.

Harmless when several run, and when what it queues is done already.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from bot import owner, staff
from catalog import stock_waits
from db import Database, clock, inbox
from db.models import WorkerHeartbeat
from db.redis_link import RedisLink
from db.statements import insert
from jobs.queue import TASKS, QueueBell
from keeping import chores, privacy, retention
from orders import service as order_service
from payments import desk, reconciliation, refunds

log = logging.getLogger("duka.sweeper")

EVERY: Final = 5.0
LOOK_EVERY: Final = 0.5
UNEASY: Final = 2
"""Rounds without patience after trouble: bells stay silent for a second longer than their Redis."""
DAILY_EVERY: Final = 12
"""Rounds between looks at whether a day's work (reconciliation, retention) is to be queued."""
PATIENCE: Final = 5.0
"""Seconds something may be due before the sweeper takes it that its bell was lost."""


class Sweeper:
    """Looks for overdue work and says that this worker is alive.

    Args:
        database: where the work is.
        bell: queues it.
        link: the bell's Redis, of which a bell may have been lost while it was away or forgot everything.
        worker: this process's name.
    """

    def __init__(self, database: Database, bell: QueueBell, link: RedisLink, worker: str) -> None:
        self._database = database
        self._bell = bell
        self._link = link
        self._worker = worker
        self._uneasy = 1  # whatever waits when a worker starts has waited long enough
        self._rounds = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self) -> None:
        """Begin sweeping."""
        self._thread.start()

    def stop(self) -> None:
        """Sweep no more."""
        self._stop.set()
        self._thread.join(EVERY)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.beat()
                self.daily()
                self.sweep(self.patience())
            except SQLAlchemyError as error:
                log.error("database_failed", extra={"task": "sweep", "error": type(error).__name__})  # noqa: TRY400
                self.had_trouble()
            self._pause()

    def had_trouble(self) -> None:
        """Bells may have been lost: look at everything that is due, twice."""
        self._uneasy = UNEASY

    def patience(self) -> float:
        """How long something must be due this time: not at all after trouble, when many bells were lost."""
        if self._uneasy:
            self._uneasy -= 1
            return 0.0
        return PATIENCE

    def _pause(self) -> None:
        """Wait for the next round, which comes at once where Redis is away, or is back and knows nothing."""
        for _ in range(int(EVERY / LOOK_EVERY)):
            if self._stop.wait(LOOK_EVERY):
                return
            self.ripen()
            if not self._link.remembers():
                self.had_trouble()
            if self._uneasy:
                return

    def ripen(self) -> int:
        """Queue the messages that were held for more of the same thought and have waited long enough."""
        with self._database.reading() as session:
            ripe = inbox.ripe(session)
        for event_id in ripe:
            self._bell.queue(TASKS["message"], event_id)
        return len(ripe)

    def beat(self) -> None:
        """Write this worker's heartbeat."""
        with self._database.writing() as session:
            session.execute(
                insert(session, WorkerHeartbeat)
                .values(worker=self._worker, started_at=clock(), seen_at=clock())
                .on_conflict_do_update(index_elements=["worker"], set_={"seen_at": clock()})
            )

    def daily(self) -> None:
        """Queue what happens once a day when it is time, and news for owners; looks about once a minute."""
        look = self._rounds % DAILY_EVERY == 0
        self._rounds += 1
        if not look:
            return
        reconciliation.queue_daily(self._database)
        with self._database.reading() as session:
            empty = chores.is_due(session, retention.NAME, retention.EVERY)
            owned = owner.to_tell(session)
        if empty:
            self._bell.queue("retention", 0)
        for shop_id in owned:
            self._bell.queue("tell_owner", shop_id)

    def sweep(self, patience: float = PATIENCE) -> int:
        """Queue what is overdue; returns how much that was."""
        with self._database.reading() as session:
            runs = reconciliation.due(session)
            events = inbox.overdue(session, patience)
            payments = desk.due(session, patience)
            orders = order_service.due_to_expire(session)
            restocked = stock_waits.due(session)
            returning = refunds.due(session)
            reminders = order_service.due_to_remind(session)
            leaving = privacy.due_to_erase(session)
            silent = staff.is_anyone_silent(session)
        for event_id, kind in events:
            self._bell.queue(TASKS[kind], event_id)
        for payment_id, status in payments:
            self._bell.queue("start_payment" if status == "created" else "ask_payment", payment_id)
        for order_id in orders:
            self._bell.queue("expire_order", order_id)
        for product_id in restocked:
            self._bell.queue("tell_back_in_stock", product_id)
        for refund_id in returning:
            self._bell.queue("send_refund", refund_id)
        for order_id in reminders:
            self._bell.queue("remind_order", order_id)
        for customer_id in leaving:
            self._bell.queue("forget_customer", customer_id)
        if silent:
            self._bell.queue("end_handoffs", 0)
        for run_id in runs:
            self._bell.queue("reconcile", run_id)
        found = (events, payments, orders, returning, reminders, leaving, restocked, runs)
        return sum(len(rows) for rows in found) + silent
