"""Two web servers and two workers on PostgreSQL and Valkey, all busy: nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from chaos.ghala import Shown
from chaos.invariants import _order
from chaos.run import settle
from chaos.stack import Stack

CUSTOMERS = 60
HURRIED = 20
AT_ONCE = 24


async def busy() -> tuple[list[str], Stack]:
    """Let everybody buy, many at once; what is broken afterwards."""
    stack = Stack("postgres", webs=2)
    try:
        await stack.open()
        load = stack.load
        wanted = [load.buy] * CUSTOMERS + [load.hurry] * HURRIED
        load.chance.shuffle(wanted)
        turns = iter(wanted)

        async def some() -> None:
            for buy in turns:
                await buy(load.new_number())

        async with asyncio.timeout(60):
            await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        broken = await settle(stack)
        with stack.engine.connect() as connection:
            workers = connection.scalar(text("SELECT count(*) FROM worker_heartbeats"))
        if workers != len(stack.workers):
            broken.append(f"{workers} workers have reported")
        return [*broken, stack.logs()] if broken else [], stack
    finally:
        await stack.close()


@pytest.mark.e2e
def test_two_of_each_keep_every_promise_under_load() -> None:
    broken, stack = asyncio.run(busy())
    assert broken == []
    ledger = stack.load.ledger
    assert ledger.ends["bought"] + ledger.ends["sold out"] == CUSTOMERS + HURRIED
    assert ledger.ends["bought"] >= HURRIED
    assert {post.status for post in ledger.posts} == {200}
    assert Counter(process.starts for process in stack.shop) == {1: 4}


@pytest.mark.parametrize(
    ("seen", "broken"), [(["a", "b"], 0), (["b", "a"], 1), (["a"], 1), (["a", "b", "b"], 1)]
)
def test_what_a_customer_saw_out_of_order_is_told(seen: list[str], broken: int) -> None:
    sent = [SimpleNamespace(identity="1", provider_id=name) for name in ("a", "b")]
    phone = SimpleNamespace(shown=[Shown(name, "", 0.0) for name in seen])
    load: Any = SimpleNamespace(ghala=SimpleNamespace(phones={"1": phone}))
    assert len(list(_order(lambda asked: sent if "outbox" in asked else [], load))) == broken
