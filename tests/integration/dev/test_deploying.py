"""The files in deploy/, as far as they can be tried without the machine they are for."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from tests.waiting import until

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
NEEDED = {"GHALA_WEBHOOK_SECRET": "w" * 8 + "ebhook-secret", "ADMIN_PASSWORD": "kima-todu-fela-runi"}
HANDED_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"])
"""
"""Starts gunicorn as systemd does: with a socket that stays open when gunicorn ends."""


@contextmanager
def web(held: socket.socket, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {
        "PATH": os.defpath,
        "DATABASE_URL": f"sqlite:///{folder / 'duka.db'}",
        "METRICS_DIR": str(folder / "metrics"),
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "LOG_LEVEL": "ERROR",
        **NEEDED,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", HANDED_OVER, str(held.fileno())],
        cwd=ROOT,
        env=environment,
        pass_fds=[held.fileno()],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(35)


def test_a_restart_behind_a_held_socket_refuses_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
        address = f"http://127.0.0.1:{held.getsockname()[1]}/livez"
        answers: list[int] = []
        enough = threading.Event()

        def call() -> None:
            while not enough.wait(0.05):
                answers.append(requests.get(address, timeout=30).status_code)

        callers = [threading.Thread(target=call) for _ in range(3)]
        with web(held, tmp_path):
            assert requests.get(address, timeout=30).status_code == 200
            for caller in callers:
                caller.start()
            until(lambda: len(answers) >= 10)
        answered = len(answers)
        with web(held, tmp_path):
            until(lambda: len(answers) >= answered + 10)
            enough.set()
            for caller in callers:
                caller.join()
    assert set(answers) == {200}


def test_every_process_of_the_procfile_has_its_unit_and_its_service() -> None:
    commands = {
        line.split(": ", 1)[1] for line in (ROOT / "Procfile").read_text().splitlines() if ": " in line
    }
    units = {
        line.partition("/opt/duka/.venv/bin/")[2]
        for file in (DEPLOY / "systemd").glob("*.service")
        for line in file.read_text().splitlines()
        if line.startswith("ExecStart=/opt/duka")
    }
    assert units == commands
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    run = {
        " ".join(service["command"]) for name, service in composed.items() if name in {"release", "worker"}
    }
    in_image = (ROOT / "Dockerfile").read_text()
    assert run == {"flask --app wsgi release", "flask --app wsgi worker"}
    assert 'CMD ["gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]' in in_image


def test_whoever_stops_a_process_waits_longer_than_it_needs() -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert composed["web"]["stop_grace_period"] == composed["worker"]["stop_grace_period"] == "35s"
    for name in ("duka-web.service", "duka-worker@.service"):
        assert "TimeoutStopSec=35" in (DEPLOY / "systemd" / name).read_text()


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER duka" in lines
    assert lines.index("USER duka") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert {".env", ".git", "var"} <= set((ROOT / ".dockerignore").read_text().split())


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed here")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example"]
    subprocess.run(
        [*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True, timeout=60
    )
    text = (DEPLOY / "nginx" / "duka.conf").read_text()
    for written, here in (("fullchain.pem", certificate), ("privkey.pem", key)):
        text = text.replace(f"/etc/letsencrypt/live/shop.example/{written}", str(here))
    (tmp_path / "duka.conf").write_text(text)
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ {paths} include {tmp_path}/duka.conf; }}"
    )
    answer = subprocess.run(
        ["nginx", "-t", "-q", "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    complaints = [
        line for line in answer.stderr.splitlines() if "deprecated" not in line and "bind()" not in line
    ]
    assert complaints == []
