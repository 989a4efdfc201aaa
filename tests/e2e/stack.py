"""The product as it is deployed: release, web, worker, and the sandbox as Ghala, each a process of its own."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import requests

ROOT: Final = Path(__file__).resolve().parents[2]
SECRET: Final = "a-webhook-secret-of-the-tests"
API_KEY: Final = "ghl_test_key_of_the_tests"
ADMIN: Final = ("admin", "a-password-of-the-tests")
PATIENCE: Final = 45.0
"""Seconds anything may take before a test gives up: more than a lease, after which dead workers' work goes on."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


class Process:
    """One process, everything it prints, and a way to wait for its words."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._ended = False
        self._reader = threading.Thread(target=self._listen, name=f"{name}-lines", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def output(self) -> str:
        """Everything it has printed."""
        return "\n".join(self.lines)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                with self._heard:
                    self.lines.append(line.rstrip())
                    self._heard.notify_all()
        with self._heard:
            self._ended = True
            self._heard.notify_all()

    def wait_for(self, words: str) -> None:
        """Wait until it has printed these words."""
        with self._heard:
            heard = self._heard.wait_for(
                lambda: self._ended or any(words in line for line in self.lines), PATIENCE
            )
        assert heard, f"{self.name} did not say {words!r}:\n{self.output}"
        assert words in self.output, f"{self.name} ended without {words!r}:\n{self.output}"

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; the exit code."""
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end and wait; the exit code."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self.wait()

    def ask_to_end(self) -> None:
        """Tell it once, without waiting."""
        if self._process.poll() is None:
            self._process.terminate()

    def end(self) -> None:
        """Make sure that it is gone, having asked."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.wait()


class Stack:
    """A shop that runs.

    Args:
        folder: where the processes live and the SQLite file lies.
        database_url: the database.
        redis_url: the Redis.
        settings: more of the environment.
    """

    def __init__(self, folder: Path, database_url: str, redis_url: str, **settings: str) -> None:
        self.folder = folder
        web, sandbox = free_port(), free_port()
        self.web_url = f"http://127.0.0.1:{web}"
        self.sandbox_url = f"http://127.0.0.1:{sandbox}"
        self.environment = {
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "DUKA_ENV": "development",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PORT": str(web),
            "PUBLIC_URL": self.web_url,
            "GHALA_API_URL": f"{self.sandbox_url}/v1",
            "GHALA_API_KEY": API_KEY,
            "GHALA_WEBHOOK_SECRET": SECRET,
            "ADMIN_USERNAME": ADMIN[0],
            "ADMIN_PASSWORD": ADMIN[1],
            "SANDBOX_PORT": str(sandbox),
            "DUKA_URL": self.web_url,
            "SHOP_NAME": "Duka Demo Shop",
            "WEB_CONCURRENCY": "2",
            **settings,
        }
        self.http = requests.Session()
        self.http.trust_env = False
        self.processes: dict[str, Process] = {}

    def open(self) -> Stack:
        """Migrate, seed and start everything; returns when all of it is up."""
        sandbox = self._run("sandbox", ["sandbox", "serve"])
        release = self._run("release", ["flask", "--app", "wsgi", "release"])
        assert release.wait() == 0, release.output
        self.start_web()
        self.start_worker()
        sandbox.wait_for("Phone:")
        self.processes["web"].wait_for("Listening at")
        self.processes["worker"].wait_for("worker_started")
        assert self.http.get(f"{self.web_url}/livez", timeout=PATIENCE).status_code == 200
        return self

    def _run(self, name: str, command: list[str]) -> Process:
        process = Process(name, command, self.environment, self.folder)
        self.processes[name] = process
        return process

    def start_web(self) -> Process:
        """Start the web process, which is not up yet when this returns."""
        return self._run("web", ["gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"])

    def start_worker(self) -> Process:
        """Start a worker, which is not up yet when this returns."""
        return self._run("worker", ["flask", "--app", "wsgi", "worker"])

    def close(self) -> None:
        """Stop everything."""
        self.http.close()
        for process in self.processes.values():
            process.ask_to_end()
        for process in self.processes.values():
            process.end()

    def control(self, path: str, body: Any = None, **query: Any) -> Any:
        """Ask the sandbox for something, or tell it something."""
        url = f"{self.sandbox_url}/control/{path}"
        if body is None:
            answer = self.http.get(url, params=query, timeout=70)
        else:
            answer = self.http.post(url, json=body, timeout=70)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text[:500]}\n{self.logs()}"
        return answer.json()

    def fault(self, direction: str, kind: str, times: int | None = 1, value: float | None = None) -> None:
        """Let something go wrong on the way."""
        self.control("faults", {"direction": direction, "kind": kind, "times": times, "value": value})

    def admin(self, path: str, body: Any = None) -> requests.Response:
        """The owner asks or posts."""
        url = f"{self.web_url}{path}"
        if body is None:
            return self.http.get(url, auth=ADMIN, timeout=PATIENCE)
        return self.http.post(url, json=body, auth=ADMIN, timeout=PATIENCE)

    def orders_at_ghala(self, number: str) -> list[dict[str, Any]]:
        """What Ghala was asked to charge to this number, oldest first."""
        orders = self.control("orders")["orders"]
        return [order for order in orders if order["customer"]["phone"].removeprefix("+") == number]

    def logs(self) -> str:
        """The last words of everybody."""
        return "\n".join(
            f"--- {name}\n" + "\n".join(process.lines[-40:]) for name, process in self.processes.items()
        )


class Phone:
    """A customer with a phone; ``sees`` reads the shop's messages one after the other."""

    def __init__(self, stack: Stack, number: str, name: str = "Amina") -> None:
        self.stack = stack
        self.number = number
        self.seen = 0
        stack.control("phones", {"number": number, "name": name})

    def says(self, words: str) -> Phone:
        """Write a message."""
        self.stack.control(f"phones/{self.number}/say", {"text": words})
        return self

    def taps(self, words: str) -> Phone:
        """Tap the button or row whose title has these words, in the newest message that has one."""
        for message in reversed(self.from_shop()):
            for choice in message["choices"]:
                if words in choice["title"]:
                    body = {"id": choice["id"], "message_id": message["id"]}
                    self.stack.control(f"phones/{self.number}/tap", body)
                    return self
        raise AssertionError(f"nothing to tap says {words!r}\n{self.chat()}")

    def sees(self, *words: str) -> str:
        """Wait for the shop's next message, which must have all these words; its text."""
        answer = self.stack.http.get(
            f"{self.stack.sandbox_url}/control/wait",
            params={"number": self.number, "count": str(self.seen + 1), "timeout": str(PATIENCE)},
            timeout=PATIENCE + 10,
        )
        assert answer.status_code == 200, (
            f"no message, but {words} was expected\n{self.chat()}\n{self.stack.logs()}"
        )
        message = answer.json()["messages"][self.seen]
        self.seen += 1
        text = str(message["text"]).replace("\u00a0", " ")
        for word in words:
            assert word in text, f"{word!r} is not in the message\n{self.chat()}"
        return text

    def gets_prompt(self) -> dict[str, Any]:
        """Wait until the phone asks for a PIN; the prompt."""
        found = self.until(lambda phone: bool(phone["prompts"]), "a PIN dialog")
        prompt: dict[str, Any] = found["prompts"][0]
        return prompt

    def answers_prompt(self, outcome: str = "pay", **more: Any) -> dict[str, Any]:
        """Wait for the PIN dialog and end it this way; the order at Ghala."""
        order: dict[str, Any] = self.stack.control(
            f"orders/{self.gets_prompt()['id']}/pay", {"outcome": outcome, **more}
        )
        return order

    def until(self, true: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait until this holds for the phone; blocks in the sandbox between looks."""
        shown: dict[str, Any] = self.stack.control(f"phones/{self.number}")
        for _ in range(200):
            if true(shown):
                return shown
            version = shown["version"]
            shown = self.stack.control(f"phones/{self.number}", after=version, timeout=PATIENCE)
            assert shown["version"] != version, f"no {what}\n{self.chat()}\n{self.stack.logs()}"
        raise AssertionError(f"no {what}\n{self.chat()}")

    def from_shop(self) -> list[dict[str, Any]]:
        """The shop's messages, oldest first."""
        messages = self.stack.control(f"phones/{self.number}/messages")["messages"]
        return [message for message in messages if message["from"] == "shop"]

    def receipts(self) -> list[str]:
        """Every receipt on the phone."""
        return [
            message["text"].replace("\u00a0", " ")
            for message in self.from_shop()
            if "RECEIPT ·" in message["text"]
        ]

    def chat(self) -> str:
        """The whole chat, for people who wonder why a test failed."""
        messages = self.stack.control(f"phones/{self.number}/messages")["messages"]
        return "\n".join(
            f"{'>>' if message['from'] == 'customer' else '<<'} {message['text']}" for message in messages
        )

    def orders(self, what: str = "2 coffee", address: str = "123 Main St, Nairobi") -> str:
        """From nothing to the summary of an order, by typing; the order's reference."""
        self.says(what).sees("Where shall we deliver?")
        summary = self.says(address).sees("Order ORD-", "Total")
        return ref_in(summary)


def ref_in(text: str) -> str:
    """The order reference in a message."""
    found = re.search(r"ORD-[0-9A-Z]{6}", text)
    assert found, text
    return found[0]
