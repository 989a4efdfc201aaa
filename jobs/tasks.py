"""What each task does: find the row, call the room, and stand at the edge where exceptions end."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoTurn

import measuring
import observing
from bot import owner, staff
from bot.claims import LEASE, Claim
from bot.shell import ConversationShell, Worked
from bot.statuses import StatusDesk
from catalog import stock_waits
from db import Database, inbox
from db.bell import Bell
from db.pile import Pile
from keeping.retention import Retention
from orders import service as order_service
from payments.desk import PaymentDesk
from payments.reconciliation import Reconciler

log = logging.getLogger("duka.jobs")

MOST_IN_A_ROW: Final = 50
MOST_TOGETHER: Final = 32
"""Customers answered in one transaction at most: what a lease lasts for, many times over."""
NAMES: Final = {
    "claim": "inbox_event_id",
    "advance": "inbox_event_id",
    "advance_together": "inbox_event_id",
    "advance_failed": "inbox_event_id",
    "apply_payment": "inbox_event_id",
    "apply_status": "inbox_event_id",
    "apply_payment_failed": "inbox_event_id",
    "apply_status_failed": "inbox_event_id",
    "start_payment": "payment_id",
    "ask_payment": "payment_id",
    "send_refund": "refund_id",
    "expire_order": "order_id",
    "tell_back_in_stock": "product_id",
    "remind_order": "order_id",
    "forget_customer": "customer_id",
    "reconcile": "run_id",
    "tell_owner": "shop_id",
}
"""What the logs call the row a task works on."""


@dataclass(frozen=True, slots=True)
class Share:
    """What is left for a thread of what it brought with others.

    Attributes:
        further: an event to go on with.
        claim: a customer who needs a transaction of their own.
    """

    further: int | None = None
    claim: Claim | None = None


class Tasks:
    """The work behind the names in ``jobs.queue.TASK_NAMES``.

    Args:
        database: where the rows are.
        bell: rung for the conversation.
        shell: advances conversations.
        desk: takes payments to their gateways.
        statuses: notes delivery statuses.
        retention: empties what is over its time; without it, that is left to other workers.
        monotonic: seconds that never go back.
    """

    def __init__(
        self,
        database: Database,
        bell: Bell,
        shell: ConversationShell,
        desk: PaymentDesk,
        statuses: StatusDesk,
        retention: Retention | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bell = bell
        self._database = database
        self._shell = shell
        self._desk = desk
        self._statuses = statuses
        self._monotonic = monotonic
        self._crowd: Pile[int, Share] = Pile(self._advance_all, MOST_TOGETHER, database.lock)
        self._to_release: deque[tuple[Claim, float]] = deque()
        self._reconciler = Reconciler(database, desk)
        self._retention = retention

    def by_name(self) -> dict[str, Callable[[int], None]]:
        """Every task under its name, each behind the edge."""
        events = {"apply_payment": self._desk.process, "apply_status": self._statuses.process}
        work: dict[str, Callable[[int], object]] = {
            "start_payment": self._desk.start,
            "ask_payment": self._desk.ask,
            "send_refund": self.send_refund,
            "expire_order": self.expire_order,
            "tell_back_in_stock": self.tell_back_in_stock,
            "remind_order": self.remind_order,
            "forget_customer": self._shell.forget,
            "end_handoffs": self.end_handoffs,
            "tell_owner": self.tell_owner,
            "reconcile": self.reconcile,
            "retention": self.empty_what_is_old,
        }
        return (
            {"advance": self.advance}
            | {name: self._behind_edge(name, do) for name, do in work.items()}
            | {name: self._on_event(name, do) for name, do in events.items()}
        )

    def _behind_edge(self, task: str, work: Callable[[int], object]) -> Callable[[int], None]:
        def run(row_id: int) -> None:
            self._edge(task, row_id, work)

        return run

    def _on_event(self, task: str, work: Callable[[int], None]) -> Callable[[int], None]:
        def run(event_id: int) -> None:
            if self._edge(task, event_id, work) is not None:
                self._edge(f"{task}_failed", event_id, self._set_aside)

        return run

    def _set_aside(self, event_id: int) -> None:
        with self._database.writing() as session:
            dead = inbox.set_aside(session, event_id)
        if dead:
            log.error("inbox_event_dead", extra={"inbox_event_id": event_id})

    def advance(self, event_id: int) -> None:
        """Answer a customer, and whatever they wrote meanwhile."""
        self._release()
        waiting = [event_id]
        for _ in range(MOST_IN_A_ROW):
            if not waiting:
                return
            waiting += self._advance_with_others(waiting.pop())

    def _advance_with_others(self, event_id: int) -> list[int]:
        """Answer a customer together with those who wrote at the same time; events to go on with."""
        found: list[Share] = []
        self._edge("advance", event_id, lambda row_id: found.append(self._crowd.bring(row_id)))
        return [further for share in found for further in self._do_share(share)]

    def _do_share(self, share: Share) -> list[int]:
        """Do what is left of a round for one thread; events to go on with."""
        after = None if share.claim is None else self._work_alone(share.claim)
        return [further for further in (share.further, after) if further is not None]

    def _advance_all(self, event_ids: Sequence[int]) -> list[Share]:
        """Answer the customers these events belong to; shares of what is left, one for each thread, in no order."""
        claims: list[Claim] = []
        self._edge("claim", event_ids[0], lambda _: claims.extend(self._shell.claim(event_ids)))
        together = [claim for claim in claims if not claim.alone]
        alone = [claim for claim in claims if claim.alone]
        worked = Worked({})
        if len(together) > 1:
            worked = self._work_together(together)
        else:
            alone += together
        further = [*worked.more.values(), *(self._work_alone(claim) for claim in alone)]
        left = zip_longest(further[: len(event_ids)], worked.apart)
        shares = [Share(event_id, claim) for event_id, claim in left]
        return shares + [Share()] * (len(event_ids) - len(shares))

    def _work_together(self, claims: Sequence[Claim]) -> Worked:
        found: list[Worked] = []
        began = self._monotonic()
        error = self._edge(
            "advance_together",
            claims[0].events[0].id,
            lambda _: found.append(self._shell.work_together(claims)),
        )
        if error is None:
            for _ in range(len(claims) - len(found[0].apart)):
                measuring.observe(measuring.TURN_SECONDS, self._monotonic() - began)
            return found[0]
        if not isinstance(error, (OperationalError, NoTurn)):
            return Worked({}, tuple(claims))  # one of them is to blame: let the others not suffer from it
        # The database is away or busy: trying it for each of them would make everybody wait as often.
        for claim in claims:
            self._owe(claim)
        return Worked({})

    def _work_alone(self, claim: Claim) -> int | None:
        further: list[int | None] = []
        with (
            observing.bound(customer_id=claim.customer_id),
            measuring.timed(measuring.TURN_SECONDS),
        ):
            error = self._edge(
                "advance", claim.events[0].id, lambda _: further.append(self._shell.work(claim))
            )
        if error is not None:
            self._owe(claim)
        return further[0] if further else None

    def _owe(self, claim: Claim) -> None:
        """Let go of a customer whose work failed, now or as soon as the database takes it."""
        self._to_release.append((claim, self._monotonic() + LEASE))
        self._release()

    def _release(self) -> None:
        """Let go of customers whose work failed.

        Where the database failed and does not take that either, the next task tries again: nobody should wait
        for the lease of a worker that is alive. With the lease the debt ends, too.
        """
        for _ in range(len(self._to_release)):
            try:
                claim, until = self._to_release.popleft()
            except IndexError:  # another thread was faster
                return

            def release(_: int, claim: Claim = claim) -> None:
                self._shell.failed(claim, "see log")

            error = self._edge("advance_failed", claim.events[0].id, release)
            if error is not None and self._monotonic() < until:
                self._to_release.append((claim, until))
                return

    def send_refund(self, refund_id: int) -> None:
        """Take money back to a customer, or ask what became of it."""
        self._desk.refunds.send(refund_id)

    def reconcile(self, run_id: int) -> None:
        """Compare orders, payments and money."""
        self._reconciler.run(run_id)

    def expire_order(self, order_id: int) -> None:
        """Release what an unpaid order holds."""
        with self._database.writing() as session:
            told = order_service.expire(session, order_id)
        if told is not None:
            log.info("order_expired", extra={"order_id": order_id})
            self._bell.inbox("internal", told)

    def tell_back_in_stock(self, product_id: int) -> None:
        """Turn waiting for a product into news for its customers."""
        with self._database.writing() as session:
            told = stock_waits.tell(session, product_id)
        for event_id in told:
            self._bell.inbox("internal", event_id)

    def remind_order(self, order_id: int) -> None:
        """Have the customer reminded of an unpaid order, once."""
        with self._database.writing() as session:
            told = order_service.remind(session, order_id)
        if told is not None:
            self._bell.inbox("internal", told)

    def end_handoffs(self, _row_id: int) -> None:
        """Where customer and shop have been silent for long, the bot answers again."""
        with self._database.writing() as session:
            staff.end_silent(session)

    def tell_owner(self, shop_id: int) -> None:
        """What is new for the owners of a shop."""
        with self._database.writing() as session:
            told = owner.tell(session, shop_id)
        if told:
            self._bell.outbox()

    def empty_what_is_old(self, _row_id: int) -> None:
        """Retention, once a day."""
        if self._retention is not None:
            self._retention.daily()

    def _edge(self, task: str, row_id: int, work: Callable[[int], object]) -> Exception | None:
        """Run work; what it raises is logged, returned, and ends here: the row still says what is to be done."""
        with observing.bound(task=task, **{NAMES.get(task, "row_id"): row_id}):
            try:
                work(row_id)
            except Exception as error:
                measuring.count(measuring.TASKS_FAILED, task)
                log.exception("task_failed", extra={"row_id": row_id})
                return error
            return None
