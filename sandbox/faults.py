"""The fault panel: what the sandbox does wrong on purpose, in which direction, and how often.

Directions out of the sandbox are webhooks (``messages``, ``statuses``, ``payments``); directions into it
are answers of the API (``send``, ``order``, ``query``; ``api`` stands for the three together).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.refusal import Refused

WEBHOOK_DIRECTIONS = ("messages", "statuses", "payments")
API_DIRECTIONS = ("send", "order", "query")
DIRECTIONS = (*WEBHOOK_DIRECTIONS, "api", *API_DIRECTIONS)

# kind -> (what ``value`` means there, its default)
WEBHOOK_KINDS = {
    "duplicate": ("copies", 2.0),
    "delay": ("seconds", 5.0),
    "reorder": ("seconds held at most", 3.0),
    "drop": ("", 0.0),
    "timeout_before": ("", 0.0),
    "timeout_after": ("", 0.0),
    "garbage": ("", 0.0),
    "bad_signature": ("", 0.0),
}
API_KINDS = {
    "duplicate": ("copies", 2.0),
    "delay": ("seconds", 5.0),
    "reorder": ("seconds held", 3.0),
    "drop": ("", 0.0),
    "error500": ("", 0.0),
    "error429": ("seconds to wait", 2.0),
    "timeout_before": ("seconds silent", 30.0),
    "timeout_after": ("seconds silent", 30.0),
    "ignore_idempotency": ("", 0.0),
    "garbage": ("", 0.0),
}
_LONGEST_SECONDS = 600.0
_MOST_COPIES = 10.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; ``value`` is seconds or copies, as the kind has it."""

    direction: str
    kind: str
    value: float


@dataclass(slots=True)
class _Rule:
    fault: Fault
    times: int | None  # None: always


def kinds_of(direction: str) -> dict[str, tuple[str, float]]:
    """Return the kinds that make sense in a direction."""
    return WEBHOOK_KINDS if direction in WEBHOOK_DIRECTIONS else API_KINDS


class FaultPanel:
    """The switched-on faults, one rule per direction and kind; safe to share between threads."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], _Rule] = {}
        self._lock = threading.Lock()

    def switch(self, direction: str, kind: str, times: int | None = 1, value: float | None = None) -> None:
        """Let ``kind`` happen the next ``times`` times (None: always; 0: switch it off).

        Raises:
            Refused: the direction or kind is unknown, or a number is out of range.
        """
        if direction not in DIRECTIONS:
            raise Refused(f"direction must be one of {', '.join(DIRECTIONS)}")
        kinds = kinds_of(direction)
        if kind not in kinds:
            raise Refused(f"kind must be one of {', '.join(kinds)} for {direction}")
        if times is not None and times < 0:
            raise Refused("times must be 0 or more, or null for always")
        top = _MOST_COPIES if kind == "duplicate" else _LONGEST_SECONDS
        amount = kinds[kind][1] if value is None else value
        if not 0 <= amount <= top:
            raise Refused(f"value must be between 0 and {top:g}")
        with self._lock:
            if times == 0:
                self._rules.pop((direction, kind), None)
            else:
                self._rules[direction, kind] = _Rule(Fault(direction, kind, amount), times)

    def take(self, direction: str) -> dict[str, Fault]:
        """Use up and return what goes wrong with the next thing in this direction, by kind."""
        names: Iterable[str] = (direction, "api") if direction in API_DIRECTIONS else (direction,)
        taken: dict[str, Fault] = {}
        with self._lock:
            for key, rule in list(self._rules.items()):
                if key[0] not in names or key[1] in taken:
                    continue
                taken[key[1]] = rule.fault
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times == 0:
                        del self._rules[key]
        return taken

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._rules.clear()

    def as_json(self) -> list[dict[str, object]]:
        """Return the rules in force; ``times`` is what is left, null for always."""
        with self._lock:
            return [
                {"direction": d, "kind": k, "times": rule.times, "value": rule.fault.value}
                for (d, k), rule in self._rules.items()
            ]
