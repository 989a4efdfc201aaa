"""What is done to the shop, one at a time. A nemesis returns when it has stopped doing harm.

Each says what is expected (the table of docs/chaos.md); what it returns is shown beside the measurement.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import redis

from chaos.load import Crowd
from chaos.processes import GRACE, Process, children, send
from chaos.stack import ROOT, Stack

BOTH: Final = ("postgres", "sqlite")
POSTGRES: Final = ("postgres",)
SQLITE: Final = ("sqlite",)


class NotHere(Exception):
    """This machine has not what a nemesis needs; the message says what."""


class Broken(Exception):
    """A promise was broken while the nemesis was at work."""


BACKLOG: Final = 1_000
BACKLOG_PATIENCE: Final = 300.0
"""Messages that wait when workers start, and the seconds in which all must be answered."""

NEXT_MASTER: Final = 10.0
"""Seconds from the death of gunicorn's master until another has the port."""

Strike = Callable[[Stack, float], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Nemesis:
    """One way to do harm.

    ``scale`` given to ``strike`` is 1 in the full run; the short one does less. ``databases`` names where the full
    run does it.
    """

    name: str
    action: str
    expected: str
    databases: tuple[str, ...]
    strike: Strike


async def calm(stack: Stack, scale: float) -> str:
    """Nothing happens: what the other rows are to be compared with."""
    del stack
    await asyncio.sleep(8.0 * scale)
    return ""


async def kill_workers(stack: Stack, scale: float) -> str:
    """Kill one worker after the other in the middle of its work."""
    times = max(2, round(8 * scale))
    for number in range(times):
        worker = stack.workers[number % len(stack.workers)]
        await worker.until_up()
        worker.kill()
        await asyncio.sleep(1.5)
    return f"{times} kills"


async def kill_web_children(stack: Stack, scale: float) -> str:
    """Kill the processes that answer webhooks; gunicorn's master replaces them."""
    times = max(2, round(5 * scale))
    for _ in range(times):
        for pid in children(stack.web.pid)[:1]:
            send(pid, signal.SIGKILL)
        await asyncio.sleep(3.0)
    return f"{times} kills"


async def kill_web_master(stack: Stack, scale: float) -> str:
    """Kill gunicorn's master: its children notice, the supervisor starts another.

    Raises:
        Broken: the next one did not get the port in time.
    """
    times, slowest = max(1, round(2 * scale)), 0.0
    for _ in range(times):
        killed = time.monotonic()
        stack.web.kill()
        await asyncio.sleep(1.0)  # until the supervisor has seen it
        await stack.web.until_up()
        slowest = max(slowest, time.monotonic() - killed)
    if slowest > NEXT_MASTER:
        raise Broken(f"the next master served after {slowest:.1f} s")
    return f"{times} kills, the next serves after {slowest:.1f} s at most"


async def freeze_worker(stack: Stack, scale: float) -> str:
    """Stop a worker for longer than its leases last, then let it go on: it must not write."""
    seconds = 40.0 * scale
    stack.workers[0].freeze()
    await asyncio.sleep(seconds)
    stack.workers[0].thaw()
    return f"{seconds:.0f} s"


async def kill_redis(stack: Stack, scale: float) -> str:
    """Kill Redis, which kept nothing on disk."""
    del scale
    stack.valkey.kill()
    await asyncio.sleep(0.2)
    await stack.valkey.until_up()
    return ""


async def flush_redis(stack: Stack, scale: float) -> str:
    """Empty Redis, again and again."""
    times = max(2, round(10 * scale))
    with redis.Redis(port=stack.redis_port) as client:
        for _ in range(times):
            await asyncio.to_thread(client.flushall)
            await asyncio.sleep(0.5)
    return f"{times} times"


async def redis_down(stack: Stack, scale: float) -> str:
    """No Redis at all for a while."""
    seconds = 30.0 * scale
    await stack.valkey.stop(signal.SIGKILL)
    await asyncio.sleep(seconds)
    await stack.valkey.start()
    return f"{seconds:.0f} s"


async def freeze_redis(stack: Stack, scale: float) -> str:
    """A Redis that takes connections and never answers."""
    seconds = 12.0 * scale
    stack.valkey.freeze()
    await asyncio.sleep(seconds)
    stack.valkey.thaw()
    return f"{seconds:.0f} s"


async def fill_redis(stack: Stack, scale: float) -> str:
    """A Redis that refuses every write for want of memory."""
    seconds = 8.0 * scale
    with redis.Redis(port=stack.redis_port) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        await asyncio.sleep(seconds)
        client.config_set("maxmemory", "0")
    return f"{seconds:.0f} s"


async def demote_redis(stack: Stack, scale: float) -> str:
    """A Redis that a failover made a replica: it may be read only."""
    seconds = 8.0 * scale
    with redis.Redis(port=stack.redis_port) as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")
        await asyncio.sleep(seconds)
        client.execute_command("REPLICAOF", "NO", "ONE")
    return f"{seconds:.0f} s"


def _postgres(stack: Stack) -> Process:
    assert stack.postgres is not None  # noqa: S101 - the table says on which database
    return stack.postgres.process


def _connect(stack: Stack) -> psycopg.Connection[Any]:
    return psycopg.connect(stack.database_url.replace("+psycopg", ""), autocommit=True, connect_timeout=5)


async def kill_postgres(stack: Stack, scale: float) -> str:
    """Kill the database's first process: the others go with it, and recovery replays the log."""
    del scale
    _postgres(stack).kill()
    await asyncio.sleep(0.2)
    await _postgres(stack).until_up()
    return ""


async def terminate_backends(stack: Stack, scale: float) -> str:
    """End every connection to the database, again and again."""
    times = max(2, round(8 * scale))

    def cut() -> None:
        with _connect(stack) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    for _ in range(times):
        await asyncio.to_thread(cut)
        await asyncio.sleep(0.7)
    return f"{times} times"


async def exhaust_connections(stack: Stack, scale: float) -> str:
    """Take every connection the database has, ending the shop's own."""
    seconds = 8.0 * scale
    held: list[psycopg.Connection[Any]] = []

    def grab() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.append(_connect(stack))

    def take() -> None:
        grab()
        mine = [connection.info.backend_pid for connection in held]
        held[0].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE NOT pid = ANY(%s) AND backend_type = 'client backend'",
            [mine],
        )
        grab()

    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            await asyncio.to_thread(take)
            await asyncio.sleep(0.5)
    finally:
        for connection in held:
            connection.close()
    return f"{len(held)} held for {seconds:.0f} s"


