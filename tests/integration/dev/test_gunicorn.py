"""gunicorn.conf.py, read as gunicorn reads it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import House, create_app
from chaos.processes import children
from chaos.services import free_port
from config import Config

ROOT = Path(__file__).resolve().parents[3]
NEEDED = {"GHALA_WEBHOOK_SECRET": "w" * 8 + "ebhook-secret", "ADMIN_PASSWORD": "kima-todu-fela-runi"}
SHOW = (
    "import runpy, json;"
    "v = runpy.run_path('gunicorn.conf.py');"
    "print(json.dumps({k: x for k, x in v.items() if isinstance(x, (str, int)) and k[0] != '_'}))"
)


def read(tmp_path: Path, **own: str) -> subprocess.CompletedProcess[str]:
    """The settings in a folder without a .env."""
    (tmp_path / "gunicorn.conf.py").write_text((ROOT / "gunicorn.conf.py").read_text())
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **own},
        capture_output=True,
        text=True,
        check=False,
    )


def settings(tmp_path: Path, **own: str) -> dict[str, object]:
    import json

    answer = read(tmp_path, **NEEDED, **own)
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def test_sqlite_is_served_by_one_process_of_sixteen_threads(tmp_path: Path) -> None:
    found = settings(tmp_path, WEB_CONCURRENCY="4")
    assert (found["workers"], found["threads"], found["worker_class"]) == (1, 16, "gthread")


def test_postgresql_is_served_by_several_processes(tmp_path: Path) -> None:
    found = settings(tmp_path, DATABASE_URL="postgres://shop@db/shop")
    assert found["workers"] == min(4, 2 * (os.cpu_count() or 1))
    assert found["threads"] == 8


def test_the_platform_may_say_how_many_processes(tmp_path: Path) -> None:
    assert settings(tmp_path, DATABASE_URL="postgres://shop@db/shop", WEB_CONCURRENCY="3")["workers"] == 3


def test_development_listens_to_this_machine_only(tmp_path: Path) -> None:
    assert settings(tmp_path, PORT="8123")["bind"] == "127.0.0.1:8123"


def test_production_listens_to_every_address(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        DUKA_ENV="production",
        PUBLIC_URL="https://shop.example",
        SECRET_KEY="k3y-" * 8,
        GHALA_API_URL="https://ghala.example",
        GHALA_API_KEY="key",
        ADMIN_USERNAME="asha",
    )
    assert found["bind"] == "0.0.0.0:8000"


def test_what_runs_may_finish_before_the_platform_loses_patience(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found["graceful_timeout"], found["timeout"], found["keepalive"]) == (25, 30, 65)


def test_a_child_that_dies_is_replaced_by_a_fork_of_what_has_opened_nothing(tmp_path: Path) -> None:
    assert settings(tmp_path)["preload_app"] is True
    house = House.build(Config.from_env({**NEEDED, "DATABASE_URL": f"sqlite:///{tmp_path / 'duka.db'}"}))
    try:
        create_app(house.config, house)
        assert not (tmp_path / "duka.db").exists()
        assert sum(count for count, _ in house.link.client.connection_pool.get_connection_count()) == 0
    finally:
        house.database.close()


@pytest.mark.parametrize("own", [{}, {**NEEDED, "DATABASE_URL": "postgres://x", "WEB_CONCURRENCY": "many"}])
def test_a_bad_environment_is_told_in_sentences(tmp_path: Path, own: dict[str, str]) -> None:
    answer = read(tmp_path, **own)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert answer.stderr.strip().endswith(".")


def test_gunicorn_itself_ends_with_the_sentences(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"],
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "GHALA_WEBHOOK_SECRET is missing" in answer.stderr
    assert "Traceback" not in answer.stderr


SLOW = """
from pathlib import Path

def app(environ, start):
    if environ["PATH_INFO"] == "/slow":
        Path("asked").touch()
        open("go").read()
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
"""Answers, and in one place only after somebody has written into a pipe."""


class Gunicorn:
    """gunicorn with our settings and an application of three lines."""

    def __init__(self, folder: Path, port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "slow:app"],
            cwd=folder,
            env={"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{folder}", "PORT": str(port), **NEEDED},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[str] = []

    def wait_for(self, words: str) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if words in line:
                return
        raise AssertionError("".join(self.said))

    def end(self) -> None:
        assert self.process.stderr is not None
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


class OneAfterTheOther:
    """Masters on one port, in one folder; all their children are gone afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.masters: list[Gunicorn] = []
        self.workers: set[int] = set()
        (folder / "slow.py").write_text(SLOW)
        os.mkfifo(folder / "go")

    def start(self) -> Gunicorn:
        self.masters.append(gunicorn := Gunicorn(self.folder, self.port))
        gunicorn.wait_for("Booting worker")
        self.ask()
        self.workers.update(children(gunicorn.process.pid))
        return gunicorn

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(self, path: str = "/") -> bytes:
        connection = self.connect()
        connection.request("GET", path)
        answer = connection.getresponse().read()
        connection.close()
        return answer


@pytest.fixture
def masters(tmp_path: Path) -> Iterator[OneAfterTheOther]:
    masters = OneAfterTheOther(tmp_path)
    yield masters
    for master in masters.masters:
        master.end()
    for pid in masters.workers:
        if Path(f"/proc/{pid}/cwd").exists() and Path(f"/proc/{pid}/cwd").readlink() == tmp_path:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds orphans in /proc, which Linux has")
def test_a_killed_master_leaves_its_port_to_the_next_and_its_last_answers_are_given(
    masters: OneAfterTheOther,
) -> None:
    first = masters.start()
    kept = masters.connect()
    kept.request("GET", "/")
    kept.getresponse().read()
    answers: list[bytes] = []
    slow = threading.Thread(target=lambda: answers.append(masters.ask("/slow")))
    slow.start()
    while not (masters.folder / "asked").exists():
        kept.request("GET", "/")  # a busy client, whose connection is never idle for long
        kept.getresponse().read()
    first.process.kill()
    first.process.wait()
    second = masters.start()
    assert not [line for line in second.said if "in use" in line]
    (masters.folder / "go").write_text("go")
    slow.join(20)
    assert answers == [b"ok"]
    kept.close()
