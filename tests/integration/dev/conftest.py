"""A small project around the real bootstrap: the real Valkey and gunicorn, stand-ins for the rooms."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

WSGI = '''
"""A shop with nothing in it."""
import signal, threading
from pathlib import Path
from flask import Flask

app = Flask(__name__)

@app.get("/readyz")
def ready():
    return {"ready": True}

@app.cli.command("release")
def release():
    with Path("var/released").open("a") as file:
        file.write("x")

@app.cli.command("worker")
def worker():
    from config import Config
    import redis
    redis.Redis.from_url(Config.from_env().redis_url).incr("starts")
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    print("worker at work")
    done.wait()
    Path("var/worker-finished").touch()
'''

SANDBOX = '''
"""A sandbox that only answers."""
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ["SANDBOX_PORT"])), Handler).serve_forever()
'''


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Shop:
    """One folder with a project in it, and whatever was started there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.sandbox_port = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.log = root / "output.txt"

    def environment(self, **own: str) -> dict[str, str]:
        basics = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}  # noqa: TID251
        return {**basics, "PORT": str(self.port), "SANDBOX_PORT": str(self.sandbox_port), **own}

    def start(self, **own: str) -> subprocess.Popen[str]:
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dev"],
                cwd=self.root,
                env=self.environment(**own),
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
            )
        return self.process

    def open(self, **own: str) -> subprocess.Popen[str]:
        """Start and wait until everything is up."""
        process = self.start(**own)
        self.wait_for("worker at work")
        self.wait_for("Ctrl-C stops everything")
        return process

    def run(self, **own: str) -> tuple[int, str]:
        """Start and wait for an end that comes by itself."""
        code = self.start(**own).wait(40)
        return code, self.output

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(40), self.output

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str) -> None:
        self.until(lambda: words in self.output, words)

    def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 40
        while not true():
            assert self.process is not None
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, f"no {what!r} in: {self.output}"
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.05)

    def processes(self) -> list[int]:
        """Everything on this machine whose working folder is this project's."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                folder = (entry / "cwd").resolve(strict=True)
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if folder.is_relative_to(self.root) and state != "Z":
                found.append(int(entry.name))
        return found

    def kept(self) -> dict[str, str]:
        from dotenv import dotenv_values

        return {name: value or "" for name, value in dotenv_values(self.root / "var" / "dev.env").items()}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    root = tmp_path / "a shop"
    root.mkdir()
    shutil.copytree(ROOT / "dev", root / "dev", ignore=shutil.ignore_patterns("__pycache__"))
    for source in (*ROOT.glob("*.py"), *ROOT.glob("Procfile*"), *ROOT.glob("requirements*.txt")):
        shutil.copy(source, root / source.name)
    (root / "wsgi.py").write_text(WSGI)
    (root / "sandbox").mkdir()
    (root / "sandbox" / "__init__.py").touch()
    (root / "sandbox" / "__main__.py").write_text(SANDBOX)
    shop = Shop(root)
    yield shop
    if shop.process is not None and shop.process.poll() is None:
        shop.process.kill()
        shop.process.wait()
    for left in shop.processes():
        os.kill(left, signal.SIGKILL)
