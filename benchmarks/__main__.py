"""``python -m benchmarks``: measure the shop and print tables. A figure never passes or fails."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import os
import platform
import signal
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from benchmarks import inside, seed, usage
from benchmarks.figures import number, percentile, spread, table
from benchmarks.load import Seen, Task
from benchmarks.stack import DATABASES, Stack, opened
from db import Database
from db.models import InboxEvent, OutboxMessage


@dataclass(slots=True)
class Plan:
    """How much is measured."""

    databases: tuple[str, ...] = DATABASES
    repeats: int = 3
    seconds: float = 3.0
    connections: tuple[int, ...] = (1, 16, 64)
    crowds: tuple[int, ...] = (16, 64, 256)
    delays: tuple[float, ...] = (0.0, 0.15)
    purchase_seconds: float = 5.0
    sizes: tuple[int, ...] = (0, 2_000, 20_000)
    payments: int = 500
    alone: int = 200
    workers: tuple[int, ...] = (1, 2, 3)
    together: tuple[int, ...] = (1, 4, 16)
    others: list[float] = field(default_factory=list)


QUICK: Final = Plan(
    repeats=1,
    seconds=1.0,
    connections=(1, 16),
    crowds=(16,),
    purchase_seconds=3.0,
    sizes=(0, 2_000),
    payments=100,
    alone=50,
    workers=(),
    together=(1, 16),
)


def say(words: str) -> None:
    """Print at once."""
    print(words, flush=True)


def ms(seconds: float) -> float:
    """Milliseconds."""
    return seconds * 1000


def each(seen: Seen, name: str) -> float:
    """Milliseconds of processor of one kind of process for each thing done."""
    return ms(seen.cpu.get(name, 0.0)) / max(seen.count, 1)


async def accept(plan: Plan, database: str) -> None:
    """Accepting webhooks, beside a route that does nothing; the two take turns."""
    found: dict[tuple[int, str], list[Seen]] = defaultdict(list)
    async with opened(database, workers=0) as (stack, _):
        await stack.bare.start()
        for _ in range(plan.repeats):
            for at_once in plan.connections:
                for who, port in (("bare", stack.bare_port), ("web", stack.port)):
                    task = Task("flood", port, at_once=at_once, seconds=plan.seconds)
                    found[at_once, who].append(await measured(plan, stack, task))
        rate = (
            max(statistics.median(s.count / s.seconds for s in found[c, "web"]) for c in plan.connections) / 2
        )
        steady = [
            await measured(plan, stack, Task("steady", stack.port, seconds=plan.seconds, rate=rate))
            for _ in range(plan.repeats)
        ]
    rows = []
    for at_once in plan.connections:
        pairs = list(zip(found[at_once, "bare"], found[at_once, "web"], strict=True))
        rows.append(
            [
                f"{at_once} at once",
                spread([bare.count / bare.seconds for bare, _ in pairs]),
                spread([1000 * each(bare, "bare") for bare, _ in pairs]),
                *accepted([web for _, web in pairs]),
                spread([100 * web.count / web.seconds / (bare.count / bare.seconds) for bare, web in pairs]),
            ]
        )
    rows.append([f"steady, {number(rate)}/s", "", "", *accepted(steady), ""])
    head = [
        "",
        "bare/s",
        "bare CPU µs",
        "accepted/s",
        "p50 ms",
        "p99 ms",
        "web CPU µs",
        "database CPU µs",
        "failed",
        "%",
    ]
    say(table(f"Accepting webhooks, {database}", head, rows))


def accepted(runs: list[Seen]) -> list[str]:
    """The columns of several runs of accepting."""
    return [
        spread([s.count / s.seconds for s in runs]),
        spread([ms(percentile(s.latencies, 0.5)) for s in runs]),
        spread([ms(percentile(s.latencies, 0.99)) for s in runs]),
        spread([1000 * each(s, "web") for s in runs]),
        spread([1000 * each(s, "postgres") for s in runs]),
        str(sum(s.failed for s in runs)),
    ]


async def measured(plan: Plan, stack: Stack, task: Task) -> Seen:
    """One run, and a note of how much others used the machine meanwhile."""
    seen = await stack.load(task)
    if seen.cpu and task.what != "pay":
        plan.others.append(seen.elsewhere)
    return seen


async def purchases(plan: Plan, database: str) -> None:
    """Whole purchases, from "hi" to the receipt; the lonely customer and the size of the processes on the way.

    A large crowd comes in step, and its first purchases take long: they are over before the measuring begins.
    """
    rows = []
    async with opened(database) as (stack, took):
        pids = stack.pids()
        idle = {name: usage.memory(pids[name]) for name in pids}
        lonely = [
            await measured(plan, stack, Task("lonely", stack.port, stack.ghala, seconds=plan.seconds))
            for _ in range(plan.repeats)
        ]
        busy: dict[str, float] = {}
        for delay in plan.delays:
            for crowd in plan.crowds:
                runs = []
                for _ in range(plan.repeats):
                    task = Task(
                        "buy", stack.port, stack.ghala, at_once=crowd, delay=delay,
                        seconds=plan.purchase_seconds + crowd / 32, warm=2.0 + crowd / 16,
                    )  # fmt: skip
                    seen = await measured(plan, stack, task)
                    runs.append(seen)
                    busy = {name: max(held, busy.get(name, 0.0)) for name, held in seen.memory.items()}
                rows.append([f"{ms(delay):.0f} ms, {crowd} customers", *bought(runs)])
    say(
        table(
            f"One lonely customer, {database}: from the webhook to the request at Ghala",
            ["median ms", "p99 ms", "messages"],
            [
                [
                    spread([ms(percentile(s.latencies, 0.5)) for s in lonely]),
                    spread([ms(percentile(s.latencies, 0.99)) for s in lonely]),
                    str(sum(s.count for s in lonely)),
                ]
            ],
        )
    )
    say(table(f"Whole purchases, {database}", ["Ghala, crowd", *PURCHASE], rows))
    head = ["", "start s", "idle MB", "under load MB"]
    sizes = [
        [name, number(took[key]) if (key := "worker 0" if name == "worker" else name) in took else "",
         number(idle[name]), number(busy.get(name, 0.0))]
        for name in idle
    ]  # fmt: skip
    say(table(f"Processes, {database}", head, sizes))


PURCHASE: Final = (
    "purchases/s",
    "median s",
    "CPU ms each",
    "web",
    "worker",
    "database",
    "valkey",
    "failed",
)


def bought(runs: list[Seen]) -> list[str]:
    """The columns of several runs of buying."""
    names = ("web", "worker", "postgres", "valkey")
    return [
        spread([s.count / s.seconds for s in runs]),
        spread([percentile(s.latencies, 0.5) for s in runs]),
        spread([sum(each(s, name) for name in names) for s in runs]),
        *(spread([each(s, name) for s in runs]) for name in names),
        str(sum(s.failed for s in runs)),
    ]


async def payments(plan: Plan, database: str) -> None:
    """Payment webhooks until they are booked and the receipt is queued, in shops of several sizes."""
    rows = []
    async with opened(database) as (stack, _):
        tables = Database(stack.environment["DATABASE_URL"])
        before = 0
        for size in plan.sizes:
            await asyncio.to_thread(seed.past, tables, size, before)
            before = size
            rates, middles, worsts, cost = [], [], [], []
            for repeat in range(plan.repeats):
                first = size * 10 + repeat * plan.payments
                charges = await asyncio.to_thread(seed.prompted, tables, plan.payments, first)
                task = Task("pay", stack.port, stack.ghala, at_once=16, charges=charges)
                seen = await measured(plan, stack, task)
                waits, seconds = await asyncio.to_thread(booked, tables, plan.payments)
                rates.append(len(waits) / seconds)
                middles.append(ms(percentile(waits, 0.5)))
                worsts.append(ms(percentile(waits, 0.99)))
                cost.append(sum(each(seen, name) for name in ("web", "worker", "postgres", "valkey")))
            rows.append([f"{size:,}", spread(rates), spread(middles), spread(worsts), spread(cost)])
        tables.close()
    head = ["orders in the shop", "receipts/s", "median ms", "p99 ms", "CPU ms each"]
    say(table(f"Payment webhooks until booked and the receipt is queued, {database}", head, rows))


def booked(tables: Database, most: int) -> tuple[list[float], float]:
    """How long each of the last payments took from its webhook to its receipt's row, and all of them together."""
    with tables.reading() as session:
        began = session.scalars(
            select(InboxEvent.received_at)
            .where(InboxEvent.kind == "payment")
            .order_by(InboxEvent.id.desc())
            .limit(most)
        ).all()
        done = session.scalars(
            select(OutboxMessage.created_at)
            .where(OutboxMessage.kind == "receipt", OutboxMessage.created_at >= min(began))
            .order_by(OutboxMessage.id)
        ).all()
    # In the order in which they came and went: exact but for those that overtook each other.
    waits = [(end - start).total_seconds() for start, end in zip(sorted(began), sorted(done), strict=False)]
    return waits, (max(done) - min(began)).total_seconds()