async def freeze_postgres(stack: Stack, scale: float) -> str:
    """A database that stands still with every connection open."""
    seconds = 5.0 * max(scale, 0.6)
    _postgres(stack).freeze()
    await asyncio.sleep(seconds)
    _postgres(stack).thaw()
    return f"{seconds:.0f} s"


async def lock_sqlite(stack: Stack, scale: float) -> str:
    """Somebody else holds SQLite's write lock, longer than anybody may wait for it."""
    seconds = 10.0 * max(scale, 0.7)
    connection = sqlite3.connect(stack.sqlite_file, isolation_level=None, timeout=30)
    try:
        connection.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(seconds)
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    return f"{seconds:.0f} s"


async def fill_disk(stack: Stack, scale: float) -> str:
    """No room for another byte where the database lies.

    Where we may mount, the disk is a small tmpfs and filled; elsewhere the processes are forbidden to grow files.
    """
    seconds = 10.0 * scale
    if stack.small_disk:
        ballast = stack.sqlite_file.with_name("ballast")
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        until = time.monotonic() + seconds
        while time.monotonic() < until:  # what a checkpoint frees is taken, too
            await asyncio.sleep(0.1)
            with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(4096))
        ballast.unlink()
        return f"tmpfs full for {seconds:.0f} s"
    if not hasattr(resource, "prlimit"):
        raise NotHere("neither may we mount nor has this system prlimit")
    limited = [pid for process in stack.shop for pid in process.family()]
    for pid in limited:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    await asyncio.sleep(seconds)
    for pid in limited:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return f"no file may grow for {seconds:.0f} s"


def ghala(mode: str, seconds: float) -> Strike:
    """Ghala answers everything this way for a while."""

    async def strike(stack: Stack, scale: float) -> str:
        await stack.load.ghala.behave(mode)
        await asyncio.sleep(seconds * scale)
        await stack.load.ghala.behave("well")
        return f"{seconds * scale:.0f} s"

    return strike


async def lose_callbacks(stack: Stack, scale: float) -> str:
    """Every payment callback is lost: only asking brings the news."""
    seconds = 10.0 * scale
    stack.load.callbacks_lost = True
    await asyncio.sleep(seconds)
    stack.load.callbacks_lost = False
    return f"{seconds:.0f} s"


