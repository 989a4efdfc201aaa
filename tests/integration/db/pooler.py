"""A PgBouncer in transaction mode before the tests' PostgreSQL, where the program is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.waiting import until

PATIENCE = 10.0


def program() -> str:
    """Where PgBouncer is; skips the test where it is not."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")  # noqa: TID251
    if found is None:
        pytest.skip("no pgbouncer on this machine; apt-get install pgbouncer or the like brings it")
    return found


@contextmanager
def pooler(url: str, user: str | None, *, servers: int = 2, extra: str = "") -> Iterator[str]:
    """The same database behind PgBouncer.

    Args:
        url: the database itself.
        user: whom PgBouncer runs as where we are root, which it refuses to be.
        servers: sessions it keeps at the database, whatever number of clients there is.
        extra: further settings of PgBouncer.
    """
    command = program()
    target = make_url(url)
    # The name is what tells databases apart in the socket's folder, so it is ours as well.
    where = {"host": target.host or target.query.get("host"), "port": target.port or 5432}
    folder = Path(tempfile.mkdtemp(prefix="duka-bouncer-"))
    folder.chmod(0o755)
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{target.database} = host={where['host']} port={where['port']} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"pool_mode = transaction\ndefault_pool_size = {servers}\nmax_client_conn = 200\n{extra}\n"
    )
    process = subprocess.Popen(
        [command, "-q", str(settings)],
        user=user,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(process, port)
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{target.database}"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    def listens() -> bool:
        assert process.poll() is None, "PgBouncer ended at once"
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True

    until(listens, PATIENCE, not_yet=OSError)