async def workers(plan: Plan, database: str) -> None:
    """Whole purchases with one worker process and with several; on SQLite they would wait for one lock."""
    if database == "sqlite" or not plan.workers:
        return
    rows = []
    for delay in plan.delays:
        for many in plan.workers:
            async with opened(database, workers=many) as (stack, _):
                crowd = max(plan.crowds)
                task = Task(
                    "buy", stack.port, stack.ghala, at_once=crowd, delay=delay,
                    seconds=plan.purchase_seconds + crowd / 32, warm=2.0 + crowd / 16,
                )  # fmt: skip
                runs = [await measured(plan, stack, task) for _ in range(plan.repeats)]
                rows.append([f"{ms(delay):.0f} ms, {crowd} customers, {many}", *bought(runs)])
    head = ["Ghala, crowd, workers", *PURCHASE]
    say(table(f"Worker processes, {database}", head, rows))


async def inside_one(plan: Plan, database: str) -> None:
    """What a purchase costs in one process, without HTTP and without load; one customer at a time, and several."""
    rows = []
    async with opened(database, workers=0) as (stack, _):
        shop = inside.Inside(stack.environment["DATABASE_URL"], stack.environment["REDIS_URL"])
        first = 254_800_000_000
        for at_once in plan.together:
            costs = []
            for _ in range(plan.repeats):
                costs.append(await asyncio.to_thread(inside.measured, shop, plan.alone, first, at_once))
                first += 10_000
            rows.append(
                [
                    str(at_once),
                    spread([ms(cost.cpu) for cost in costs]),
                    spread([cost.statements for cost in costs]),
                    spread([cost.transactions for cost in costs]),
                ]
            )
        shop.database.close()
    head = ["customers at once", "CPU ms each", "statements", "transactions"]
    say(table(f"A purchase inside one process, {database}", head, rows))


