"""Requests against the real app, then the real tasks over whatever was stored: nothing may raise, nothing may stay.

Three ways in at once: the original dialect, v2 with signatures that carry time, and Meta's envelope, all
signed as Ghala would, so that the bodies reach the parser.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Self
from unittest.mock import patch

from flask import got_request_exception
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case
from sqlalchemy import String, cast, func, select, update

from bot import shell
from bot.events import MessageReceived
from catalog import importing
from config import HERE
from db import Database, schema
from db.models import Customer, InboxEvent, Order, OutboxMessage, Payment, Shop
from errors import GatewayRejected, GatewayUnavailable, OutcomeUnknown
from payments.gateways.base import Charge, PaymentUpdate, Started
from tests.conftest import Clock
from tests.fuzz import described
from tests.fuzz.crowd import (
    ANY_BODY,
    BASKETS,
    MESSAGE_BODIES,
    METHODS,
    OPTION,
    ORDER,
    OTHER,
    PAYMENT,
    PAYMENT_BODIES,
    PLACES,
    SENDER,
    Charged,
    Liar,
    news,
    options_in,
    tap,
    text,
)
from tests.fuzz.forms import Console
from tests.fuzz.spoil import Spoiler, recorded
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
RECORDED_MESSAGES: Final = recorded(("meta-", "v1-", "v2-"))
RECORDED_PAYMENTS: Final = recorded(("payment-", "order-"))
FILLED: Final = (SENDER, OTHER, ORDER, PAYMENT, OPTION)

CROWD: Final = 16
"""Customers brought to one place where money is, before anybody lies about them."""
HOSTILE: Final = 240
"""Requests against one such crowd."""
HURLS: Final = 500
"""Bodies hypothesis makes in one go; its memory of them costs more than they do."""


@dataclass
class Figures:
    """What came of it."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    seconds: float = 0.0
    tasks: int = 0
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    rows: dict[str, int] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    """In which state of the conversation messages were decided on."""
    payments: Counter[str] = field(default_factory=Counter)
    """What payments there were whenever the hostile requests began, by status."""

    def __iadd__(self, other: Figures) -> Self:
        """Both together, as if one after the other."""
        self.answers += other.answers
        self.states += other.states
        self.payments += other.payments
        self.events += other.events
        self.tasks += other.tasks
        self.seconds = max(self.seconds, other.seconds)
        self.rows = dict(Counter(self.rows) + Counter(other.rows))
        return self

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
        lines.append("  met in          " + "  ".join(f"{k}: {n:,}" for k, n in self.states.most_common()))
        lines.append("  payments        " + "  ".join(f"{k}: {n:,}" for k, n in self.payments.most_common()))
        lines.append("  rows            " + "  ".join(f"{name}: {n:,}" for name, n in self.rows.items()))
        return "\n".join(lines)


def _owners(path: str) -> bool:
    """Whether an address is behind the owner's credentials."""
    return path.startswith(("/api/orders", "/api/admin"))


