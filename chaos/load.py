"""The load: customers who buy, one after the other, and the sender that brings what they write to the shop.

Every webhook is signed and posted again until a 2xx, as a carrier does; one in twenty is posted twice. The ledger
remembers what was acknowledged and when it was answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from chaos.ghala import Charge, Ghala, Shown

SECRET: Final = "a-webhook-secret-under-fire"  # noqa: S105 - of a shop that lives for minutes
POST_TIMEOUT: Final = 15.0
TWICE: Final = 0.05
RARE: Final = 0.08
"""The share of customers who want what is nearly sold out."""
STUCK_AFTER: Final = 200.0
SLOW: Final = 2.0
"""Seconds within which a healthy shop answers here."""
PERSISTENCE: Final = 6
HURRIED: Final = ("1 beans", "12 Moi Avenue, Nairobi")
AT_ONCE: Final = 16
"""How many of a crowd write at the same time."""


class Stuck(Exception):
    """A customer gave up waiting."""


@dataclass(slots=True)
class Post:
    """One attempt to hand over a webhook. ``status`` 0: nobody answered."""

    at: float
    seconds: float
    status: int


@dataclass(slots=True)
class Exchange:
    """Something a customer wrote, and the shop's answer."""

    id: str
    number: str
    text: str
    posted: float
    acked: float = 0.0
    answered: float = 0.0


@dataclass(slots=True)
class Ledger:
    """What the load did and got."""

    posts: list[Post] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    waits: list[Exchange] = field(default_factory=list)
    """Prompts and receipts customers waited for: answers to what was not written."""
    ends: Counter[str] = field(default_factory=Counter)
    stuck: list[str] = field(default_factory=list)


class Carrier:
    """Posts signed webhooks until they are taken.

    Args:
        web_urls: the shop, wherever it answers; webhooks go to each in turn.
        ledger: where attempts are noted.
        chance: decides what is posted twice.
    """

    def __init__(self, web_urls: Sequence[str], ledger: Ledger, chance: random.Random) -> None:
        self._web_urls = itertools.cycle(web_urls)
        self._ledger = ledger
        self._chance = chance
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT, connect=3.0),
            connector=aiohttp.TCPConnector(limit=0),
        )
        self._copies: set[asyncio.Task[None]] = set()

    async def bring(self, path: str, payload: dict[str, Any]) -> None:
        """Post until a 2xx.

        Raises:
            Stuck: it took longer than anybody waits.
        """
        body = json.dumps(payload).encode()
        if self._chance.random() < TWICE:
            copy = asyncio.create_task(self._deliver(path, body))
            self._copies.add(copy)
            copy.add_done_callback(self._copies.discard)
        await self._deliver(path, body)

    async def _deliver(self, path: str, body: bytes) -> None:
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Ghala-Signature": signature}
        first, pause = time.monotonic(), 0.2
        while time.monotonic() - first < STUCK_AFTER:
            if await self._post(path, body, headers):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, 1.0)
        raise Stuck(f"not taken for {STUCK_AFTER:g} s: {path}")

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> bool:
        at, status = time.monotonic(), 0
        try:
            async with self._session.post(next(self._web_urls) + path, data=body, headers=headers) as answer:
                await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = 0
        self._ledger.posts.append(Post(at, time.monotonic() - at, status))
        return 200 <= status < 300  # noqa: PLR2004

    async def close(self) -> None:
        """Wait for copies on their way and hang up."""
        await asyncio.gather(*self._copies, return_exceptions=True)
        await self._session.close()


