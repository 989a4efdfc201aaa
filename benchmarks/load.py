"""The load: a process of its own that writes to the shop and answers for Ghala, in one light event loop.

``python -m benchmarks.load`` reads what to do as one line of JSON from its input and prints what it saw as another.
It measures between two moments, so that neither the beginning nor the end of a crowd counts, and reads what
the processes under load used of the machine at those same moments.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from benchmarks import usage, wire

SECRET: Final = "a-webhook-secret-for-figures"  # noqa: S105 - of a shop that lives for seconds
MESSAGES: Final = "/api/messages/incoming"
PAYMENTS: Final = "/api/webhooks/ghala"
STEPS: Final = (
    ("hi", "Hello"),
    ("1", "What would you like"),
    ("1", "How many"),
    ("1", "deliver"),
    ("12 Moi Avenue, Nairobi", "ORD-"),
    ("mpesa", "PIN"),
)
"""What a buyer writes, and the words of the answer that make them go on."""
PATIENCE: Final = 20.0
"""Seconds a customer waits for one answer before the run is over for them."""
PAUSE: Final = 0.05
"""Seconds between a lonely customer's messages."""


@dataclass(slots=True)
class Task:
    """What to do.

    Args:
        what: ``flood`` accepts as fast as it can, ``steady`` at ``rate``, ``lonely`` is one customer, ``buy`` a crowd of
            buyers, ``pay`` pays ``charges``.
        port: the shop's.
        ghala: the stand-in's.
        at_once: requests or customers.
        seconds: how long is measured.
        warm: seconds before that.
        first: the number of the first customer, so that none comes twice.
        rate: requests a second.
        delay: seconds Ghala takes to answer.
        charges: id at Ghala, amount, reference.
        pids: processes by name whose time is to be read.
    """

    what: str
    port: int
    ghala: int = 0
    at_once: int = 1
    seconds: float = 3.0
    warm: float = 0.5
    first: int = 0
    rate: float = 0.0
    delay: float = 0.0
    charges: list[list[Any]] = field(default_factory=list)
    pids: dict[str, list[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Seen:
    """What was seen between the two moments; times in seconds."""

    count: int = 0
    seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    load_cpu: float = 0.0
    elsewhere: float = 0.0
    next: int = 0


def signed(port: int, path: str, payload: dict[str, Any]) -> bytes:
    """A webhook as Ghala sends it."""
    body = json.dumps(payload).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return wire.request(port, path, body, {"X-Ghala-Signature": signature})


def message(port: int, number: int, name: str, text: str) -> bytes:
    """What a customer writes."""
    words = {
        "id": f"wamid.{name}",
        "from": str(number),
        "type": "text",
        "timestamp": str(int(time.time())),
        "text": {"body": text},
    }
    return signed(port, MESSAGES, {"messages": [words]})


class Phone:
    """What one number was shown, and who waits for it."""

    __slots__ = ("charge", "news", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.charge: dict[str, Any] | None = None
        self.news: asyncio.Future[None] | None = None

    def has(self, words: str) -> bool:
        """Whether a message with these words was shown."""
        return any(words in text for text in self.texts)

    def touch(self) -> None:
        """Wake whoever waits."""
        if self.news is not None and not self.news.done():
            self.news.set_result(None)

    async def until(self, true: Callable[[], bool]) -> bool:
        """Wait until something shows; false when it took too long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while not true():
            self.news = loop.create_future()
            timer = loop.call_at(end, self.touch)
            await self.news
            timer.cancel()
            if loop.time() >= end:
                return true()
        return True


class Ghala:
    """The other side: takes messages and orders, and knows who has paid.

    Args:
        run: what tells its ids from those of other runs on the same shop.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self.phones: defaultdict[str, Phone] = defaultdict(Phone)
        self.charges: dict[str, dict[str, Any]] = {}
        self.sends = 0
        self._numbers = itertools.count(1)
        self._keys: dict[str, bytes] = {}

    def answer(self, line: str, body: bytes) -> bytes:
        """Answer one request."""
        method, _, path = line.partition(" ")
        if method == "GET":
            return json.dumps(self.charges.get(path.rpartition("/")[2], {})).encode()
        told = json.loads(body)
        if path.endswith("/messages"):
            return self._show(told)
        charge = {
            "id": f"gh_{self._run}_{next(self._numbers)}",
            "external_id": told["external_id"],
            "status": "pending",
            "payment_status": "pending",
            "amount": told["amount"],
            "currency": "KES",
            "transaction_reference": None,
            "callback": told["callback_url"],
        }
        self.charges[charge["id"]] = charge
        phone = self.phones[str(told["customer"]["phone"]).removeprefix("+")]
        phone.charge = charge
        asyncio.get_running_loop().call_soon(phone.touch)
        return json.dumps({"id": charge["id"], "status": "pending"}).encode()

    def _show(self, told: dict[str, Any]) -> bytes:
        self.sends += 1
        if told.get("type") is not None:  # a read mark has none
            kind = told.get(told["type"], {})
            inner = kind.get("body", "")
            phone = self.phones[str(told["to"]).removeprefix("+")]
            phone.texts.append(str(inner.get("text", "") if isinstance(inner, dict) else inner))
            phone.touch()
        return b'{"messages":[{"id":"wamid.S%d.%d"}]}' % (self._run, next(self._numbers))

    def pay(self, charge: dict[str, Any]) -> dict[str, Any]:
        """The customer enters the PIN; the event Ghala posts."""
        charge |= {
            "status": "completed",
            "payment_status": "success",
            "transaction_reference": f"R{charge['id']}",
        }
        said = {"order_id": charge["id"], "status": "completed"}
        said |= {name: charge[name] for name in ("transaction_reference", "amount", "currency")}
        return {"event": "payment.success", "data": said}


class Load:
    """One run."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.seen = Seen()
        self.ghala = Ghala(task.first)
        self.callers = wire.Callers(task.port)
        self.measuring = False
        self.over = False
        self._numbers = itertools.count(task.first)
        self._messages = itertools.count(1)

    async def run(self) -> Seen:
        """Do it and say what was seen."""
        work = {
            "flood": self._flood,
            "steady": self._steady,
            "lonely": self._lonely,
            "buy": self._buy,
            "pay": self._pay,
        }
        server = (
            await wire.serve(self.task.ghala, self.ghala.answer, self.task.delay) if self.task.ghala else None
        )
        await work[self.task.what]()
        self.seen.next = next(self._numbers)
        self.callers.close()
        if server is not None:
            server.close()
        return self.seen

    async def _window(self, crowd: list[Awaitable[None]]) -> None:
        """Let a crowd run and measure in the middle of it."""
        tasks = [asyncio.ensure_future(one) for one in crowd]
        await asyncio.sleep(self.task.warm)
        before = {name: usage.cpu(pids) for name, pids in self.task.pids.items()}
        machine, own, began = usage.machine(), time.process_time(), time.perf_counter()
        self.measuring = True
        await asyncio.sleep(self.task.seconds)
        self.measuring = False
        self.seen.seconds = time.perf_counter() - began
        self.seen.load_cpu = time.process_time() - own
        self.seen.cpu = {name: usage.cpu(pids) - before[name] for name, pids in self.task.pids.items()}
        ours = self.seen.load_cpu + sum(self.seen.cpu.values())
        self.seen.elsewhere = usage.busy_elsewhere(machine, ours)
        self.seen.memory = {name: usage.memory(pids) for name, pids in self.task.pids.items()}
        self.over = True
        await asyncio.wait(tasks, timeout=PATIENCE * 2)
        for task in tasks:
            task.cancel()

    def _note(self, began: float, *, good: bool) -> None:
        if not self.measuring:
            return
        if good:
            self.seen.count += 1
            self.seen.latencies.append(time.perf_counter() - began)
        else:
            self.seen.failed += 1

    def _hello(self) -> bytes:
        number = 254_700_000_000 + next(self._numbers)
        return message(self.task.port, number, f"F{number}", "hi")

    async def _flood(self) -> None:
        async def one() -> None:
            while not self.over:
                raw = self._hello()
                began = time.perf_counter()
                status = await self.callers.send(raw)
                self._note(began, good=status == 200)

        await self._window([one() for _ in range(self.task.at_once)])

    async def _steady(self) -> None:
        """Requests at even distances; each is late from the moment it should have left."""
        under_way: set[asyncio.Task[None]] = set()

        async def one(raw: bytes, due: float) -> None:
            status = await self.callers.send(raw)
            self._note(due, good=status == 200)

        async def metronome() -> None:
            due = time.perf_counter()
            while not self.over:
                due += 1.0 / self.task.rate
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                sent = asyncio.ensure_future(one(self._hello(), due))
                under_way.add(sent)
                sent.add_done_callback(under_way.discard)
            if under_way:
                await asyncio.wait(under_way, timeout=PATIENCE)

        await self._window([metronome()])

    async def _lonely(self) -> None:
        number = 254_700_000_000 + next(self._numbers)
        phone = self.ghala.phones[str(number)]

        async def one() -> None:
            while not self.over:
                shown = len(phone.texts)
                raw = message(self.task.port, number, f"L{number}.{next(self._messages)}", "menu")
                began = time.perf_counter()
                taken = asyncio.ensure_future(self.callers.send(raw))
                answered = await phone.until(lambda shown=shown: len(phone.texts) > shown)  # type: ignore[misc]
                self._note(began, good=answered)
                await taken
                await asyncio.sleep(PAUSE)

        await self._window([one()])

    async def _buy(self) -> None:
        async def one() -> None:
            while not self.over:
                number = 254_700_000_000 + next(self._numbers)
                began = time.perf_counter()
                good = await self._purchase(number)
                self._note(began, good=good)
                if not good:
                    print(number, self.ghala.phones[str(number)].texts, file=sys.stderr)
                    return

        await self._window([one() for _ in range(self.task.at_once)])

    async def _purchase(self, number: int) -> bool:
        """From "hi" to the receipt; false when the shop did not go along."""
        phone = self.ghala.phones[str(number)]
        for step, (text, answer) in enumerate(STEPS):
            raw = message(self.task.port, number, f"B{number}.{step}", text)
            if await self.callers.send(raw) != 200:
                return False
            if not await phone.until(lambda answer=answer: phone.has(answer)):  # type: ignore[misc]
                return False
        if not await phone.until(lambda: phone.charge is not None) or phone.charge is None:
            return False
        path = f"{PAYMENTS}?{phone.charge['callback'].partition('?')[2]}"
        if await self.callers.send(signed(self.task.port, path, self.ghala.pay(phone.charge))) != 200:
            return False
        receipt = await phone.until(lambda: phone.has("RECEIPT"))
        del self.ghala.phones[str(number)], self.ghala.charges[phone.charge["id"]]
        return receipt

    async def _pay(self) -> None:
        """Pay every charge, as fast as the shop takes it; it is measured in the shop's own tables."""
        waiting = []
        for charge_id, amount, reference in self.task.charges:
            charge = {"id": charge_id, "external_id": reference, "amount": amount, "currency": "KES"}
            self.ghala.charges[charge_id] = charge
            waiting.append(signed(self.task.port, f"{PAYMENTS}?payment={reference}", self.ghala.pay(charge)))
        before = {name: usage.cpu(pids) for name, pids in self.task.pids.items()}
        began = time.perf_counter()

        async def one() -> None:
            while waiting:
                status = await self.callers.send(waiting.pop())
                self.seen.count += status == 200
                self.seen.failed += status != 200

        await asyncio.gather(*(one() for _ in range(self.task.at_once)))
        end = time.perf_counter() + PATIENCE
        while self.ghala.sends < len(self.task.charges) and time.perf_counter() < end:  # noqa: ASYNC110 - looks now and then
            await asyncio.sleep(0.05)
        self.seen.seconds = time.perf_counter() - began
        self.seen.cpu = {name: usage.cpu(pids) - before[name] for name, pids in self.task.pids.items()}


def main() -> None:
    """One run, as told on the input."""
    task = Task(**json.loads(sys.stdin.readline()))
    print(json.dumps(asdict(asyncio.run(Load(task).run()))))


if __name__ == "__main__":
    main()
