"""The whole shop on what large installations have: Redis Cluster, Sentinel with a failover, PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import new_postgres
from tests.e2e.stack import Phone, Stack
from tests.integration.db.pooler import pooler
from tests.redises import cluster, watched

pytestmark = pytest.mark.e2e


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def start(opened: ExitStack, folder: Path, database: str, redis_url: str, **settings: str) -> Stack:
    stack = Stack(folder, database, redis_url, **settings)
    opened.callback(stack.close)
    return stack.open()


def buy(stack: Stack, number: str) -> None:
    """From the first word to the receipt."""
    phone = Phone(stack, number)
    phone.orders()
    phone.says("mpesa").sees("Check your phone")
    phone.answers_prompt()
    phone.sees("RECEIPT ·")


def test_a_purchase_goes_through_redis_cluster(opened: ExitStack, tmp_path: Path) -> None:
    url, *_ = opened.enter_context(cluster(tmp_path))
    stack = start(opened, tmp_path, f"sqlite:///{tmp_path / 'duka.db'}", url)
    buy(stack, "254712000001")
    assert stack.admin("/readyz").json()["parts"]["redis"]["status"] == "ok"
    assert "redis_unreachable" not in stack.logs()


def test_purchases_go_through_sentinel_also_after_the_primary_has_died(
    opened: ExitStack, tmp_path: Path
) -> None:
    url, servers, (primary, _) = opened.enter_context(watched(tmp_path))
    stack = start(opened, tmp_path, f"sqlite:///{tmp_path / 'duka.db'}", url)
    buy(stack, "254712000002")
    servers.kill(primary)
    buy(stack, "254712000003")


def test_a_purchase_goes_through_pgbouncer(
    opened: ExitStack, tmp_path: Path, postgres_server: Any, redis_url: str
) -> None:
    database = opened.enter_context(pooler(new_postgres(postgres_server), postgres_server.system_user))
    stack = start(opened, tmp_path, database, redis_url, DATABASE_POOLED="on")
    for number in range(3):
        buy(stack, f"25471200001{number}")
    assert "database_failed" not in stack.logs()