async def skew_clocks(stack: Stack, scale: float) -> str:
    """One worker lives ten minutes ahead, the other ten minutes behind."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise NotHere("no C compiler to build the wrong clock with")
    library = stack.folder / "clock.so"
    source = str(ROOT / "chaos" / "clock.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), source]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    before = [dict(worker.environment) for worker in stack.workers]
    for worker, offset in zip(stack.workers, (600, -600), strict=True):
        await worker.stop()
        worker.environment |= {"LD_PRELOAD": str(library), "CHAOS_CLOCK_SECONDS": str(offset)}
        await worker.start()
    await asyncio.sleep(15.0 * scale)
    for worker, environment in zip(stack.workers, before, strict=True):
        await worker.stop()
        worker.environment = environment
        await worker.start()
    return "+10 min and -10 min"


async def deploy(stack: Stack, scale: float) -> str:
    """Restart everything by SIGTERM, one process after the other, as a deploy does.

    Raises:
        Broken: a process does not end cleanly in time, or a webhook was answered with an error.
    """
    times = max(1, round(5 * scale))
    began, slowest = len(stack.load.ledger.posts), 0.0
    for _ in range(times):
        for process in (stack.web, *stack.workers):
            code, took = await process.stop()
            await process.start()
            slowest = max(slowest, took)
            if code != 0 or took > GRACE:
                raise Broken(f"{process.name} ended with {code} after {took:.1f} s")
    answers = {post.status for post in stack.load.ledger.posts[began:]}
    if answers - {0, 200}:
        raise Broken(f"answers during the deploy: {sorted(answers)}")
    return f"{times * len(stack.shop)} restarts, slowest end {slowest:.1f} s"


async def pile_up(stack: Stack, scale: float) -> str:
    """No worker while many write; then the workers start and find it all.

    Raises:
        Broken: somebody was not answered within ``BACKLOG_PATIENCE``.
    """
    many = round(BACKLOG * scale)
    for worker in stack.workers:
        await worker.stop()
    crowd = Crowd(stack.load, many)
    await crowd.all_written()
    began = time.monotonic()
    await asyncio.gather(*(worker.start() for worker in stack.workers))
    up = time.monotonic()
    if silent := await crowd.all_answered(BACKLOG_PATIENCE):
        raise Broken(f"{silent} of {many} were not answered in {BACKLOG_PATIENCE:.0f} s")
    over = time.monotonic()
    return f"{many} waited, drained in {over - began:.0f} s, {up - began:.0f} of them to start"


NEMESES: Final = (
    Nemesis("calm", "nothing", "answers within 2 s", BOTH, calm),
    Nemesis("kill-worker", "kill -9 worker", "drained in 35 s, nothing twice", BOTH, kill_workers),
    Nemesis("kill-web-child", "kill -9 gunicorn child", "back in 2 s", POSTGRES, kill_web_children),
    Nemesis("kill-web-master", "kill -9 gunicorn master", "back in 10 s", BOTH, kill_web_master),
    Nemesis("freeze-worker", "SIGSTOP worker, SIGCONT", "drained in 35 s, fenced", POSTGRES, freeze_worker),
    Nemesis("kill-redis", "kill -9 Redis", "back in 2 s", BOTH, kill_redis),
    Nemesis("flush-redis", "FLUSHALL", "back in 2 s", POSTGRES, flush_redis),
    Nemesis("redis-down", "Redis down", "webhooks in 200 ms, back in 2 s", POSTGRES, redis_down),
    Nemesis("freeze-redis", "SIGSTOP Redis", "webhooks in 200 ms, back in 2 s", POSTGRES, freeze_redis),
    Nemesis("fill-redis", "Redis out of memory", "webhooks in 200 ms, back in 2 s", POSTGRES, fill_redis),
    Nemesis(
        "demote-redis", "Redis a read-only replica", "webhooks in 200 ms, back in 2 s", POSTGRES, demote_redis
    ),
    Nemesis("kill-postgres", "kill -9 PostgreSQL", "503, back in 10 s", POSTGRES, kill_postgres),
    Nemesis(
        "terminate-backends", "pg_terminate_backend", "503 at most, back in 5 s", POSTGRES, terminate_backends
    ),
    Nemesis("exhaust-connections", "max_connections hit", "503, back in 5 s", POSTGRES, exhaust_connections),
    Nemesis("freeze-postgres", "SIGSTOP PostgreSQL", "503 at most, back in 5 s", POSTGRES, freeze_postgres),
    Nemesis("lock-sqlite", "SQLite write lock held", "503 after 5 s, back at once", SQLITE, lock_sqlite),
    Nemesis("fill-disk", "disk full", "503, back in 5 s", SQLITE, fill_disk),
    Nemesis("ghala-500", "Ghala answers 500", "webhooks go on", POSTGRES, ghala("error500", 8)),
    Nemesis("ghala-429", "Ghala answers 429", "webhooks go on", POSTGRES, ghala("error429", 8)),
    Nemesis("ghala-hangs", "Ghala hangs", "webhooks go on", POSTGRES, ghala("hang", 15)),
    Nemesis("ghala-garbage", "Ghala answers garbage", "webhooks go on", POSTGRES, ghala("garbage", 8)),
    Nemesis("ghala-refuses", "Ghala refuses connections", "back in 30 s", POSTGRES, ghala("refused", 8)),
    Nemesis("lose-callbacks", "payment callbacks lost", "paid within 3 min", POSTGRES, lose_callbacks),
    Nemesis("skew-clocks", "workers' clocks 10 min off", "leases right", POSTGRES, skew_clocks),
    Nemesis("deploy", "SIGTERM rolling restart", "no answer but 200, each end in 30 s", POSTGRES, deploy),
    Nemesis("pile-up", "workers start with a backlog", "1,000 drained in 5 min", BOTH, pile_up),
)
