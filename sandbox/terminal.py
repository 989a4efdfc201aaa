"""A customer's phone in the terminal: bubbles with numbers to tap, and the PIN as commands."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests

HELP = (
    "Type to write; a number taps that button. "
    "/pay  /pin 1234  /wrongpin  /nomoney  /cancel  /ignore  /late  /location [name]  /quit"
)
_OUTCOMES = {
    "/pay": "pay",
    "/wrongpin": "wrong_pin",
    "/nomoney": "no_money",
    "/cancel": "cancel",
    "/ignore": "ignore",
    "/late": "pay_late",
}
_PLACE = {"latitude": -1.2833, "longitude": 36.8219, "name": "Moi Avenue", "address": "Moi Avenue, Nairobi"}


def bubble_lines(message: Mapping[str, Any], shop: str) -> list[str]:
    """Return a message as lines of text, its buttons and rows numbered from 1."""
    mine = message["from"] == "customer"
    head = "me" if mine else shop
    lines = [f"{head:>8} │ {line}" for line in (message["text"] or f"[{message['type']}]").split("\n")]
    payload = message["payload"]
    header = (payload.get("interactive") or {}).get("header") or {}
    if header.get("type") == "image":
        lines.insert(0, f"{head:>8} │ [picture {header['image'].get('link', '')}]")
    action = (payload.get("interactive") or {}).get("action") or {}
    if action.get("name") == "cta_url":
        parameters = action["parameters"]
        lines.append(f"{'':>8} │ {parameters['display_text']}: {parameters['url']}")
    lines += [f"{'':>8} │  {n}) {choice['title']}" for n, choice in enumerate(message["choices"], start=1)]
    return lines


def choice_for(typed: str, newest: Mapping[str, Any] | None) -> str | None:
    """Return the id of the button a typed number means in the shop's newest message, if any."""
    if newest is None or not (typed.isascii() and typed.isdigit()):
        return None
    choices = newest["choices"]
    index = int(typed) - 1
    return str(choices[index]["id"]) if 0 <= index < len(choices) else None


class TerminalPhone:
    """One phone, driven over the sandbox's control API."""

    def __init__(self, url: str, number: str, say: Callable[[str], None]) -> None:
        self._url = url.rstrip("/")
        self._number = number
        self._say = say
        self._version = -1
        self._shown: set[object] = set()
        self._newest: Mapping[str, Any] | None = None
        self._prompts: list[str] = []
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, path: str, body: Mapping[str, Any]) -> None:
        """Post to the control API; a refusal is shown, not raised."""
        answer = self._session.post(self._url + path, json=body, timeout=10)
        if not answer.ok:
            self._say(f"  ! {answer.json()['error']['message']}")

    def listen_once(self, timeout: float = 20) -> None:
        """Wait for news and show it."""
        answer = requests.get(
            f"{self._url}/control/phones/{self._number}",
            params={"after": self._version, "timeout": timeout},
            timeout=timeout + 10,
        )
        answer.raise_for_status()
        self.show(answer.json())

    def show(self, phone: Mapping[str, Any]) -> None:
        """Print what is new on the phone."""
        self._version = phone["version"]
        for message in phone["messages"]:
            if message["id"] in self._shown:
                continue
            self._shown.add(message["id"])
            if message["from"] == "shop":
                self._newest = message
            for line in bubble_lines(message, "shop"):
                self._say(line)
        for notice in phone["notices"]:
            if ("notice", notice["id"]) not in self._shown:
                self._shown.add(("notice", notice["id"]))
                self._say(f"  ✉ {notice['sender']}: {notice['text']}")
        for prompt in phone["prompts"]:
            if prompt["id"] not in self._prompts:
                self._say(f"  ☎ Do you want to pay {prompt['money']} to {prompt['shop']}?")
                self._say("    /pin 1234 to pay, or /wrongpin /nomoney /cancel /ignore /late")
        self._prompts = [prompt["id"] for prompt in phone["prompts"]]

    def obey(self, typed: str) -> bool:
        """Do what was typed; return False when the customer leaves."""
        words = typed.split()
        if not words:
            return True
        command = words[0]
        base = f"/control/phones/{self._number}"
        if command == "/quit":
            return False
        if command == "/help":
            self._say(HELP)
        elif command == "/location":
            place = {**_PLACE, "name": " ".join(words[1:])} if words[1:] else _PLACE
            self.call(f"{base}/location", place)
        elif command == "/pin" or command in _OUTCOMES:
            if not self._prompts:
                self._say("  ! no payment request is on this phone")
            elif command == "/pin":
                self.call(f"/control/orders/{self._prompts[0]}/pin", {"pin": "".join(words[1:])})
            else:
                self.call(f"/control/orders/{self._prompts[0]}/pay", {"outcome": _OUTCOMES[command]})
        elif (choice := choice_for(typed.strip(), self._newest)) is not None:
            self.call(f"{base}/tap", {"id": choice})
        else:
            self.call(f"{base}/say", {"text": typed})
        return True


def chat(url: str, number: str, name: str) -> int:
    """Chat until /quit or the end of input; return the exit status."""
    phone = TerminalPhone(url, number, lambda line: print(line, flush=True))
    try:
        phone.call("/control/phones", {"number": number, "name": name})
    except requests.ConnectionError:
        print(f"No sandbox answers at {url}: start it with `python -m sandbox serve`.", file=sys.stderr)
        return 1
    print(HELP, flush=True)
    over = threading.Event()

    def listen() -> None:
        while not over.is_set():
            try:
                phone.listen_once()
                phone.call(f"/control/phones/{number}/read", {})
            except requests.RequestException:
                over.wait(1)

    threading.Thread(target=listen, daemon=True, name="listen").start()
    try:
        for line in sys.stdin:
            if not phone.obey(line.rstrip("\n")):
                break
    except KeyboardInterrupt:
        pass
    except requests.ConnectionError:
        print("The sandbox has stopped.", file=sys.stderr)
        return 1
    finally:
        over.set()
    return 0
