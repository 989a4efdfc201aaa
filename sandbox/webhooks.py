"""Delivering webhooks to Duka: signed, at least once, and as badly as the fault panel asks.

``Courier`` decides what is due and what an answer means; ``HttpPost`` is the only thing here that talks
to a network.
"""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import requests

from sandbox.faults import Fault, FaultPanel
from sandbox.signing import sign
from sandbox.world import Envelope

BACKOFF = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
LOG_LENGTH = 200
THREADS = 8
_IDLE_SECONDS = 0.25
_OK = range(200, 300)


class Post(Protocol):
    """Something that posts bytes and returns the status, raising ``OSError`` when nobody answers."""

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post once."""
        ...


class HttpPost:
    """Posts over HTTP with one kept connection per thread; follows no redirect, uses no proxy."""

    def __init__(self, timeout: tuple[float, float] = (2.0, 10.0)) -> None:
        self._timeout = timeout
        self._local = threading.local()

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post once; a ``requests`` error is an ``OSError``."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            self._local.session = session
        answer = session.post(url, data=body, headers=headers, timeout=self._timeout, allow_redirects=False)
        return int(answer.status_code)


@dataclass(slots=True)
class Delivery:
    """One webhook on its way; ``state`` is waiting, delivered, dropped or refused (one-shot forgeries)."""

    id: int
    envelope: Envelope
    body: bytes
    due: float
    state: str = "waiting"
    attempts: int = 0
    answer: str = ""
    note: str = ""
    forged: bool = False
    once: bool = False
    tricks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """Return the line of the log."""
        return {
            "id": self.id,
            "direction": self.envelope.direction,
            "event": self.envelope.label,
            "state": self.state,
            "attempts": self.attempts,
            "answer": self.answer,
            "note": self.note,
            "body": self.body.decode("utf-8", "replace"),
        }


class Courier:
    """Takes envelopes and sees to it that Duka gets them, retrying until a 2xx."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        post: Post,
        faults: FaultPanel,
        scheme: str,
        secret: str,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.changed = changed
        self._clock = clock
        self._transport = post
        self._faults = faults
        self._scheme = scheme
        self._secret = secret
        self._lock = threading.Condition()
        self._serial = itertools.count(1)
        self._waiting: list[tuple[float, int, Delivery]] = []
        self._busy: set[str] = set()
        self._log: deque[Delivery] = deque(maxlen=LOG_LENGTH)
        self._held: dict[str, list[Delivery]] = {}

    def enqueue(self, envelope: Envelope) -> None:
        """Accept an envelope, with whatever goes wrong with it on the way."""
        body = json.dumps(envelope.payload, ensure_ascii=False, separators=(",", ":")).encode()
        faults = self._faults.take(envelope.direction)
        with self._lock:
            delivery = Delivery(next(self._serial), envelope, body, self._clock())
            self._spoil(delivery, faults)
            self._log.append(delivery)
            if delivery.state == "waiting":
                self._push(delivery)
            if "reorder" in faults:
                self._held.setdefault(envelope.direction, []).append(delivery)
            else:
                self._release_held(envelope.direction)
            self._lock.notify_all()

    def _spoil(self, delivery: Delivery, faults: dict[str, Fault]) -> None:
        delivery.note = ", ".join(faults)
        if "drop" in faults:
            delivery.state = "dropped"
            return
        for kind in ("delay", "reorder"):
            if kind in faults:
                delivery.due += faults[kind].value
        delivery.tricks = [kind for kind in ("timeout_before", "timeout_after") if kind in faults]
        if "duplicate" in faults:
            for _ in range(int(faults["duplicate"].value) - 1):
                self._extra(delivery, delivery.body, "copy", once=False)
        if "garbage" in faults:
            self._extra(delivery, delivery.body[: len(delivery.body) // 2], "cut in half", once=True)
        if "bad_signature" in faults:
            self._extra(delivery, delivery.body, "forged signature", once=True, forged=True)

    def _extra(self, like: Delivery, body: bytes, note: str, *, once: bool, forged: bool = False) -> None:
        envelope = Envelope(
            like.envelope.direction,
            like.envelope.label,
            like.envelope.url,
            like.envelope.payload,
            # Copies travel beside the original, as two of Ghala's machines would send them.
            f"{like.envelope.lane}/{next(self._serial)}",
        )
        extra = Delivery(next(self._serial), envelope, body, like.due, note=note, once=once, forged=forged)
        self._log.append(extra)
        self._push(extra)

    def _release_held(self, direction: str) -> None:
        for held in self._held.pop(direction, []):
            if held.state == "waiting":
                held.due = self._clock() + 0.2
                self._push(held)

    def _push(self, delivery: Delivery) -> None:
        heapq.heappush(self._waiting, (delivery.due, next(self._serial), delivery))

    def again(self, delivery_id: int) -> bool:
        """Deliver something from the log once more; say whether it is still there."""
        with self._lock:
            for delivery in self._log:
                if delivery.id == delivery_id:
                    self._extra(delivery, delivery.body, "sent again by hand", once=False)
                    self._log[-1].due = self._clock()
                    self._push(self._log[-1])
                    self._lock.notify_all()
                    return True
        return False

    def run_due(self) -> int:
        """Deliver everything due now, in this thread; return how many attempts were made."""
        made = 0
        while (delivery := self._claim()) is not None:
            self._attempt(delivery)
            made += 1
        return made

    def run(self, stopping: threading.Event) -> None:
        """Deliver until ``stopping`` is set; meant for several threads."""
        while not stopping.is_set():
            with self._lock:
                delivery = self._claim()
                if delivery is None:
                    self._lock.wait(self._pause())
                    continue
            self._attempt(delivery)

    def _pause(self) -> float:
        wait = self._waiting[0][0] - self._clock() if self._waiting else 0.0
        # What is due but not claimed waits for its lane, whose release wakes us.
        return wait if 0 < wait < _IDLE_SECONDS else _IDLE_SECONDS

    def _claim(self) -> Delivery | None:
        with self._lock:
            blocked: list[tuple[float, int, Delivery]] = []
            found = None
            while self._waiting and self._waiting[0][0] <= self._clock():
                entry = heapq.heappop(self._waiting)
                delivery = entry[2]
                if delivery.state != "waiting" or entry[0] != delivery.due:
                    continue  # done already, or moved to another time
                if delivery.envelope.lane in self._busy:
                    blocked.append(entry)
                    continue
                found = delivery
                self._busy.add(delivery.envelope.lane)
                break
            for entry in blocked:
                heapq.heappush(self._waiting, entry)
            return found

    def _attempt(self, delivery: Delivery) -> None:
        trick = delivery.tricks.pop(0) if delivery.tricks else ""
        status = 0
        if trick == "timeout_before":
            answer = "timeout before"
        else:
            status, answer = self._post_once(delivery)
            if trick == "timeout_after":
                status, answer = 0, f"{answer}, answer lost"
        acknowledged = None
        with self._lock:
            delivery.attempts += 1
            delivery.answer = answer
            if status in _OK:
                delivery.state = "delivered"
                acknowledged = delivery.envelope.acknowledged
            elif delivery.once:
                delivery.state = "refused"
            else:
                delivery.due = self._clock() + BACKOFF[min(delivery.attempts, len(BACKOFF)) - 1]
                self._push(delivery)
            self._busy.discard(delivery.envelope.lane)
            self._lock.notify_all()
        if acknowledged is not None:
            acknowledged()
        self.changed()

    def _post_once(self, delivery: Delivery) -> tuple[int, str]:
        secret = f"not {self._secret}" if delivery.forged else self._secret
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Ghala-Sandbox/1",
            **sign(self._scheme, secret, delivery.body, self._clock()),
        }
        try:
            status = self._transport(delivery.envelope.url, delivery.body, headers)
        except OSError as error:
            return 0, type(error).__name__
        return status, str(status)

    def log_json(self, last: int = 60) -> list[dict[str, object]]:
        """Return the newest deliveries first."""
        with self._lock:
            return [d.as_json() for d in list(self._log)[-last:][::-1]]

    def idle(self) -> bool:
        """Say whether nothing waits for delivery."""
        with self._lock:
            return not self._busy and all(e[2].state != "waiting" for e in self._waiting)

    def clear(self) -> None:
        """Forget everything undelivered, and the log."""
        with self._lock:
            for _, _, delivery in self._waiting:
                delivery.state = "dropped"
            self._waiting.clear()
            self._held.clear()
            self._log.clear()
