"""Requests against the real app, then the real tasks over whatever was stored: nothing may raise, nothing may stay.

Three ways in at once: the original dialect, v2 with signatures that carry time, and Meta's envelope, all
signed as Ghala would, so that the bodies reach the parser.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final
from unittest.mock import patch

from flask import got_request_exception
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from sqlalchemy import func, select

from db import Database, schema
from db.models import InboxEvent, Order, Payment
from tests.conftest import Clock
from tests.fuzz import described
from tests.fuzz.spoil import WORDS, Spoiler, recorded
from tests.hostile.conftest import open_door
from tests.hostile.worker import TakingGateway, Worker
from tests.integration.admin.conftest import basic
from tests.integration.web.conftest import MESSAGES, PAYMENTS, Door
from tests.shop import open_shop

IN_MEMORY: Final = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""Where a database waits for no disk, if there is such a place."""
DIALECTS: Final = ("v1", "v2", "cloud")
SCHEMES: Final = {"v1": "body-hex", "v2": "timestamp-hex", "cloud": "meta"}
ROUND: Final = 100
"""Requests between two rounds of the worker: few enough that no customer's messages pile up."""
WRONG: Final = ("", "Basic", "Basic !!!", "Basic eDp5", "Bearer x", "Basic " + "A" * 5000)
AN_HOUR: Final = 3600.0
FOUR_DAYS: Final = 96

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "from",
                    "type",
                    "text",
                    "body",
                    "event",
                    "data",
                    "entry",
                    "changes",
                    "value",
                    "field",
                    "messages",
                    "statuses",
                    "contacts",
                    "order",
                    "payment",
                    "amount",
                    "currency",
                    "status",
                    "external_id",
                    "order_id",
                    "button",
                    "interactive",
                    "location",
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=6,
        )
    ),
    max_leaves=15,
)
BODIES: Final = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())


