"""The shop as it is deployed, with everything beneath and around it, each part a process that may be broken."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from chaos.ghala import API_KEY
from chaos.load import SECRET, Load
from chaos.processes import Process, python
from chaos.services import Postgres, free_port, valkey

ROOT: Final = Path(__file__).resolve().parents[1]
WORKERS: Final = 2
DISK_MEGABYTES: Final = 64


def mount(folder: Path) -> bool:
    """Give a folder a small disk of its own; says whether that was possible: only root may, and not everywhere."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603


def unmount(folder: Path) -> None:
    """Take the small disk away again."""
    subprocess.run(["umount", str(folder)], check=False)  # noqa: S603, S607


class Stack:
    """Web, two workers, Valkey, a database and Ghala.

    Args:
        database: ``postgres`` or ``sqlite``.
        seed: of the load.
        webs: how many web servers, each of two processes on PostgreSQL; the load goes to them in turn.
    """

    def __init__(self, database: str, seed: int = 1, webs: int = 1) -> None:
        self.database = database
        self.folder = Path(tempfile.mkdtemp(prefix="duka-chaos-"))
        self.redis_port = free_port()
        self.valkey = valkey(self.folder, self.redis_port)
        self.postgres = Postgres(free_port()) if database == "postgres" else None
        self.small_disk = False
        self.sqlite_file = self.folder / "data" / "duka.db"
        ports = [free_port() for _ in range(webs)]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.load = Load(urls, free_port(), seed)
        self.database_url = self.postgres.url if self.postgres else f"sqlite:///{self.sqlite_file}"
        self.engine = create_engine(self.database_url, poolclass=NullPool)
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "DUKA_ENV": "development",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "PUBLIC_URL": urls[0],
            "GHALA_API_URL": self.load.ghala.url,
            "GHALA_API_KEY": API_KEY,
            "GHALA_WEBHOOK_SECRET": SECRET,
            "ADMIN_PASSWORD": "a-password-under-fire",
            "CATALOG_FILE": str(ROOT / "chaos" / "catalogue.yaml"),
            "WEB_CONCURRENCY": "2",
        }
        self.webs = [self._web(number, port) for number, port in enumerate(ports)]
        self.workers = [self._worker(number) for number in range(WORKERS)]

    def _web(self, number: int, port: int) -> Process:
        command = python("gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app")
        environment = {**self.environment, "PORT": str(port)}
        return Process(f"web {number}", command, environment, self.folder, ready="Booting worker")

    def _worker(self, number: int) -> Process:
        command = python("flask", "--app", "wsgi", "worker")
        return Process(f"worker {number}", command, self.environment, self.folder, ready="worker_started")

    @property
    def web(self) -> Process:
        """The first of the web servers."""
        return self.webs[0]

    @property
    def shop(self) -> list[Process]:
        """The processes that are the product."""
        return [*self.webs, *self.workers]

    async def open(self) -> None:
        """Start everything; returns when all of it is up.

        Raises:
            RuntimeError: something does not come up.
        """
        disk = self.sqlite_file.parent
        disk.mkdir(exist_ok=True)
        self.small_disk = self.postgres is None and mount(disk)
        await self.valkey.start()
        if self.postgres is not None:
            await self.postgres.process.start()
        release = await asyncio.create_subprocess_exec(
            *python("flask", "--app", "wsgi", "release"), env=self.environment, cwd=self.folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await release.communicate()
        if release.returncode:
            raise RuntimeError(said.decode())
        await self.load.ghala.open()
        await asyncio.gather(*(process.start() for process in self.shop))

    async def close(self) -> None:
        """Stop everything by its process id and remove what it left."""
        await self.load.close()
        await asyncio.gather(*(process.end() for process in self.shop))
        await self.valkey.end()
        self.engine.dispose()
        if self.postgres is not None:
            await self.postgres.end()
        if self.small_disk:
            await asyncio.to_thread(unmount, self.sqlite_file.parent)
        shutil.rmtree(self.folder, ignore_errors=True)

    def logs(self) -> str:
        """The last words of everybody."""
        return "\n".join(
            f"--- {process.name}\n" + "\n".join(list(process.lines)[-40:])
            for process in [*self.shop, self.valkey]
        )