class Load:
    """Customers arriving at a steady rate, each a purchase of about six signed webhooks.

    Args:
        web_urls: the shop, wherever it answers.
        ghala: where phones and money are.
        seed: decides who wants what.
    """

    def __init__(self, web_urls: Sequence[str], ghala_port: int, seed: int) -> None:
        self.ledger = Ledger()
        self.chance = random.Random(seed)
        self.ghala = Ghala(ghala_port, self._shown)
        self.carrier = Carrier(web_urls, self.ledger, self.chance)
        self.callbacks_lost = False
        self.tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(254_700_000_001)
        self._ids = itertools.count(1)
        self._arrivals: asyncio.Task[None] | None = None

    def _shown(self, number: str, shown: Shown) -> None:
        if "RECEIPT" in shown.text:
            status = {
                "id": shown.id,
                "status": "delivered",
                "timestamp": "1795200060",
                "recipient_id": number,
            }
            self._spawn(self.carrier.bring("/api/messages/incoming", {"statuses": [status]}), "status")

    def _spawn(self, work: Any, name: str) -> None:
        task = asyncio.create_task(self._guard(work), name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _guard(self, work: Any) -> None:
        try:
            await work
        except Stuck as stuck:
            self.ledger.stuck.append(str(stuck))

    def begin(self, per_second: float) -> None:
        """Let customers arrive."""
        self._arrivals = asyncio.create_task(self._arrive(per_second))

    async def _arrive(self, per_second: float) -> None:
        while True:
            self.arrive()
            await asyncio.sleep(1.0 / per_second)

    def arrive(self) -> None:
        """One more customer."""
        self._spawn(self.buy(self.new_number()), "customer")

    async def cease(self) -> None:
        """Let nobody else arrive; who is there goes on."""
        if self._arrivals is not None:
            self._arrivals.cancel()
            await asyncio.wait([self._arrivals])
            self._arrivals = None

    async def everybody_done(self) -> None:
        """Wait until every customer has ended, happily or not."""
        while self.tasks:
            await asyncio.wait(set(self.tasks))

    async def close(self) -> None:
        """Stop everything."""
        await self.cease()
        for task in set(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.carrier.close()
        await self.ghala.close()

    def new_number(self) -> str:
        """The number of a customer who has never written."""
        return str(next(self._numbers))

    async def say(self, number: str, text: str) -> str:
        """Write a message and wait for the answer to it; the answer's words.

        Raises:
            Stuck: no answer came.
        """
        exchange, seen = await self.write(number, text)
        phone = self.ghala.phones[number]
        await self.until(number, lambda: len(phone.shown) > seen, f"an answer to {text!r}")
        exchange.answered = phone.shown[seen].at
        return phone.shown[seen].text

    async def write(self, number: str, text: str) -> tuple[Exchange, int]:
        """Write a message and see it taken; also how much the phone showed before.

        Raises:
            Stuck: nobody took it.
        """
        exchange = Exchange(f"wamid.C{next(self._ids)}", number, text, time.monotonic())
        self.ledger.exchanges.append(exchange)
        phone = self.ghala.phones[number]
        seen = len(phone.shown)
        message = {
            "id": exchange.id,
            "from": number,
            "type": "text",
            "timestamp": str(int(time.time())),
            "text": {"body": text},
        }
        await self.carrier.bring("/api/messages/incoming", {"messages": [message]})
        exchange.acked = time.monotonic()
        return exchange, seen

    async def wait(self, number: str, true: Callable[[], bool], what: str) -> None:
        """The same as ``until``, and note how long it took.

        Raises:
            Stuck: it did not come.
        """
        began = time.monotonic()
        await self.until(number, true, what)
        self.ledger.waits.append(Exchange("", number, what, began, began, time.monotonic()))

    async def until(self, number: str, true: Callable[[], bool], what: str) -> None:
        """Wait until something shows on a phone.

        Raises:
            Stuck: it did not.
        """
        phone = self.ghala.phones[number]
        try:
            async with asyncio.timeout(STUCK_AFTER):
                while not true():
                    phone.changed.clear()
                    await phone.changed.wait()
        except TimeoutError:
            raise Stuck(f"{number} waited {STUCK_AFTER:g} s for {what}") from None

    async def buy(self, number: str) -> None:
        """A whole purchase, from "hi" to the receipt.

        Raises:
            Stuck: the shop fell silent.
        """
        rare = self.chance.random() < RARE
        await self.say(number, "hi")
        answer = await self.say(number, "1 basket" if rare else "1 beans")
        if "deliver" not in answer:
            self._turned_away(number, answer, rare=rare)
            return
        answer = await self.say(number, f"{self.chance.randint(1, 99)} Moi Avenue, Nairobi")
        if "ORD-" not in answer:
            self._turned_away(number, answer, rare=rare)
            return
        await self._buy_what_was_ordered(number)

    async def hurry(self, number: str) -> None:
        """A whole purchase, written without waiting for an answer: it makes sense in this order only.

        Raises:
            Stuck: the shop fell silent.
        """
        exchanges = []
        for text in HURRIED:
            exchange, _ = await self.write(number, text)
            exchanges.append(exchange)
        phone = self.ghala.phones[number]
        await self.wait(number, lambda: any("ORD-" in shown.text for shown in phone.shown), "a summary")
        for exchange in exchanges:
            exchange.answered = phone.shown[0].at
        await self._buy_what_was_ordered(number)

    async def _buy_what_was_ordered(self, number: str) -> None:
        phone = self.ghala.phones[number]
        for _ in range(PERSISTENCE):
            before, known = len(phone.charges), len(phone.shown)
            await self.say(number, "mpesa")
            await self.wait(
                number,
                lambda before=before, known=known: (  # type: ignore[misc]
                    len(phone.charges) > before or any("😕" in shown.text for shown in phone.shown[known:])
                ),
                "a prompt",
            )
            if len(phone.charges) > before:
                await self._pay(phone.charges[-1])
                await self.wait(
                    number, lambda: any("RECEIPT" in shown.text for shown in phone.shown), "a receipt"
                )
                self.ledger.ends["bought"] += 1
                return
        self.ledger.ends["could not pay"] += 1

    async def _pay(self, charge: Charge) -> None:
        await asyncio.sleep(self.chance.uniform(0.1, 0.6))
        event = self.ghala.pay(charge)
        if not self.callbacks_lost:
            path = "/api/webhooks/ghala?" + charge.callback.partition("?")[2]
            await self.carrier.bring(path, event)

    def _turned_away(self, number: str, answer: str, *, rare: bool) -> None:
        """No more of what was wanted; what else the shop may have said instead is wrong."""
        if rare:
            self.ledger.ends["sold out"] += 1
        else:
            self.ledger.stuck.append(f"{number} was answered {answer[:120]!r}")


class Crowd:
    """Many customers who each write "hi" and nothing else, as fast as the shop takes it.

    Args:
        load: whom their messages are counted with.
        size: how many.
    """

    def __init__(self, load: Load, size: int) -> None:
        self._load = load
        self._waiting = [load.new_number() for _ in range(size)]
        self._written: list[Exchange] = []

    async def all_written(self) -> None:
        """Let everybody write, a few at a time; returns when all of it was taken.

        Raises:
            Stuck: something was not.
        """
        numbers = iter(self._waiting)

        async def some() -> None:
            for number in numbers:
                exchange, _ = await self._load.write(number, "hi")
                self._written.append(exchange)

        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    async def all_answered(self, seconds: float) -> int:
        """Wait until everybody has an answer, at most so long; how many have none."""
        until = time.monotonic() + seconds
        while True:
            silent = 0
            for exchange in self._written:
                shown = self._load.ghala.phones[exchange.number].shown
                exchange.answered = shown[0].at if shown else 0.0
                silent += not shown
            if not silent or time.monotonic() > until:
                return silent
            await asyncio.sleep(0.1)
