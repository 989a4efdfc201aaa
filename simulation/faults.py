"""Everything that can go wrong, by name, and how often it does where a seed has it switched on.

Each kind is switched on with a probability of its own per seed, so that seeds differ in character;
an end switches everything off. Every injected fault is counted.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from typing import Final

ENABLED: Final = 0.3
"""The chance that a seed has a kind switched on."""

RATES: Final[dict[str, float]] = {
    # WhatsApp and its way to us
    "message.duplicate": 0.25,
    "message.new_delivery_id": 0.15,
    "message.delayed": 0.08,
    "message.reordered": 0.25,
    "message.stale": 0.02,
    "message.together": 0.2,
    "message.bad_signature": 0.15,
    "message.future_stamp": 0.08,
    "message.garbage": 0.08,
    "message.replayed": 0.1,
    "response.lost": 0.15,
    # Something on the way stands still, and then brings all it has at the same moment.
    "webhook.held_up": 0.05,
    "status.duplicate": 0.4,
    "status.reordered": 0.4,
    "status.lost": 0.3,
    "status.early": 0.4,
    "status.window_closed": 0.02,
    # Ghala taking messages
    "send.refused": 0.12,
    "send.throttled": 0.12,
    "send.pair_rate": 0.1,
    "send.server_error": 0.12,
    "send.garbage": 0.08,
    "send.timeout_before": 0.03,
    "send.timeout_after": 0.08,
    "send.slow": 0.15,
    "send.outage": 0.004,
    "send.unauthorised": 0.01,
    "send.window_refused": 0.02,
    "send.without_id": 0.15,
    # Ghala taking payments
    "order.refused": 0.10,
    "order.throttled": 0.08,
    "order.server_error": 0.08,
    "order.rejected": 0.03,
    "order.garbage": 0.05,
    "order.timeout_before": 0.06,
    "order.timeout_after": 0.10,
    "order.slow": 0.10,
    "order.callback_first": 0.15,
    "order.unauthorised": 0.03,
    "ask.refused": 0.10,
    "ask.server_error": 0.10,
    "ask.not_found": 0.06,
    "ask.garbage": 0.06,
    "ask.timeout": 0.08,
    "ask.still_processing": 0.2,
    # M-Pesa and the callbacks
    "mpesa.no_answer": 0.08,
    "mpesa.late_success": 0.08,
    "mpesa.busy": 0.06,
    "mpesa.wrong_amount": 0.04,
    "mpesa.wrong_currency": 0.02,
    "mpesa.paid_twice": 0.03,
    "mpesa.no_reference": 0.05,
    "mpesa.slow": 0.15,
    "callback.lost": 0.15,
    "callback.duplicate": 0.3,
    "callback.new_id": 0.2,
    "callback.delayed": 0.10,
    "callback.reordered": 0.2,
    "callback.alias": 0.3,
    "callback.without_ours": 0.3,
    "callback.contradiction": 0.04,
    "callback.pending": 0.2,
    "callback.other_event": 0.15,
    "callback.forged": 0.03,
    "callback.unknown_order": 0.06,
    # the database, Redis, the machine
    "db.outage": 0.0004,
    "db.busy": 0.008,
    "db.commit_failed": 0.008,
    "db.commit_unheard": 0.008,
    "db.slow": 0.03,
    "redis.outage": 0.0010,
    "redis.wiped": 0.0015,
    "bell.lost": 0.12,
    "bell.doubled": 0.2,
    "bell.delayed": 0.25,
    "bell.gathered": 0.5,
    "copy.lost": 0.25,
    "copy.stale": 0.25,
    "copy.garbage": 0.12,
    "copy.foreign": 0.1,
    "worker.paused": 0.003,
    "sweeper.late": 0.10,
    "pacing.waits": 0.12,
    "clock.forward": 0.02,
    "clock.backward": 0.02,
    "clock.web_skewed": 0.04,
    "process.killed": 0.01,
}
"""Fault kinds and the chance of each at every opportunity."""

CRASH_RATE: Final = 0.003
"""The chance of dying at a crash point that is switched on."""


class Faults:
    """The faults of one seed."""

    def __init__(self, rng: random.Random, kinds: Iterable[str] | None = None) -> None:
        self._rng = rng
        chosen = {kind: rng.random() < ENABLED for kind in RATES}
        if kinds is not None:
            wanted = set(kinds)
            chosen = {kind: kind in wanted for kind in RATES}
        self.enabled = {kind: RATES[kind] for kind in RATES if chosen[kind]}
        self.crashes: dict[str, bool] = {}
        self.counts: Counter[str] = Counter()
        self.crash_points: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.states: Counter[str] = Counter()
        self.on = True
        self._crashing = kinds is None

    def hit(self, kind: str) -> bool:
        """Whether this fault happens now."""
        rate = self.enabled.get(kind)
        if rate is None or not self.on or self._rng.random() >= rate:
            return False
        self.counts[kind] += 1
        return True

    def dies(self, point: str) -> bool:
        """Whether the process dies at this crash point now."""
        self.passed[point] += 1
        if not self.on or not self._crashing:
            return False
        if point not in self.crashes:
            self.crashes[point] = self._rng.random() < ENABLED
        if not self.crashes[point] or self._rng.random() >= CRASH_RATE:
            return False
        self.crash_points[point] += 1
        return True

    def reached(self, state: str) -> None:
        """Count a rare state, so that a run can show it was there."""
        self.states[state] += 1

    @property
    def total(self) -> int:
        """All injected faults, deaths included."""
        return self.counts.total() + self.crash_points.total()
