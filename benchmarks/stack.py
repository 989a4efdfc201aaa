"""The shop as it is deployed: web and worker as processes, on a Valkey and a database that keep what they are told."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks import usage
from benchmarks.load import SECRET, Seen, Task
from chaos.processes import Process, python
from chaos.services import Postgres, free_port, valkey

ROOT: Final = Path(__file__).resolve().parents[1]
DATABASES: Final = ("sqlite", "postgres")
LONGEST: Final = 120.0
"""Seconds one run of the load may take."""
QUIET: Final = 30.0
"""Seconds a worker has to finish what a run left."""


class Stack:
    """A fresh shop on a fresh database.

    Args:
        database: ``sqlite`` or ``postgres``.
        workers: how many worker processes.
        settings: variables of the shop that differ from the usual.
    """

    def __init__(self, database: str, workers: int = 1, settings: dict[str, str] | None = None) -> None:
        self.database = database
        self.folder = Path(tempfile.mkdtemp(prefix="duka-bench-"))
        self.port, self.ghala = free_port(), free_port()
        redis_port = free_port()
        self.valkey = valkey(self.folder, redis_port)
        self.valkey.command += ["--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(self.folder)]
        self.postgres = Postgres(free_port()) if database == "postgres" else None
        if self.postgres is not None:
            # PostgreSQL's own defaults, said aloud: what is answered is on the disk.
            for setting in (
                "fsync=on",
                "synchronous_commit=on",
                "full_page_writes=on",
                "shared_buffers=128MB",
            ):
                self.postgres.process.command += ["-c", setting]
        url = self.postgres.url if self.postgres else f"sqlite:///{self.folder / 'duka.db'}"
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "DUKA_ENV": "development",
            "DATABASE_URL": url,
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "GHALA_API_URL": f"http://127.0.0.1:{self.ghala}/v1",
            "GHALA_API_KEY": "ghl_bench_key",
            "GHALA_WEBHOOK_SECRET": SECRET,
            "ADMIN_PASSWORD": "a-password-for-figures",
            # WhatsApp's limits are not what is measured.
            "GHALA_MESSAGES_PER_SECOND": "0",
            "GHALA_PAIR_SECONDS": "0",
            **(settings or {}),
        }
        gunicorn = python("gunicorn", "-c", str(ROOT / "gunicorn.conf.py"))
        self.web = self._process("web", [*gunicorn, "wsgi:app"], "Booting worker")
        self.workers = [
            self._process(f"worker {number}", python("flask", "--app", "wsgi", "worker"), "worker_started")
            for number in range(workers)
        ]
        self.bare_port = free_port()
        bare = [*gunicorn, "--bind", f"127.0.0.1:{self.bare_port}", "benchmarks.bare:app"]
        self.bare = self._process("bare", bare, "Booting worker")
        self._next = 1

    def _process(self, name: str, command: list[str], ready: str) -> Process:
        return Process(name, command, self.environment, self.folder, ready=ready)

    async def open(self) -> dict[str, float]:
        """Start everything; seconds each process of the shop took.

        Raises:
            RuntimeError: something does not come up.
        """
        await self.valkey.start()
        if self.postgres is not None:
            await self.postgres.process.start()
        told = await asyncio.to_thread(
            subprocess.run,
            python("flask", "--app", "wsgi", "release"),
            env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode:
            raise RuntimeError(told.stdout + told.stderr)
        took = {}
        for process in (self.web, *self.workers):
            began = time.perf_counter()
            await process.start()
            if process is self.web:
                await self._answers()
            took[process.name] = time.perf_counter() - began
        return took

    async def _answers(self) -> None:
        """Wait until the web process takes connections, which is a moment after it says so."""
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            return

    async def close(self) -> None:
        """Stop everything by its process id and remove what it left."""
        for process in (self.web, self.bare, *self.workers, self.valkey):
            await process.end()
        if self.postgres is not None:
            await self.postgres.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pids(self) -> dict[str, list[int]]:
        """Every process under load, by what it is."""
        found = {"web": usage.family(self.web.pid), "valkey": [self.valkey.pid]}
        if self.bare.pid:
            found["bare"] = usage.family(self.bare.pid)
        if any(worker.pid for worker in self.workers):
            found["worker"] = [
                pid for worker in self.workers if worker.pid for pid in usage.family(worker.pid)
            ]
        if self.postgres is not None:
            found["postgres"] = usage.family(self.postgres.process.pid)
        return found

    async def load(self, task: Task) -> Seen:
        """One run of the load, in its own process.

        Raises:
            RuntimeError: it failed.
        """
        task.first, task.pids = self._next, self.pids()
        process = await asyncio.create_subprocess_exec(
            *python("benchmarks.load"), cwd=ROOT,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(LONGEST):
                out, trouble = await process.communicate(json.dumps(asdict(task)).encode() + b"\n")
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            raise
        if process.returncode:
            raise RuntimeError(trouble.decode())
        if trouble:
            print(trouble.decode()[:2000])
        seen = Seen(**json.loads(out))
        self._next = seen.next
        return seen

    def restless(self) -> Sequence[Process]:
        """Processes that died and were started again: figures of such a run are worth nothing."""
        return [process for process in (self.web, self.bare, *self.workers) if process.starts > 1]


@asynccontextmanager
async def opened(
    database: str, workers: int = 1, settings: dict[str, str] | None = None
) -> AsyncIterator[tuple[Stack, dict[str, float]]]:
    """A stack that is up, and the seconds each process took to start; closed again whatever happens."""
    stack = Stack(database, workers, settings)
    try:
        yield stack, await stack.open()
        if restless := stack.restless():
            print("Died during the run:", *(process.name for process in restless))
    finally:
        await stack.close()
