"""The sender: one per worker process, carrying promised messages to Ghala.

A thread with an event loop keeps up to 256 sends in flight, each customer's strictly one after the
other. Every round is one transaction: write what came back, claim what is due.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

import measuring
import observing
from db import Database, outbox
from db.models import ERASED
from errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown
from ghala import messages
from ghala.client import backoff
from ghala.dialects.base import MessageDialect
from ghala.error_codes import Policy, pair_wait, policy_of
from ghala.messages import InvalidMessage, Message, Template
from jobs.breaker import Breaker
from jobs.lines import AsyncCaller, Line, Lines
from jobs.pacing import Pacing
from jobs.reading import ReadMarks

log = logging.getLogger("duka.sender")

IN_FLIGHT: Final = 256
POLL: Final = 0.5
CLOSED_WINDOW_WAIT: Final = 3600.0
"""Seconds between looks at a message that waits for the customer to write; their word wakes it at once."""
UNAUTHORISED_WAIT: Final = 60.0
MOST_ATTEMPTS: Final = 12
NOT_CONNECTED: Final = "not connected"
HELD_BACK: Final = frozenset({Policy.STOP, Policy.ALERT})
"""No message of the shop will go until a person has mended something."""
ABOUT_ITSELF: Final = frozenset({"131056", "idempotency_in_progress"})
"""Refusals of one message for now that say nothing about the others."""


class Sender:
    """Sends what the outbox promises.

    Args:
        database: where the outbox is.
        make_client: makes the HTTP client inside the event loop.
        dialect: builds requests and reads answers.
        pacing: says who must wait.
        rng: jitter for retries.
        breaker: stops everything while the other side is away or refuses our key.
        pause: waits so many seconds after the database failed; a simulation has time of its own.
        read_marks: shows customers that they were read.
        lines: the connections of shops that do not speak by this one.
    """

    def __init__(
        self,
        database: Database,
        make_client: Callable[[], AsyncCaller],
        dialect: MessageDialect,
        pacing: Pacing,
        rng: random.Random,
        breaker: Breaker | None = None,
        pause: Callable[[float], object] = time.sleep,
        read_marks: ReadMarks | None = None,
        lines: Lines | None = None,
    ) -> None:
        self._lines = lines
        self._read_marks = read_marks
        self._database = database
        self._make_client = make_client
        self._dialect = dialect
        self._pacing = pacing
        self._rng = rng
        self._breaker = breaker or Breaker()
        self._pause = pause
        self._outcomes: list[outbox.Outcome] = []
        self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bell: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def finish(self) -> None:
        """Claim nothing more; what is in flight goes on."""
        self._stopping = True
        self.wake()

    def stop(self, patience: float) -> None:
        """Claim nothing more and wait up to ``patience`` seconds for what is in flight."""
        self.finish()
        self._thread.join(patience)

    def wake(self) -> None:
        """Messages wait: look now."""
        loop, bell = self._loop, self._bell
        if loop is not None and bell is not None and not loop.is_closed():
            loop.call_soon_threadsafe(bell.set)

    def _run(self) -> None:
        asyncio.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        client = self._make_client()
        if self._read_marks is not None:
            self._read_marks.begin(client)
        sends: set[asyncio.Task[None]] = set()
        with ThreadPoolExecutor(1, thread_name_prefix="sender-db") as executor:
            while True:
                self._bell.clear()
                room = self.room(len(sends))
                done, self._outcomes = self._outcomes, []
                claimed, kept = await self._loop.run_in_executor(executor, self.exchange, done, room)
                self._outcomes += kept
                for message in claimed:
                    task = asyncio.create_task(self._send(client, message))
                    sends.add(task)
                    task.add_done_callback(sends.discard)
                if self._stopping and not sends and not self._outcomes:
                    break
                if not claimed and not self._outcomes:
                    await self._wait_for_bell(POLL)
        if self._read_marks is not None:
            self._read_marks.end()
        await client.close()
        if self._lines is not None:
            await self._lines.close()

    async def _wait_for_bell(self, seconds: float) -> None:
        assert self._bell is not None  # noqa: S101 - set before the first call
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return

    def room(self, in_flight: int) -> int:
        """How many more messages may be claimed now."""
        return 0 if self._stopping else self._breaker.room(IN_FLIGHT - in_flight, in_flight)

    def exchange(
        self, done: list[outbox.Outcome], room: int
    ) -> tuple[list[outbox.Claimed], list[outbox.Outcome]]:
        """Write back what became of messages and claim up to ``room`` new ones, in one transaction.

        Returns the messages to send now, and the outcomes still to be written: those of messages
        that must wait their turn, and all of ``done`` when the database failed.
        """
        try:
            with self._database.writing() as session:
                outbox.record_outcomes(session, done)
                claimed = outbox.claim_heads(session, room) if room else []
            if self._lines is not None:
                self._lines.look_up({message.shop_id for message in claimed})
        except SQLAlchemyError as error:
            log.error("database_failed", extra={"task": "sender", "error": type(error).__name__})  # noqa: TRY400
            self._pause(POLL)
            return [], done
        waits = self._pacing.delays([(message.shop_id, message.customer_id) for message in claimed])
        ready = [message for message, wait in zip(claimed, waits, strict=True) if wait <= 0]
        paced = [
            outbox.Outcome(message.id, message.fence, "waiting", delay=wait, count_attempt=False)
            for message, wait in zip(claimed, waits, strict=True)
            if wait > 0
        ]
        return ready, paced

    async def _send(self, client: AsyncCaller, claimed: outbox.Claimed) -> None:
        if self._read_marks is not None:
            self._read_marks.answering(claimed.customer_id)
        # First the outcome, then the list: while a send is awaited the list changes.
        with observing.bound(outbox_id=claimed.id, customer_id=claimed.customer_id):
            outcome = await self.send(client, claimed)
        measuring.count(measuring.SENDS, outcome.status)
        self._outcomes.append(outcome)
        assert self._bell is not None  # noqa: S101
        self._bell.set()

    async def send(self, client: AsyncCaller, claimed: outbox.Claimed) -> outbox.Outcome:
        """Send one message and say what became of it."""
        if claimed.to.startswith(ERASED):
            return outbox.Outcome(claimed.id, claimed.fence, "dead", error="erased", count_attempt=False)
        line = self._line(claimed, client)
        if line.client is None:
            return self._held_up(claimed, UNAUTHORISED_WAIT, NOT_CONNECTED)
        if line.breaker is not self._breaker and not line.breaker.room(1, 0):
            return self._held_up(claimed, line.breaker.pause, "shop away")
        try:
            message = messages.load(claimed.message)
            request = line.dialect.send_message(claimed.to, message, claimed.key)
        except InvalidMessage as error:
            return self._dead(claimed, f"cannot be sent: {error}"[:200])
        if not claimed.reachable and claimed.kind != "receipt":
            return self._dead(claimed, "unreachable")
        if not claimed.window_open and not isinstance(message, Template):
            if claimed.fallback is None:
                return self._wait_for_word(claimed, count_attempt=False)
            # Stored before it is sent: should the window open meanwhile, a repetition says the same under the same key.
            return outbox.Outcome(
                claimed.id,
                claimed.fence,
                "waiting",
                error="template instead",
                use_fallback=True,
                count_attempt=False,
            )
        try:
            answer = await line.client.call(request)
            sent = line.dialect.read_sent(answer.status, answer.headers, answer.body)
        except GatewayRejected as error:
            return self._refused(claimed, message, error)
        except GatewayUnavailable as error:
            return self._again(claimed, error.reason or "unavailable", error.retry_after, error.reason)
        except OutcomeUnknown:
            # It may have arrived. The same key goes again, since silence is worse than a repetition.
            return self._again(claimed, "outcome unknown", None)
        line.breaker.succeeded()
        return outbox.Outcome(claimed.id, claimed.fence, "sent", provider_id=sent.provider_id)

    def _line(self, claimed: outbox.Claimed, client: AsyncCaller | None = None) -> Line:
        """What carries this message: its shop's own connection, or the installation's."""
        own = None if self._lines is None else self._lines.of(claimed.shop_id)
        return own or Line(client, self._dialect, self._breaker)

    @staticmethod
    def _held_up(claimed: outbox.Claimed, delay: float, error: str) -> outbox.Outcome:
        return outbox.Outcome(
            claimed.id, claimed.fence, "waiting", delay=delay, error=error, count_attempt=False
        )

    def _wait_for_word(self, claimed: outbox.Claimed, *, count_attempt: bool) -> outbox.Outcome:
        """Free words outside the window: the customer's next word opens it, if it comes in time."""
        if claimed.outlived:
            return self._dead(claimed, "window closed for too long")
        return outbox.Outcome(
            claimed.id,
            claimed.fence,
            "waiting",
            delay=CLOSED_WINDOW_WAIT,
            error=outbox.WINDOW_CLOSED,
            count_attempt=count_attempt,
        )

    def _again(
        self, claimed: outbox.Claimed, error: str, retry_after: float | None, reason: str = ""
    ) -> outbox.Outcome:
        if retry_after is None and reason not in ABOUT_ITSELF:  # who says when to come back is not away
            breaker = self._line(claimed).breaker
            away = breaker.is_open
            breaker.failed()
            if away:
                return self._held_up(claimed, breaker.pause, error)
        if claimed.attempts + 1 >= MOST_ATTEMPTS and claimed.kind == "reply":
            return self._dead(claimed, error)
        if policy_of(reason) is Policy.PAIR_RATE and retry_after is None:
            retry_after = pair_wait(claimed.attempts + 1)
        delay = backoff(claimed.attempts + 1, retry_after, self._rng)
        return outbox.Outcome(claimed.id, claimed.fence, "waiting", delay=delay, error=error)

    def _refused(self, claimed: outbox.Claimed, message: Message, error: GatewayRejected) -> outbox.Outcome:
        policy = policy_of(error.reason)
        # A plan without templates must not hold back everything else.
        only_templates = error.reason == "plan_feature_locked" and isinstance(message, Template)
        if policy in HELD_BACK and not only_templates:
            log.error("ghala_unauthorised", extra={"status": error.status, "error": error.reason})
            self._line(claimed).breaker.refused()
            return outbox.Outcome(
                claimed.id,
                claimed.fence,
                "waiting",
                delay=UNAUTHORISED_WAIT,
                error="unauthorised",
                count_attempt=False,
                silence=error.reason,
            )
        self._line(claimed).breaker.succeeded()  # a no to this message is an answer
        again = self._otherwise(claimed, message, policy)
        return again or self._dead(
            claimed, f"refused: {error.reason}"[:200], unreachable=policy is Policy.LEAVE
        )

    def _otherwise(
        self, claimed: outbox.Claimed, message: Message, policy: Policy | None
    ) -> outbox.Outcome | None:
        """What may still be tried after a no to this message as it is."""
        if policy is Policy.TEMPLATE and not isinstance(message, Template):
            if claimed.fallback is None:
                return self._wait_for_word(claimed, count_attempt=True)
            return outbox.Outcome(
                claimed.id, claimed.fence, "waiting", error="template instead", use_fallback=True
            )
        plain = messages.as_text(message) if policy is Policy.TEXT else None
        if plain is not None:
            return outbox.Outcome(
                claimed.id,
                claimed.fence,
                "waiting",
                error="text instead",
                message=messages.dump(plain),
                key_ending=outbox.TEXT_KEY,
            )
        if policy is Policy.NEW_KEY and not claimed.key.endswith(outbox.AGAIN_KEY):
            return outbox.Outcome(
                claimed.id, claimed.fence, "waiting", error="key reused", key_ending=outbox.AGAIN_KEY
            )
        return None

    def _dead(self, claimed: outbox.Claimed, error: str, *, unreachable: bool = False) -> outbox.Outcome:
        extra = {"outbox_id": claimed.id, "kind": claimed.kind, "error": error}
        if claimed.kind == "receipt":
            log.error("receipt_dead", extra=extra)
        else:
            log.error("message_dead", extra=extra)
        return outbox.Outcome(claimed.id, claimed.fence, "dead", error=error, unreachable=unreachable)