PARTS: Final[dict[str, Callable[[Plan, str], Awaitable[None]]]] = {
    "accept": accept,
    "inside": inside_one,
    "purchases": purchases,
    "payments": payments,
    "workers": workers,
}


async def everything(plan: Plan, parts: list[str]) -> None:
    """Each part on each database."""
    task = asyncio.current_task()
    assert task is not None
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, task.cancel)
    for part in parts:
        for database in plan.databases:
            await PARTS[part](plan, database)


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    pages = importlib.util.find_spec("benchmarks.pages") is not None
    known = [*PARTS, *(["pages"] if pages else [])]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="once each and shortly; says less")
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    told = parser.parse_args()
    if unknown := set(told.parts) - set(known):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    plan = QUICK if told.quick else Plan()
    if told.database:
        plan.databases = (told.database,)
    parts = told.parts or (list(PARTS) if told.quick else known)
    began = time.monotonic()
    say(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}. Figures of several runs"
    )
    say("are medians, with the lowest and the highest in brackets. Server and load share the machine.")
    try:
        asyncio.run(everything(plan, [part for part in parts if part != "pages"]))
    except asyncio.CancelledError:
        say("Stopped.")
        return 130
    if "pages" in parts:
        sys.argv = ["benchmarks.pages"]
        importlib.import_module("benchmarks.pages").main()
    if plan.others:
        share = [100 * other for other in plan.others]
        say(
            f"\nOther programs used {spread(share)} % of the machine meanwhile: above a few, times say little."
        )
    say(f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