class FickleGateway(TakingGateway):
    """Takes charges; where it is fickle it also refuses, falls silent and answers nonsense."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.fickle = False
        self._random = random

    def start(self, charge: Charge) -> Started:
        if self.fickle:
            self._upset(charge)
        link = "https://pay.example/x" if charge.method == "card" else ""
        return Started(super().start(charge).gateway_ref, link)

    def ask(self, charge: Charge) -> PaymentUpdate:
        if not self.fickle:
            return super().ask(charge)
        self._upset(charge)
        return PaymentUpdate(
            status=self._random.choice(("pending", "failed", "succeeded")),
            gateway_ref=self._random.choice((f"gh_{charge.ref}", charge.gateway_ref, None, "gh_other")),
            payment_ref=self._random.choice((charge.ref, charge.ref, None, "PAY-OTHER")),
            amount=self._random.choice((charge.amount, charge.amount, None, -1, 0, charge.amount + 1)),
            currency=self._random.choice((charge.currency, None, "TZS")),
            transaction_ref=self._random.choice((f"Q{charge.ref}", None, "TX1")),
            reason=self._random.choice(("", "1032", "x" * 500)),
        )

    def _upset(self, charge: Charge) -> None:
        match self._random.randrange(8):
            case 0:
                raise GatewayUnavailable("away")
            case 1:
                raise OutcomeUnknown(charge.ref)
            case 2:
                raise GatewayRejected("no", reason=self._random.choice(("1032", "unauthorized", "x" * 300)))
            case _:
                return


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
        self.unsent: set[str] = set()
        """Views of the console to which no form was sent."""
        self._progress = progress
        self._random = Random(seed_)
        with patch("admin.throttle.REQUESTS", "1000000000 per minute"):
            self.doors: dict[str, Door] = {
                dialect: open_door(
                    self.database, ghala_dialect=dialect, ghala_signature_scheme=SCHEMES[dialect]
                )
                for dialect in DIALECTS
            }
        self.gateway = FickleGateway(self._random)
        self.worker = Worker(self.database, self.clock, self.gateway)
        self._spoiler = Spoiler(seed_)
        self._liar = Liar(self._random)
        self._numbers = itertools.count(1)
        self._crowd: list[str] = [self._new_number() for _ in range(CROWD)]
        self._charged: list[Charged] = []
        self._options: list[str] = ["pay:mpesa:ORD-7K3M9Q"]
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
            with patch("bot.shell.decide", self._watched(shell.decide)):
                while self.figures.requests < requests * 70 // 100:
                    self.bring()
                    self.figures.payments += Counter(self.payments())
                    self.hurl(min(HOSTILE, requests))
                self.described(requests // 7)
                self.console(requests // 10)
                self.settle_requests(requests)
                self.settle()
        finally:
            self.figures.seconds = time.monotonic() - began
        self.check()

    def settle_requests(self, requests: int) -> None:
        """What is missing to the number asked for, against the last crowd."""
        self.hurl(max(0, requests - self.figures.requests))

    def _watched(self, decide: Any) -> Any:
        def watched(conversation: Any, event: Any, shop: Any) -> Any:
            if isinstance(event, MessageReceived):
                self.figures.states[conversation.state] += 1
            return decide(conversation, event, shop)

        return watched

    def _new_number(self) -> str:
        return f"2547{self.seed % 100:02d}{next(self._numbers):06d}"

    def bring(self) -> None:
        """Bring customers to a payment: some choose how, some are being charged, some failed, some have paid."""
        self.gateway.fickle = False
        self._crowd = [self._new_number() for _ in range(CROWD)]
        self._spoiler.senders = self._crowd
        pick = self._random.choice
        self._all_say(self._crowd, BASKETS)
        self._all_say(self._crowd, PLACES)
        charged = self._crowd[CROWD // 4 :]
        self._all_say(charged, METHODS)
        with self.database.reading() as session:
            rows = session.execute(
                select(Customer.identity, Payment.ref, Payment.gateway_ref, Payment.amount)
                .join(Order, Order.id == Payment.order_id)
                .join(Customer, Customer.id == Order.customer_id)
                .where(Customer.identity.in_(self._crowd))
                .order_by(Payment.id)
            ).all()
            shown = session.scalars(
                select(OutboxMessage.message)
                .join(Customer, Customer.id == OutboxMessage.customer_id)
                .where(Customer.identity.in_(self._crowd))
            ).all()
        self._options = options_in(shown) or self._options
        self._charged = [Charged(row.identity, row.ref, row.gateway_ref, row.amount // 100) for row in rows]
        for number, one in enumerate(self._charged):
            if number % 3:
                event = "payment.success" if number % 3 == 1 else "payment.failed"
                self.post(
                    PAYMENTS, json.dumps(news(one, event, f"OK{self.seed}{one.ref}")).encode(), sound=True
                )
        self.work()
        self.gateway.fickle = pick((True, False))

    def _all_say(self, senders: list[str], words: tuple[str, ...]) -> None:
        for sender in senders:
            name = f"wamid.b{next(self._numbers)}"
            body = text(sender, self._random.choice(words), name)
            self.post(MESSAGES, json.dumps(body).encode(), sound=True)
        self.work()

    def hurl(self, requests: int) -> None:
        """Everything bad at the last crowd and its payments: spoilt, lied and made up."""
        third = requests // 3
        for _ in range(third):
            self.spoilt()
        for _ in range(third):
            self.lied()
        self.generated(requests - 2 * third)
        self.work()

    def spoilt(self) -> None:
        """A recorded payload, spoilt."""
        if self._random.random() < 0.6:
            self.post(MESSAGES, self._spoiler.body(self._random.choice(RECORDED_MESSAGES)))
        else:
            self.post(PAYMENTS, self._spoiler.body(self._aimed(self._random.choice(RECORDED_PAYMENTS))))

    def lied(self) -> None:
        """News of a payment that exists with something wrong in it, or a tap turned into another."""
        if self._charged and self._random.random() < 0.6:
            one = self._random.choice(self._charged)
            hint = self._random.choice(("", "", f"?payment={one.ref}", "?payment=PAY-NOBODY", "?payment="))
            body = self._liar.about(one, self._charged)
            self.post(PAYMENTS + hint, json.dumps(body).encode("utf-8", "surrogatepass"))
            return
        option = self._liar.option(self._random.choice(self._options), self._options)
        self.post(
            MESSAGES,
            json.dumps(
                tap(self._random.choice(self._crowd), option, f"wamid.t{next(self._numbers)}")
            ).encode(),
        )

    def generated(self, requests: int) -> None:
        """Bodies made by hypothesis: messages and news of the right shape with nonsense in them, and nonsense."""
        bodies = (
            st.tuples(st.just(MESSAGES), MESSAGE_BODIES)
            | st.tuples(st.just(MESSAGES), MESSAGE_BODIES)
            | st.tuples(st.just(PAYMENTS), PAYMENT_BODIES)
            | st.tuples(st.sampled_from((MESSAGES, PAYMENTS)), ANY_BODY)
        )

        @seed(self._random.randrange(2**32))
        @settings(
            max_examples=max(1, min(requests, HURLS)),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(bodies)
        def fire(made: tuple[str, Any]) -> None:
            path, body = made
            raw = body if isinstance(body, bytes) else json.dumps(self._filled(body)).encode()
            self.post(path, raw)

        for _ in range(0, requests, HURLS):
            fire()

    def _filled(self, made: Any) -> Any:
        """A made body with what exists in its places."""
        if isinstance(made, dict):
            return {name: self._filled(value) for name, value in made.items()}
        if isinstance(made, list):
            return [self._filled(value) for value in made]
        if made not in FILLED or not isinstance(made, str):
            return made
        one = (
            self._random.choice(self._charged)
            if self._charged
            else Charged(self._crowd[0], "PAY-X", "gh_x", 1)
        )
        return {
            SENDER: self._random.choice(self._crowd),
            OTHER: self._random.choice(self._crowd),
            ORDER: one.order_id,
            PAYMENT: one.ref,
            OPTION: self._random.choice(self._options),
        }[made]

    def work(self) -> None:
        """A round of the worker and of the sender, whose messages all arrive."""
        self.figures.tasks += self.worker.work()
        with self.database.writing() as session:
            session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.status == "waiting")
                .values(status="sent", provider_id="wamid.F" + cast(OutboxMessage.id, String))
            )

    def described(self, requests: int) -> None:
        """Requests made from docs/openapi.yaml: most to what only the owner may, mostly with the owner's credentials."""
        door = self.doors["v1"]

        def send(case: Case, label: str, checks: list[Any]) -> None:
            known = self._random.random() < 0.95
            shown = basic() if known else {"Authorization": self._random.choice(WRONG)}
            # What was made as headers would otherwise stand alone.
            case.headers = {**(case.headers or {}), **shown}
            if self._random.random() < 0.5:
                self._aim(case)
            # An address of its own, so that wrong passwords do not lock the owner out.
            address = {"REMOTE_ADDR": f"198.51.100.{self._random.randrange(1, 255)}"}
            with self.watching(door):
                answer = case.call(environ_overrides=address)
            self.note("owner" if _owners(label.split()[1]) else "described", answer.status_code, label)
            case.validate_response(answer, checks=checks)

        described.fire(door.app, requests * 9 // 10, self.seed, send, only=_owners)
        described.fire(door.app, requests // 10, self.seed, send, only=lambda path: not _owners(path))

    def console(self, requests: int) -> None:
        """The console's pages and forms, in the hands of somebody with the owner's credentials.

        After all customers: what is left of the shop then is another shop.
        """
        with self.database.writing() as session:
            shop = session.scalars(select(Shop).where(Shop.slug == "main")).one()
            importing.put(session, shop, importing.read(HERE / "catalog" / "demo.yaml"))
        door = self.doors["v1"]
        console = Console(
            door.app,
            self.database,
            self._random,
            watching=lambda: self.watching(door),
            note=lambda status, what: self.note("console", status, what),
        )
        console.fire(requests)
        self.unsent = console.views_with_forms - console.posted

    def _aim(self, case: Case) -> None:
        """Name an order that exists."""
        if "ref" in case.path_parameters:
            with self.database.reading() as session:
                refs = session.scalars(select(Order.ref).order_by(Order.id.desc()).limit(20)).all()
            if refs:
                case.path_parameters["ref"] = self._random.choice(refs)

    def post(self, path: str, raw: bytes, *, sound: bool = False) -> None:
        """One signed delivery at one of the three doors; a ``sound`` one is on time and taken."""
        dialect = self._random.choice(DIALECTS)
        door = self.doors[dialect]
        at = int(time.time()) - (1000 if not sound and self._random.random() < 0.1 else 0)
        headers = door.signed(raw, at=at)
        if sound:
            with self.watching(door):
                answer = self._clients[dialect].post(path, data=raw, headers=headers)
            assert answer.status_code == 200, answer.text
            self.note("sound", answer.status_code, raw)
            return
        if self._random.random() < 0.3:
            headers["X-Ghala-Delivery"] = f"d-{self.figures.requests}"
        if self._random.random() < 0.1:
            headers["X-Ghala-Event"] = self._random.choice(
                ("message.received", "payment.success", "\xff", "")
            )
        with self.watching(door):
            answer = self._clients[dialect].post(path, data=raw, headers=headers)
        self.note("messages" if path.startswith(MESSAGES) else "payments", answer.status_code, raw)

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
            self.work()
            self._progress(self.figures.requests)

    def settle(self) -> None:
        """Let days pass until nothing is due: every event must have come to its end."""
        for _ in range(FOUR_DAYS):
            self.work()
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

    def payments(self) -> dict[str, int]:
        """How many payments there are of each status."""
        with self.database.reading() as session:
            rows = session.execute(select(Payment.status, func.count()).group_by(Payment.status))
            return {row[0]: row[1] for row in rows}

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
