"""`make run`: everything a shop needs on this machine, in one terminal, until Ctrl-C."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO
from urllib.parse import urlsplit

import redis
from honcho.environ import parse_procfile

import redis_address
from dev import folder
from dev.processes import Processes, tell
from dev.settings import HOST, Settings, gather
from dev.trouble import Trouble, say
from dev.valkey import Valkey

PATIENCE_SECONDS = 60.0
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(root: Path, environ: Mapping[str, str]) -> int:
    """Start the shop in ``root`` and stay until it is stopped; 0 after a clean stop, 1 after saying what was wrong."""
    for number in STOPPING:
        signal.signal(number, _interrupt)
    try:
        with folder.claim(root / "var") as lock:
            settings = gather(root, environ)
            with _redis(settings, root, lock) as valkey:
                _release(settings, root)
                return _serve(settings, root, valkey)
    except KeyboardInterrupt:
        say("\nStopped.")
        return 0
    except Trouble as trouble:
        say(str(trouble))
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    for number in STOPPING:  # an impatient second Ctrl-C must not interrupt the tidying up
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextmanager
def _redis(settings: Settings, root: Path, lock: IO[str]) -> Iterator[Valkey | None]:
    """A Valkey of ours, stopped last; or the one of ``REDIS_URL``, which must answer."""
    if not settings.with_valkey:
        _need_redis(settings.config.redis_url)
        yield None
        return
    valkey = Valkey.start(
        root / "var" / "valkey",
        port=settings.environment["VALKEY_PORT"],
        password=settings.environment["VALKEY_PASSWORD"],
        lock=lock,
    )
    try:
        yield valkey
    finally:
        valkey.stop()


def _need_redis(url: str) -> None:
    if redis_address.parse(url).kind != "single":
        return  # whoever runs several knows how to look at them
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, OSError, ValueError) as problem:
        place = urlsplit(url)
        where = f"{place.hostname}:{place.port or 6379}" if place.hostname else place.path
        raise Trouble(
            f"REDIS_URL points to {where}, which does not answer ({problem}):"
            " start it, or leave REDIS_URL out to get a Valkey from `make run`."
        ) from problem


def _commands(root: Path, name: str) -> dict[str, str]:
    return dict(parse_procfile((root / name).read_text(encoding="utf-8")).processes)


def _environment(settings: Settings) -> dict[str, str]:
    """The settings, with the virtual environment's own commands first on the path."""
    # Not resolved: the link in .venv/bin is what says which packages are meant.
    here = str(Path(sys.executable).parent)
    return {
        **settings.environment,
        "PATH": os.pathsep.join([here, settings.environment.get("PATH", os.defpath)]),
    }


def _release(settings: Settings, root: Path) -> None:
    """Migrate and seed, as a platform would before starting the rest."""
    process = subprocess.Popen(  # noqa: S602 - the project's own Procfile
        f"exec {_commands(root, 'Procfile')['release']}",
        shell=True,
        cwd=root,
        env=_environment(settings),
        start_new_session=True,
    )
    try:
        exit_code = process.wait()
    except KeyboardInterrupt:
        tell(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            tell(process.pid, signal.SIGKILL)
            process.wait()
        raise
    if exit_code != 0:
        raise Trouble(
            f"The database could not be prepared (`release` ended with {exit_code}; its reason is above)."
        )


def _serve(settings: Settings, root: Path, valkey: Valkey | None) -> int:
    processes = Processes()
    environment = _environment(settings)
    for name, command in _commands(root, "Procfile.dev").items():
        if name != "sandbox":
            processes.add(name, command, environment, root)
        elif settings.with_sandbox:
            # While two secrets rotate, the sandbox signs with the first.
            secret = settings.config.ghala_webhook_secrets[0]
            processes.add(name, command, {**environment, "GHALA_WEBHOOK_SECRET": secret}, root)

    def asked(_number: int, _frame: FrameType | None) -> None:
        processes.say("\nStopping ...")
        processes.stop()

    for number in STOPPING:
        signal.signal(number, asked)
    threading.Thread(target=_greet, args=(settings, processes), daemon=True).start()
    if valkey:
        threading.Thread(target=_watch, args=(valkey, processes), daemon=True).start()
    processes.run()
    return _farewell(processes)


def _farewell(processes: Processes) -> int:
    if processes.killed:
        say(f"{' and '.join(processes.killed)} did not stop in time and had to be killed.")
    if processes.culprit:
        name, exit_code = processes.culprit
        say(
            f"{name} ended by itself (exit code {exit_code}; its reason is above), so everything was stopped."
        )
    if processes.culprit or processes.killed:
        return 1
    say("Stopped. Your data stays in var/.")
    return 0


def _watch(valkey: Valkey, processes: Processes) -> None:
    exit_code = valkey.process.wait()
    if not valkey.stopping:
        processes.ended("valkey", exit_code)


def answers(port: int, path: str) -> str:
    """What is wrong with ``GET path`` on this machine's ``port``; nothing when it answers 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(2000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as problem:
        return f"{path} on port {port} does not answer ({problem})"
    finally:
        connection.close()
    if answer.status != http.client.OK:
        return f"{path} on port {port} says {answer.status}: {body}"
    if path == "/readyz" and '"worker":{"status":"degraded"' in body:
        return "no worker has reported yet"
    return ""


def _greet(settings: Settings, processes: Processes) -> None:
    """Say where to go as soon as somebody is there; say what is missing if that takes long."""
    waiting_for = [(settings.config.port, "/readyz")]
    if settings.with_sandbox:
        waiting_for.append((settings.sandbox_port, "/"))
    complain_at = time.monotonic() + PATIENCE_SECONDS
    while processes.stop_asked_at is None:
        problems = [problem for port, path in waiting_for if (problem := answers(port, path))]
        if not problems:
            processes.say(welcome(settings))
            return
        if time.monotonic() > complain_at:
            processes.say(f"Not ready after {PATIENCE_SECONDS:.0f} s, still trying: {'; '.join(problems)}.")
            complain_at = float("inf")
        time.sleep(0.2)


def welcome(settings: Settings) -> str:
    """Where the phone and the admin pages are, and how to get in."""
    config = settings.config
    phone = (
        f"{settings.sandbox_url}/" if settings.with_sandbox else f"a real one, through {config.ghala_api_url}"
    )
    password = config.admin_password if settings.password_is_ours else "the one you set"
    lines = (
        f"{config.shop_name} is open.",
        "",
        f"Phone      {phone}",
        f"Admin      {settings.shop_url}/admin",
        f"User name  {config.admin_username}",
        f"Password   {password}",
        "",
        "Ctrl-C stops everything; `make run` opens it again with the same data.",
    )
    width = max(map(len, lines))
    rows = [f"│  {line.ljust(width)}  │" for line in lines]
    edge = "─" * (width + 4)
    return "\n".join(["", f"╭{edge}╮", *rows, f"╰{edge}╯", ""])
