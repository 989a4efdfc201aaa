"""Running nemeses against one stack and measuring how the shop gets up again."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from chaos.invariants import unfinished, violations
from chaos.load import SLOW, Exchange, Ledger
from chaos.nemeses import NEMESES, Broken, Nemesis, NotHere
from chaos.stack import Stack

PER_SECOND: Final = 3.4
"""Customers a second, each about six signed webhooks: twenty webhooks a second."""
BEFORE: Final = 2.0
AFTER: Final = 4.0
"""Seconds of load before a nemesis and after it."""
SETTLES_IN: Final = 60.0
FINE: Final = frozenset({0, 200, 503})
"""What a webhook may be answered in trouble; 0 is no answer at all, which the sender meets by trying again."""


@dataclass(frozen=True, slots=True)
class Measured:
    """How the shop took it.

    ``back`` is seconds from the end of the harm until whatever was written was answered within ``SLOW`` seconds
    again; ``drained`` until everything written before was answered, prompts and receipts included; ``meanwhile`` the 95th percentile of seconds
    to an answer for what was written during the harm. ``p95`` and ``slowest`` are milliseconds to the
    acknowledgement of a webhook, ``refused`` counts the answers other than 200, ``silent`` is the longest time in
    seconds, during the harm or after it, in which no webhook was taken.
    """

    back: float
    drained: float
    meanwhile: float
    p95: float
    slowest: float
    refused: dict[int, int]
    silent: float


@dataclass(frozen=True, slots=True)
class Row:
    """What one nemesis did: a line of the table."""

    nemesis: Nemesis
    database: str
    note: str
    messages: int
    measured: Measured
    violations: tuple[str, ...]
    skipped: str = ""


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; 0 of nothing."""
    return sorted(values)[int(len(values) * 0.95)] if values else 0.0


def measure(
    ledger: Ledger, exchanges: Sequence[Exchange], first_post: int, began: float, over: float
) -> Measured:
    """See ``Measured``; ``began`` and ``over`` are when the harm did."""
    slow = [e.posted for e in exchanges if e.answered and e.answered - e.posted > SLOW and e.posted > over]
    back = max(slow, default=over) - over
    drained = max((e.answered for e in exchanges if e.answered and e.posted <= over), default=over) - over
    posts = ledger.posts[first_post:]
    taken = sorted(post.seconds * 1000 for post in posts if post.status == 200)  # noqa: PLR2004
    refused = Counter(post.status for post in posts if post.status != 200)  # noqa: PLR2004
    acks = sorted(post.at + post.seconds for post in posts if post.status == 200)  # noqa: PLR2004
    silent = max((later - earlier for earlier, later in itertools.pairwise(acks)), default=0.0)
    meanwhile = [e.answered - e.posted for e in exchanges if e.answered and began <= e.posted <= over]
    return Measured(
        back, max(drained, 0.0), p95(meanwhile), p95(taken), max(taken, default=0.0), dict(refused), silent
    )


async def settle(stack: Stack) -> list[str]:
    """Wait until nothing waits any more, then say what is broken."""
    await stack.load.everybody_done()
    until = time.monotonic() + SETTLES_IN
    while time.monotonic() < until:
        try:
            if await asyncio.to_thread(unfinished, stack.engine) == 0:
                break
        except SQLAlchemyError:
            pass
        await asyncio.sleep(0.25)
    return await asyncio.to_thread(violations, stack.engine, stack.load)


async def face(
    stack: Stack, nemesis: Nemesis, scale: float = 1.0, before: float = BEFORE, after: float = AFTER
) -> Row:
    """Let one nemesis loose under load and see what is left."""
    ledger = stack.load.ledger
    first_exchange, first_wait, first_post = len(ledger.exchanges), len(ledger.waits), len(ledger.posts)
    stack.load.begin(PER_SECOND)
    await asyncio.sleep(before)
    broken, skipped, note = [], "", ""
    began = time.monotonic()
    try:
        note = await nemesis.strike(stack, scale)
    except Broken as promise:
        broken.append(str(promise))
    except NotHere as reason:
        skipped = str(reason)
    over = time.monotonic()
    await asyncio.sleep(after)
    await stack.load.cease()
    broken += await settle(stack)
    exchanges = ledger.exchanges[first_exchange:]
    measured = measure(ledger, exchanges + ledger.waits[first_wait:], first_post, began, over)
    broken += [
        f"{n} webhooks were answered {status}" for status, n in measured.refused.items() if status not in FINE
    ]
    ledger.stuck.clear()
    ledger.ends["could not pay"] = 0
    return Row(nemesis, stack.database, note, len(exchanges), measured, tuple(broken), skipped)


async def short(database: str, names: Sequence[str], scale: float, per_second: float) -> list[str]:
    """Several nemeses under one load, one settling: what is broken afterwards, and who was up to it."""
    stack = Stack(database)
    try:
        await stack.open()
        stack.load.begin(per_second)
        await asyncio.sleep(1.0)
        broken = []
        for nemesis in NEMESES:
            if nemesis.name in names:
                try:
                    await nemesis.strike(stack, scale)
                except Broken as promise:
                    broken.append(f"{nemesis.name}: {promise}")
                await asyncio.sleep(0.5)
        await stack.load.cease()
        broken += await settle(stack)
        answers = Counter(post.status for post in stack.load.ledger.posts)
        broken += [
            f"{n} webhooks were answered {status}" for status, n in answers.items() if status not in FINE
        ]
        if not stack.load.ledger.ends["bought"]:
            broken.append("nobody bought anything")
        if broken:
            broken.append(stack.logs())
        return broken
    finally:
        await stack.close()


async def run(
    database: str, nemeses: Sequence[Nemesis], seed: int, scale: float, say: Callable[[str], None]
) -> list[Row]:
    """Open a stack, let the nemeses loose one after the other, close it."""
    rows = []
    stack = Stack(database, seed)
    try:
        await stack.open()
        for nemesis in nemeses:
            began = time.monotonic()
            say(f"{database}: {nemesis.action} ...")
            rows.append(row := await face(stack, nemesis, scale))
            say(f"{line(row)}   ({time.monotonic() - began:.0f} s)")
            if row.violations:
                say(stack.logs())
    finally:
        await stack.close()
    return rows


HEAD: Final = (
    "| On | Action | Expected | Back (s) | Drained (s) | Answers meanwhile, p95 (s)"
    " | Webhooks, p95 / slowest (ms) | Not 200 | Violations |\n"
    "|---|---|---|--:|--:|--:|--:|---|---|"
)


def line(row: Row) -> str:
    """One line of the table."""
    action = row.nemesis.action + (f" ({row.note})" if row.note else "")
    start = f"| {row.database} | {action} | {row.nemesis.expected} |"
    if row.skipped:
        return f"{start} - | - | - | - | - | not done: {row.skipped} |"
    took = row.measured
    refused = ", ".join(f"{n} x {status or 'no answer'}" for status, n in sorted(took.refused.items())) or "-"
    if took.silent > SLOW:
        refused += f", none taken for {took.silent:.1f} s"
    said = "; ".join(row.violations) or "0"
    return (
        f"{start} {took.back:.1f} | {took.drained:.1f} | {took.meanwhile:.1f}"
        f" | {took.p95:.0f} / {took.slowest:.0f} | {refused} | {said} |"
    )