@dataclass
class Figures:
    """What came of it."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0
    tasks: int = 0
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    def table(self) -> str:
        """For people."""
        lines = [f"{self.requests:,} requests and {self.tasks:,} tasks in {self.seconds:.0f} s"]
        for family in sorted({name for name, _ in self.answers}):
            counts = {status: n for (name, status), n in sorted(self.answers.items()) if name == family}
            lines.append(f"  {family:<16}" + "  ".join(f"{status}: {n:,}" for status, n in counts.items()))
        lines.append(
            "  events          " + "  ".join(f"{k} {s}: {n:,}" for (k, s), n in sorted(self.events.items()))
        )
        lines.append("  rows            " + "  ".join(f"{name}: {n:,}" for name, n in self.rows.items()))
        return "\n".join(lines)


class Campaign:
    """One shop under fire.

    Args:
        folder: where its database lives.
        seed_: decides everything but the clock.
        progress: told how many requests were made, now and then.
    """

    def __init__(self, folder: Path, seed_: int, progress: Callable[[int], None] = lambda _: None) -> None:
        self.clock = Clock()
        self.database = Database(f"sqlite:///{folder / 'fuzz.db'}", now=self.clock)
        schema.upgrade(self.database)
        with self.database.writing() as session:
            open_shop(session)
        self.seed = seed_
        self.figures = Figures()
        self.raised: list[BaseException] = []
        self._progress = progress
        self._random = Random(seed_)
        with patch("admin.throttle.REQUESTS", "1000000000 per minute"):
            self.doors: dict[str, Door] = {
                dialect: open_door(
                    self.database, ghala_dialect=dialect, ghala_signature_scheme=SCHEMES[dialect]
                )
                for dialect in DIALECTS
            }
        self.worker = Worker(self.database, self.clock, TakingGateway())
        self._clients = {name: door.app.test_client() for name, door in self.doors.items()}

    def close(self) -> None:
        """Give the database back."""
        self.database.close()

    def run(self, requests: int) -> None:
        """All of it, with the worker in between and until nothing is left.

        Raises:
            AssertionError: a server error, something not handled, or an event that never ended.
        """
        began = time.monotonic()
        try:
            self.spoilt(requests // 2)
            self.described(requests // 10)
            self.generated(max(0, requests - self.figures.requests))
            self.settle()
        finally:
            self.figures.seconds = time.monotonic() - began
        self.check()

    def spoilt(self, requests: int) -> None:
        """Recorded payloads, spoilt."""
        spoiler = Spoiler(self.seed)
        messages, payments = recorded(("meta-", "v1-", "v2-")), recorded(("payment-", "order-"))
        for _ in range(requests):
            if self._random.random() < 0.6:
                self.post(MESSAGES, spoiler.body(self._random.choice(messages)))
            else:
                payload = self._random.choice(payments)
                self.post(PAYMENTS, spoiler.body(self._aimed(payload)))

    def generated(self, requests: int) -> None:
        """Bodies made by hypothesis, for both webhooks."""

        @seed(self.seed)
        @settings(
            max_examples=requests,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(st.sampled_from([MESSAGES, PAYMENTS]), BODIES)
        def fire(path: str, raw: bytes) -> None:
            self.post(path, raw)

        fire()

    def described(self, requests: int) -> None:
        """Requests made from docs/openapi.yaml, mostly with the owner's credentials."""
        door = self.doors["v1"]

        def send(case: Case, label: str, checks: list[Any]) -> None:
            headers = (
                basic() if self._random.random() < 0.95 else {"Authorization": self._random.choice(WRONG)}
            )
            if self._random.random() < 0.3:
                self._aim(case)
            # An address of its own, so that wrong passwords do not lock the owner out.
            address = {"REMOTE_ADDR": f"198.51.100.{self._random.randrange(1, 255)}"}
            with self.watching(door):
                answer = case.call(headers=headers, environ_overrides=address)
            self.note("described", answer.status_code, label)
            case.validate_response(answer, checks=checks)

        described.fire(door.app, requests, self.seed, send)

    def _aim(self, case: Case) -> None:
        """Name an order that exists."""
        if "ref" in case.path_parameters:
            with self.database.reading() as session:
                refs = session.scalars(select(Order.ref).order_by(Order.id.desc()).limit(20)).all()
            if refs:
                case.path_parameters["ref"] = self._random.choice(refs)

    def post(self, path: str, raw: bytes) -> None:
        """One signed delivery at one of the three doors."""
        dialect = self._random.choice(DIALECTS)
        door = self.doors[dialect]
        at = int(time.time()) - (1000 if self._random.random() < 0.1 else 0)
        headers = door.signed(raw, at=at)
        if self._random.random() < 0.3:
            headers["X-Ghala-Delivery"] = f"d-{self.figures.requests}"
        if self._random.random() < 0.1:
            headers["X-Ghala-Event"] = self._random.choice(
                ("message.received", "payment.success", "\xff", "")
            )
        with self.watching(door):
            answer = self._clients[dialect].post(path, data=raw, headers=headers)
        self.note("messages" if path == MESSAGES else "payments", answer.status_code, raw)

    @contextmanager
    def watching(self, door: Door) -> Iterator[None]:
        """Remember what the app did not handle."""

        def remember(_sender: Any, exception: BaseException, **_more: Any) -> None:
            self.raised.append(exception)

        with got_request_exception.connected_to(remember, door.app):
            yield

    def note(self, family: str, status: int, what: object) -> None:
        """Count an answer; a server error ends it all."""
        self.figures.answers[family, status] += 1
        if self.raised:
            raise AssertionError(f"not handled, after {what!r}") from self.raised[0]
        assert status < 500, (status, what)
        if self.figures.requests % ROUND == 0:
            self.clock.advance(10)
            self.figures.tasks += self.worker.work()
            self._progress(self.figures.requests)

    def settle(self) -> None:
        """Let days pass until nothing is due: every event must have come to its end."""
        for _ in range(FOUR_DAYS):
            self.figures.tasks += self.worker.work()
            with self.database.reading() as session:
                if not session.scalar(select(func.count()).where(InboxEvent.status == "waiting")):
                    break
            self.clock.advance(AN_HOUR)
        with self.database.reading() as session:
            grouped = select(InboxEvent.kind, InboxEvent.status, func.count()).group_by(
                InboxEvent.kind, InboxEvent.status
            )
            for kind, status, number in session.execute(grouped):
                self.figures.events[kind, status] = number
            for table in (Order, Payment):
                self.figures.rows[table.__tablename__] = (
                    session.scalar(select(func.count()).select_from(table)) or 0
                )

    def check(self) -> None:
        """Nothing waits, nothing was given up."""
        stuck = {key: n for key, n in self.figures.events.items() if key[1] not in {"done", "ignored"}}
        assert not stuck, stuck

    def _aimed(self, payload: Any) -> Any:
        """Half of the payment events are about a payment that exists."""
        if self._random.random() < 0.5:
            return payload
        with self.database.reading() as session:
            known = session.execute(
                select(Payment.ref, Payment.gateway_ref).order_by(Payment.id.desc()).limit(1)
            ).first()
        if known is None:
            return payload
        aimed = json.loads(json.dumps(payload))
        data = aimed.get("data", aimed)
        data["external_id"] = known.ref
        if known.gateway_ref and self._random.random() < 0.5:
            data["order_id"] = known.gateway_ref
        return aimed
